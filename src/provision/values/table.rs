//! Every setting of `vcluster.yaml`: its type, its default, and what v9s does with it. Data, in `table/`.
//!
//! A line is `KEY [TYPE] [= DEFAULT] [-- VERDICT: SENTENCE]`; what is indented below a key is inside of it.
//! * TYPE: none for a mapping, `list` and `map` for lists and maps of what is inside, `@SHAPE` for what `shapes.txt` calls so,
//!   otherwise one of [`Kind`]. A line `@SHAPE` without a key stands for what is inside that shape.
//! * DEFAULT: JSON. Without it: off, zero or empty. Behind a shape: those of the keys inside.
//! * VERDICT: `yes` (v9s reads it), `no` (refused unless off or at its default), `ok` (accepted, there is nothing to do). It
//!   holds for everything inside that has none of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::kind::Kind;
use super::problem::{Path, Step};

/// What v9s does with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It reads the setting, for the program that acts on it.
    Done,
    /// It refuses the setting unless it is off or at its default.
    Refused,
    /// There is nothing to do.
    Harmless,
}

/// What v9s does with a setting, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub treatment: Treatment,
    pub sentence: String,
    /// The setting for which it was spelled; one is told once of everything refused by the same verdict.
    pub of: Path,
}

/// What may be there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// A mapping with these keys.
    Group(Vec<Entry>),
    /// A list of such mappings.
    List(Vec<Entry>),
    /// A mapping of any key to such a mapping.
    Map(Vec<Entry>),
    /// A single value, or something that other rules describe.
    Value(Kind),
}

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub form: Form,
    /// Null when it is off, zero or empty.
    pub default: Value,
    pub verdict: Option<Arc<Verdict>>,
}

impl Entry {
    /// Keys inside, whatever they are inside of.
    pub fn inside(&self) -> &[Entry] {
        match &self.form {
            Form::Group(entries) | Form::List(entries) | Form::Map(entries) => entries,
            Form::Value(_) => &[],
        }
    }

    /// The entry for a path of a document.
    pub fn at_path(&self, path: &Path) -> Option<&Entry> {
        let mut entry = self;
        // Behind the key of a list or map comes a position or a key that chooses one of its mappings.
        let mut choosing = false;
        for step in path.steps() {
            if choosing {
                choosing = false;
                continue;
            }
            let Step::Key(key) = step else { return None };
            entry = entry.inside().iter().find(|inside| inside.key == *key)?;
            choosing = matches!(entry.form, Form::List(_) | Form::Map(_));
        }
        Some(entry)
    }
}

/// The table: a mapping of the top-level keys.
pub(super) static TABLE: LazyLock<Entry> = LazyLock::new(|| {
    let shapes = Shapes::of(include_str!("table/shapes.txt"));
    let files = [
        include_str!("table/sync.txt"),
        include_str!("table/control-plane.txt"),
        include_str!("table/network.txt"),
        include_str!("table/other.txt"),
        include_str!("table/nodes.txt"),
        include_str!("table/v9s.txt"),
    ];
    let top = files.iter().flat_map(|file| shapes.entries(&lines(file), &Path::default(), None)).collect();
    Entry { key: String::new(), form: Form::Group(top), default: Value::Null, verdict: None }
});

/// A line of the table with what is indented below it.
#[derive(Debug, Clone, Default)]
struct Line<'t> {
    key: &'t str,
    kind: &'t str,
    default: &'t str,
    verdict: &'t str,
    inside: Vec<Line<'t>>,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let all: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    block(&mut all.as_slice(), 0)
}

/// The lines at an indentation, up to the first that has less.
fn block<'t>(rest: &mut &[&'t str], indent: usize) -> Vec<Line<'t>> {
    let mut found = Vec::new();
    while let Some((line, after)) = rest.split_first() {
        if line.len() - line.trim_start().len() < indent {
            break;
        }
        *rest = after;
        let mut parsed = Line::of(line.trim());
        parsed.inside = block(rest, indent + 2);
        found.push(parsed);
    }
    found
}

impl<'t> Line<'t> {
    fn of(line: &'t str) -> Line<'t> {
        let (left, verdict) = line.split_once(" -- ").unwrap_or((line, ""));
        let (left, default) = left.split_once(" = ").unwrap_or((left, ""));
        let (key, kind) = left.split_once(' ').unwrap_or((left, ""));
        Line { key, kind, default, verdict, inside: Vec::new() }
    }
}

struct Shapes<'t>(BTreeMap<&'t str, Line<'t>>);

impl<'t> Shapes<'t> {
    fn of(text: &'t str) -> Shapes<'t> {
        Shapes(lines(text).into_iter().map(|line| (line.key, line)).collect())
    }

    fn entries(&self, lines: &[Line], within: &Path, inherited: Option<&Arc<Verdict>>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for line in lines {
            if let Some(shape) = self.0.get(line.key) {
                entries.extend(self.entries(&shape.inside, within, inherited));
            } else {
                entries.push(self.entry(line, within, inherited));
            }
        }
        // It is kept for as long as the process lives.
        entries.shrink_to_fit();
        entries
    }

    fn entry(&self, line: &Line, within: &Path, inherited: Option<&Arc<Verdict>>) -> Entry {
        let path = within.key(line.key);
        let shape = self.0.get(line.kind);
        let verdict = verdict(line.verdict, &path)
            .or_else(|| verdict(shape.map_or("", |shape| shape.verdict), &path))
            .or_else(|| inherited.cloned());
        let kind = shape.map_or(line.kind, |shape| shape.kind);
        let default = serde_json::from_str(line.default).unwrap_or(Value::Null);
        let mut inside = Vec::new();
        for lines in [shape.map_or(&[][..], |shape| &shape.inside), &line.inside] {
            inside.extend(self.entries(lines, &path, verdict.as_ref()));
        }
        inside.shrink_to_fit();
        let form = match kind {
            "" => Form::Group(inside),
            "list" => Form::List(inside),
            "map" => Form::Map(inside),
            kind => Form::Value(Kind::of(kind).unwrap_or(Kind::Any)),
        };
        let mut entry = Entry { key: line.key.to_owned(), form, default, verdict };
        entry.hand_down();
        entry
    }
}

impl Entry {
    /// Gives the default of a mapping to the keys that it names.
    fn hand_down(&mut self) {
        if let (Form::Group(inside), Value::Object(defaults)) = (&mut self.form, &mut self.default) {
            for entry in inside {
                if let Some(default) = defaults.remove(&entry.key) {
                    entry.default = default;
                }
            }
            self.default = Value::Null;
        }
    }
}

fn verdict(text: &str, path: &Path) -> Option<Arc<Verdict>> {
    let (word, sentence) = text.split_once(": ")?;
    let treatment = match word {
        "yes" => Treatment::Done,
        "no" => Treatment::Refused,
        "ok" => Treatment::Harmless,
        _ => return None,
    };
    Some(Arc::new(Verdict { treatment, sentence: sentence.to_owned(), of: path.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line of the files, with those of shapes.
    fn all_lines() -> Vec<&'static str> {
        [
            include_str!("table/shapes.txt"),
            include_str!("table/sync.txt"),
            include_str!("table/control-plane.txt"),
            include_str!("table/network.txt"),
            include_str!("table/other.txt"),
            include_str!("table/nodes.txt"),
            include_str!("table/v9s.txt"),
        ]
        .iter()
        .flat_map(|file| file.lines())
        .filter(|line| !line.starts_with('#'))
        .collect()
    }

    #[test]
    fn every_line_is_in_the_language_of_the_table() {
        let shapes = Shapes::of(include_str!("table/shapes.txt"));
        for text in all_lines() {
            let line = Line::of(text.trim());
            assert_eq!((text.len() - text.trim_start().len()) % 2, 0, "{text}");
            let known = matches!(line.kind, "" | "list" | "map")
                || shapes.0.contains_key(line.kind)
                || Kind::of(line.kind).is_some();
            assert!(known, "no type: {text}");
            assert!(line.default.is_empty() || serde_json::from_str::<Value>(line.default).is_ok(), "{text}");
            assert!(line.verdict.is_empty() || verdict(line.verdict, &Path::default()).is_some(), "{text}");
            assert!(!line.key.starts_with('@') || shapes.0.contains_key(line.key), "no shape: {text}");
        }
    }

    #[test]
    fn every_setting_has_a_verdict_and_no_key_is_there_twice() {
        fn look(entry: &Entry, path: &Path) {
            let mut keys: Vec<&str> = entry.inside().iter().map(|inside| inside.key.as_str()).collect();
            keys.sort_unstable();
            assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{path}: {keys:?}");
            match &entry.form {
                Form::Value(_) => assert!(entry.verdict.is_some(), "{path}"),
                _ => assert!(!keys.is_empty(), "{path}"),
            }
            for inside in entry.inside() {
                look(inside, &path.key(&inside.key));
            }
        }
        look(&TABLE, &Path::default());
    }

    #[test]
    fn defaults_fit_their_types() {
        fn look(entry: &Entry, path: &Path) {
            if let (Form::Value(kind), false) = (&entry.form, entry.default.is_null()) {
                assert!(kind.takes(&entry.default), "{path}: {}", entry.default);
            } else {
                assert_eq!(entry.default, Value::Null, "{path}");
            }
            entry.inside().iter().for_each(|inside| look(inside, &path.key(&inside.key)));
        }
        look(&TABLE, &Path::default());
    }
}
