//! Alerts and a dashboard for those who already have Prometheus and Grafana, from the metrics that companions serve
//! (docs/syncer.md) and with the thresholds that v9s itself goes by. Pure.

mod dashboard;
mod rules;

pub use dashboard::dashboard;
pub use rules::{Rule, rule_group, rules};
