//! What is wrong with a single field, in the words of the real server.

use std::fmt;

/// A field that does not hold what it must; several make an `Invalid` status.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// `FieldValueRequired`, `FieldValueInvalid`, …
    pub reason: &'static str,
    /// Field path from the root of the object.
    pub field: String,
    /// Message without the field path, e.g. `Required value: must be specified for an update`.
    pub message: String,
}

impl FieldError {
    /// A value is missing.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        let message =
            if detail.is_empty() { "Required value".into() } else { format!("Required value: {detail}") };
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }

    /// A value is not acceptable; `value` is shown as the real server shows it (strings quoted).
    pub fn invalid(field: impl Into<String>, value: impl fmt::Display, detail: &str) -> Self {
        let colon = if detail.is_empty() { "" } else { ": " };
        let message = format!("Invalid value: {value}{colon}{detail}");
        Self { reason: "FieldValueInvalid", field: field.into(), message }
    }

    /// A text stands where it stood before.
    pub fn duplicate(field: impl Into<String>, value: &str) -> Self {
        let message = format!("Duplicate value: {value:?}");
        Self { reason: "FieldValueDuplicate", field: field.into(), message }
    }

    /// A value may not be set here.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {detail}") }
    }

    /// A value is none of the supported ones.
    pub fn not_supported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        Self::not_among(field, format!("{value:?}"), supported)
    }

    /// A value that is no text is none of the supported ones; `value` is shown as it is.
    pub fn not_among(field: impl Into<String>, value: impl fmt::Display, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        Self {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message: format!("Unsupported value: {value}: supported values: {}", list.join(", ")),
        }
    }
}
