//! Verbs from the dashboard: a look, a plan, a question whose weight fits, a job.

use std::sync::Arc;
use std::time::Instant;

use smol_str::SmolStr;
use v9s::operation::StepState;

use crate::app::jobs::{Ended, JobEvent, JobId, Outcome};
use crate::app::operation::{Begun, Verb};
use crate::app::reads::{Read, Reply};
use crate::app::runner::Hands;
use crate::app::world::Access;
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::verbs::{Ask, Errand, Looked, Plan, What};

use super::detail::asked_for;
use super::stage::{Stage, state};

/// A verb that is only asked for here.
#[derive(Debug)]
struct Nothing(SmolStr);

impl Verb for Nothing {
    fn title(&self) -> SmolStr {
        self.0.clone()
    }

    fn steps(&self) -> Vec<SmolStr> {
        vec!["stop the control plane".into(), "delete its objects".into()]
    }

    fn begin(&self, _: &Hands) -> Begun {
        unreachable!("nothing is carried out without a cluster")
    }
}

fn operated(stage: &Stage) -> Option<(JobId, String)> {
    stage.asked(
        |cmd| {
            if let Cmd::Operate(job, verb) = cmd { Some((*job, verb.title().to_string())) } else { None }
        },
    )
}

fn wished(stage: &Stage) -> Option<What> {
    stage.asked(
        |cmd| if let Cmd::Read(_, Read::Plan(Errand::Verb(wish))) = cmd { Some(wish.what) } else { None },
    )
}

fn may(stage: &mut Stage, forbidden: &[&str]) {
    let access = Access::Known { forbidden: forbidden.iter().map(|right| (*right).into()).collect() };
    stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: "team-alpha".into(), access });
}

/// The host has been looked at, and this is what the verb comes to.
fn looked(stage: &mut Stage, looked: Looked) {
    let ticket = asked_for(stage, |read| matches!(read, Read::Plan(_)));
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(looked))));
}

fn plan(ask: Ask) -> Looked {
    let title = "delete team-alpha/team-alpha";
    let facts = vec![
        ("stops", vec!["1 StatefulSet team-alpha".to_owned()]),
        ("DATA", vec!["1 PersistentVolumeClaim data-team-alpha-0".to_owned()]),
        ("leaves", vec!["Namespace other: look into it".to_owned()]),
    ];
    Looked::Ask(Box::new(Plan {
        title: title.to_owned(),
        facts,
        ask,
        verb: Arc::new(Nothing(title.into())),
        leaves: false,
    }))
}

#[test]
fn a_verb_looks_before_it_asks_and_enter_is_no_yes() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("z");
    assert!(stage.text().contains("looking at what this takes"), "{}", stage.text());
    assert_eq!(wished(&stage), Some(What::Pause));
    looked(&mut stage, plan(Ask::Yes));
    assert!(stage.text().contains("press y to go on"), "{}", stage.text());
    stage.keys("enter");
    assert_eq!(operated(&stage), None, "enter is no yes");
    stage.keys("z");
    looked(&mut stage, plan(Ask::Yes));
    stage.keys("y");
    assert!(operated(&stage).is_some());
}

#[test]
fn a_paused_one_is_resumed_by_the_same_key() {
    let mut stage = Stage::new();
    stage.keys("/ t e a m - d e l t a enter z");
    assert_eq!(wished(&stage), Some(What::Resume));
}

#[test]
fn every_verb_has_its_key_on_the_fleet_and_on_every_tab() {
    use v9s::lifecycle::restart::What as Part;
    for (key, what) in [
        ("z", What::Pause),
        ("r", What::Restart(Part::ControlPlane)),
        ("P", What::Protect),
        ("o", What::Observe),
    ] {
        for way in [
            "", "enter 1 ", "enter 2 ", "enter 3 ", "enter 4 ", "enter 5 ", "enter 6 ", "enter 7 ",
            "enter 8 ",
        ] {
            let mut stage = Stage::new();
            stage.keys(way);
            may(&mut stage, &[]);
            stage.keys(key);
            assert_eq!(wished(&stage), Some(what), "{way}{key}");
        }
    }
    let mut stage = Stage::new();
    stage.keys(":").typing("restart-etcd").keys("enter");
    assert_eq!(wished(&stage), Some(What::Restart(Part::Etcd)));
}

#[test]
fn deleting_shows_its_plan_takes_the_name_and_reports_what_is_left() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("ctrl-d");
    assert_eq!(wished(&stage), Some(What::Delete));
    looked(&mut stage, plan(Ask::Name("team-alpha".to_owned())));
    insta::assert_snapshot!("delete_plan", stage.text_at(80, 24));
    stage.keys("y enter");
    assert_eq!(operated(&stage), None);
    stage.keys("backspace").typing("team-alpha").keys("enter");
    let (job, title) = operated(&stage).unwrap();
    assert_eq!(title, "delete team-alpha/team-alpha");
    let took = std::time::Duration::from_secs(3);
    let cause = Some("team-alpha-0: Terminating, 24 s left".into());
    let steps = [
        StepState::Done { took, note: Some("2 pods".into()) },
        StepState::Running { since: Instant::now(), cause },
    ];
    stage.tell(Msg::Job(job, state(&["stop the control plane", "delete its objects"], steps)));
    stage.wait(5);
    insta::assert_snapshot!("delete_under_way", stage.text_at(80, 24));
    let outcome = Outcome::new(Ended::Partly, "deleted; one thing is left")
        .with("left", vec!["Namespace other: look into it".to_owned()]);
    stage.tell(Msg::Job(job, JobEvent::Ended(outcome)));
    let text = stage.text();
    assert!(text.contains("left      Namespace other: look into it"), "{text}");
    stage.keys("esc");
    assert!(!stage.text().contains("look into it"));
    stage.keys("ctrl-o enter");
    assert!(stage.text().contains("look into it"), "{}", stage.text());
}

#[test]
fn a_job_that_is_hidden_goes_on_and_one_that_is_watched_can_be_stopped() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("z");
    looked(&mut stage, plan(Ask::Yes));
    stage.keys("y esc");
    assert_eq!(stage.state.world.jobs.running(), 1);
    stage.keys(":").typing("job").keys("enter x");
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Stop(_))));
}

#[test]
fn what_somebody_else_deploys_is_not_touched_and_the_commands_can_be_copied() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("ctrl-d");
    let instead = vec!["helm uninstall shop -n team-alpha".to_owned(), "v9s delete shop".to_owned()];
    looked(&mut stage, Looked::Refused { why: "it is deployed by Helm".to_owned(), instead });
    let text = stage.text();
    assert!(text.contains("deployed by Helm") && text.contains("helm uninstall shop"), "{text}");
    stage.keys("c");
    let copied = stage.asked(|cmd| if let Cmd::Copy { text, .. } = cmd { Some(text.clone()) } else { None });
    assert_eq!(copied.as_deref(), Some("helm uninstall shop -n team-alpha\nv9s delete shop"));
    stage.keys("esc");
    assert_eq!(operated(&stage), None);
}

#[test]
fn a_host_that_does_not_say_is_told_in_the_dialog() {
    let mut stage = Stage::new();
    stage.keys("r");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Plan(_)));
    stage.tell(Msg::Reply(ticket, Reply::Plan(Err("connection refused".to_owned()))));
    assert!(stage.text().contains("connection refused"), "{}", stage.text());
}

#[test]
fn without_the_right_or_in_read_only_mode_nothing_is_asked() {
    for (key, right) in [
        ("z", "patch statefulsets.apps"),
        ("P", "patch statefulsets.apps"),
        ("r", "delete pods"),
        ("o", "create deployments.apps"),
        ("I", "create jobs.batch"),
        ("ctrl-d", "delete statefulsets.apps"),
    ] {
        let mut stage = Stage::new();
        may(&mut stage, &[right]);
        stage.keys(key);
        let wanted = format!("forbidden: needs {right} in team-alpha");
        assert!(stage.says().contains(&wanted), "{key}: {}", stage.says());
        let mut stage =
            Stage::with_fleet(Config { read_only: true, ..Config::default() }, Default::default());
        stage.keys(key);
        assert!(stage.says().contains("read-only"), "{key}: {}", stage.says());
        assert_eq!(wished(&stage), None);
    }
}

#[test]
fn with_marks_a_verb_for_one_says_so() {
    for key in ["C", "E", "L", "K", "o", "I"] {
        let mut stage = Stage::new();
        stage.keys("space down space");
        stage.keys(key);
        assert!(stage.says().contains("2 are marked"), "{key}: {}", stage.says());
        assert_eq!(wished(&stage), None);
    }
}

#[test]
fn one_that_v9s_mirrors_is_not_observed_and_says_why() {
    let mut stage = Stage::new();
    let ours = |mut vcluster: v9s::fleet::model::Vcluster| {
        Arc::make_mut(&mut vcluster.labels).insert("heritage".into(), "v9s".into());
        vcluster
    };
    stage.fleet(super::stage::fleet(crate::fixture::fleet().into_iter().map(ours).collect()));
    may(&mut stage, &[]);
    stage.keys("o");
    assert_eq!(wished(&stage), None);
    assert!(stage.says().contains("its own syncer is v9s's"), "{}", stage.says());
    stage.keys("m");
    let text = stage.text_at(120, 50);
    assert!(text.contains("measure its lag by a companion beside it, or take that away: i"), "{text}");
}

#[test]
fn an_observer_is_told_by_what_it_makes_before_a_y_makes_it() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("o");
    let facts = vec![
        ("makes", vec!["Role team-alpha/team-alpha-observer".to_owned()]),
        ("may", vec!["read what is mirrored, and write its own status".to_owned()]),
        ("undone", vec!["by the same key".to_owned()]),
    ];
    let title = "observe team-alpha/team-alpha";
    looked(
        &mut stage,
        Looked::Ask(Box::new(Plan {
            title: title.to_owned(),
            facts,
            ask: Ask::Yes,
            verb: Arc::new(Nothing(title.into())),
            leaves: false,
        })),
    );
    insta::assert_snapshot!("observe_plan_80", stage.text_at(80, 24));
    insta::assert_snapshot!("observe_plan_200", stage.text_at(200, 50));
    stage.keys("y");
    assert_eq!(operated(&stage).map(|(_, title)| title).as_deref(), Some(title));
}

#[test]
fn a_probe_goes_to_another_of_the_same_host_that_is_chosen_by_name() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("I");
    insta::assert_snapshot!("probe_80", stage.text_at(80, 24));
    insta::assert_snapshot!("probe_200", stage.text_at(200, 50));
    stage.typing("gamma").keys("enter");
    let errand = stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Plan(Errand::Probe { from, to })) => Some((from.name.clone(), to.name.clone())),
        _ => None,
    });
    assert_eq!(errand, Some(("team-alpha".into(), "team-gamma".into())));
}

#[test]
fn a_probe_to_nobody_asks_for_nothing() {
    let mut stage = Stage::new();
    may(&mut stage, &[]);
    stage.keys("I").typing("nobody-is-called-so").keys("enter");
    assert!(stage.text().contains("no other on eu-west-1"), "{}", stage.text());
    assert_eq!(stage.asked(|cmd| matches!(cmd, Cmd::Read(_, Read::Plan(_))).then_some(())), None);
}
