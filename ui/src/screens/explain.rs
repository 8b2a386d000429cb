//! Why a pod is not what it should be.

use crossterm::event::MouseEventKind;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use v9s::explain::Verdict;
use v9s::fleet::model::VclusterKey;

use super::popup;
use super::text::step;
use crate::actions::{Action, ActionId, Scope};
use crate::app::reads::{Puzzle, Read, Reply};
use crate::app::{Address, Asked, Cmd, Effects, Input, Layer, News, Offer, World};
use crate::panes::Move;
use crate::panes::explain::Explanation;
use crate::text;
use crate::theme::Slot;

/// What is known of it.
enum Known {
    /// It is being gathered.
    Waiting,
    /// It cannot be explained, and why.
    Failed(String),
    /// This.
    Told(Box<Verdict>),
}

/// The explanation of one pod.
pub struct ExplainScreen {
    puzzle: Puzzle,
    asked: Asked,
    known: Known,
    page: Explanation,
}

impl ExplainScreen {
    /// It is gathered when it is looked at.
    pub fn new(puzzle: Puzzle) -> Self {
        Self { puzzle, asked: Asked::default(), known: Known::Waiting, page: Explanation::default() }
    }

    /// Of the control plane of a virtual cluster.
    pub fn control_plane(key: VclusterKey) -> Self {
        Self::new(Puzzle::ControlPlane(key))
    }

    fn read(&mut self, out: &mut Effects) {
        self.asked.ask(Read::Explain(self.puzzle.clone()), out);
    }

    fn text(&self) -> Option<String> {
        match &self.known {
            Known::Told(verdict) => Some(Explanation::text(verdict)),
            Known::Waiting | Known::Failed(_) => None,
        }
    }
}

impl Layer for ExplainScreen {
    fn address(&self) -> Address {
        Address { screen: "explain", argument: self.puzzle.to_string().into() }
    }

    fn title(&self, _: &World) -> String {
        format!("Explain {}", self.puzzle)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Text]
    }

    fn offer(&self, action: &Action, _: &World) -> Offer {
        match action.id {
            ActionId::CopyText | ActionId::Save | ActionId::Editor if self.text().is_none() => {
                Offer::Impossible("there is nothing yet".into())
            }
            ActionId::Search | ActionId::SearchNext | ActionId::SearchPrevious | ActionId::Wrap => {
                Offer::Absent
            }
            ActionId::PanLeft | ActionId::PanRight => Offer::Absent,
            _ => Offer::Possible,
        }
    }

    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        let name = "explanation.txt".to_owned();
        match (action, self.text()) {
            (ActionId::Refresh, _) => self.read(out),
            (ActionId::CopyText, Some(text)) => {
                out.cmd(Cmd::Copy { text, what: "the explanation".to_owned() })
            }
            (ActionId::Save, Some(text)) => out.cmd(Cmd::Save { name, text }),
            (ActionId::Editor, Some(text)) => out.cmd(Cmd::Edit { name, text }),
            (action, _) => match step(action) {
                Some(step) => self.page.go(step),
                None => return false,
            },
        }
        true
    }

    fn input(&mut self, input: &Input, _: &World, _: &mut Effects) -> bool {
        let Input::Mouse(event) = input else { return false };
        match event.kind {
            MouseEventKind::ScrollUp => (0..3).for_each(|_| self.page.go(Move::Up)),
            MouseEventKind::ScrollDown => (0..3).for_each(|_| self.page.go(Move::Down)),
            _ => return false,
        }
        true
    }

    fn news(&mut self, news: &News, _: &World, out: &mut Effects) {
        match news {
            News::Entered => self.read(out),
            News::Left => self.asked.forget(out),
            News::Reply(ticket, Reply::Explained(told)) if self.asked.take(*ticket) => {
                self.known = match told {
                    Ok(verdict) => Known::Told(verdict.clone()),
                    Err(why) => Known::Failed(why.clone()),
                };
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = popup::title_line(area, buf, world, &self.title(world));
        let theme = &world.theme;
        let (said, slot) = match &self.known {
            Known::Told(verdict) => return self.page.render(verdict, area, buf, theme, world.now),
            Known::Waiting => ("reading the host and the virtual cluster", Slot::Pending),
            Known::Failed(why) => (why.as_str(), Slot::Unknown),
        };
        let width = usize::from(area.width).saturating_sub(2);
        let said = text::clean(said);
        for (row, line) in (0..area.height).zip(super::confirm::wrapped(&said, width)) {
            buf.set_span(
                area.x + 1,
                area.y + row,
                &Span::styled(line, theme.style(slot)),
                area.width.saturating_sub(1),
            );
        }
    }
}
