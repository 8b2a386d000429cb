//! YAML made readable line by line: keys, numbers, comments. What cannot be told by a line (block scalars) is
//! found once when the text is set.

use std::ops::Range;

use crate::theme::Slot;

/// Which lines are inside block scalars (`|`, `>`): text, whatever it looks like.
pub(super) fn block_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<bool> {
    let mut parent = None;
    lines
        .map(|line| {
            let indent = indent(line);
            let blank = indent == line.len();
            let inside = parent.is_some_and(|parent| blank || indent > parent);
            if !inside {
                parent = opens_block(line);
            }
            inside
        })
        .collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The indentation that a block's lines must exceed, if this line opens one.
fn opens_block(line: &str) -> Option<usize> {
    let (node, start) = skip_dashes(line);
    let (value, parent) = match key_end(node) {
        Some(colon) => (node.get(colon + 1..)?, start),
        // An entry of a list: its lines are deeper than its last dash.
        None => (node, line.get(..start)?.rfind('-')?),
    };
    let value = value.trim();
    let head = value.split(" #").next()?.trim_end();
    let mut signs = head.chars();
    let opens = matches!(signs.next(), Some('|' | '>'))
        && signs.all(|c| matches!(c, '+' | '-') || c.is_ascii_digit())
        && head.len() <= 3;
    opens.then_some(parent)
}

/// What follows the indentation and the dashes of list entries, and where it begins.
fn skip_dashes(line: &str) -> (&str, usize) {
    let mut start = indent(line);
    loop {
        let rest = line.get(start..).unwrap_or_default();
        match rest.strip_prefix("- ") {
            Some(more) => start += 2 + indent(more),
            None if rest == "-" => return ("", line.len()),
            None => return (rest, start),
        }
    }
}

/// Where the colon after a key is.
fn key_end(node: &str) -> Option<usize> {
    let from = match node.as_bytes().first()? {
        quote @ (b'"' | b'\'') => node.get(1..)?.find(char::from(*quote))? + 2,
        b'{' | b'[' | b'#' | b'|' | b'>' => return None,
        _ => 0,
    };
    let tail = node.get(from..)?;
    let at = tail.match_indices(':').map(|(at, _)| at).find(|at| {
        let next = tail.as_bytes().get(at + 1);
        next.is_none_or(|next| *next == b' ')
    })?;
    let quoted = from > 0;
    let comment = node.find(" #").is_some_and(|comment| comment < from + at);
    (!comment && (!quoted || at == 0)).then_some(from + at)
}

/// What the parts of a line mean; text between them is plain.
pub fn spans(line: &str) -> Vec<(Range<usize>, Slot)> {
    let indent = indent(line);
    let trimmed = line.get(indent..).unwrap_or_default();
    if trimmed.starts_with('#') || matches!(trimmed, "---" | "...") {
        return vec![(0..line.len(), Slot::Muted)];
    }
    let (node, start) = skip_dashes(line);
    let mut spans = vec![(indent..start, Slot::Muted)];
    let value = match key_end(node) {
        Some(colon) => {
            spans.push((start..start + colon, Slot::Accent));
            spans.push((start + colon..start + colon + 1, Slot::Muted));
            start + colon + 1
        }
        None => start,
    };
    spans.extend(value_spans(line, value));
    spans
}

fn value_spans(line: &str, from: usize) -> Vec<(Range<usize>, Slot)> {
    let tail = line.get(from..).unwrap_or_default();
    let quoted = tail.trim_start().starts_with(['"', '\'']);
    let comment = if quoted { None } else { tail.find(" #") };
    let end = from + comment.unwrap_or(tail.len());
    let value = line.get(from..end).unwrap_or_default().trim();
    let slot = match value {
        "null" | "~" | "true" | "false" => Slot::Info,
        number if number.parse::<f64>().is_ok() => Slot::Info,
        mark if mark.starts_with(['|', '>', '&', '*', '!']) => Slot::Muted,
        _ => Slot::Text,
    };
    vec![(from..end, slot), (end..line.len(), Slot::Muted)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The line with one letter per byte: k key, m muted, i number or constant, . plain.
    fn drawn(line: &str) -> String {
        let spans = spans(line);
        (0..line.len())
            .map(|at| match spans.iter().find(|(range, _)| range.contains(&at)).map(|(_, slot)| slot) {
                Some(Slot::Accent) => 'k',
                Some(Slot::Muted) => 'm',
                Some(Slot::Info) => 'i',
                _ => '.',
            })
            .collect()
    }

    #[test]
    fn keys_values_and_comments_are_told_apart() {
        for (line, expected) in [
            ("name: web", "kkkkm...."),
            ("replicas: 3", "kkkkkkkkmii"),
            ("  - a: true", "..mmkmiiiii"),
            ("- - x", "mmmm."),
            ("# note", "mmmmmm"),
            ("---", "mmm"),
            ("a: 1 # one", "kmiimmmmmm"),
            ("\"a:b\": c", "kkkkkm.."),
            ("url: http://x:80", "kkkm............"),
            ("a: \"b # c\"", "km........"),
            ("'it': null", "kkkkmiiiii"),
            ("a: &x", "kmmmm"),
            ("key:", "kkkm"),
            ("", ""),
            ("-", "m"),
        ] {
            assert_eq!(drawn(line), expected, "{line}");
        }
    }

    #[test]
    fn text_in_a_block_is_no_yaml() {
        let text = "data:\n  run.sh: |\n    a: 1\n\n      b: 2\n  next: x\nargs:\n- |-\n  c: 3\n- d: >2\n    e: 4\n  f: 5\n";
        let inside: Vec<&str> = text
            .lines()
            .zip(block_lines(text.lines()))
            .filter_map(|(line, inside)| inside.then_some(line.trim()))
            .collect();
        assert_eq!(inside, ["a: 1", "", "b: 2", "c: 3", "e: 4"]);
    }

    proptest! {
        #[test]
        fn any_line_has_spans_in_order_within_it(line in "( {0,4}|- )[-:#'\"|>{a-c1 é]{0,20}") {
            let mut end = 0;
            for (range, _) in spans(&line) {
                prop_assert!(range.start >= end && range.end >= range.start && range.end <= line.len());
                prop_assert!(line.get(range.clone()).is_some());
                end = range.end;
            }
            prop_assert_eq!(block_lines(line.lines()).len(), line.lines().count());
        }
    }
}
