//! Long lines in narrow places: which bytes of a line stand in which row of the screen.

use std::iter::once;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::text::width;

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
    let mut graphemes = text.grapheme_indices(true).map(|(at, g)| (at, width(g))).peekable();
    let mut start = 0;
    Box::new(std::iter::from_fn(move || {
        graphemes.peek()?;
        let mut used = 0;
        let mut taken = false;
        while let Some((_, w)) = graphemes.next_if(|(_, w)| used + w <= columns || !taken) {
            used += w;
            taken = true;
        }
        let end = graphemes.peek().map_or(text.len(), |(at, _)| *at);
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
    if text.is_ascii() {
        return (columns.min(text.len()), 0);
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        if used >= columns {
            return (at, used - columns);
        }
        used += width(grapheme);
    }
    (text.len(), 0)
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

    proptest! {
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
