//! How it is kept in step with its host.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::overview::{page_offer, wheel};
use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::{Cmd, Effects, Input, Offer};
use crate::format;
use crate::panes::sync::SyncPane;
use crate::screens::text::step;

/// The sync.
#[derive(Default)]
pub struct SyncTab {
    pane: SyncPane,
}

impl Tab for SyncTab {
    fn name(&self) -> &'static str {
        "sync"
    }

    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        seen.vcluster.lag.get().map(|lag| format::measured(lag.p99))
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
                let world = seen.world;
                let text = SyncPane::text(seen.vcluster, &world.config.thresholds, world.now);
                out.cmd(Cmd::Copy { text, what: "how it is synced".to_owned() });
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
        let world = seen.world;
        self.pane.render(seen.vcluster, &world.config.thresholds, area, buf, &world.theme, world.now);
    }
}
