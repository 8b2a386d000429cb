//! Every key of every quota.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::known::Known;

use super::overview::{page_offer, wheel};
use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::messages::Level;
use crate::app::{Cmd, Effects, Input, Offer};
use crate::format;
use crate::panes::quota::QuotaPane;
use crate::screens::text::step;

/// The quotas.
#[derive(Default)]
pub struct QuotaTab {
    pane: QuotaPane,
}

impl Tab for QuotaTab {
    fn name(&self) -> &'static str {
        "quota"
    }

    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        seen.vcluster.quota.get()?.worst()?.ratio.map(format::percent)
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
            ActionId::CopyRow => match &seen.vcluster.quota {
                Known::Yes(quota) => {
                    out.cmd(Cmd::Copy { text: QuotaPane::text(quota), what: "the quotas".to_owned() });
                }
                Known::No(_) | Known::NotApplicable => out.say(Level::Info, "there is no quota to copy"),
            },
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
        self.pane.render(seen.vcluster, area, buf, &seen.world.theme, seen.world.now);
    }
}
