//! Nodes, namespaces, events, quotas, access.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Printer, Row};
use crate::kinds::quantity::Quantity;

pub(super) const NODE: Printer = Printer {
    columns: &[
        "=Name",
        "Status",
        "Roles",
        "Age",
        "Version",
        "+Internal-IP",
        "+External-IP",
        "+OS-Image",
        "+Kernel-Version",
        "+Container-Runtime",
    ],
    row: |row| {
        let info = |key: &str| row.text_or(&format!("/status/nodeInfo/{key}"), "<unknown>");
        let kernel = info("kernelVersion");
        let kernel = match (kernel.as_str().unwrap_or_default(), row.str("/status/nodeInfo/architecture")) {
            (kernel, "") => kernel.to_owned(),
            (kernel, architecture) => format!("{kernel} ({architecture})"),
        };
        vec![
            row.name(),
            node_status(row).into(),
            roles(row).into(),
            row.age(),
            row.text("/status/nodeInfo/kubeletVersion"),
            address(row, "InternalIP"),
            address(row, "ExternalIP"),
            info("osImage"),
            kernel.into(),
            info("containerRuntimeVersion"),
        ]
    },
};

fn node_status(row: &Row<'_>) -> String {
    let ready = row.list("/status/conditions").iter().find(|condition| condition["type"] == "Ready");
    let status = match ready {
        Some(condition) if condition["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = row.at("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false);
    format!("{status}{}", if cordoned { ",SchedulingDisabled" } else { "" })
}

fn roles(row: &Row<'_>) -> String {
    let labels = row.at("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None if key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn address(row: &Row<'_>, kind: &str) -> Value {
    let found = row.list("/status/addresses").iter().find(|address| address["type"] == kind);
    found.and_then(|address| address["address"].as_str()).unwrap_or("<none>").into()
}

pub(super) const NAMESPACE: Printer = Printer {
    columns: &["=Name", "Status", "Age"],
    row: |row| vec![row.name(), row.text("/status/phase"), row.age()],
};

const EVENT_COLUMNS: &[&str] = &[
    "Last Seen",
    "Type",
    "Reason",
    "Object",
    "+Subobject",
    "+Source",
    "Message",
    "+First Seen",
    "+Count",
    "+=Name",
];

pub(super) const EVENT: Printer = Printer { columns: EVENT_COLUMNS, row: event };

fn event(row: &Row<'_>) -> Vec<Value> {
    let or = |path: &str, other: String| if row.at(path).is_some() { row.since(path) } else { other };
    let first = or("/firstTimestamp", row.since("/eventTime"));
    let mut last = or("/lastTimestamp", first.clone());
    let mut count = row.number("/count").max(1);
    if row.at("/series").is_some() {
        last = row.since("/series/lastObservedTime");
        count = row.number("/series/count");
    }
    let kind = row.str("/involvedObject/kind").to_lowercase();
    let target = match row.str("/involvedObject/name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let either = |one: &str, other: &str| match row.str(one) {
        "" => row.str(other).to_owned(),
        text => text.to_owned(),
    };
    let mut source = either("/source/component", "/reportingComponent");
    let instance = either("/source/host", "/reportingInstance");
    if !instance.is_empty() {
        source = format!("{source}, {instance}");
    }
    vec![
        last.into(),
        row.text("/type"),
        row.text("/reason"),
        target.into(),
        row.text("/involvedObject/fieldPath"),
        source.into(),
        row.str("/message").trim().into(),
        first.into(),
        count.into(),
        row.name(),
    ]
}

pub(super) const QUOTA: Printer = Printer {
    columns: &["=Name", "Request", "Limit", "Age"],
    row: |row| {
        let amounts = |path: &str| -> BTreeMap<String, Quantity> {
            let amounts = row.at(path).and_then(Value::as_object).into_iter().flatten();
            amounts.filter_map(|(name, value)| Some((name.clone(), Quantity::from_json(value)?))).collect()
        };
        let used = amounts("/status/used");
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (name, hard) in amounts("/status/hard") {
            let used = used.get(&name).copied().unwrap_or_default();
            let column = if name.starts_with("limits.") { &mut limits } else { &mut requests };
            column.push(format!("{name}: {used}/{hard}"));
        }
        vec![row.name(), requests.join(", ").into(), limits.join(", ").into(), row.age()]
    },
};

pub(super) const SERVICE_ACCOUNT: Printer =
    Printer { columns: &["=Name", "Age"], row: |row| vec![row.name(), row.age()] };

pub(super) const ROLE_BINDING: Printer = Printer {
    columns: &["=Name", "Role", "Age", "+Users", "+Groups", "+ServiceAccounts"],
    row: |row| {
        let named = |kind: &str| {
            let subjects = row.list("/subjects").iter().filter(|subject| subject["kind"] == kind);
            let names = subjects.map(|subject| {
                let text = |key: &str| subject[key].as_str().unwrap_or_default();
                match kind {
                    "ServiceAccount" => format!("{}/{}", text("namespace"), text("name")),
                    _ => text("name").to_owned(),
                }
            });
            Value::from(names.collect::<Vec<_>>().join(", "))
        };
        let role = format!("{}/{}", row.str("/roleRef/kind"), row.str("/roleRef/name"));
        vec![row.name(), role.into(), row.age(), named("User"), named("Group"), named("ServiceAccount")]
    },
};

pub(super) const LEASE: Printer = Printer {
    columns: &["=Name", "Holder", "Age"],
    row: |row| vec![row.name(), row.text("/spec/holderIdentity"), row.age()],
};

pub(super) const PRIORITY_CLASS: Printer = Printer {
    columns: &["=Name", "#Value", "?Global-Default", "Age", "PreemptionPolicy"],
    row: |row| {
        vec![
            row.name(),
            row.integer("/value"),
            row.flag("/globalDefault", false),
            row.age(),
            row.text("/preemptionPolicy"),
        ]
    },
};

pub(super) const RUNTIME_CLASS: Printer = Printer {
    columns: &["=Name", "Handler", "Age"],
    row: |row| vec![row.name(), row.text("/handler"), row.age()],
};

pub(super) const SIGNING_REQUEST: Printer = Printer {
    columns: &["=Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition"],
    row: |row| {
        let is =
            |kind: &str| row.list("/status/conditions").iter().any(|condition| condition["type"] == kind);
        let mut state = match (is("Denied"), is("Approved")) {
            (true, _) => "Denied",
            (_, true) => "Approved",
            _ => "Pending",
        }
        .to_owned();
        if is("Failed") {
            state.push_str(",Failed");
        }
        if !row.str("/status/certificate").is_empty() {
            state.push_str(",Issued");
        }
        let wanted = row
            .at("/spec/expirationSeconds")
            .and_then(Value::as_i64)
            .and_then(chrono::TimeDelta::try_seconds);
        vec![
            row.name(),
            row.age(),
            row.text_or("/spec/signerName", "<none>"),
            row.text("/spec/username"),
            wanted.map_or_else(|| "<none>".to_owned(), super::human_duration).into(),
            state.into(),
        ]
    },
};

pub(super) const WEBHOOKS: Printer = Printer {
    columns: &["=Name", "#Webhooks", "Age"],
    row: |row| vec![row.name(), row.count("/webhooks").into(), row.age()],
};

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use serde_json::json;

    #[test]
    fn nodes_show_readiness_and_roles() {
        let node = shown(
            "no",
            json!({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": "",
            "node-role.kubernetes.io/control-plane": ""}}, "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown"}],
                "nodeInfo": {"kubeletVersion": "v1.36.2", "kernelVersion": "6.1", "architecture": "amd64"},
                "addresses": [{"type": "InternalIP", "address": "10.1.0.1"}]}}),
        );
        assert_eq!(node[1..3], [json!("NotReady,SchedulingDisabled"), json!("control-plane,worker")]);
        assert_eq!(node[4..6], [json!("v1.36.2"), json!("10.1.0.1")]);
        assert_eq!(node[7..9], [json!("<unknown>"), json!("6.1 (amd64)")]);
    }

    #[test]
    fn quotas_tell_requests_from_limits() {
        let quota = shown(
            "quota",
            json!({"status": {
            "hard": {"pods": "10", "limits.cpu": "2", "requests.memory": "1Gi"},
            "used": {"pods": "3", "limits.cpu": "1500m"}}}),
        );
        assert_eq!(quota[1..3], [json!("pods: 3/10, requests.memory: 0/1Gi"), json!("limits.cpu: 1500m/2")]);
    }

    #[test]
    fn events_show_when_what_and_how_often() {
        let core = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p"}, "type": "Warning",
            "reason": "BackOff", "message": "back-off\n", "count": 4, "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:59:00Z", "source": {"component": "kubelet", "host": "n1"}});
        let expected = [
            json!("60s"),
            json!("Warning"),
            json!("BackOff"),
            json!("pod/p"),
            json!(""),
            json!("kubelet, n1"),
            json!("back-off"),
            json!("60m"),
            json!(4),
            json!("e"),
        ];
        assert_eq!(shown("ev", core), expected);
    }

    #[test]
    fn events_of_new_clients_have_a_time_but_no_count() {
        let event = shown(
            "ev",
            json!({"eventTime": "2026-01-01T00:58:20.000001Z", "firstTimestamp": null,
            "involvedObject": {"kind": "Node"}}),
        );
        assert_eq!((&event[0], &event[3], &event[8]), (&json!("99s"), &json!("node"), &json!(1)));
    }
}
