//! Theme files: TOML with a palette of names and one entry per slot.
//!
//! ```toml
//! base = "dark"                                  # slots not set here look as they do there
//! [palette]
//! rose = "#ff6e88"
//! [theme]
//! err = { fg = "rose", bold = true }
//! muted = "gray"                                 # short for { fg = "gray" }
//! ```

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use smol_str::{SmolStr, format_smolstr};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Appearance, Slot, Theme};

/// Something in a theme file that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeProblem {
    /// Path or name of the theme.
    pub file: SmolStr,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub reason: SmolStr,
}

impl fmt::Display for ThemeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

impl std::error::Error for ThemeProblem {}

/// Reads a theme. What cannot be used is left out and reported; slots that are not set look as in `base`,
/// which is looked up by `find` (the terminal theme if the file names none or it is not there).
pub fn parse(
    name: &str,
    file: &str,
    source: &str,
    appearance: Appearance,
    find: impl Fn(&str) -> Option<Theme>,
) -> (Theme, Vec<ThemeProblem>) {
    let mut read = read(source);
    let base = match &read.base {
        Some((base, span)) => find(base).or_else(|| {
            read.problems.push((span.start, format_smolstr!("no theme {base:?} to start from")));
            None
        }),
        None => None,
    };
    let base = base.unwrap_or_else(|| Theme::terminal(appearance));
    let theme = Theme::new(name, read.over(&base.written), appearance);
    read.problems.sort_by_key(|(at, _)| *at);
    let problems = read
        .problems
        .into_iter()
        .map(|(at, reason)| ThemeProblem { file: file.into(), line: line_of(source, at), reason })
        .collect();
    (theme, problems)
}

fn line_of(source: &str, at: usize) -> usize {
    source.bytes().take(at).filter(|&b| b == b'\n').count() + 1
}

/// What a file says, and what is wrong with it (byte offset and reason).
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) base: Option<(SmolStr, Range<usize>)>,
    pub(super) slots: HashMap<Slot, Style>,
    pub(super) problems: Vec<(usize, SmolStr)>,
    palette: HashMap<SmolStr, Color>,
}

impl Read {
    /// The styles of all slots; those not set look as in `base`.
    pub(super) fn over(&self, base: &[Style]) -> Vec<Style> {
        let styles = Slot::ALL
            .iter()
            .map(|slot| self.slots.get(slot).or_else(|| base.get(slot.index())).copied().unwrap_or_default());
        styles.collect()
    }

    fn wrong(&mut self, span: Range<usize>, reason: impl Into<SmolStr>) {
        self.problems.push((span.start, reason.into()));
    }

    fn top(&mut self, table: &DeTable<'_>) {
        // The palette first, wherever it stands.
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("palette", DeValue::Table(colours)) => self.palette(colours),
                ("base", DeValue::String(base)) => self.base = Some((base.as_ref().into(), value.span())),
                ("theme", DeValue::Table(_)) => {}
                ("palette" | "theme", _) => self.wrong(key.span(), "must be a table"),
                ("base", _) => self.wrong(value.span(), "must be the name of a theme, in quotes"),
                (other, _) => self.wrong(
                    key.span(),
                    format_smolstr!("unknown key {other:?}; a theme has base, [palette] and [theme]"),
                ),
            }
        }
        if let Some(DeValue::Table(slots)) = table.get("theme").map(Spanned::get_ref) {
            for (key, value) in slots {
                match Slot::by_name(key.get_ref()) {
                    Some(slot) => {
                        let style = self.entry(value);
                        self.slots.insert(slot, style);
                    }
                    None => self.wrong(key.span(), format_smolstr!("no slot {:?}", key.get_ref())),
                }
            }
        }
    }

    fn palette(&mut self, colours: &DeTable<'_>) {
        for (key, value) in colours {
            match value.get_ref() {
                DeValue::String(text) => match Color::from_str(text) {
                    Ok(colour) => {
                        self.palette.insert(key.get_ref().as_ref().into(), colour);
                    }
                    Err(_) => self.wrong(value.span(), not_a_colour(text)),
                },
                _ => self.wrong(value.span(), "a colour is written in quotes, such as \"#ff6e88\""),
            }
        }
    }

    fn entry(&mut self, value: &Spanned<DeValue<'_>>) -> Style {
        match value.get_ref() {
            DeValue::String(_) => Style { fg: self.colour(value), ..Style::new() },
            DeValue::Table(table) => {
                let mut style = Style::new();
                for (key, value) in table {
                    self.attribute(&mut style, key.get_ref(), key.span(), value);
                }
                style
            }
            _ => {
                self.wrong(value.span(), "must be a colour or a table such as { fg = \"red\", bold = true }");
                Style::new()
            }
        }
    }

    fn attribute(&mut self, style: &mut Style, key: &str, at: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let modifier = match key {
            "fg" => return style.fg = self.colour(value),
            "bg" => return style.bg = self.colour(value),
            "underline_color" => return style.underline_color = self.colour(value),
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            "crossed_out" => Modifier::CROSSED_OUT,
            _ => {
                let known = "fg, bg, underline_color, bold, dim, italic, underline, reverse, crossed_out";
                return self.wrong(at, format_smolstr!("unknown attribute {key:?}; known are {known}"));
            }
        };
        match value.get_ref() {
            DeValue::Boolean(true) => *style = style.add_modifier(modifier),
            DeValue::Boolean(false) => *style = style.remove_modifier(modifier),
            _ => self.wrong(value.span(), format_smolstr!("{key} must be true or false")),
        }
    }

    fn colour(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Color> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong(value.span(), "a colour is written in quotes, such as \"#ff6e88\"");
            return None;
        };
        if let Some(colour) = self.palette.get(text.as_ref()) {
            return Some(*colour);
        }
        let colour = Color::from_str(text).ok();
        if colour.is_none() {
            self.wrong(value.span(), not_a_colour(text));
        }
        colour
    }
}

fn not_a_colour(text: &str) -> SmolStr {
    format_smolstr!(
        "{text:?} is neither in [palette] nor a colour: use #rrggbb, 0 to 255, an ANSI name such as \
         \"light-red\", or \"reset\" for the terminal's own"
    )
}

/// Reads as much as can be read.
pub(super) fn read(source: &str) -> Read {
    let mut read = Read::default();
    let (table, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        read.wrong(error.span().unwrap_or(0..0), error.message());
    }
    read.top(table.get_ref());
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str) -> Vec<String> {
        let (_, problems) = parse("mine", "mine.toml", source, Appearance::default(), |_| None);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_theme_names_colours_once_and_uses_them_by_slot() {
        let source = "[theme]\nerr = { fg = \"rose\", bold = true }\nmuted = \"gray\"\n[palette]\nrose = \"#ff6e88\"\n";
        let (theme, problems) = parse("mine", "mine.toml", source, Appearance::default(), |_| None);
        assert_eq!(problems, []);
        let err = theme.written(Slot::Err);
        assert_eq!(err, Style::new().fg(Color::Rgb(0xff, 0x6e, 0x88)).add_modifier(Modifier::BOLD));
        assert_eq!(theme.written(Slot::Muted).fg, Some(Color::Gray));
        let terminal = Theme::default();
        assert_eq!(theme.written(Slot::Warn), terminal.written(Slot::Warn), "not set: as in the base");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_rest_is_used() {
        let cases = [
            ("[theme]\n\nerr = \"ruby\"\n", "mine.toml:3: \"ruby\" is neither in [palette] nor a colour"),
            ("[theme]\nerror = \"red\"\n", "mine.toml:2: no slot \"error\""),
            ("[theme]\nerr = { fg = \"red\", blod = true }\n", "mine.toml:2: unknown attribute \"blod\""),
            ("[theme]\nerr = { bold = 1 }\n", "mine.toml:2: bold must be true or false"),
            ("[theme]\nerr = 4\n", "mine.toml:2: must be a colour or a table"),
            ("[palette]\nrose = 1\n", "mine.toml:2: a colour is written in quotes"),
            ("base = \"nowhere\"\n", "mine.toml:1: no theme \"nowhere\" to start from"),
            ("colours = 1\n", "mine.toml:1: unknown key \"colours\""),
            ("theme = 1\n", "mine.toml:1: must be a table"),
            ("[theme]\nerr = \n", "mine.toml:2: "),
        ];
        for (source, expected) in cases {
            let found = problems(source);
            assert!(found.iter().any(|p| p.starts_with(expected)), "{source:?}: {found:?}");
        }
        let (theme, _) = parse(
            "mine",
            "mine.toml",
            "[theme]\nerror = \"red\"\nok = \"blue\"\n",
            Appearance::default(),
            |_| None,
        );
        assert_eq!(theme.written(Slot::Ok).fg, Some(Color::Blue));
    }
}
