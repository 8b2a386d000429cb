//! `/stats/summary`, cut down to what is the tenant's and renamed. Pure functions.

use serde_json::{Map, Value, json};

use super::own::{Own, OwnPod};
use super::text::OfNode;

/// Figures that a made-up node has: what its pods use together.
const SUMMED: [(&str, &[&str]); 2] = [
    ("cpu", &["usageNanoCores", "usageCoreNanoSeconds"]),
    ("memory", &["usageBytes", "workingSetBytes", "rssBytes", "pageFaults", "majorPageFaults"]),
];

/// What a tenant sees of a node's summary.
pub fn filtered(mut summary: Value, own: &Own, of_node: OfNode) -> Value {
    let pods = summary.get_mut("pods").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let pods: Vec<Value> = pods.into_iter().filter_map(|pod| of_tenant(pod, own)).collect();
    let mut node = match of_node {
        OfNode::Told => summary.get_mut("node").map(Value::take).unwrap_or_default(),
        OfNode::Own => summed(&summary["node"], &pods),
    };
    // Services of the host's nodes are nobody else's business.
    if let Some(node) = node.as_object_mut() {
        node.remove("systemContainers");
    }
    json!({"node": node, "pods": pods})
}

fn of_tenant(mut pod: Value, own: &Own) -> Option<Value> {
    let reference = &pod["podRef"];
    let own_pod = own.pod(reference["namespace"].as_str()?, reference["name"].as_str()?)?;
    let OwnPod { name, uid, containers, .. } = own_pod;
    pod["podRef"] = json!({"name": name.name, "namespace": name.namespace, "uid": uid});
    if let Some(list) = pod.get_mut("containers").and_then(Value::as_array_mut) {
        list.retain(|container| containers.iter().any(|own| container["name"] == own.as_str()));
    }
    for volume in pod.get_mut("volume").and_then(Value::as_array_mut).into_iter().flatten() {
        let reference = &volume["pvcRef"];
        if reference.is_null() {
            continue;
        }
        let claim = own.claim(
            reference["namespace"].as_str().unwrap_or_default(),
            reference["name"].as_str().unwrap_or_default(),
        );
        match claim {
            Some(claim) => volume["pvcRef"] = json!({"name": claim.name, "namespace": claim.namespace}),
            None => drop(volume.as_object_mut().map(|volume| volume.remove("pvcRef"))),
        }
    }
    Some(pod)
}

fn summed(node: &Value, pods: &[Value]) -> Value {
    let mut told = json!({"nodeName": node["nodeName"]});
    for (part, fields) in SUMMED {
        let of_pods = || pods.iter().map(|pod| &pod[part]);
        let Some(time) = of_pods().filter_map(|figures| figures["time"].as_str()).max() else { continue };
        let mut figures = Map::from_iter([("time".to_owned(), json!(time))]);
        for field in fields {
            let values: Vec<u64> = of_pods().filter_map(|figures| figures[*field].as_u64()).collect();
            if !values.is_empty() {
                figures.insert((*field).to_owned(), json!(values.iter().sum::<u64>()));
            }
        }
        told[part] = Value::Object(figures);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::own;
    use super::*;

    fn summary() -> Value {
        let pod = |namespace: &str, name: &str, cpu: u64| {
            json!({"podRef": {"name": name, "namespace": namespace, "uid": "h"}, "startTime": "2026-01-01T00:00:00Z",
                "cpu": {"time": format!("2026-01-01T00:00:0{cpu}Z"), "usageNanoCores": cpu, "usageCoreNanoSeconds": 100 * cpu},
                "containers": [{"name": "c"}, {"name": "sidecar"}],
                "volume": [{"name": "d", "pvcRef": {"name": "data-x", "namespace": namespace}, "usedBytes": 5},
                    {"name": "e", "pvcRef": {"name": "other", "namespace": namespace}}, {"name": "tmp"}]})
        };
        json!({
            "node": {"nodeName": "n", "cpu": {"time": "2026-01-01T00:00:09Z", "usageNanoCores": 999},
                "fs": {"capacityBytes": 7}, "systemContainers": [{"name": "kubelet"}]},
            "pods": [pod("tenants", "web-x", 3), pod("tenants", "other-x", 5), pod("kube-system", "web-x", 7), pod("tenants", "db-x", 4)],
        })
    }

    #[test]
    fn only_the_tenants_pods_are_told_under_their_names() {
        let told = filtered(summary(), &own(), OfNode::Own);
        let names: Vec<&Value> = told["pods"].as_array().unwrap().iter().map(|pod| &pod["podRef"]).collect();
        assert_eq!(
            names,
            [
                &json!({"name": "web", "namespace": "shop", "uid": "v-web"}),
                &json!({"name": "db", "namespace": "shop", "uid": "v-db"})
            ]
        );
        let bare = json!({"pods": [{"podRef": {"name": "web-x", "namespace": "tenants"}}]});
        let bare = filtered(bare, &own(), OfNode::Told);
        assert_eq!(bare["pods"], json!([{"podRef": names[0]}]), "nothing is added");
        let web = &told["pods"][0];
        assert_eq!(web["containers"], json!([{"name": "c"}]));
        assert_eq!(
            web["volume"],
            json!([{"name": "d", "pvcRef": {"name": "data", "namespace": "shop"}, "usedBytes": 5}, {"name": "e"}, {"name": "tmp"}])
        );
        assert_eq!(web["startTime"], "2026-01-01T00:00:00Z");
    }

    #[test]
    fn a_made_up_node_is_the_sum_of_its_pods_and_a_shown_one_tells_its_own() {
        let told = filtered(summary(), &own(), OfNode::Own);
        assert_eq!(
            told["node"],
            json!({"nodeName": "n", "cpu": {"time": "2026-01-01T00:00:04Z", "usageNanoCores": 7, "usageCoreNanoSeconds": 700}})
        );
        let told = filtered(summary(), &own(), OfNode::Told);
        assert_eq!(
            told["node"],
            json!({"nodeName": "n", "cpu": {"time": "2026-01-01T00:00:09Z", "usageNanoCores": 999}, "fs": {"capacityBytes": 7}})
        );
        assert_eq!(filtered(json!({}), &own(), OfNode::Own), json!({"node": {"nodeName": null}, "pods": []}));
    }
}
