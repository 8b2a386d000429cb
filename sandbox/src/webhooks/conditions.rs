//! `matchConditions`: a webhook is called where all of them hold.

use super::config::Condition;
use kube_cel::KubeCelExt as _;
use kube_cel::cel::{Context, Program, Value as CelValue};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Whether all conditions hold for a request.
///
/// # Errors
/// When none is false and one cannot be evaluated: a sentence that names it.
pub(super) fn hold(conditions: &[Condition], request: &Value) -> Result<bool, String> {
    if conditions.is_empty() {
        return Ok(true);
    }
    let mut failed = None;
    for condition in conditions {
        match evaluate(&condition.expression, request) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(why) => {
                failed
                    .get_or_insert(format!("matchCondition {:?} cannot be evaluated: {why}", condition.name));
            }
        }
    }
    failed.map_or(Ok(true), Err)
}

/// Why an expression cannot be a condition; none when it can.
pub(super) fn broken(expression: &str) -> Option<String> {
    match Program::compile(expression) {
        // Names that comprehensions make are among the references, so that only the known others can be told.
        Ok(program) => ["authorizer", "params", "variables", "namespaceObject"]
            .into_iter()
            .find(|name| program.references().has_variable(name))
            .map(|name| format!("the embedded host does not know {name:?} here")),
        Err(error) => Some(error.to_string()),
    }
}

fn evaluate(expression: &str, request: &Value) -> Result<bool, String> {
    let program = Program::compile(expression).map_err(|error| error.to_string())?;
    let mut context = Context::default().with_all();
    let mut variables = request.clone();
    for name in ["object", "oldObject"] {
        let value = variables.get_mut(name).map(Value::take).unwrap_or_default();
        context.add_variable_from_value(name, to_cel(&value));
    }
    context.add_variable_from_value("request", to_cel(&variables));
    match program.execute(&context) {
        Ok(CelValue::Bool(holds)) => Ok(holds),
        Ok(_) => Err("the result is neither true nor false".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whole numbers are signed wherever they can be, as rules compare them with signed ones.
fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(yes) => CelValue::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => CelValue::Int(signed),
            (None, Some(unsigned)) => CelValue::UInt(unsigned),
            (None, None) => CelValue::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let fields: HashMap<String, CelValue> =
                fields.iter().map(|(name, value)| (name.clone(), to_cel(value))).collect();
            CelValue::Map(fields.into())
        }
    }
}
