//! Environment variables: Services, the API server, and what containers take from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::downward;
pub(super) use v9s::links::{Advertised, of_services};

use super::refs::items;
use crate::context::Context;

/// Completes a container's environment: Services come first, so that its own variables may refer to them, and give way to
/// whatever the container sets itself, by `env` or by `envFrom` (whose keys are `taken`).
pub(super) fn complete(
    ctx: &Context,
    container: &mut Value,
    services: &BTreeMap<String, String>,
    taken: &BTreeSet<String>,
) {
    let own: Vec<Value> = items(container, "env").cloned().collect();
    let names: BTreeSet<&str> = own.iter().filter_map(|variable| variable["name"].as_str()).collect();
    let mut env: Vec<Value> = services
        .iter()
        .filter(|(name, _)| !names.contains(name.as_str()) && !taken.contains(*name))
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    env.extend(own);
    for variable in &mut env {
        if let Some(path) = variable.pointer_mut("/valueFrom/fieldRef/fieldPath") {
            downward::rewrite(ctx, path);
        }
    }
    if !env.is_empty() {
        container["env"] = Value::Array(env);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, address: &str, ports: Value) -> Advertised {
        Advertised::read(name, &json!({"clusterIP": address, "ports": ports})).unwrap()
    }

    #[test]
    fn what_a_container_sets_itself_stays_and_may_refer_to_services() {
        let services = of_services(&[service("db", "10.0.0.1", json!([{"port": 1}]))]);
        let taken = BTreeSet::from(["DB_PORT_1_TCP".to_owned()]);
        let mut container = json!({"env": [
            {"name": "URL", "value": "$(DB_SERVICE_HOST)/x"}, {"name": "DB_PORT", "value": "mine"},
            {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]});
        complete(&Context::new("t", "host"), &mut container, &services, &taken);
        let names: Vec<_> = items(&container, "env").map(|v| v["name"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "DB_PORT_1_TCP_ADDR",
                "DB_PORT_1_TCP_PORT",
                "DB_PORT_1_TCP_PROTO",
                "DB_SERVICE_HOST",
                "DB_SERVICE_PORT",
                "URL",
                "DB_PORT",
                "ME"
            ]
        );
        let me = &container["env"][7]["valueFrom"]["fieldRef"]["fieldPath"];
        assert_eq!(me, "metadata.annotations['vcluster.loft.sh/name']");
    }
}
