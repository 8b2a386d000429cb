//! What is wrong first, and what to press.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::VclusterKey;

use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Need, Scope};
use crate::app::reads::{Read, Reply};
use crate::app::{Asked, Cmd, Effects, Input, News, Offer, World};
use crate::panes::Move;
use crate::panes::overview::{Overview, Remedy};
use crate::screens::text::step;

/// What it takes to read certificates.
const SECRETS: Need = Need { verb: "get", group: "", resource: "secrets" };

/// The overview.
#[derive(Default)]
pub struct OverviewTab {
    pane: Overview,
    asked: Asked,
}

impl OverviewTab {
    /// Asks when its certificates end, where nothing that is watched tells it and one may read them.
    fn look(&mut self, seen: Seen<'_>, out: &mut Effects) {
        let Seen { vcluster, world } = seen;
        let VclusterKey { host, namespace, .. } = &vcluster.key;
        let wanted = !self.asked.waits() && world.ends.wanted(vcluster, world.now);
        if wanted && world.may(SECRETS, host, namespace) {
            self.asked.ask(Read::Certificates(vcluster.key.clone()), out);
        }
    }
}

impl Tab for OverviewTab {
    fn name(&self) -> &'static str {
        "overview"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[
            Scope::Moving,
            Scope::Tabs,
            Scope::List,
            Scope::Object,
            Scope::Vcluster,
            Scope::Whole,
            Scope::Residue,
        ]
    }

    fn offer(&self, action: &Action, _: Seen<'_>) -> Offer {
        page_offer(action)
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        match action {
            ActionId::CopyRow => {
                let text = Overview::text(seen.vcluster, seen.world.now);
                out.cmd(Cmd::Copy { text, what: "the overview".to_owned() });
            }
            _ => match step(action) {
                Some(step) => self.pane.go(step),
                None => return false,
            },
        }
        true
    }

    fn input(&mut self, input: &Input, _: Seen<'_>, _: &mut Effects) -> bool {
        wheel(input, |step| self.pane.go(step))
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        match news {
            News::Entered | News::Access | News::Tick => self.look(seen, out),
            News::Left => self.asked.forget(out),
            News::Reply(ticket, Reply::Certificates(..)) => {
                self.asked.take(*ticket);
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let keys = |remedy: Remedy| key_of(remedy, seen.world);
        self.pane.render(seen.vcluster, &keys, area, buf, &seen.world.theme, seen.world.now);
    }
}

/// The key that leads to a remedy, if there is one.
pub(super) fn key_of(remedy: Remedy, world: &World) -> Option<String> {
    let action = match remedy {
        Remedy::Logs => ActionId::Logs,
        Remedy::PreviousLogs => ActionId::PreviousLogs,
        Remedy::Pods => ActionId::Tab2,
        Remedy::Sync => ActionId::Tab8,
        Remedy::Store => ActionId::Tab10,
        Remedy::Control => ActionId::Tab11,
        Remedy::Quota => ActionId::Tab3,
        Remedy::Events => ActionId::Tab4,
        Remedy::Yaml => ActionId::Yaml,
        Remedy::Certificates => ActionId::Certificates,
    };
    Some(world.config.keymap.label(action)).filter(|label| !label.is_empty())
}

/// A page is no list: of a list's actions it has only copying.
pub(super) fn page_offer(action: &Action) -> Offer {
    match (action.scope, action.id) {
        (Scope::List, ActionId::CopyName | ActionId::CopyRow) => Offer::Possible,
        (Scope::List, _) => Offer::Absent,
        _ => Offer::Possible,
    }
}

/// The wheel moves a page by three rows.
pub(super) fn wheel(input: &Input, mut go: impl FnMut(Move)) -> bool {
    use crossterm::event::MouseEventKind;
    let Input::Mouse(event) = input else { return false };
    let step = match event.kind {
        MouseEventKind::ScrollUp => Move::Up,
        MouseEventKind::ScrollDown => Move::Down,
        _ => return false,
    };
    (0..3).for_each(|_| go(step));
    true
}
