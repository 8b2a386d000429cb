//! Derives the kind table of the embedded host from a Kubernetes source tree.
//!
//! `cargo run -p v9s-sandbox --example derive_kinds -- <kubernetes>` reads `discovery/*.json` and
//! `openapi-spec/v3/*.json` in its folder `api`, and from its generated Go definitions the values that texts can
//! have, which the published documents leave out. It writes `sandbox/kinds/resources.jsonl` and
//! `sandbox/kinds/schemas.jsonl`.
//! Only stable API versions are taken, and of the schemas only their structure: no prose, no constraints that
//! the API server does not take from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

const REF: &str = "#/components/schemas/";
const STRUCTURE: [&str; 13] = [
    "type",
    "format",
    "default",
    "required",
    "oneOf",
    "x-kubernetes-unions",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
];
/// Schemas that no kind names but the server itself needs.
const ALWAYS: [&str; 6] = [
    "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent",
];

fn main() -> Result<()> {
    let source: PathBuf = match env::args_os().nth(1) {
        Some(folder) => folder.into(),
        None => bail!("usage: derive_kinds <kubernetes source>"),
    };
    let api = source.join("api");
    let mut schemas = schemas(&api.join("openapi-spec/v3"))?;
    add_enums(&source.join("pkg/generated/openapi/zz_generated.openapi.go"), &mut schemas.by_name)?;
    let resources = resources(&api.join("discovery"), &schemas.by_kind)?;
    let wanted = reachable(&mut schemas.by_name, &resources);

    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("kinds");
    let resource_lines: Vec<String> = resources.iter().map(Value::to_string).collect();
    fs::write(out.join("resources.jsonl"), resource_lines.join("\n") + "\n")?;
    let schema_lines: Vec<String> = wanted.iter().map(|(name, schema)| format!("{name}\t{schema}")).collect();
    fs::write(out.join("schemas.jsonl"), schema_lines.join("\n") + "\n")?;
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("parsing {}", path.display()))
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

struct Schemas {
    by_name: BTreeMap<String, Value>,
    by_kind: BTreeMap<(String, String, String), String>,
}

/// Every schema of every document, reduced to its structure, and which of them is which kind.
fn schemas(folder: &Path) -> Result<Schemas> {
    let mut schemas = Schemas { by_name: BTreeMap::new(), by_kind: BTreeMap::new() };
    for file in json_files(folder)? {
        let document = read(&file)?;
        let Some(all) = document["components"]["schemas"].as_object() else { continue };
        for (name, schema) in all {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten();
            for gvk in kinds {
                let part = |key: &str| gvk[key].as_str().unwrap_or_default().to_owned();
                schemas.by_kind.insert((part("group"), part("version"), part("kind")), name.clone());
            }
            schemas.by_name.entry(name.clone()).or_insert_with(|| structure(schema));
        }
    }
    Ok(schemas)
}

/// Adds the values that a text can have, as the generated definitions list them.
fn add_enums(file: &Path, schemas: &mut BTreeMap<String, Value>) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let (mut schema, mut property, mut below) = (String::new(), String::new(), None);
    for line in text.lines().map(str::trim) {
        if let Some(function) = line.strip_prefix("func schema_") {
            schema = schema_of(function.split('(').next().unwrap_or_default());
        } else if let Some(name) = line.strip_prefix('"').and_then(|rest| rest.strip_suffix("\": {")) {
            (property, below) = (name.to_owned(), None);
        } else if line.starts_with("Items:") {
            below = Some("items");
        } else if line.starts_with("AdditionalProperties:") {
            below = Some("additionalProperties");
        }
        let list = line.strip_prefix("Enum:").and_then(|rest| rest.split_once("interface{}{"));
        let Some((_, list)) = list else { continue };
        let list = list.trim_end_matches(',').trim_end_matches('}');
        let values: Value =
            serde_json::from_str(&format!("[{list}]")).with_context(|| format!("reading {line}"))?;
        // Versions that are not served have enums, too.
        if let Some(found) =
            schemas.get_mut(&schema).and_then(|schema| schema["properties"].get_mut(&property))
        {
            match below {
                Some(below) => found[below]["enum"] = values,
                None => found["enum"] = values,
            }
        }
    }
    Ok(())
}

/// The OpenAPI name of what a generated function describes: `k8sio_api_core_v1_Pod`.
fn schema_of(function: &str) -> String {
    let name = function.replace('_', ".");
    match (name.strip_prefix("k8sio."), name.strip_prefix("pkg.apis.apiextensions.")) {
        (Some(name), _) => format!("io.k8s.{name}"),
        (_, Some(name)) => format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{name}"),
        _ => name,
    }
}

/// The schema without prose; references become `{"$ref": "name"}`.
fn structure(schema: &Value) -> Value {
    let mut kept = Map::new();
    for key in STRUCTURE {
        if let Some(value) = schema.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    if let Some(name) = reference.and_then(|reference| reference.strip_prefix(REF)) {
        kept.insert("$ref".to_owned(), json!(name));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(key) {
            kept.insert(key.to_owned(), structure(inner));
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        let reduced: Map<String, Value> =
            properties.iter().map(|(name, property)| (name.clone(), structure(property))).collect();
        kept.insert("properties".to_owned(), Value::Object(reduced));
    }
    Value::Object(kept)
}

/// One value per resource of a stable API version, in the order in which discovery lists them.
fn resources(folder: &Path, schema_of: &BTreeMap<(String, String, String), String>) -> Result<Vec<Value>> {
    let mut lists = vec![(String::new(), "v1".to_owned(), folder.join("api__v1.json"))];
    let groups = read(&folder.join("apis.json"))?;
    for group in groups["groups"].as_array().into_iter().flatten() {
        let name = group["name"].as_str().unwrap_or_default();
        for version in group["versions"].as_array().into_iter().flatten() {
            let version = version["version"].as_str().unwrap_or_default();
            if version[1..].bytes().all(|byte| byte.is_ascii_digit()) {
                let file = folder.join(format!("apis__{name}__{version}.json"));
                lists.push((name.to_owned(), version.to_owned(), file));
            }
        }
    }
    let mut resources = Vec::new();
    for (group, version, file) in lists {
        let list = read(&file)?;
        let entries = list["resources"].as_array().cloned().unwrap_or_default();
        for entry in entries.iter().filter(|entry| !text(entry, "name").contains('/')) {
            resources.push(resource(&group, &version, entry, &entries, schema_of)?);
        }
    }
    Ok(resources)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn resource(
    group: &str,
    version: &str,
    entry: &Value,
    all: &[Value],
    schema_of: &BTreeMap<(String, String, String), String>,
) -> Result<Value> {
    let plural = text(entry, "name");
    let kind = text(entry, "kind");
    let schema = schema_of
        .get(&(group.to_owned(), version.to_owned(), kind.to_owned()))
        .with_context(|| format!("no schema for {group}/{version} {kind}"))?;
    let prefix = format!("{plural}/");
    let mut subresources = Vec::new();
    for entry in all {
        let Some(name) = text(entry, "name").strip_prefix(&prefix) else { continue };
        let mut subresource = json!({ "name": name, "kind": entry["kind"], "verbs": entry["verbs"] });
        if entry.get("version").is_some() {
            subresource["group"] = json!(text(entry, "group"));
            subresource["version"] = entry["version"].clone();
        }
        subresources.push(subresource);
    }
    let mut resource = json!({
        "group": group, "version": version, "kind": kind, "plural": plural,
        "singular": text(entry, "singularName"), "namespaced": entry["namespaced"],
        "verbs": entry["verbs"], "schema": schema,
    });
    for (ours, theirs) in [
        ("short_names", "shortNames"),
        ("categories", "categories"),
        ("storage_version_hash", "storageVersionHash"),
    ] {
        if let Some(value) = entry.get(theirs) {
            resource[ours] = value.clone();
        }
    }
    if !subresources.is_empty() {
        resource["subresources"] = Value::Array(subresources);
    }
    Ok(resource)
}

/// The schemas that the resources need, however indirectly.
fn reachable(all: &mut BTreeMap<String, Value>, resources: &[Value]) -> BTreeMap<String, Value> {
    let mut todo: Vec<String> = ALWAYS.iter().map(|&name| name.to_owned()).collect();
    todo.extend(resources.iter().map(|resource| text(resource, "schema").to_owned()));
    // What subresources speak: Scale, Eviction, TokenRequest, Binding and their like.
    let kinds: BTreeSet<&str> = resources
        .iter()
        .flat_map(|resource| resource["subresources"].as_array().into_iter().flatten())
        .map(|subresource| text(subresource, "kind"))
        .collect();
    let named = |name: &str| name.rsplit('.').next().is_some_and(|kind| kinds.contains(kind));
    todo.extend(all.keys().filter(|name| name.contains(".v1.") && named(name)).cloned());

    let mut wanted = BTreeMap::new();
    while let Some(name) = todo.pop() {
        if let Some(schema) = all.remove(&name) {
            references(&schema, &mut todo);
            wanted.insert(name, schema);
        }
    }
    wanted
}

fn references(schema: &Value, into: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get("$ref") {
                into.push(name.clone());
            }
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}
