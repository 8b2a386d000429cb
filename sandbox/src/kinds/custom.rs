//! What a custom resource definition says of one of its versions.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use crate::custom::Rules;

/// What a kind has that a custom resource definition made, beyond what every kind has.
#[derive(Clone, Default)]
pub struct Custom {
    /// `openAPIV3Schema` as it stands in the definition.
    pub schema: Arc<Value>,
    /// Compiled `x-kubernetes-validations`; none where the schema has none.
    pub rules: Option<Arc<Rules>>,
    /// Name of the kind of lists.
    pub list_kind: SmolStr,
    /// Which state of which definition made this: another one ends the watches, as on the real server.
    pub stamp: SmolStr,
    /// Objects are stored in this version.
    pub storage: bool,
    /// Where the `scale` subresource finds what it shows.
    pub scale: Option<ScalePaths>,
    /// Fields that field selectors may name, as JSON paths such as `.spec.color`.
    pub selectable_fields: Vec<SmolStr>,
    /// `additionalPrinterColumns`.
    pub columns: Vec<CustomColumn>,
    /// What clients of a deprecated version are warned of.
    pub deprecation: Option<String>,
    /// The definition is being deleted: nothing new enters.
    pub terminating: bool,
}

/// `subresources.scale` of a definition: simple JSON paths such as `.spec.replicas`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalePaths {
    /// Below `.spec`: how many there shall be.
    pub spec_replicas_path: SmolStr,
    /// Below `.status`: how many there are.
    pub status_replicas_path: SmolStr,
    /// Below `.spec` or `.status`: the selector of the pods, as text.
    pub label_selector_path: Option<SmolStr>,
}

/// One `additionalPrinterColumns` entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomColumn {
    /// Title.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where the value is found.
    pub json_path: String,
    /// Above 0: only in wide output.
    #[serde(default)]
    pub priority: i64,
    /// OpenAPI format.
    #[serde(default)]
    pub format: String,
    /// What the column says.
    #[serde(default)]
    pub description: String,
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("storage", &self.storage)
            .field("scale", &self.scale)
            .field("selectable_fields", &self.selectable_fields)
            .field("terminating", &self.terminating)
            .finish_non_exhaustive()
    }
}
