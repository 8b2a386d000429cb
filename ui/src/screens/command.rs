//! The command line: a screen, a virtual cluster, an action; with completion and history.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Clear, Widget};

use super::popup;
use crate::actions::{ACTIONS, ActionId, Scope};
use crate::app::line::Line;
use crate::app::registry::{self, Entry, Opened, Registry, no_completion};
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, World};
use crate::text;
use crate::theme::Slot;

/// The command line. What it is opened with is typed already.
pub const ENTRY: Entry = Entry {
    name: "command",
    aliases: &[],
    title: "type a command",
    argument: "TEXT",
    open: |opening| {
        let line = Line::new(opening.argument);
        Ok(Opened::Popup(Box::new(CommandLine {
            line,
            registry: opening.registry,
            back: None,
            chosen: None,
        })))
    },
    complete: no_completion,
};

/// Most suggestions shown.
const SHOWN: usize = 8;

struct CommandLine {
    line: Line,
    registry: Registry,
    /// How far back in the history, and what was typed before.
    back: Option<(usize, String)>,
    /// Which suggestion tab has put in, and what was typed before.
    chosen: Option<(usize, String)>,
}

/// A whole command line and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suggestion {
    line: String,
    title: String,
}

impl CommandLine {
    fn typed(&self) -> &str {
        self.chosen.as_ref().map_or(self.line.text(), |(_, typed)| typed)
    }

    fn suggestions(&self, world: &World) -> Vec<Suggestion> {
        let typed = self.typed().trim_start();
        match typed.split_once(char::is_whitespace) {
            None => self.names(typed),
            Some((name, argument)) => self.arguments(name, argument.trim_start(), world),
        }
    }

    fn names(&self, typed: &str) -> Vec<Suggestion> {
        let commands =
            self.registry.iter().filter(|entry| !matches!(entry.name, "command" | "menu")).map(|entry| {
                (entry.name, format!("{} {}", entry.title, entry.argument).trim_end().to_owned())
            });
        let known = |name: &str| registry::find(self.registry, name).is_some();
        let actions = ACTIONS
            .iter()
            .filter(|action| action.scope != Scope::Moving && !known(action.name))
            .map(|action| (action.name, action.title.to_owned()));
        let all: Vec<(&str, String)> = commands.chain(actions).collect();
        let starts = all.iter().filter(|(name, _)| name.starts_with(typed));
        let holds = all.iter().filter(|(name, _)| !name.starts_with(typed) && name.contains(typed));
        starts
            .chain(holds)
            .map(|(name, title)| Suggestion { line: (*name).to_owned(), title: title.clone() })
            .collect()
    }

    fn arguments(&self, name: &str, argument: &str, world: &World) -> Vec<Suggestion> {
        let Some(entry) = registry::find(self.registry, name) else { return Vec::new() };
        let argument = argument.to_lowercase();
        let all = (entry.complete)(world);
        let (starts, holds): (Vec<_>, Vec<_>) = all
            .into_iter()
            .filter(|one| one.to_lowercase().contains(&argument))
            .partition(|one| one.to_lowercase().starts_with(&argument));
        starts
            .into_iter()
            .chain(holds)
            .map(|one| Suggestion { line: format!("{name} {one}"), title: entry.title.to_owned() })
            .collect()
    }

    fn complete(&mut self, world: &World, step: isize) {
        let suggestions = self.suggestions(world);
        if suggestions.is_empty() {
            return;
        }
        let count = suggestions.len() as isize;
        let (at, typed) = match self.chosen.take() {
            Some((at, typed)) => ((at as isize + step).rem_euclid(count), typed),
            None => (if step < 0 { count - 1 } else { 0 }, self.line.text().to_owned()),
        };
        self.line.set(suggestions[at as usize].line.clone());
        self.chosen = Some((at as usize, typed));
    }

    fn earlier(&mut self, world: &World) {
        let (back, typed) = self.back.take().unwrap_or_else(|| (0, self.line.text().to_owned()));
        let back = (back + 1).min(world.history.len());
        self.show_history(world, back, typed);
    }

    fn later(&mut self, world: &World) {
        if let Some((back, typed)) = self.back.take() {
            self.show_history(world, back.saturating_sub(1), typed);
        }
    }

    fn show_history(&mut self, world: &World, back: usize, typed: String) {
        self.chosen = None;
        match back {
            0 => self.line.set(typed),
            back => {
                if let Some(line) = world.history.iter().rev().nth(back - 1) {
                    self.line.set(line.clone());
                }
                self.back = Some((back, typed));
            }
        }
    }

    fn enter(&mut self, world: &World, out: &mut Effects) {
        out.push(Effect::Close);
        let typed = self.line.text().trim().to_owned();
        if typed.is_empty() {
            return;
        }
        // A name need not be typed to its end when there is no doubt.
        let line = match self.suggestions(world).as_slice() {
            [only] if self.chosen.is_none() && !self.known(&typed) => only.line.clone(),
            _ => typed,
        };
        out.cmd(Cmd::Remember(line.clone()));
        out.push(Effect::Command(line));
    }

    fn known(&self, line: &str) -> bool {
        let name = line.split_whitespace().next().unwrap_or_default();
        registry::find(self.registry, name).is_some() || ACTIONS.iter().any(|action| action.name == name)
    }
}

impl Layer for CommandLine {
    fn address(&self) -> Address {
        Address::of("command")
    }

    fn title(&self, _: &World) -> String {
        "command".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("tab", "complete"), ("up", "earlier"), ("enter", "go"), ("esc", "close")]
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let key = match input {
            Input::Key(key) => *key,
            Input::Paste(pasted) => {
                self.line.insert(pasted);
                self.chosen = None;
                return true;
            }
            Input::Mouse(_) => return true,
        };
        match key.code() {
            KeyCode::Esc => out.push(Effect::Close),
            KeyCode::Enter => self.enter(world, out),
            KeyCode::Tab => self.complete(world, 1),
            KeyCode::BackTab => self.complete(world, -1),
            KeyCode::Up => self.earlier(world),
            KeyCode::Down => self.later(world),
            KeyCode::Backspace if self.line.text().is_empty() => out.push(Effect::Close),
            _ => {
                let took = self.line.key(key);
                if took {
                    self.chosen = None;
                    self.back = None;
                }
                return took;
            }
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let suggestions = self.suggestions(world);
        let chosen = self.chosen.as_ref().map(|(at, _)| *at);
        let first = chosen.map_or(0, |at| at.saturating_sub(SHOWN - 1));
        let shown = suggestions.iter().enumerate().skip(first).take(SHOWN);
        let height = u16::try_from(shown.len()).unwrap_or(0).saturating_add(2).min(area.height);
        let area = Rect { y: area.bottom() - height, height, ..area };
        Clear.render(area, buf);
        buf.set_style(area, theme.style(Slot::Text));
        let lines: Vec<Rect> = area.rows().collect();
        let rule = theme.symbols().rule.repeat(usize::from(area.width));
        if let Some(top) = lines.first() {
            Text::styled(rule, theme.style(Slot::BorderFocus)).render(*top, buf);
        }
        for ((at, suggestion), row) in shown.zip(lines.iter().skip(1)) {
            let line = Text::from(vec![
                Span::styled(format!("  {:<28} ", text::clean(&suggestion.line)), theme.style(Slot::Text)),
                Span::styled(suggestion.title.as_str(), theme.style(Slot::Muted)),
            ]);
            line.render(*row, buf);
            if chosen == Some(at) {
                buf.set_style(*row, theme.style(Slot::Selection));
            }
        }
        if let Some(last) = lines.last().filter(|_| lines.len() > 1) {
            Clear.render(*last, buf);
            popup::input(*last, buf, world, " :", &self.line);
        }
    }
}
