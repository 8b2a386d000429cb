//! Settings by their path, each of its type, with the default of the table where the document says nothing.
//!
//! A value that does not fit counts as not set: the check has told about it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::node::{Content, Node};
use super::problem::{Path, Problem};
use super::table::{Entry, Form, TABLE};

/// A part of a document with its part of the table.
pub(super) struct View<'d> {
    root: &'d Node,
    /// Where this part is in the document.
    path: Path,
    told: &'d Told,
}

/// What was told about a document so far.
#[derive(Default)]
pub(super) struct Told {
    problems: RefCell<Vec<Problem>>,
    /// Settings that are wrong by themselves: there is nothing more to say about their values.
    unfit: BTreeSet<Path>,
    /// Settings that were looked at.
    #[cfg(test)]
    pub seen: RefCell<BTreeSet<Path>>,
}

impl Told {
    pub fn about(problems: Vec<Problem>) -> Told {
        let unfit = problems.iter().map(|problem| problem.path.clone()).collect();
        Told {
            problems: RefCell::new(problems),
            unfit,
            #[cfg(test)]
            seen: RefCell::default(),
        }
    }

    pub fn all(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }
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
    pub fn new(root: &'d Node, told: &'d Told) -> View<'d> {
        View { root, path: Path::default(), told }
    }

    /// A mapping inside this one.
    pub fn at(&self, dotted: &str) -> View<'d> {
        self.below(self.path.join(dotted))
    }

    /// The mappings of a list.
    pub fn items(&self, dotted: &str) -> Vec<View<'d>> {
        let path = self.path.join(dotted);
        let items = self.root.at_path(&path).map_or(&[][..], Node::items).iter().enumerate();
        items.filter(|(_, item)| is_map(item)).map(|(index, _)| self.below(path.item(index))).collect()
    }

    /// The mappings of a map, with their keys.
    pub fn entries(&self, dotted: &str) -> Vec<(String, View<'d>)> {
        let path = self.path.join(dotted);
        let members = self.root.at_path(&path).map_or(&[][..], Node::members).iter();
        members
            .filter(|member| is_map(&member.value))
            .map(|member| (member.key.clone(), self.below(path.key(&member.key))))
            .collect()
    }

    fn below(&self, path: Path) -> View<'d> {
        View { root: self.root, path, told: self.told }
    }

    /// The path of a setting.
    pub fn path(&self, dotted: &str) -> Path {
        self.path.join(dotted)
    }

    /// Whether the document has a setting, and not as null.
    pub fn has(&self, dotted: &str) -> bool {
        self.root.at_path(&self.path.join(dotted)).is_some_and(|node| !node.is_null())
    }

    /// Tells of a problem with a setting; with this part itself when the path is empty.
    pub fn complain(&self, dotted: &str, what: impl Into<String>) {
        self.complain_at(self.path.join(dotted), what);
    }

    /// Tells of a problem with a key of a map or an item of a list. What is not there has the place of this part.
    pub fn complain_at(&self, path: Path, what: impl Into<String>) {
        if !self.told.unfit.contains(&path) {
            let place = self.root.place_of(&path).or_else(|| self.root.place_of(&self.path));
            self.told.push(Problem::new(place, path, what));
        }
    }

    /// Tells that two settings contradict each other.
    pub fn contradict(&self, dotted: &str, what: impl Into<String>, other: &View, against: &str) {
        self.contradict_paths(self.path(dotted), what, other.path(against));
    }

    /// The same with whole paths. The place is that of the one that the document has.
    pub fn contradict_paths(&self, path: Path, what: impl Into<String>, against: Path) {
        let (at, other) = (self.root.place_of(&path), self.root.place_of(&against));
        let problem = Problem { at: at.or(other), path, against: Some((against, other)), what: what.into() };
        self.told.push(problem);
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

    /// Whether a setting says something else than its default.
    pub fn differs(&self, dotted: &str) -> bool {
        let default = View { root: &Node::empty(), path: self.path.clone(), told: self.told }.value(dotted);
        self.value(dotted) != default
    }

    /// The value of a setting, in the form that its type gives it.
    fn value(&self, dotted: &str) -> Value {
        let path = self.path.join(dotted);
        let Some(Entry { form: Form::Value(kind), default, .. }) = TABLE.at_path(&path) else {
            debug_assert!(false, "{path} is not in the table");
            return Value::Null;
        };
        #[cfg(test)]
        self.told.seen.borrow_mut().insert(path.clone());
        let default = Node::of_json(default);
        let read = |node: &Node| kind.read(node, &path, &mut Vec::new());
        let stated = match self.root.at_path(&path) {
            Some(node) if !node.is_null() => read(node).and_then(|_| read(&default.overlaid(node))),
            _ => None,
        };
        stated.or_else(|| read(&default)).unwrap_or_else(|| kind.nothing())
    }
}

fn is_map(node: &Node) -> bool {
    matches!(node.content, Content::Map(_))
}
