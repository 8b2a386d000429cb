//! Settings by their path, each of its type, with the default of the table where the document says nothing.
//!
//! A value that does not fit counts as not set: the check has told about it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::node::Node;
use super::problem::{Path, Place, Problem};
use super::table::{Entry, Form, TABLE};

/// A part of a document with its part of the table.
pub(super) struct View<'d> {
    root: &'d Node,
    /// Where this part is in the document.
    path: Path,
    problems: &'d RefCell<Vec<Problem>>,
}

/// A switch that may leave the decision to v9s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
    Auto,
}

impl<'d> View<'d> {
    /// The whole document.
    pub fn new(root: &'d Node, problems: &'d RefCell<Vec<Problem>>) -> View<'d> {
        View { root, path: Path::default(), problems }
    }

    /// A mapping inside this one.
    pub fn at(&self, dotted: &str) -> View<'d> {
        View { root: self.root, path: self.path.join(dotted), problems: self.problems }
    }

    /// The mappings of a list.
    pub fn items(&self, dotted: &str) -> Vec<View<'d>> {
        let path = self.path.join(dotted);
        let count = self.root.at_path(&path).map_or(0, |list| list.items().len());
        (0..count)
            .map(|index| View { root: self.root, path: path.item(index), problems: self.problems })
            .collect()
    }

    /// The mappings of a map, with their keys.
    pub fn entries(&self, dotted: &str) -> Vec<(String, View<'d>)> {
        let path = self.path.join(dotted);
        let members = self.root.at_path(&path).map_or(&[][..], Node::members).iter();
        members
            .filter(|member| !member.value.is_null())
            .map(|member| {
                let view = View { root: self.root, path: path.key(&member.key), problems: self.problems };
                (member.key.clone(), view)
            })
            .collect()
    }

    /// The path of a setting.
    pub fn path(&self, dotted: &str) -> Path {
        self.path.join(dotted)
    }

    /// Where a setting stands, if the document has it.
    pub fn place(&self, dotted: &str) -> Option<Place> {
        self.root.place_of(&self.path.join(dotted))
    }

    /// Where this part stands.
    fn own_place(&self) -> Option<Place> {
        self.root.place_of(&self.path)
    }

    /// Whether the document has a setting, and not as null.
    pub fn has(&self, dotted: &str) -> bool {
        self.root.at_path(&self.path.join(dotted)).is_some_and(|node| !node.is_null())
    }

    /// Tells of a problem with a setting; with this part itself when the path is empty.
    pub fn complain(&self, dotted: &str, what: impl Into<String>) {
        let place = self.place(dotted).or_else(|| self.own_place());
        self.problems.borrow_mut().push(Problem::new(place, self.path.join(dotted), what));
    }

    /// Tells of a problem with a key of a map or an item of a list.
    pub fn complain_at(&self, path: Path, what: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(self.root.place_of(&path), path, what));
    }

    /// Tells that two settings contradict each other.
    pub fn contradict(&self, dotted: &str, what: impl Into<String>, other: &View, against: &str) {
        self.contradict_paths(self.path(dotted), what, other.path(against));
    }

    /// The same with whole paths. The place is that of the one that the document has.
    pub fn contradict_paths(&self, path: Path, what: impl Into<String>, against: Path) {
        let (at, other) = (self.root.place_of(&path), self.root.place_of(&against));
        let problem = Problem { at: at.or(other), path, against: Some((against, other)), what: what.into() };
        self.problems.borrow_mut().push(problem);
    }

    pub fn flag(&self, dotted: &str) -> bool {
        self.value(dotted).as_bool().unwrap_or_default()
    }

    pub fn switch(&self, dotted: &str) -> Switch {
        match self.value(dotted) {
            Value::Bool(true) => Switch::On,
            Value::String(_) => Switch::Auto,
            _ => Switch::Off,
        }
    }

    /// A number; the range in the table says that it fits.
    pub fn number<N: TryFrom<i64> + Default>(&self, dotted: &str) -> N {
        self.value(dotted).as_i64().and_then(|value| N::try_from(value).ok()).unwrap_or_default()
    }

    pub fn text(&self, dotted: &str) -> String {
        match self.value(dotted) {
            Value::String(text) => text,
            _ => String::new(),
        }
    }

    /// Text that is not empty.
    pub fn some_text(&self, dotted: &str) -> Option<String> {
        Some(self.text(dotted)).filter(|text| !text.is_empty())
    }

    pub fn texts(&self, dotted: &str) -> Vec<String> {
        self.typed(dotted)
    }

    pub fn map(&self, dotted: &str) -> BTreeMap<String, String> {
        self.typed(dotted)
    }

    /// A value of Kubernetes' own types, or a list or map of them. The default of the type when nothing is set.
    pub fn typed<T: DeserializeOwned + Default>(&self, dotted: &str) -> T {
        serde_json::from_value(self.value(dotted)).unwrap_or_default()
    }

    /// The same; None when it is empty.
    pub fn some_typed<T: DeserializeOwned>(&self, dotted: &str) -> Option<T> {
        let value = self.value(dotted);
        let empty = match &value {
            Value::Object(members) => members.is_empty(),
            Value::String(text) => text.is_empty(),
            other => other.is_null(),
        };
        if empty { None } else { serde_json::from_value(value).ok() }
    }

    /// The value of a setting, in the form that its type gives it.
    fn value(&self, dotted: &str) -> Value {
        let path = self.path.join(dotted);
        let Some(Entry { form: Form::Value(kind), default, .. }) = TABLE.at_path(&path) else {
            debug_assert!(false, "{path} is not in the table");
            return Value::Null;
        };
        let default = Node::of_json(default);
        let read = |node: &Node| kind.read(node, &path, &mut Vec::new());
        let stated = match self.root.at_path(&path) {
            Some(node) if !node.is_null() => read(node).and_then(|_| read(&default.overlaid(node))),
            _ => None,
        };
        stated.or_else(|| read(&default)).unwrap_or_else(|| kind.nothing())
    }
}
