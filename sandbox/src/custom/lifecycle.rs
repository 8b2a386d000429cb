//! How definitions come and go: names are accepted, kinds served, and before a definition goes its objects do.
//!
//! A real server does this in controllers beside it, a moment after the write; here it follows the write at once.

use super::definition::Names;
use super::{DEFINITIONS, made, names};
use crate::store::{DeleteOptions, Gr, Object, Store, WriteOptions};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Holds a definition until its objects are gone.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Brings what is served into line with the definitions.
#[derive(Debug, Default)]
pub(crate) struct Definitions(Mutex<Turn>);

#[derive(Debug, Default)]
struct Turn {
    /// Names of definitions to look at.
    pending: BTreeSet<String>,
    /// Somebody is at it: whoever comes meanwhile, also by a write of this very work, leaves a name and goes.
    busy: bool,
}

impl Definitions {
    /// Looks at a definition that was written or deleted, or of which an object went.
    pub(crate) fn look(&self, store: &Store, name: &str) {
        {
            let mut turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turn.pending.insert(name.to_owned());
            if std::mem::replace(&mut turn.busy, true) {
                return;
            }
        }
        while let Some(name) = self.next() {
            for other in settle(store, &name) {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).pending.insert(other);
            }
        }
    }

    fn next(&self) -> Option<String> {
        let mut turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = turn.pending.pop_first();
        turn.busy = next.is_some();
        next
    }
}

/// Brings one definition into order; answers the names of others that may get what this one had.
fn settle(store: &Store, name: &str) -> Vec<String> {
    let Some((plural, group)) = name.split_once('.') else { return Vec::new() };
    let Some(object) = store.find(&DEFINITIONS, None, name) else {
        store.change_kinds(|kinds| kinds.remove_custom(group, plural));
        return of_group(store, group, name).iter().map(|other| other.name().to_owned()).collect();
    };
    let value = object.value();
    let others: Vec<Names> =
        of_group(store, group, name).iter().map(|other| accepted(&other.value())).collect();
    let decision = names::decide(&value, &others);
    let accepted = json!(decision.accepted);
    let told = |condition: &Value| {
        let present = value["status"]["conditions"].as_array().into_iter().flatten();
        present
            .into_iter()
            .any(|old| ["type", "status", "reason", "message"].iter().all(|k| old[k] == condition[k]))
    };
    let news = decision.conditions.iter().any(|condition| !told(condition))
        || value["status"]["acceptedNames"] != accepted
        || value["status"]["storedVersions"].as_array().is_none_or(Vec::is_empty);
    if news {
        // Its event brings us back when somebody else was faster.
        write_status(store, name, |definition, now| {
            for condition in &decision.conditions {
                names::set_condition(definition, condition.clone(), now);
            }
            definition["status"]["acceptedNames"] = accepted.clone();
            super::remember_storage(definition);
        });
    }
    let Some(object) = store.find(&DEFINITIONS, None, name) else { return Vec::new() };
    serve(store, &object, &decision.accepted);
    if object.deleting() {
        clean_up(store, &object, &Gr::new(group, plural));
    }
    Vec::new()
}

fn of_group(store: &Store, group: &str, except: &str) -> Vec<Arc<Object>> {
    let suffix = format!(".{group}");
    let mut all = store.all(&DEFINITIONS, None);
    all.retain(|other| other.name() != except && other.name().ends_with(&suffix));
    all.retain(|other| other.name().split_once('.').is_some_and(|(_, of)| of == group));
    all
}

fn accepted(definition: &Value) -> Names {
    serde_json::from_value(definition["status"]["acceptedNames"].clone()).unwrap_or_default()
}

/// Serves what an established definition makes, unless that is served already.
fn serve(store: &Store, object: &Object, accepted: &Names) {
    let value = object.value();
    if !names::is_true(&value, "Established") {
        return;
    }
    let Some(made) = made::kinds(&value, accepted) else { return };
    let same = |kind: &Arc<crate::kinds::Kind>| {
        let now = &made.storage;
        let stamp =
            |kind: &crate::kinds::Kind| kind.custom.as_ref().map(|c| (c.stamp.clone(), c.terminating));
        let words =
            |kind: &crate::kinds::Kind| (kind.kind.clone(), kind.singular.clone(), kind.short_names.clone());
        stamp(kind) == stamp(now) && words(kind) == words(now)
    };
    if store.kinds().stored(&made.storage.group, &made.storage.plural).is_some_and(same) {
        return;
    }
    store.change_kinds(|kinds| kinds.set_custom(made.storage, made.served));
}

/// Deletes the objects of a definition that is to go; when none is left, lets it go.
fn clean_up(store: &Store, object: &Object, gr: &Gr) {
    if !object.meta().finalizers.iter().any(|finalizer| finalizer == CLEANUP) {
        return;
    }
    for instance in store.all(gr, None) {
        if !instance.deleting() {
            let namespace = Some(instance.namespace()).filter(|namespace| !namespace.is_empty());
            // Gone already is as well.
            let _ = store.delete(gr, namespace, instance.name(), &DeleteOptions::cleaning_up());
        }
    }
    let left = store.count(gr);
    if left > 0 {
        let message = format!("CustomResource deletion is in progress: {left} left");
        let condition = names::condition("Terminating", true, "InstanceDeletionInProgress", &message);
        let told = |value: &Value| value["status"]["conditions"].to_string().contains(&message);
        if !told(&object.value()) {
            write_status(store, object.name(), |definition, now| {
                names::set_condition(definition, condition.clone(), now);
            });
        }
        return;
    }
    let done = names::condition("Terminating", false, "InstanceDeletionCompleted", "removed all instances");
    write_status(store, object.name(), |definition, now| {
        names::set_condition(definition, done.clone(), now);
        if let Some(finalizers) = definition["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|finalizer| finalizer != CLEANUP);
        }
    });
}

/// Writes the status; whoever changed or deleted the definition meanwhile brings us back.
fn write_status(store: &Store, name: &str, change: impl Fn(&mut Value, &str)) {
    let now = store.clock().stamp();
    let options = WriteOptions::by("kube-apiserver");
    let _ = store.update(&DEFINITIONS, None, name, "status", &options, |_, mut definition| {
        change(&mut definition, &now);
        Ok(definition)
    });
}

/// The first thing that a delete does to a definition.
pub(crate) fn mark_terminating(definition: &mut Value, now: &str) {
    definition["metadata"]["deletionTimestamp"] = json!(now);
    let mut finalizers = definition["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !finalizers.contains(&json!(CLEANUP)) {
        finalizers.push(json!(CLEANUP));
    }
    definition["metadata"]["finalizers"] = Value::Array(finalizers);
    let message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    let pending = names::condition("Terminating", true, "InstanceDeletionPending", message);
    names::set_condition(definition, pending, now);
}
