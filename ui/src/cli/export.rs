//! `v9s export`: what Prometheus and Grafana are given. Nothing is asked of any cluster.

use serde_json::json;
use v9s::health::export::{dashboard, rule_group, rules};

use super::args::{Export, ExportArgs};
use super::{Exit, print};
use crate::settings::Settings;

/// Prints it.
///
/// # Errors
/// When it cannot be written.
pub fn run(settings: &Settings, args: &ExportArgs) -> anyhow::Result<Exit> {
    let limits = &settings.config.thresholds;
    let text = match &args.what {
        Export::PrometheusRules { object: None } => serde_saphyr::to_string(&rule_group(&rules(limits)))?,
        Export::PrometheusRules { object: Some(name) } => serde_saphyr::to_string(&json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": { "name": name },
            "spec": rule_group(&rules(limits)),
        }))?,
        Export::GrafanaDashboard => serde_json::to_string_pretty(&dashboard(limits))? + "\n",
    };
    print(text.as_bytes())
}
