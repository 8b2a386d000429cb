//! One line of text that is being typed.

use crossterm::event::KeyCode;
use unicode_segmentation::UnicodeSegmentation;

use crate::keymap::Key;
use crate::text;

/// Longest line that is taken, in bytes: a paste by mistake must not hang anything.
const LONGEST: usize = 4096;

/// One line of text and where the cursor is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// Byte offset, always between two graphemes.
    at: usize,
}

impl Line {
    /// A line with a text, cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { at: text.len(), text }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before and after the cursor.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.at)
    }

    /// Replaces the text; the cursor goes to its end.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Types one key. False when the key means nothing in a line.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match key {
            key if key == Key::ctrl('u') => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            key if key == Key::ctrl('w') => {
                let from = self.word_start();
                self.text.drain(from..self.at);
                self.at = from;
            }
            key if key == Key::ctrl('a') => self.at = 0,
            key if key == Key::ctrl('e') => self.at = self.text.len(),
            key if key == Key::plain(key.code()) => return self.plain(key.code()),
            _ => return false,
        }
        true
    }

    fn plain(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Backspace => {
                let from = self.before();
                self.text.drain(from..self.at);
                self.at = from;
            }
            KeyCode::Delete => {
                let to = self.after();
                self.text.drain(self.at..to);
            }
            KeyCode::Left => self.at = self.before(),
            KeyCode::Right => self.at = self.after(),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Puts a text in, such as a paste; what is no visible text is left out.
    pub fn insert(&mut self, pasted: &str) {
        let clean = text::clean(pasted);
        let room = LONGEST.saturating_sub(self.text.len());
        let fits =
            clean.grapheme_indices(true).map(|(at, g)| at + g.len()).take_while(|end| *end <= room).last();
        let clean = &clean[..fits.unwrap_or(0)];
        self.text.insert_str(self.at, clean);
        self.at += clean.len();
        // What was put in may have joined with what follows into one grapheme.
        if self.text.grapheme_indices(true).all(|(start, _)| start != self.at) {
            self.at = self.after();
        }
    }

    fn before(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text
            .grapheme_indices(true)
            .map(|(at, g)| at + g.len())
            .find(|end| *end > self.at)
            .unwrap_or(self.text.len())
    }

    fn word_start(&self) -> usize {
        let head = self.text[..self.at].trim_end();
        head.rfind(char::is_whitespace)
            .map_or(0, |at| at + head[at..].chars().next().map_or(0, char::len_utf8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(keys: &[&str]) -> String {
        let mut line = Line::default();
        for key in keys {
            line.key(key.parse().unwrap());
        }
        let (before, after) = line.parts();
        format!("{before}|{after}")
    }

    #[test]
    fn keys_edit_as_in_a_shell() {
        for (keys, result) in [
            (&["a", "b", "c"][..], "abc|"),
            (&["a", "b", "left", "c"], "ac|b"),
            (&["a", "b", "backspace"], "a|"),
            (&["a", "b", "home", "delete"], "|b"),
            (&["a", "space", "b", "ctrl-w"], "a |"),
            (&["a", "space", "b", "left", "ctrl-u"], "|b"),
            (&["a", "b", "ctrl-a", "x", "ctrl-e", "y"], "xaby|"),
        ] {
            assert_eq!(typed(keys), result, "{keys:?}");
        }
    }

    #[test]
    fn a_paste_loses_what_could_do_harm() {
        let mut line = Line::default();
        line.insert("team\n\x1b[2Ja\x07");
        assert!(!line.text().chars().any(char::is_control), "{:?}", line.text());
    }

    #[test]
    fn a_key_that_means_nothing_is_left_to_others() {
        assert!(!Line::default().key("f5".parse().unwrap()));
        assert!(!Line::default().key("ctrl-x".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn the_cursor_stays_between_graphemes(
            steps in prop::collection::vec(prop_oneof![
                "\\PC{0,4}".prop_map(Ok),
                prop::sample::select(vec!["left", "right", "home", "end", "backspace", "delete", "ctrl-w", "ctrl-u"]).prop_map(Err),
            ], 0..40)
        ) {
            let mut line = Line::default();
            for step in steps {
                match step {
                    Ok(text) => line.insert(&text),
                    Err(key) => { line.key(key.parse().unwrap()); }
                }
                let (before, after) = line.parts();
                prop_assert_eq!(format!("{before}{after}"), line.text());
            }
        }
    }
}
