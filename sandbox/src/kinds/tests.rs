use super::*;

#[test]
fn every_line_of_the_table_is_a_kind() {
    assert_eq!(Kinds::builtin().iter().count(), catalog::resources().count());
}

#[test]
fn kinds_are_found_by_path_object_and_word() {
    let kinds = Kinds::builtin();
    let named = |kind: Option<&Arc<Kind>>| kind.map(|kind| kind.group_resource().to_string());
    let cases = [
        (kinds.by_path("", "v1", "pods"), Some("pods")),
        (kinds.by_path("apps", "v1", "statefulsets"), Some("statefulsets.apps")),
        (kinds.by_path("apps", "v1beta1", "statefulsets"), None),
        (kinds.by_object("events.k8s.io/v1", "Event"), Some("events.events.k8s.io")),
        (kinds.by_object("v1", "Event"), Some("events")),
        (
            kinds.by_resource("autoscaling", "horizontalpodautoscalers"),
            Some("horizontalpodautoscalers.autoscaling"),
        ),
        (kinds.by_word("sts"), Some("statefulsets.apps")),
        (kinds.by_word("Deployment"), Some("deployments.apps")),
        (kinds.by_word("events"), Some("events")),
        (kinds.by_word("events.events.k8s.io"), Some("events.events.k8s.io")),
        (kinds.by_word("po"), Some("pods")),
        (kinds.by_word("quota"), Some("resourcequotas")),
        (kinds.by_word("nonsense"), None),
    ];
    for (found, expected) in cases {
        assert_eq!(named(found).as_deref(), expected);
    }
    let preferred = kinds.by_resource("autoscaling", "horizontalpodautoscalers");
    assert_eq!(preferred.map(|kind| kind.version.as_str()), Some("v2"));
}

#[test]
fn subresources_say_what_they_speak() {
    let kinds = Kinds::builtin();
    let deployments = kinds.by_path("apps", "v1", "deployments").expect("built in");
    let scale = deployments.subresource("scale").expect("scale");
    assert_eq!((scale.group.as_deref(), scale.kind.as_str()), (Some("autoscaling"), "Scale"));
    assert!(deployments.subresource("log").is_none());
    assert!(deployments.allows("deletecollection"));
    assert!(!kinds.by_path("", "v1", "bindings").expect("built in").allows("list"));
}

#[test]
fn only_stable_versions_are_served() {
    for kind in Kinds::builtin().iter() {
        assert!(!kind.version.contains("alpha") && !kind.version.contains("beta"), "{kind}");
    }
}

#[test]
fn a_custom_kind_comes_and_goes() {
    let mut kinds = Kinds::builtin().clone();
    let mut widget = (**kinds.by_word("cm").expect("built in")).clone();
    widget.group = "example.org".into();
    widget.plural = "widgets".into();
    widget.kind = "Widget".into();
    kinds.insert(widget.clone());
    kinds.insert(widget);
    assert_eq!(kinds.by_object("example.org/v1", "Widget").map(|k| k.plural.as_str()), Some("widgets"));
    assert_eq!(kinds.iter().filter(|kind| kind.plural == "widgets").count(), 1);
    kinds.remove("example.org", "v1", "widgets");
    assert!(kinds.by_path("example.org", "v1", "widgets").is_none());
}
