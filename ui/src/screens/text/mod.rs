//! Texts: reading, searching, copying, saving; what YAML, configuration and logs have in common.

pub mod config;
pub mod event;
pub mod logs;
pub mod yaml;

use crossterm::event::{KeyCode, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::popup;
use crate::actions::ActionId;
use crate::app::line::Line;
use crate::app::messages::Level;
use crate::app::{Cmd, Effects, Input, World};
use crate::keymap::Key;
use crate::panes::Move;
use crate::panes::logs::LogsPane;
use crate::panes::pattern::PatternError;
use crate::panes::text::TextPane;
use crate::text;
use crate::theme::Slot;

/// Which step through a pane an action is.
pub fn step(action: ActionId) -> Option<Move> {
    Some(match action {
        ActionId::Up => Move::Up,
        ActionId::Down => Move::Down,
        ActionId::PageUp => Move::PageUp,
        ActionId::PageDown => Move::PageDown,
        ActionId::Top => Move::Top,
        ActionId::Bottom => Move::Bottom,
        ActionId::PanLeft => Move::Left,
        ActionId::PanRight => Move::Right,
        _ => return None,
    })
}

/// What can be read like a page.
pub trait Page {
    /// Moves through it.
    fn go(&mut self, step: Move);
    /// Looks for a text; none ends the search.
    fn search(&mut self, typed: &str) -> Result<(), PatternError>;
    /// Goes to the next place.
    fn search_next(&mut self);
    /// Goes to the place before.
    fn search_previous(&mut self);
    /// Whether something is looked for.
    fn is_searching(&self) -> bool;
    /// Breaks long lines, or not.
    fn toggle_wrap(&mut self);
    /// All of it.
    fn text(&self) -> String;
    /// Shows only lines that fit; none shows all.
    fn only(&mut self, typed: &str) -> Result<(), PatternError>;
    /// Which lines are shown only.
    fn only_typed(&self) -> String;
}

macro_rules! page {
    ($pane:ty) => {
        fn go(&mut self, step: Move) {
            <$pane>::go(self, step);
        }
        fn search(&mut self, typed: &str) -> Result<(), PatternError> {
            <$pane>::search(self, typed)
        }
        fn search_next(&mut self) {
            <$pane>::search_next(self);
        }
        fn search_previous(&mut self) {
            <$pane>::search_previous(self);
        }
        fn is_searching(&self) -> bool {
            <$pane>::is_searching(self)
        }
        fn toggle_wrap(&mut self) {
            <$pane>::toggle_wrap(self);
        }
        fn text(&self) -> String {
            <$pane>::text(self)
        }
    };
}

impl Page for TextPane {
    page!(TextPane);

    fn only(&mut self, _: &str) -> Result<(), PatternError> {
        Ok(())
    }

    fn only_typed(&self) -> String {
        String::new()
    }
}

impl Page for LogsPane {
    page!(LogsPane);

    fn only(&mut self, typed: &str) -> Result<(), PatternError> {
        LogsPane::only(self, typed)
    }

    fn only_typed(&self) -> String {
        LogsPane::only_typed(self)
    }
}

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Search,
    Only,
}

/// A pane with the line one types into.
#[derive(Debug, Default)]
pub struct Reader<P> {
    /// What is read.
    pub pane: P,
    prompt: Option<(Asks, Line)>,
    mistake: Option<String>,
}

impl<P: Page> Reader<P> {
    /// A reader without anything typed.
    pub fn new(pane: P) -> Self {
        Self { pane, prompt: None, mistake: None }
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.prompt.is_some()
    }

    /// Does what all texts can. `name` is that of a file with the text.
    pub fn act(&mut self, action: ActionId, name: &str, out: &mut Effects) -> bool {
        if let Some(step) = step(action) {
            self.pane.go(step);
            return true;
        }
        match action {
            ActionId::Search => self.prompt = Some((Asks::Search, Line::default())),
            ActionId::LogFilter => self.prompt = Some((Asks::Only, Line::new(self.pane.only_typed()))),
            ActionId::SearchNext => self.pane.search_next(),
            ActionId::SearchPrevious => self.pane.search_previous(),
            ActionId::Wrap => self.pane.toggle_wrap(),
            ActionId::CopyText => self.hand_out(name, out, |text, name| Cmd::Copy { text, what: name }),
            ActionId::Save => self.hand_out(name, out, |text, name| Cmd::Save { name, text }),
            ActionId::Editor => self.hand_out(name, out, |text, name| Cmd::Edit { name, text }),
            ActionId::Back if self.pane.is_searching() => self.look("", Asks::Search),
            ActionId::Back if !self.pane.only_typed().is_empty() => self.look("", Asks::Only),
            _ => return false,
        }
        true
    }

    fn hand_out(&self, name: &str, out: &mut Effects, how: impl FnOnce(String, String) -> Cmd) {
        match self.pane.text() {
            text if text.is_empty() => out.say(Level::Info, "there is no text yet"),
            text => out.cmd(how(text, name.to_owned())),
        }
    }

    /// Takes what is typed, and the wheel.
    pub fn input(&mut self, input: &Input) -> bool {
        match (input, &mut self.prompt) {
            (Input::Mouse(event), _) => match event.kind {
                MouseEventKind::ScrollUp => (0..3).for_each(|_| self.pane.go(Move::Up)),
                MouseEventKind::ScrollDown => (0..3).for_each(|_| self.pane.go(Move::Down)),
                _ => return false,
            },
            (Input::Paste(pasted), Some((asks, line))) => {
                line.insert(pasted);
                let (asks, typed) = (*asks, line.text().to_owned());
                self.look(&typed, asks);
            }
            (Input::Key(key), Some(_)) => return self.prompt_key(*key),
            (Input::Key(_) | Input::Paste(_), None) => return false,
        }
        true
    }

    fn prompt_key(&mut self, key: Key) -> bool {
        let Some((asks, line)) = &mut self.prompt else { return false };
        let asks = *asks;
        match key.code() {
            KeyCode::Enter => {
                if self.mistake.is_none() {
                    self.prompt = None;
                }
            }
            KeyCode::Esc => {
                self.prompt = None;
                self.look("", asks);
            }
            KeyCode::Backspace if line.text().is_empty() => self.prompt = None,
            _ => {
                let took = line.key(key);
                let typed = line.text().to_owned();
                if took {
                    self.look(&typed, asks);
                }
                return took;
            }
        }
        true
    }

    /// Looks for what is typed while it is typed; what cannot be read leaves what was there.
    fn look(&mut self, typed: &str, asks: Asks) {
        let read = match asks {
            Asks::Search => self.pane.search(typed),
            Asks::Only => self.pane.only(typed),
        };
        self.mistake = read.err().map(|error| error.to_string());
    }

    /// Where the pane goes; the line one types into is below it.
    pub fn draw_prompt(&self, area: Rect, buf: &mut Buffer, world: &World) -> Rect {
        let Some((asks, line)) = self.prompt.as_ref().filter(|_| area.height > 1) else { return area };
        let below = Rect { y: area.bottom() - 1, height: 1, ..area };
        let sign = match asks {
            Asks::Search => " /",
            Asks::Only => " &",
        };
        popup::input(below, buf, world, sign, line);
        if let Some(mistake) = &self.mistake {
            let skip = u16::try_from(text::width(line.text()) + 5).unwrap_or(u16::MAX).min(below.width);
            let room = below.width - skip;
            let said = text::cut_end(mistake, usize::from(room), world.theme.symbols().ellipsis).into_owned();
            buf.set_span(below.x + skip, below.y, &Span::styled(said, world.theme.style(Slot::Warn)), room);
        }
        Rect { height: area.height - 1, ..area }
    }
}
