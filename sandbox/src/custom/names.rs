//! Which names a definition gets: those that no other definition of its group has already.

use super::definition::{Definition, Names};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// What becomes of the names that a definition asks for.
pub(super) struct Decision {
    /// The names it has now.
    pub(super) accepted: Names,
    /// The conditions `NamesAccepted` and, where there is something to say, `Established`, without their times.
    pub(super) conditions: Vec<Value>,
}

/// Decides over the names of one definition, given the accepted names of the others of its group.
pub(super) fn decide(object: &Value, others: &[Names]) -> Decision {
    let wanted = Definition::read(object).names;
    let mut accepted: Names =
        serde_json::from_value(object["status"]["acceptedNames"].clone()).unwrap_or_default();
    // Plurals, singulars and short names are one set: they are what a person types; kinds are the other.
    let typed: BTreeSet<&SmolStr> =
        others.iter().flat_map(|o| o.short_names.iter().chain([&o.plural, &o.singular])).collect();
    let kinds: BTreeSet<&SmolStr> = others.iter().flat_map(|o| [&o.kind, &o.list_kind]).collect();
    let mut refused: Option<(&str, String)> = None;
    let mut refuse = |reason: &'static str, name: &str| {
        refused.get_or_insert((reason, format!("{name:?} is already in use")));
    };
    for (set, wanted, slot, reason) in [
        (&typed, &wanted.plural, &mut accepted.plural, "PluralConflict"),
        (&typed, &wanted.singular, &mut accepted.singular, "SingularConflict"),
        (&kinds, &wanted.kind, &mut accepted.kind, "KindConflict"),
        (&kinds, &wanted.list_kind, &mut accepted.list_kind, "ListKindConflict"),
    ] {
        if set.contains(wanted) && slot != wanted {
            refuse(reason, wanted);
        } else {
            slot.clone_from(wanted);
        }
    }
    match wanted.short_names.iter().find(|name| typed.contains(name)) {
        Some(taken) if accepted.short_names != wanted.short_names => refuse("ShortNamesConflict", taken),
        _ => accepted.short_names.clone_from(&wanted.short_names),
    }
    accepted.categories.clone_from(&wanted.categories);
    let established = is_true(object, "Established");
    let conditions = match &refused {
        None => {
            let mut all = vec![condition("NamesAccepted", true, "NoConflicts", "no conflicts found")];
            if !established {
                let message = "the initial names have been accepted";
                all.push(condition("Established", true, "InitialNamesAccepted", message));
            }
            all
        }
        Some((reason, message)) => {
            let mut all = vec![condition("NamesAccepted", false, reason, message)];
            if !established {
                all.push(condition("Established", false, "NotAccepted", "not all names are accepted"));
            }
            all
        }
    };
    Decision { accepted, conditions }
}

/// A condition without its time.
pub(super) fn condition(kind: &str, holds: bool, reason: &str, message: &str) -> Value {
    let status = if holds { "True" } else { "False" };
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

/// Whether a condition holds.
pub(super) fn is_true(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Puts a condition in its place; its time moves when its status does.
pub(super) fn set_condition(object: &mut Value, mut condition: Value, now: &str) {
    let mut all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let place = all.iter().position(|old| old["type"] == condition["type"]);
    let old = place.and_then(|at| all.get(at)).filter(|old| old["status"] == condition["status"]);
    condition["lastTransitionTime"] = old.map_or_else(|| json!(now), |old| old["lastTransitionTime"].clone());
    match place.and_then(|at| all.get_mut(at)) {
        Some(slot) => *slot = condition,
        None => all.push(condition),
    }
    object["status"]["conditions"] = Value::Array(all);
}
