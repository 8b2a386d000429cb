//! What virtual clusters have left on their hosts, of all tenants: each with its proof; what is chosen is collected from here.

pub mod board;
pub mod evidence;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::board::Board;
use crate::actions::{Action, ActionId, Scope};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effects, Input, Layer, News, Offer, World};

/// All of them.
pub const ENTRY: Entry = Entry {
    name: "orphans",
    aliases: &["gc", "leftovers"],
    title: "what virtual clusters have left on their hosts, with proof",
    argument: "/FILTER",
    open: |opening| {
        let mut board = Board::new(None);
        if let Some(typed) = opening.argument.strip_prefix('/') {
            board.set_filter(typed);
        }
        Ok(Opened::Screen(Box::new(OrphanScreen { board })))
    },
    complete: no_completion,
};

/// The board of all hosts that are watched.
struct OrphanScreen {
    board: Board,
}

impl Layer for OrphanScreen {
    fn address(&self) -> Address {
        Address::of("orphans")
    }

    fn title(&self, _: &World) -> String {
        "orphans".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::List, Scope::Object, Scope::Orphans]
    }

    fn typing(&self) -> bool {
        self.board.typing()
    }

    fn offer(&self, action: &Action, world: &World) -> Offer {
        self.board.offer(action, world)
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        self.board.act(action, world, out)
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        self.board.input(input, world, out)
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        self.board.news(news, world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        self.board.draw(area, buf, world);
    }
}
