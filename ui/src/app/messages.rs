//! What v9s tells the person: one line for a while, and all of it in a history.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How loud a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something went as wanted; gone after 4 s.
    Info,
    /// Worth a look; gone after 8 s.
    Warning,
    /// Something failed; stays until a key is pressed.
    Error,
}

impl Level {
    fn lasts(self) -> Option<Duration> {
        match self {
            Level::Info => Some(Duration::from_secs(4)),
            Level::Warning => Some(Duration::from_secs(8)),
            Level::Error => None,
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which one, in the order they came.
    pub id: u64,
    /// How loud.
    pub level: Level,
    /// What.
    pub text: String,
    /// When it came last.
    pub at: DateTime<Utc>,
    /// How often it came in a row.
    pub times: u32,
}

/// Most messages kept.
const KEPT: usize = 500;

/// All messages, oldest first, and which one is shown.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    all: Vec<Message>,
    shown: bool,
    revision: u64,
}

impl Messages {
    /// Adds a message and shows it. The same text again counts up.
    pub fn add(&mut self, level: Level, text: impl Into<String>, now: DateTime<Utc>) {
        let text = text.into();
        self.shown = true;
        self.revision += 1;
        if let Some(last) = self.all.last_mut().filter(|last| last.text == text && last.level == level) {
            last.times += 1;
            last.at = now;
            return;
        }
        if self.all.len() == KEPT {
            self.all.remove(0);
        }
        self.all.push(Message { id: self.revision, level, text, at: now, times: 1 });
    }

    /// The message to show now.
    pub fn current(&self, now: DateTime<Utc>) -> Option<&Message> {
        let last = self.all.last().filter(|_| self.shown)?;
        let age = (now - last.at).to_std().unwrap_or_default();
        last.level.lasts().is_none_or(|lasts| age < lasts).then_some(last)
    }

    /// A key was pressed: an error that was shown has been seen.
    pub fn seen(&mut self) {
        if self.all.last().is_some_and(|last| last.level == Level::Error) {
            self.shown = false;
        }
    }

    /// All messages, oldest first.
    pub fn all(&self) -> &[Message] {
        &self.all
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_message_goes_by_itself_unless_it_is_an_error() {
        for (level, second, shown) in [
            (Level::Info, 3, true),
            (Level::Info, 4, false),
            (Level::Warning, 7, true),
            (Level::Warning, 8, false),
            (Level::Error, 100_000, true),
        ] {
            let mut messages = Messages::default();
            messages.add(level, "x", at(0));
            assert_eq!(messages.current(at(second)).is_some(), shown, "{level:?} after {second} s");
        }
    }

    #[test]
    fn an_error_goes_with_a_key_and_stays_in_the_history() {
        let mut messages = Messages::default();
        messages.add(Level::Error, "x", at(0));
        messages.seen();
        assert_eq!(messages.current(at(0)), None);
        assert_eq!(messages.all().len(), 1);
    }

    #[test]
    fn the_same_message_again_counts_up() {
        let mut messages = Messages::default();
        for second in 0..3 {
            messages.add(Level::Info, "copied", at(second));
        }
        messages.add(Level::Info, "other", at(3));
        assert_eq!(
            messages.all().iter().map(|m| (m.text.as_str(), m.times)).collect::<Vec<_>>(),
            [("copied", 3), ("other", 1)]
        );
    }

    #[test]
    fn the_history_has_an_end() {
        let mut messages = Messages::default();
        for n in 0..KEPT + 10 {
            messages.add(Level::Info, n.to_string(), at(0));
        }
        assert_eq!(messages.all().len(), KEPT);
    }
}
