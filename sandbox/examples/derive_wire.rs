//! Derives how the kinds of the embedded host look in protobuf from the Go modules of one Kubernetes version.
//!
//! `cargo run -p v9s-sandbox --example derive_wire -- <api> <apimachinery> <apiextensions-apiserver> <kube-aggregator>`
//! reads `generated.proto` and the Go types beside it in the folders of these modules and writes
//! `sandbox/kinds/wire.tsv`: a line for each message, its OpenAPI name and its fields. A field is
//! `NUMBER:JSON NAME:TYPE`, see `sandbox/src/wire/table.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What requests carry beside the kinds themselves.
const ALSO: [&str; 4] = [
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
];

/// A field of a message, from the protobuf definition.
struct Field {
    number: u32,
    name: String,
    repeated: bool,
    /// As the definition names it.
    kind: String,
}

/// What the Go structure says of a field, by its number.
#[derive(Clone)]
struct GoField {
    /// JSON name; empty when its fields stand in the structure around it.
    json: String,
    /// A zero value is written all the same: it is behind a pointer, or nothing says that it may be left out.
    keeps_zero: bool,
}

struct Message {
    package: String,
    fields: Vec<Field>,
    go: BTreeMap<u32, GoField>,
}

fn main() -> Result<()> {
    let modules: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if modules.len() != 4 {
        bail!("usage: derive_wire <api> <apimachinery> <apiextensions-apiserver> <kube-aggregator>");
    }
    let mut messages = BTreeMap::new();
    for module in &modules {
        collect(module, &mut messages)?;
    }
    let wanted = reachable(&messages)?;
    let index: BTreeMap<&str, usize> =
        wanted.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let mut out = String::new();
    for name in &wanted {
        let message = messages.get(name).with_context(|| format!("no message {name}"))?;
        let fields: Vec<String> =
            message.fields.iter().map(|field| written(message, field, &index)).collect::<Result<_>>()?;
        out += &format!("{name}\t{}\n", fields.join(" "));
    }
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("kinds/wire.tsv"), out)?;
    Ok(())
}

/// Reads every stable package below a folder.
fn collect(folder: &Path, messages: &mut BTreeMap<String, Message>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("listing {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["alpha", "beta", "testapigroup", "testdata"].iter().any(|word| name.contains(word)) {
                collect(&path, messages)?;
            }
        } else if name == "generated.proto" {
            let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let go = go_structures(folder)?;
            read_package(&text, &go, messages);
        }
    }
    Ok(())
}

fn read_package(
    text: &str,
    go: &BTreeMap<String, BTreeMap<u32, GoField>>,
    messages: &mut BTreeMap<String, Message>,
) {
    let (mut package, mut open) = (String::new(), None::<String>);
    for line in text.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("package") => package = words.next().unwrap_or_default().trim_end_matches(';').to_owned(),
            Some("message") => {
                let name = words.next().unwrap_or_default().to_owned();
                let fields = go.get(&name).cloned().unwrap_or_default();
                let full = format!("{}.{name}", open_api_package(&package));
                messages.insert(
                    full.clone(),
                    Message { package: package.clone(), fields: Vec::new(), go: fields },
                );
                open = Some(full);
            }
            Some("}") => open = None,
            _ => {
                let message = open.as_ref().and_then(|name| messages.get_mut(name));
                if let (Some(message), Some(field)) = (message, read_field(line)) {
                    message.fields.push(field);
                }
            }
        }
    }
}

/// `optional string name = 1;`, `map<string, bytes> data = 2;`
fn read_field(line: &str) -> Option<Field> {
    let (left, number) = line.strip_suffix(';')?.rsplit_once(" = ")?;
    let (kind, name) = left.rsplit_once(' ')?;
    let (repeated, kind) = match kind.split_once(' ') {
        Some(("repeated", kind)) => (true, kind),
        Some(("optional", kind)) => (false, kind),
        _ => (false, kind),
    };
    Some(Field { number: number.parse().ok()?, name: name.to_owned(), repeated, kind: kind.to_owned() })
}

/// Structures of a Go package by name, each with its fields by their protobuf number.
fn go_structures(folder: &Path) -> Result<BTreeMap<String, BTreeMap<u32, GoField>>> {
    let mut structures: BTreeMap<String, BTreeMap<u32, GoField>> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.ends_with(".go") || name.contains("generated") || name.ends_with("_test.go") {
            continue;
        }
        let mut open = String::new();
        for line in fs::read_to_string(&path)?.lines() {
            if let Some(rest) = line.strip_prefix("type ")
                && let Some(name) = rest.strip_suffix(" struct {")
            {
                open = name.to_owned();
            } else if line == "}" {
                open.clear();
            } else if !open.is_empty()
                && let Some((number, field)) = go_field(line)
            {
                structures.entry(open.clone()).or_default().insert(number, field);
            }
        }
    }
    Ok(structures)
}

/// `Replicas *int32 `json:"replicas,omitempty" protobuf:"varint,1,opt,name=replicas"``
fn go_field(line: &str) -> Option<(u32, GoField)> {
    let line = line.trim();
    if line.starts_with("//") {
        return None;
    }
    let (declared, tags) = line.split_once('`')?;
    let tag = |name: &str| tags.split_once(&format!("{name}:\""))?.1.split('"').next();
    let number = tag("protobuf")?.split(',').nth(1)?.parse().ok()?;
    let json = tag("json")?;
    let pointer = declared.split_whitespace().next_back().is_some_and(|kind| kind.starts_with('*'));
    let (name, options) = json.split_once(',').unwrap_or((json, ""));
    let keeps_zero = pointer || !options.contains("omit");
    Some((number, GoField { json: name.to_owned(), keeps_zero }))
}

/// `k8s.io.api.core.v1` is called `io.k8s.api.core.v1` in OpenAPI.
fn open_api_package(package: &str) -> String {
    format!("io.k8s.{}", package.trim_start_matches("k8s.io.").replace('_', "-"))
}

fn full_name(message: &Message, kind: &str) -> String {
    match kind.trim_start_matches('.').strip_prefix("k8s.io.") {
        Some(_) => match kind.trim_start_matches('.').rsplit_once('.') {
            Some((package, name)) => format!("{}.{name}", open_api_package(package)),
            None => kind.to_owned(),
        },
        None => format!("{}.{kind}", open_api_package(&message.package)),
    }
}

/// The value type of a map, or the type itself.
fn value_type(kind: &str) -> (&str, bool) {
    match kind.strip_prefix("map<string, ").and_then(|rest| rest.strip_suffix('>')) {
        Some(value) => (value, true),
        None => (kind, false),
    }
}

fn scalar(kind: &str) -> Option<&'static str> {
    match kind {
        "string" => Some("s"),
        "bool" => Some("b"),
        "int32" | "int64" | "uint32" | "uint64" => Some("i"),
        "double" => Some("d"),
        "bytes" => Some("y"),
        _ => None,
    }
}

fn written(message: &Message, field: &Field, index: &BTreeMap<&str, usize>) -> Result<String> {
    let (value, map) = value_type(&field.kind);
    let kind = match scalar(value) {
        Some(letter) => letter.to_owned(),
        None => {
            let name = full_name(message, value);
            let at = index.get(name.as_str()).with_context(|| format!("no message {name}"))?;
            format!("@{at}")
        }
    };
    // Types whose JSON is written by hand have no tags; the server reads them by hand, too.
    let go = message.go.get(&field.number);
    let json = go.map_or(field.name.as_str(), |go| &go.json);
    let many = if map {
        "{}"
    } else if field.repeated {
        "[]"
    } else {
        ""
    };
    let zero = if go.is_some_and(|go| go.keeps_zero) { "!" } else { "" };
    Ok(format!("{}:{json}:{many}{kind}{zero}", field.number))
}

/// Names of the messages that requests can hold, sorted.
fn reachable(messages: &BTreeMap<String, Message>) -> Result<BTreeSet<String>> {
    let resources = Path::new(env!("CARGO_MANIFEST_DIR")).join("kinds/resources.jsonl");
    let mut todo: Vec<String> = ALSO.iter().map(|&name| name.to_owned()).collect();
    for line in fs::read_to_string(resources)?.lines() {
        let kind: Value = serde_json::from_str(line)?;
        todo.extend(kind["schema"].as_str().map(str::to_owned));
    }
    let mut wanted = BTreeSet::new();
    while let Some(name) = todo.pop() {
        let message = messages.get(&name).with_context(|| format!("no message {name}"))?;
        if !wanted.insert(name) {
            continue;
        }
        for field in &message.fields {
            let (value, _) = value_type(&field.kind);
            if scalar(value).is_none() {
                todo.push(full_name(message, value));
            }
        }
    }
    Ok(wanted)
}
