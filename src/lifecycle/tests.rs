use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::pause::{self, PauseOptions};
use super::pods::PodRef;
use super::protect;
use super::restart;
use super::resume::{self, ResumeOptions};
use super::{Decision, Memory, Refusal};
use crate::known::Known;
use crate::target::{Claims, Kind, Manager, Part, Target, Term};
use crate::wire::App;

fn part(app: App, name: &str, replicas: u32) -> Part {
    Part {
        app,
        kind: Kind::StatefulSet,
        namespace: "team".into(),
        release: "shop".into(),
        name: name.into(),
        uid: name.into(),
        resource_version: "1".into(),
        replicas,
        running: replicas,
        ready: replicas,
        updated: replicas,
        observed: true,
        paused: false,
        paused_date: None,
        paused_replicas: None,
        restoring: false,
        asleep: false,
        protected: false,
        durable: true,
        term: Default::default(),
        certificates: None,
        heritage: "v9s".into(),
        claims: Claims::default(),
        labels: Default::default(),
    }
}

pub(super) fn paused(part: Part) -> Part {
    Part { paused: true, paused_replicas: Some(part.replicas), replicas: 0, running: 0, ready: 0, ..part }
}

pub(crate) fn plane(replicas: u32) -> Part {
    part(App::ControlPlane, "shop", replicas)
}

pub(super) fn etcd() -> Part {
    part(App::Etcd, "shop-etcd", 3)
}

pub(crate) fn target(parts: Vec<Part>, manager: Manager) -> Target {
    Target {
        host: "prod".into(),
        namespace: "team".into(),
        name: "shop".into(),
        parts,
        manager: Known::Yes(manager),
        sleep_type: Known::Yes(None),
    }
}

pub(crate) fn alone(parts: Vec<Part>) -> Target {
    target(parts, Manager::Nobody)
}

fn argo() -> Manager {
    Manager::Argo { application: "shops".into() }
}

fn helm() -> Manager {
    Manager::Helm { release: "shop".into() }
}

/// What a decision came to, in short.
fn told<P>(decision: Decision<P>, plan: impl FnOnce(P) -> String) -> String {
    match decision {
        Decision::Do(it) => plan(it),
        Decision::Nothing(why) => format!("nothing: {why}"),
        Decision::Refused(refusal) => format!("refused: {refusal}"),
    }
}

fn names<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    parts.into_iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join("+")
}

#[test]
fn pausing_does_what_is_left_to_do() {
    let asleep = Part { asleep: true, ..plane(0) };
    let restoring = Part { restoring: true, ..plane(0) };
    let unstopped = Part { running: 1, ..paused(plane(1)) };
    for (case, target, synced, expected) in [
        ("runs", alone(vec![plane(1)]), 4, "shop / / 4"),
        ("with etcd", alone(vec![plane(1), etcd()]), 0, "shop / shop-etcd / 0"),
        ("interrupted before its pods ended", alone(vec![unstopped, etcd()]), 4, "shop / shop-etcd / 4"),
        ("interrupted before etcd", alone(vec![paused(plane(1)), etcd()]), 4, " / shop-etcd / 4"),
        ("interrupted before the pods", alone(vec![paused(plane(1)), paused(etcd())]), 4, " /  / 4"),
        ("paused", alone(vec![paused(plane(1)), paused(etcd())]), 0, "nothing: team/shop is paused already"),
        ("scaled down by hand", alone(vec![plane(0)]), 0, "shop /  / 0"),
        ("helm, which leaves it alone", target(vec![plane(1)], helm()), 0, "shop /  / 0"),
        (
            "argo",
            target(vec![plane(1)], argo()),
            0,
            "refused: it is deployed by Argo CD (application shops): do it there, or say --anyway",
        ),
        (
            "asleep",
            alone(vec![asleep]),
            0,
            "refused: the platform put it to sleep: wake it there (`vcluster resume shop -n team`)",
        ),
        (
            "restoring",
            alone(vec![restoring]),
            0,
            "refused: it is being restored, or its certificates are rotated: wait until that has ended",
        ),
    ] {
        let decision = pause::plan(&target, found(synced), &PauseOptions::default());
        let said = told(decision, |plan| {
            format!("{} / {} / {}", names(&plan.control_plane), names(&plan.etcd), plan.synced)
        });
        assert_eq!(said.replace("/ /", "/  /"), expected.replace("/ /", "/  /"), "{case}");
    }
}

/// Pods from inside, of one whose store stays.
fn found(synced: usize) -> pause::Found {
    pause::Found { synced, memory: Memory::Kept }
}

fn pods_of(pods: Vec<(Part, Vec<PodRef>)>) -> restart::Found {
    restart::Found { pods, memory: Memory::Kept }
}

#[test]
fn what_loses_everything_is_done_only_on_demand() {
    let memory = || Memory::Lost(vec!["StatefulSet team/shop".into()]);
    let why = "it would lose every object in it: StatefulSet team/shop stores in its pods, without a volume; say --lose-data if \
               that is wanted";
    let options = |lose| PauseOptions { lose, ..PauseOptions::default() };
    let pauses = |part: Part, lose| {
        pause::plan(&alone(vec![part]), pause::Found { synced: 1, memory: memory() }, &options(lose))
    };
    assert!(matches!(pauses(plane(1), false), Decision::Refused(refusal) if refusal.to_string() == why));
    assert!(matches!(pauses(plane(1), true), Decision::Do(plan) if plan.loses.is_some()));
    assert!(
        matches!(pauses(paused(plane(1)), false), Decision::Do(plan) if plan.loses.is_none()),
        "what is stopped has lost it already"
    );
    let replaced = |lose| {
        let pods = vec![(plane(1), vec![pod("shop-0", None, false)])];
        restart::plan(&alone(vec![plane(1)]), restart::Found { pods, memory: memory() }, lose)
    };
    assert!(matches!(replaced(false), Decision::Refused(refusal) if refusal.to_string() == why));
    assert!(matches!(replaced(true), Decision::Do(plan) if plan.loses.is_some()));
}

#[test]
fn who_puts_things_back_is_told_what_to_change_there() {
    let decision = pause::plan(&target(vec![plane(2)], argo()), found(0), &PauseOptions::default());
    let Decision::Refused(refusal) = decision else { panic!("not refused") };
    let [hold, change] = refusal.instead() else { panic!("{refusal:?}") };
    assert_eq!(hold, "argocd app set shops --sync-policy none");
    assert!(
        change.starts_with("kubectl --context prod -n team patch statefulsets shop --type merge -p '{"),
        "{change}"
    );
    assert!(change.contains(r#""loft.sh/paused-replicas":"2""#), "{change}");
    let anyway = PauseOptions { anyway: true, ..PauseOptions::default() };
    assert!(matches!(pause::plan(&target(vec![plane(2)], argo()), found(0), &anyway), Decision::Do(_)));
}

#[test]
fn without_knowing_who_deploys_it_nothing_is_stopped() {
    let unknown = Target { manager: Known::unknown("forbidden: needs get secrets"), ..alone(vec![plane(1)]) };
    let decision = pause::plan(&unknown, found(0), &PauseOptions::default());
    assert!(matches!(decision, Decision::Refused(Refusal::ManagerUnknown(_))), "{decision:?}");
    assert!(matches!(protect::plan(&unknown, true, false), Decision::Do(_)), "a mark does no harm");
}

#[test]
fn resuming_gives_back_what_was_there() {
    let five = ResumeOptions { replicas: Some(5), ..ResumeOptions::default() };
    let usual = ResumeOptions::default();
    let no_count = Part { paused_replicas: None, ..paused(plane(1)) };
    let rescaled = Part { replicas: 2, ..paused(plane(1)) };
    for (case, target, options, expected) in [
        ("paused", alone(vec![paused(plane(3))]), usual, " | shop=3"),
        ("etcd first", alone(vec![paused(plane(1)), paused(etcd())]), usual, "shop-etcd=3 | shop=1"),
        ("interrupted after etcd", alone(vec![paused(plane(1)), etcd()]), usual, " | shop=1"),
        (
            "a number of one's own",
            alone(vec![paused(plane(1)), paused(etcd())]),
            five,
            "shop-etcd=3 | shop=5",
        ),
        ("runs", alone(vec![plane(1), etcd()]), usual, "nothing: team/shop is not paused"),
        ("scaled up behind the mark", alone(vec![rescaled]), usual, " | shop=2"),
        (
            "no number",
            alone(vec![no_count.clone()]),
            usual,
            "refused: it was scaled to nothing and does not say how many replicas it had: say how many it should have: --replicas N",
        ),
        ("no number, but one is given", alone(vec![no_count]), five, " | shop=5"),
        (
            "asleep",
            alone(vec![Part { asleep: true, ..plane(0) }]),
            five,
            "refused: the platform put it to sleep: wake it there (`vcluster resume shop -n team`)",
        ),
        ("runs, by argo", target(vec![plane(1)], argo()), usual, "nothing: team/shop is not paused"),
    ] {
        let list = |parts: &[(Part, u32)]| {
            parts.iter().map(|(part, n)| format!("{}={n}", part.name)).collect::<Vec<_>>().join("+")
        };
        let said = told(resume::plan(&target, &options), |plan| {
            format!("{} | {}", list(&plan.etcd), list(&plan.control_plane))
        });
        assert_eq!(said, expected, "{case}");
    }
}

fn pod(name: &str, unready: Option<&str>, going: bool) -> PodRef {
    PodRef {
        namespace: "team".into(),
        name: name.into(),
        uid: name.into(),
        going: going.then(|| SmolStr::new("2026-01-01T00:00:00Z")),
        finalizers: Vec::new(),
        unready: unready.map(SmolStr::new),
    }
}

#[test]
fn restarting_begins_with_what_is_broken_and_ends_with_the_first() {
    let pods = vec![
        pod("shop-0", None, false),
        pod("shop-1", Some("Pending"), false),
        pod("shop-2", None, false),
        pod("shop-3", None, true),
    ];
    let decision = restart::plan(&alone(vec![plane(3)]), pods_of(vec![(plane(3), pods)]), false);
    let Decision::Do(plan) = decision else { panic!("{decision:?}") };
    assert_eq!(plan.steps(), ["replace shop-1", "replace shop-2", "replace shop-0"]);
    assert!(!plan.gap);
    let single = restart::plan(
        &alone(vec![plane(1)]),
        pods_of(vec![(plane(1), vec![pod("shop-0", None, false)])]),
        false,
    );
    assert!(matches!(single, Decision::Do(plan) if plan.gap));
    let resting = restart::plan(&alone(vec![paused(plane(1))]), pods_of(vec![]), false);
    assert_eq!(
        told(resting, |_| String::new()),
        "refused: it does not run: `v9s resume shop -n team` starts it"
    );
}

#[test]
fn protection_is_put_on_and_taken_off_once() {
    let marked = || alone(vec![Part { protected: true, ..plane(1) }]);
    for (target, on, expected) in [
        (alone(vec![plane(1)]), true, "shop"),
        (marked(), true, "nothing: team/shop is protected already"),
        (marked(), false, "shop"),
        (alone(vec![plane(1)]), false, "nothing: team/shop is not protected"),
    ] {
        assert_eq!(told(protect::plan(&target, on, false), |part| part.name.to_string()), expected);
    }
    let refused = protect::plan(&target(vec![plane(1)], argo()), true, false);
    assert!(matches!(refused, Decision::Refused(Refusal::Managed { .. })), "{refused:?}");
}

#[test]
fn claims_of_nobody_are_nobodys() {
    assert_eq!(Claims::manager([&Claims::of(&BTreeMap::new(), &BTreeMap::new())]), Manager::Nobody);
}

#[test]
fn what_is_written_of_its_time_is_changed_and_nothing_else() {
    use super::term::{self, Ends, Wish};
    let noon: chrono::DateTime<chrono::Utc> = "2026-05-04T12:00:00Z".parse().unwrap();
    let ends = |expires: &str| Term { expires: Some(expires.into()), owner: Some("jane".into()) };
    let of = |term: Term| alone(vec![Part { term, ..plane(1) }]);
    for (case, now, wish, expected) in [
        (
            "a first time",
            Term::default(),
            Wish { ends: Some(Ends::At(noon)), owner: None },
            "2026-05-04T12:00:00Z -",
        ),
        (
            "another",
            ends("2026-01-01T00:00:00Z"),
            Wish { ends: Some(Ends::At(noon)), owner: None },
            "2026-05-04T12:00:00Z jane",
        ),
        ("for ever", ends("2026-01-01T00:00:00Z"), Wish { ends: Some(Ends::Never), owner: None }, "- jane"),
        (
            "nobody's",
            ends("2026-01-01T00:00:00Z"),
            Wish { ends: None, owner: Some("".into()) },
            "2026-01-01T00:00:00Z -",
        ),
        (
            "the same",
            ends("2026-05-04T12:00:00Z"),
            Wish { ends: Some(Ends::At(noon)), owner: None },
            "nothing: team/shop has that already",
        ),
    ] {
        let word = |text: &Option<SmolStr>| text.as_deref().unwrap_or("-").to_owned();
        let said = told(term::plan(&of(now), &wish, false), |plan| {
            format!("{} {}", word(&plan.then.expires), word(&plan.then.owner))
        });
        assert_eq!(said, expected, "{case}");
    }
    let managed =
        term::plan(&target(vec![plane(1)], argo()), &Wish { ends: Some(Ends::At(noon)), owner: None }, false);
    assert!(matches!(managed, Decision::Refused(Refusal::Managed { .. })), "{managed:?}");
}

#[test]
fn only_what_is_surely_over_is_over() {
    use super::reap::{self, Again};
    let now: chrono::DateTime<chrono::Utc> = "2026-05-04T12:00:00Z".parse().unwrap();
    let of = |name: &str, expires: Option<&str>| Part {
        release: name.into(),
        uid: name.into(),
        term: Term { expires: expires.map(SmolStr::new), owner: None },
        ..plane(1)
    };
    let planes = vec![
        of("eternal", None),
        of("late", Some("2026-05-04T11:59:59Z")),
        of("now", Some("2026-05-04T12:00:00Z")),
        of("early", Some("2026-05-04T12:00:01Z")),
        of("odd", Some("soon")),
        of("earliest", Some("2026-05-01T12:00:00+02:00")),
    ];
    let mortals = reap::sort(planes, now);
    let over: Vec<&str> = mortals.over.iter().map(|mortal| mortal.part.release.as_str()).collect();
    assert_eq!((over, mortals.left), (vec!["earliest", "late", "now"], 1));
    assert_eq!(mortals.unreadable[0].0, "team/odd");

    let seen = of("late", Some("2026-05-04T11:59:59Z"));
    let again = |part: Part| reap::judge(alone(vec![part]), &seen, now);
    assert!(matches!(again(seen.clone()), Again::Over(_)));
    for (case, part) in [
        ("it got more time", of("late", Some("2026-05-05T12:00:00Z"))),
        ("it was freed", of("late", None)),
        ("it cannot be read any more", of("late", Some("never"))),
        ("it is another", Part { uid: "new".into(), ..seen.clone() }),
    ] {
        assert!(matches!(again(part), Again::Spared(_)), "{case}");
    }
    assert!(matches!(reap::judge(alone(vec![]), &seen, now), Again::Spared(_)), "it is gone");
}
