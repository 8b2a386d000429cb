//! All that proves one leftover, or what is missing to prove it: what a row has no room for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::gc::Survey;

use crate::actions::{ActionId, Scope};
use crate::app::{Address, Effects, Input, Layer, World};
use crate::panes::leftovers::{self, Row};
use crate::panes::text::{Highlight, TextPane};
use crate::screens::popup;
use crate::screens::text::Reader;

/// The evidence as it was when it was opened.
pub struct EvidenceScreen {
    address: Address,
    title: String,
    reader: Reader<TextPane>,
}

impl EvidenceScreen {
    /// Of a row, as its host has told it. Proofs are sentences: long lines are broken.
    pub fn new(row: &Row, survey: &Survey, world: &World) -> Self {
        let mut pane = TextPane::new(Highlight::Plain);
        pane.toggle_wrap();
        pane.set(&leftovers::text(row, survey, world.now), world.now);
        let what = if row.name.is_empty() { &row.was } else { &row.name };
        EvidenceScreen {
            address: Address { screen: "evidence", argument: format!("{}/{}", row.host, row.id).into() },
            title: format!("Evidence: {} {what} @ {}", row.kind, row.host),
            reader: Reader::new(pane),
        }
    }
}

impl Layer for EvidenceScreen {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn title(&self, _: &World) -> String {
        self.title.clone()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Text]
    }

    fn typing(&self) -> bool {
        self.reader.typing()
    }

    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        self.reader.act(action, "evidence.txt", out)
    }

    fn input(&mut self, input: &Input, _: &World, _: &mut Effects) -> bool {
        self.reader.input(input)
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = popup::title_line(area, buf, world, &self.title);
        let area = self.reader.draw_prompt(area, buf, world);
        self.reader.pane.render(area, buf, &world.theme, world.now);
    }
}
