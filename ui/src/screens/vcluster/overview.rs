//! What is wrong first, and what to press.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::{Cmd, Effects, Input, Offer};
use crate::panes::Move;
use crate::panes::overview::{Overview, Remedy};
use crate::screens::text::step;

/// The overview.
#[derive(Default)]
pub struct OverviewTab {
    pane: Overview,
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

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let keymap = &seen.world.config.keymap;
        let keys = |remedy: Remedy| {
            let action = match remedy {
                Remedy::Logs => ActionId::Logs,
                Remedy::PreviousLogs => ActionId::PreviousLogs,
                Remedy::Pods => ActionId::Tab2,
                Remedy::Sync => ActionId::Tab8,
                Remedy::Store => ActionId::Tab10,
                Remedy::Quota => ActionId::Tab3,
                Remedy::Events => ActionId::Tab4,
                Remedy::Yaml => ActionId::Yaml,
            };
            Some(keymap.label(action)).filter(|label| !label.is_empty())
        };
        self.pane.render(seen.vcluster, &keys, area, buf, &seen.world.theme, seen.world.now);
    }
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
