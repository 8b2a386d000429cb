//! A kubeconfig as a person keeps it, and changes of it that leave everything else as it was.

use serde_json::{Map, Value};
use smol_str::SmolStr;
use thiserror::Error;

use super::entry::Entry;
use super::splice;

/// The lists of a kubeconfig that v9s changes.
pub(super) const SECTIONS: [&str; 3] = ["clusters", "users", "contexts"];
/// The key of the current context.
pub(super) const CURRENT: &str = "current-context";

/// A text that cannot be changed as a kubeconfig. It is not quoted: it may hold tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It is not YAML, or not a mapping.
    #[error("it is not the YAML of a kubeconfig{place}")]
    NotYaml {
        /// Line and column where that is known, such as ` (line 3, column 1)`.
        place: String,
    },
    /// A list is something else.
    #[error("`{section}` is not a list")]
    NotAList {
        /// Which one.
        section: &'static str,
    },
}

/// The text of a kubeconfig with what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    text: String,
    value: Value,
}

/// One change of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    /// Items to put into the sections, in their order; one of the same name is replaced.
    put: [Vec<Value>; 3],
    /// Names to take out of the sections.
    remove: [Vec<SmolStr>; 3],
    /// What becomes the current context; `Some(None)` for none.
    current: Option<Option<SmolStr>>,
}

impl Change {
    /// Puts in an entry, and makes it the current one where asked.
    pub fn put(entry: &Entry, make_current: bool) -> Self {
        Change {
            put: [vec![entry.cluster()], vec![entry.user()], vec![entry.context()]],
            remove: Default::default(),
            current: make_current.then(|| Some(entry.name.clone())),
        }
    }

    /// Makes another context the current one, or none.
    pub fn make_current(context: Option<SmolStr>) -> Self {
        Change { current: Some(context), ..Change::default() }
    }

    /// The same, and takes contexts out, with their clusters and users where no other context uses them.
    #[must_use]
    pub fn and_remove(mut self, document: &Document, contexts: &[SmolStr]) -> Self {
        let stays =
            |context: &&Value| name_of(context).is_none_or(|name| !contexts.iter().any(|gone| gone == name));
        let all = document.section("contexts");
        let refers = |context: &Value, part: &str| {
            context.get("context").and_then(|context| context.get(part)?.as_str().map(SmolStr::from))
        };
        for (section, part) in [(0, "cluster"), (1, "user")] {
            let used: Vec<SmolStr> = all.iter().filter(stays).filter_map(|it| refers(it, part)).collect();
            let gone = all.iter().filter(|it| !stays(it)).filter_map(|it| refers(it, part));
            let gone: Vec<SmolStr> = gone.filter(|name| !used.contains(name)).collect();
            if let Some(remove) = self.remove.get_mut(section) {
                remove.extend(gone);
            }
        }
        if let Some(remove) = self.remove.last_mut() {
            remove.extend(contexts.iter().cloned());
        }
        self
    }

    pub(super) fn put_into(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        SECTIONS
            .into_iter()
            .zip(&self.put)
            .flat_map(|(section, items)| items.iter().map(move |item| (section, item)))
    }

    pub(super) fn removed(&self) -> impl Iterator<Item = (&'static str, &SmolStr)> {
        let sections = SECTIONS.into_iter().zip(&self.remove);
        sections.flat_map(|(section, names)| names.iter().map(move |name| (section, name)))
    }

    pub(super) fn current(&self) -> Option<Option<&SmolStr>> {
        self.current.as_ref().map(Option::as_ref)
    }
}

impl Document {
    /// Reads a kubeconfig; an empty text is an empty one.
    ///
    /// # Errors
    /// When it is not YAML, no mapping, or one of its lists is none.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let value = match parse(text)? {
            Value::Null => Value::Object(Map::new()),
            value @ Value::Object(_) => value,
            _ => return Err(Unreadable::NotYaml { place: String::new() }),
        };
        for section in SECTIONS {
            if !matches!(value.get(section), None | Some(Value::Null | Value::Array(_))) {
                return Err(Unreadable::NotAList { section });
            }
        }
        Ok(Document { text: text.to_owned(), value })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Name of the current context, none when it is empty.
    pub fn current(&self) -> Option<&str> {
        self.value.get(CURRENT).and_then(Value::as_str).filter(|name| !name.is_empty())
    }

    /// Whether it has a context of this name.
    pub fn has_context(&self, name: &str) -> bool {
        self.find("contexts", name).is_some()
    }

    pub(super) fn section(&self, section: &str) -> &[Value] {
        self.value.get(section).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn find(&self, section: &str, name: &str) -> Option<&Value> {
        self.section(section).iter().find(|item| name_of(item) == Some(name))
    }

    /// The same with a change. The text stays as it was around what has changed, with its comments, where its form is the
    /// usual one; else it is written anew and says the same.
    ///
    /// # Errors
    /// When the result could not be written.
    pub fn with(&self, change: &Change) -> Result<Self, Unreadable> {
        let value = applied(&self.value, change);
        let spliced = splice::splice(&self.text, change);
        // Whatever the text looked like: what is kept says exactly what it is meant to say.
        let right = |text: &String| parse(text).is_ok_and(|said| said == value);
        let text = match spliced.filter(right) {
            Some(text) => text,
            None => {
                serde_saphyr::to_string(&value).ok().filter(right).unwrap_or_else(|| format!("{value:#}\n"))
            }
        };
        Ok(Document { text, value })
    }
}

pub(super) fn name_of(item: &Value) -> Option<&str> {
    item.get("name").and_then(Value::as_str)
}

pub(super) fn parse(text: &str) -> Result<Value, Unreadable> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        let place =
            place.map(|at| format!(" (line {}, column {})", at.line(), at.column())).unwrap_or_default();
        Unreadable::NotYaml { place }
    })
}

fn applied(before: &Value, change: &Change) -> Value {
    let mut root = before.as_object().cloned().unwrap_or_default();
    if root.is_empty() && change.put_into().next().is_some() {
        root.insert("apiVersion".to_owned(), "v1".into());
        root.insert("kind".to_owned(), "Config".into());
    }
    for (section, name) in change.removed() {
        if let Some(Value::Array(items)) = root.get_mut(section) {
            items.retain(|item| name_of(item) != Some(name));
        }
    }
    for (section, item) in change.put_into() {
        let list = root.entry(section).or_insert(Value::Null);
        if list.is_null() {
            *list = Value::Array(Vec::new());
        }
        if let Value::Array(items) = list {
            put(items, item);
        }
    }
    if let Some(current) = change.current() {
        root.insert(CURRENT.to_owned(), current.map_or("", SmolStr::as_str).into());
    }
    Value::Object(root)
}

/// In the place of the first of that name; there is one of it afterwards.
fn put(items: &mut Vec<Value>, item: &Value) {
    let same = |other: &Value| name_of(other) == name_of(item);
    match items.iter().position(same) {
        None => items.push(item.clone()),
        Some(at) => {
            let mut index = 0;
            items.retain(|other| {
                index += 1;
                index <= at + 1 || !same(other)
            });
            if let Some(place) = items.get_mut(at) {
                place.clone_from(item);
            }
        }
    }
}
