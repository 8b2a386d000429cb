//! HorizontalPodAutoscalers: `autoscaling/v1` knows one target, the use of processors. Everything else that `v2` has
//! travels in annotations, in the form of earlier versions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Makes `v1` of `v2`.
pub(super) fn show(object: &mut Value) {
    let mut notes: Vec<(&str, String)> = Vec::new();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let metrics = spec.remove("metrics").unwrap_or_default();
        let (processor, others) = split(&metrics, "target");
        if let Some(percent) = processor.first() {
            spec.insert("targetCPUUtilizationPercentage".into(), (*percent).clone());
        }
        let others: Vec<Metric> = others.iter().map(|metric| Metric::of(metric, "target")).collect();
        if !others.is_empty() {
            notes.push((METRICS, text(&others)));
        }
        if let Some(behavior) = spec.remove("behavior").filter(|behavior| !behavior.is_null()) {
            let behavior: Behavior = serde_json::from_value(behavior).unwrap_or_default();
            notes.push((BEHAVIOR, text(&behavior)));
        }
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let current = status.remove("currentMetrics").unwrap_or_default();
        if let Some(percent) = split(&current, "current").0.first() {
            status.insert("currentCPUUtilizationPercentage".into(), (*percent).clone());
        }
        let all: Vec<Metric> =
            current.as_array().into_iter().flatten().map(|metric| Metric::of(metric, "current")).collect();
        if !all.is_empty() {
            notes.push((CURRENT_METRICS, text(&all)));
        }
        let conditions: Vec<Condition> =
            serde_json::from_value(status.remove("conditions").unwrap_or_default()).unwrap_or_default();
        if !conditions.is_empty() {
            notes.push((CONDITIONS, text(&conditions)));
        }
        for count in ["currentReplicas", "desiredReplicas"] {
            status.entry(count).or_insert_with(|| json!(0));
        }
    }
    for (name, note) in notes {
        object["metadata"]["annotations"][name] = note.into();
    }
}

/// Makes `v2` of `v1`.
pub(super) fn store(object: &mut Value) {
    let metrics = take(object, METRICS);
    let current = take(object, CURRENT_METRICS);
    let conditions = take(object, CONDITIONS);
    let behavior = take(object, BEHAVIOR);
    let read = |text: &str, side: &str| -> Option<Vec<Value>> {
        let metrics: Vec<Metric> = serde_json::from_str(text).ok()?;
        Some(metrics.iter().map(|metric| metric.to_v2(side)).collect())
    };
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let mut all = metrics.and_then(|text| read(&text, "target")).unwrap_or_default();
        let percent = spec.remove("targetCPUUtilizationPercentage").filter(|percent| !percent.is_null());
        if let Some(percent) = percent {
            let target = json!({"type": "Utilization", "averageUtilization": percent});
            all.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        }
        if !all.is_empty() {
            spec.insert("metrics".into(), all.into());
        }
        let behavior = behavior.and_then(|text| serde_json::from_str::<Behavior>(&text).ok());
        if let Some(behavior) = behavior {
            spec.insert("behavior".into(), behavior.to_v2());
        }
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let percent = status.remove("currentCPUUtilizationPercentage").filter(|percent| !percent.is_null());
        let own = percent.map(|percent| {
            let current = json!({"averageUtilization": percent});
            vec![json!({"type": "Resource", "resource": {"name": "cpu", "current": current}})]
        });
        let all = current.and_then(|text| read(&text, "current")).or(own);
        status.insert("currentMetrics".into(), all.map_or(Value::Null, Value::from));
        if let Some(conditions) = conditions.and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
            status.insert("conditions".into(), conditions);
        }
    }
}

/// Takes an annotation away; the last one takes all annotations with it.
fn take(object: &mut Value, name: &str) -> Option<String> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let note = annotations.remove(name)?.as_str().map(str::to_owned);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    note
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The percentages of processors in use, and the metrics that are none.
fn split<'m>(metrics: &'m Value, side: &str) -> (Vec<&'m Value>, Vec<&'m Value>) {
    let (mut percents, mut others) = (Vec::new(), Vec::new());
    for metric in metrics.as_array().into_iter().flatten() {
        let percent = &metric["resource"][side]["averageUtilization"];
        if metric["type"] == "Resource" && metric["resource"]["name"] == "cpu" && !percent.is_null() {
            percents.push(percent);
        } else {
            others.push(metric);
        }
    }
    (percents, others)
}

/// One metric as `v1` writes it. The order of fields is that of the real server's text.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metric {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_resource: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external: Option<Source>,
}

/// Where a metric comes from and what it should be (`target…`) or is (`current…`).
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Source {
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_name: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_selector: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_average_utilization: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_average_value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_average_utilization: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_average_value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Value>,
}

/// The object that a metric describes.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Target {
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    api_version: String,
}

impl Metric {
    /// `side` is `target` for what is wanted and `current` for what is.
    fn of(metric: &Value, side: &str) -> Self {
        let kind = metric["type"].as_str().unwrap_or_default().to_owned();
        let source = |key: &str| metric.get(key).map(|from| Source::of(key, from, side));
        Self {
            object: source("object"),
            pods: source("pods"),
            resource: source("resource"),
            container_resource: source("containerResource"),
            external: source("external"),
            kind,
        }
    }

    fn to_v2(&self, side: &str) -> Value {
        let mut metric = json!({"type": self.kind});
        let all = [
            ("object", &self.object),
            ("pods", &self.pods),
            ("resource", &self.resource),
            ("containerResource", &self.container_resource),
            ("external", &self.external),
        ];
        for (key, source) in all {
            if let Some(source) = source {
                metric[key] = source.to_v2(key, side);
            }
        }
        metric
    }
}

impl Source {
    fn of(key: &str, from: &Value, side: &str) -> Self {
        let at = |value: &Value, key: &str| value.get(key).filter(|value| !value.is_null()).cloned();
        let amount = &from[side];
        let (value, average, percent) =
            (at(amount, "value"), at(amount, "averageValue"), at(amount, "averageUtilization"));
        let mut source = Self { metric_name: at(&from["metric"], "name"), ..Self::default() };
        let selector = at(&from["metric"], "selector");
        let wanted = side == "target";
        match key {
            "object" => {
                source.target = serde_json::from_value(from["describedObject"].clone()).ok();
                source.selector = selector;
                source.average_value = average;
                // The field is no option there.
                let value = Some(value.unwrap_or_else(|| json!("0")));
                if wanted {
                    source.target_value = value
                } else {
                    source.current_value = value
                }
                return source;
            }
            "external" => source.metric_selector = selector,
            "pods" => source.selector = selector,
            _ => {
                source.name = at(from, "name");
                source.container = at(from, "container");
            }
        }
        if wanted {
            (source.target_value, source.target_average_value) = (value, average);
            source.target_average_utilization = percent;
        } else {
            (source.current_value, source.current_average_value) = (value, average);
            source.current_average_utilization = percent;
        }
        source
    }

    fn to_v2(&self, key: &str, side: &str) -> Value {
        let mut made = json!({});
        if matches!(key, "resource" | "containerResource") {
            put(&mut made, "name", &self.name);
            put(&mut made, "container", &self.container);
        } else {
            let mut metric = json!({});
            put(&mut metric, "name", &self.metric_name);
            put(
                &mut metric,
                "selector",
                if key == "external" { &self.metric_selector } else { &self.selector },
            );
            made["metric"] = metric;
        }
        if let Some(target) = &self.target {
            made["describedObject"] = json!(target);
        }
        let wanted = side == "target";
        let (value, average, percent) = if wanted {
            (&self.target_value, &self.target_average_value, &self.target_average_utilization)
        } else {
            (&self.current_value, &self.current_average_value, &self.current_average_utilization)
        };
        let average = if key == "object" { &self.average_value } else { average };
        // An average stands in for the value, which is no option there.
        let value = value.as_ref().filter(|_| !(key == "object" && average.is_some())).cloned();
        let mut amount = json!({});
        if wanted {
            let kind = match (&percent, &average) {
                (Some(_), _) => "Utilization",
                (None, Some(_)) => "AverageValue",
                (None, None) => "Value",
            };
            amount["type"] = kind.into();
        }
        put(&mut amount, "value", &value);
        put(&mut amount, "averageValue", average);
        put(&mut amount, "averageUtilization", percent);
        made[side] = amount;
        made
    }
}

fn put(object: &mut Value, key: &str, value: &Option<Value>) {
    if let Some(value) = value {
        object[key] = value.clone();
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    last_transition_time: Value,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
}

/// `behavior` as it stands in the annotation: the real server writes its internal type there, names and all. Read
/// from `v2`, whose names are the aliases.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Behavior {
    #[serde(alias = "scaleUp")]
    scale_up: Option<Rules>,
    #[serde(alias = "scaleDown")]
    scale_down: Option<Rules>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Rules {
    #[serde(alias = "stabilizationWindowSeconds")]
    stabilization_window_seconds: Option<i64>,
    #[serde(alias = "selectPolicy")]
    select_policy: Option<String>,
    #[serde(alias = "policies")]
    policies: Option<Vec<Policy>>,
    #[serde(alias = "tolerance")]
    tolerance: Option<Value>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Policy {
    #[serde(rename = "Type", alias = "type")]
    kind: String,
    #[serde(alias = "value")]
    value: i64,
    #[serde(alias = "periodSeconds")]
    period_seconds: i64,
}

impl Behavior {
    fn to_v2(&self) -> Value {
        let mut made = json!({});
        put(&mut made, "scaleUp", &self.scale_up.as_ref().map(Rules::to_v2));
        put(&mut made, "scaleDown", &self.scale_down.as_ref().map(Rules::to_v2));
        made
    }
}

impl Rules {
    fn to_v2(&self) -> Value {
        let mut made = json!({});
        put(&mut made, "stabilizationWindowSeconds", &self.stabilization_window_seconds.map(Value::from));
        put(&mut made, "selectPolicy", &self.select_policy.clone().map(Value::from));
        let policies = self.policies.iter().flatten().map(|policy| {
            json!({"type": policy.kind, "value": policy.value, "periodSeconds": policy.period_seconds})
        });
        put(&mut made, "policies", &self.policies.is_some().then(|| policies.collect()));
        put(&mut made, "tolerance", &self.tolerance);
        made
    }
}
