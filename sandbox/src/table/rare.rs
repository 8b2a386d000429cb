//! Policies, priorities of requests, devices, ranges of addresses: kinds that few look at.

use serde_json::Value;

use super::{Printer, Row};

pub(super) const COMPONENT: Printer = Printer {
    columns: &["=Name", "Status", "Message", "Error"],
    row: |row| {
        let healthy = row.list("/conditions").iter().find(|condition| condition["type"] == "Healthy");
        let text = |key: &str| healthy.and_then(|condition| condition[key].as_str()).unwrap_or_default();
        let status = match healthy {
            None => "Unknown",
            Some(_) if text("status") == "True" => "Healthy",
            Some(_) => "Unhealthy",
        };
        vec![row.name(), status.into(), text("message").into(), text("error").into()]
    },
};

pub(super) const API_SERVICE: Printer = Printer {
    columns: &["=Name", "Service", "Available", "Age"],
    row: |row| {
        let service = match row.at("/spec/service") {
            None => "Local".to_owned(),
            Some(_) => format!("{}/{}", row.str("/spec/service/namespace"), row.str("/spec/service/name")),
        };
        let available =
            row.list("/status/conditions").iter().find(|condition| condition["type"] == "Available");
        let text = |key: &str| available.and_then(|condition| condition[key].as_str()).unwrap_or_default();
        let state = match (available, text("status"), text("reason")) {
            (None, ..) => "Unknown".to_owned(),
            (_, "True", _) | (_, _, "") => text("status").to_owned(),
            (_, status, reason) => format!("{status} ({reason})"),
        };
        vec![row.name(), service.into(), state.into(), row.age()]
    },
};

pub(super) const ATTRIBUTES_CLASS: Printer = Printer {
    columns: &["=Name", "DriverName", "Age"],
    row: |row| vec![row.name(), row.text("/driverName"), row.age()],
};

pub(super) const VALIDATING_POLICY: Printer = Printer {
    columns: &["=Name", "#Validations", "ParamKind", "Age"],
    row: |row| vec![row.name(), row.count("/spec/validations").into(), param_kind(row), row.age()],
};

pub(super) const MUTATING_POLICY: Printer = Printer {
    columns: &["=Name", "#Mutations", "ParamKind", "Age"],
    row: |row| vec![row.name(), row.count("/spec/mutations").into(), param_kind(row), row.age()],
};

fn param_kind(row: &Row<'_>) -> Value {
    match row.at("/spec/paramKind") {
        None => "<unset>".into(),
        Some(_) => {
            format!("{}/{}", row.str("/spec/paramKind/apiVersion"), row.str("/spec/paramKind/kind")).into()
        }
    }
}

pub(super) const POLICY_BINDING: Printer = Printer {
    columns: &["=Name", "PolicyName", "ParamRef", "Age"],
    row: |row| {
        let at = |key: &str| row.str(&format!("/spec/paramRef/{key}"));
        let parameter = match (at("namespace"), at("name")) {
            (_, "") => "<unset>".to_owned(),
            // Whether it lives in a namespace cannot be told from here.
            ("", name) => format!("*/{name}"),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        vec![row.name(), row.text("/spec/policyName"), parameter.into(), row.age()]
    },
};

pub(super) const FLOW_SCHEMA: Printer = Printer {
    columns: &["=Name", "PriorityLevel", "MatchingPrecedence", "DistinguisherMethod", "Age", "MissingPL"],
    row: |row| {
        let dangling =
            row.list("/status/conditions").iter().find(|condition| condition["type"] == "Dangling");
        let missing = dangling.map_or("?", |condition| condition["status"].as_str().unwrap_or_default());
        vec![
            row.name(),
            row.text("/spec/priorityLevelConfiguration/name"),
            row.integer("/spec/matchingPrecedence"),
            row.text_or("/spec/distinguisherMethod/type", "<none>"),
            row.age(),
            missing.into(),
        ]
    },
};

pub(super) const PRIORITY_LEVEL: Printer = Printer {
    columns: &["=Name", "Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit", "Age"],
    row: |row| {
        let number = |under: &str, key: &str| match row.at(under) {
            None => "<none>".into(),
            Some(limits) => limits[key].as_i64().unwrap_or(0).into(),
        };
        let queuing = "/spec/limited/limitResponse/queuing";
        let mut cells = vec![
            row.name(),
            row.text("/spec/type"),
            row.at("/spec/limited")
                .map_or("<none>".into(), |limited| limited["nominalConcurrencyShares"].clone()),
        ];
        cells.extend(["queues", "handSize", "queueLengthLimit"].map(|key| number(queuing, key)));
        cells.push(row.age());
        cells
    },
};

/// Device classes, and templates of claims.
pub(super) const AGED: Printer =
    Printer { columns: &["=Name", "Age"], row: |row| vec![row.name(), row.age()] };

pub(super) const RESOURCE_CLAIM: Printer = Printer {
    columns: &["=Name", "State", "Age"],
    row: |row| {
        let deleted = row.at("/metadata/deletionTimestamp").is_some();
        let mut state = Vec::new();
        if deleted {
            state.push("deleted");
        }
        match row.at("/status/allocation") {
            None if deleted => {}
            None => state.push("pending"),
            Some(_) if row.count("/status/reservedFor") > 0 => state.extend(["allocated", "reserved"]),
            Some(_) => state.push("allocated"),
        }
        vec![row.name(), state.join(",").into(), row.age()]
    },
};

pub(super) const RESOURCE_SLICE: Printer = Printer {
    columns: &["=Name", "Node", "Driver", "Pool", "Age"],
    row: |row| {
        let spec = |key: &str| row.text(&format!("/spec/{key}"));
        vec![row.name(), spec("nodeName"), spec("driver"), spec("pool/name"), row.age()]
    },
};

pub(super) const SERVICE_CIDR: Printer = Printer {
    columns: &["=Name", "CIDRs", "Age"],
    row: |row| {
        let ranges: Vec<&str> = row.list("/spec/cidrs").iter().filter_map(Value::as_str).collect();
        vec![row.name(), ranges.join(",").into(), row.age()]
    },
};

/// The real server gives no title to the last cell.
pub(super) const IP_ADDRESS: Printer = Printer {
    columns: &["=Name", "ParentRef"],
    row: |row| {
        let parent = |key: &str| row.str(&format!("/spec/parentRef/{key}"));
        let mut text = match parent("group") {
            "" => parent("resource").to_owned(),
            group => format!("{}.{group}", parent("resource")),
        }
        .to_lowercase();
        for part in ["namespace", "name"].map(parent).into_iter().filter(|part| !part.is_empty()) {
            text = format!("{text}/{part}");
        }
        if row.at("/spec/parentRef").is_none() {
            text = "<none>".to_owned();
        }
        vec![row.name(), text.into(), row.age()]
    },
};
