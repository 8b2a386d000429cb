//! The OpenAPI documents of the embedded host beside those of the real one: what they say is the same, except for
//! prose and for what the embedded host does not serve.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::real_test;

/// Path parts that the embedded host does not serve.
const NOT_SERVED: [&str; 2] = ["/watch/", "/proxy"];
/// Parameters that it does not know.
const NOT_KNOWN: [&str; 4] = [
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "insecureSkipTLSVerifyBackend",
    "shardSelector",
    "stream",
];

async fn get(host: &Host, path: &str) -> Result<Value> {
    let request = http::Request::get(path).header("accept", "application/json").body(Vec::new())?;
    let text =
        host.client().request_text(request).await.with_context(|| format!("GET {path} on {}", host.name))?;
    Ok(serde_json::from_str(&text)?)
}

/// A schema without prose. What stands alone in `allOf` stands for itself.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("description", Value::String(_)) => {}
                    ("allOf", Value::Array(one)) if one.len() == 1 => {
                        kept.insert("$ref".to_owned(), one[0]["$ref"].clone());
                    }
                    _ => {
                        kept.insert(key.clone(), bare(value));
                    }
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// What may be done at the paths of a document: method, action, kind, parameters.
fn operations(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        if NOT_SERVED.iter().any(|part| path.contains(part)) {
            continue;
        }
        for (method, operation) in
            item.as_object().into_iter().flatten().filter(|(key, _)| *key != "parameters")
        {
            let both = [&item["parameters"], &operation["parameters"]];
            let all = both.iter().flat_map(|list| list.as_array().into_iter().flatten());
            let mut parameters: Vec<String> = all
                .map(|parameter| format!("{}:{}", parameter["name"], parameter["schema"]["type"]))
                .filter(|text| !NOT_KNOWN.iter().any(|name| text.contains(&format!("{name:?}"))))
                .collect();
            parameters.sort();
            found.insert(format!(
                "{method} {path} {} {} {} {}",
                operation["operationId"],
                operation["x-kubernetes-action"],
                operation["x-kubernetes-group-version-kind"],
                parameters.join(" ")
            ));
        }
    }
    found
}

async fn compare(embedded: &Host, real: &Host) -> Result<()> {
    let index = get(embedded, "/openapi/v3").await?;
    let theirs = get(real, "/openapi/v3").await?;
    let mut differences = Vec::new();
    for (path, place) in index["paths"].as_object().context("paths")? {
        ensure!(theirs["paths"].get(path).is_some(), "the real server has no document {path}");
        let url = place["serverRelativeURL"].as_str().context("a URL")?;
        let ours = get(embedded, url).await?;
        let theirs = get(real, &format!("/openapi/v3/{path}")).await?;
        let (mine, other) = (operations(&ours), operations(&theirs));
        differences.extend(mine.difference(&other).map(|line| format!("{path} + {line}")));
        differences.extend(other.difference(&mine).map(|line| format!("{path} - {line}")));
        let (ours, theirs) = (&ours["components"]["schemas"], &theirs["components"]["schemas"]);
        for (name, schema) in ours.as_object().context("schemas")? {
            let (ours, theirs) = (bare(schema), bare(&theirs[name]));
            if ours != theirs {
                differences.push(format!("{path} {name}\n  + {ours}\n  - {theirs}"));
            }
        }
    }
    ensure!(
        differences.is_empty(),
        "the embedded host (+) differs from the real one (-):\n{}",
        differences.join("\n")
    );
    Ok(())
}

real_test! {
    fn documents_say_what_the_real_servers_say() -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let (embedded, real) = tokio::try_join!(Host::embedded(Needs::NONE), Host::real(Needs::NONE))?;
            compare(&embedded, &real).await
        })
    }
}

#[test]
fn prose_is_left_out_and_references_stand_for_themselves() {
    let schema = json!({"description": "x", "properties": {"description": {"type": "string"}, "a": {
        "allOf": [{"$ref": "#/b"}], "default": {}}}});
    let expected =
        json!({"properties": {"description": {"type": "string"}, "a": {"$ref": "#/b", "default": {}}}});
    assert_eq!(bare(&schema), expected);
}
