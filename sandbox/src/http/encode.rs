//! Objects, lists and events as bytes, in the form that the client asked for.

use super::accept::Form;
use super::body::{Body, Builder};
use crate::kinds::zeros::blank;
use crate::kinds::{Kind, TEMPLATE_GENERATION};
use crate::status::Status;
use crate::store::{Change, Object};
use crate::table;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the rows of a table carry beside their cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// Metadata of the object.
    Metadata,
    /// The whole object.
    Object,
}

impl Include {
    /// Reads `includeObject`.
    pub(crate) fn parse(text: &str) -> Result<Self, Status> {
        match text {
            "None" => Ok(Self::None),
            "" | "Metadata" => Ok(Self::Metadata),
            "Object" => Ok(Self::Object),
            other => Err(Status::bad_request(format!("unrecognized includeObject value: {other:?}"))),
        }
    }
}

/// Writes objects of one kind in one form.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    pub(crate) kind: Arc<Kind>,
    /// The kind whose columns tables have: the stored version, for custom resources the one that is asked for.
    pub(crate) printed: Arc<Kind>,
    pub(crate) form: Form,
    pub(crate) include: Include,
    /// Ages in tables are as of this time.
    pub(crate) now: DateTime<Utc>,
}

/// What a list says about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListMeta {
    pub(crate) revision: u64,
    pub(crate) next: Option<String>,
    pub(crate) remaining: Option<u64>,
}

impl ListMeta {
    fn to_value(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            meta["continue"] = json!(next);
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = json!(remaining);
        }
        meta
    }
}

impl Encoder {
    /// One object.
    pub(crate) fn object(&self, object: &Object) -> Vec<u8> {
        let mut out = Vec::with_capacity(object.size() + 64);
        self.write(object, true, &mut out);
        out.push(b'\n');
        out
    }

    /// Appends one object; `headed` tells whether a table shows its columns.
    fn write(&self, object: &Object, headed: bool, out: &mut Vec<u8>) {
        match self.form {
            Form::Object => self.write_whole(object, out),
            Form::Metadata(version) => self.write_metadata(object, version, out),
            Form::Table(version) => {
                let meta = ListMeta { revision: object.revision(), ..ListMeta::default() };
                self.open_table(version, &meta, headed, out);
                self.write_row(object, version, out);
                out.extend_from_slice(b"]}");
            }
        }
    }

    fn write_metadata(&self, object: &Object, version: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/");
        out.extend_from_slice(version.as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
        let metadata = object.metadata_json();
        match self.without_counter(&metadata) {
            Some(metadata) => out.extend_from_slice(metadata.to_string().as_bytes()),
            None => out.extend_from_slice(&metadata),
        }
        out.push(b'}');
    }

    /// Metadata of a DaemonSet without the counter of its templates, which only the whole object has; none where there
    /// is none to take away.
    fn without_counter(&self, metadata: &[u8]) -> Option<Value> {
        if (self.kind.group.as_str(), self.kind.plural.as_str()) != ("apps", "daemonsets") {
            return None;
        }
        let mut metadata: Value = serde_json::from_slice(metadata).ok()?;
        let annotations = metadata["annotations"].as_object_mut()?;
        annotations.remove(TEMPLATE_GENERATION)?;
        if annotations.is_empty() {
            metadata.as_object_mut()?.remove("annotations");
        }
        Some(metadata)
    }

    fn write_whole(&self, object: &Object, out: &mut Vec<u8>) {
        if self.kind.shows_as_stored() {
            return object.write_as(&self.kind, out);
        }
        let mut shown = self.kind.show(object.value());
        shown["kind"] = json!(self.kind.kind);
        shown["apiVersion"] = json!(self.kind.api_version());
        out.extend_from_slice(shown.to_string().as_bytes());
    }

    /// A list. Items of built-in kinds say neither kind nor version; those of custom resources do.
    pub(crate) fn list(&self, items: &[Arc<Object>], meta: &ListMeta) -> Body {
        let mut builder = Builder::default();
        let mut part = Vec::new();
        match self.form {
            Form::Object => open_list(&self.kind.list_kind(), &self.kind.api_version(), meta, &mut part),
            Form::Metadata(version) => {
                let group_version = format!("meta.k8s.io/{version}");
                open_list("PartialObjectMetadataList", &group_version, meta, &mut part);
            }
            Form::Table(version) => self.open_table(version, meta, true, &mut part),
        }
        // The list of metadata is filled by appending: without items there is none.
        if items.is_empty() && matches!(self.form, Form::Metadata(_)) {
            part.pop();
            part.extend_from_slice(b"null}\n");
            builder.push(&part);
            return builder.finish();
        }
        builder.push(&part);
        for (index, object) in items.iter().enumerate() {
            if index > 0 {
                builder.push(b",");
            }
            part.clear();
            match self.form {
                Form::Object if self.kind.shows_as_stored() => {
                    builder.push(&object.json());
                    continue;
                }
                Form::Object if self.kind.is_custom() => self.write_whole(object, &mut part),
                Form::Object => part.extend_from_slice(self.kind.show(object.value()).to_string().as_bytes()),
                Form::Metadata(version) => self.write_metadata(object, version, &mut part),
                Form::Table(version) => self.write_row(object, version, &mut part),
            }
            builder.push(&part);
        }
        builder.push(b"]}\n");
        builder.finish()
    }

    /// One event of a watch, as a line.
    pub(crate) fn event(&self, change: Change, object: &Object, headed: bool, out: &mut Vec<u8>) {
        let name = match change {
            Change::Added => "ADDED",
            Change::Modified => "MODIFIED",
            Change::Deleted => "DELETED",
        };
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        self.write(object, headed, out);
        out.extend_from_slice(b"}\n");
    }

    /// A bookmark: everything up to a revision has been sent; `initial` marks the end of the initial state, `headed`
    /// tells whether a table shows its columns.
    pub(crate) fn bookmark(&self, revision: u64, initial: bool, headed: bool, out: &mut Vec<u8>) {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        // An empty object of the kind, as Go writes it.
        let empty = |metadata: &Value| {
            let mut object = blank(self.kind.schema());
            object["kind"] = json!(self.kind.kind);
            object["apiVersion"] = json!(self.kind.api_version());
            object["metadata"] = metadata.clone();
            // What these have in another form inside, the way out writes.
            match (self.kind.group.as_str(), self.kind.plural.as_str()) {
                ("apps", "deployments" | "replicasets" | "statefulsets") => {
                    object["spec"]["replicas"] = json!(0)
                }
                ("apps", "daemonsets") => {
                    object["metadata"]["annotations"][TEMPLATE_GENERATION] = json!("0");
                }
                _ => {}
            }
            object
        };
        let object = match self.form {
            Form::Object => empty(&metadata),
            Form::Metadata(version) => partial(version, &metadata),
            Form::Table(version) => {
                let columns = headed.then(|| table::columns(&self.printed));
                let cells = table::cells(&self.printed, &blank(self.printed.schema()), self.now);
                // Here a row is never without an object, whatever was asked for.
                let object = match self.include {
                    Include::Object => empty(&metadata),
                    Include::None | Include::Metadata => partial(version, &metadata),
                };
                json!({
                    "kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"),
                    "metadata": {"resourceVersion": revision.to_string()}, "columnDefinitions": columns,
                    "rows": [{"cells": cells, "object": object}],
                })
            }
        };
        out.extend_from_slice(b"{\"type\":\"BOOKMARK\",\"object\":");
        out.extend_from_slice(object.to_string().as_bytes());
        out.extend_from_slice(b"}\n");
    }

    fn open_table(&self, version: &str, meta: &ListMeta, headed: bool, out: &mut Vec<u8>) {
        let columns = if headed { json!(table::columns(&self.printed)) } else { Value::Null };
        out.extend_from_slice(b"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/");
        out.extend_from_slice(version.as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
        out.extend_from_slice(meta.to_value().to_string().as_bytes());
        out.extend_from_slice(b",\"columnDefinitions\":");
        out.extend_from_slice(columns.to_string().as_bytes());
        out.extend_from_slice(b",\"rows\":[");
    }

    fn write_row(&self, object: &Object, version: &str, out: &mut Vec<u8>) {
        let cells = table::cells(&self.printed, &self.printed.show(object.value()), self.now);
        out.extend_from_slice(b"{\"cells\":");
        out.extend_from_slice(Value::Array(cells).to_string().as_bytes());
        out.extend_from_slice(b",\"object\":");
        match self.include {
            Include::None => out.extend_from_slice(b"null"),
            Include::Metadata => self.write_metadata(object, version, out),
            Include::Object => self.write_whole(object, out),
        }
        out.push(b'}');
    }
}

/// The last event of a watch that cannot go on, as a line.
pub(crate) fn error_event(status: &Status, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"ERROR\",\"object\":");
    out.extend_from_slice(&status.to_json());
    out.extend_from_slice(b"}\n");
}

fn partial(version: &str, metadata: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": format!("meta.k8s.io/{version}"), "metadata": metadata})
}

fn open_list(kind: &str, api_version: &str, meta: &ListMeta, out: &mut Vec<u8>) {
    for part in ["{\"kind\":\"", kind, "\",\"apiVersion\":\"", api_version, "\",\"metadata\":"] {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(meta.to_value().to_string().as_bytes());
    out.extend_from_slice(b",\"items\":[");
}
