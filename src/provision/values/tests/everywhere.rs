//! Properties of the whole table: an unknown key is found wherever it stands, and what v9s says it does is read.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::provision::values::kind::Kind;
use crate::provision::values::problem::{Path, Step};
use crate::provision::values::table::{Entry, Form, TABLE, Treatment};
use crate::provision::values::view::{Told, View};
use crate::provision::values::yaml;

/// Items in lists and maps that are empty by default.
const MORE: &str = r#"{
"exportKubeConfig": {"additionalSecrets": [{"name": "a", "serviceAccount": {"name": "b"}}, {"namespace": "c"}]},
"networking": {"replicateServices": {"toHost": [{"from": "a/b", "to": "c"}], "fromHost": [{"from": "a", "to": "b/c"}]}},
"rbac": {"role": {"extraRules": [{"verbs": ["get"], "resources": ["pods"], "apiGroups": [""]}]}},
"policies": {"networkPolicy": {"workload": {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}}},
"controlPlane": {"statefulSet": {
  "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
  "scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}]},
  "persistence": {"addVolumes": [{"name": "a", "configMap": {"name": "b"}}]}}},
"sync": {
  "toHost": {"customResources": {"a.example.org": {"enabled": true}}},
  "fromHost": {"customResources": {"b.example.org": {"enabled": true, "scope": "Cluster"}},
    "storageClasses": {"enabled": true, "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
    "priorityClasses": {"enabled": true, "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
    "runtimeClasses": {"enabled": true, "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
    "ingressClasses": {"enabled": true, "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}}},
"v9s": {"sync": {
  "customResources": {"a.example.org": {"references": [{"path": "spec.a", "kind": "Secret"}]}},
  "hostDeletion": {"services": "propagate"}}}
}"#;

/// A valid document in which every mapping of the table that can be there is there.
fn valid() -> Value {
    fn merge(into: &mut Value, more: Value) {
        match (into, more) {
            (Value::Object(into), Value::Object(more)) => {
                more.into_iter()
                    .for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
            }
            (into, more) => *into = more,
        }
    }
    let mut document = serde_json::from_str(CHART_VALUES).expect("JSON");
    merge(&mut document, serde_json::from_str(MORE).expect("JSON"));
    document
}

/// JSON pointers to every mapping whose keys are fixed.
fn mappings(value: &Value, entry: &Entry, pointer: &str, found: &mut Vec<String>) {
    let group = |value: &Value, inside: &[Entry], pointer: &str, found: &mut Vec<String>| {
        found.push(pointer.to_owned());
        for entry in inside {
            if let Some(value) = value.get(&entry.key) {
                mappings(value, entry, &format!("{pointer}/{}", entry.key), found);
            }
        }
    };
    match &entry.form {
        Form::Group(inside) => group(value, inside, pointer, found),
        Form::List(inside) => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                group(item, inside, &format!("{pointer}/{index}"), found);
            }
        }
        Form::Map(inside) => {
            for (key, item) in value.as_object().into_iter().flatten() {
                group(item, inside, &format!("{pointer}/{key}"), found);
            }
        }
        Form::Value(kind) => of_kubernetes(value, kind, pointer, found),
    }
}

fn of_kubernetes(value: &Value, kind: &Kind, pointer: &str, found: &mut Vec<String>) {
    match kind {
        Kind::Kubernetes(_) if value.is_object() => found.push(pointer.to_owned()),
        Kind::List(kind) => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                of_kubernetes(item, kind, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Whether the one problem is that the key is unknown, at its place in the text.
fn found(text: &str, key: &str) -> Result<(), TestCaseError> {
    let told = read(text).expect_err("a mistake");
    let [problem] = told.all() else { return Err(TestCaseError::fail(told.to_string())) };
    prop_assert!(problem.what.starts_with("unknown key"), "{problem}");
    prop_assert!(problem.path.to_string().ends_with(key), "{problem}");
    let (line, column) = text
        .lines()
        .enumerate()
        .find_map(|(line, content)| {
            let at = content.find(key)?;
            // A key in quotes begins with its quote.
            let quoted = content.as_bytes().get(at.wrapping_sub(1)) == Some(&b'"');
            Some((line + 1, content.get(..at)?.chars().count() + usize::from(!quoted)))
        })
        .expect("the key is in the text");
    let at = problem.at.expect("a place");
    prop_assert_eq!((at.line, at.column), (line, column), "{}", problem);
    Ok(())
}

#[test]
fn the_document_of_the_property_is_valid_and_has_many_mappings() {
    let document = valid();
    settings(&document.to_string());
    let mut all = Vec::new();
    mappings(&document, &TABLE, "", &mut all);
    assert!(all.len() > 240, "{}", all.len());
}

/// The path in the table, which does not choose items of lists and keys of maps.
fn in_table(path: &Path) -> Path {
    let mut entry: &Entry = &TABLE;
    let mut choosing = false;
    let mut found = Path::default();
    for step in path.steps() {
        if std::mem::take(&mut choosing) {
            continue;
        }
        let Step::Key(key) = step else { panic!("{path}") };
        entry = entry.inside().iter().find(|inside| inside.key == *key).unwrap_or_else(|| panic!("{path}"));
        choosing = matches!(entry.form, Form::List(_) | Form::Map(_));
        found = found.key(key);
    }
    found
}

#[test]
fn what_v9s_says_it_does_is_read() {
    fn done(entry: &Entry, path: &Path, found: &mut BTreeSet<Path>) {
        let done = entry.verdict.as_ref().is_some_and(|verdict| verdict.treatment == Treatment::Done);
        if done && matches!(entry.form, Form::Value(_)) {
            found.insert(path.clone());
        }
        entry.inside().iter().for_each(|inside| done_below(inside, path, found));
    }
    fn done_below(entry: &Entry, path: &Path, found: &mut BTreeSet<Path>) {
        done(entry, &path.key(&entry.key), found);
    }
    let (document, _) = yaml::read(&valid().to_string());
    let told = Told::default();
    Settings::of(&View::new(&document, &told));
    let read: BTreeSet<Path> = told.seen.borrow().iter().map(in_table).collect();
    let mut said = BTreeSet::new();
    done(&TABLE, &Path::default(), &mut said);
    let unread: Vec<String> = said.difference(&read).map(ToString::to_string).collect();
    assert!(unread.is_empty(), "nothing reads {unread:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn one_unknown_key_anywhere_is_told_with_path_and_place(which: prop::sample::Index, key in "zz[a-zA-Z0-9-]{1,12}q", nothing: bool) {
        let mut document = valid();
        let mut all = Vec::new();
        mappings(&document, &TABLE, "", &mut all);
        let pointer = which.get(&all).clone();
        let value = if nothing { Value::from("x") } else { serde_json::json!({"enabled": true}) };
        document.pointer_mut(&pointer).and_then(Value::as_object_mut).expect("a mapping").insert(key.clone(), value);
        found(&document.to_string(), &key)?;
        found(&serde_json::to_string_pretty(&document).expect("JSON"), &key)?;
        found(&serde_saphyr::to_string(&document).expect("YAML"), &key)?;
    }
}
