//! What the embedded host serves, asked of it kind by kind and verb by verb, as the table of
//! `docs/sandbox-support.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use http::Method;
use kube::Client;
use serde_json::Value;
use v9s_sandbox::Sandbox;
use v9s_sandbox::kinds::{Kind, Kinds};

use crate::Case;
use crate::hosts::{client, send};
use crate::known::Known;
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

/// The whole document; the cases and what is known tell what still differs.
pub async fn document(cases: &[Case], known: &[Known]) -> anyhow::Result<String> {
    let sandbox = Sandbox::start(v9s_sandbox::Options::default()).await?;
    let client = client(&sandbox.kubeconfig()).await?;
    let mut rows: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut missing = Vec::new();
    for kind in Kinds::builtin().iter() {
        let mut verbs = Vec::new();
        for verb in VERBS.iter().filter(|verb| kind.allows(verb)) {
            match ask(&client, kind, "", verb).await? {
                Taken::Served => verbs.push(*verb),
                Taken::NotServed => missing.push(format!("`{}`: {verb}", kind.group_resource())),
            }
        }
        let mut parts = Vec::new();
        for part in &kind.subresources {
            let mut absent = Vec::new();
            for verb in &part.verbs {
                if ask(&client, kind, &part.name, verb).await? == Taken::NotServed {
                    absent.push(verb.as_str());
                }
            }
            if absent.len() < part.verbs.len() {
                parts.push(format!("`{}`", part.name));
            }
            if !absent.is_empty() {
                missing.push(format!("`{}/{}`: {}", kind.group_resource(), part.name, absent.join(", ")));
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
    Ok(text(rows.into_values().collect(), &missing, cases, known))
}

fn text(rows: Vec<String>, missing: &[String], cases: &[Case], known: &[Known]) -> String {
    let mut text = String::from(HEAD);
    for row in rows {
        let _ = writeln!(text, "{row}");
    }
    text.push_str(MISSING);
    for what in missing {
        let _ = writeln!(text, "- {what}");
    }
    text.push_str(DIFFERENT);
    let reasons: BTreeSet<&String> = cases
        .iter()
        .filter_map(|case| case.differs.as_ref())
        .chain(known.iter().map(|known| &known.reason))
        .collect();
    for differs in reasons {
        let _ = writeln!(text, "- {differs}");
    }
    let agreed = cases.iter().filter(|case| case.differs.is_none()).count();
    let _ =
        write!(text, "\n{agreed} cases in which the hosts once differed are held to be answered alike.\n");
    text
}

const DIFFERENT: &str = "
## Known to differ

Random scripts, 40 in each run of the tests, are answered alike but for what is listed here: a line of
`tests/differential/known.jsonl` or a case of `cases.jsonl` says where and how. Descriptions of table columns are not
compared: they are prose of the API's documentation. Validation covers what tools and people meet, not every rule of every
field; longer runs of random scripts may find objects that one host refuses and the other takes.

";

const HEAD: &str = "\
# What the embedded host serves

Written by the test `the_support_matrix_tells_the_truth` from the answers of the embedded host;
`V9S_UPDATE_SUPPORT=1 cargo test --workspace --test differential support` writes it anew.

Served kinds are stored and answered; which of them something acts on is in [sandbox.md](sandbox.md). *Compared* are the kinds whose
objects the scripts of `tests/differential` write, read, patch, apply, watch and delete on this host and on a real API server.
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
