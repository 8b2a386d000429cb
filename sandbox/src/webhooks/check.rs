//! What a configuration must hold, and what is filled in.

use super::conditions;
use crate::names;
use crate::status::FieldError;
use http::Uri;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fills in what a configuration leaves out. `mutating` tells which kind it is.
pub(crate) fn set_defaults(configuration: &mut Value, mutating: bool) {
    for hook in configuration["webhooks"].as_array_mut().into_iter().flatten().filter(|hook| hook.is_object())
    {
        let mut fill = |key: &str, value: Value| {
            if hook[key].is_null() {
                hook[key] = value;
            }
        };
        fill("failurePolicy", json!("Fail"));
        fill("matchPolicy", json!("Equivalent"));
        fill("namespaceSelector", json!({}));
        fill("objectSelector", json!({}));
        fill("timeoutSeconds", json!(10));
        if mutating {
            fill("reinvocationPolicy", json!("Never"));
        }
        for rule in hook["rules"].as_array_mut().into_iter().flatten().filter(|rule| rule.is_object()) {
            if rule["scope"].is_null() {
                rule["scope"] = json!("*");
            }
        }
        let service = &mut hook["clientConfig"]["service"];
        if service.is_object() && service["port"].is_null() {
            service["port"] = json!(443);
        }
        // Asking for it has made a place that was not there.
        if let Some(config) = hook["clientConfig"].as_object_mut() {
            config.retain(|_, value| !value.is_null());
        }
    }
}

/// What is wrong with a configuration.
pub(crate) fn check(configuration: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, hook) in configuration["webhooks"].as_array().into_iter().flatten().enumerate() {
        let path = format!("webhooks[{index}]");
        check_hook(hook, &path, &mut errors);
        let name = hook["name"].as_str().unwrap_or_default();
        if !name.is_empty() && !seen.insert(name) {
            let message = format!("Duplicate value: {name:?}");
            errors.push(FieldError { reason: "FieldValueDuplicate", field: format!("{path}.name"), message });
        }
    }
    errors
}

fn check_hook(hook: &Value, path: &str, errors: &mut Vec<FieldError>) {
    check_name(hook["name"].as_str().unwrap_or_default(), path, errors);
    let versions = hook["admissionReviewVersions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let field = format!("{path}.admissionReviewVersions");
    if versions.is_empty() {
        errors.push(FieldError::required(field, "must specify one of v1, v1beta1"));
    } else if !versions.iter().any(|version| matches!(version.as_str(), Some("v1" | "v1beta1"))) {
        let shown = Value::from(versions).to_string();
        errors.push(FieldError::invalid(field, shown, "must include at least one of v1, v1beta1"));
    }
    for (index, rule) in hook["rules"].as_array().into_iter().flatten().enumerate() {
        check_rule(rule, &format!("{path}.rules[{index}]"), errors);
    }
    for (key, known) in [("failurePolicy", ["Fail", "Ignore"]), ("matchPolicy", ["Equivalent", "Exact"])] {
        one_of(hook, key, &known, path, errors);
    }
    one_of(hook, "reinvocationPolicy", &["IfNeeded", "Never"], path, errors);
    match hook["sideEffects"].as_str() {
        None => {
            let detail = "must specify one of None, NoneOnDryRun";
            errors.push(FieldError::required(format!("{path}.sideEffects"), detail));
        }
        Some(_) => one_of(hook, "sideEffects", &["None", "NoneOnDryRun"], path, errors),
    }
    let seconds = hook["timeoutSeconds"].as_i64().unwrap_or(10);
    if !(1..=30).contains(&seconds) {
        let detail = "the timeout value must be between 1 and 30 seconds";
        errors.push(FieldError::invalid(format!("{path}.timeoutSeconds"), seconds, detail));
    }
    check_client(&hook["clientConfig"], &format!("{path}.clientConfig"), errors);
    for (index, condition) in hook["matchConditions"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.matchConditions[{index}]");
        for key in ["name", "expression"] {
            if condition[key].as_str().unwrap_or_default().is_empty() {
                errors.push(FieldError::required(format!("{path}.{key}"), ""));
            }
        }
        let expression = condition["expression"].as_str().unwrap_or_default();
        if let Some(why) = conditions::broken(expression).filter(|_| !expression.is_empty()) {
            let detail = format!("compilation failed: {why}");
            errors.push(FieldError::invalid(
                format!("{path}.expression"),
                format!("{expression:?}"),
                &detail,
            ));
        }
    }
}

fn check_name(name: &str, path: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.name");
    if name.is_empty() {
        errors.push(FieldError::required(field, ""));
    } else if let Some(why) = names::subdomain(name) {
        errors.push(FieldError::invalid(field, format!("{name:?}"), &why));
    } else if name.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        errors.push(FieldError::invalid(field, format!("{name:?}"), detail));
    }
}

fn one_of(hook: &Value, key: &str, known: &[&str], path: &str, errors: &mut Vec<FieldError>) {
    if let Some(other) = hook[key].as_str().filter(|value| !known.contains(value)) {
        errors.push(FieldError::not_supported(format!("{path}.{key}"), other, known));
    }
}

fn check_rule(rule: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for key in ["operations", "apiGroups", "apiVersions", "resources"] {
        if rule[key].as_array().is_none_or(Vec::is_empty) {
            errors.push(FieldError::required(format!("{path}.{key}"), ""));
        }
    }
    let known = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    for (index, operation) in rule["operations"].as_array().into_iter().flatten().enumerate() {
        let operation = operation.as_str().unwrap_or_default();
        if !known.contains(&operation) {
            errors.push(FieldError::not_supported(format!("{path}.operations[{index}]"), operation, &known));
        }
    }
    if let Some(other) =
        rule["scope"].as_str().filter(|scope| !matches!(*scope, "*" | "Cluster" | "Namespaced"))
    {
        let known = ["*", "Cluster", "Namespaced"];
        errors.push(FieldError::not_supported(format!("{path}.scope"), other, &known));
    }
}

fn check_client(config: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match (config["url"].as_str(), config["service"].is_object()) {
        (None, false) | (Some(_), true) => {
            errors.push(FieldError::required(path, "exactly one of url or service is required"));
        }
        (Some(url), false) => {
            if let Some(why) = wrong_url(url) {
                errors.push(FieldError::invalid(format!("{path}.url"), format!("{:?}", why.0), &why.1));
            }
        }
        (None, true) => {
            for key in ["name", "namespace"] {
                if config["service"][key].as_str().unwrap_or_default().is_empty() {
                    let detail = format!("service {key} is required");
                    errors.push(FieldError::required(format!("{path}.service.{key}"), &detail));
                }
            }
        }
    }
}

/// What of a URL is wrong, and why.
fn wrong_url(url: &str) -> Option<(String, String)> {
    let form = "; desired format: https://host[/path]";
    let Ok(uri) = url.parse::<Uri>() else {
        return Some((url.to_owned(), format!("url must be a valid URL{form}")));
    };
    let scheme = uri.scheme_str().unwrap_or_default();
    if scheme != "https" {
        return Some((scheme.to_owned(), format!("'https' is the only allowed URL scheme{form}")));
    }
    if uri.query().is_some() {
        let query = uri.query().unwrap_or_default().to_owned();
        return Some((query, format!("query parameters are not permitted in the URL{form}")));
    }
    uri.host().is_none().then(|| (String::new(), format!("host must be specified{form}")))
}
