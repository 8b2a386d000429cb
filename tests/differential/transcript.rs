//! What a host answered to a script, and the same without what no two hosts have in common.
//!
//! Resource versions become ranks among those of the script's objects; UIDs, addresses and node ports their order of
//! appearance; times, ages, page tokens and made-up names one word each. Objects that messages show have their fields in
//! the order of their names (a real server prints some of them as Go has them), and a cause that is told twice counts
//! once (a real server makes some checks twice).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use crate::script::{Script, Step};

/// The answer to one step. A watch has its events, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub code: u16,
    /// Headers that clients act on.
    pub headers: Value,
    pub body: Value,
}

/// All answers in the order of the steps.
pub type Transcript = Vec<Answer>;

static UID: LazyLock<Regex> = LazyLock::new(|| pattern("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"));
/// Only the years of the test itself: what a script wrote down stays.
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"20[2-9][5-9]-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b10\.\d+\.\d+\.\d+\b"));
static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\d+[smhd])+$"));
static MADE_UP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(gen|kube-api-access)-[a-z0-9]{5}\b"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

/// Brings the transcript of a script into the form that is compared.
pub fn normal(script: &Script, transcript: &Transcript) -> Transcript {
    let mut versions = BTreeSet::new();
    for answer in transcript {
        collect_versions(&answer.body, &mut versions);
    }
    let mut names = Names { versions: versions.into_iter().collect(), ..Names::default() };
    let answers = transcript.iter().zip(&script.0);
    answers
        .map(|(answer, step)| {
            let mut body = answer.body.clone();
            if from_memory(step)
                && let Some(version) = body.pointer_mut("/metadata/resourceVersion")
            {
                *version = json!("some");
            }
            Answer {
                code: answer.code,
                headers: names.value(&answer.headers, ""),
                body: names.value(&body, ""),
            }
        })
        .collect()
}

/// Whether a request is a list that need not be of the present: a real server answers it from its memory of that kind,
/// whose version may lie behind that of the store.
fn from_memory(step: &Step) -> bool {
    let (path, query) = step.path.split_once('?').unwrap_or((&step.path, ""));
    let has = |name: &str| query.split('&').any(|part| part.starts_with(name));
    // With a limit, a version alone means exactly this one, unless it is asked for one object.
    let page = has("limit=1")
        && !has("resourceVersion=0")
        && !has("resourceVersionMatch=NotOlderThan")
        && !has("fieldSelector=metadata.name%3D");
    let exact = has("resourceVersionMatch=Exact") || page;
    let version = has("resourceVersion=") && !exact;
    step.method == "GET" && version && path.rsplit('/').next().is_some_and(|last| last.ends_with('s'))
}

fn collect_versions(value: &Value, versions: &mut BTreeSet<u64>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_versions(item, versions)),
        Value::Object(fields) => {
            if fields.contains_key("uid")
                && let Some(version) = fields.get("resourceVersion").and_then(number_of)
            {
                versions.insert(version);
            }
            fields.values().for_each(|value| collect_versions(value, versions));
        }
        _ => {}
    }
}

fn number_of(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

/// What has been given a name so far.
#[derive(Default)]
struct Names {
    versions: Vec<u64>,
    uids: Vec<String>,
    addresses: Vec<String>,
    ports: Vec<u64>,
}

impl Names {
    fn value(&mut self, value: &Value, key: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text, key)),
            Value::Array(items) => {
                let mut all: Vec<Value> = Vec::new();
                for item in items.iter().map(|item| self.value(item, key)) {
                    if key != "causes" || !all.contains(&item) {
                        all.push(item);
                    }
                }
                Value::Array(all)
            }
            Value::Object(fields) => {
                if fields.get("type").is_some_and(|kind| kind == "BOOKMARK") {
                    return self.bookmark(fields);
                }
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by_key(|(key, _)| *key);
                let mut all = Map::new();
                for (key, value) in sorted {
                    // The columns of a table are described in the prose of the API's documentation.
                    if key == "description" && fields.contains_key("priority") {
                        continue;
                    }
                    all.insert(self.words(key), self.value(value, key));
                }
                Value::Object(all)
            }
            Value::Number(port) if matches!(key, "nodePort" | "healthCheckNodePort") => {
                json!(format!("port{}", order(&mut self.ports, port.as_u64().unwrap_or(0))))
            }
            other => other.clone(),
        }
    }

    /// A real server keeps a version for each kind, which bookmarks name: it may lie anywhere behind that of the store.
    fn bookmark(&mut self, fields: &Map<String, Value>) -> Value {
        let mut object = fields.get("object").cloned().unwrap_or_default();
        let version = ["/metadata/resourceVersion", "/rows/0/object/metadata/resourceVersion"];
        for path in version {
            if let Some(version) = object.pointer_mut(path) {
                *version = json!("some");
            }
        }
        json!({"type": "BOOKMARK", "object": self.value(&object, "")})
    }

    fn text(&mut self, text: &str, key: &str) -> String {
        // What changed in an immutable field is shown as a difference of Go structs.
        let text = without_diff(text);
        let shown = if key == "message" { self.shown(&text) } else { None };
        let text = shown.as_deref().unwrap_or(&text);
        match key {
            "resourceVersion" => match text.parse() {
                Ok(version) => self.version(version),
                Err(_) => text.to_owned(),
            },
            "continue" => "NEXT".into(),
            "cells" if AGE.is_match(text) => "AGE".into(),
            "message" if text.contains("esource version") || text.contains("ResourceVersion") => {
                let words = self.words(text);
                let versions = NUMBER.replace_all(&words, |found: &Captures<'_>| {
                    found[0].parse().map_or_else(|_| found[0].to_owned(), |version| self.version(version))
                });
                versions.into_owned()
            }
            _ => self.words(text),
        }
    }

    /// A message with the objects in it in their normal form; none when there are none.
    fn shown(&mut self, text: &str) -> Option<String> {
        const BEFORE: &str = "Invalid value: ";
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(BEFORE) {
            out.push_str(before);
            out.push_str(BEFORE);
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
            let value = values.next().and_then(Result::ok);
            let length = values.byte_offset();
            let normal = match value {
                Some(value @ (Value::Object(_) | Value::Array(_))) => {
                    Some(self.value(&value, "").to_string())
                }
                // A patched object, shown as a text.
                Some(Value::String(inner)) => match serde_json::from_str(&inner) {
                    Ok(value @ Value::Object(_)) => {
                        Some(json!(self.value(&value, "").to_string()).to_string())
                    }
                    _ => None,
                },
                _ => None,
            };
            rest = match normal {
                Some(normal) => {
                    out.push_str(&normal);
                    after.get(length..).unwrap_or_default()
                }
                None => after,
            };
        }
        (!out.is_empty()).then(|| out + rest)
    }

    /// Rank of a version; one that no object has counts as its predecessor: other scripts are at work, too.
    fn version(&self, version: u64) -> String {
        match self.versions.binary_search(&version) {
            Ok(rank) => format!("rv{rank}"),
            Err(0) => "rv-".into(),
            Err(rank) => format!("rv{}", rank - 1),
        }
    }

    fn words(&mut self, text: &str) -> String {
        let text = TIME.replace_all(text, |found: &Captures<'_>| match found.get(1) {
            Some(_) => "TIME.FRACTION".to_owned(),
            None => "TIME".to_owned(),
        });
        let text = MADE_UP.replace_all(&text, |found: &Captures<'_>| format!("{}-?????", &found[1]));
        let text = UID.replace_all(&text, |found: &Captures<'_>| {
            format!("uid{}", order(&mut self.uids, found[0].to_owned()))
        });
        let text = ADDRESS.replace_all(&text, |found: &Captures<'_>| {
            format!("address{}", order(&mut self.addresses, found[0].to_owned()))
        });
        text.into_owned()
    }
}

/// A message without the comparison of Go structs in it, which ends where the list of messages goes on.
fn without_diff(text: &str) -> Cow<'_, str> {
    let Some((before, diff)) = text.split_once("\n@@ ") else { return Cow::Borrowed(text) };
    match ["\n, ", "\n]"].iter().filter_map(|end| diff.find(end)).min() {
        Some(end) => Cow::Owned(format!("{before}{}", diff.get(end + 1..).unwrap_or_default())),
        None => Cow::Borrowed(before),
    }
}

/// Where a value stands among those seen so far.
fn order<T: PartialEq>(known: &mut Vec<T>, value: T) -> usize {
    match known.iter().position(|seen| *seen == value) {
        Some(place) => place,
        None => {
            known.push(value);
            known.len() - 1
        }
    }
}

/// Where two normal transcripts differ: step, place, what the embedded host said, what the real one said.
pub fn differences(embedded: &Transcript, real: &Transcript) -> Vec<Difference> {
    let mut found = Vec::new();
    for (step, (mine, theirs)) in embedded.iter().zip(real).enumerate() {
        let all = |a: &Answer| json!({"code": a.code, "headers": a.headers, "body": a.body});
        compare(&all(mine), &all(theirs), String::new(), &mut |place, embedded, real| {
            found.push(Difference { step, place, embedded: embedded.clone(), real: real.clone() });
        });
    }
    found
}

/// One place where two hosts disagree.
#[derive(Clone, Debug)]
pub struct Difference {
    pub step: usize,
    pub place: String,
    pub embedded: Value,
    pub real: Value,
}

static NOTHING: Value = Value::Null;

fn compare(mine: &Value, theirs: &Value, place: String, report: &mut impl FnMut(String, &Value, &Value)) {
    match (mine, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let at = format!("{place}/{key}");
                match (a.get(key), b.get(key)) {
                    (Some(x), Some(y)) => compare(x, y, at, report),
                    (Some(x), None) => report(format!("{at} only embedded"), x, &NOTHING),
                    (None, Some(y)) => report(format!("{at} only real"), &NOTHING, y),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (x, y)) in a.iter().zip(b).enumerate() {
                compare(x, y, format!("{place}/{index}"), report);
            }
        }
        (x, y) if x == y => {}
        (x, y) => report(place, x, y),
    }
}
