//! The text itself: YAML as Helm reads it, JSON, and what is neither.

use super::*;

#[test]
fn what_is_no_document_is_told_with_its_place() {
    let cases = [
        ("- a\n", "line 1, column 1: expected a mapping of settings, found a list"),
        ("text\n", "line 1, column 1: expected a mapping of settings, found text"),
        (
            "sync: {}\n---\nsync: {}\n",
            "line 2, column 1: a second document begins here; one file is one virtual cluster",
        ),
        ("sync: *nobody\n", "line 1, column 7: not YAML"),
        ("sync:\n  toHost: [1, 2\n", "line 2, column 11: not YAML"),
        ("? {a: b}\n: 1\n", "line 1, column 3: a key must be text"),
        ("sync: !!binary aGk=\n", "line 1, column 16: sync: the tag does not fit this value; leave it out"),
        ("<<: 1\n", "line 1, column 1: [\"<<\"]: only mappings can be merged"),
    ];
    for (document, expected) in cases {
        let told = problems(document);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{document}: {told:?}");
    }
}

#[test]
fn syntax_errors_are_told_without_what_stands_there() {
    for document in [
        "a: \"hunter2\n",
        "a: 'hunter2",
        "a: hunter2: b\n",
        "a: @hunter2\n",
        "a: [hunter2, }\n",
        "a: |hunter2\n",
        "a: \"\\hunter2\"\n",
    ] {
        let told = problems(document);
        assert!(!told.is_empty() && told.iter().all(|line| !line.contains("hunter2")), "{told:?}");
    }
}

#[test]
fn keys_that_are_given_twice_are_all_told_and_the_first_counts() {
    let document = "logging:\n  encoding: json\n  encoding: yaml\nlogging: {}\n\"logging\": {}\n";
    assert_eq!(
        problems(document),
        [
            "line 3, column 3: logging.encoding: given twice; first on line 2, column 3",
            "line 4, column 1: logging: given twice; first on line 1, column 1",
            "line 5, column 1: logging: given twice; first on line 1, column 1",
        ]
    );
}

#[test]
fn aliases_and_merges_mean_what_they_stand_for() {
    let document = "
controlPlane:
  serviceMonitor: &meta
    labels: {a: b}
    annotations: {c: d}
  service:
    <<: *meta
    annotations: {e: f}
  ingress: {labels: {g: h}, <<: [*meta]}
  statefulSet: {pods: *meta}
";
    let plane = settings(document).control_plane;
    let service = plane.exposure.service.unwrap().metadata;
    assert_eq!((service.labels["a"].as_str(), service.annotations["e"].as_str()), ("b", "f"));
    assert!(!service.annotations.contains_key("c"));
    assert_eq!(plane.workload.pods.annotations["c"], "d");
}

#[test]
fn a_mistake_in_an_anchor_is_told_where_it_stands() {
    let document =
        "controlPlane:\n  serviceMonitor: &meta\n    lables: {}\n  statefulSet:\n    pods: *meta\n";
    assert_eq!(
        problems(document),
        [
            "line 3, column 5: controlPlane.serviceMonitor.lables: unknown key; did you mean \"labels\"?",
            "line 3, column 5: controlPlane.statefulSet.pods.lables: unknown key; did you mean \"labels\"?",
        ]
    );
}

#[test]
fn documents_that_grow_without_end_are_refused() {
    let mut laughs = "global:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        laughs += &format!("  a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", "));
    }
    assert_eq!(problems(&laughs).len(), 1);
    assert!(problems(&laughs)[0].contains("too large: more than 500000 values"), "{:?}", problems(&laughs));

    let deep = format!("global: {}{}", "[".repeat(150), "]".repeat(150));
    assert!(
        problems(&deep)[0].contains("too deep: more than 100 values inside each other"),
        "{:?}",
        problems(&deep)
    );

    let mut chain = "global:\n  a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        chain += &format!("  a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(problems(&chain)[0].contains("too deep"), "{:?}", problems(&chain));
}

#[test]
fn json_and_windows_line_ends_are_read() {
    let json = settings(
        "{\n\t\"logging\": {\"encoding\": \"json\"},\n\t\"networking\": {\"podCIDR\": \"10.1.0.0\\/16\"}\n}",
    );
    let yaml =
        settings("logging:\r\n  encoding: json\r\nnetworking:\r\n  podCIDR: \"10.1.0.0/16\" # mine\r\n");
    assert_eq!(json, yaml);
    assert_eq!(
        settings("\u{feff}logging: {encoding: json}\n").logging,
        settings("logging: {encoding: json}").logging
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        problems("sync: {toHost: {\"ä€𝄞\": 1, podss: 2}}\n"),
        [
            "line 1, column 17: sync.toHost[\"ä€𝄞\"]: unknown key",
            "line 1, column 27: sync.toHost.podss: unknown key; did you mean \"pods\"?",
        ]
    );
}
