//! The spec of a pod on the host, from the tenant's. What is not named here goes as it is, fields of newer servers too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::lean::Pairs;
use v9s::names::{VirtualName, pod_hostname};

use super::affinity::{self, Terms};
use super::env::{self, Advertised};
use super::refs::{self, items, items_mut};
use super::{CONTAINERS, claims, dns, downward, hosts};
use crate::context::{Classes, Context, Nodes};

/// What a spec is read against.
pub(super) struct Around<'a> {
    pub(super) ctx: &'a Context,
    /// The virtual pod.
    pub(super) pod: &'a VirtualName,
    /// Its labels.
    pub(super) labels: &'a Pairs,
    /// Addresses of the virtual cluster's DNS on the host.
    pub(super) dns: Vec<SmolStr>,
    /// Services whose addresses containers are told, the virtual API server first.
    pub(super) services: Vec<Advertised>,
    /// Virtual namespaces whose labels match a selector, now.
    pub(super) matching: &'a dyn Fn(&Value) -> Vec<SmolStr>,
    /// Names of variables that a container takes from ConfigMaps and Secrets.
    pub(super) taken: &'a dyn Fn(&Value) -> BTreeSet<String>,
    /// The tenant does not want `/etc/hosts` to be rewritten.
    pub(super) keep_hosts: bool,
}

/// The host's spec, and whether `/etc/hosts` is rewritten.
pub(super) fn to_host(around: &Around<'_>, mut spec: Value) -> (Value, bool) {
    let Around { ctx, pod, .. } = around;
    let namespace = pod.namespace.as_deref().unwrap_or_default();
    accounts(around, &mut spec);
    classes(ctx, &mut spec);
    placement(around, &mut spec, namespace);
    containers(around, &mut spec);
    volumes(ctx, &mut spec, pod);
    dns::rewrite(ctx, &mut spec, namespace, &around.dns);
    let mut aliases: Vec<Value> = items(&spec, "hostAliases").cloned().collect();
    aliases.extend(dns::api_aliases(ctx));
    spec["hostAliases"] = Value::Array(aliases);
    if spec["hostname"].as_str().is_none_or(str::is_empty) {
        spec["hostname"] = json!(pod_hostname(&pod.name));
    }
    let rewritten = hosts::rewrite(ctx, &mut spec, pod, around.keep_hosts);
    if ctx.minors.host < 34 {
        remove(&mut spec, "resources");
    }
    (spec, rewritten)
}

/// One more container, as the host gets it.
pub(super) fn container_to_host(around: &Around<'_>, container: &mut Value) {
    complete(around, container, &env::of_services(&around.services));
    rename(around.ctx, around.pod, |visit| refs::each_of_container(container, visit));
}

/// The image of a container on the host.
pub(super) fn image<'a>(ctx: &'a Context, image: &'a str) -> &'a str {
    ctx.pods.images.get(image).map_or(image, String::as_str)
}

fn accounts(around: &Around<'_>, spec: &mut Value) {
    let Around { ctx, pod, .. } = around;
    let account = match ctx.pods.own_accounts {
        true => {
            let name = claims::account(spec).into();
            let object = VirtualName { namespace: pod.namespace.clone(), name };
            ctx.names.host_name(&object).as_str().into()
        }
        false => ctx.workload_account(),
    };
    remove(spec, "serviceAccount");
    spec["serviceAccountName"] = json!(account);
    // The host's own tokens and Services are not the tenant's business.
    spec["automountServiceAccountToken"] = json!(false);
    spec["enableServiceLinks"] = json!(false);
}

/// Numbers and policies that the host's admission computes from classes are left to it: it refuses others.
fn classes(ctx: &Context, spec: &mut Value) {
    for computed in ["priority", "preemptionPolicy", "overhead"] {
        remove(spec, computed);
    }
    let priority = spec["priorityClassName"].as_str().filter(|name| !name.is_empty()).map(SmolStr::from);
    let on_host = priority.and_then(|class| match ctx.pods.priority_classes {
        Classes::Apart => None,
        Classes::ToHost if is_system_class(&class) => None,
        Classes::ToHost => Some(ctx.names.host_name(&VirtualName::cluster_scoped(class)).as_str().into()),
        Classes::FromHost => Some(class),
    });
    match on_host.or_else(|| ctx.pods.priority_class.clone()) {
        Some(class) => spec["priorityClassName"] = json!(class),
        None => remove(spec, "priorityClassName"),
    }
    if let Some(class) = &ctx.pods.runtime_class {
        spec["runtimeClassName"] = json!(class);
    }
}

/// Every cluster has these.
pub(super) fn is_system_class(name: &str) -> bool {
    matches!(name, "system-node-critical" | "system-cluster-critical")
}

fn placement(around: &Around<'_>, spec: &mut Value, namespace: &str) {
    let Around { ctx, .. } = around;
    let terms = Terms { ctx, namespace, labels: around.labels, matching: around.matching };
    affinity::rewrite(&terms, spec);
    for enforced in &ctx.pods.tolerations {
        tolerate(spec, enforced);
    }
    if let Nodes::Labelled(labels) = &ctx.nodes.shown
        && spec["nodeName"].as_str().is_none_or(str::is_empty)
    {
        if !spec["nodeSelector"].is_object() {
            spec["nodeSelector"] = json!({});
        }
        for (key, value) in labels {
            spec["nodeSelector"][key] = json!(value);
        }
    }
}

/// Adds a toleration that is not there yet.
fn tolerate(spec: &mut Value, toleration: &Value) {
    if !items(spec, "tolerations").any(|there| there == toleration) {
        let mut all: Vec<Value> = items(spec, "tolerations").cloned().collect();
        all.push(toleration.clone());
        spec["tolerations"] = Value::Array(all);
    }
}

fn containers(around: &Around<'_>, spec: &mut Value) {
    let services = env::of_services(&around.services);
    for list in CONTAINERS {
        for container in items_mut(spec, list) {
            complete(around, container, &services);
        }
    }
}

fn complete(around: &Around<'_>, container: &mut Value, services: &BTreeMap<String, String>) {
    let taken = (around.taken)(container);
    env::complete(around.ctx, container, services, &taken);
    if let Some(name) = container["image"].as_str() {
        container["image"] = json!(image(around.ctx, name));
    }
}

fn volumes(ctx: &Context, spec: &mut Value, pod: &VirtualName) {
    for volume in items_mut(spec, "volumes") {
        if volume.get("ephemeral").is_some_and(|source| !source.is_null()) {
            let claim = refs::ephemeral_claim(&pod.name, volume["name"].as_str().unwrap_or_default());
            remove(volume, "ephemeral");
            volume["persistentVolumeClaim"] = json!({"claimName": claim});
        }
        if let Some(source) = volume.get_mut("downwardAPI") {
            downward::rewrite_files(ctx, source);
        }
        for source in volume.get_mut("projected").map(|of| items_mut(of, "sources")).into_iter().flatten() {
            if let Some(source) = source.get_mut("downwardAPI") {
                downward::rewrite_files(ctx, source);
            }
        }
    }
    rename(ctx, pod, |visit| refs::each(spec, visit));
    claims::rewrite(spec, &claims::secret_name(ctx, pod));
}

fn rename(ctx: &Context, pod: &VirtualName, of: impl FnOnce(&mut dyn FnMut(refs::Referred, &mut Value))) {
    of(&mut |_, name| {
        if let Some(virtual_name) = name.as_str() {
            let object = VirtualName { namespace: pod.namespace.clone(), name: virtual_name.into() };
            *name = json!(ctx.names.host_name(&object).as_str());
        }
    });
}

fn remove(of: &mut Value, field: &str) {
    if let Some(fields) = of.as_object_mut() {
        fields.remove(field);
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
