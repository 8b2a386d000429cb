//! Random requests to the embedded host and to a real API server, and their answers compared.
//!
//! A script (`script`) is a list of requests with places for what only a host knows. Both hosts get it in a namespace
//! of its own (`hosts`); what they answer is freed of times, versions and the like (`transcript`) and must be the
//! same. Scripts that once showed a difference are kept in `cases.jsonl`, made small (`shrink`); those that say how
//! they differ still have to.
//!
//! `V9S_FUZZ_SCRIPTS` says how many random scripts run (40), `V9S_FUZZ_SEED` which ones (0). What is found is
//! printed as lines for `cases.jsonl`, the most frequent differences first, at most `V9S_FUZZ_SHOWN` of them (40); the
//! others are named. Whatever is found fails the run.
//! Differences that stay are listed in `known.jsonl` (`known`), each with its reason; the support matrix publishes both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the failure")]

mod broken;
mod generate;
mod hosts;
mod known;
mod memory;
mod objects;
mod script;
mod shrink;
mod support;
mod transcript;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use futures::StreamExt as _;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use hosts::{Hosts, Outcome};
use known::Known;
use script::Script;
use transcript::Difference;

/// Scripts that run at the same time.
const AT_ONCE: usize = 12;
/// Random scripts of a run that does not say how many.
const SCRIPTS: u64 = 40;
/// Differences of one run that are made small and shown, the most frequent ones.
const SHOWN: u64 = 40;

static HOSTS: LazyLock<(Runtime, Hosts)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let hosts = runtime.block_on(Hosts::start()).unwrap_or_else(|error| panic!("no hosts: {error:#}"));
    (runtime, hosts)
});

v9s_testkit::real_test! {
    fn what_was_once_different_is_not() {
        let (runtime, hosts) = &*HOSTS;
        let failed = runtime.block_on(async {
            let runs = futures::stream::iter(cases()).map(|Case { name, script, differs }| async move {
                let found = settled(hosts, &script, differences).await;
                match (found.is_empty(), differs) {
                    (true, Some(_)) => Some(format!("{name}: does not differ any more")),
                    (false, None) => Some(format!("{name}:\n{}", describe(&script, &found))),
                    _ => None,
                }
            });
            runs.buffered(AT_ONCE).filter_map(|failed| async { failed }).collect::<Vec<_>>().await
        });
        assert!(failed.is_empty(), "{} cases fail:\n{}", failed.len(), failed.join("\n"));
    }
}

v9s_testkit::real_test! {
    fn random_scripts_are_answered_alike() {
        let (count, seed) = (number("V9S_FUZZ_SCRIPTS", SCRIPTS), number("V9S_FUZZ_SEED", 0));
        let (runtime, hosts) = &*HOSTS;
        let report = runtime.block_on(fuzz(hosts, count, seed));
        assert!(report.is_empty(), "{report}");
    }
}

/// A script that once showed a difference, or that still does.
struct Case {
    name: String,
    script: Script,
    /// In what the hosts still differ.
    differs: Option<String>,
}

/// The lines of `cases.jsonl`.
fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/differential/cases.jsonl");
    let text = std::fs::read_to_string(path).expect("the cases are there");
    let case = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let script = Script::from_value(&case["script"]).unwrap_or_else(|| panic!("no script: {line}"));
        let text = |key: &str| case[key].as_str().map(str::to_owned);
        Case { name: text("name").unwrap_or_default(), script, differs: text("differs") }
    };
    text.lines().map(case).collect()
}

/// The published table of what the embedded host serves is what it serves. `V9S_UPDATE_SUPPORT=1` writes it anew.
#[test]
fn the_support_matrix_tells_the_truth() {
    let runtime = Runtime::new().expect("a runtime");
    let text = runtime
        .block_on(support::document(&cases(), &known::all()))
        .unwrap_or_else(|error| panic!("{error:#}"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sandbox-support.md");
    if std::env::var_os("V9S_UPDATE_SUPPORT").is_some() {
        std::fs::write(&path, &text).expect("the docs are writable");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "docs/sandbox-support.md is stale: V9S_UPDATE_SUPPORT=1 writes it anew");
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

/// The scripts that a seed stands for.
fn scripts(count: u64, seed: u64) -> impl Iterator<Item = Script> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = generate::script();
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("nothing is filtered").current())
}

async fn fuzz(hosts: &Hosts, count: u64, seed: u64) -> String {
    // Differences of one kind, by the scripts that show them.
    let mut groups: BTreeMap<String, Vec<Script>> = BTreeMap::new();
    let mut requests = 0;
    let runs = futures::stream::iter(scripts(count, seed)).map(|script| async {
        let found = unknown(hosts, &script).await;
        (script, found)
    });
    let mut runs = std::pin::pin!(runs.buffer_unordered(AT_ONCE));
    while let Some((script, found)) = runs.next().await {
        requests += script.0.len();
        let Some(first) = found.first() else { continue };
        groups.entry(signature(&script, first)).or_default().push(script);
    }
    eprintln!(
        "{count} scripts of seed {seed} with {requests} requests: {} kinds of differences",
        groups.len()
    );
    let mut largest: Vec<_> = groups.into_iter().collect();
    let shown = usize::try_from(number("V9S_FUZZ_SHOWN", SHOWN)).unwrap_or(usize::MAX);
    largest.sort_by_key(|(_, scripts)| std::cmp::Reverse(scripts.len()));
    let told = futures::stream::iter(largest.into_iter().enumerate())
        .map(|(at, (signature, scripts))| async move { told(hosts, &signature, scripts, at < shown).await });
    told.buffered(3).filter_map(|told| async { told }).collect::<Vec<_>>().await.join("\n")
}

/// What is said of differences of one kind, if one of their scripts shows them every time: the script made small when
/// it is to be shown, their name otherwise.
async fn told(hosts: &Hosts, signature: &str, mut scripts: Vec<Script>, shown: bool) -> Option<String> {
    let title = format!("{} x {signature}", scripts.len());
    scripts.sort_by_key(|script| script.0.len());
    for script in scripts {
        let found = settled(hosts, &script, unknown).await;
        if found.is_empty() {
            continue;
        }
        if !shown {
            return Some(title);
        }
        let small = shrunk(hosts, script.clone(), signature).await;
        let described = match settled(hosts, &small, unknown).await {
            // What was made too small shows it only now and then.
            none if none.is_empty() => describe(&script, &found),
            found => describe(&small, &found),
        };
        return Some(format!("{title}\n{described}"));
    }
    None
}

/// Where the hosts differ; a host that does not answer is a difference, too.
async fn differences(hosts: &Hosts, script: &Script) -> Vec<Difference> {
    match hosts.compare(script).await {
        Ok(Outcome { differences }) => differences,
        Err(error) => {
            let place = format!("no answer: {error:#}");
            vec![Difference { step: 0, place, embedded: Value::Null, real: Value::Null }]
        }
    }
}

/// Where the hosts differ in a way that nobody knew of.
async fn unknown(hosts: &Hosts, script: &Script) -> Vec<Difference> {
    static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(known::all);
    known::unknown(&KNOWN, script, differences(hosts, script).await)
}

/// Differences that are there every time: a busy real server may lag behind itself (its lists and watches from
/// memory), which no comparison can tell.
async fn settled(
    hosts: &Hosts,
    script: &Script,
    look: impl AsyncFn(&Hosts, &Script) -> Vec<Difference>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for _ in 0..3 {
        found = look(hosts, script).await;
        if found.is_empty() {
            break;
        }
    }
    found
}

/// What differences are the same: those in the same place of the answer to the same kind of request.
fn signature(script: &Script, difference: &Difference) -> String {
    let Some(step) = script.0.get(difference.step) else { return difference.place.clone() };
    let content = step.content.trim_start_matches("application/");
    format!("{} {content} {}", known::request(step), known::place(&difference.place))
}

/// The smallest script that still shows this kind of difference.
async fn shrunk(hosts: &Hosts, script: Script, signature: &str) -> Script {
    let mut smallest = script;
    'smaller: loop {
        let candidates = shrink::smaller(&smallest);
        let mut tries = std::pin::pin!(
            futures::stream::iter(candidates)
                .map(|candidate| async {
                    let found = unknown(hosts, &candidate).await;
                    let same = found.first().is_some_and(|d| self::signature(&candidate, d) == signature);
                    same.then_some(candidate)
                })
                .buffered(6)
        );
        while let Some(tried) = tries.next().await {
            if let Some(candidate) = tried {
                smallest = candidate;
                continue 'smaller;
            }
        }
        return smallest;
    }
}

fn describe(script: &Script, found: &[Difference]) -> String {
    let mut text = String::new();
    for difference in found.iter().take(8) {
        let Difference { step, place, embedded, real } = difference;
        let _ = writeln!(text, "  step {step} {place}\n    embedded: {embedded}\n    real:     {real}");
    }
    let steps: Vec<Value> = script.0.iter().map(script::Step::to_value).collect();
    let _ = writeln!(text, "  {}", json!({"name": "", "script": steps}));
    text
}
