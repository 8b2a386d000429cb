use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::json;
use smol_str::SmolStr;

use super::through::with_limits;
use super::write::{STEPS, carry_out, differs};
use super::{Found, Owner, Quota, QuotaPlan, Wish, plan};
use crate::cluster::Cluster;
use crate::cluster::script::{Reply, Server, error};
use crate::health::quota::{Blocked, Lack};
use crate::known::Known;
use crate::lifecycle::tests::{plane, target};
use crate::lifecycle::{Decision, LifeError};
use crate::operation::Operation;
use crate::target::{Claims, Manager, Target};

fn amounts(all: &[(&str, &str)]) -> BTreeMap<SmolStr, SmolStr> {
    all.iter().map(|(key, amount)| ((*key).into(), (*amount).into())).collect()
}

/// The quota that a virtual cluster gets from its configuration.
fn its() -> Quota {
    Quota {
        name: "vc-shop".into(),
        namespace: "team".into(),
        uid: "u1".into(),
        resource_version: "7".into(),
        release: Some("shop".into()),
        claims: Claims::default(),
        scoped: false,
        hard: amounts(&[("requests.cpu", "10"), ("pods", "20")]),
        used: amounts(&[("requests.cpu", "9500m"), ("pods", "20")]),
    }
}

/// One that somebody made by hand.
fn other() -> Quota {
    let hard = amounts(&[("services", "5"), ("pods", "100")]);
    Quota { name: "extra".into(), uid: "u2".into(), release: None, hard, used: BTreeMap::new(), ..its() }
}

fn found(quotas: Vec<Quota>) -> Found {
    Found { quotas, demand: Known::unknown("not asked"), blocked: Known::Yes(Vec::new()) }
}

fn wish(set: &[(&str, &str)]) -> Wish {
    let set =
        set.iter().map(|(key, amount)| ((*key).into(), (!amount.is_empty()).then(|| SmolStr::from(*amount))));
    Wish { quota: None, set: set.collect() }
}

fn ours() -> Target {
    target(vec![plane(1)], Manager::Nobody)
}

/// Made by the chart, and by this.
fn charts(manager: Manager) -> Target {
    let mut plane = plane(1);
    plane.heritage = "Helm".into();
    target(vec![plane], manager)
}

fn done(decision: Decision<QuotaPlan>) -> QuotaPlan {
    match decision {
        Decision::Do(plan) => plan,
        other => panic!("{other:?}"),
    }
}

fn why(decision: Decision<QuotaPlan>) -> String {
    match decision {
        Decision::Refused(refusal) => refusal.to_string(),
        Decision::Nothing(why) => format!("nothing: {why}"),
        Decision::Do(plan) => panic!("{plan:?}"),
    }
}

#[test]
fn the_quota_that_is_meant_is_found_by_its_keys() {
    let two = || found(vec![other(), its()]);
    let named = |name: &str, set: &[(&str, &str)]| Wish { quota: Some(name.into()), ..wish(set) };
    for (wish, expected) in [
        (wish(&[("requests.cpu", "20")]), "vc-shop"),
        (wish(&[("services", "6")]), "extra"),
        (named("extra", &[("pods", "200")]), "extra"),
        (named("extra", &[("secrets", "1")]), "extra"),
    ] {
        assert_eq!(done(plan(&ours(), &two(), &wish, false)).object.name, expected, "{wish:?}");
    }
    for (found, wish, expected) in [
        (
            two(),
            wish(&[("pods", "30")]),
            "several of its quotas limit that: say which one with --quota: extra, vc-shop",
        ),
        (
            two(),
            wish(&[("secrets", "30")]),
            "none of its quotas limits that: say which one is to, with --quota: extra, vc-shop",
        ),
        (two(), named("none", &[("pods", "30")]), "there is no ResourceQuota none; there are extra, vc-shop"),
        (found(vec![]), wish(&[("pods", "30")]), "its namespace has no ResourceQuota"),
        (two(), wish(&[("requests.cpu", "lots")]), "requests.cpu: \"lots\" is no amount"),
        (found(vec![its()]), wish(&[("a b", "1")]), "\"a b\" is no key of a quota"),
        (two(), wish(&[("services", "5")]), "nothing: ResourceQuota team/extra is so already"),
    ] {
        let why = why(plan(&ours(), &found, &wish, false));
        assert!(why.starts_with(expected), "{why}");
    }
    assert_eq!(
        done(plan(&ours(), &found(vec![its()]), &wish(&[("secrets", "9")]), false)).changes[0].before,
        None
    );
}

#[test]
fn who_would_write_over_it_is_told_and_who_puts_it_back_is_left_alone() {
    let helm = || Manager::Helm { release: "shop".into() };
    let argo = || Manager::Argo { application: "shops".into() };
    let raise = wish(&[("requests.cpu", "20")]);
    let notes = |target: Target, quota: Quota| {
        done(plan(&target, &found(vec![quota]), &raise, false)).notes.join("\n")
    };
    let own = done(plan(&ours(), &found(vec![its()]), &raise, false));
    assert_eq!(own.owner, Owner::Config);
    assert!(own.notes[0].starts_with("vcluster.yaml is changed, too"), "{:?}", own.notes);
    let told = notes(charts(helm()), its());
    assert!(told.contains("Helm (release shop) made this quota"), "{told}");
    assert!(told.contains(r"--set-string 'policies.resourceQuota.quota.requests\.cpu=20'"), "{told}");
    assert!(notes(charts(Manager::Nobody), its()).contains("the official chart made this quota"));
    let mine = Quota { release: None, ..its() };
    assert_eq!(notes(charts(helm()), mine.clone()), "", "nobody writes over what a person made");
    assert_eq!(done(plan(&ours(), &found(vec![mine.clone()]), &raise, false)).owner, Owner::Elsewhere);

    let refusal = why(plan(&charts(argo()), &found(vec![its()]), &raise, false));
    assert!(refusal.contains("deployed by Argo CD (application shops)"), "{refusal}");
    assert!(done(plan(&charts(argo()), &found(vec![its()]), &raise, true)).notes[0].contains("may undo it"));
    assert_eq!(notes(charts(argo()), mine.clone()), "", "it is not of the application");
    let claims =
        Claims::of(&BTreeMap::new(), &[("argocd.argoproj.io/tracking-id".into(), "base:/x".into())].into());
    let tracked = Quota { claims, ..mine };
    assert!(why(plan(&ours(), &found(vec![tracked]), &raise, false)).contains("application base"));
    let unknown = Target { manager: Known::unknown("forbidden"), ..charts(Manager::Nobody) };
    assert!(why(plan(&unknown, &found(vec![its()]), &raise, false)).contains("not known who deploys it"));
}

#[test]
fn less_than_is_used_ends_nothing_and_keeps_everything_new_out() {
    let lower = wish(&[("requests.cpu", "5")]);
    let plan_of = |target: Target, anyway: bool| plan(&target, &found(vec![its()]), &lower, anyway);
    let told = done(plan_of(charts(Manager::Nobody), false));
    assert!(told.is_below());
    let lines = told.lines().join("\n");
    assert!(
        lines.contains(
            "vc-shop: requests.cpu: 10 -> 5, 9500m used: below what is used; nothing that runs is ended"
        ),
        "{lines}"
    );
    assert!(lines.contains("pods of the control plane that end meanwhile would not start again"), "{lines}");
    let refusal = why(plan_of(ours(), false));
    assert!(
        refusal.contains("replaces the pods of the control plane, which would not start again"),
        "{refusal}"
    );
    assert!(done(plan_of(ours(), true)).is_below(), "who says so may");
    let gone = wish(&[("requests.cpu", "")]);
    assert!(why(plan(&ours(), &found(vec![its()]), &gone, true)).contains("the default holds"));
    let free = done(plan(&charts(Manager::Nobody), &found(vec![its()]), &gone, false));
    assert_eq!(free.patch(), json!({"spec": {"hard": {"requests.cpu": null}}}));
}

fn waits(name: &str, lacks: &[(&str, &str)]) -> Blocked {
    let lack = |(key, asked): &(&str, &str)| Lack {
        key: (*key).into(),
        asked: (*asked).into(),
        used: "?".into(),
        limited: "?".into(),
    };
    Blocked {
        namespace: Some("web".into()),
        name: name.into(),
        quota: "vc-shop".into(),
        lacks: lacks.iter().map(lack).collect(),
        since: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn who_waits_now_and_would_start_is_told() {
    let blocked = vec![
        waits("a", &[("requests.cpu", "1")]),
        waits("b", &[("requests.cpu", "1"), ("pods", "1")]),
        waits("c", &[("requests.cpu", "5")]),
    ];
    let found = Found { blocked: Known::Yes(blocked), ..found(vec![its()]) };
    for (set, starts, still) in [
        (&[("requests.cpu", "11")][..], vec!["web/a"], vec!["web/b", "web/c"]),
        (&[("pods", "30")], vec![], vec!["web/a", "web/b", "web/c"]),
        (&[("requests.cpu", "12"), ("pods", "21")], vec!["web/a", "web/b"], vec!["web/c"]),
        (&[("requests.cpu", "100"), ("pods", "21")], vec!["web/a", "web/b", "web/c"], vec![]),
    ] {
        let plan = done(plan(&ours(), &found, &wish(set), false));
        let names = |all: &[Blocked]| all.iter().map(|pod| pod.title().to_string()).collect::<Vec<_>>();
        assert_eq!(
            (names(&plan.admitted), names(&plan.waiting)),
            (
                starts.iter().map(ToString::to_string).collect(),
                still.iter().map(ToString::to_string).collect(),
            ),
            "{set:?}"
        );
    }
    let unknown = Found { blocked: Known::unknown("no companion"), ..found };
    let plan = done(plan(&ours(), &unknown, &wish(&[("pods", "30")]), false));
    assert!(plan.notes.iter().any(|note| note.contains("not known: no companion")), "{:?}", plan.notes);
}

#[test]
fn limits_are_written_into_the_configuration_and_the_rest_stays() {
    let plan =
        done(plan(&ours(), &found(vec![its()]), &wish(&[("requests.cpu", "20"), ("pods", "30")]), false));
    for (config, expected) in [
        ("", "policies:\n  resourceQuota:\n    quota:\n      pods: 30\n      requests.cpu: 20\n"),
        (
            "# ours\npolicies:\n  resourceQuota:\n    enabled: true # always\n    quota:\n      requests.cpu: 10\n",
            "# ours\npolicies:\n  resourceQuota:\n    enabled: true # always\n    quota:\n      requests.cpu: 20\n      pods: 30\n",
        ),
    ] {
        assert_eq!(with_limits(config, &plan).as_deref(), Ok(expected));
    }
    let again = done(self::plan(&ours(), &found(vec![its()]), &wish(&[("requests.cpu", "10000m")]), false));
    assert!(again.is_held(), "its object has them; whether its configuration has them is looked at");
    let odd = with_limits("policies: {resourceQuota: {quota: [1]}}", &plan).unwrap_err();
    assert!(odd.contains("policies.resourceQuota.quota.pods in its vcluster.yaml"), "{odd}");
}

#[test]
fn that_the_host_counts_is_no_other_state_and_that_somebody_sets_a_limit_is() {
    let plan =
        done(plan(&charts(Manager::Nobody), &found(vec![its()]), &wish(&[("requests.cpu", "9600m")]), false));
    let used =
        |cpu: &str| Quota { used: amounts(&[("requests.cpu", cpu)]), resource_version: "8".into(), ..its() };
    assert_eq!(differs(&plan, &used("9")), None);
    assert_eq!(differs(&plan, &used("9600m")), None);
    for (now, expected) in [
        (used("10"), "requests.cpu is used to 10 by now"),
        (
            Quota { hard: amounts(&[("requests.cpu", "12")]), ..its() },
            "somebody set requests.cpu to 12 meanwhile",
        ),
        (Quota { hard: BTreeMap::new(), ..its() }, "somebody set requests.cpu to no limit meanwhile"),
        (Quota { uid: "u9".into(), ..its() }, "it was replaced meanwhile"),
    ] {
        let why = differs(&plan, &now).unwrap_or_default();
        assert!(why.starts_with(expected), "{why}");
    }
}

async fn written(replies: Vec<Reply>) -> (Result<(), LifeError>, usize) {
    let plan =
        done(plan(&charts(Manager::Nobody), &found(vec![its()]), &wish(&[("requests.cpu", "20")]), false));
    let server = Server::new(replies);
    let cluster: Cluster = server.cluster();
    let work = Operation::start("quota", STEPS, move |progress| async move {
        carry_out(&cluster, &plan, &progress).await
    });
    (work.result().await, server.asked().len())
}

fn answer(version: &str, cpu: &str) -> Reply {
    let quota = json!({
        "metadata": {"name": "vc-shop", "namespace": "team", "uid": "u1", "resourceVersion": version},
        "spec": {"hard": {"requests.cpu": cpu, "pods": "20"}}, "status": {"used": {"requests.cpu": "9500m"}},
    });
    Reply::ok(quota.to_string())
}

#[tokio::test]
async fn a_conflict_is_looked_at_again_and_anything_else_is_told() {
    let conflict = || Reply::status(409, error(409, "Conflict"));
    let (done, asked) = written(vec![conflict(), answer("8", "10"), answer("9", "20")]).await;
    assert!(done.is_ok() && asked == 3, "{done:?}: the host has only counted");
    let (done, asked) = written(vec![conflict(), answer("8", "12")]).await;
    let said = done.unwrap_err().to_string();
    assert!(said.contains("somebody set requests.cpu to 12 meanwhile; look again") && asked == 2, "{said}");
    for (code, reason) in [(500, "InternalError"), (403, "Forbidden"), (422, "Invalid")] {
        let (done, asked) = written(vec![Reply::status(code, error(code, reason))]).await;
        assert!(matches!(done, Err(LifeError::Unwritten { .. })) && asked == 1, "{code}: {done:?}");
    }
    let (done, _) = written(vec![conflict(), Reply::status(404, error(404, "NotFound"))]).await;
    assert!(done.unwrap_err().to_string().contains("is gone"));
}
