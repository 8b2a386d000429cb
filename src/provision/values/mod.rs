//! `vcluster.yaml`: the official document, read strictly into settings.
//!
//! [`read`] is pure. A mistake has a line, a column and a path, and all are told at once. Which settings there are, their
//! defaults, and which of them v9s does is data: see `table.rs` and docs/vcluster-yaml.md.

pub mod actors;
mod check;
mod cidr;
mod cross;
pub mod edit;
mod fragment;
mod kind;
mod layers;
mod node;
mod problem;
mod scalar;
pub mod settings;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod view;
mod yaml;

pub use cidr::Cidr;
pub use layers::{Layer, LayerProblems, layered, single};
pub use problem::{Path, Place, Problem, Problems};
pub use settings::Settings;

use node::Node;
use view::{Told, View};

/// Reads a document, YAML or JSON, also as the complete values of the official chart.
///
/// # Errors
/// Everything that is wrong with it: text that is no YAML, keys that are unknown or given twice, values of a wrong type or out
/// of range, settings that contradict each other, and settings that v9s knows and does not do.
pub fn read(text: &str) -> Result<Settings, Problems> {
    let (document, mut problems) = yaml::read(text);
    problems.extend(check::check(&document));
    let told = Told::about(problems);
    let view = View::new(&document, &told);
    let settings = Settings::of(&view);
    cross::check(&view);
    match Problems::of(told.all()) {
        None => Ok(settings),
        Some(problems) => Err(problems),
    }
}

/// A document as JSON, whatever its settings mean together; empty text is an empty mapping.
///
/// # Errors
/// Text that is no YAML, and keys that nobody knows.
#[cfg(feature = "backup")]
pub(crate) fn document(text: &str) -> Result<serde_json::Value, Problems> {
    let (document, mut problems) = yaml::read(text);
    problems.extend(check::check(&document));
    match Problems::of(problems) {
        None if document.is_null() => Ok(Node::empty().to_json()),
        None => Ok(document.to_json()),
        Some(problems) => Err(problems),
    }
}

/// What an empty document says.
impl Default for Settings {
    fn default() -> Self {
        Settings::of(&View::new(&Node::empty(), &Told::default()))
    }
}
