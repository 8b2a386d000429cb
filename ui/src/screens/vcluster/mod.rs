//! One virtual cluster: overview, pods, quota, events, logs, configuration, YAML, sync, leftovers, store, control plane.

mod control;
mod delete;
mod events;
mod open;
mod orphans;
mod overview;
mod pods;
mod quota;
mod store;
mod sync;
mod texts;

use std::sync::Arc;

use crossterm::event::{MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;
use smol_str::SmolStr;
use v9s::fleet::model::{Vcluster, VclusterKey};

use super::explain::ExplainScreen;
use super::tabs::Tabs;
use super::verb;
use crate::actions::{Action, ActionId, Scope};
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, Offer, World};
use crate::text;
use crate::theme::Slot;

pub use self::delete::DeletePods;
pub use self::open::{ENTRY, find};

/// What a tab may look at.
#[derive(Clone, Copy)]
struct Seen<'a> {
    /// The virtual cluster as it is now, or as it last was.
    vcluster: &'a Arc<Vcluster>,
    world: &'a World,
}

/// One tab of the screen.
trait Tab: Send {
    /// Its name in the row of tabs and behind `:vc NAME`.
    fn name(&self) -> &'static str;

    /// What stands behind the name, such as a count.
    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        let _ = seen;
        None
    }

    /// Which actions exist here.
    fn scopes(&self) -> &'static [Scope];

    fn typing(&self) -> bool {
        false
    }

    fn offer(&self, action: &Action, seen: Seen<'_>) -> Offer {
        let _ = (action, seen);
        Offer::Possible
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool;

    fn input(&mut self, input: &Input, seen: Seen<'_>, out: &mut Effects) -> bool {
        let _ = (input, seen, out);
        false
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        let _ = (news, seen, out);
    }

    /// Goes to a place behind the tab's name.
    fn go_to(&mut self, place: &str) {
        let _ = place;
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>);
}

/// Places that are a tab with something behind it: `previous` is the log before the last restart.
const PREVIOUS: &str = "previous";

/// The screen of one virtual cluster.
pub struct VclusterScreen {
    key: VclusterKey,
    /// As it is, or as it last was.
    vcluster: Arc<Vcluster>,
    gone: bool,
    tabs: Tabs,
    panes: Vec<Box<dyn Tab>>,
    /// Whether the open tab knows that it is seen.
    entered: bool,
}

impl VclusterScreen {
    /// The screen of a virtual cluster that is known.
    pub fn new(vcluster: Arc<Vcluster>, world: &World) -> Self {
        let key = vcluster.key.clone();
        let panes: Vec<Box<dyn Tab>> = vec![
            Box::new(overview::OverviewTab::default()),
            Box::new(pods::PodsTab::new()),
            Box::new(quota::QuotaTab::default()),
            Box::new(events::EventsTab::new()),
            Box::new(texts::LogsTab::new(&vcluster, world.config.logs)),
            Box::new(texts::ConfigTab::new(key.clone())),
            Box::new(texts::YamlTab::new(&vcluster)),
            Box::new(sync::SyncTab::default()),
            Box::new(orphans::OrphansTab::new(key.clone())),
            Box::new(store::StoreTab::default()),
            Box::new(control::ControlTab::default()),
        ];
        Self { key, vcluster, gone: false, tabs: Tabs::default(), panes, entered: false }
    }

    fn open_tab(&mut self, at: usize, world: &World, out: &mut Effects) {
        if at == self.tabs.at() || at >= self.panes.len() {
            return;
        }
        self.tell(&News::Left, world, out);
        self.tabs.open(at);
        self.tell(&News::Entered, world, out);
    }

    fn open_named(&mut self, name: &str, world: &World, out: &mut Effects) {
        if let Some(at) = self.panes.iter().position(|tab| tab.name() == name) {
            self.open_tab(at, world, out);
        }
    }

    fn tell(&mut self, news: &News, world: &World, out: &mut Effects) {
        let seen = Seen { vcluster: &self.vcluster, world };
        if let Some(tab) = self.panes.get_mut(self.tabs.at()) {
            tab.news(news, seen, out);
        }
    }

    fn look(&mut self, world: &World) {
        match world.fleet.find(&self.key) {
            Some(vcluster) => {
                self.vcluster = Arc::clone(vcluster);
                self.gone = false;
            }
            None => self.gone = world.arrived,
        }
    }

    fn tab(&self) -> &dyn Tab {
        self.panes[self.tabs.at()].as_ref()
    }

    fn draw_head(&self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let symbols = theme.symbols();
        let VclusterKey { host, namespace, name } = &self.key;
        let slot = Slot::from(self.vcluster.state);
        let (sign, word) = (symbols.of(slot), self.vcluster.state.word());
        let mut parts = vec![
            (format!(" {}", text::clean(name)), Slot::Title),
            (
                format!(
                    " {} {} @ {} {} ",
                    symbols.dot,
                    text::clean(namespace),
                    text::clean(host),
                    symbols.dot
                ),
                Slot::Muted,
            ),
        ];
        match (self.gone, self.vcluster.stale_since) {
            (true, _) => parts
                .push((format!("{} gone from the host; this is what it last was", symbols.warn), Slot::Warn)),
            (false, Some(_)) => parts.push((format!("{} {word} (stale)", symbols.stale), Slot::Stale)),
            (false, None) => parts.push((format!("{sign} {word}"), slot)),
        }
        let mut x = area.x;
        for (said, slot) in parts {
            let room = area.right().saturating_sub(x);
            (x, _) = buf.set_span(x, area.y, &Span::styled(said, theme.style(slot)), room);
        }
    }
}

impl Layer for VclusterScreen {
    fn address(&self) -> Address {
        let VclusterKey { host, namespace, name } = &self.key;
        Address { screen: "vc", argument: format!("{host}/{namespace}/{name}").into() }
    }

    fn place(&self) -> SmolStr {
        self.tab().name().into()
    }

    fn go_to(&mut self, place: &str) {
        let name = if place == PREVIOUS { "logs" } else { place };
        if let Some(at) = self.panes.iter().position(|tab| tab.name() == name) {
            self.tabs.open(at);
            self.panes[at].go_to(place);
        }
    }

    fn title(&self, _: &World) -> String {
        self.key.name.to_string()
    }

    fn scopes(&self) -> &'static [Scope] {
        self.tab().scopes()
    }

    fn typing(&self) -> bool {
        self.tab().typing()
    }

    fn offer(&self, action: &Action, world: &World) -> Offer {
        if action.scope == Scope::Tabs {
            let number = self.tabs.target(action.id, self.panes.len());
            return if number.is_some() { Offer::Possible } else { Offer::Absent };
        }
        if verb::is_verb(action) {
            return match verb::offer(action, &self.vcluster, world) {
                Offer::Possible if self.gone && action.id != ActionId::Delete => {
                    Offer::Impossible("it is gone from the host".into())
                }
                offer => offer,
            };
        }
        self.tab().offer(action, Seen { vcluster: &self.vcluster, world })
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        if let Some(tab) = self.tabs.target(action, self.panes.len()) {
            self.open_tab(tab, world, out);
            return true;
        }
        if verb::act(action, &self.vcluster, out) {
            return true;
        }
        let seen = Seen { vcluster: &self.vcluster, world };
        if self.panes[self.tabs.at()].act(action, seen, out) {
            return true;
        }
        // What a tab has no row for means the virtual cluster itself.
        match action {
            ActionId::Describe => self.open_named("overview", world, out),
            ActionId::Yaml => self.open_named("yaml", world, out),
            ActionId::Orphans => self.open_named("orphans", world, out),
            ActionId::Logs | ActionId::PreviousLogs => {
                let previous = action == ActionId::PreviousLogs;
                if let Some(logs) = self.panes.iter_mut().find(|tab| tab.name() == "logs") {
                    logs.go_to(if previous { PREVIOUS } else { "logs" });
                }
                self.open_named("logs", world, out);
            }
            ActionId::Explain => {
                out.push(Effect::Open(Box::new(ExplainScreen::control_plane(self.key.clone()))));
            }
            ActionId::CopyName => {
                out.cmd(Cmd::Copy { text: self.key.name.to_string(), what: self.key.name.to_string() })
            }
            _ => return false,
        }
        true
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        if let Input::Mouse(event) = input
            && event.kind == MouseEventKind::Down(MouseButton::Left)
            && let Some(tab) = self.tabs.hit(Position { x: event.column, y: event.row })
        {
            self.open_tab(tab, world, out);
            return true;
        }
        let seen = Seen { vcluster: &self.vcluster, world };
        self.panes[self.tabs.at()].input(input, seen, out)
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match news {
            News::Entered => {
                self.look(world);
                let VclusterKey { host, namespace, .. } = self.key.clone();
                if world.access(&host, &namespace).is_none() {
                    out.cmd(Cmd::Access { host, namespace });
                }
                self.entered = true;
            }
            News::Left => self.entered = false,
            News::Fleet => self.look(world),
            News::Tick | News::Access | News::Connections | News::Reply(..) => {}
        }
        self.tell(news, world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let mut rows = area.rows();
        let (Some(head), Some(tabs)) = (rows.next(), rows.next()) else { return };
        self.draw_head(head, buf, world);
        let seen = Seen { vcluster: &self.vcluster, world };
        let names: Vec<String> = self
            .panes
            .iter()
            .map(|tab| match tab.badge(seen) {
                Some(badge) => format!("{} {badge}", tab.name()),
                None => tab.name().to_owned(),
            })
            .collect();
        self.tabs.draw(tabs, buf, world, &names);
        let body = Rect { y: area.y + 2, height: area.height - 2, ..area };
        self.panes[self.tabs.at()].draw(body, buf, seen);
    }
}
