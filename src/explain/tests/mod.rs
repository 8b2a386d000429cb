//! Each cause from objects as real servers, schedulers and kubelets write them.

mod laws;
mod nodes;
mod objects;
mod refusals;
mod scheduling;
mod starting;
mod tenants;
mod volumes;

use objects::Case;

/// The code of what is found, and its sentence.
fn found(case: Case) -> (String, String) {
    let verdict = super::explain(&case.facts());
    (verdict.code.to_owned(), verdict.sentence)
}

/// Each of these is the cause, and its sentence says this.
fn holds(cases: Vec<(&str, Case, &str)>) {
    for (code, case, says) in cases {
        let (is, sentence) = found(case);
        assert_eq!(is, code, "{sentence}");
        assert!(sentence.contains(says), "{code}: {sentence}");
    }
}
