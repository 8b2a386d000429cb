//! What holds for all causes.

use std::collections::BTreeSet;

use serde_json::json;

use super::found;
use super::objects::Case;
use crate::explain::{Answer, codes, explain};

#[test]
fn every_cause_has_a_code_of_its_own() {
    let all: Vec<&str> = codes().collect();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len());
    assert!(all.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{all:?}");
}

#[test]
fn unknown_is_an_answer_of_its_own_and_says_what_could_not_be_read() {
    let running = json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}});
    let (code, sentence) = found(Case::pod(running).ready_node());
    assert_eq!(code, "unknown", "{sentence}");
    let mut gone = Case::alone();
    gone.unreachable = true;
    let verdict = explain(&gone.facts());
    assert_eq!((verdict.code, &verdict.answer), ("unknown", &Answer::Unknown));
    assert!(verdict.sentence.contains("the virtual cluster: nobody answers"), "{}", verdict.sentence);
}

#[test]
fn what_runs_and_what_is_done_is_well() {
    for status in [
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
        json!({"phase": "Succeeded"}),
    ] {
        let (code, sentence) =
            found(Case::pod(json!({"spec": {"nodeName": "n1"}, "status": status})).ready_node());
        assert_eq!(code, "well", "{sentence}");
    }
}

#[test]
fn every_cause_has_evidence_and_a_fix() {
    let cases = [
        Case::unscheduled("0/1 nodes are available: 1 Insufficient cpu.").ready_node(),
        Case::waits("ErrImagePull", "not found"),
        Case::alone(),
        Case::alone().told_inside("SyncError", "pods \"web\" is forbidden: no"),
    ];
    for case in cases {
        let verdict = explain(&case.facts());
        let cause = verdict.cause().expect(&verdict.sentence);
        assert!(!cause.evidence.is_empty() && !cause.fixes.is_empty(), "{cause:?}");
        assert!(verdict.sentence.contains(cause.fixes[0].what.as_str()), "the sentence ends with the fix");
    }
}

#[test]
fn docs_tell_of_every_cause() {
    let text = include_str!("../../../docs/explain.md");
    let missing: Vec<&str> = codes().filter(|code| !text.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/explain.md does not tell of {missing:?}");
}
