//! What this virtual cluster has left on its host, and what of it could not be told.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::VclusterKey;
use v9s::known::Known;

use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::{Effects, Input, News, Offer};
use crate::screens::orphans::board::Board;

/// The board of one virtual cluster.
pub struct OrphansTab {
    board: Board,
}

impl OrphansTab {
    /// Nothing is looked at before it is seen.
    pub fn new(key: VclusterKey) -> Self {
        OrphansTab { board: Board::new(Some(key)) }
    }
}

impl Tab for OrphansTab {
    fn name(&self) -> &'static str {
        "orphans"
    }

    /// What was found here, or what its companion tells.
    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        let told = match &seen.vcluster.orphans {
            Known::Yes(count) => Some(*count as usize),
            Known::No(_) | Known::NotApplicable => None,
        };
        self.board.proven().or(told).filter(|count| *count > 0).map(|count| count.to_string())
    }

    fn scopes(&self) -> &'static [Scope] {
        &[
            Scope::Moving,
            Scope::Tabs,
            Scope::List,
            Scope::Object,
            Scope::Vcluster,
            Scope::Whole,
            Scope::Orphans,
        ]
    }

    fn typing(&self) -> bool {
        self.board.typing()
    }

    fn offer(&self, action: &Action, seen: Seen<'_>) -> Offer {
        self.board.offer(action, seen.world)
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        self.board.act(action, seen.world, out)
    }

    fn input(&mut self, input: &Input, seen: Seen<'_>, out: &mut Effects) -> bool {
        self.board.input(input, seen.world, out)
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        self.board.news(news, seen.world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        self.board.draw(area, buf, seen.world);
    }
}
