//! How the form looks: settings on the left, the text on the right, what is wrong below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use v9s::provision::create;
use v9s::provision::values::edit::Outline;

use super::settings::Setting;
use super::{CreateScreen, Pane, Row};
use crate::app::World;
use crate::app::line::Line;
use crate::screens::confirm::wrapped;
use crate::screens::popup;
use crate::text;
use crate::theme::Slot;

/// Columns of the words in front of the values.
const LABEL: u16 = 12;
/// Rows for what is wrong.
const SAID: u16 = 3;

/// What one line of the form shows.
struct Shown<'a> {
    label: &'a str,
    value: String,
    /// Shown in place of an empty value.
    default: String,
    /// Chosen with left and right.
    chosen: bool,
    wrong: Option<String>,
}

impl CreateScreen {
    pub(super) fn paint(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let left = (area.width * 2 / 5).clamp(34, 64).min(area.width);
        let said = SAID.min(area.height / 4);
        let form = Rect { width: left, height: area.height - said, ..area };
        let right = Rect { x: area.x + left, width: area.width - left, height: form.height, ..area };
        let below = Rect { y: form.bottom(), height: said, ..area };
        let name = match self.name.text().trim() {
            "" => "Create a virtual cluster".to_owned(),
            name => format!("Create {name}"),
        };
        let form = popup::title_line(form, buf, world, &name);
        let problems = match self.editor.problems().len() {
            0 => String::new(),
            1 => format!(" {} 1 problem", theme.symbols().dot),
            count => format!(" {} {count} problems", theme.symbols().dot),
        };
        let body = popup::title_line(right, buf, world, &format!("vcluster.yaml{problems}"));
        self.paint_form(form, buf, world);
        let bar = Rect { x: body.x, width: 1.min(body.width), ..body };
        for row in bar.rows() {
            let line = if theme.symbols().ascii { "|" } else { "│" };
            let slot = if self.pane == Pane::Text { Slot::BorderFocus } else { Slot::Border };
            Text::styled(line, theme.style(slot)).render(row, buf);
        }
        let text = Rect { x: body.x + bar.width, width: body.width - bar.width, ..body };
        self.editor.draw(text, buf, world, self.pane == Pane::Text);
        self.paint_said(below, buf, world);
    }

    fn paint_form(&self, area: Rect, buf: &mut Buffer, world: &World) {
        let rows = self.rows(world);
        let first = (self.at + 1).saturating_sub(usize::from(area.height));
        for ((at, row), line) in rows.iter().enumerate().skip(first).zip(area.rows()) {
            let current = at == self.at && self.pane == Pane::Form;
            match row {
                Row::Go => paint_go(current, line, buf, world),
                row => self.paint_row(row, current, line, buf, world),
            }
        }
        if Outline::read(&self.editor.text()).is_err() {
            let row = Rect { y: area.bottom().saturating_sub(2), height: 1.min(area.height), ..area };
            let said = " no YAML: mend it on the right (tab)";
            Text::styled(said, world.theme.style(Slot::Err)).render(row, buf);
        }
    }

    fn paint_row(&self, row: &Row, current: bool, line: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let symbols = theme.symbols();
        let shown = self.shown(row, world);
        let cursor = if current { symbols.cursor } else { " " };
        let sign = if shown.wrong.is_some() { symbols.err } else { " " };
        let label_slot = if current { Slot::Accent } else { Slot::Muted };
        Text::from(vec![
            Span::styled(cursor, theme.style(Slot::Accent)),
            Span::styled(
                text::pad(shown.label, usize::from(LABEL), text::Align::Left).into_owned(),
                theme.style(label_slot),
            ),
            Span::styled(sign, theme.style(Slot::Err)),
        ])
        .render(line, buf);
        let skip = (LABEL + 2).min(line.width);
        let value = Rect { x: line.x + skip, width: line.width - skip, ..line };
        let typed = match row {
            Row::Name => Some(&self.name),
            Row::Namespace => Some(&self.namespace),
            Row::Ttl => Some(&self.ttl),
            Row::Owner => Some(&self.owner),
            Row::Setting(setting) if setting.is_typed() => Some(&self.typed),
            _ => None,
        };
        if let (true, Some(typed)) = (current, typed) {
            return paint_input(typed, &shown.default, value, buf, world);
        }
        let (said, slot) = match shown.value.as_str() {
            "" => (shown.default.clone(), Slot::Muted),
            value => (value.to_owned(), Slot::Text),
        };
        let said = if shown.chosen && current {
            format!("{} {said} {}", symbols.more_left, symbols.more_right)
        } else {
            said
        };
        let room = usize::from(value.width.saturating_sub(1));
        let said = text::cut_end(&text::clean(&said), room, symbols.ellipsis).into_owned();
        let slot = if current { Slot::Selection } else { slot };
        Text::from(Span::styled(said, theme.style(slot))).render(value, buf);
    }

    fn shown<'a>(&self, row: &Row, world: &World) -> Shown<'a> {
        let typed = |label, value: &Line, default: String, wrong| Shown {
            label,
            value: value.text().to_owned(),
            default,
            chosen: false,
            wrong,
        };
        match row {
            Row::Host => Shown {
                label: "host",
                value: self.host(world).unwrap_or_default().to_string(),
                default: String::new(),
                chosen: true,
                wrong: None,
            },
            Row::Name => typed("name", &self.name, "its name".to_owned(), self.name_wrong()),
            Row::Namespace => typed("namespace", &self.namespace, self.namespace(), self.namespace_wrong()),
            Row::Preset => Shown {
                label: "preset",
                value: self.preset.to_string(),
                default: String::new(),
                chosen: true,
                wrong: None,
            },
            Row::Ttl => typed("ttl", &self.ttl, "for ever; 8h, 3d".to_owned(), self.lives().err()),
            Row::Owner => typed("owner", &self.owner, "nobody".to_owned(), None),
            Row::Setting(setting) => self.setting_shown(setting),
            Row::Go => {
                Shown { label: "", value: String::new(), default: String::new(), chosen: false, wrong: None }
            }
        }
    }

    fn setting_shown<'a>(&self, setting: &'static Setting) -> Shown<'a> {
        let text = self.editor.text();
        let outline = Outline::read(&text).ok();
        let value = outline.as_ref().and_then(|outline| setting.get(outline)).unwrap_or_default();
        let about = |outline: &Outline<'_>| {
            let problems = self.editor.problems().iter();
            let mut own = problems.filter(|problem| setting.is_at(&problem.path.to_string(), outline));
            own.next().map(|problem| problem.what.clone())
        };
        let wrong = outline.as_ref().and_then(about);
        Shown {
            label: setting.label,
            value,
            default: (setting.default)().to_owned(),
            chosen: !setting.is_typed(),
            wrong,
        }
    }

    fn name_wrong(&self) -> Option<String> {
        let name = self.name.text().trim();
        let wrong = create::check_name("name", name).err().filter(|_| !name.is_empty());
        wrong.map(|error| error.to_string())
    }

    fn namespace_wrong(&self) -> Option<String> {
        let typed = self.namespace.text().trim();
        let wrong = create::check_name("namespace", typed).err().filter(|_| !typed.is_empty());
        wrong.map(|error| error.to_string())
    }

    /// What is wrong: with the field or the line where one is, else the first that there is.
    fn paint_said(&self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let symbols = theme.symbols();
        let rule = Rect { height: 1.min(area.height), ..area };
        let line = symbols.rule.repeat(usize::from(area.width));
        Text::styled(line, theme.style(Slot::Border)).render(rule, buf);
        let rest = Rect { y: rule.bottom(), height: area.height - rule.height, ..area };
        let field = match self.pane {
            Pane::Form => self.mistake.clone().or_else(|| self.shown(&self.row(world), world).wrong),
            Pane::Text => None,
        };
        let elsewhere =
            || self.name_wrong().or_else(|| self.namespace_wrong()).or_else(|| self.lives().err());
        let said = field.or_else(|| self.editor.told().map(ToString::to_string)).or_else(elsewhere);
        let (sign, slot, said) = match said {
            Some(said) => (symbols.err, Slot::Err, said),
            None => {
                let said = "it can be read; ctrl-g looks at the host and shows what would be made";
                (symbols.ok, Slot::Ok, said.to_owned())
            }
        };
        let lines = wrapped(&text::clean(&said), usize::from(rest.width).saturating_sub(3));
        for (at, (line, row)) in lines.iter().zip(rest.rows()).enumerate() {
            let sign = if at == 0 { sign } else { " " };
            Text::styled(format!(" {sign} {line}"), theme.style(slot)).render(row, buf);
        }
    }
}

fn paint_go(current: bool, line: Rect, buf: &mut Buffer, world: &World) {
    let theme = &world.theme;
    let cursor = if current { theme.symbols().cursor } else { " " };
    let slot = if current { Slot::Selection } else { Slot::Accent };
    Text::from(vec![
        Span::styled(cursor, theme.style(Slot::Accent)),
        Span::styled(" look and create ", theme.style(slot)),
    ])
    .render(line, buf);
}

fn paint_input(typed: &Line, default: &str, area: Rect, buf: &mut Buffer, world: &World) {
    popup::input(area, buf, world, "", typed);
    if typed.text().is_empty() {
        let skip = 2.min(area.width);
        let hint = Rect { x: area.x + skip, width: area.width - skip, ..area };
        let room = usize::from(hint.width);
        let said = text::cut_end(default, room, world.theme.symbols().ellipsis).into_owned();
        Text::styled(said, world.theme.style(Slot::Muted)).render(hint, buf);
    }
}
