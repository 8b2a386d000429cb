//! What the embedded host serves, asked of it kind by kind and verb by verb, as the table of
//! `docs/sandbox-support.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::Method;
use kube::Client;
use serde_json::Value;
use v9s_sandbox::Sandbox;
use v9s_sandbox::kinds::{Kind, Kinds};

use crate::hosts::{client, send};
use crate::memory::Memory;
use crate::objects::KINDS;
use crate::script::Step;

const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// How the embedded host takes a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Served,
    /// 501 with a Status that says so.
    NotServed,
}

/// The whole document.
pub async fn document() -> anyhow::Result<String> {
    let sandbox = Sandbox::start(v9s_sandbox::Options::default()).await?;
    let client = client(&sandbox.kubeconfig()).await?;
    let mut rows: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut missing = Vec::new();
    for kind in Kinds::builtin().iter() {
        let mut verbs = Vec::new();
        for verb in VERBS.iter().filter(|verb| kind.allows(verb)) {
            match ask(&client, kind, "", verb).await? {
                Taken::Served => verbs.push(*verb),
                Taken::NotServed => missing.push(format!("{verb} of `{}`", kind.group_resource())),
            }
        }
        let mut parts = Vec::new();
        for part in &kind.subresources {
            let mut served = 0;
            for verb in &part.verbs {
                match ask(&client, kind, &part.name, verb).await? {
                    Taken::Served => served += 1,
                    Taken::NotServed => {
                        missing.push(format!("{verb} of `{}/{}`", kind.group_resource(), part.name));
                    }
                }
            }
            if served > 0 {
                parts.push(format!("`{}`", part.name));
            }
        }
        let compared =
            KINDS.iter().any(|known| known.plural == kind.plural && known.api == kind.api_version());
        let all = verbs.len() == VERBS.len();
        let verbs = if all { "all".to_owned() } else { verbs.join(", ") };
        let row = format!(
            "| `{}` | {} | {} | {verbs} | {} | {} |",
            kind.plural,
            kind.api_version(),
            kind.kind,
            parts.join(", "),
            if compared { "yes" } else { "" },
        );
        rows.insert((kind.group.to_string(), format!("{} {}", kind.plural, kind.version)), row);
    }
    Ok(text(rows.into_values().collect(), &missing))
}

fn text(rows: Vec<String>, missing: &[String]) -> String {
    let mut text = String::from(HEAD);
    for row in rows {
        let _ = writeln!(text, "{row}");
    }
    text.push_str(MISSING);
    for what in missing {
        let _ = writeln!(text, "- {what}");
    }
    text
}

const HEAD: &str = "\
# What the embedded host serves

Written by the test `the_support_matrix_tells_the_truth` from the answers of the embedded host;
`V9S_UPDATE_SUPPORT=1 cargo test --workspace --test differential support` writes it anew.

*Compared* are the kinds whose objects random scripts write, read, patch, apply, watch and delete on this host and on a
real API server, with the same answers (see `tests/differential`); the rules that all kinds share are held for the others, too.
`all` verbs are get, list, watch, create, update, patch, delete and deletecollection.

| resource | version | kind | verbs | subresources | compared |
| --- | --- | --- | --- | --- | --- |
";

const MISSING: &str = "
## Known to Kubernetes, not served

These are in discovery, because clients look for them there, and answer 501 with a `Status` whose reason is `NotImplemented`:

";

/// Asks for something that is not there: 404 about the object, a refused body or a success mean that the verb is
/// served.
async fn ask(client: &Client, kind: &Kind, part: &str, verb: &str) -> anyhow::Result<Taken> {
    let group = if kind.group.is_empty() { "api".to_owned() } else { format!("apis/{}", kind.group) };
    let namespace = if kind.namespaced { "/namespaces/default" } else { "" };
    let mut path = format!("/{group}/{}{namespace}/{}", kind.version, kind.plural);
    let collection = part.is_empty() && matches!(verb, "list" | "watch" | "create" | "deletecollection");
    if !collection {
        path.push_str("/no-such-object");
    }
    if !part.is_empty() {
        path = format!("{path}/{part}");
    }
    let (method, query, body) = match verb {
        "get" | "list" => (Method::GET, "", None),
        "watch" => (Method::GET, "?watch=true&timeoutSeconds=1&resourceVersion=x", None),
        "create" => (Method::POST, "?dryRun=All", Some(Value::Object(serde_json::Map::new()))),
        "update" => (Method::PUT, "?dryRun=All", Some(Value::Object(serde_json::Map::new()))),
        "patch" => (Method::PATCH, "?dryRun=All", Some(Value::Object(serde_json::Map::new()))),
        _ => (Method::DELETE, "?dryRun=All", None),
    };
    let mut step = Step::new(method.as_str(), path + query);
    if verb == "patch" {
        step = step.content("application/merge-patch+json");
    }
    let answer = send(client, &Memory::new("default"), &Step { body, ..step }).await?;
    let message = answer.body["message"].as_str().unwrap_or_default();
    match answer.code {
        501 => Ok(Taken::NotServed),
        405 => anyhow::bail!("discovery offers {verb} of {kind} {part}, which is refused: {message}"),
        404 if message.contains("could not find the requested resource") => {
            anyhow::bail!("discovery offers {verb} of {kind} {part}, which is not found: {message}")
        }
        _ => Ok(Taken::Served),
    }
}
