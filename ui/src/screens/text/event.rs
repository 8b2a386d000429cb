//! One event in full: what a row of the list has no room for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use super::Reader;
use crate::actions::{ActionId, Scope};
use crate::app::{Address, Effects, Input, Layer, World};
use crate::panes::events::{self, Event};
use crate::panes::text::{Highlight, TextPane};
use crate::screens::popup;

/// An event as it was when it was opened.
pub struct EventScreen {
    host: SmolStr,
    event: Event,
    reader: Reader<TextPane>,
}

impl EventScreen {
    /// The event of a host. Messages are sentences: long lines are broken.
    pub fn new(host: SmolStr, event: Event, world: &World) -> Self {
        let mut pane = TextPane::new(Highlight::Plain);
        pane.toggle_wrap();
        pane.set(&events::text(&event), world.now);
        Self { host, event, reader: Reader::new(pane) }
    }
}

impl Layer for EventScreen {
    fn address(&self) -> Address {
        Address { screen: "event", argument: format!("{}/{}", self.host, self.event.uid).into() }
    }

    fn title(&self, _: &World) -> String {
        format!("Event {} of {} @ {}", self.event.reason, self.event.object, self.host)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Text]
    }

    fn typing(&self) -> bool {
        self.reader.typing()
    }

    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        self.reader.act(action, "event.txt", out)
    }

    fn input(&mut self, input: &Input, _: &World, _: &mut Effects) -> bool {
        self.reader.input(input)
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = popup::title_line(area, buf, world, &self.title(world));
        let area = self.reader.draw_prompt(area, buf, world);
        self.reader.pane.render(area, buf, &world.theme, world.now);
    }
}
