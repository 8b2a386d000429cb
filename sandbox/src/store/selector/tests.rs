use super::*;
use crate::store::testing;
use serde_json::json;

fn matches(labels: &str, object: &[(&str, &str)]) -> bool {
    let kind = testing::kind("pods");
    let labels_of: serde_json::Map<_, _> = object.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    let object = testing::object(&kind, &json!({"metadata": {"name": "a", "labels": labels_of}}));
    Selector::parse(&kind, labels, "").unwrap().matches(&object)
}

#[test]
fn label_operators() {
    let object = &[("app", "web"), ("tier", ""), ("n", "7")];
    for yes in [
        "",
        "app",
        "app=web",
        "app==web",
        "app!=db",
        "app in (web,db)",
        "app in ( db , web )",
        "!gone",
        "gone!=x",
        "gone notin (x)",
        "tier=",
        "tier in (,x)",
        "tier in ()",
        "n>6",
        "n<8",
        "app,tier,!x",
        "app notin (db)",
        " app = web , n > 1 ",
    ] {
        assert!(matches(yes, object), "{yes}");
    }
    for no in ["!app", "app!=web", "app=db", "gone", "gone=", "gone in (x)", "n>7", "app in (x)", "app>1"] {
        assert!(!matches(no, object), "{no}");
    }
}

#[test]
fn broken_label_selectors_are_refused() {
    for bad in ["=a", "a in", "a in (", "a in (b", "a,", ",a", "a b", "a=b=c", "(a)", "a=b c", "a>x", "-a=b"]
    {
        assert!(Selector::labels(bad).is_err(), "{bad}");
    }
}

#[test]
fn fields_are_those_of_the_kind() {
    let kind = testing::kind("pods");
    let object = testing::object(
        &kind,
        &json!({"metadata": {"name": "a", "namespace": "n"}, "spec": {"nodeName": "x,y"},
                "status": {"phase": "Running"}}),
    );
    let ask = |text: &str| {
        let selector = Selector::parse(&kind, "", text)?;
        selector.check_fields().map(|()| selector.matches(&object))
    };
    assert_eq!(ask("metadata.name=a,status.phase=Running"), Ok(true));
    assert_eq!(ask("metadata.name!=a"), Ok(false));
    assert_eq!(ask("spec.nodeName==x\\,y"), Ok(true));
    assert_eq!(ask("spec.nodeName!=x\\,y"), Ok(false));
    assert_eq!(ask("metadata.namespace=n,"), Ok(true));
    let refused = ask("spec.secret=1").unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (400, "field label not supported: spec.secret"));
    assert_eq!(ask("metadata.name").unwrap_err().code, 400);
    let other =
        Selector::parse(&testing::kind("configmaps"), "", "data.x=1").unwrap().check_fields().unwrap_err();
    assert!(other.message.starts_with("\"data.x\" is not a known field selector: only "), "{other}");
}
