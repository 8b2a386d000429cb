//! One frame: header, screen, popups, the line for messages and the line for hints.

mod header;
mod hints;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Widget};

use super::messages::Level;
use super::state::{SMALLEST, State};
use super::world::World;
use crate::text;
use crate::theme::Slot;

impl State {
    /// Paints the whole screen.
    pub fn draw(&mut self, frame: &mut Frame) {
        let area = frame.area();
        self.paint(area, frame.buffer_mut());
    }

    /// Paints the whole screen into a buffer.
    pub fn paint(&mut self, area: Rect, buf: &mut Buffer) {
        Block::new().style(self.world.theme.style(Slot::Text)).render(area, buf);
        if area.width < SMALLEST.width || area.height < SMALLEST.height {
            return too_small(area, buf, &self.world);
        }
        let header = u16::from(self.world.header);
        let [head, body, said, hint] = Layout::vertical([
            Constraint::Length(header),
            Constraint::Fill(1),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        header::paint(head, buf, &self.world);
        self.stack.top_mut().draw(body, buf, &self.world);
        for popup in &mut self.popups {
            popup.draw(body, buf, &self.world);
        }
        message(said, buf, &self.world);
        hints::paint(hint, buf, self);
    }
}

fn too_small(area: Rect, buf: &mut Buffer, world: &World) {
    let (width, height) = (SMALLEST.width, SMALLEST.height);
    let text = format!("v9s needs {width}x{height}, this is {}x{}; q leaves", area.width, area.height);
    Paragraph::new(text)
        .wrap(ratatui::widgets::Wrap { trim: true })
        .style(world.theme.style(Slot::Warn))
        .render(area, buf);
}

/// The newest message; when there is none, what the person must know about the limits of the view.
fn message(area: Rect, buf: &mut Buffer, world: &World) {
    let symbols = world.theme.symbols();
    let (slot, said) = match world.messages.current(world.now) {
        Some(message) => {
            let slot = match message.level {
                Level::Info => Slot::Info,
                Level::Warning => Slot::Warn,
                Level::Error => Slot::Err,
            };
            let times = if message.times > 1 { format!(" (x{})", message.times) } else { String::new() };
            (slot, format!("{}{times}", message.text))
        }
        None => match note(world) {
            Some(note) => (Slot::Warn, note),
            None => return,
        },
    };
    let room = usize::from(area.width).saturating_sub(3);
    let said = text::clean(&said).into_owned();
    let style = world.theme.style(slot);
    Line::from(vec![
        Span::styled(format!(" {} ", symbols.of(slot)), style),
        Span::styled(text::cut_end(&said, room, symbols.ellipsis).into_owned(), style),
    ])
    .render(area, buf);
}

/// The notes of all hosts in one line, named when there are several hosts.
fn note(world: &World) -> Option<String> {
    let many = world.fleet.hosts.len() > 1;
    let notes: Vec<String> = world
        .fleet
        .hosts
        .iter()
        .flat_map(|host| {
            host.notes
                .iter()
                .map(move |note| if many { format!("{}: {note}", host.context) } else { note.to_string() })
        })
        .collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}
