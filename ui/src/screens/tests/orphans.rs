//! Leftovers: found with their proof, looked at closely, planned, and collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use smol_str::SmolStr;
use v9s::cluster::access::Asked;
use v9s::cluster::{Failure, FailureKind, ObjectRef, Resource};
use v9s::gc::{
    Claim, Doubt, Evidence, Finding, Fix, Ghost, Holds, Marks, Owner, Place, Reason, Sight, Standing, Stuck,
    Survey, Tenant, Verdict, World,
};
use v9s::names::VirtualName;

use super::stage::{Stage, ascii, state};
use crate::app::jobs::{Ended, JobEvent, JobId, Outcome};
use crate::app::reads::{Looking, Read, Reply, Ticket};
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::fixture;
use crate::verbs::Errand;

const MIB: u64 = 1 << 20;

fn claim(resource: Resource, place: &Place, inside: &str) -> Claim {
    let origin = VirtualName::namespaced("shop", inside);
    let name = place.names().host_name(&origin).as_str().to_owned();
    let pod = resource == Resource::PODS;
    Claim {
        uid: format!("uid-{name}").into(),
        object: ObjectRef::namespaced(resource, place.namespace.clone(), name),
        resource_version: "7".into(),
        created: Some(fixture::now() - TimeDelta::hours(3)),
        going: None,
        grace: None,
        finalizers: Vec::new(),
        owners: vec![Owner { kind: "Service".into(), name: place.name.clone(), uid: "owner-1".into() }],
        marks: Marks {
            managed_by: Some(place.name.clone()),
            name: Some(inside.into()),
            namespace: Some("shop".into()),
            uid: Some("inside-1".into()),
            ..Marks::default()
        },
        holds: match pod {
            true => Holds { node: Some("node-1".into()), cpu_millis: 250, memory: 512 * MIB, storage: 0 },
            false => Holds::default(),
        },
    }
}

fn evidence(place: &Place, says: &str) -> Evidence {
    let answered = fixture::now() - TimeDelta::seconds(2);
    Evidence { place: Some(place.clone()), says: says.into(), answered: Some(answered) }
}

fn not_found(place: &Place, resource: Resource, inside: &str) -> Finding {
    let evidence = evidence(place, &format!("shop/{inside} is not found inside"));
    let verdict = Verdict::Orphan { reason: Reason::OriginGone, evidence };
    Finding { claim: claim(resource, place, inside), verdict }
}

/// What a host may have to tell: one of every kind.
pub(super) fn survey() -> Survey {
    let alpha = Place::new("team-alpha", "team-alpha");
    let gone = Place::new("vcluster-billing", "billing");
    let silent = Place::new("team-beta", "team-beta");
    let mut disk = claim(Resource::PERSISTENT_VOLUME_CLAIMS, &gone, "data");
    disk.holds.storage = 20 << 30;
    let of_gone = |claim| {
        let says = "no control plane, Service, configuration or Helm release of vcluster-billing/billing is on the host";
        let evidence = Evidence { place: Some(gone.clone()), says: says.into(), answered: None };
        Finding { claim, verdict: Verdict::Orphan { reason: Reason::VclusterGone, evidence } }
    };
    let findings = vec![
        not_found(&alpha, Resource::PODS, "web-7d9c5"),
        not_found(&alpha, Resource::CONFIG_MAPS, "settings"),
        of_gone(claim(Resource::PODS, &gone, "job-nightly")),
        of_gone(disk),
        Finding {
            claim: claim(Resource::PODS, &alpha, "api-0"),
            verdict: Verdict::Suspect {
                doubt: Doubt::Recreated,
                evidence: evidence(&alpha, "shop/api-0 inside is another: UID x, this was made for inside-1"),
            },
        },
    ];
    let tenant = |exists, orphans, suspects| {
        let mut tenant = Tenant::default();
        (tenant.exists, tenant.orphans, tenant.suspects) = (exists, orphans, suspects);
        tenant
    };
    let mut beta = tenant(true, 0, 0);
    beta.objects = BTreeMap::from([("Pod".into(), 12), ("Secret".into(), 3)]);
    beta.unknown = Some((15, "its API server does not tell: connection refused".into()));
    Survey {
        world: World {
            now: fixture::now(),
            sight: Sight::All,
            vclusters: BTreeMap::from([(alpha.clone(), Standing::Runs { store: Some("k".into()) })]),
            going: BTreeMap::new(),
            satellites: BTreeMap::new(),
        },
        tenants: BTreeMap::from([
            (alpha.clone(), tenant(true, 2, 1)),
            (gone, tenant(false, 2, 0)),
            (silent, beta),
        ]),
        findings,
        ghosts: vec![Ghost {
            place: alpha.clone(),
            kind: "Pod".into(),
            name: VirtualName::namespaced("shop", "lost-0"),
            created: Some(fixture::now() - TimeDelta::days(2)),
        }],
        stuck: vec![Stuck {
            object: ObjectRef::namespaced(Resource::CONFIG_MAPS, "team-alpha", "held-x-shop-x-team-alpha"),
            place: Some(alpha),
            since: fixture::now() - TimeDelta::minutes(40),
            because: vec!["example.com/hold: the controller that put it there has not taken it away".into()],
            fixes: vec![
                Fix {
                    what: "look whether the controller that put it there still runs".into(),
                    command: None,
                    risk: "",
                },
                Fix {
                    what: "when nothing of the above is left to try: take example.com/hold away by hand"
                        .into(),
                    command: Some(
                        "kubectl patch configmaps held-x-shop-x-team-alpha -n team-alpha --type=json -p '[]'"
                            .into(),
                    ),
                    risk: "what the finalizer was to clean up stays behind",
                },
            ],
        }],
        unseen: vec![("Lease".into(), Failure::new(FailureKind::Forbidden, "forbidden: needs list leases"))],
        looked: 400,
        forbidden: Vec::new(),
    }
}

fn looked(stage: &Stage) -> Option<Ticket> {
    stage.asked(|cmd| if let Cmd::Look { ticket, .. } = cmd { Some(*ticket) } else { None })
}

fn tell(stage: &mut Stage, looking: Looking) {
    let ticket = looked(stage).expect("nobody looked");
    stage.tell(Msg::Reply(ticket, Reply::Leftovers(looking)));
}

/// On the screen of all tenants, with everything told.
fn told(config: Config, survey: Survey) -> Stage {
    let mut stage = Stage::with_fleet(config, Default::default());
    stage.resize(120, 30);
    stage.keys("x");
    tell(&mut stage, Looking::Done(Arc::new(survey)));
    stage
}

/// What collecting comes to, as the plan says it.
fn plan(stage: &mut Stage) {
    let (ticket, errand) = stage
        .asked(|cmd| match cmd {
            Cmd::Read(ticket, Read::Plan(errand)) => Some((*ticket, errand.clone())),
            _ => None,
        })
        .expect("nothing is planned");
    let Errand::Collect(gathering) = errand else { panic!("{errand:?}") };
    let looked = crate::verbs::plan_of(&gathering);
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(looked))));
}

fn operated(stage: &Stage) -> Option<(JobId, String)> {
    stage.asked(
        |cmd| if let Cmd::Operate(job, verb) = cmd { Some((*job, verb.title().to_string())) } else { None },
    )
}

#[test]
fn what_is_left_shows_with_its_proof_and_what_can_be_acted_on_comes_first() {
    let mut stage = told(Config::default(), survey());
    insta::assert_snapshot!("orphans_200", stage.text_at(200, 50));
    insta::assert_snapshot!("orphans_80", stage.text_at(80, 24));
}

#[test]
fn in_ascii_everything_is_still_told() {
    let mut stage = Stage::with_fleet(Config::default(), ascii());
    stage.resize(120, 20);
    stage.keys("x");
    tell(&mut stage, Looking::Done(Arc::new(survey())));
    let text = stage.text();
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("suspect") && text.contains("not known"), "{text}");
}

#[test]
fn it_looks_when_it_is_seen_tells_how_far_it_is_and_stops_when_it_is_left() {
    let mut stage = Stage::new();
    assert!(looked(&stage).is_none(), "nobody looks before somebody wants to see it");
    stage.resize(120, 20);
    stage.keys("x");
    tell(&mut stage, Looking::Under("ask the virtual clusters: 3 of 40 have answered".into()));
    assert!(stage.text().contains("eu-west-1: ask the virtual clusters: 3 of 40"), "{}", stage.text());
    let ticket = looked(&stage).unwrap();
    stage.keys("esc");
    assert!(
        stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Forget(it) if *it == ticket)),
        "it goes on unseen"
    );
    stage.keys("x");
    assert_ne!(looked(&stage), Some(ticket), "it looks again");
    tell(&mut stage, Looking::Failed("the host cannot be reached".to_owned()));
    let text = stage.text();
    assert!(text.contains("not known of eu-west-1: the host cannot be reached"), "{text}");
    assert!(!text.contains("nothing is left"), "what is not known is not nothing: {text}");
}

#[test]
fn the_evidence_of_each_kind_of_row_can_be_read() {
    let mut stage = told(Config::default(), survey());
    for (row, said) in [
        (
            "name:web",
            vec![
                "by rule b (origin-gone)",
                "at 2026-09-21",
                "object-uid=inside-1",
                "UID owner-1",
                "250m CPU",
            ],
        ),
        ("kind:claim", vec!["by rule a", "nobody inside", "only when it is marked itself", "20 GiB storage"]),
        (
            "is:suspect",
            vec!["suspect, and not proven (recreated)", "so far", "not possible: only what is proven"],
        ),
        ("is:stuck", vec!["going, and does not go", "kubectl --context eu-west-1 patch", "RISK"]),
        ("is:unknown", vec!["15 of its objects", "connection refused", "12 Pod", "3 Secret"]),
        ("is:unseen", vec!["Lease", "cannot be listed"]),
        ("is:inside", vec!["shop/lost-0", "nothing on the host came from it"]),
    ] {
        stage.keys("/").typing(row).keys("enter enter");
        let text = stage.text();
        for words in said {
            assert!(text.contains(words), "{row}: {words:?} is not in\n{text}");
        }
        stage.keys("esc esc");
    }
    stage.keys("/").typing("name:web").keys("enter enter");
    insta::assert_snapshot!("orphan_evidence", stage.text_at(80, 24));
}

#[test]
fn only_what_is_proven_is_ever_collected() {
    for row in ["is:suspect", "is:stuck", "is:unknown", "is:unseen", "is:inside"] {
        let mut stage = told(Config::default(), survey());
        stage.keys("/").typing(row).keys("enter x");
        assert!(!stage.says().is_empty(), "{row} is told why not");
        assert!(
            stage.asked(|cmd| matches!(cmd, Cmd::Read(_, Read::Plan(_))).then_some(())).is_none(),
            "{row}"
        );
    }
}

#[test]
fn everything_proven_is_marked_at_once_but_what_holds_data_only_by_hand() {
    let mut stage = told(Config::default(), survey());
    stage.keys("a");
    assert!(stage.text().contains("3 marked"), "{}", stage.text());
    stage.keys("x");
    plan(&mut stage);
    insta::assert_snapshot!("orphans_plan", stage.text_at(80, 24));
    assert!(!stage.text().contains("DATA"));
    stage.keys("enter");
    assert_eq!(operated(&stage), None, "enter is no yes");

    // With the claim: its number has to be typed.
    stage.keys("/").typing("kind:claim").keys("enter space esc x");
    plan(&mut stage);
    let text = stage.text_at(120, 36);
    assert!(text.contains("DATA") && text.contains("type 4 to go on"), "{text}");
    stage.keys("y enter");
    assert_eq!(operated(&stage), None);
    stage.keys("backspace").typing("4").keys("enter");
    assert_eq!(operated(&stage).unwrap().1, "collect 4 leftovers on eu-west-1");
}

#[test]
fn a_mass_is_told_first_and_confirmed_by_its_number() {
    let mut many = survey();
    let alpha = Place::new("team-alpha", "team-alpha");
    many.findings.extend((0..30).map(|n| not_found(&alpha, Resource::SECRETS, &format!("s{n}"))));
    if let Some(tenant) = many.tenants.get_mut(&alpha) {
        tenant.objects.insert("Secret".into(), 40);
    }
    let mut stage = told(Config::default(), many);
    stage.keys("a x");
    plan(&mut stage);
    insta::assert_snapshot!("orphans_plan_of_many", stage.text_at(200, 50));
}

#[test]
fn when_the_job_is_done_it_is_looked_again_and_nothing_is_left() {
    let mut stage = told(Config::default(), survey());
    stage.keys("a x");
    plan(&mut stage);
    stage.keys("y");
    let (job, title) = operated(&stage).unwrap();
    assert_eq!(title, "collect 3 leftovers on eu-west-1");
    let steps = [
        v9s::operation::StepState::Running { since: std::time::Instant::now(), cause: Some("2 of 3".into()) },
        v9s::operation::StepState::Waiting,
    ];
    stage.tell(Msg::Job(job, state(&["look again and delete", "see that they are gone"], steps)));
    assert!(stage.text().contains("2 of 3"), "{}", stage.text());
    let before = looked(&stage);
    let outcome = Outcome::new(Ended::Partly, "2 deleted, 1 spared at the second look")
        .with("spared", vec!["Pod team-alpha/x: its origin is there".to_owned()]);
    stage.tell(Msg::Job(job, JobEvent::Ended(outcome)));
    assert!(stage.text().contains("its origin is there"), "what was spared is told: {}", stage.text());
    stage.wait(1);
    assert_ne!(looked(&stage), before, "it is looked again");
    let clean = Survey {
        findings: Vec::new(),
        stuck: Vec::new(),
        ghosts: Vec::new(),
        unseen: Vec::new(),
        tenants: BTreeMap::new(),
        ..survey()
    };
    tell(&mut stage, Looking::Done(Arc::new(clean)));
    stage.keys("esc");
    let text = stage.text();
    assert!(text.contains("nothing proven") && text.contains("nothing is left behind"), "{text}");
}

#[test]
fn without_the_right_it_is_greyed_with_the_right_and_in_read_only_mode_it_is_not_there() {
    let mut barred = survey();
    barred.forbidden =
        vec![Asked { verb: "delete", resource: Resource::PODS, namespace: Some("team-alpha".into()) }];
    let mut stage = told(Config::default(), barred);
    stage.keys("/").typing("name:web").keys("enter x");
    assert!(stage.says().contains("forbidden: needs delete pods in team-alpha"), "{}", stage.says());
    stage.keys("esc a");
    assert!(stage.text().contains("2 marked"), "what is forbidden is not marked: {}", stage.text());

    let mut stage = told(Config { read_only: true, ..Config::default() }, survey());
    assert!(!stage.text().contains("x collect"), "{}", stage.text());
    stage.keys("x");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
}

#[test]
fn a_tenant_has_its_own_in_a_tab_with_their_number() {
    let mut stage = Stage::new();
    stage.resize(120, 24);
    stage.keys("enter");
    assert!(looked(&stage).is_none(), "nothing is looked for before the tab is seen");
    assert!(stage.text().contains("orphans 2"), "what its companion tells: {}", stage.text());
    stage.keys("x");
    let scope = stage.asked(|cmd| if let Cmd::Look { scope, .. } = cmd { Some(scope.clone()) } else { None });
    assert_eq!(scope.and_then(|scope| scope.name), Some(SmolStr::new("team-alpha")));
    tell(&mut stage, Looking::Done(Arc::new(survey())));
    let text = stage.text();
    assert!(text.contains("web-7d9c5") && !text.contains("billing"), "only its own: {text}");
    insta::assert_snapshot!("orphans_tab", stage.text_at(120, 24));
    stage.keys("a x");
    plan(&mut stage);
    assert!(stage.text().contains("v9s gc team-alpha -n team-alpha"), "{}", stage.text());
}
