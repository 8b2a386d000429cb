use serde_json::json;

use super::jobs::{Role, Run};
use super::*;
use crate::cluster::Resource;
use crate::health::isolation::Way;
use crate::known::Known;
use crate::lifecycle::tests::{alone, plane};
use crate::target::{Part, Placement, Target};

fn tenant(namespace: &str, name: &str, heritage: &str) -> Target {
    let part = Part { heritage: heritage.into(), namespace: namespace.into(), name: name.into(), ..plane(1) };
    Target { namespace: namespace.into(), name: name.into(), ..alone(vec![part]) }
}

fn side(target: Target) -> Side {
    let companion = target.is_ours().then(|| ("v9s-syncer:9".to_owned(), json!("Never")));
    Side { target, companion, placement: Placement::default(), ingress: Known::Yes(Way::Unconfined) }
}

fn found() -> Found {
    Found {
        from: side(tenant("team-a", "a", "Helm")),
        to: side(tenant("team-b", "b", "v9s")),
        not_allowed: Vec::new(),
    }
}

fn run() -> Run {
    Run { id: "0123456789".into(), word: "sesame".into() }
}

fn call(heard: Result<Heard, &str>) -> Call {
    Call { heard: heard.map_err(Into::into), node: None }
}

#[test]
fn it_is_isolated_only_while_another_call_gets_through() {
    let refused = || Heard::Refused { why: "no route to host".into() };
    for (case, made, control, expected) in [
        ("through", Ok(Heard::Word), Ok(Heard::Word), "open: the call got through"),
        ("through, and not from beside", Ok(Heard::Word), Ok(Heard::Silence), "open: the call got through"),
        ("through, and nobody beside", Ok(Heard::Word), Err("quota"), "open: the call got through"),
        (
            "silence",
            Ok(Heard::Silence),
            Ok(Heard::Word),
            "isolated: nobody answered, while a call from the same namespace got through",
        ),
        (
            "refused",
            Ok(refused()),
            Ok(Heard::Word),
            "isolated: it was refused (no route to host), while a call from the same namespace got through",
        ),
        (
            "nothing works",
            Ok(Heard::Silence),
            Ok(Heard::Silence),
            "not known: nobody answered, and of a call from the same namespace nobody answered: either nothing may pass there at all, or the network does not work",
        ),
        (
            "nobody beside",
            Ok(Heard::Silence),
            Err("quota"),
            "not known: nobody answered, and from the same namespace no call was made: quota",
        ),
        ("no caller", Err("no room"), Ok(Heard::Word), "not known: no call was made: no room"),
        (
            "a mesh",
            Ok(Heard::Stranger),
            Ok(Heard::Word),
            "not known: somebody in between took the call, such as a proxy of a service mesh, and passed nothing on",
        ),
        (
            "a mesh beside",
            Ok(Heard::Silence),
            Ok(Heard::Stranger),
            "not known: nobody answered, and of a call from the same namespace somebody else took the call: either nothing may pass there at all, or the network does not work",
        ),
    ] {
        assert_eq!(verdict(&call(made), &call(control)).to_string(), expected, "{case}");
    }
}

#[test]
fn policies_explain_a_verdict_and_never_make_one() {
    let isolated = || Verdict::Isolated { how: "x".into() };
    for (verdict, way, expected) in [
        (Verdict::Open, Some(Way::Nothing), Some("does not enforce NetworkPolicies")),
        (Verdict::Open, Some(Way::Listed), Some("either this is on the list")),
        (Verdict::Open, Some(Way::Unconfined), Some("no policy keeps anything out")),
        (Verdict::Open, None, None),
        (isolated(), Some(Way::Listed), None),
        (isolated(), Some(Way::Everything), Some("something else does")),
        (Verdict::Unknown { why: "x".into() }, Some(Way::Nothing), None),
    ] {
        let said = verdict.beside(way);
        let fits = match (said, expected) {
            (Some(said), Some(expected)) => said.contains(expected),
            (said, expected) => said.is_none() && expected.is_none(),
        };
        assert!(fits, "{verdict} {way:?}: {said:?}");
    }
}

#[test]
fn each_job_ends_and_goes_by_itself_and_its_pod_is_nobodys() {
    let (found, wanted) = (found(), Wanted::default());
    let body = run().body(&found.to, Role::Listener, &wanted, None, &[]);
    let spec = &body["spec"];
    assert_eq!(spec["activeDeadlineSeconds"], 190, "as long as can be waited for");
    assert_eq!((&spec["ttlSecondsAfterFinished"], &spec["backoffLimit"]), (&json!(60), &json!(0)));
    assert_eq!(body["metadata"]["ownerReferences"][0]["name"], "b");
    let labels = &spec["template"]["metadata"]["labels"];
    assert_eq!(
        (&labels["vcluster.loft.sh/managed-by"], &labels["vcluster.loft.sh/controlled-by"]),
        (&json!("b"), &json!("v9s-probe"))
    );
    assert_eq!(spec["template"]["metadata"]["annotations"]["vcluster.loft.sh/skip-backsync"], "true");
    insta::assert_snapshot!(serde_json::to_string_pretty(&spec["template"]["spec"]).unwrap());
}

#[test]
fn a_caller_knows_whom_to_call_and_the_other_goes_to_its_node() {
    let (found, wanted) = (found(), Wanted { port: 9000, ..Wanted::default() });
    let address = Some([10, 0, 0, 7].into());
    let near: [SmolStr; 1] = ["team-a".into()];
    let body = run().body(&found.from, Role::Caller, &wanted, address, &[]);
    let pod = &body["spec"]["template"]["spec"];
    let expected = [
        "probe",
        "call",
        "--to=10.0.0.7",
        "--port=9000",
        "--word=sesame",
        "--seconds=5",
        "--tell=/dev/termination-log",
    ];
    assert_eq!(pod["containers"][0]["args"], json!(expected));
    assert_eq!(
        pod["containers"][0]["image"],
        format!("v9s-syncer:{}", env!("CARGO_PKG_VERSION")),
        "somebody else's syncer is no image for it"
    );
    assert_eq!(pod["affinity"], serde_json::Value::Null);
    let control = run().body(&found.to, Role::Control, &wanted, address, &near.each_ref());
    let pod = &control["spec"]["template"]["spec"];
    let term = &pod["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"];
    assert_eq!(
        (&term["namespaces"], &term["labelSelector"]["matchLabels"]["v9s.io/probe-role"]),
        (&json!(["team-a"]), &json!("caller"))
    );
    assert_eq!(
        (&pod["containers"][0]["image"], &pod["containers"][0]["imagePullPolicy"]),
        (&json!("v9s-syncer:9"), &json!("Never"))
    );
}

#[test]
fn it_is_tried_between_two_namespaces_of_one_host_by_those_who_may() {
    let refused = |found: Found| plan(found, Wanted::default()).unwrap_err().to_string();
    let mut elsewhere = found();
    elsewhere.to.target.host = "us".into();
    assert!(refused(elsewhere).contains("pods of different hosts are not in one network"));
    let mut same = found();
    same.to.target.namespace = "team-a".into();
    assert!(refused(same).contains("are in one namespace"));
    let denied = Asked { verb: "create", resource: Resource::JOBS, namespace: Some("team-b".into()) };
    let why = refused(Found { not_allowed: vec![denied], ..found() });
    assert_eq!(why, "you may not create jobs.batch in team-b");
    let planned = plan(found(), Wanted::default()).unwrap();
    assert_eq!(planned.lines()[0], "a listener on port 8080 in team-b, by v9s-syncer:9");
}
