use proptest::prelude::*;
use serde_json::{Value, json};

use super::given;
use super::key::{Place, place};
use super::meta::Meta;
use super::pick::Picked;
use super::plan::{Coming, rank};
use super::stored::{Stored, Unreadable, is_plain};
use crate::cluster::watch::protobuf::{MAGIC, Reader, put};
use crate::cluster::whole::Form;

const KEY: Place<'_> = Place { plural: "pods", group: None, namespace: Some("shop"), name: "web" };

/// An envelope with an object of these fields.
fn envelope(api_version: &str, kind: &str, fields: &[(u32, &[u8])]) -> Vec<u8> {
    let (mut of, mut object, mut value) = (Vec::new(), Vec::new(), MAGIC.to_vec());
    put(&mut of, 1, api_version.as_bytes());
    put(&mut of, 2, kind.as_bytes());
    fields.iter().for_each(|(number, bytes)| put(&mut object, *number, bytes));
    put(&mut value, 1, &of);
    put(&mut value, 2, &object);
    put(&mut value, 3, b"");
    put(&mut value, 4, b"");
    value
}

fn meta(name: &str, namespace: &str) -> Vec<u8> {
    let mut meta =
        Meta { name: name.into(), namespace: namespace.into(), uid: "old".into(), ..Meta::default() };
    meta.resource_version = "3".into();
    meta.labels.insert("app".into(), "web".to_owned());
    let mut message = meta.to_protobuf();
    put(&mut message, 17, b"managed by somebody");
    message
}

fn json_of(api_version: &str, kind: &str, name: &str, namespace: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}})
}

#[test]
fn protobuf_keeps_all_but_its_metadata_byte_for_byte() {
    let mut spec = Vec::new();
    put(&mut spec, 7, b"what nobody knows");
    let value = envelope("v1", "Pod", &[(1, &meta("web", "shop")), (2, &spec), (900, b"of a later version")]);
    let stored = Stored::read(&KEY, &value).unwrap();
    assert_eq!((stored.api_version.as_str(), stored.kind.as_str()), ("v1", "Pod"));
    let sent = Meta { uid: "".into(), resource_version: "".into(), ..stored.meta.clone() };
    let body = stored.body(&sent, &given::to("", "Pod", true).0, None).unwrap();
    assert_eq!(body.form, Form::Protobuf);
    let expected =
        envelope("v1", "Pod", &[(1, &sent.to_protobuf()), (2, &spec), (900, b"of a later version")]);
    assert_eq!(body.bytes, expected);
}

#[test]
fn json_loses_its_status_or_keeps_that_of_now() {
    let mut value = json_of("example.com/v1", "Widget", "web", "shop");
    value["spec"] = json!({"size": 3});
    value["status"] = json!({"phase": "then"});
    value["metadata"]["managedFields"] = json!([{}]);
    let stored = Stored::read(&KEY, value.to_string().as_bytes()).unwrap();
    for status in [None, Some(json!({"phase": "now"}))] {
        let body = stored.body(&stored.meta, &[], status.as_ref()).unwrap();
        let sent: Value = serde_json::from_slice(&body.bytes).unwrap();
        assert_eq!((body.form, sent.get("status")), (Form::Json, status.as_ref()));
        assert_eq!(sent["spec"], json!({"size": 3}));
        assert_eq!(sent["metadata"], json!({"name": "web", "namespace": "shop"}));
    }
}

#[test]
fn what_is_not_what_its_key_says_is_not_read() {
    let whole = meta("web", "shop");
    let pod = |fields: &[(u32, &[u8])]| envelope("v1", "Pod", fields);
    let object = |value: Value| value.to_string().into_bytes();
    for (what, value, why) in [
        ("encrypted", b"k8s:enc:aescbc:v1:k:x".to_vec(), Unreadable::Encrypted),
        ("nothing", Vec::new(), Unreadable::Malformed),
        ("no metadata", pod(&[(2, b"")]), Unreadable::Malformed),
        ("metadata twice", pod(&[(1, &whole), (1, &meta("root", "kube-system"))]), Unreadable::Malformed),
        ("cut off", pod(&[(1, &whole)])[..20].to_vec(), Unreadable::Malformed),
        ("another name", pod(&[(1, &meta("other", "shop"))]), Unreadable::Another),
        ("another namespace", pod(&[(1, &meta("web", "kube-system"))]), Unreadable::Another),
        ("no namespace", pod(&[(1, &meta("web", ""))]), Unreadable::Another),
        ("an odd kind", envelope("v1", "Pod/../x", &[(1, &whole)]), Unreadable::Malformed),
        ("an odd version", envelope("v1/../../x", "Pod", &[(1, &whole)]), Unreadable::Malformed),
        ("no kind", envelope("v1", "", &[(1, &whole)]), Unreadable::Malformed),
        ("a list", b"[1]".to_vec(), Unreadable::Malformed),
        ("another in JSON", object(json_of("v1", "Pod", "other", "shop")), Unreadable::Another),
        (
            "labels that are none",
            object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": 7}})),
            Unreadable::Malformed,
        ),
    ] {
        assert_eq!(Stored::read(&KEY, &value), Err(why), "{what}");
    }
    let odd = Place { name: "a?dryRun=All", ..KEY };
    let value = object(json_of("v1", "Pod", "a?dryRun=All", "shop"));
    assert_eq!(
        Stored::read(&odd, &value),
        Err(Unreadable::Malformed),
        "a name that would be another address"
    );
    let group = Place { group: Some("example.com"), ..KEY };
    let value = object(json_of("rbac.authorization.k8s.io/v1", "Role", "web", "shop"));
    assert_eq!(Stored::read(&group, &value), Err(Unreadable::Another), "a group that its key does not have");
}

#[test]
fn only_words_that_stay_what_they_are_in_an_address_are_names() {
    for (word, plain) in [
        ("web-0", true),
        ("system:node", true),
        ("widgets.example.com", true),
        ("", false),
        (".", false),
        ("..", false),
        ("a/b", false),
        ("a%2fb", false),
        ("a b", false),
        ("a#b", false),
        ("a\u{202e}b", false),
    ] {
        assert_eq!(is_plain(word), plain, "{word:?}");
    }
    assert!(!is_plain(&"a".repeat(254)));
}

fn picked(key: &str, value: &Value) -> Picked {
    let place = place(key.as_bytes()).unwrap();
    let stored = Stored::read(&place, value.to_string().as_bytes()).unwrap();
    Picked { plural: place.plural.into(), namespaced: place.namespace.is_some(), stored }
}

#[test]
fn what_others_need_comes_before_them() {
    let owned = {
        let mut value = json_of("apps/v1", "ReplicaSet", "rs", "shop");
        value["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u"}]);
        value
    };
    let in_order = [
        picked(
            "/registry/apiextensions.k8s.io/customresourcedefinitions/w",
            &json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "w"}}),
        ),
        picked(
            "/registry/namespaces/shop",
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        ),
        picked("/registry/configmaps/shop/c", &json_of("v1", "ConfigMap", "c", "shop")),
        picked("/registry/roles/shop/r", &json_of("rbac.authorization.k8s.io/v1", "Role", "r", "shop")),
        picked(
            "/registry/rolebindings/shop/r",
            &json_of("rbac.authorization.k8s.io/v1", "RoleBinding", "r", "shop"),
        ),
        picked("/registry/example.com/widgets/shop/w", &json_of("example.com/v1", "Widget", "w", "shop")),
        picked("/registry/deployments/shop/d", &json_of("apps/v1", "Deployment", "d", "shop")),
        picked("/registry/replicasets/shop/rs", &owned),
    ];
    let ranks: Vec<_> = in_order.iter().map(|it| rank(&it.stored)).collect();
    assert!(ranks.windows(2).all(|two| two[0] < two[1]), "{ranks:?}");
}

#[test]
fn a_definition_tells_what_will_be_served() {
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}]}});
    let coming = Coming::of(&[picked(
        "/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com",
        &definition,
    )]);
    let path = |version: &str| {
        let widget = picked("/registry/example.com/widgets/shop/w", &json_of(version, "Widget", "w", "shop"));
        coming.kind(&widget.stored).map(|resource| resource.path(Some("shop")))
    };
    assert_eq!(path("example.com/v1").as_deref(), Some("/apis/example.com/v1/namespaces/shop/widgets"));
    assert_eq!(path("example.com/v0"), None, "a version that is not served");
    assert!(!coming.namespace("shop"));
}

proptest! {
    /// Whatever is stored: it is refused, or it is sent as the object that its key names and no other.
    #[test]
    fn no_bytes_are_sent_as_another_object(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        meta_bytes in prop::collection::vec(any::<u8>(), 0..60),
        rest in prop::collection::vec((1_u32..20, prop::collection::vec(any::<u8>(), 0..40)), 0..4),
    ) {
        let good = meta("web", "shop");
        let patched: Vec<u8> = [good.as_slice(), &meta_bytes].concat();
        let mut fields: Vec<(u32, &[u8])> = vec![(1, &patched)];
        fields.extend(rest.iter().map(|(number, bytes)| (*number, bytes.as_slice())));
        for value in [bytes.clone(), [MAGIC, &bytes].concat(), envelope("v1", "Service", &fields)] {
            let Ok(stored) = Stored::read(&KEY, &value) else { continue };
            let Ok(body) = stored.body(&stored.meta, &given::to(stored.group(), &stored.kind, true).0, None) else { continue };
            let again = Stored::read(&KEY, &body.bytes).unwrap();
            prop_assert_eq!(&again.meta, &stored.meta);
            prop_assert_eq!((&again.api_version, &again.kind), (&stored.api_version, &stored.kind));
            if let Some(envelope) = body.bytes.strip_prefix(MAGIC) {
                let object = Reader::new(envelope).whole(2).unwrap().unwrap();
                let mut reader = Reader::new(object);
                let mut heads = 0;
                while let Some((number, _)) = reader.field().unwrap() {
                    heads += usize::from(number == 1);
                }
                prop_assert_eq!(heads, 1);
            }
        }
    }
}
