//! Pods come to a node by binding and leave it by eviction.

use super::Call;
use super::body::{self, Body};
use super::decode::read_value;
use super::delete::delete_options_of;
use super::write;
use crate::clock::stamp;
use crate::status::{Cause, Status};
use crate::store::{DeleteOptions, Gr, Object, Selector, WriteOptions};
use http::Response;
use serde_json::{Value, json};
use std::sync::Arc;

const BUDGETS: Gr = Gr::new_static("policy", "poddisruptionbudgets");

/// `POST` of `pods/binding`, or of a Binding.
pub(super) fn bind(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let options = write::options(call, "CreateOptions")?;
    let binding = read_value(call, body)?;
    let pods = Gr::core("pods");
    let pod = match call.name() {
        "" => binding["metadata"]["name"].as_str().unwrap_or_default(),
        name => name,
    };
    let node = binding["target"]["name"].as_str().unwrap_or_default();
    if node.is_empty() {
        let error = crate::status::FieldError::required("target.name", "");
        return Err(Status::invalid("", "Binding", pod, vec![error]));
    }
    let now = call.store().clock().stamp();
    call.store().update(&pods, call.namespace(), pod, "binding", &options, |current, mut object| {
        let refuse = |why: String| Err(Status::conflict(&Gr::core("pods/binding"), pod, why));
        if current.deleting() {
            return refuse(format!("pod {pod} is being deleted, cannot be assigned to a host"));
        }
        let present = object["spec"]["nodeName"].as_str().unwrap_or_default();
        if !present.is_empty() {
            return refuse(format!("pod {pod} is already assigned to node {present:?}"));
        }
        object["spec"]["nodeName"] = json!(node);
        for (key, value) in binding["metadata"]["annotations"].as_object().into_iter().flatten() {
            object["metadata"]["annotations"][key.as_str()] = value.clone();
        }
        set_condition(
            &mut object,
            json!({
                "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now,
            }),
        );
        Ok(object)
    })?;
    Ok(body::value(201, &success()))
}

/// `POST` of `pods/eviction`.
pub(super) fn evict(call: &Call, body: &[u8]) -> Result<Response<Body>, Status> {
    let eviction = read_value(call, body)?;
    if eviction["metadata"]["name"].as_str() != Some(call.name()) {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    let given = eviction.get("deleteOptions").filter(|options| options.is_object());
    let mut options = delete_options_of(call, given.cloned().unwrap_or_else(|| json!({})))?.delete;
    options.dry_run |= call.query.dry_run("CreateOptions")?;
    let pod = call.store().get(&call.gr, call.namespace(), call.name())?;
    let value = pod.value();
    let phase = value["status"]["phase"].as_str().unwrap_or_default();
    if !pod.deleting() && !matches!(phase, "Pending" | "Succeeded" | "Failed") {
        spend_budget(call, &pod, &value, &options)?;
    }
    mark_disrupted(call, &options)?;
    call.store().delete(&call.gr, call.namespace(), call.name(), &options)?;
    Ok(body::value(201, &success()))
}

/// Takes one allowed disruption from the budget that guards a pod.
fn spend_budget(
    call: &Call,
    pod: &Arc<Object>,
    value: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let budgets = call.store().all(&BUDGETS, call.namespace());
    let guards = budgets.iter().filter(|budget| {
        let selector = Selector::of_label_selector(&budget.value()["spec"]["selector"]);
        selector.is_some_and(|selector| selector.matches(pod))
    });
    let guards: Vec<_> = guards.collect();
    let budget = match guards.as_slice() {
        [] => return Ok(()),
        [one] => one,
        _ => {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Status::new(500, "", message));
        }
    };
    let conditions = value["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
    let tree = budget.value();
    let number = |field: &str| tree["status"][field].as_i64().unwrap_or(0);
    if !ready {
        let always = tree["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        let healthy = number("currentHealthy") >= number("desiredHealthy") && number("desiredHealthy") > 0;
        if always || healthy {
            return Ok(());
        }
    }
    let name = budget.name();
    if number("observedGeneration") < budget.generation() {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(Status::too_many_requests(message, 10).with_cause(disruption(why)));
    }
    let write = WriteOptions { dry_run: options.dry_run, ..WriteOptions::default() };
    let now = call.store().clock().stamp();
    call.store().update(&BUDGETS, call.namespace(), name, "status", &write, |_, mut budget| {
        let number = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
        let (allowed, desired, current) =
            (number("disruptionsAllowed"), number("desiredHealthy"), number("currentHealthy"));
        if allowed <= 0 {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            let why = if current <= desired {
                format!(
                    "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
                )
            } else {
                format!("The disruption budget {name} does not allow evicting pods currently")
            };
            return Err(Status::too_many_requests(message, 0).with_cause(disruption(why)));
        }
        budget["status"]["disruptionsAllowed"] = json!(allowed - 1);
        budget["status"]["disruptedPods"][pod.name()] = json!(now);
        Ok(budget)
    })?;
    Ok(())
}

fn disruption(message: String) -> Cause {
    Cause { reason: "DisruptionBudget".into(), message, field: String::new() }
}

/// Says on the pod itself why it goes.
fn mark_disrupted(call: &Call, options: &DeleteOptions) -> Result<(), Status> {
    let write = WriteOptions { dry_run: options.dry_run, ..WriteOptions::default() };
    let now = stamp(call.store().clock().now());
    // A precondition on the version is about the pod as the client saw it, so it must hold before this write.
    if options.resource_version.is_some() {
        return Ok(());
    }
    call.store().update(&call.gr, call.namespace(), call.name(), "status", &write, |_, mut pod| {
        set_condition(
            &mut pod,
            json!({
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting", "lastProbeTime": null, "lastTransitionTime": now,
            }),
        );
        Ok(pod)
    })?;
    Ok(())
}

/// Sets the condition of this type in a status.
fn set_condition(object: &mut Value, condition: Value) {
    let status = &mut object["status"];
    if !status.is_object() {
        *status = json!({});
    }
    match status["conditions"].as_array_mut() {
        None => status["conditions"] = json!([condition]),
        Some(conditions) => match conditions.iter_mut().find(|c| c["type"] == condition["type"]) {
            Some(present) => *present = condition,
            None => conditions.push(condition),
        },
    }
}

fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}
