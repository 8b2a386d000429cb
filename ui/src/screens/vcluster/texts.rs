//! The tabs that are texts: logs, configuration, YAML.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::cluster::{ObjectRef, Resource};
use v9s::fleet::model::{Vcluster, VclusterKey, Workload};

use super::{PREVIOUS, Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::{Effects, Input, News, Offer};
use crate::config::LogSettings;
use crate::screens::text::config::Configuration;
use crate::screens::text::logs::Logs;
use crate::screens::text::yaml::Yaml;

/// Logs of the control plane.
pub struct LogsTab {
    logs: Logs,
}

impl LogsTab {
    /// Nothing is read yet.
    pub fn new(vcluster: &Vcluster, settings: LogSettings) -> Self {
        let VclusterKey { host, namespace, .. } = vcluster.key.clone();
        Self { logs: Logs::new(host, namespace, pods(vcluster), false, settings) }
    }
}

fn pods(vcluster: &Vcluster) -> Vec<SmolStr> {
    vcluster.control_plane.iter().map(|pod| pod.name.clone()).collect()
}

impl Tab for LogsTab {
    fn name(&self) -> &'static str {
        "logs"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Tabs, Scope::Text, Scope::Logs, Scope::Vcluster, Scope::Whole]
    }

    fn typing(&self) -> bool {
        self.logs.typing()
    }

    fn offer(&self, action: &Action, _: Seen<'_>) -> Offer {
        self.logs.offer(action)
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        self.logs.act(action, seen.world, out)
    }

    fn input(&mut self, input: &Input, _: Seen<'_>, _: &mut Effects) -> bool {
        self.logs.input(input)
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        self.logs.set_pods(pods(seen.vcluster), out);
        self.logs.news(news, seen.world, out);
    }

    fn go_to(&mut self, place: &str) {
        self.logs.set_previous(place == PREVIOUS);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        self.logs.draw(area, buf, seen.world);
    }
}

/// The vcluster.yaml.
pub struct ConfigTab {
    configuration: Configuration,
}

impl ConfigTab {
    /// Nothing is read yet.
    pub fn new(key: VclusterKey) -> Self {
        Self { configuration: Configuration::new(key) }
    }
}

impl Tab for ConfigTab {
    fn name(&self) -> &'static str {
        "config"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Tabs, Scope::Text, Scope::Vcluster, Scope::Whole]
    }

    fn typing(&self) -> bool {
        self.configuration.typing()
    }

    fn act(&mut self, action: ActionId, _: Seen<'_>, out: &mut Effects) -> bool {
        self.configuration.act(action, out)
    }

    fn input(&mut self, input: &Input, _: Seen<'_>, _: &mut Effects) -> bool {
        self.configuration.input(input)
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        self.configuration.news(news, seen.world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        self.configuration.draw(area, buf, seen.world);
    }
}

/// The workload as YAML.
pub struct YamlTab {
    yaml: Yaml,
}

impl YamlTab {
    /// Nothing is read yet.
    pub fn new(vcluster: &Vcluster) -> Self {
        let VclusterKey { host, namespace, name } = vcluster.key.clone();
        let resource = match vcluster.workload {
            Workload::StatefulSet => Resource::STATEFUL_SETS,
            Workload::Deployment => Resource::DEPLOYMENTS,
        };
        Self { yaml: Yaml::new(host, ObjectRef::namespaced(resource, namespace, name)) }
    }
}

impl Tab for YamlTab {
    fn name(&self) -> &'static str {
        "yaml"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Tabs, Scope::Text, Scope::Yaml, Scope::Vcluster, Scope::Whole]
    }

    fn typing(&self) -> bool {
        self.yaml.typing()
    }

    fn act(&mut self, action: ActionId, _: Seen<'_>, out: &mut Effects) -> bool {
        self.yaml.act(action, out)
    }

    fn input(&mut self, input: &Input, _: Seen<'_>, _: &mut Effects) -> bool {
        self.yaml.input(input)
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        self.yaml.news(news, seen.world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        self.yaml.draw(area, buf, seen.world);
    }
}
