//! Sets of field paths: a tree whose nodes may be members themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::Step;

/// A set of field paths. The empty path is a member when [`FieldSet::here`] says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the place itself belongs to the set.
    pub here: bool,
    /// What is below it. No child is empty.
    children: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    /// The set of nothing but the place itself.
    pub fn leaf() -> Self {
        FieldSet { here: true, children: BTreeMap::new() }
    }

    /// Whether it holds no path at all.
    pub fn is_empty(&self) -> bool {
        !self.here && self.children.is_empty()
    }

    /// What is below a step.
    pub fn below(&self, step: &Step) -> Option<&FieldSet> {
        self.children.get(step)
    }

    /// The steps that lead on.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, &FieldSet)> {
        self.children.iter()
    }

    /// Puts a set below a step; an empty one changes nothing.
    pub fn insert(&mut self, step: Step, set: FieldSet) {
        if set.is_empty() {
            return;
        }
        match self.children.entry(step) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(set);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                let both = slot.get().union(&set);
                slot.insert(both);
            }
        }
    }

    /// Every path of either.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut both = self.clone();
        both.here |= other.here;
        for (step, set) in &other.children {
            both.insert(step.clone(), set.clone());
        }
        both
    }

    /// Every path of both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut shared = FieldSet { here: self.here && other.here, ..FieldSet::default() };
        for (step, set) in &self.children {
            if let Some(theirs) = other.below(step) {
                shared.insert(step.clone(), set.intersection(theirs));
            }
        }
        shared
    }

    /// Every path of this one that the other does not hold.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut rest = FieldSet { here: self.here && !other.here, ..FieldSet::default() };
        for (step, set) in &self.children {
            match other.below(step) {
                Some(theirs) => rest.insert(step.clone(), set.difference(theirs)),
                None => rest.insert(step.clone(), set.clone()),
            }
        }
        rest
    }

    /// Every path that is not, and does not lie below, a member of the other.
    #[must_use]
    pub fn outside(&self, other: &FieldSet) -> FieldSet {
        if other.here {
            return FieldSet::default();
        }
        let mut rest = FieldSet { here: self.here, ..FieldSet::default() };
        for (step, set) in &self.children {
            match other.below(step) {
                Some(theirs) => rest.insert(step.clone(), set.outside(theirs)),
                None => rest.insert(step.clone(), set.clone()),
            }
        }
        rest
    }

    /// Every member as text, as conflicts name it: those of a place come before what lies below them.
    pub fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect(&mut String::new(), &mut found);
        found
    }

    fn collect(&self, path: &mut String, found: &mut Vec<String>) {
        let members = self.children.iter().filter(|(_, set)| set.here);
        found.extend(members.map(|(step, _)| format!("{path}{step}")));
        for (step, set) in &self.children {
            let length = path.len();
            path.push_str(&step.to_string());
            set.collect(path, found);
            path.truncate(length);
        }
    }

    /// The set with the given dotted field names, such as `metadata.uid`, as members.
    pub fn of_fields(paths: &[&str]) -> Self {
        let mut set = FieldSet::default();
        for path in paths {
            let below = path.rsplit('.').fold(FieldSet::leaf(), |below, name| {
                FieldSet::default().with(Step::Field(name.into()), below)
            });
            set = set.union(&below);
        }
        set
    }

    fn with(mut self, step: Step, below: FieldSet) -> Self {
        self.insert(step, below);
        self
    }

    /// Reads `fieldsV1`; what is no step is left out, as the API server does.
    pub fn from_wire(fields: &Value) -> Self {
        let mut set = FieldSet::default();
        for (key, below) in fields.as_object().into_iter().flatten() {
            if key == "." {
                set.here = true;
            } else if let Some(step) = Step::parse(key) {
                let mut child = FieldSet::from_wire(below);
                child.here |= child.children.is_empty();
                set.insert(step, child);
            }
        }
        set
    }

    /// Writes `fieldsV1`: a member without anything below it is `{}`, one with something below has `"."`.
    pub fn to_wire(&self) -> Value {
        let mut fields = Map::new();
        if self.here && !self.children.is_empty() {
            fields.insert(".".into(), Value::Object(Map::new()));
        }
        for (step, set) in &self.children {
            fields.insert(step.to_wire(), set.to_wire());
        }
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_set() -> impl Strategy<Value = FieldSet> {
        let leaf = Just(FieldSet::leaf());
        leaf.prop_recursive(4, 24, 4, |inner| {
            (any::<bool>(), prop::collection::vec(("[abc]", inner), 1..4)).prop_map(|(here, children)| {
                let mut set = FieldSet { here, ..FieldSet::default() };
                for (name, child) in children {
                    set.insert(Step::Field(name.into()), child);
                }
                set
            })
        })
    }

    #[test]
    fn the_wire_form_tells_members_from_the_way_to_them() {
        let wire = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:replicas": {}}});
        let set = FieldSet::from_wire(&wire);
        assert_eq!(set.paths(), [".metadata.labels", ".metadata.labels.app", ".spec.replicas"]);
        assert_eq!(set.to_wire(), wire);
        assert_eq!(FieldSet::of_fields(&["spec.replicas"]).paths(), [".spec.replicas"]);
    }

    #[test]
    fn outside_leaves_nothing_below_a_member() {
        let set = FieldSet::of_fields(&["metadata.uid", "status.phase", "spec.replicas"]);
        let reset = FieldSet::of_fields(&["status", "metadata.uid"]);
        assert_eq!(set.outside(&reset).paths(), [".spec.replicas"]);
    }

    proptest! {
        #[test]
        fn sets_are_sets(a in any_set(), b in any_set()) {
            prop_assert_eq!(FieldSet::from_wire(&a.to_wire()).paths(), a.paths());
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert!(a.difference(&b).intersection(&b).is_empty());
            prop_assert_eq!(a.intersection(&a), a);
        }
    }
}
