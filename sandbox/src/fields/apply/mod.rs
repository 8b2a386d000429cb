//! What a write does to an object and to the ownership of its fields.

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;

use super::managers::{Manager, Managers};
use super::path::Step;
use super::set::FieldSet;
use super::typed::{compare, fields_of, merge, remove};
use super::{Malformed, Operation};
use crate::kinds::Schema;
use crate::kinds::zeros::blank;

/// Fields that no manager owns: the server sets them, or they say which object it is.
const UNOWNED: [&str; 11] = [
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.namespace",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.selfLink",
    "metadata.uid",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.resourceVersion",
];

/// The manager of what was there before anybody was tracked.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What an apply made.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The object, without `metadata.managedFields`.
    pub object: Value,
    /// Who owns what now.
    pub managers: Managers,
}

/// A field that somebody else owns and that the apply would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: Manager,
    /// The field, such as `.spec.replicas`.
    pub field: String,
}

impl Conflict {
    /// The owner as the API server's messages name it.
    fn owner(&self) -> String {
        let Manager { name, operation, api_version, subresource } = &self.manager;
        let mut owner = format!("{name:?}");
        if !subresource.is_empty() {
            owner += &format!(" with subresource {subresource:?}");
        }
        match operation {
            Operation::Apply => owner,
            Operation::Update => format!("{owner} using {api_version}"),
        }
    }

    /// The message of this conflict's cause in the `Status`.
    pub fn cause(&self) -> String {
        format!("conflict with {}", self.owner())
    }
}

/// The message of a `Status` that reports these conflicts.
pub fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [one] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", one.owner(), one.field);
    }
    let mut by_owner: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for conflict in conflicts {
        by_owner.entry(conflict.owner()).or_default().push(&conflict.field);
    }
    let lines = by_owner.iter().flat_map(|(owner, fields)| {
        let fields = fields.iter().map(|field| format!("- {field}"));
        std::iter::once(format!("conflicts with {owner}:")).chain(fields)
    });
    let lines: Vec<String> = lines.collect();
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// Why an apply was not carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields that it would change.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// The applied object cannot be merged.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What the server leaves out of a write: `status` where the object itself is written, everything else where its
/// status is (`reset`), and what nobody owns.
fn unowned(reset: &[&str]) -> FieldSet {
    FieldSet::of_fields(&UNOWNED).union(&FieldSet::of_fields(reset))
}

/// Who owns what after a write that is no apply: the writer owns what it changed.
///
/// `live` is none for a create. `reset` names the fields the write cannot touch, such as `status`.
pub fn update(
    live: Option<&Value>,
    new: &Value,
    schema: &Schema,
    mut managers: Managers,
    manager: &Manager,
    reset: &[&str],
    now: &str,
) -> Managers {
    let nothing;
    let old = match live {
        Some(live) => live,
        None => {
            nothing = blank(schema);
            &nothing
        }
    };
    let changes = compare(old, new, schema);
    let changed = changes.modified.union(&changes.added);
    // Managers of other versions call fields otherwise; see `give_up`.
    for other in managers.others(manager).filter(|other| other.manager.api_version == manager.api_version) {
        other.fields = other.fields.difference(&changed).difference(&changes.removed);
    }
    let own = managers.fields(manager).cloned().unwrap_or_default();
    let unowned = unowned(reset);
    let own = own.union(&changed).difference(&changes.removed).outside(&unowned);
    managers.set(manager, own, !changed.outside(&unowned).is_empty(), time(manager, now));
    managers
}

/// When a manager wrote. The real server loses that on the way from a Scale to what it scales.
fn time<'t>(manager: &Manager, now: &'t str) -> &'t str {
    if manager.subresource == "scale" { "" } else { now }
}

/// Takes what changed from the managers of one version, with the object as that version shows it.
pub fn give_up(managers: &mut Managers, api_version: &str, old: &Value, new: &Value, schema: &Schema) {
    let changes = compare(old, new, schema);
    let changed = changes.modified.union(&changes.added).union(&changes.removed);
    for entry in managers.entries.iter_mut().filter(|entry| entry.manager.api_version == api_version) {
        entry.fields = entry.fields.difference(&changed);
    }
    managers.entries.retain(|entry| !entry.fields.is_empty());
}

/// Server-side apply. `live` is none when the object does not exist.
///
/// # Errors
/// Conflicts with other managers unless `force`; lists whose items cannot be told apart.
#[expect(clippy::too_many_arguments, reason = "the request has that many parts and each is used once")]
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    schema: &Schema,
    mut managers: Managers,
    manager: &Manager,
    reset: &[&str],
    force: bool,
    now: &str,
) -> Result<Applied, ApplyError> {
    debug_assert_eq!(manager.operation, Operation::Apply);
    let unowned = unowned(reset);
    let nothing = Value::Object(serde_json::Map::new());
    if let (Some(live), true) = (live, managers.is_empty()) {
        // Whoever wrote it before ownership was tracked keeps what is there.
        let before = Manager {
            name: BEFORE_FIRST_APPLY.into(),
            operation: Operation::Update,
            subresource: SmolStr::default(),
            ..manager.clone()
        };
        managers = update(None, live, schema, managers, &before, reset, now);
    }
    let live = live.unwrap_or(&nothing);
    let merged = merge(live, applied, schema, "")?;
    let said = fields_of(applied, schema);
    let before = managers.fields(manager).cloned().unwrap_or_default();
    let given_up = abandoned(&before, &said, &managers, manager);
    let wanted = said.outside(&unowned);
    let mut object = remove(&merged, &given_up, schema).unwrap_or_else(|| nothing.clone());
    for other in managers.entries.iter().filter(|entry| entry.manager != *manager) {
        leave_empty(&mut object, &merged, &other.fields);
    }

    let changes = compare(live, &object, schema);
    let changed = changes.modified.union(&changes.added);
    let mut conflicts = Vec::new();
    for other in managers.others(manager) {
        let contested = other.fields.intersection(&changed);
        conflicts.extend(
            contested.paths().into_iter().map(|field| Conflict { manager: other.manager.clone(), field }),
        );
        other.fields = other.fields.difference(&contested).difference(&changes.removed);
    }
    if !force && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts(conflicts));
    }
    // As the real server: sharing what is there already leaves no time. To say nothing of what is not there is to say
    // something.
    let now = if object == *live && !says_nothing(applied, Some(live)) { "" } else { now };
    managers.set(manager, wanted, true, time(manager, now));
    take_away(&mut object, applied);
    Ok(Applied { object, managers })
}

/// Puts back, without anything in it, what somebody else owns as such and what has lost everything.
fn leave_empty(object: &mut Value, merged: &Value, owned: &FieldSet) {
    let (Value::Object(fields), Value::Object(before)) = (object, merged) else { return };
    for (step, below) in owned.steps() {
        let Step::Field(name) = step else { continue };
        let Some(was) = before.get(name.as_str()).filter(|was| was.is_object()) else { continue };
        match fields.get_mut(name.as_str()) {
            Some(value) => leave_empty(value, was, below),
            None if below.here => {
                fields.insert(name.to_string(), Value::Object(serde_json::Map::new()));
            }
            None => {}
        }
    }
}

/// Removes what the applied object says is nothing.
fn take_away(object: &mut Value, applied: &Value) {
    let (Value::Object(fields), Value::Object(applied)) = (object, applied) else { return };
    for (name, wanted) in applied {
        match fields.get_mut(name) {
            Some(Value::Null) if wanted.is_null() => {
                fields.remove(name);
            }
            Some(value) => take_away(value, wanted),
            None => {}
        }
    }
}

/// Whether there is a null among the applied fields where the live object has nothing at all.
fn says_nothing(applied: &Value, live: Option<&Value>) -> bool {
    match applied {
        Value::Null => live.is_none(),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| says_nothing(value, live.and_then(|live| live.get(name))))
        }
        _ => false,
    }
}

/// The fields that the manager applied last time, does not apply any more, and that nobody else owns or has
/// something below.
fn abandoned(before: &FieldSet, wanted: &FieldSet, managers: &Managers, manager: &Manager) -> FieldSet {
    let others = managers.entries.iter().filter(|entry| entry.manager != *manager);
    let owned = others.fold(wanted.clone(), |all, entry| all.union(&entry.fields));
    without_touched(before, Some(&owned))
}

/// The members of `set` at which and below which `owned` has nothing. A field of which nobody else has any part goes as
/// a whole, with what was filled in there by default.
fn without_touched(set: &FieldSet, owned: Option<&FieldSet>) -> FieldSet {
    let Some(owned) = owned else { return set.clone() };
    let mut rest = FieldSet::default();
    for (step, below) in set.steps() {
        let left = match (step, owned.below(step)) {
            (Step::Field(_), None) => FieldSet::leaf(),
            (_, other) => without_touched(below, other),
        };
        rest.insert(step.clone(), left);
    }
    rest
}

#[cfg(test)]
mod tests;
