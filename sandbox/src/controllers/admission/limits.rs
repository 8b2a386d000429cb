//! LimitRanges: what containers get when they say nothing, and what is too little or too much.

use serde_json::{Value, json};

use crate::controllers::{LIMIT_RANGES, PODS};
use crate::kinds::quantity::Quantity;
use crate::kinds::resources::{Column, PodNeeds, Resources};
use crate::status::Status;
use crate::store::{Review, Store};

fn ranges(store: &Store, namespace: &str) -> Vec<Value> {
    let objects = store.all(&LIMIT_RANGES, Some(namespace));
    let limits = |object: Value| object["spec"]["limits"].as_array().cloned().unwrap_or_default();
    objects.iter().flat_map(|object| limits(object.value())).collect()
}

fn containers(pod: &mut Value) -> impl Iterator<Item = (&'static str, &mut Value)> {
    let spec = pod["spec"].as_object_mut().into_iter().flatten();
    spec.filter_map(|(key, list)| match key.as_str() {
        "containers" => Some(("container", list)),
        "initContainers" => Some(("init container", list)),
        _ => None,
    })
    .flat_map(|(word, list)| {
        list.as_array_mut().into_iter().flatten().map(move |container| (word, container))
    })
}

/// Gives containers the requests and limits that they leave out, and notes it as the real plugin does.
pub(super) fn fill_in(store: &Store, namespace: &str, pod: &mut Value) {
    let limits = ranges(store, namespace);
    let mut notes = Vec::new();
    for limit in limits.iter().filter(|limit| limit["type"] == "Container") {
        for (word, container) in containers(pod) {
            let name = container["name"].as_str().unwrap_or_default().to_owned();
            for (defaults, column, noun) in
                [("defaultRequest", "requests", "request"), ("default", "limits", "limit")]
            {
                let set = merge(&mut container["resources"], column, &limit[defaults]);
                if !set.is_empty() {
                    notes.push(format!("{} {noun} for {word} {name}", set.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] = json!(note);
    }
}

/// Fills in the amounts that are left out; answers which.
fn merge(resources: &mut Value, column: &str, defaults: &Value) -> Vec<String> {
    let mut set = Vec::new();
    for (name, amount) in defaults.as_object().into_iter().flatten() {
        if resources[column].get(name).is_none() {
            resources[column][name] = amount.clone();
            set.push(name.clone());
        }
    }
    set
}

/// Refuses a pod that asks for too little or too much.
pub(super) fn check(store: &Store, review: &Review<'_>, pod: &Value) -> Result<(), Status> {
    let limits = ranges(store, review.namespace);
    let mut problems = Vec::new();
    for limit in &limits {
        match limit["type"].as_str() {
            Some("Container") => {
                for list in ["containers", "initContainers"] {
                    for container in pod["spec"][list].as_array().into_iter().flatten() {
                        let of = |column: &str| Resources::from_json(container["resources"].get(column));
                        problems.extend(problems_of(limit, &of("requests"), &of("limits")));
                    }
                }
            }
            Some("Pod") => {
                let needs = PodNeeds::read(&pod["spec"]);
                problems.extend(problems_of(
                    limit,
                    &needs.total(Column::Requests),
                    &needs.total(Column::Limits),
                ));
            }
            _ => {}
        }
    }
    problems.sort();
    problems.dedup();
    let text = match problems.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    Err(Status::forbidden(&PODS, review.name, text))
}

fn problems_of(limit: &Value, requests: &Resources, limits: &Resources) -> Vec<String> {
    let kind = limit["type"].as_str().unwrap_or_default();
    let amounts = |key: &str| Resources::from_json(limit.get(key)).0;
    let mut problems = Vec::new();
    for (name, least) in amounts("min") {
        let text = format!("minimum {name} usage per {kind} is {least}");
        match (requests.0.get(&name), limits.0.get(&name)) {
            (None, _) => problems.push(format!("{text}.  No request is specified")),
            (Some(request), _) if *request < least => {
                problems.push(format!("{text}, but request is {request}"))
            }
            (_, Some(limit)) if *limit < least => problems.push(format!("{text}, but limit is {limit}")),
            _ => {}
        }
    }
    for (name, most) in amounts("max") {
        let text = format!("maximum {name} usage per {kind} is {most}");
        match (requests.0.get(&name), limits.0.get(&name)) {
            (_, None) => problems.push(format!("{text}.  No limit is specified")),
            (_, Some(limit)) if *limit > most => problems.push(format!("{text}, but limit is {limit}")),
            (Some(request), _) if *request > most => {
                problems.push(format!("{text}, but request is {request}"))
            }
            _ => {}
        }
    }
    for (name, ratio) in amounts("maxLimitRequestRatio") {
        let text = format!("{name} max limit to request ratio per {kind} is {ratio}");
        let positive = |amount: Option<&Quantity>| amount.filter(|amount| amount.is_positive()).copied();
        match (positive(requests.0.get(&name)), positive(limits.0.get(&name))) {
            (None, _) => problems.push(format!("{text}, but no request is specified or request is 0")),
            (_, None) => problems.push(format!("{text}, but no limit is specified or limit is 0")),
            (Some(request), Some(limit)) => {
                let observed = limit.as_millis() as f64 / request.as_millis().max(1) as f64;
                if observed * 1000.0 > ratio.as_millis() as f64 {
                    problems.push(format!("{text}, but provided ratio is {observed:.6}"));
                }
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::{Host, host};

    fn limited(limit: Value) -> Host {
        let mut host = host();
        host.create("limits", json!({"metadata": {"name": "l"}, "spec": {"limits": [limit]}}));
        host
    }

    fn pod(resources: Value) -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1", "resources": resources}]}})
    }

    #[test]
    fn containers_get_what_they_leave_out() {
        let mut host = limited(json!({"type": "Container", "default": {"cpu": "1", "memory": "1Gi"},
            "defaultRequest": {"cpu": "100m"}}));
        let created = host.create("pods", pod(json!({"limits": {"memory": "64Mi"}})));
        let expected =
            json!({"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}});
        assert_eq!(created["spec"]["containers"][0]["resources"], expected);
        assert_eq!(
            created["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
        );
    }

    #[test]
    fn too_little_and_too_much_are_refused() {
        let mut host = limited(json!({"type": "Container", "max": {"cpu": "1"}, "min": {"memory": "32Mi"}}));
        let refusal = host
            .try_create_in("default", "pods", pod(json!({"limits": {"cpu": "2", "memory": "16Mi"}})))
            .expect_err("refused");
        assert_eq!(
            refusal.message,
            "pods \"p\" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, \
             minimum memory usage per Container is 32Mi, but request is 16Mi]"
        );
    }

    #[test]
    fn ratios_are_held() {
        let mut host = limited(json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}));
        let three = pod(json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}}));
        let refusal = host.try_create_in("default", "pods", three).expect_err("refused");
        assert!(refusal.message.ends_with("but provided ratio is 3.000000"), "{}", refusal.message);
        host.create("pods", pod(json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}})));
    }

    #[test]
    fn pods_are_limited_as_a_whole() {
        let mut host = limited(json!({"type": "Pod", "max": {"cpu": "1"}}));
        let refusal =
            host.try_create_in("default", "pods", pod(json!({"limits": {"cpu": "2"}}))).expect_err("refused");
        assert!(
            refusal.message.contains("maximum cpu usage per Pod is 1, but limit is 2"),
            "{}",
            refusal.message
        );
    }
}
