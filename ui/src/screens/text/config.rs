//! The configuration of a virtual cluster: its vcluster.yaml, secrets masked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::VclusterKey;

use super::Reader;
use crate::actions::ActionId;
use crate::app::reads::{Read, Reply};
use crate::app::{Asked, Effects, Input, News, World};
use crate::panes::text::{Highlight, TextPane};

/// The configuration, read when it is looked at.
pub struct Configuration {
    key: VclusterKey,
    asked: Asked,
    reader: Reader<TextPane>,
}

impl Configuration {
    /// Nothing is read yet.
    pub fn new(key: VclusterKey) -> Self {
        Self { key, asked: Asked::default(), reader: Reader::new(TextPane::new(Highlight::Yaml)) }
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.reader.typing()
    }

    fn read(&mut self, out: &mut Effects) {
        let VclusterKey { host, namespace, name } = self.key.clone();
        self.asked.ask(Read::Config { host, namespace, name }, out);
        self.reader.pane.wait("reading the configuration");
    }

    /// Does an action.
    pub fn act(&mut self, action: ActionId, out: &mut Effects) -> bool {
        match action {
            ActionId::Refresh => {
                self.read(out);
                true
            }
            _ => self.reader.act(action, &format!("{}-vcluster.yaml", self.key.name), out),
        }
    }

    /// Takes what is typed, and the wheel.
    pub fn input(&mut self, input: &Input) -> bool {
        self.reader.input(input)
    }

    /// Reads when it comes into view, and takes the answer.
    pub fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match news {
            News::Entered => self.read(out),
            News::Left => self.asked.forget(out),
            News::Reply(ticket, Reply::Text(text)) if self.asked.take(*ticket) => match text {
                Ok(text) => self.reader.pane.set(text, world.now),
                Err(why) => self.reader.pane.fail(why),
            },
            _ => {}
        }
    }

    /// Paints itself.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = self.reader.draw_prompt(area, buf, world);
        self.reader.pane.render(area, buf, &world.theme, world.now);
    }
}
