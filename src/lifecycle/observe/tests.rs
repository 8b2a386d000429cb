use serde_json::{Value, json};

use super::*;
use crate::cluster::access::Asked;
use crate::cluster::{ObjectRef, Resource};
use crate::companion::Mode;
use crate::lifecycle::Decision;
use crate::lifecycle::tests::{alone, paused, plane};
use crate::provision::values::{self, Settings};
use crate::target::{Part, Placement, Target};

fn official() -> Target {
    alone(vec![Part { heritage: "Helm".into(), ..plane(1) }])
}

fn found() -> Found {
    Found {
        made: Vec::new(),
        other: None,
        kubeconfig: true,
        settings: Ok(Box::new(Settings::default())),
        place: Placement::default(),
        not_allowed: Vec::new(),
    }
}

fn with(config: &str) -> Found {
    Found { settings: Ok(Box::new(values::read(config).unwrap())), ..found() }
}

fn made() -> Vec<Made> {
    let object = ObjectRef::namespaced(Resource::ROLES, "team", "shop-observer");
    vec![Made { object, uid: "u1".into() }]
}

fn decided(target: &Target, found: &Found) -> Result<InstallPlan, String> {
    match plan(target, found, &Wanted::default()) {
        Decision::Do(plan) => Ok(plan),
        Decision::Nothing(why) => Err(format!("nothing: {why}")),
        Decision::Refused(refusal) => Err(format!("{refusal} {:?}", refusal.instead())),
    }
}

#[test]
fn it_is_made_beside_what_others_mirror_and_beside_nothing_else() {
    let asleep = Part { asleep: true, ..plane(0) };
    let helm = |part: Part| alone(vec![Part { heritage: "Helm".into(), ..part }]);
    let denied = Asked { verb: "create", resource: Resource::ROLES, namespace: Some("team".into()) };
    for (case, target, found, expected) in [
        ("its own", alone(vec![plane(1)]), found(), "there is nothing to install"),
        (
            "ours by hand",
            official(),
            Found { other: Some(Some(Mode::Sync)), ..found() },
            "v9s-syncer mirrors it",
        ),
        (
            "an observer by hand",
            official(),
            Found { other: Some(Some(Mode::Observe)), ..found() },
            "another observer",
        ),
        (
            "who knows",
            official(),
            Found { other: Some(None), ..found() },
            "kubectl --context prod -n team delete configmap vc-status-shop",
        ),
        ("paused", helm(paused(plane(1))), found(), "`v9s resume shop -n team` first"),
        ("asleep", helm(asleep), found(), "the platform put it to sleep"),
        (
            "no right",
            official(),
            Found { not_allowed: vec![denied], ..found() },
            "you may not create roles.rbac.authorization.k8s.io in team",
        ),
        (
            "no way in",
            official(),
            Found { kubeconfig: false, ..found() },
            "Secret team/vc-shop with its kubeconfig is not there",
        ),
        ("nothing runs it", alone(Vec::new()), found(), "nothing: team/shop has no control plane"),
    ] {
        let why = decided(&target, &found).unwrap_err();
        assert!(why.contains(expected), "{case}: {why}");
    }
}

#[test]
fn a_second_run_goes_on_with_what_the_first_has_left() {
    let first = decided(&official(), &found()).unwrap();
    let second = decided(&official(), &Found { made: made(), ..found() }).unwrap();
    assert_eq!((first.again, second.again), (false, true));
    assert!(first.objects().eq(second.objects()));
    let whole: Vec<Made> =
        first.objects().map(|object| Made { object: object.at.clone(), uid: "u".into() }).collect();
    assert!(is_whole(&whole) && !is_whole(&whole[1..]) && !is_whole(&made()));
    assert!(
        matches!(removal(&official(), made()), Decision::Do(plan) if plan.lines() == ["delete Role team/shop-observer"])
    );
    assert!(matches!(removal(&official(), Vec::new()), Decision::Nothing(_)));
}

#[test]
fn its_objects_are_found_again_and_go_with_the_control_plane() {
    let plan = decided(&official(), &found()).unwrap();
    for object in plan.objects() {
        let metadata = &object.body["metadata"];
        assert_eq!(metadata["labels"]["v9s.io/observer-of"], "shop", "{}", object.at);
        assert_eq!(
            metadata["ownerReferences"],
            json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop", "uid": "shop"}])
        );
        assert_eq!(object.body["data"], Value::Null, "of what it publishes nothing is said");
    }
    let pods = &plan.workload.body["spec"]["template"];
    assert_eq!(pods["metadata"]["labels"]["v9s.io/observer-of"], "shop");
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan.workload.body).unwrap());
}

#[test]
fn it_may_read_what_it_compares_and_write_what_it_publishes() {
    let rules = |found: &Found| decided(&official(), found).unwrap().rights[1].body["rules"].clone();
    let all = rules(&with("sync: {toHost: {ingresses: {enabled: true}}}"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&all).unwrap());
    let writing = |rules: &Value| {
        let writes = |rule: &&Value| {
            let verbs = rule["verbs"].as_array().into_iter().flatten();
            verbs.filter_map(Value::as_str).any(|verb| !["get", "list", "watch"].contains(&verb))
        };
        rules.as_array().into_iter().flatten().filter(writes).cloned().collect::<Vec<_>>()
    };
    let one = json!({"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["vc-status-shop"], "verbs": ["patch"]});
    assert_eq!(writing(&all), [one]);
}

#[test]
fn the_image_comes_from_where_the_others_do_unless_one_is_named() {
    let own = format!("v9s-syncer:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(decided(&official(), &found()).unwrap().image, own);
    let mirror = with("controlPlane: {advanced: {defaultImageRegistry: registry.example}}");
    assert_eq!(decided(&official(), &mirror).unwrap().image, format!("registry.example/{own}"));
    let wanted = Wanted { image: Some("mine:1".into()) };
    let Decision::Do(named) = plan(&official(), &mirror, &wanted) else { panic!("it can be made") };
    assert_eq!(named.workload.body["spec"]["template"]["spec"]["containers"][0]["image"], "mine:1");
}

#[test]
fn a_configuration_that_is_not_known_is_told_and_its_pods_go_where_the_others_go() {
    let place = Placement::of(&json!({"spec": {"template": {"spec": {
        "imagePullSecrets": [{"name": "mirror"}], "nodeSelector": {"pool": "planes"},
        "tolerations": [{"key": "pool", "operator": "Exists"}],
    }}}}));
    let found = Found { settings: Err("it has settings that v9s does not know".into()), place, ..found() };
    let plan = decided(&official(), &found).unwrap();
    assert!(plan.beware[0].contains("what is mirrored by default is observed"), "{:?}", plan.beware);
    let pods = &plan.workload.body["spec"]["template"]["spec"];
    assert_eq!(
        (&pods["nodeSelector"]["pool"], &pods["imagePullSecrets"][0]["name"]),
        (&json!("planes"), &json!("mirror"))
    );
}
