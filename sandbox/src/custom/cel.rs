//! `x-kubernetes-validations`: rules in the Common Expression Language.

use crate::kinds::Kind;
use crate::status::FieldError;
use kube_cel::{
    CompilationError, CompiledSchema, ErrorKind, RootContext, ValidationError, Validator, compile_schema,
};
use serde_json::Value;

/// The compiled rules of one schema.
#[derive(Debug)]
pub struct Rules(CompiledSchema);

impl Rules {
    /// Compiles the rules of a schema; none where it has none.
    pub(super) fn compile(schema: &Value) -> Option<Self> {
        has_rules(schema).then(|| Self(compile_schema(schema)))
    }

    /// What an object breaks. Rules that compare with the past hold on updates only.
    pub(super) fn check(&self, kind: &Kind, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let root = RootContext {
            api_version: kind.api_version().to_string(),
            api_group: kind.group.to_string(),
            kind: kind.kind.to_string(),
        };
        let checked = Validator::new().validate_compiled_with_context(&self.0, new, old, Some(&root));
        let Err(errors) = checked else { return Vec::new() };
        errors.into_vec().iter().map(|error| field_error(error, new)).collect()
    }
}

fn field_error(error: &ValidationError, object: &Value) -> FieldError {
    let reason = match error.reason.as_deref() {
        Some("FieldValueForbidden") => "FieldValueForbidden",
        Some("FieldValueRequired") => "FieldValueRequired",
        Some("FieldValueDuplicate") => "FieldValueDuplicate",
        _ => "FieldValueInvalid",
    };
    let value = at(object, &error.field_path);
    let said = match error.kind {
        ErrorKind::ValidationFailure => error.message.clone(),
        _ => format!("the rule {:?} cannot be evaluated: {}", error.rule, error.message),
    };
    let message = match reason {
        "FieldValueForbidden" => format!("Forbidden: {said}"),
        "FieldValueRequired" => format!("Required value: {said}"),
        "FieldValueDuplicate" => format!("Duplicate value: {}: {said}", shown(value)),
        _ => format!("Invalid value: {}: {said}", shown(value)),
    };
    let field = if error.field_path.is_empty() { "<nil>".to_owned() } else { error.field_path.clone() };
    FieldError { reason, field, message }
}

/// Objects and lists are shown by their type only.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "\"object\"".to_owned(),
        Value::Array(_) => "\"array\"".to_owned(),
        other => super::validate::shown(other),
    }
}

fn at<'v>(object: &'v Value, path: &str) -> &'v Value {
    path.replace('[', ".").replace(']', "").split('.').filter(|step| !step.is_empty()).fold(
        object,
        |value, step| match step.parse::<usize>() {
            Ok(index) if value.is_array() => &value[index],
            _ => &value[step],
        },
    )
}

fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields
                .get("x-kubernetes-validations")
                .is_some_and(|rules| rules.as_array().is_some_and(|r| !r.is_empty()))
                || fields.values().any(has_rules)
        }
        Value::Array(items) => items.iter().any(has_rules),
        _ => false,
    }
}

/// Rules of one schema node that cannot be compiled, by their place in the list, with the reason.
pub(super) fn broken(node: &Value) -> Vec<(usize, &'static str, String)> {
    let rules = serde_json::json!({"x-kubernetes-validations": node["x-kubernetes-validations"]});
    let compiled = compile_schema(&rules);
    let results = compiled.validations.iter().enumerate();
    results
        .filter_map(|(index, result)| match result.as_ref().err()? {
            CompilationError::MessageExpressionParse { source, .. } => {
                Some((index, "messageExpression", format!("messageExpression compilation failed: {source}")))
            }
            CompilationError::Parse { source, .. } => {
                Some((index, "rule", format!("compilation failed: {source}")))
            }
            other => Some((index, "rule", other.to_string())),
        })
        .collect()
}
