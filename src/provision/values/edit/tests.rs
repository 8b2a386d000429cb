use proptest::prelude::*;

use super::*;

const TEXT: &str = "\
# ours
controlPlane:
  distro:
    k8s: {version: v1.35.1}   # as the others
  statefulSet:
    persistence:
      volumeClaim: {size: 1Gi, retentionPolicy: Delete}
  # what follows is the store
  backingStore:
policies:
  resourceQuota:
    quota:
      requests.cpu: 4

sync: {}
";

fn set(text: &str, path: &str, value: &str) -> String {
    let path: Vec<&str> = path.split('/').collect();
    Outline::read(text).unwrap().with(&path, Some(Value::Plain(value))).unwrap()
}

fn unset(text: &str, path: &str) -> String {
    let path: Vec<&str> = path.split('/').collect();
    Outline::read(text).unwrap().with(&path, None).unwrap()
}

#[test]
fn a_value_is_read_as_it_is_written() {
    let outline = Outline::read(TEXT).unwrap();
    for (path, value) in [
        (&["controlPlane", "distro", "k8s", "version"][..], Some("v1.35.1")),
        (&["policies", "resourceQuota", "quota", "requests.cpu"], Some("4")),
        (&["controlPlane", "backingStore"], None),
        (&["controlPlane", "distro"], None),
        (&["nothing"], None),
    ] {
        assert_eq!(outline.get(path), value, "{path:?}");
    }
}

#[test]
fn one_value_is_another_and_every_other_byte_stays() {
    let changed = set(TEXT, "controlPlane/distro/k8s/version", "v1.36.0");
    assert_eq!(changed, TEXT.replace("v1.35.1", "v1.36.0"));
}

#[test]
fn a_new_key_goes_where_its_mapping_is_in_the_way_that_it_is_written() {
    let changed = set(TEXT, "policies/resourceQuota/quota/requests.memory", "8Gi");
    assert!(changed.contains("      requests.cpu: 4\n      requests.memory: 8Gi\n\nsync: {}\n"), "{changed}");
    let changed = set(TEXT, "controlPlane/statefulSet/persistence/volumeClaim/storageClass", "fast");
    assert!(changed.contains("{size: 1Gi, retentionPolicy: Delete, storageClass: fast}"), "{changed}");
    let changed = set(TEXT, "controlPlane/backingStore/etcd/deploy/enabled", "true");
    assert!(
        changed.contains("  backingStore:\n    etcd:\n      deploy:\n        enabled: true\npolicies:"),
        "{changed}"
    );
    let changed = set(TEXT, "sync/toHost/ingresses/enabled", "true");
    assert!(changed.contains("sync: {toHost: {ingresses: {enabled: true}}}"), "{changed}");
    assert_eq!(set("", "a/b", "1"), "a:\n  b: 1\n");
    assert_eq!(set("# only words", "a", "1"), "# only words\na: 1\n");
    assert_eq!(set("a:\n  b: 1", "a/c", "2"), "a:\n  b: 1\n  c: 2");
}

#[test]
fn what_is_taken_out_takes_along_what_it_leaves_empty() {
    let without = unset(TEXT, "policies/resourceQuota/quota/requests.cpu");
    assert!(!without.contains("policies") && without.contains("sync: {}"), "{without}");
    let without = unset(TEXT, "controlPlane/statefulSet/persistence/volumeClaim/size");
    assert!(without.contains("volumeClaim: {retentionPolicy: Delete}"), "{without}");
    let without = unset(TEXT, "controlPlane/statefulSet/persistence/volumeClaim/retentionPolicy");
    assert!(without.contains("volumeClaim: {size: 1Gi}"), "{without}");
    assert_eq!(unset(TEXT, "controlPlane/nothing/here"), TEXT);
    let both = set("a: 1\n", "b/c", "2");
    assert_eq!(unset(&both, "b/c"), "a: 1\n");
}

#[test]
fn a_text_that_means_something_else_is_quoted() {
    for (text, expected) in [
        ("jane doe", "o: jane doe\n"),
        ("yes", "o: \"yes\"\n"),
        ("a: b", "o: \"a: b\"\n"),
        ("1", "o: \"1\"\n"),
    ] {
        let changed = Outline::read("").unwrap().with(&["o"], Some(Value::Text(text))).unwrap();
        assert_eq!(changed, expected);
    }
}

#[test]
fn what_only_a_person_can_change_is_left_alone() {
    for (text, path) in
        [("a: &x {b: 1}\nc: *x\n", &["c", "b"][..]), ("a: [1, 2]\n", &["a", "b"]), ("a: text\n", &["a", "b"])]
    {
        let changed = Outline::read(text).unwrap().with(path, Some(Value::Plain("2")));
        assert_eq!(changed, Err(EditError::NotHere), "{text}");
    }
    assert_eq!(Outline::read("a: [").unwrap_err(), EditError::NotYaml);
    assert_eq!(Outline::read("- a\n").unwrap_err(), EditError::NotYaml);
}

fn paths() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c.d", "e"]), 1..4)
}

proptest! {
    /// Whatever was set and taken out before: a change that is made is made, and nothing else is.
    #[test]
    fn a_change_changes_one_setting(changes in prop::collection::vec((paths(), prop::option::of("[a-z]{1,5}")), 1..12)) {
        let mut text = TEXT.to_owned();
        for (path, value) in changes {
            let outline = Outline::read(&text).unwrap();
            if let Ok(changed) = outline.with(&path, value.as_deref().map(Value::Text)) {
                let after = Outline::read(&changed).unwrap();
                prop_assert_eq!(after.get(&path), value.as_deref());
                prop_assert!(changed.contains("# ours"));
                text = changed;
            }
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[ a-c:{}\\[\\],#&*|>\\-\n\"']{0,60}") {
        if let Ok(outline) = Outline::read(&text) {
            let _ = outline.with(&["a", "b"], Some(Value::Plain("1")));
            let _ = outline.with(&["a"], None);
        }
    }
}
