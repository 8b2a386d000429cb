//! Deleting: preconditions, grace, finalizers, propagation.

use super::hooks::{Operation, Review};
use super::metadata::{finalizers, set};
use super::object::{Draft, Object};
use super::options::{DeleteOptions, Deleted, Propagation, WriteOptions};
use super::state::{Expect, key};
use super::{Gr, ListQuery, Store, strategy};
use crate::clock::stamp;
use crate::custom;
use crate::kinds::Kind;
use crate::status::Status;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::sync::Arc;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What a delete comes to.
enum Step {
    /// Nothing to do: a deletion with this much grace or less is under way.
    Pending,
    /// The object is marked and stays until its grace is over and its finalizers are gone.
    Mark(Value),
    /// The object is marked, and goes at once.
    MarkAndRemove(Value),
    /// It goes.
    Remove,
}

impl Store {
    /// Deletes an object, or marks it as being deleted where grace or finalizers hold it.
    ///
    /// # Errors
    /// 404, 409 when a precondition does not hold, 403 for what may not be deleted.
    pub fn delete(
        &self,
        gr: &Gr,
        namespace: Option<&str>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        let kind = self.kind(gr)?;
        let key = key(namespace.filter(|_| kind.namespaced), name);
        loop {
            let current = self.get(gr, namespace, name)?;
            check_preconditions(gr, &kind, &current, options)?;
            let mut old = current.value();
            self.review_delete(&kind, namespace, name, &mut old, options)?;
            let step = step(&kind, &old, options, self.clock().now());
            let expect = Expect::Revision(current.revision());
            if options.dry_run {
                return Ok(match step {
                    Step::Pending => Deleted { object: current, gone: false },
                    Step::Mark(marked) | Step::MarkAndRemove(marked) => {
                        let object = Draft::new(&kind, &marked).commit(current.revision());
                        Deleted { object: Arc::new(object), gone: false }
                    }
                    Step::Remove => Deleted { object: current, gone: true },
                });
            }
            let mut state = self.write();
            let done = match step {
                Step::Pending => return Ok(Deleted { object: current, gone: false }),
                Step::Mark(marked) => state
                    .put(gr, &key, Draft::new(&kind, &marked), expect)
                    .map(|object| Deleted { object, gone: false }),
                Step::MarkAndRemove(marked) => state
                    .put(gr, &key, Draft::new(&kind, &marked), expect)
                    .and_then(|last| state.remove(gr, &key, Expect::Revision(last.revision())))
                    .map(|object| Deleted { object, gone: true }),
                Step::Remove => state.remove(gr, &key, expect).map(|object| Deleted { object, gone: true }),
            };
            drop(state);
            if let Ok(deleted) = done {
                match deleted.gone {
                    true => self.gone(gr, &kind, &deleted.object),
                    false => self.written(gr, &deleted.object),
                }
                return Ok(deleted);
            }
        }
    }

    /// Deletes every object that a query means, one by one; answers them as they were listed.
    ///
    /// # Errors
    /// The first refusal other than 404; what was deleted before stays deleted.
    pub fn delete_collection(
        &self,
        gr: &Gr,
        query: &ListQuery,
        options: &DeleteOptions,
    ) -> Result<super::Page, Status> {
        let page = self.list(gr, query)?;
        for object in &page.items {
            let namespace = Some(object.namespace()).filter(|n| !n.is_empty());
            match self.delete(gr, namespace, object.name(), options) {
                Err(status) if !status.is_not_found() => return Err(status),
                _ => {}
            }
        }
        Ok(page)
    }

    fn review_delete(
        &self,
        kind: &Arc<Kind>,
        namespace: Option<&str>,
        name: &str,
        old: &mut Value,
        options: &DeleteOptions,
    ) -> Result<(), Status> {
        if strategy::is_namespace(kind) && matches!(name, "default" | "kube-system" | "kube-public") {
            return Err(Status::forbidden(
                &Gr::core("namespaces"),
                name,
                "this namespace may not be deleted",
            ));
        }
        if options.unasked {
            return Ok(());
        }
        let origin = options.origin.clone();
        let write = WriteOptions { dry_run: options.dry_run, origin, ..WriteOptions::default() };
        let before = old.clone();
        let review = Review {
            kind,
            operation: Operation::Delete,
            subresource: "",
            namespace: namespace.unwrap_or_default(),
            name,
            old: Some(&before),
            options: &write,
        };
        for plugin in self.admission() {
            plugin.admit(self, &review, &mut before.clone())?;
            plugin.validate(self, &review, &before)?;
        }
        Ok(())
    }
}

fn check_preconditions(
    gr: &Gr,
    kind: &Kind,
    current: &Object,
    options: &DeleteOptions,
) -> Result<(), Status> {
    // The real server names the kind here, where other conflicts name the plural.
    let named = Gr::new(gr.group.clone(), kind.kind.clone());
    if let Some(uid) = &options.uid
        && uid != current.uid()
    {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            current.uid()
        );
        return Err(Status::conflict(&named, current.name(), why));
    }
    if let Some(version) = &options.resource_version
        && *version != current.revision().to_string()
    {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            current.revision()
        );
        return Err(Status::conflict(&named, current.name(), why));
    }
    Ok(())
}

fn step(kind: &Kind, old: &Value, options: &DeleteOptions, now: DateTime<Utc>) -> Step {
    let mut object = old.clone();
    if custom::is_definition(kind) && old["metadata"]["deletionTimestamp"].is_null() {
        custom::mark_terminating(&mut object, &stamp(now));
        return Step::Mark(object);
    }
    let graceful = match begin_grace(kind, &mut object, options, now) {
        Grace::Pending => return Step::Pending,
        Grace::None => None,
        Grace::Seconds(seconds) => Some(seconds),
    };
    let wanted = wanted_finalizers(kind, &object, options);
    let held = !wanted.is_empty();
    let changed = wanted != finalizers(&object);
    if strategy::is_namespace(kind) && old["metadata"]["deletionTimestamp"].is_null() {
        set(&mut object, "deletionTimestamp", json!(stamp(now)));
        set_finalizers(&mut object, &wanted);
        object["status"]["phase"] = json!("Terminating");
        return Step::Mark(object);
    }
    // What is inside goes first; the namespace controller takes the finalizer away.
    if strategy::is_namespace(kind)
        && object["spec"]["finalizers"].as_array().is_some_and(|all| !all.is_empty())
    {
        return Step::Pending;
    }
    if changed {
        set_finalizers(&mut object, &wanted);
    }
    match graceful {
        None if held => {
            if object["metadata"]["deletionTimestamp"].is_null() {
                mark(&mut object, now, 0);
            } else {
                set(&mut object, "deletionGracePeriodSeconds", json!(0));
            }
            Step::Mark(object)
        }
        None => Step::Remove,
        Some(seconds) if held || seconds > 0 => Step::Mark(object),
        Some(_) => Step::MarkAndRemove(object),
    }
}

enum Grace {
    /// The kind knows none.
    None,
    /// A deletion is under way that is not to be shortened.
    Pending,
    /// So much is granted now.
    Seconds(i64),
}

/// Grants grace: pods have it, and a later delete may only shorten it.
fn begin_grace(kind: &Kind, object: &mut Value, options: &DeleteOptions, now: DateTime<Utc>) -> Grace {
    if kind.is_custom() || !kind.group.is_empty() || kind.plural != "pods" {
        return Grace::None;
    }
    let asked = options.grace_period_seconds.map(|s| if s < 0 { 1 } else { s });
    let metadata = &object["metadata"];
    if let Some(due) = metadata["deletionTimestamp"].as_str() {
        let granted = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        return match asked {
            _ if granted == 0 => Grace::None,
            Some(asked) if asked < granted => {
                let due = due.parse::<DateTime<Utc>>().unwrap_or(now);
                let earlier = due - TimeDelta::seconds(granted) + TimeDelta::seconds(asked);
                let (due, seconds) = match earlier < now {
                    true if asked > 0 => (now, 1),
                    true => (now, 0),
                    false => (earlier, asked),
                };
                set(object, "deletionTimestamp", json!(stamp(due)));
                set(object, "deletionGracePeriodSeconds", json!(seconds));
                Grace::Seconds(seconds)
            }
            _ => Grace::Pending,
        };
    }
    let phase = object["status"]["phase"].as_str().unwrap_or_default();
    let unscheduled = object["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    let seconds = if unscheduled || matches!(phase, "Failed" | "Succeeded") {
        0
    } else {
        asked.or_else(|| object["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(0)
    };
    let seconds = if seconds < 0 { 1 } else { seconds };
    mark(object, now, seconds);
    Grace::Seconds(seconds)
}

/// Marks an object as being deleted.
fn mark(object: &mut Value, now: DateTime<Utc>, grace: i64) {
    let due = now.checked_add_signed(TimeDelta::try_seconds(grace).unwrap_or_default()).unwrap_or(now);
    set(object, "deletionTimestamp", json!(stamp(due)));
    set(object, "deletionGracePeriodSeconds", json!(grace));
    strategy::bump_generation(object);
}

fn set_finalizers(object: &mut Value, wanted: &[String]) {
    if wanted.is_empty() {
        super::metadata::unset(object, "finalizers");
    } else {
        set(object, "finalizers", json!(wanted));
    }
}

/// The finalizers by which garbage collection learns what is to become of dependents.
fn wanted_finalizers(kind: &Kind, object: &Value, options: &DeleteOptions) -> Vec<String> {
    let present = finalizers(object);
    let policy = match options.propagation {
        Some(policy) => policy,
        None if present.contains(&ORPHAN) => Propagation::Orphan,
        None if present.contains(&FOREGROUND) => Propagation::Foreground,
        None => default_propagation(kind),
    };
    let others = present.iter().filter(|f| !matches!(**f, ORPHAN | FOREGROUND)).map(|f| (*f).to_owned());
    let added = match policy {
        _ if is_event(kind) => None,
        Propagation::Orphan => Some(ORPHAN.to_owned()),
        Propagation::Foreground => Some(FOREGROUND.to_owned()),
        Propagation::Background => None,
    };
    let wanted: Vec<String> = others.chain(added).collect();
    let same = wanted.len() == present.len() && wanted.iter().all(|f| present.contains(&f.as_str()));
    // Order is kept where nothing changes.
    if same { present.into_iter().map(str::to_owned).collect() } else { wanted }
}

/// Jobs and ReplicationControllers leave their pods behind unless asked otherwise.
fn default_propagation(kind: &Kind) -> Propagation {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("batch", "jobs") | ("", "replicationcontrollers") => Propagation::Orphan,
        _ => Propagation::Background,
    }
}

fn is_event(kind: &Kind) -> bool {
    kind.plural == "events" && matches!(kind.group.as_str(), "" | "events.k8s.io")
}
