//! Leaving v9s asks once.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Widget;

use super::popup;
use crate::actions::{ActionId, Scope};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, World};
use crate::keymap::Key;
use crate::theme::Slot;

/// The question.
pub const ENTRY: Entry = Entry {
    name: "quit",
    aliases: &["q", "q!", "exit"],
    title: "leave v9s",
    argument: "",
    open: |_| Ok(Opened::Popup(Box::new(Quit))),
    complete: no_completion,
};

struct Quit;

impl Layer for Quit {
    fn address(&self) -> Address {
        Address::of("quit")
    }

    fn title(&self, _: &World) -> String {
        "leave v9s?".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "leave"), ("ctrl-c", "leave"), ("esc", "stay")]
    }

    /// The key that asked, pressed again, means it.
    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        let leaves = matches!(action, ActionId::Exit | ActionId::Quit);
        if leaves {
            out.push(Effect::Exit);
        }
        leaves
    }

    fn input(&mut self, input: &Input, _: &World, out: &mut Effects) -> bool {
        let Input::Key(key) = input else { return true };
        match key.code() {
            KeyCode::Char('y' | 'Y') if key.typed().is_some() => out.push(Effect::Exit),
            KeyCode::Enter | KeyCode::Esc => out.push(Effect::Close),
            KeyCode::Char('n') if *key == Key::char('n') => out.push(Effect::Close),
            _ => return false,
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let running = world.jobs.running();
        let lines = match running {
            0 => vec!["y leaves, esc stays".to_owned()],
            1 => vec!["a job is running and would be cut off".to_owned(), "y leaves, esc stays".to_owned()],
            n => vec![format!("{n} jobs are running and would be cut off"), "y leaves, esc stays".to_owned()],
        };
        let height = u16::try_from(lines.len()).unwrap_or(2) + 2;
        let inside = popup::frame(popup::centered(area, 44, height), buf, world, "leave v9s?", Slot::Warn);
        let slot = if running > 0 { Slot::Warn } else { Slot::Text };
        for (line, row) in lines.into_iter().zip(inside.rows()) {
            Text::styled(line, world.theme.style(slot)).render(row, buf);
        }
    }
}
