//! Metadata of what the chart makes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use v9s::wire::{App, annotation, label};

use super::Maker;
use crate::demo::spec::Manager;

/// A moment as Kubernetes writes it.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A moment as the official CLI writes it (docs/vclusters.md, Pausing and sleeping).
pub(super) fn milli_timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A moment as Leases and Events write it.
pub fn micro_timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A map of strings as JSON.
pub(super) fn strings<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Value {
    Value::Object(pairs.into_iter().map(|(k, v)| (k.into(), Value::String(v.into()))).collect())
}

/// Puts `value` into an object under `key`; anything but an object stays as it is.
pub(super) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

impl Maker<'_> {
    /// Metadata of an object of this kind and name, without labels.
    pub(super) fn bare_meta(&self, kind: &str, name: &str) -> Value {
        json!({
            "name": name,
            "namespace": self.tenant.namespace,
            "uid": self.uid(kind, name),
            "creationTimestamp": timestamp(self.tenant.created),
        })
    }

    /// Metadata of an object that the chart makes for the control plane (docs/vclusters.md, Finding).
    pub(super) fn chart_meta(&self, kind: &str, name: &str) -> Value {
        let mut meta = self.bare_meta(kind, name);
        set(&mut meta, "labels", self.chart_labels(App::ControlPlane));
        if self.tenant.manager == Manager::Helm {
            let annotations = [
                ("meta.helm.sh/release-name", self.tenant.name.as_str()),
                ("meta.helm.sh/release-namespace", self.tenant.namespace.as_str()),
            ];
            set(&mut meta, "annotations", strings(annotations));
        }
        meta
    }

    /// The four labels of the chart.
    pub(super) fn chart_labels(&self, app: App) -> Value {
        // Label values know neither `+` nor `@` and end at 63 (docs/vclusters.md, Finding).
        let chart: String = format!("vcluster-{}", self.tenant.chart).replace(['+', '@'], "_");
        strings([
            (label::APP, app.value()),
            (label::CHART, chart.get(..63).unwrap_or(&chart)),
            (label::RELEASE, self.tenant.name.as_str()),
            (label::HERITAGE, if self.tenant.manager == Manager::V9s { "v9s" } else { "Helm" }),
        ])
    }

    /// The labels that pods of the control plane are selected by.
    pub(super) fn selector_labels(&self, app: App) -> Value {
        strings([(label::APP, app.value()), (label::RELEASE, self.tenant.name.as_str())])
    }
}

/// The host namespace.
pub(super) fn namespace(maker: &Maker<'_>) -> Value {
    let tenant = maker.tenant;
    let mut labels: Map<String, Value> =
        tenant.labels.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
    labels.insert("kubernetes.io/metadata.name".to_owned(), json!(tenant.namespace));
    let mut meta = json!({
        "name": tenant.namespace,
        "uid": maker.uid("Namespace", &tenant.namespace),
        "creationTimestamp": timestamp(tenant.created),
        "labels": labels,
    });
    if tenant.manager == Manager::Helm {
        set(&mut meta, "annotations", strings([(annotation::CREATED, "true")]));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": meta,
        "spec": { "finalizers": ["kubernetes"] },
        "status": { "phase": "Active" },
    })
}
