//! Workload controllers.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::format::{human_duration, some_of};
use super::{Printer, Row};

const CONTAINERS: &str = "/spec/template/spec/containers";

pub(super) const POD_TEMPLATE: Printer = Printer {
    columns: &["=Name", "Containers", "Images", "Pod Labels"],
    row: |row| {
        let [names, images] = row.containers("/template/spec/containers");
        vec![row.name(), names, images, row.labels("/template/metadata/labels")]
    },
};

pub(super) const REPLICATION_CONTROLLER: Printer = Printer {
    columns: &["=Name", "#Desired", "#Current", "#Ready", "Age", "+Containers", "+Images", "+Selector"],
    row: |row| replicas(row, row.labels("/spec/selector")),
};

pub(super) const REPLICA_SET: Printer = Printer {
    columns: REPLICATION_CONTROLLER.columns,
    row: |row| replicas(row, row.selector("/spec/selector")),
};

fn replicas(row: &Row<'_>, selector: Value) -> Vec<Value> {
    let [names, images] = row.containers(CONTAINERS);
    vec![
        row.name(),
        row.integer("/spec/replicas"),
        row.integer("/status/replicas"),
        row.integer("/status/readyReplicas"),
        row.age(),
        names,
        images,
        selector,
    ]
}

fn ready_of_desired(row: &Row<'_>) -> Value {
    format!("{}/{}", row.number("/status/readyReplicas"), row.number("/spec/replicas")).into()
}

pub(super) const DEPLOYMENT: Printer = Printer {
    columns: &["=Name", "Ready", "Up-to-date", "Available", "Age", "+Containers", "+Images", "+Selector"],
    row: |row| {
        let [names, images] = row.containers(CONTAINERS);
        vec![
            row.name(),
            ready_of_desired(row),
            row.integer("/status/updatedReplicas"),
            row.integer("/status/availableReplicas"),
            row.age(),
            names,
            images,
            if row.at("/spec/selector").is_some() { row.selector("/spec/selector") } else { "".into() },
        ]
    },
};

pub(super) const STATEFUL_SET: Printer = Printer {
    columns: &["=Name", "Ready", "Age", "+Containers", "+Images"],
    row: |row| {
        let [names, images] = row.containers(CONTAINERS);
        vec![row.name(), ready_of_desired(row), row.age(), names, images]
    },
};

pub(super) const DAEMON_SET: Printer = Printer {
    columns: &[
        "=Name",
        "#Desired",
        "#Current",
        "#Ready",
        "#Up-to-date",
        "#Available",
        "Node Selector",
        "Age",
        "+Containers",
        "+Images",
        "+Selector",
    ],
    row: |row| {
        let [names, images] = row.containers(CONTAINERS);
        vec![
            row.name(),
            row.integer("/status/desiredNumberScheduled"),
            row.integer("/status/currentNumberScheduled"),
            row.integer("/status/numberReady"),
            row.integer("/status/updatedNumberScheduled"),
            row.integer("/status/numberAvailable"),
            row.labels("/spec/template/spec/nodeSelector"),
            row.age(),
            names,
            images,
            row.selector("/spec/selector"),
        ]
    },
};

pub(super) const JOB: Printer = Printer {
    columns: &["=Name", "Status", "Completions", "Duration", "Age", "+Containers", "+Images", "+Selector"],
    row: |row| {
        let [names, images] = row.containers(CONTAINERS);
        vec![
            row.name(),
            job_status(row).into(),
            completions(row).into(),
            job_duration(row).into(),
            row.age(),
            names,
            images,
            row.selector("/spec/selector"),
        ]
    },
};

fn job_status(row: &Row<'_>) -> &'static str {
    let is = |kind: &str| {
        let conditions = row.list("/status/conditions");
        conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if row.at("/metadata/deletionTimestamp").is_some() => "Terminating",
        () if is("Suspended") => "Suspended",
        () if is("FailureTarget") => "FailureTarget",
        () if is("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn completions(row: &Row<'_>) -> String {
    let done = row.number("/status/succeeded");
    match (row.at("/spec/completions").and_then(Value::as_i64), row.number("/spec/parallelism")) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
        _ => format!("{done}/1"),
    }
}

fn job_duration(row: &Row<'_>) -> String {
    let time = |path: &str| row.str(path).parse::<DateTime<Utc>>().ok();
    match (time("/status/startTime"), time("/status/completionTime")) {
        (None, _) => String::new(),
        (Some(start), end) => human_duration(end.unwrap_or(row.now) - start),
    }
}

pub(super) const CRON_JOB: Printer = Printer {
    columns: &[
        "=Name",
        "Schedule",
        "Timezone",
        "?Suspend",
        "#Active",
        "Last Schedule",
        "Age",
        "+Containers",
        "+Images",
        "+Selector",
    ],
    row: |row| {
        let [names, images] = row.containers("/spec/jobTemplate/spec/template/spec/containers");
        let suspended = row.at("/spec/suspend").and_then(Value::as_bool);
        let last = match row.str("/status/lastScheduleTime") {
            "" => "<none>".to_owned(),
            time => row.ago(time),
        };
        vec![
            row.name(),
            row.text("/spec/schedule"),
            row.text_or("/spec/timeZone", "<none>"),
            suspended.map_or("<unset>", |on| if on { "True" } else { "False" }).into(),
            row.count("/status/active").into(),
            last.into(),
            row.age(),
            names,
            images,
            row.selector("/spec/jobTemplate/spec/selector"),
        ]
    },
};

pub(super) const CONTROLLER_REVISION: Printer = Printer {
    columns: &["=Name", "Controller", "Revision", "Age"],
    row: |row| {
        let owners = row.list("/metadata/ownerReferences");
        let owner = owners.iter().find(|owner| owner["controller"] == true).map(|owner| {
            let text = |key: &str| owner[key].as_str().unwrap_or_default();
            let group = text("apiVersion").split_once('/').map(|(group, _)| format!(".{group}"));
            format!("{}{}/{}", text("kind").to_lowercase(), group.unwrap_or_default(), text("name"))
        });
        let owner = owner.unwrap_or_else(|| "<none>".to_owned());
        vec![row.name(), owner.into(), row.integer("/revision"), row.age()]
    },
};

pub(super) const AUTOSCALER: Printer = Printer {
    columns: &["=Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"],
    row: |row| {
        let target =
            format!("{}/{}", row.str("/spec/scaleTargetRef/kind"), row.str("/spec/scaleTargetRef/name"));
        let least = row.at("/spec/minReplicas").map_or_else(|| "<unset>".to_owned(), Value::to_string);
        vec![
            row.name(),
            target.into(),
            targets(row).into(),
            least.into(),
            row.integer("/spec/maxReplicas"),
            row.integer("/status/currentReplicas"),
            row.age(),
        ]
    },
};

/// Current and wanted value of each metric.
fn targets(row: &Row<'_>) -> String {
    if let Some(wanted) = row.at("/spec/targetCPUUtilizationPercentage") {
        let current = row.at("/status/currentCPUUtilizationPercentage");
        let current = current.map_or_else(|| "<unknown>".to_owned(), |percent| format!("{percent}%"));
        return format!("cpu: {current}/{wanted}%");
    }
    let current = row.list("/status/currentMetrics");
    let shown: Vec<String> = row
        .list("/spec/metrics")
        .iter()
        .enumerate()
        .map(|(index, metric)| target(metric, current.get(index).unwrap_or(&Value::Null)))
        .collect();
    if shown.is_empty() { "<none>".to_owned() } else { some_of(&shown, 2).replace(',', ", ") }
}

fn target(metric: &Value, status: &Value) -> String {
    let kind = metric["type"].as_str().unwrap_or_default();
    let key =
        format!("{}{}", kind.get(..1).unwrap_or_default().to_lowercase(), kind.get(1..).unwrap_or_default());
    let (wanted, current) = (&metric[&key]["target"], &status[&key]["current"]);
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let percent = |value: &Value| value["averageUtilization"].as_i64().map(|percent| format!("{percent}%"));
    let unknown = || "<unknown>".to_owned();
    match key.as_str() {
        "resource" | "containerResource" => {
            let name = metric[&key]["name"].as_str().unwrap_or_default();
            match text(wanted, "averageValue") {
                Some(wanted) => {
                    format!("{name}: {}/{wanted}", text(current, "averageValue").unwrap_or_else(unknown))
                }
                None => {
                    let wanted = percent(wanted).unwrap_or_else(|| "<auto>".to_owned());
                    format!("{name}: {}/{wanted}", percent(current).unwrap_or_else(unknown))
                }
            }
        }
        "pods" => {
            let now = text(current, "averageValue").unwrap_or_else(unknown);
            format!("{now}/{}", text(wanted, "averageValue").unwrap_or_default())
        }
        "object" | "external" => match text(wanted, "averageValue") {
            Some(wanted) => {
                format!("{}/{wanted} (avg)", text(current, "averageValue").unwrap_or_else(unknown))
            }
            None => {
                let now = text(current, "value").unwrap_or_else(unknown);
                format!("{now}/{}", text(wanted, "value").unwrap_or_default())
            }
        },
        _ => "<unknown type>".to_owned(),
    }
}

pub(super) const DISRUPTION_BUDGET: Printer = Printer {
    columns: &["=Name", "Min Available", "Max Unavailable", "#Allowed Disruptions", "Age"],
    row: |row| {
        let amount = |path: &str| match row.at(path) {
            None => "N/A".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(number) => number.to_string(),
        };
        vec![
            row.name(),
            amount("/spec/minAvailable").into(),
            amount("/spec/maxUnavailable").into(),
            row.integer("/status/disruptionsAllowed"),
            row.age(),
        ]
    },
};

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use serde_json::json;

    #[test]
    fn workloads_show_how_far_they_are() {
        let template =
            json!({"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "i:2"}]}});
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions":
            [{"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "x", "operator": "DoesNotExist"}]});
        let deployment = shown(
            "deploy",
            json!({"metadata": {"name": "web"},
            "spec": {"replicas": 3, "selector": selector, "template": template},
            "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}}),
        );
        let expected = [
            json!("web"),
            json!("2/3"),
            json!(3),
            json!(2),
            json!("<unknown>"),
            json!("a,b"),
            json!("i:1,i:2"),
            json!("!x,app=web,tier in (a,b)"),
        ];
        assert_eq!(deployment, expected);
        let set = shown("sts", json!({"metadata": {"name": "db"}, "spec": {"replicas": 1}}));
        assert_eq!(set[1], json!("0/1"));
    }

    #[test]
    fn jobs_show_state_and_time() {
        let job = shown(
            "jobs",
            json!({"metadata": {"name": "j"}, "spec": {"completions": 2},
            "status": {"succeeded": 2, "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:30Z",
                "conditions": [{"type": "Complete", "status": "True"}]}}),
        );
        assert_eq!(job[1..4], [json!("Complete"), json!("2/2"), json!("90s")]);
        let queue = shown("jobs", json!({"spec": {"parallelism": 3}, "status": {}}));
        assert_eq!(queue[1..4], [json!("Running"), json!("0/1 of 3"), json!("")]);
    }

    #[test]
    fn autoscalers_show_current_and_wanted() {
        let scaler = shown(
            "hpa",
            json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"},
            "maxReplicas": 5, "metrics": [{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]}, "status": {}}),
        );
        assert_eq!(scaler[1..4], [json!("Deployment/web"), json!("cpu: <unknown>/80%"), json!("<unset>")]);
    }
}
