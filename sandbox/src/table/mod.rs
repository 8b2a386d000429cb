//! What `kubectl get` shows: columns and cells per kind, for clients that ask for a `Table`.
//!
//! Source of columns and wording: the printers of Kubernetes 1.36. Kinds without a printer of their own show name
//! and creation time, custom resources what their definition says.

mod cluster;
mod custom;
mod format;
mod network;
mod pod;
mod rare;
mod row;
mod storage;
mod workloads;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::kinds::Kind;
pub use format::human_duration;
use row::Row;

/// A column of a table; serializes to a `TableColumnDefinition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Title.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `name` for the column that names the object; else empty.
    pub format: String,
    /// What the column says; clients do not show it.
    pub description: String,
    /// Above 0: only in wide output.
    pub priority: i64,
}

/// How a built-in kind is shown.
struct Printer {
    /// Titles with an optional mark before them: `#` integer, `?` boolean, `+` wide, `=` the object's name.
    columns: &'static [&'static str],
    /// One cell per column.
    row: fn(&Row<'_>) -> Vec<Value>,
}

/// The columns of a kind.
pub fn columns(kind: &Kind) -> Vec<Column> {
    if let Some(custom) = &kind.custom {
        return custom::columns(&custom.columns);
    }
    match printer(kind) {
        Some(printer) => printer.columns.iter().map(|title| column(title)).collect(),
        None => {
            let mut created = column("Created At");
            created.kind = "date".to_owned();
            vec![column("=Name"), created]
        }
    }
}

/// The cells of one object, in the order of [`columns`]. Ages are as of `now`.
pub fn cells(kind: &Kind, object: &Value, now: DateTime<Utc>) -> Vec<Value> {
    let row = Row { object, now };
    if let Some(custom) = &kind.custom {
        return custom::cells(&custom.columns, &row);
    }
    match printer(kind) {
        Some(printer) => (printer.row)(&row),
        None => {
            // What was never created, as in bookmarks, has Go's first moment.
            vec![row.name(), row.text_or("/metadata/creationTimestamp", "0001-01-01T00:00:00Z")]
        }
    }
}

/// The columns and cells of a `Scale`, which is shown under the kind that it scales.
pub fn scale(scale: &Value, now: DateTime<Utc>) -> (Vec<Column>, Vec<Value>) {
    let row = Row { object: scale, now };
    let columns = ["=Name", "#Desired", "#Available", "Age"].iter().map(|title| column(title)).collect();
    let cells = vec![row.name(), row.integer("/spec/replicas"), row.integer("/status/replicas"), row.age()];
    (columns, cells)
}

fn column(title: &str) -> Column {
    let (wide, title) = strip(title, '+');
    let (integer, title) = strip(title, '#');
    let (boolean, title) = strip(title, '?');
    let (name, title) = strip(title, '=');
    let kind = match (integer, boolean) {
        (true, _) => "integer",
        (_, true) => "boolean",
        _ => "string",
    };
    Column {
        name: title.to_owned(),
        kind: kind.to_owned(),
        format: if name { "name" } else { "" }.to_owned(),
        description: String::new(),
        priority: i64::from(wide),
    }
}

fn strip(title: &str, mark: char) -> (bool, &str) {
    match title.strip_prefix(mark) {
        Some(rest) => (true, rest),
        None => (false, title),
    }
}

fn printer(kind: &Kind) -> Option<&'static Printer> {
    Some(match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => &pod::POD,
        ("", "podtemplates") => &workloads::POD_TEMPLATE,
        ("", "replicationcontrollers") => &workloads::REPLICATION_CONTROLLER,
        ("apps", "replicasets") => &workloads::REPLICA_SET,
        ("apps", "deployments") => &workloads::DEPLOYMENT,
        ("apps", "statefulsets") => &workloads::STATEFUL_SET,
        ("apps", "daemonsets") => &workloads::DAEMON_SET,
        ("apps", "controllerrevisions") => &workloads::CONTROLLER_REVISION,
        ("batch", "jobs") => &workloads::JOB,
        ("batch", "cronjobs") => &workloads::CRON_JOB,
        ("autoscaling", "horizontalpodautoscalers") => &workloads::AUTOSCALER,
        ("policy", "poddisruptionbudgets") => &workloads::DISRUPTION_BUDGET,
        ("", "services") => &network::SERVICE,
        ("", "endpoints") => &network::ENDPOINTS,
        ("discovery.k8s.io", "endpointslices") => &network::ENDPOINT_SLICE,
        ("networking.k8s.io", "ingresses") => &network::INGRESS,
        ("networking.k8s.io", "ingressclasses") => &network::INGRESS_CLASS,
        ("networking.k8s.io", "networkpolicies") => &network::POLICY,
        ("", "persistentvolumes") => &storage::VOLUME,
        ("", "persistentvolumeclaims") => &storage::CLAIM,
        ("storage.k8s.io", "storageclasses") => &storage::CLASS,
        ("storage.k8s.io", "volumeattachments") => &storage::ATTACHMENT,
        ("storage.k8s.io", "csidrivers") => &storage::DRIVER,
        ("storage.k8s.io", "csinodes") => &storage::NODE,
        ("", "configmaps") => &storage::CONFIG_MAP,
        ("", "secrets") => &storage::SECRET,
        ("", "nodes") => &cluster::NODE,
        ("", "namespaces") => &cluster::NAMESPACE,
        ("", "events") => &cluster::EVENT,
        ("", "resourcequotas") => &cluster::QUOTA,
        ("", "serviceaccounts") => &cluster::SERVICE_ACCOUNT,
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => &cluster::ROLE_BINDING,
        ("coordination.k8s.io", "leases") => &cluster::LEASE,
        ("scheduling.k8s.io", "priorityclasses") => &cluster::PRIORITY_CLASS,
        ("node.k8s.io", "runtimeclasses") => &cluster::RUNTIME_CLASS,
        ("certificates.k8s.io", "certificatesigningrequests") => &cluster::SIGNING_REQUEST,
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => &cluster::WEBHOOKS,
        ("", "componentstatuses") => &rare::COMPONENT,
        ("apiregistration.k8s.io", "apiservices") => &rare::API_SERVICE,
        ("storage.k8s.io", "volumeattributesclasses") => &rare::ATTRIBUTES_CLASS,
        ("admissionregistration.k8s.io", "validatingadmissionpolicies") => &rare::VALIDATING_POLICY,
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies") => &rare::MUTATING_POLICY,
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicybindings" | "mutatingadmissionpolicybindings",
        ) => &rare::POLICY_BINDING,
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => &rare::FLOW_SCHEMA,
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations") => &rare::PRIORITY_LEVEL,
        ("resource.k8s.io", "deviceclasses" | "resourceclaimtemplates") => &rare::AGED,
        ("resource.k8s.io", "resourceclaims") => &rare::RESOURCE_CLAIM,
        ("resource.k8s.io", "resourceslices") => &rare::RESOURCE_SLICE,
        ("networking.k8s.io", "servicecidrs") => &rare::SERVICE_CIDR,
        ("networking.k8s.io", "ipaddresses") => &rare::IP_ADDRESS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use serde_json::json;

    /// The cells of a built-in kind at 2026-01-01T01:00:00Z.
    pub(super) fn shown(word: &str, object: Value) -> Vec<Value> {
        let kind = Kinds::builtin().by_word(word).expect("built in");
        let now = "2026-01-01T01:00:00Z".parse().expect("a time");
        let cells = cells(kind, &object, now);
        assert_eq!(cells.len(), columns(kind).len(), "{word}: one cell per column");
        cells
    }

    #[test]
    fn every_kind_has_as_many_cells_as_columns_even_when_nothing_is_known() {
        let now = Utc::now();
        for kind in Kinds::builtin().iter() {
            let cells = cells(kind, &json!({}), now);
            // The real server has a cell too many there.
            let untitled = usize::from(kind.plural == "ipaddresses");
            assert_eq!(cells.len(), columns(kind).len() + untitled, "{}", kind.plural);
        }
    }

    #[test]
    fn marks_say_what_a_column_is() {
        let columns = columns(Kinds::builtin().by_word("ds").expect("built in"));
        let of = |name: &str| columns.iter().find(|column| column.name == name).expect("a column").clone();
        assert_eq!(of("Name").format, "name");
        assert_eq!(of("Desired").kind, "integer");
        assert_eq!(of("Images").priority, 1);
    }

    #[test]
    fn kinds_without_a_printer_show_when_they_were_made() {
        let cells =
            shown("roles", json!({"metadata": {"name": "r", "creationTimestamp": "2026-01-01T00:00:00Z"}}));
        assert_eq!(cells, [json!("r"), json!("2026-01-01T00:00:00Z")]);
    }
}
