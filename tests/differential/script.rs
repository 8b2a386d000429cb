//! Scripts: requests that mean the same on any host.
//!
//! Texts in them may hold places for what only the host knows: `$NS` (the script's own namespace, and the beginning
//! of the names of its cluster-wide objects), `$NEXT` (the last page token), and of an object such as `pods/a`:
//! `$RV(pods/a)` (resource version last seen), `$OLD(pods/a)` (first seen), `$UID(pods/a)`. A body
//! `{"$LAST": "pods/a", "with": {…}}` is the object as last seen, with a merge patch applied.

use std::fmt;

use serde_json::{Map, Value, json};

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `GET`, `POST`, …, or `WATCH`: a watch that is opened here and read when the script is over.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// `accept` header; empty for none.
    pub accept: String,
    /// `content-type` header; empty for JSON.
    pub content: String,
    /// Body, if there is one. A text is sent as it is, anything else as JSON.
    pub body: Option<Value>,
}

impl Step {
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            accept: String::new(),
            content: String::new(),
            body: None,
        }
    }

    #[must_use]
    pub fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    #[must_use]
    pub fn content(self, content: &str) -> Self {
        Self { content: content.into(), ..self }
    }

    #[must_use]
    pub fn accept(self, accept: &str) -> Self {
        Self { accept: accept.into(), ..self }
    }

    /// The request as one line of a case: `{"POST": "/api/…", "body": {…}}`.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        fields.insert(self.method.clone(), json!(self.path));
        for (key, text) in [("accept", &self.accept), ("content", &self.content)] {
            if !text.is_empty() {
                fields.insert(key.into(), json!(text));
            }
        }
        if let Some(body) = &self.body {
            fields.insert("body".into(), body.clone());
        }
        Value::Object(fields)
    }

    /// Reads what [`Step::to_value`] wrote.
    pub fn from_value(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        let (method, path) = fields.iter().find(|(key, _)| key.bytes().all(|b| b.is_ascii_uppercase()))?;
        let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self {
            method: method.clone(),
            path: path.as_str()?.to_owned(),
            accept: text("accept"),
            content: text("content"),
            body: fields.get("body").cloned(),
        })
    }
}

/// Requests, one after the other.
#[derive(Clone, PartialEq)]
pub struct Script(pub Vec<Step>);

impl Script {
    /// Reads a case: an array of steps.
    pub fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(Step::from_value).collect::<Option<_>>().map(Self)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[")?;
        for step in &self.0 {
            writeln!(f, "  {},", step.to_value())?;
        }
        write!(f, "]")
    }
}
