//! One stored object: its JSON bytes, and the little of it that is asked for all the time.

use super::body::{Body, Dictionary};
use crate::kinds::{Field, Kind};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt::Write as _;

/// An immutable version of an object.
///
/// The bytes hold neither `kind` nor `apiVersion` (a list of a built-in kind shows neither, and several versions of
/// a group may be served) and start with the resource version, so that a write can be prepared outside the lock.
pub struct Object {
    /// `{"metadata":{"resourceVersion":"7",…`
    body: Body,
    /// Namespace, empty for cluster-scoped objects.
    namespace: SmolStr,
    name: SmolStr,
    uid: SmolStr,
    revision: u64,
    generation: i64,
    deleting: bool,
    /// Where `metadata` ends in the bytes after the resource version.
    metadata_length: u32,
    labels: Box<[(SmolStr, SmolStr)]>,
    /// Values of the fields that are selected by often, in the order of [`kept_fields`].
    fields: Box<[SmolStr]>,
}

/// What precedes the resource version in the bytes.
const HEAD: &str = "{\"metadata\":{\"resourceVersion\":\"";

/// Where the value of `metadata` begins in the bytes.
const METADATA: usize = "{\"metadata\":".len();

/// An object that is ready but for its resource version.
pub(crate) struct Draft {
    /// What follows the resource version's closing quote.
    tail: String,
    object: Object,
}

/// A reference to an owner, as garbage collection needs it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerRef {
    /// `apps/v1`.
    #[serde(default)]
    pub api_version: SmolStr,
    /// `StatefulSet`.
    #[serde(default)]
    pub kind: SmolStr,
    /// Name in the same namespace, or cluster-scoped.
    #[serde(default)]
    pub name: SmolStr,
    /// UID; another one means that the owner is gone.
    #[serde(default)]
    pub uid: SmolStr,
    /// Whether this owner manages the object.
    #[serde(default)]
    pub controller: bool,
    /// Whether foreground deletion of the owner waits for this object.
    #[serde(default)]
    pub block_owner_deletion: bool,
}

/// `metadata`, read from the bytes on demand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Annotations.
    pub annotations: std::collections::BTreeMap<SmolStr, String>,
    /// When the object was created, RFC 3339.
    pub creation_timestamp: Option<SmolStr>,
    /// When it is to be gone, RFC 3339; set while it is being deleted.
    pub deletion_timestamp: Option<SmolStr>,
    /// Seconds it was granted when deletion began.
    pub deletion_grace_period_seconds: Option<i64>,
    /// Who must agree before it is gone.
    pub finalizers: Vec<SmolStr>,
    /// Whom it belongs to.
    pub owner_references: Vec<OwnerRef>,
}

impl Object {
    /// Namespace; empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Namespace and name for somebody who keeps them: the bytes are shared.
    pub(crate) fn names(&self) -> (SmolStr, SmolStr) {
        (self.namespace.clone(), self.name.clone())
    }

    /// UID.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Resource version.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Generation; 0 for kinds without one.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether deletion has begun.
    pub fn deleting(&self) -> bool {
        self.deleting
    }

    /// Labels, ordered by key.
    pub fn labels(&self) -> &[(SmolStr, SmolStr)] {
        &self.labels
    }

    /// Value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok()?;
        self.labels.get(at).map(|(_, value)| value.as_str())
    }

    /// What a field selector finds at a label. `None`: the kind does not support the label.
    pub fn selectable(&self, kind: &Kind, label: &str) -> Option<SmolStr> {
        match label {
            "metadata.name" => return Some(self.name.clone()),
            "metadata.namespace" => return Some(self.namespace.clone()),
            _ => {}
        }
        match kept_fields(kind).iter().position(|kept| *kept == label) {
            Some(index) => Some(self.fields.get(index).cloned().unwrap_or_default()),
            None => selectable(kind, &self.value(), label),
        }
    }

    /// Stored JSON: an object without `kind` and `apiVersion`.
    pub fn json(&self) -> Bytes {
        self.body.json()
    }

    /// Length of the stored JSON.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// Whether it takes as much memory as it is long, and need not.
    pub(super) fn is_unpacked(&self) -> bool {
        self.body.is_plain()
    }

    /// Makes it take less memory; it reads as before.
    pub(super) fn pack(&self, dictionary: &Dictionary) {
        self.body.pack(dictionary);
    }

    /// JSON as answered for one object in a version of its kind.
    pub fn json_as(&self, kind: &Kind) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() + 64);
        self.write_as(kind, &mut out);
        out
    }

    /// Appends the JSON as answered for one object in a version of its kind.
    pub fn write_as(&self, kind: &Kind, out: &mut Vec<u8>) {
        for part in ["{\"kind\":\"", &kind.kind, "\",\"apiVersion\":\"", &kind.api_version(), "\","] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(self.json().get(1..).unwrap_or_default());
    }

    /// `metadata` as it stands in the bytes.
    pub fn metadata_json(&self) -> Bytes {
        let json = self.json();
        let rest = json.len() - tail(&json, self.revision).len();
        let metadata = METADATA..(rest + self.metadata_length as usize).min(json.len());
        if metadata.is_empty() { Bytes::from_static(b"{}") } else { json.slice(metadata) }
    }

    /// The object as a tree, without `kind` and `apiVersion`.
    pub fn value(&self) -> Value {
        self.parse().unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// The object read into a type of the caller's; `None` when it does not have that shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.json()).ok()
    }

    /// Annotations, owners, finalizers, times.
    pub fn meta(&self) -> Meta {
        #[derive(Deserialize)]
        struct Shell {
            metadata: Meta,
        }
        self.parse::<Shell>().map(|shell| shell.metadata).unwrap_or_default()
    }

    /// The same object under another resource version (the last event of a deleted object has the revision of the
    /// deletion).
    pub(crate) fn at_revision(&self, revision: u64) -> Self {
        Self {
            body: Body::new(join(revision, tail(&self.json(), self.revision))),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            revision,
            generation: self.generation,
            deleting: self.deleting,
            metadata_length: self.metadata_length,
            labels: self.labels.clone(),
            fields: self.fields.clone(),
        }
    }
}

/// The bytes after the resource version: equal for equal contents.
fn tail(json: &[u8], revision: u64) -> &str {
    let tail = if revision == 0 {
        json.get(METADATA + 1..)
    } else {
        let rest = json.get(HEAD.len()..).unwrap_or_default();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        rest.get(digits + 1..)
    };
    std::str::from_utf8(tail.unwrap_or_default()).unwrap_or_default()
}

fn join(revision: u64, tail: &str) -> Bytes {
    let mut json = String::with_capacity(HEAD.len() + 21 + tail.len());
    json.push_str(HEAD);
    let _ = write!(json, "{revision}\"");
    json.push_str(tail);
    // Exact capacity: tens of thousands of these are kept.
    Bytes::from(json.into_boxed_str().into_string())
}

impl Draft {
    /// Prepares an object for storage. `kind` and `apiVersion` are dropped, metadata comes first, the resource
    /// version is left to the commit.
    pub(crate) fn new(kind: &Kind, value: &Value) -> Self {
        static EMPTY: Value = Value::Null;
        let metadata = value.get("metadata").unwrap_or(&EMPTY);
        let text =
            |key: &str| metadata.get(key).and_then(Value::as_str).map(SmolStr::new).unwrap_or_default();
        let mut labels: Vec<(SmolStr, SmolStr)> = metadata
            .get("labels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(k, v)| (SmolStr::new(k), v.as_str().map(SmolStr::new).unwrap_or_default()))
            .collect();
        labels.sort_unstable();
        let (tail, metadata_length) = tail_of(value, metadata);
        let object = Object {
            body: Body::new(Bytes::new()),
            namespace: text("namespace"),
            name: text("name"),
            uid: text("uid"),
            revision: 0,
            generation: metadata.get("generation").and_then(Value::as_i64).unwrap_or(0),
            deleting: metadata.get("deletionTimestamp").is_some_and(|v| !v.is_null()),
            metadata_length,
            labels: labels.into(),
            fields: kept_fields(kind)
                .iter()
                .map(|label| selectable(kind, value, label).unwrap_or_default())
                .collect(),
        };
        Self { tail, object }
    }

    /// Whether the stored object says the same already.
    pub(crate) fn same_as(&self, stored: &Object) -> bool {
        self.tail == tail(&stored.json(), stored.revision)
    }

    /// The object as if it had been stored: a dry run gives it no revision.
    pub(crate) fn uncommitted(self) -> Object {
        let tail = self.tail.strip_prefix(',').unwrap_or(&self.tail);
        let json = format!("{{\"metadata\":{{{tail}");
        let comma = u32::from(tail.len() < self.tail.len());
        let metadata_length = self.object.metadata_length.saturating_sub(comma);
        Object { body: Body::new(json.into_bytes().into()), metadata_length, ..self.object }
    }

    /// The object as of this revision.
    pub(crate) fn commit(self, revision: u64) -> Object {
        Object { body: Body::new(join(revision, &self.tail)), revision, ..self.object }
    }
}

/// Everything after the resource version, e.g. `,"name":"a"},"spec":{}}`, and the length of it that is metadata.
fn tail_of(value: &Value, metadata: &Value) -> (String, u32) {
    let mut out = Vec::with_capacity(1024);
    for (key, field) in metadata.as_object().into_iter().flatten() {
        if key != "resourceVersion" && key != "selfLink" && !field.is_null() {
            write_member(&mut out, key, field);
        }
    }
    out.push(b'}');
    let metadata_length = u32::try_from(out.len()).unwrap_or(u32::MAX);
    for (key, field) in value.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "metadata" | "kind" | "apiVersion") {
            write_member(&mut out, key, field);
        }
    }
    out.push(b'}');
    (String::from_utf8(out).unwrap_or_default(), metadata_length)
}

/// Writes `,"key":value`. Writing a tree to memory cannot fail.
fn write_member(out: &mut Vec<u8>, key: &str, value: &Value) {
    out.push(b',');
    let _ = serde_json::to_writer(&mut *out, key);
    out.push(b':');
    let _ = serde_json::to_writer(out, value);
}

/// Labels of field selectors that watches and lists use all the time; the others are read from the bytes.
fn kept_fields(kind: &Kind) -> &'static [&'static str] {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => &["spec.nodeName", "status.phase"],
        ("", "events") => &["involvedObject.uid", "involvedObject.name", "involvedObject.kind"],
        ("", "secrets") => &["type"],
        _ => &[],
    }
}

fn selectable(kind: &Kind, value: &Value, label: &str) -> Option<SmolStr> {
    match kind.selectable_field(value, label) {
        Field::Unsupported => None,
        Field::Value(Cow::Borrowed(text)) => Some(SmolStr::new(text)),
        Field::Value(Cow::Owned(text)) => Some(SmolStr::from(text)),
    }
}

impl std::fmt::Debug for Object {
    /// Names the object; never shows contents, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Object({}/{}@{})", self.namespace, self.name, self.revision)
    }
}
