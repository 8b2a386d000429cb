//! A dashboard for Grafana.

use serde_json::{Value, json};

use crate::health::Thresholds;

/// One chart: title, unit, and expressions with their legends.
struct Chart {
    title: &'static str,
    unit: &'static str,
    lines: Vec<(String, &'static str)>,
    /// From where on a line is drawn in warning and critical colours.
    steps: Option<[f64; 2]>,
}

/// What the variables of the dashboard choose.
const CHOSEN: &str = "namespace=~\"$namespace\", pod=~\"$pod\"";
/// Charts beside each other, and the size of each on Grafana's grid of 24 columns.
const ACROSS: usize = 2;
const SIZE: [usize; 2] = [12, 8];

/// The dashboard, as Grafana imports it.
pub fn dashboard(limits: &Thresholds) -> Value {
    let panels: Vec<Value> =
        charts(limits).iter().enumerate().map(|(at, chart)| chart.to_value(at)).collect();
    json!({
        "title": "v9s: virtual clusters",
        "uid": "v9s-syncer",
        "tags": ["v9s"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "type": "datasource", "query": "prometheus" },
            variable("namespace", "label_values(v9s_syncer_build_info, namespace)"),
            variable("pod", "label_values(v9s_syncer_build_info{namespace=~\"$namespace\"}, pod)"),
        ] },
        "panels": panels,
    })
}

fn variable(name: &str, query: &str) -> Value {
    json!({
        "name": name,
        "type": "query",
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "query": query,
        "refresh": 2,
        "includeAll": true,
        "multi": true,
        "allValue": ".*",
        "current": { "text": "All", "value": "$__all" },
    })
}

fn charts(limits: &Thresholds) -> Vec<Chart> {
    let lag = |share: &str, by: &str| {
        format!(
            "histogram_quantile({share}, sum by ({by}, le) (rate(v9s_syncer_lag_seconds_bucket{{{CHOSEN}}}[5m])))"
        )
    };
    let plain = |metric: &str| format!("{metric}{{{CHOSEN}}}");
    let rate = |metric: &str, by: &str| format!("sum by ({by}) (rate({metric}{{{CHOSEN}}}[5m]))");
    let chart = |title, unit, lines| Chart { title, unit, lines, steps: None };
    let tenant = "{{namespace}}/{{pod}}";
    vec![
        Chart {
            steps: Some([limits.lag_warning_seconds, limits.lag_critical_seconds]),
            ..chart("Sync lag p99", "s", vec![(lag("0.99", "namespace, pod"), tenant)])
        },
        chart(
            "Sync lag p99 by kind and side",
            "s",
            vec![(lag("0.99", "kind, written"), "{{kind}} to the {{written}} side")],
        ),
        Chart {
            steps: Some([limits.lag_warning_seconds, limits.lag_critical_seconds]),
            ..chart("Canary away", "s", vec![(plain("v9s_syncer_canary_away_seconds"), tenant)])
        },
        chart("Oldest that waits", "s", vec![(plain("v9s_syncer_oldest_pending_seconds"), tenant)]),
        chart(
            "Pairs not in agreement",
            "short",
            vec![(format!("sum by (kind) ({})", plain("v9s_syncer_pending")), "{{kind}}")],
        ),
        chart(
            "Apart for long",
            "short",
            vec![
                (plain("v9s_syncer_drifted"), "{{namespace}}/{{pod}} drifted"),
                (plain("v9s_syncer_quarantined"), "{{namespace}}/{{pod}} left alone"),
                (plain("v9s_syncer_orphans"), "{{namespace}}/{{pod}} on the host alone"),
            ],
        ),
        chart(
            "Writes by result",
            "ops",
            vec![(rate("v9s_syncer_writes_total", "side, result"), "{{side}} {{result}}")],
        ),
        chart(
            "Queue, and writes at once",
            "short",
            vec![
                (plain("v9s_syncer_queue_depth"), "{{namespace}}/{{pod}} waiting"),
                (plain("v9s_syncer_write_limit"), "{{namespace}}/{{pod}} {{side}} limit"),
            ],
        ),
        Chart {
            steps: Some([limits.api_warning_seconds, limits.api_critical_seconds]),
            ..chart(
                "API servers answer in",
                "s",
                vec![(plain("v9s_syncer_api_answer_seconds"), "{{namespace}}/{{pod}} {{side}}")],
            )
        },
        chart(
            "Objects",
            "short",
            vec![(format!("sum by (kind, side) ({})", plain("v9s_syncer_objects")), "{{kind}} {{side}}")],
        ),
        chart(
            "Deletions held, differences missed",
            "ops",
            vec![
                (rate("v9s_syncer_held_deletions_total", "namespace, pod"), "{{namespace}}/{{pod}} held"),
                (
                    rate("v9s_syncer_missed_differences_total", "namespace, pod"),
                    "{{namespace}}/{{pod}} missed",
                ),
            ],
        ),
        chart(
            "Memory and processor of companions",
            "short",
            vec![
                (plain("process_resident_memory_bytes"), "{{namespace}}/{{pod}} bytes"),
                (rate("process_cpu_seconds_total", "namespace, pod"), "{{namespace}}/{{pod}} cores"),
            ],
        ),
    ]
}

impl Chart {
    fn to_value(&self, at: usize) -> Value {
        let targets: Vec<Value> = self
            .lines
            .iter()
            .enumerate()
            .map(|(at, (expr, legend))| json!({ "refId": format!("Q{at}"), "expr": expr, "legendFormat": legend }))
            .collect();
        let [width, height] = SIZE;
        let mut steps = vec![json!({ "color": "green", "value": null })];
        if let Some([warning, critical]) = self.steps {
            steps.push(json!({ "color": "orange", "value": warning }));
            steps.push(json!({ "color": "red", "value": critical }));
        }
        json!({
            "id": at + 1,
            "type": "timeseries",
            "title": self.title,
            "datasource": { "type": "prometheus", "uid": "${datasource}" },
            "gridPos": { "x": at % ACROSS * width, "y": at / ACROSS * height, "w": width, "h": height },
            "fieldConfig": { "defaults": { "unit": self.unit, "thresholds": { "mode": "absolute", "steps": steps } } },
            "targets": targets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_lie_side_by_side_and_are_all_different() {
        let made = dashboard(&Thresholds::default());
        let panels = made["panels"].as_array().unwrap();
        let mut places: Vec<String> = panels.iter().map(|panel| panel["gridPos"].to_string()).collect();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), panels.len());
        assert_eq!(panels[0]["fieldConfig"]["defaults"]["thresholds"]["steps"][2]["value"], 30.0);
    }
}
