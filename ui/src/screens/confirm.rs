//! The plan before damage: what is touched, what is kept, the same as a command, and a question whose weight fits.

use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;

use super::popup;
use crate::actions::{ActionId, Scope};
use crate::app::jobs::Facts;
use crate::app::line::Line;
use crate::app::messages::Level;
use crate::app::operation::Verb;
use crate::app::{Address, Effect, Effects, Input, Layer, World};
use crate::keymap::Key;
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Ask, Plan};

/// The dialog that shows a plan.
pub struct Confirm {
    title: String,
    facts: Facts,
    ask: Ask,
    verb: Option<Arc<dyn Verb>>,
    leaves: bool,
    typed: Line,
    wrong: bool,
    first: usize,
}

impl Confirm {
    /// Asks about a plan.
    pub fn new(plan: Plan) -> Self {
        let Plan { title, facts, ask, verb, leaves } = plan;
        Self { title, facts, ask, verb: Some(verb), leaves, typed: Line::default(), wrong: false, first: 0 }
    }

    fn wanted(&self) -> Option<String> {
        match &self.ask {
            Ask::Yes => None,
            Ask::Count(count) => Some(count.to_string()),
            Ask::Name(name) => Some(name.clone()),
        }
    }

    fn cancel(out: &mut Effects) {
        out.push(Effect::Close);
        out.say(Level::Info, "cancelled, nothing was changed");
    }

    fn confirm(&mut self, out: &mut Effects) {
        out.push(Effect::Close);
        if self.leaves {
            out.push(Effect::Close);
        }
        if let Some(verb) = self.verb.take() {
            out.push(Effect::Operate(verb));
        }
    }

    fn enter(&mut self, out: &mut Effects) {
        match self.wanted() {
            Some(wanted) if self.typed.text().trim() == wanted => self.confirm(out),
            Some(_) if !self.typed.text().is_empty() => self.wrong = true,
            _ => Self::cancel(out),
        }
    }

    /// The facts as lines, the word in front of the first line of each.
    fn lines(&self, width: usize) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for (word, facts) in &self.facts {
            let mut word = *word;
            for fact in facts {
                for line in wrapped(&text::clean(fact), width) {
                    lines.push((word, line));
                    word = "";
                }
            }
        }
        lines
    }

    fn question(&self) -> String {
        match &self.ask {
            Ask::Yes => "press y to go on".to_owned(),
            Ask::Count(count) => format!("type {count} to go on: "),
            Ask::Name(name) => format!("type {} to go on: ", text::clean(name)),
        }
    }
}

/// The words of a line over as many lines as it takes; nothing is left out of a plan.
pub(super) fn wrapped(fact: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    for mut word in fact.split(' ') {
        let fits = lines.last().is_some_and(|line| text::width(line) + 1 + text::width(word) <= width);
        if let Some(line) = lines.last_mut().filter(|_| fits) {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        while text::width(word) > width {
            let (head, rest) = match text::head(word, width) {
                // A character wider than the line: it goes alone.
                "" => word.split_at(word.chars().next().map_or(word.len(), char::len_utf8)),
                head => (head, &word[head.len()..]),
            };
            lines.push(head.to_owned());
            word = rest;
        }
        lines.push(word.to_owned());
    }
    lines
}

/// Room for the words in front of the facts.
const WORD: usize = 10;

impl Layer for Confirm {
    fn address(&self) -> Address {
        Address::of("confirm")
    }

    fn title(&self, _: &World) -> String {
        self.title.clone()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        match self.ask {
            Ask::Yes => &[("y", "go on"), ("enter", "cancel"), ("esc", "cancel")],
            _ => &[("type", "what is asked, then enter"), ("esc", "cancel")],
        }
    }

    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        let cancels = matches!(action, ActionId::Back | ActionId::Quit);
        if cancels {
            Self::cancel(out);
        }
        cancels
    }

    fn input(&mut self, input: &Input, _: &World, out: &mut Effects) -> bool {
        let key = match input {
            Input::Key(key) => *key,
            // A paste never confirms: what is typed is meant.
            Input::Paste(_) | Input::Mouse(_) => return true,
        };
        match (key.code(), &self.ask) {
            (KeyCode::Esc, _) => Self::cancel(out),
            (KeyCode::Enter, _) => self.enter(out),
            (KeyCode::Up, _) => self.first = self.first.saturating_sub(1),
            (KeyCode::Down, _) => self.first += 1,
            (_, Ask::Yes) if key == Key::char('y') => self.confirm(out),
            (_, Ask::Yes) if matches!(key.typed(), Some('n' | 'q')) => Self::cancel(out),
            (_, Ask::Yes) => return key.typed().is_some(),
            _ => {
                self.wrong = false;
                return self.typed.key(key);
            }
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let width = area.width.saturating_sub(4).min(100);
        let lines = self.lines(usize::from(width).saturating_sub(WORD + 4));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(5).min(area.height);
        let slot = if self.ask == Ask::Yes { Slot::Warn } else { Slot::Err };
        let inside = popup::frame(popup::centered(area, width, height), buf, world, &self.title, slot);
        if inside.height < 3 {
            return;
        }
        let shown = usize::from(inside.height - 3);
        self.first = self.first.min(lines.len().saturating_sub(shown));
        for (row, (word, fact)) in inside.rows().skip(1).zip(lines.iter().skip(self.first).take(shown)) {
            Text::from(vec![
                Span::styled(text::pad(word, WORD, text::Align::Left).into_owned(), theme.style(Slot::Muted)),
                Span::styled(fact.as_str(), theme.style(Slot::Text)),
            ])
            .render(row, buf);
        }
        let hidden = lines.len().saturating_sub(self.first + shown);
        let asks = Rect { y: inside.bottom() - 1, height: 1, ..inside };
        if hidden > 0 {
            let row = Rect { y: asks.y - 1, ..asks };
            Text::styled(format!("{hidden} more lines, down shows them"), theme.style(Slot::Muted))
                .render(row, buf);
        }
        let question = self.question();
        match &self.ask {
            Ask::Yes => Text::from(vec![
                Span::styled(question, theme.style(Slot::Warn)),
                Span::raw("   "),
                Span::styled(" cancel ", theme.style(Slot::Selection)),
            ])
            .render(asks, buf),
            _ if self.wrong => {
                let said = format!("{:?} is not it; {question}", self.typed.text());
                Text::styled(said, theme.style(Slot::Err)).render(asks, buf);
            }
            _ => popup::input(asks, buf, world, &question, &self.typed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::wrapped;
    use proptest::prelude::*;

    #[test]
    fn a_plan_is_broken_between_words() {
        assert_eq!(wrapped("kubectl delete pod web-0", 12), ["kubectl", "delete pod", "web-0"]);
        assert_eq!(wrapped("web-0-x-shop", 5), ["web-0", "-x-sh", "op"]);
    }

    proptest! {
        #[test]
        fn nothing_of_a_plan_is_lost(fact in "\\PC{0,60}", width in 0usize..30) {
            let shown: String = wrapped(&fact, width).concat();
            prop_assert_eq!(shown.replace(' ', ""), fact.replace(' ', ""));
        }
    }
}
