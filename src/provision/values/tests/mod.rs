//! What `read` accepts and refuses, and in which words.

mod accepted;
mod contradictions;
mod document;
mod everywhere;
mod reading;
mod refused;

use super::{Problems, Settings, read};

/// The values of the official chart, as it renders them into the configuration of a virtual cluster.
const CHART_VALUES: &str = include_str!("chart-values.json");

/// The settings of a document without mistakes.
fn settings(document: &str) -> Settings {
    read(document).unwrap_or_else(|problems| panic!("{document}\n{problems}"))
}

/// Every problem of a document, as it is told.
fn problems(document: &str) -> Vec<String> {
    let told = |problems: Problems| problems.all().iter().map(ToString::to_string).collect();
    read(document).err().map(told).unwrap_or_default()
}
