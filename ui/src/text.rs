//! Strings from a cluster, made safe for a terminal, measured and cut.
//!
//! Anything a cluster or a tenant can choose goes through [`clean`] before it reaches a cell: names, reasons,
//! events, logs. Widths are columns as the terminal counts them, cuts never split a grapheme.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// So many marks may sit on one letter; more only serve to paint over the neighbours.
const MARKS_PER_LETTER: usize = 6;

/// How far apart tab stops are in text of several lines.
const TAB: usize = 8;

/// One line that can do no harm: escape sequences, control characters (C0 and C1), direction overrides and
/// invisible characters are gone; line breaks and tabs are spaces.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) { Cow::Borrowed(text) } else { sweep(text).into() }
}

/// The lines of a text, each cleaned; tabs move to the next stop, so that columns stay columns.
pub fn clean_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(|line| {
        if line.contains('\t') { clean(&expand_tabs(line)).into_owned().into() } else { clean(line) }
    })
}

fn expand_tabs(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + TAB);
    for (at, piece) in line.split('\t').enumerate() {
        if at > 0 {
            let stop = TAB - width(&out) % TAB;
            out.extend(std::iter::repeat_n(' ', stop));
        }
        out.push_str(&clean(piece));
    }
    out
}

fn sweep(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut marks = 0;
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => {
                marks = if unicode_width::UnicodeWidthChar::width(c) == Some(0) { marks + 1 } else { 0 };
                if marks <= MARKS_PER_LETTER {
                    out.push(c);
                }
            }
        }
    }
    out
}

/// Characters that show nothing and change how others show, or hide text: direction marks, embeddings, overrides
/// and isolates; zero-width space and no-break space; soft hyphen; annotation and tag characters. The joiners stay:
/// scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// After ESC: the rest of one sequence by ECMA-48 (CSI, a string up to its terminator, or intermediates and a final byte).
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some('P' | 'X' | ']' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        _ => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
    }
}

/// Parameters, intermediates and the final byte of a control sequence. Stops before what cannot belong to it.
fn skip_csi(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// A control string up to ST or BEL. One that never ends swallows the rest: it was never meant to be read.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        let terminator = c == '\x1b' && chars.next_if_eq(&'\\').is_some();
        if terminator || matches!(c, '\x07' | '\u{9c}') {
            return;
        }
    }
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// The longest head of a text that fits, never splitting a grapheme.
pub fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > columns {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// The longest tail of a text that fits, never splitting a grapheme.
pub fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used > columns {
            return text.get(at + grapheme.len()..).unwrap_or_default();
        }
    }
    text
}

/// A text that fits, cut at its end: `Back-off restarti…`.
pub fn cut_end<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return text.into();
    }
    match columns.checked_sub(width(ellipsis)) {
        None | Some(0) => head(text, columns).into(),
        Some(room) => format!("{}{ellipsis}", head(text, room)).into(),
    }
}

/// A text that fits, cut in the middle: `team-al…-frontend`. Names differ at both ends; the head gets two thirds
/// and never gives way to the tail.
pub fn cut_middle<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return text.into();
    }
    let room = match columns.checked_sub(width(ellipsis)) {
        None | Some(0) => return head(text, columns).into(),
        Some(room) => room,
    };
    let front = head(text, room - room / 3);
    let back = tail(text.get(front.len()..).unwrap_or_default(), room - width(front));
    format!("{front}{ellipsis}{back}").into()
}

/// At which edge of its cell a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Fills a text with spaces to a width; what is wider stays as it is.
pub fn pad(text: &str, columns: usize, align: Align) -> Cow<'_, str> {
    let missing = columns.saturating_sub(width(text));
    match (missing, align) {
        (0, _) => text.into(),
        (_, Align::Left) => format!("{text}{:missing$}", "").into(),
        (_, Align::Right) => format!("{:missing$}{text}", "").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_cluster_sends_cannot_steer_the_terminal() {
        let cases = [
            ("team-alpha", "team-alpha"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b[2J\x1b[Hgone", "gone"),
            ("\x1b]0;title\x07name", "name"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1b]52;c;Y2F0\x1b\\kept", "kept"),
            ("\x1bPq#0\x1b\\sixel", "sixel"),
            ("\x1b(Bcharset", "charset"),
            ("\x1bcreset", "reset"),
            ("\u{9b}31mc1", "c1"),
            ("\u{9d}0;title\u{9c}c1 string", "c1 string"),
            ("two\r\nlines", "two lines"),
            ("a\tb", "a b"),
            ("bell\x07, nul\0, del\x7f", "bell, nul, del"),
            ("user\u{202e}txt.exe", "usertxt.exe"),
            ("\u{2066}isolate\u{2069}", "isolate"),
            ("a\u{200b}b\u{feff}", "ab"),
            ("日本語", "日本語"),
            ("e\u{301}", "e\u{301}"),
            ("👩\u{200d}🚀", "👩\u{200d}🚀"),
            ("\x1b", ""),
            ("\x1b[", ""),
            ("\x1b[31", ""),
            ("\x1b]never ends", ""),
            ("\x1b[31\nstays on the next line", " stays on the next line"),
        ];
        for (given, expected) in cases {
            assert_eq!(clean(given), expected, "{given:?}");
        }
    }

    #[test]
    fn a_pile_of_marks_is_cut_to_what_a_language_needs() {
        let piled = format!("z{}x", "\u{335}".repeat(500));
        assert_eq!(clean(&piled), format!("z{}x", "\u{335}".repeat(MARKS_PER_LETTER)));
    }

    #[test]
    fn tabs_in_text_of_lines_keep_columns() {
        let lines: Vec<_> = clean_lines("NAME\tREADY\r\nlonger-name\t1/1\n\n\x1b[1mx\x1b[0m\ty").collect();
        assert_eq!(lines, ["NAME    READY", "longer-name     1/1", "", "x       y"]);
    }

    #[test]
    fn cuts_keep_the_head_and_fit() {
        let cases = [
            ("team-alpha", 10, "team-alpha", "team-alpha"),
            ("team-alpha", 9, "team-a…ha", "team-alp…"),
            ("team-alpha", 3, "te…", "te…"),
            ("team-alpha", 2, "t…", "t…"),
            ("team-alpha", 1, "t", "t"),
            ("team-alpha", 0, "", ""),
            ("日本語クラスタ", 7, "日本…タ", "日本語…"),
            ("日本語", 1, "", ""),
        ];
        for (text, columns, middle, end) in cases {
            assert_eq!(cut_middle(text, columns, "…"), middle, "{text} to {columns}");
            assert_eq!(cut_end(text, columns, "…"), end, "{text} to {columns}");
        }
    }

    #[test]
    fn padding_fills_the_side_away_from_the_text() {
        assert_eq!(pad("7", 3, Align::Right), "  7");
        assert_eq!(pad("日", 3, Align::Left), "日 ");
        assert_eq!(pad("long", 2, Align::Left), "long");
    }

    proptest! {
        #[test]
        fn clean_text_has_nothing_to_clean(text in ".{0,60}") {
            let once = clean(&text).into_owned();
            prop_assert!(!once.chars().any(|c| c.is_control() || is_invisible(c)), "{once:?}");
            prop_assert_eq!(clean(&once).into_owned(), once);
        }

        #[test]
        fn cuts_never_exceed_their_columns_nor_lose_the_head(text in "\\PC{0,40}", columns in 0usize..50) {
            for cut in [cut_middle(&text, columns, "…"), cut_end(&text, columns, "…")] {
                prop_assert!(width(&cut) <= columns, "{cut:?} is wider than {columns}");
                let first = text.graphemes(true).next().unwrap_or("");
                let room_for_head = columns > first.width() || width(&text) <= columns;
                prop_assert!(!room_for_head || cut.starts_with(first), "{cut:?} lost {first:?}");
            }
        }

        #[test]
        fn heads_and_tails_are_whole_graphemes(text in "\\PC{0,30}", columns in 0usize..30) {
            let graphemes: Vec<&str> = text.graphemes(true).collect();
            for part in [head(&text, columns), tail(&text, columns)] {
                prop_assert!(width(part) <= columns);
                let whole: Vec<&str> = part.graphemes(true).collect();
                prop_assert!(whole.is_empty() || graphemes.windows(whole.len()).any(|w| w == whole));
            }
        }
    }
}
