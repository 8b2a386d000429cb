//! A row of tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use crate::actions::ActionId;
use crate::app::World;
use crate::text;
use crate::theme::Slot;

/// The tabs of a screen and which one is open.
#[derive(Debug, Clone, Default)]
pub struct Tabs {
    at: usize,
    drawn: Vec<Rect>,
}

impl Tabs {
    /// Which one is open.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Opens one.
    pub fn open(&mut self, at: usize) {
        self.at = at;
    }

    /// Which tab an action leads to.
    pub fn target(&self, action: ActionId, count: usize) -> Option<usize> {
        let by_number = [
            ActionId::Tab1,
            ActionId::Tab2,
            ActionId::Tab3,
            ActionId::Tab4,
            ActionId::Tab5,
            ActionId::Tab6,
            ActionId::Tab7,
            ActionId::Tab8,
            ActionId::Tab9,
            ActionId::Tab10,
            ActionId::Tab11,
        ];
        match action {
            ActionId::TabNext => Some((self.at + 1) % count.max(1)),
            ActionId::TabPrevious => Some((self.at + count.max(1) - 1) % count.max(1)),
            _ => by_number.iter().position(|id| *id == action).filter(|at| *at < count),
        }
    }

    /// Which tab was drawn at a point.
    pub fn hit(&self, at: Position) -> Option<usize> {
        self.drawn.iter().position(|area| area.contains(at))
    }

    /// Draws the names in one line; the open one is kept in view and shows without any colour.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World, names: &[String]) {
        let theme = &world.theme;
        let separator = format!(" {} ", theme.symbols().tab);
        let width = |name: &String| text::width(name) + 2;
        let gap = text::width(&separator);
        let room = usize::from(area.width);
        let mut first = 0;
        while first < self.at {
            let needed: usize =
                names[first..=self.at.min(names.len() - 1)].iter().map(|n| width(n) + gap).sum();
            if needed <= room {
                break;
            }
            first += 1;
        }
        self.drawn = vec![Rect::default(); names.len()];
        let mut x = area.x;
        for (at, name) in names.iter().enumerate().skip(first) {
            if at > first {
                (x, _) = buf.set_span(
                    x,
                    area.y,
                    &Span::styled(&separator, theme.style(Slot::Border)),
                    area.right().saturating_sub(x),
                );
            }
            let slot = if at == self.at { Slot::Selection } else { Slot::Muted };
            let begin = x;
            let span = Span::styled(format!(" {name} "), theme.style(slot));
            (x, _) = buf.set_span(x, area.y, &span, area.right().saturating_sub(x));
            self.drawn[at] = Rect { x: begin, y: area.y, width: x - begin, height: area.height.min(1) };
            if x >= area.right() {
                break;
            }
        }
    }
}
