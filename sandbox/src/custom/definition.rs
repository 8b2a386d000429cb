//! What stands in a definition.

use crate::kinds::{CustomColumn, ScalePaths};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smol_str::SmolStr;

/// `spec` of a definition, as far as anything is made of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Definition {
    pub(super) group: SmolStr,
    pub(super) names: Names,
    pub(super) scope: String,
    pub(super) versions: Vec<Version>,
}

/// How a kind is called; `spec.names` and `status.acceptedNames`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Names {
    pub(super) plural: SmolStr,
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub(super) singular: SmolStr,
    pub(super) kind: SmolStr,
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub(super) list_kind: SmolStr,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) short_names: Vec<SmolStr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) categories: Vec<SmolStr>,
}

/// One entry of `spec.versions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Version {
    pub(super) name: SmolStr,
    pub(super) served: bool,
    pub(super) storage: bool,
    pub(super) deprecated: bool,
    pub(super) deprecation_warning: Option<String>,
    pub(super) schema: Option<VersionSchema>,
    pub(super) subresources: Option<Subresources>,
    pub(super) additional_printer_columns: Vec<CustomColumn>,
    pub(super) selectable_fields: Vec<SelectableField>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VersionSchema {
    #[serde(rename = "openAPIV3Schema")]
    pub(super) open_api: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subresources {
    pub(super) status: Option<Value>,
    pub(super) scale: Option<ScalePaths>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SelectableField {
    pub(super) json_path: SmolStr,
}

impl Definition {
    /// Reads the definition object; what cannot be read counts as absent.
    pub(super) fn read(object: &Value) -> Self {
        serde_json::from_value(object["spec"].clone()).unwrap_or_default()
    }

    /// The version in which objects are stored.
    pub(super) fn storage(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.storage)
    }
}

impl Version {
    /// `openAPIV3Schema`; null when there is none.
    pub(super) fn schema(&self) -> Value {
        self.schema.as_ref().and_then(|schema| schema.open_api.clone()).unwrap_or_default()
    }
}

/// What the API server fills in.
pub(crate) fn set_defaults(definition: &mut Value) {
    let Some(spec) = definition.get_mut("spec").filter(|spec| spec.is_object()) else { return };
    let absent = |value: &Value| value.is_null() || value == "";
    if let Some(kind) = spec["names"]["kind"].as_str().filter(|kind| !kind.is_empty()).map(str::to_owned) {
        if absent(&spec["names"]["singular"]) {
            spec["names"]["singular"] = json!(kind.to_lowercase());
        }
        if absent(&spec["names"]["listKind"]) {
            spec["names"]["listKind"] = json!(format!("{kind}List"));
        }
    }
    if spec["conversion"].is_null() {
        spec["conversion"] = json!({"strategy": "None"});
    }
    if definition["status"].is_null() {
        definition["status"] = json!({"acceptedNames": {"plural": "", "kind": ""}});
        remember_storage(definition);
    }
    // Go writes it even when there is none.
    if let Some(status) = definition["status"].as_object_mut() {
        status.entry("conditions").or_insert(Value::Null);
    }
}

/// Notes in the status that objects may be stored in the present storage version.
pub(crate) fn remember_storage(definition: &mut Value) {
    let versions = definition["spec"]["versions"].as_array();
    let storage = versions.into_iter().flatten().find(|version| version["storage"] == true);
    let Some(name) = storage.map(|version| version["name"].clone()) else { return };
    let mut stored = definition["status"]["storedVersions"].as_array().cloned().unwrap_or_default();
    if !stored.contains(&name) {
        stored.push(name);
        definition["status"]["storedVersions"] = Value::Array(stored);
    }
}
