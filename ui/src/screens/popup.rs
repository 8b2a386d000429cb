//! The frame that popups share, and a line one types into.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, Clear, Widget};

use crate::app::World;
use crate::app::line::Line;
use crate::text;
use crate::theme::Slot;

/// A rectangle of at most this size in the middle of another.
pub fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Clears the area, draws frame and title, and returns what is inside.
pub fn frame(area: Rect, buf: &mut Buffer, world: &World, title: &str, slot: Slot) -> Rect {
    let theme = &world.theme;
    Clear.render(area, buf);
    let room = usize::from(area.width).saturating_sub(6);
    let title = text::cut_end(&text::clean(title), room, theme.symbols().ellipsis).into_owned();
    let block = Block::bordered()
        .border_set(theme.symbols().border)
        .border_style(theme.style(Slot::BorderFocus))
        .style(theme.style(Slot::Text))
        .title(Span::styled(format!(" {title} "), theme.style(slot)));
    let inner = block.inner(area);
    block.render(area, buf);
    Rect { x: inner.x.saturating_add(1).min(inner.right()), width: inner.width.saturating_sub(2), ..inner }
}

/// Draws what is being typed after a prompt; the cursor is a reversed cell and always in view.
pub fn input(area: Rect, buf: &mut Buffer, world: &World, prompt: &str, line: &Line) {
    if area.height == 0 {
        return;
    }
    let theme = &world.theme;
    let (before, after) = line.parts();
    let room = usize::from(area.width).saturating_sub(text::width(prompt) + 2);
    let before = text::tail(before, room);
    let under = text::head(after, 1);
    let under_len = after.graphemes_head();
    let (cursor, rest) = if under.is_empty() { (" ", "") } else { after.split_at(under_len) };
    let style = theme.style(Slot::Input);
    Text::from(vec![
        Span::styled(prompt, theme.style(Slot::Accent)),
        Span::styled(before, style),
        Span::styled(cursor, style.add_modifier(Modifier::REVERSED)),
        Span::styled(rest, style),
    ])
    .render(area, buf);
}

trait GraphemesHead {
    /// Bytes of the first grapheme.
    fn graphemes_head(&self) -> usize;
}

impl GraphemesHead for str {
    fn graphemes_head(&self) -> usize {
        use unicode_segmentation::UnicodeSegmentation;
        self.graphemes(true).next().map_or(0, str::len)
    }
}

/// Takes away what was drawn: what is faint stays faint under what is drawn over it.
pub fn blank(area: Rect, buf: &mut Buffer, world: &World) {
    Clear.render(area, buf);
    buf.set_style(area, world.theme.style(Slot::Text));
}

/// Draws a rule with a title, and returns what is below.
pub fn title_line(area: Rect, buf: &mut Buffer, world: &World, title: &str) -> Rect {
    if area.height == 0 {
        return area;
    }
    let theme = &world.theme;
    let line = Rect { height: 1, ..area };
    let symbols = theme.symbols();
    Text::styled(symbols.rule.repeat(usize::from(area.width)), theme.style(Slot::Border)).render(line, buf);
    let room = area.width.saturating_sub(2);
    let title = text::cut_middle(&text::clean(title), usize::from(room).saturating_sub(2), symbols.ellipsis)
        .into_owned();
    let span = Span::styled(format!(" {title} "), theme.style(Slot::Title));
    let width = u16::try_from(span.width()).unwrap_or(u16::MAX).min(room);
    blank(Rect { x: area.x + 1.min(area.width), width, ..line }, buf, world);
    buf.set_span(area.x + 1.min(area.width), area.y, &span, room);
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}
