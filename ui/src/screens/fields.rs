//! Lines to fill in, one below the other, each with a word in front.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;

use super::popup;
use crate::app::World;
use crate::app::line::Line;
use crate::keymap::Key;
use crate::text;
use crate::theme::Slot;

/// Room for the words in front.
const WORD: u16 = 11;

/// Lines, of which one is typed into.
#[derive(Debug, Clone)]
pub struct Fields<const N: usize> {
    all: [(&'static str, Line); N],
    at: usize,
    /// Whether a person has typed anything.
    touched: bool,
}

impl<const N: usize> Fields<N> {
    /// Empty lines with these words in front.
    pub fn new(words: [&'static str; N]) -> Self {
        Fields { all: words.map(|word| (word, Line::default())), at: 0, touched: false }
    }

    /// What stands in the line with this place, without blanks around it.
    pub fn text(&self, at: usize) -> &str {
        self.all.get(at).map_or("", |(_, line)| line.text().trim())
    }

    /// Puts something into a line, unless a person was there before.
    pub fn offer(&mut self, at: usize, text: &str) {
        if let Some((_, line)) = self.all.get_mut(at).filter(|_| !self.touched) {
            line.set(text);
        }
    }

    /// Which line is typed into.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Takes a key: one that goes to another line, or one that is typed. False when it means nothing here.
    pub fn key(&mut self, key: Key) -> bool {
        match key.code() {
            KeyCode::Tab => self.at = (self.at + 1) % N.max(1),
            KeyCode::BackTab => self.at = (self.at + N.saturating_sub(1)) % N.max(1),
            _ => {
                let took = self.all.get_mut(self.at).is_some_and(|(_, line)| line.key(key));
                self.touched |= took;
                return took;
            }
        }
        true
    }

    /// Takes a pasted text.
    pub fn insert(&mut self, pasted: &str) {
        if let Some((_, line)) = self.all.get_mut(self.at) {
            line.insert(pasted);
            self.touched = true;
        }
    }

    /// Draws them, a row each.
    pub fn draw(&self, rows: &mut impl Iterator<Item = Rect>, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        for ((at, (word, line)), row) in self.all.iter().enumerate().zip(rows) {
            let current = at == self.at;
            let slot = if current { Slot::Accent } else { Slot::Muted };
            buf.set_span(row.x, row.y, &Span::styled(*word, theme.style(slot)), row.width);
            let skip = WORD.min(row.width);
            let field = Rect { x: row.x + skip, width: row.width - skip, ..row };
            if current {
                popup::input(field, buf, world, "", line);
            } else {
                let said = text::clean(line.text()).into_owned();
                Text::styled(said, theme.style(Slot::Text)).render(field, buf);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_never_takes_the_place_of_what_was_typed() {
        let mut fields = Fields::new(["to", "readers"]);
        fields.offer(0, "/srv");
        assert!(fields.key(Key::char('x')));
        fields.offer(0, "/elsewhere");
        fields.offer(1, "age1x");
        assert_eq!((fields.text(0), fields.text(1)), ("/srvx", ""));
        fields.key(Key::plain(KeyCode::Tab));
        fields.insert(" ada ");
        assert_eq!((fields.at(), fields.text(1)), (1, "ada"));
        fields.key(Key::plain(KeyCode::Tab));
        assert_eq!(fields.at(), 0, "round");
    }
}
