//! Long lines in narrow places: which bytes of a line stand in which row of the screen.

use std::iter::once;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::text::width;

/// What stands in one place of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Byte it begins at.
    pub at: usize,
    /// Bytes it takes.
    pub len: usize,
    /// Columns it takes.
    pub columns: usize,
}

/// The graphemes of a text from left to right. Where letters stand for themselves they are not looked up in tables:
/// lines may be a megabyte long, and are measured with every frame.
pub(super) fn places(text: &str) -> impl Iterator<Item = Place> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let mut chars = rest.chars();
        let (first, second) = (chars.next()?, chars.next());
        let (len, columns) = match plain_columns(first) {
            Some(columns) if second.is_none_or(|second| plain_columns(second).is_some()) => {
                (first.len_utf8(), columns)
            }
            _ => {
                let grapheme = rest.graphemes(true).next()?;
                (grapheme.len(), width(grapheme))
            }
        };
        let place = Place { at, len, columns };
        at += len;
        Some(place)
    })
}

/// How wide a letter is if it never joins with another such letter into one grapheme.
fn plain_columns(c: char) -> Option<usize> {
    match c {
        ' '..='~' | '\u{c0}'..='\u{17f}' | '\u{400}'..='\u{481}' => Some(1),
        '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' => Some(2),
        _ => None,
    }
}

/// The rows that a clean line takes in so many columns, as byte ranges that follow each other without a gap. There
/// is always one, and none is empty in a line that is not. A grapheme wider than a row has a row for itself.
pub(super) fn rows(text: &str, columns: usize) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
    let columns = columns.max(1);
    if text.len() <= columns {
        return Box::new(once(0..text.len()));
    }
    if text.is_ascii() {
        let len = text.len();
        return Box::new(
            (0..len.div_ceil(columns)).map(move |row| row * columns..((row + 1) * columns).min(len)),
        );
    }
    let mut places = places(text).peekable();
    let mut start = 0;
    Box::new(std::iter::from_fn(move || {
        places.peek()?;
        let mut used = 0;
        let mut taken = false;
        while let Some(place) = places.next_if(|place| used + place.columns <= columns || !taken) {
            used += place.columns;
            taken = true;
        }
        let end = places.peek().map_or(text.len(), |place| place.at);
        Some(std::mem::replace(&mut start, end)..end)
    }))
}

/// How many rows a clean line takes in so many columns.
pub(super) fn row_count(text: &str, columns: usize) -> usize {
    let columns = columns.max(1);
    match text.len() {
        len if len <= columns => 1,
        len if text.is_ascii() => len.div_ceil(columns),
        _ => rows(text, columns).count(),
    }
}

/// What is left of a clean line after so many columns: the byte it begins at, and how many columns stay blank in
/// front of it because a wide grapheme was cut through.
pub(super) fn skip(text: &str, columns: usize) -> (usize, usize) {
    if columns == 0 {
        return (0, 0);
    }
    let mut used = 0;
    for place in places(text) {
        if used >= columns {
            return (place.at, used - columns);
        }
        used += place.columns;
    }
    (text.len(), 0)
}

/// Columns that a clean line takes.
pub(super) fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { places(text).map(|place| place.columns).sum() }
}

/// Whether a clean line takes more than so many columns. Looks no further than that.
pub(super) fn exceeds(text: &str, columns: usize) -> bool {
    let mut left = columns;
    text.len() > columns
        && places(text).any(|place| match left.checked_sub(place.columns) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrapped(text: &str, columns: usize) -> Vec<&str> {
        rows(text, columns).map(|row| &text[row]).collect()
    }

    #[test]
    fn lines_break_where_the_screen_ends() {
        for (text, columns, expected) in [
            ("", 5, &[""][..]),
            ("abc", 5, &["abc"]),
            ("abcdef", 3, &["abc", "def"]),
            ("abcdefg", 3, &["abc", "def", "g"]),
            ("日本語", 4, &["日本", "語"]),
            ("a日b", 2, &["a", "日", "b"]),
            ("日本", 1, &["日", "本"]),
        ] {
            assert_eq!(wrapped(text, columns), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn a_wide_sign_cut_through_leaves_a_blank() {
        assert_eq!(skip("日本語", 0), (0, 0));
        assert_eq!(skip("日本語", 1), (3, 1));
        assert_eq!(skip("日本語", 2), (3, 0));
        assert_eq!(skip("日本語", 99), (9, 0));
        assert_eq!(skip("abc", 2), (2, 0));
        assert_eq!(skip("abc", 9), (3, 0));
    }

    /// Letters that stand alone beside signs that join with what is before or after them.
    fn tricky() -> impl Strategy<Value = String> {
        let pieces = vec![
            "a", "é", "ж", "日", "か", "カ", "\u{3099}", "\u{301}", "\u{200d}", "👩", "🇩", "🇪", "\u{fe0f}",
            "각", "ᄀ", "ᅡ", "क", "ि", "\u{600}", "ก", "ำ",
        ];
        prop_oneof![
            prop::collection::vec(prop::sample::select(pieces), 0..12).prop_map(|pieces| pieces.concat()),
            "\\PC{0,30}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn the_short_way_through_a_line_leads_to_the_same_places(text in tricky()) {
            let short: Vec<Place> = places(&text).collect();
            let long: Vec<Place> = text
                .grapheme_indices(true)
                .map(|(at, grapheme)| Place { at, len: grapheme.len(), columns: width(grapheme) })
                .collect();
            prop_assert_eq!(short, long);
            prop_assert_eq!(columns(&text), width(&text));
            for limit in [0, 1, 5, width(&text)] {
                prop_assert_eq!(exceeds(&text, limit), width(&text) > limit);
            }
        }

        #[test]
        fn rows_hold_the_whole_line_and_fit(text in "\\PC{0,60}", columns in 1usize..20) {
            let rows: Vec<_> = rows(&text, columns).collect();
            prop_assert_eq!(rows.len(), row_count(&text, columns));
            let mut end = 0;
            for row in &rows {
                prop_assert_eq!(row.start, end);
                end = row.end;
                let piece = &text[row.clone()];
                prop_assert!(width(piece) <= columns || piece.graphemes(true).count() == 1, "{piece:?}");
                prop_assert!(text.is_empty() || !piece.is_empty());
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
