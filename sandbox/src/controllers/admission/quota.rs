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

/// Charges an object to the quotas of its namespace.
pub(super) fn charge(store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
    if review.namespace.is_empty() || review.kind.plural == "events" {
        return Ok(());
    }
    let quotas = store.all(&RESOURCE_QUOTAS, Some(review.namespace));
    if quotas.is_empty() {
        return Ok(());
    }
    let now = store.clock().now();
    let gr = Gr::new(review.kind.group.clone(), review.kind.plural.clone());
    let new = usage::of(review.kind, object, now);
    let mut delta = new.clone();
    if let Some(old) = review.old {
        delta.subtract(&usage::of(review.kind, old, now));
        delta.0.retain(|_, amount| amount.is_positive());
    }
    for quota in quotas {
        let value = quota.value();
        if !Scopes::read(&value).matches(review.kind, object) {
            continue;
        }
        let hard = hard_of(&value);
        if review.operation == Operation::Create {
            must_say(&gr, review, quota.name(), &hard, object)?;
        }
        let mut wanted = delta.clone();
        wanted.0.retain(|name, amount| hard.0.contains_key(name) && !amount.is_zero());
        if wanted.0.is_empty() {
            continue;
        }
        settle(store, review, &gr, quota.name(), &wanted)?;
    }
    Ok(())
}

/// What a quota allows; before its controller has looked at it, what it wishes.
fn hard_of(quota: &Value) -> Resources {
    match quota["status"].get("hard") {
        Some(hard) => Resources::from_json(Some(hard)),
        None => Resources::from_json(quota["spec"].get("hard")),
    }
}

fn used_of(store: &Store, quota: &Value, hard: &Resources) -> Resources {
    match quota["status"].get("used") {
        Some(used) => Resources::from_json(Some(used)),
        None => usage::in_namespace(store, quota, hard),
    }
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

/// Adds to what is used, unless it is too much.
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
            let hard = hard_of(&value);
            let before = used_of(store, &value, &hard);
            let mut used = before.clone();
            used.add(wanted);
            let exceeded: Vec<&SmolStr> = wanted
                .0
                .keys()
                .filter(|name| hard.0.get(*name).is_some_and(|hard| used.get(name) > *hard))
                .collect();
            if !exceeded.is_empty() {
                let list = |amounts: &Resources| {
                    exceeded
                        .iter()
                        .map(|name| format!("{name}={}", amounts.get(name)))
                        .collect::<Vec<_>>()
                        .join(",")
                };
                let why = format!(
                    "exceeded quota: {quota}, requested: {}, used: {}, limited: {}",
                    list(wanted),
                    list(&before),
                    list(&hard)
                );
                return Err(Status::forbidden(gr, review.name, why));
            }
            value["status"]["hard"] = hard.to_json();
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
