//! What a definition must hold.

use super::definition::{Definition, Names, Version};
use super::names::is_true;
use super::structural;
use crate::names as rules;
use crate::status::FieldError;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const APPROVAL: &str = "api-approved.kubernetes.io";

/// What is wrong with a new definition, or with a changed one.
pub(super) fn check(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let definition = Definition::read(new);
    let mut errors = Vec::new();
    check_name(new, &definition, &mut errors);
    check_group(&definition, &mut errors);
    check_scope(&definition, &mut errors);
    check_versions(new, &definition, &mut errors);
    check_names(&definition.names, &mut errors);
    check_stored(new, &definition, &mut errors);
    check_approval(new, &definition, &mut errors);
    if new["spec"]["preserveUnknownFields"] == true {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid("spec.preserveUnknownFields", "true", detail));
    }
    if let Some(old) = old {
        check_change(&definition, old, &mut errors);
    }
    errors
}

fn check_name(new: &Value, definition: &Definition, errors: &mut Vec<FieldError>) {
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    let wanted = format!("{}.{}", definition.names.plural, definition.group);
    if !name.is_empty() && name != wanted {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", format!("{name:?}"), detail));
    }
}

fn check_group(definition: &Definition, errors: &mut Vec<FieldError>) {
    let group = definition.group.as_str();
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else if let Some(why) = rules::subdomain(group) {
        errors.push(FieldError::invalid("spec.group", format!("{group:?}"), &why));
    } else if !group.contains('.') {
        let detail = "should be a domain with at least one dot";
        errors.push(FieldError::invalid("spec.group", format!("{group:?}"), detail));
    }
}

fn check_scope(definition: &Definition, errors: &mut Vec<FieldError>) {
    match definition.scope.as_str() {
        "Cluster" | "Namespaced" => {}
        "" => errors.push(FieldError::required("spec.scope", "")),
        other => errors.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
}

fn check_versions(new: &Value, definition: &Definition, errors: &mut Vec<FieldError>) {
    let shown = new["spec"]["versions"].to_string();
    let versions = &definition.versions;
    for (index, version) in versions.iter().enumerate() {
        if version.schema().is_null() {
            let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
            errors.push(FieldError::required(field, ""));
        }
    }
    let schemas: Vec<Value> = versions.iter().map(Version::schema).collect();
    // What all versions say is one thing to the real server.
    let same = schemas.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
    for (index, schema) in schemas.iter().enumerate().filter(|(_, schema)| !schema.is_null()) {
        if same && index > 0 {
            break;
        }
        let path = if same {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("spec.versions[{index}].schema.openAPIV3Schema")
        };
        errors.extend(structural::check(schema, &path));
    }
    for (index, version) in versions.iter().enumerate() {
        if let Some(why) = rules::label_1035(&version.name) {
            let field = format!("spec.versions[{index}].name");
            errors.push(FieldError::invalid(field, format!("{:?}", version.name.as_str()), &why));
        }
        let path = if versions.len() == 1 { "spec".to_owned() } else { format!("spec.versions[{index}]") };
        check_scale(version, &path, errors);
        check_columns(version, &path, errors);
    }
    let names: BTreeSet<&str> = versions.iter().map(|version| version.name.as_str()).collect();
    if names.len() < versions.len() {
        errors.push(FieldError::invalid("spec.versions", &shown, "must contain unique version names"));
    }
    if versions.iter().filter(|version| version.storage).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &shown, detail));
    }
}

fn check_scale(version: &Version, path: &str, errors: &mut Vec<FieldError>) {
    let Some(scale) = version.subresources.as_ref().and_then(|parts| parts.scale.as_ref()) else { return };
    let path = format!("{path}.subresources.scale");
    for (key, value, root) in [
        ("specReplicasPath", &scale.spec_replicas_path, ".spec"),
        ("statusReplicasPath", &scale.status_replicas_path, ".status"),
    ] {
        let field = format!("{path}.{key}");
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if !value.starts_with(&format!("{root}.")) {
            let detail = format!("should be a json path under {root}");
            errors.push(FieldError::invalid(field, format!("{:?}", value.as_str()), &detail));
        }
    }
    if let Some(selector) = scale.label_selector_path.as_ref().filter(|path| !path.is_empty())
        && !(selector.starts_with(".spec.") || selector.starts_with(".status."))
    {
        let detail = "should be a json path under either .spec or .status";
        let field = format!("{path}.labelSelectorPath");
        errors.push(FieldError::invalid(field, format!("{:?}", selector.as_str()), detail));
    }
}

fn check_columns(version: &Version, path: &str, errors: &mut Vec<FieldError>) {
    for (index, column) in version.additional_printer_columns.iter().enumerate() {
        let path = format!("{path}.additionalPrinterColumns[{index}]");
        if column.name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        let types = "must be one of boolean,date,integer,number,string";
        match column.kind.as_str() {
            "boolean" | "date" | "integer" | "number" | "string" => {}
            "" => errors.push(FieldError::required(format!("{path}.type"), types)),
            other => errors.push(FieldError::invalid(format!("{path}.type"), format!("{other:?}"), types)),
        }
        if column.json_path.is_empty() {
            errors.push(FieldError::required(format!("{path}.jsonPath"), ""));
        }
    }
}

fn check_names(names: &Names, errors: &mut Vec<FieldError>) {
    let all = [
        ("plural", &names.plural, ""),
        ("singular", &names.singular, ""),
        ("kind", &names.kind, "may have mixed case, but should otherwise match: "),
        ("listKind", &names.list_kind, "may have mixed case, but should otherwise match: "),
    ];
    for (key, name, _) in all {
        if name.is_empty() {
            errors.push(FieldError::required(format!("spec.names.{key}"), ""));
        }
    }
    for (key, name, prefix) in all {
        let plain = if prefix.is_empty() { name.to_string() } else { name.to_lowercase() };
        if let Some(why) = rules::label_1035(&plain).filter(|_| !name.is_empty()) {
            let detail = format!("{prefix}{why}");
            errors.push(FieldError::invalid(
                format!("spec.names.{key}"),
                format!("{:?}", name.as_str()),
                &detail,
            ));
        }
    }
    for (key, words) in [("shortNames", &names.short_names), ("categories", &names.categories)] {
        for (index, word) in words.iter().enumerate() {
            if let Some(why) = rules::label_1035(word) {
                let field = format!("spec.names.{key}[{index}]");
                errors.push(FieldError::invalid(field, format!("{:?}", word.as_str()), &why));
            }
        }
    }
    if !names.kind.is_empty() && names.kind == names.list_kind {
        let detail = "kind and listKind may not be the same";
        let shown = format!("{:?}", names.list_kind.as_str());
        errors.push(FieldError::invalid("spec.names.listKind", shown, detail));
    }
}

fn check_stored(new: &Value, definition: &Definition, errors: &mut Vec<FieldError>) {
    let stored = new["status"]["storedVersions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if stored.is_empty() {
        let detail = "must have at least one stored version";
        errors.push(FieldError::invalid("status.storedVersions", "null", detail));
    }
    for (index, version) in stored.iter().enumerate() {
        if !definition.versions.iter().any(|known| *version == known.name.as_str()) {
            let field = format!("status.storedVersions[{index}]");
            errors.push(FieldError::invalid(field, version, "missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions".replace("v1 ", &format!("{} ", version.as_str().unwrap_or_default())).as_str()));
        }
    }
}

/// Groups of the Kubernetes community need an approval.
fn check_approval(new: &Value, definition: &Definition, errors: &mut Vec<FieldError>) {
    let group = definition.group.as_str();
    let protected =
        ["k8s.io", "kubernetes.io"].iter().any(|own| group == *own || group.ends_with(&format!(".{own}")));
    if !protected {
        return;
    }
    let field = format!("metadata.annotations[{APPROVAL}]");
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    match new["metadata"]["annotations"][APPROVAL].as_str().unwrap_or_default() {
        "" => {
            let detail = format!("protected groups must have approval annotation \"{APPROVAL}\", {see}");
            errors.push(FieldError::required(field, &detail));
        }
        text if text.starts_with("http") || text.starts_with("unapproved") => {}
        text => {
            let detail = format!(
                "protected groups must have approval annotation \"{APPROVAL}\" with either a URL or a reason starting with \"unapproved\", {see}"
            );
            errors.push(FieldError::invalid(field, format!("{text:?}"), &detail));
        }
    }
}

/// Once objects may exist, some things stay.
fn check_change(new: &Definition, old: &Value, errors: &mut Vec<FieldError>) {
    let before = Definition::read(old);
    let mut fixed = |field: &str, new: &str, old: &str| {
        if new != old {
            errors.push(FieldError::invalid(field, json!(new), "field is immutable"));
        }
    };
    if is_true(old, "Established") {
        fixed("spec.scope", &new.scope, &before.scope);
        fixed("spec.names.kind", &new.names.kind, &before.names.kind);
    }
    fixed("spec.group", &new.group, &before.group);
    fixed("spec.names.plural", &new.names.plural, &before.names.plural);
}
