//! What is refused, and in which words.

use super::*;

/// A document and everything that is told about it.
fn table(cases: &[(&str, &[&str])]) {
    for (document, expected) in cases {
        assert_eq!(problems(document), *expected, "{document}");
    }
}

#[test]
fn an_unknown_key_is_told_with_what_may_have_been_meant() {
    table(&[
        (
            "sync:\n  toHost:\n    pods:\n      enabeld: true\n",
            &["line 4, column 7: sync.toHost.pods.enabeld: unknown key; did you mean \"enabled\"?"],
        ),
        ("podCIDR: 10.0.0.0/8\n", &["line 1, column 1: podCIDR: unknown key; there is networking.podCIDR"]),
        ("nonsense: 1\n", &["line 1, column 1: nonsense: unknown key"]),
    ]);
}
