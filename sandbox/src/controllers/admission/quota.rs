//! Quotas at the door: what does not fit is refused, what fits is charged at once.

use std::collections::BTreeSet;

use serde_json::Value;
use smol_str::SmolStr;

use crate::controllers::RESOURCE_QUOTAS;
use crate::controllers::usage::{self, Scopes};
use crate::kinds::resources::Resources;
use crate::status::Status;
use crate::store::{Gr, Operation, Review, Store, WriteOptions};

/// Resources that every container has to name when a quota counts them.
const MUST_BE_SAID: [&str; 6] =
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Charges an object to the quotas of its namespace: by what their status says, however their spec may have changed
/// since. A quota that nobody has counted yet limits nobody.
pub(super) fn charge(store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
    if review.namespace.is_empty() || review.kind.plural == "events" {
        return Ok(());
    }
    let quotas = store.all(&RESOURCE_QUOTAS, Some(review.namespace));
    if quotas.is_empty() {
        return Ok(());
    }
    let gr = Gr::new(review.kind.group.clone(), review.kind.plural.clone());
    let mut charges = Vec::new();
    for quota in quotas {
        let value = quota.value();
        if let Some(wanted) = wanted(store, review, &gr, &value, object)? {
            exceeded(&value, &wanted).map_or(Ok(()), |why| Err(Status::forbidden(&gr, review.name, why)))?;
            charges.push((quota, wanted));
        }
    }
    charges.into_iter().try_for_each(|(quota, wanted)| settle(store, review, &gr, quota.name(), &wanted))
}

/// What an object takes of a quota; None where it takes nothing.
fn wanted(
    store: &Store,
    review: &Review<'_>,
    gr: &Gr,
    quota: &Value,
    object: &Value,
) -> Result<Option<Resources>, Status> {
    let mut hard = Resources::from_json(quota["status"].get("hard"));
    hard.0.retain(|name, _| usage::counts(store, name).as_ref() == Some(gr));
    let scopes = Scopes::read(quota);
    if hard.0.is_empty() || !scopes.matches(review.kind, object) {
        return Ok(None);
    }
    let name = quota["metadata"]["name"].as_str().unwrap_or_default();
    if review.operation == Operation::Create {
        must_say(gr, review, name, &hard, object)?;
    }
    let used = Resources::from_json(quota["status"].get("used"));
    if !hard.0.keys().all(|name| used.0.contains_key(name)) {
        let names: Vec<&str> = hard.0.keys().map(SmolStr::as_str).collect();
        let why = format!("status unknown for quota: {name}, resources: {}", names.join(","));
        return Err(Status::forbidden(gr, review.name, why));
    }
    let now = store.clock().now();
    let mut delta = usage::of(review.kind, object, now);
    if let Some(old) = review.old.filter(|old| scopes.matches(review.kind, old)) {
        delta.subtract(&usage::of(review.kind, old, now));
        delta.0.retain(|_, amount| amount.is_positive());
    }
    delta.0.retain(|name, amount| hard.0.contains_key(name) && !amount.is_zero());
    Ok((!delta.0.is_empty()).then_some(delta))
}

/// Why a quota has not as much left; None when it has.
fn exceeded(quota: &Value, wanted: &Resources) -> Option<String> {
    let status = |key: &str| Resources::from_json(quota["status"].get(key));
    let (hard, used) = (status("hard"), status("used"));
    let mut after = used.clone();
    after.add(wanted);
    let names = wanted.0.keys().filter(|name| hard.0.get(*name).is_some_and(|hard| after.get(name) > *hard));
    let exceeded: Vec<&SmolStr> = names.collect();
    if exceeded.is_empty() {
        return None;
    }
    let list = |amounts: &Resources| {
        let texts = exceeded.iter().map(|name| format!("{name}={}", amounts.get(name)));
        texts.collect::<Vec<_>>().join(",")
    };
    let name = quota["metadata"]["name"].as_str().unwrap_or_default();
    let (requested, used, limited) = (list(wanted), list(&used), list(&hard));
    Some(format!("exceeded quota: {name}, requested: {requested}, used: {used}, limited: {limited}"))
}

fn must_say(
    gr: &Gr,
    review: &Review<'_>,
    quota: &str,
    hard: &Resources,
    object: &Value,
) -> Result<(), Status> {
    let is_pod = gr.group.is_empty() && gr.plural == "pods";
    if !is_pod || object["spec"]["resources"].is_object() {
        return Ok(());
    }
    let mut missing = Vec::new();
    for resource in hard.0.keys().filter(|name| MUST_BE_SAID.contains(&name.as_str())) {
        let (column, name) = match resource.split_once('.') {
            Some(("limits", name)) => ("limits", name),
            Some((_, name)) => ("requests", name),
            None => ("requests", resource.as_str()),
        };
        let lists = ["containers", "initContainers"];
        let containers = lists.iter().flat_map(|list| object["spec"][list].as_array().into_iter().flatten());
        let silent = containers.filter(|container| container["resources"][column].get(name).is_none());
        let names: BTreeSet<&str> = silent.filter_map(|container| container["name"].as_str()).collect();
        if !names.is_empty() {
            let names: Vec<&str> = names.into_iter().collect();
            missing.push(format!("{resource} for: {}", names.join(",")));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!("failed quota: {quota}: must specify {}", missing.join("; "));
    Err(Status::forbidden(gr, review.name, why))
}

/// Adds to what is used, unless it is too much by now.
fn settle(
    store: &Store,
    review: &Review<'_>,
    gr: &Gr,
    quota: &str,
    wanted: &Resources,
) -> Result<(), Status> {
    let options = WriteOptions { dry_run: review.options.dry_run, ..WriteOptions::by("kube-apiserver") };
    let charged =
        store.update(&RESOURCE_QUOTAS, Some(review.namespace), quota, "status", &options, |_, mut value| {
            if let Some(why) = exceeded(&value, wanted) {
                return Err(Status::forbidden(gr, review.name, why));
            }
            let mut used = Resources::from_json(value["status"].get("used"));
            used.add(wanted);
            value["status"]["used"] = used.to_json();
            Ok(value)
        });
    match charged {
        // A quota that went meanwhile limits nobody.
        Err(refusal) if refusal.is_not_found() => Ok(()),
        Err(refusal) => Err(refusal),
        Ok(_) => Ok(()),
    }
}
