//! Custom resources: what a definition must hold, the kinds it makes, how their objects are pruned, filled in and
//! checked, and how definitions come and go.
//!
//! Schemas are read here as they stand in the definition (`openAPIV3Schema`); what apply and patches need of them is
//! [`Schema`](crate::kinds::Schema). Source of rules and texts: `apiextensions-apiserver` of Kubernetes 1.36.

mod cel;
mod check;
mod defaults;
mod definition;
mod formats;
mod lifecycle;
mod lists;
mod made;
mod names;
mod prune;
mod scale;
mod structural;
#[cfg(test)]
mod tests;
mod validate;
mod versions;

pub use cel::Rules;
pub use defaults::fill_in;
pub(crate) use definition::{remember_storage, set_defaults};
pub(crate) use lifecycle::{Definitions, mark_terminating};
pub use prune::prune;
pub(crate) use scale::{Shown, replicas, scale_of, set_replicas};
pub use validate::{Problem, problems};
pub use versions::by_priority;

use crate::kinds::Kind;
use crate::status::FieldError;
use crate::store::Gr;
use serde_json::Value;

/// The kind of definitions.
pub(crate) const DEFINITIONS: Gr = Gr::new_static("apiextensions.k8s.io", "customresourcedefinitions");

/// Whether this is the kind of definitions.
pub(crate) fn is_definition(kind: &Kind) -> bool {
    kind.group == DEFINITIONS.group && kind.plural == DEFINITIONS.plural
}

/// What is wrong with a new definition (`old` is none) or a changed one.
pub(crate) fn check_definition(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    check::check(new, old)
}

/// What is wrong with an object of a custom kind. What was wrong before and has not been touched is let through.
pub(crate) fn check_object(kind: &Kind, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let Some(custom) = &kind.custom else { return Vec::new() };
    let mut errors: Vec<FieldError> =
        problems(&custom.schema, new, old).into_iter().map(Problem::into_error).collect();
    errors.extend(lists::duplicates(&custom.schema, new, old));
    errors.extend(scale::check(custom, new));
    // Rules count on the structure.
    if let (Some(rules), true) = (&custom.rules, errors.is_empty()) {
        errors.extend(rules.check(kind, new, old));
    }
    errors
}
