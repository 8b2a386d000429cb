//! Pods of the control plane and of the tenant, and deleting them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::cluster::{ObjectRef, Resource, Uid};
use v9s::fleet::model::{PodRow, VclusterKey};

use super::delete;
use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::reads::Puzzle;
use crate::app::{Effect, Effects, Input, News, Offer};
use crate::filter::Language;
use crate::format;
use crate::panes::pods::columns::COLUMNS;
use crate::panes::pods::{LANGUAGE, Pods, emptiness, is_fault, render_head};
use crate::screens::explain::ExplainScreen;
use crate::screens::list::{Item, List, Rows};
use crate::screens::text::logs::LogsScreen;
use crate::screens::text::yaml::YamlScreen;

impl Item for PodRow {
    type Key = Uid;

    fn key(&self) -> Uid {
        self.uid.clone()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_fault(&self) -> bool {
        is_fault(self)
    }

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

/// The pods.
pub struct PodsTab {
    list: List<PodRow>,
    pods: Pods,
}

impl PodsTab {
    /// Worst first.
    pub fn new() -> Self {
        Self { list: List::new("Pods", COLUMNS, "status"), pods: Pods::default() }
    }

    fn logs(&self, previous: bool, seen: Seen<'_>, out: &mut Effects) {
        let rows = self.pods.rows();
        let Some(pod) = self.list.current(Rows { all: &rows, revision: self.pods.revision() }) else {
            return;
        };
        let (host, settings) = (seen.vcluster.key.host.clone(), seen.world.config.logs);
        let screen = LogsScreen::new(host, pod.namespace.clone(), pod.name.clone(), previous, settings);
        out.push(Effect::Open(Box::new(screen)));
    }

    fn yaml(&self, seen: Seen<'_>, out: &mut Effects) {
        let rows = self.pods.rows();
        let Some(pod) = self.list.current(Rows { all: &rows, revision: self.pods.revision() }) else {
            return;
        };
        let object = ObjectRef::namespaced(Resource::PODS, pod.namespace.clone(), pod.name.clone());
        out.push(Effect::Open(Box::new(YamlScreen::new(seen.vcluster.key.host.clone(), object))));
    }

    fn explain(&self, seen: Seen<'_>, out: &mut Effects) {
        let rows = self.pods.rows();
        let Some(pod) = self.list.current(Rows { all: &rows, revision: self.pods.revision() }) else {
            return;
        };
        let host = seen.vcluster.key.host.clone();
        let puzzle = Puzzle::Pod { host, namespace: pod.namespace.clone(), pod: pod.name.clone() };
        out.push(Effect::Open(Box::new(ExplainScreen::new(puzzle))));
    }

    fn delete(&self, seen: Seen<'_>, out: &mut Effects) {
        let all = self.pods.rows();
        let rows = Rows { all: &all, revision: self.pods.revision() };
        let chosen: Vec<PodRow> = self.list.chosen(rows).into_iter().cloned().collect();
        if !chosen.is_empty() {
            let hidden = self.list.hidden_marks(rows);
            out.push(Effect::Popup(Box::new(delete::dialog(seen.vcluster, chosen, hidden, seen.world))));
        }
    }
}

impl Tab for PodsTab {
    fn name(&self) -> &'static str {
        "pods"
    }

    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        seen.vcluster.synced.get().map(|pods| format::count(u64::from(pods.total)))
    }

    fn scopes(&self) -> &'static [Scope] {
        &[
            Scope::Moving,
            Scope::Tabs,
            Scope::List,
            Scope::Object,
            Scope::Vcluster,
            Scope::Pods,
            Scope::Residue,
        ]
    }

    fn typing(&self) -> bool {
        self.list.typing()
    }

    fn offer(&self, action: &Action, seen: Seen<'_>) -> Offer {
        let VclusterKey { host, namespace, .. } = &seen.vcluster.key;
        match seen.world.permits(action, host, namespace) {
            Offer::Possible => {}
            refused => return refused,
        }
        let rows = self.pods.rows();
        let none = self.list.current(Rows { all: &rows, revision: self.pods.revision() }).is_none();
        let needs_pod = matches!(
            action.id,
            ActionId::Open
                | ActionId::Yaml
                | ActionId::Logs
                | ActionId::PreviousLogs
                | ActionId::Explain
                | ActionId::DeletePod
        );
        if needs_pod && none { Offer::Impossible("there is no pod".into()) } else { Offer::Possible }
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        match action {
            ActionId::Open | ActionId::Logs => self.logs(false, seen, out),
            ActionId::PreviousLogs => self.logs(true, seen, out),
            ActionId::Yaml => self.yaml(seen, out),
            ActionId::Explain => self.explain(seen, out),
            ActionId::DeletePod => self.delete(seen, out),
            _ => {
                let all = self.pods.rows();
                let rows = Rows { all: &all, revision: self.pods.revision() };
                return self.list.act(action, rows, seen.world, out);
            }
        }
        true
    }

    fn input(&mut self, input: &Input, seen: Seen<'_>, out: &mut Effects) -> bool {
        let all = self.pods.rows();
        let rows = Rows { all: &all, revision: self.pods.revision() };
        self.list.input(input, rows, seen.world, out)
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, _: &mut Effects) {
        if matches!(news, News::Entered | News::Fleet) {
            self.pods.update(seen.vcluster);
            let all = self.pods.rows();
            self.list.sync(Rows { all: &all, revision: self.pods.revision() }, seen.world.now);
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let (world, head) = (seen.world, Rect { height: area.height.min(1), ..area });
        render_head(seen.vcluster, head, buf, &world.theme, world.now);
        let body = Rect { y: head.bottom(), height: area.height - head.height, ..area };
        let all = self.pods.rows();
        let rows = Rows { all: &all, revision: self.pods.revision() };
        self.list.draw(body, buf, world, rows, emptiness(seen.vcluster));
    }
}
