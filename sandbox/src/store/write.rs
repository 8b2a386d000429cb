//! Creating and updating.

use super::hooks::{Admission, Operation, Review, Stage};
use super::metadata::{self, set, text, unset};
use super::object::{Draft, Object};
use super::options::{WriteOptions, Written};
use super::state::{Expect, key};
use super::track::{self, track};
use super::{Gr, Store, signing, strategy, validate, warnings};
use crate::kinds::Kind;
use crate::kinds::defaults::apply_defaults;
use crate::kinds::zeros;
use crate::status::{FieldError, Status};
use serde_json::{Value, json};
use std::sync::Arc;

/// A name that the server makes up keeps this much of its base.
const GENERATED_BASE: usize = 58;
/// How many names are tried before giving up.
const GENERATED_TRIES: usize = 8;

impl Store {
    /// Creates an object; `namespace` is that of the request.
    ///
    /// # Errors
    /// 409 when the name is taken, 422 when the object breaks the rules of its kind, 404 or 403 when the namespace
    /// does not exist or is going away, and what admission says.
    pub fn create(
        &self,
        gr: &Gr,
        namespace: Option<&str>,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Status> {
        self.must_serve(true)?;
        let kind = self.kind_for(gr, options)?;
        let mut object = object;
        metadata::ensure(&mut object)?;
        if kind.custom.as_ref().is_some_and(|custom| custom.terminating) {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(Status::forbidden(gr, text(&object, "name"), why));
        }
        let version = text(&object, "resourceVersion");
        // A dry run does not reach the store, which is what refuses it, and shows it.
        let shown = version.parse().ok().filter(|_| options.dry_run);
        if !version.is_empty() && !options.dry_run {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Status::new(500, "", message));
        }
        metadata::settle_namespace(&kind, namespace, &mut object)?;
        let later = strategy::is_settled_later(&kind, &object);
        // The writer owns what it says and what that means by default, not what the server adds from here on.
        apply_defaults(&kind, &mut object);
        track(&self.kinds(), &kind, "", None, &mut object, options, &self.clock().stamp());
        let generated = text(&object, "name").is_empty() && !text(&object, "generateName").is_empty();
        if !generated {
            let made = self.create_named(gr, &kind, object, later, options)?;
            return Ok(match shown {
                Some(version) => Arc::new(Draft::new(&kind, &made.value()).commit(version)),
                None => made,
            });
        }
        let base: String = text(&object, "generateName").chars().take(GENERATED_BASE).collect();
        let mut name = String::new();
        for _ in 0..GENERATED_TRIES {
            name = format!("{base}{}", self.chance().suffix(5));
            let mut attempt = object.clone();
            set(&mut attempt, "name", json!(name));
            match self.create_named(gr, &kind, attempt, later, options) {
                Err(status) if status.is_already_exists() => {}
                done => return done,
            }
        }
        Err(Status::generate_name_conflict(gr, &name))
    }

    fn create_named(
        &self,
        gr: &Gr,
        kind: &Arc<Kind>,
        mut object: Value,
        later: bool,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Status> {
        set(&mut object, "uid", json!(self.chance().uid()));
        set(&mut object, "creationTimestamp", json!(self.clock().stamp()));
        for key in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"] {
            unset(&mut object, key);
        }
        let namespace = text(&object, "namespace").to_owned();
        let name = text(&object, "name").to_owned();
        self.open_namespace(gr, &namespace, &name, Operation::Create)?;
        let review = Review {
            kind,
            operation: Operation::Create,
            subresource: "",
            namespace: &namespace,
            name: &name,
            old: None,
            options,
        };
        strategy::prepare_create(kind, &mut object);
        let admission = self.admission();
        for plugin in &admission {
            plugin.admit(self, &review, &mut object)?;
        }
        if !admission.is_empty() {
            apply_defaults(kind, &mut object);
        }
        let errors =
            [metadata::check(kind, &object), validate::create(kind, &options.api_version, &object)].concat();
        refuse(kind, &name, errors)?;
        options.warn(warnings::of_object(kind, &object));
        for plugin in admission.iter().rev() {
            plugin.validate(self, &review, &object)?;
        }
        let within = kind.namespaced.then_some(&*namespace);
        let key = key(within, &name);
        zeros::store(kind.schema(), &mut object);
        let draft = Draft::new(kind, &object);
        if options.dry_run {
            return match self.find(gr, within, &name) {
                Some(_) => Err(self.taken(gr, within, &name)),
                None => Ok(Arc::new(draft.uncommitted())),
            };
        }
        let mut state = self.write();
        let stored = state.put(gr, &key, draft, Expect::Absent);
        if stored.is_ok() && later {
            state.unsettle(gr, &key);
        }
        drop(state);
        let stored = stored.map_err(|_| self.taken(gr, within, &name))?;
        self.written(gr, &stored);
        Ok(stored)
    }

    /// Why a name cannot be had.
    fn taken(&self, gr: &Gr, namespace: Option<&str>, name: &str) -> Status {
        match self.find(gr, namespace, name).is_some_and(|present| present.deleting()) {
            true => Status::being_deleted(gr, name),
            false => Status::already_exists(gr, name),
        }
    }

    /// Changes an object: `change` gets the tree as it is (with `metadata.resourceVersion`) and makes the new one.
    ///
    /// When somebody else writes in between, `change` is called again on the newer state, unless the tree it answers
    /// names another resource version than the present one: that is a conflict. `subresource` is empty for the
    /// object itself; `status` changes only the status, and the object itself leaves the status alone.
    ///
    /// # Errors
    /// 404, 409, 422, what `change` says and what admission says.
    pub fn update(
        &self,
        gr: &Gr,
        namespace: Option<&str>,
        name: &str,
        subresource: &str,
        options: &WriteOptions,
        mut change: impl FnMut(&Object, Value) -> Result<Value, Status>,
    ) -> Result<Arc<Object>, Status> {
        let kind = self.kind_for(gr, options)?;
        let key = key(namespace.filter(|_| kind.namespaced), name);
        loop {
            let current = self.get(gr, namespace, name)?;
            let old = current.value();
            let mut new = change(&current, old.clone())?;
            // What the host itself leaves as it is nobody has to be asked about.
            if options.origin.is_none() && !current.deleting() && new == old {
                return Ok(current);
            }
            metadata::ensure(&mut new)?;
            let forgets = track::forgets(&new);
            check_version(gr, &kind, name, &current, &mut new)?;
            metadata::settle_namespace(&kind, namespace, &mut new)?;
            settle_identity(&mut new, &old);
            let review = Review {
                kind: &kind,
                operation: Operation::Update,
                subresource,
                namespace: namespace.unwrap_or_default(),
                name,
                old: Some(&old),
                options,
            };
            let admission = self.admission();
            let allots = |plugin: &Arc<dyn Admission>| plugin.stage() == Stage::Allotment;
            for plugin in admission.iter().filter(|plugin| !allots(plugin)) {
                plugin.admit(self, &review, &mut new)?;
            }
            strategy::prepare_update(&kind, subresource, &mut new, &old);
            if subresource == "approval" {
                signing::stamp_conditions(&mut new, &old, &self.clock().stamp());
            }
            if forgets {
                set(&mut new, "managedFields", json!([]));
            }
            // The writer owns and gives up what it says, not what is kept, taken or allotted from here on.
            track(&self.kinds(), &kind, subresource, Some(&old), &mut new, options, &self.clock().stamp());
            strategy::count_template(&kind, &mut new, &old);
            for plugin in admission.iter().filter(|plugin| allots(plugin)) {
                plugin.admit(self, &review, &mut new)?;
            }
            let through = validate::Through { version: &options.api_version, subresource };
            let errors = [metadata::check_update(&new, &old), validate::update(&kind, through, &new, &old)];
            refuse(&kind, name, errors.concat())?;
            options.warn(warnings::of_update(&kind, subresource, &new, &old));
            for plugin in admission.iter().rev() {
                plugin.validate(self, &review, &new)?;
            }
            zeros::store(kind.schema(), &mut new);
            let draft = Draft::new(&kind, &new);
            let expect = Expect::Revision(current.revision());
            if options.dry_run {
                return Ok(Arc::new(draft.commit(current.revision())));
            }
            if emptied(&kind, &new, &old) {
                // It goes as it was, and the writer is shown what would have become of it.
                let Ok(last) = self.write().remove(gr, &key, expect) else { continue };
                self.gone(gr, &kind, &last);
                return Ok(Arc::new(draft.commit(current.revision())));
            }
            let Ok(object) = self.write().put(gr, &key, draft, expect) else { continue };
            self.written(gr, &object);
            return Ok(object);
        }
    }

    /// Replaces an object whole, as `PUT` does: 409 when the given resource version is not the present one.
    ///
    /// # Errors
    /// As [`Store::update`]; 404 unless the kind may be created that way.
    pub fn replace(
        &self,
        gr: &Gr,
        namespace: Option<&str>,
        name: &str,
        subresource: &str,
        object: &Value,
        options: &WriteOptions,
    ) -> Result<Written, Status> {
        let kind = self.kind_for(gr, options)?;
        let expected = text(object, "uid");
        let present = self.find(gr, namespace.filter(|_| kind.namespaced), name);
        let uid = present.as_ref().map_or("", |present| present.uid());
        let creates = kind.allows_create_on_update() && matches!(subresource, "" | "status");
        let may_be = present.is_some() || creates;
        if may_be && !expected.is_empty() && expected != uid {
            let place = strategy::place(&kind, namespace, name);
            // A dry run asks another layer, which has not said yet where everything is kept.
            let place = if options.dry_run { place.trim_start_matches("/registry") } else { &place };
            return Err(Status::conflict(gr, name, Status::other_uid(place, expected, uid)));
        }
        let result = self.update(gr, namespace, name, subresource, options, |_, _| Ok(object.clone()));
        match result {
            Ok(object) => Ok(Written { object, created: false }),
            Err(status) if status.is_not_found() && creates => {
                let mut object = object.clone();
                // The version that it would replace is not asked for, but a dry run shows it.
                if !options.dry_run {
                    unset(&mut object, "resourceVersion");
                }
                let object = self.create(gr, namespace, object, options)?;
                Ok(Written { object, created: true })
            }
            Err(status) => Err(status),
        }
    }

    /// Whether a namespace takes writes: it must exist, and nothing new enters one that is going away.
    fn open_namespace(
        &self,
        gr: &Gr,
        namespace: &str,
        name: &str,
        operation: Operation,
    ) -> Result<(), Status> {
        if namespace.is_empty() {
            return Ok(());
        }
        let namespaces = Gr::core("namespaces");
        let found = self.get(&namespaces, None, namespace)?;
        let terminating = found.value()["status"]["phase"] == "Terminating";
        if operation == Operation::Create && terminating {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            return Err(Status::forbidden(gr, name, why).with_cause(crate::status::Cause {
                reason: "NamespaceTerminating".into(),
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".into(),
            }));
        }
        Ok(())
    }
}

/// Refuses an object with field errors.
fn refuse(kind: &Kind, name: &str, errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(&kind.group, &kind.kind, name, errors)) }
}

/// The resource version of an update is the present one, or absent where the kind allows that.
fn check_version(gr: &Gr, kind: &Kind, name: &str, current: &Object, new: &mut Value) -> Result<(), Status> {
    let given = text(new, "resourceVersion");
    match given.parse::<u64>() {
        Ok(given) if given == current.revision() => Ok(()),
        Ok(0) | Err(_) if given.is_empty() || given == "0" => {
            if kind.allows_unconditional_update() {
                set(new, "resourceVersion", json!(current.revision().to_string()));
                return Ok(());
            }
            let error = FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update");
            // The real server names the plural here, where it names the kind everywhere else.
            Err(Status::invalid(&gr.group, &gr.plural, name, vec![error]))
        }
        Ok(_) => Err(Status::modified(gr, name)),
        Err(_) => {
            let error = FieldError::invalid(
                "metadata.resourceVersion",
                format!("{given:?}"),
                "must be an unsigned integer",
            );
            Err(Status::invalid(&gr.group, &kind.kind, name, vec![error]))
        }
    }
}

/// What an update can never change.
fn settle_identity(new: &mut Value, old: &Value) {
    if text(new, "uid").is_empty() {
        metadata::copy(old, new, "uid");
    }
    for key in ["creationTimestamp", "generation"] {
        metadata::copy(old, new, key);
    }
    // A deletion is never taken back; one that is written down is refused by validation.
    for key in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        if !old["metadata"][key].is_null() {
            metadata::copy(old, new, key);
        }
    }
    unset(new, "selfLink");
}

/// Whether an update lets go of an object that is being deleted: nobody holds it any more.
fn emptied(kind: &Kind, new: &Value, old: &Value) -> bool {
    let held_by_namespace = strategy::is_namespace(kind)
        && new["spec"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
    metadata::finalizers(new).is_empty()
        && !held_by_namespace
        && !old["metadata"]["deletionTimestamp"].is_null()
        && old["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
}
