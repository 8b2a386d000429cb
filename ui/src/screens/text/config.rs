//! The configuration of a virtual cluster: its vcluster.yaml, secrets masked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::VclusterKey;

use super::Reader;
use crate::actions::ActionId;
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::{Cmd, Effects, Input, News, World};
use crate::panes::text::{Highlight, TextPane};

/// The configuration, read when it is looked at.
pub struct Configuration {
    key: VclusterKey,
    asked: Option<Ticket>,
    reader: Reader<TextPane>,
}

impl Configuration {
    /// Nothing is read yet.
    pub fn new(key: VclusterKey) -> Self {
        Self { key, asked: None, reader: Reader::new(TextPane::new(Highlight::Yaml)) }
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.reader.typing()
    }

    fn read(&mut self, out: &mut Effects) {
        self.forget(out);
        let VclusterKey { host, namespace, name } = self.key.clone();
        self.asked = Some(out.read(Read::Config { host, namespace, name }));
        self.reader.pane.wait("reading the configuration");
    }

    fn forget(&mut self, out: &mut Effects) {
        if let Some(asked) = self.asked.take() {
            out.cmd(Cmd::Forget(asked));
        }
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
            News::Left => self.forget(out),
            News::Reply(ticket, Reply::Text(text)) if self.asked == Some(*ticket) => {
                self.asked = None;
                match text {
                    Ok(text) => self.reader.pane.set(text, world.now),
                    Err(why) => self.reader.pane.fail(why),
                }
            }
            _ => {}
        }
    }

    /// Paints itself.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = self.reader.draw_prompt(area, buf, world);
        self.reader.pane.render(area, buf, &world.theme, world.now);
    }
}
