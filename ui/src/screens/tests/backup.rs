//! Backups from the dashboard: where they go is asked once, one is chosen to be verified, restored or made another of.

use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use smol_str::SmolStr;
use v9s::operation::StepState;

use crate::app::jobs::{Ended, JobEvent, JobId, Outcome};
use crate::app::operation::{Begun, Verb};
use crate::app::reads::{Read, Reply};
use crate::app::runner::Hands;
use crate::app::world::Access;
use crate::app::{Cmd, Habits, Msg};
use crate::config::Config;
use crate::fixture;
use crate::verbs::{Archive, Ask, Errand, Looked, Plan};

use super::detail::asked_for;
use super::stage::{Stage, state};

const NAMES: [&str; 3] = ["team-alpha/team-alpha", "team-gamma/team-gamma", "team-delta/team-delta"];

/// Backups that are only asked for here.
#[derive(Debug)]
struct Nothing;

impl Verb for Nothing {
    fn title(&self) -> SmolStr {
        "back up 3 virtual clusters".into()
    }

    fn steps(&self) -> Vec<SmolStr> {
        NAMES.map(SmolStr::from).to_vec()
    }

    fn begin(&self, _: &Hands) -> Begun {
        unreachable!("nothing is carried out without a cluster")
    }
}

fn errand(stage: &Stage) -> Option<Errand> {
    stage.asked(|cmd| if let Cmd::Read(_, Read::Plan(errand)) = cmd { Some(errand.clone()) } else { None })
}

fn kept(stage: &Stage) -> Option<Habits> {
    stage.asked(|cmd| if let Cmd::Keep(habits) = cmd { Some(habits.clone()) } else { None })
}

/// What was answered last arrives.
fn remembered(stage: &mut Stage, to: &str, readers: &str, identity: &str) {
    let ticket = asked_for(stage, |read| matches!(read, Read::Habits));
    let habits = Habits { to: to.into(), readers: readers.into(), identity: identity.into() };
    stage.tell(Msg::Reply(ticket, Reply::Habits(habits)));
}

fn archive(hours: i64, sealed: bool) -> Archive {
    let at = fixture::now() - TimeDelta::hours(hours);
    let seal = if sealed { ".age" } else { "" };
    let file = format!("team-alpha.team-alpha.{}.tar.zst{seal}", at.format("%Y%m%dT%H%M%S000Z")).into();
    Archive { file, at, length: 3_174_022, sealed, keys: 4_811 }
}

fn shelved(stage: &mut Stage, found: Result<Vec<Archive>, String>) {
    let ticket = asked_for(stage, |read| matches!(read, Read::Shelf { .. }));
    stage.tell(Msg::Reply(ticket, Reply::Shelf(found)));
}

/// The form for a backup of the worst of the fleet, opened by a command.
fn chosen(command: &str) -> Stage {
    let mut stage = Stage::new();
    stage.keys(":").typing(command).keys("enter");
    remembered(&mut stage, "/srv/backups", "unencrypted", "");
    stage
}

#[test]
fn where_backups_go_is_asked_once_and_offered_the_next_time() {
    let mut stage = Stage::new();
    stage.keys("b");
    remembered(&mut stage, "/home/ada/.local/state/v9s/backups", "", "");
    insta::assert_snapshot!("backup_form_80", stage.text_at(80, 24));
    insta::assert_snapshot!("backup_form_200", stage.text_at(200, 50));
    stage.keys("enter");
    assert!(stage.text().contains("say who may read it"), "{}", stage.text());
    assert_eq!(errand(&stage), None, "nothing is looked at before it is said");
    stage.keys("ctrl-u").typing("s3://backups/eu?zone=x").keys("tab").typing("unencrypted").keys("enter");
    assert!(stage.text().contains("zone is no setting"), "{}", stage.text());
    stage.keys("tab ctrl-u").typing("/srv/backups").keys("enter");
    let Some(Errand::Backup(saving)) = errand(&stage) else { panic!("{}", stage.text()) };
    assert_eq!((saving.to.as_str(), saving.readers.as_str()), ("/srv/backups", "unencrypted"));
    assert_eq!(saving.keys.len(), 1);
    let kept = kept(&stage).unwrap();
    assert_eq!((kept.to.as_str(), kept.readers.as_str()), ("/srv/backups", "unencrypted"));
}

#[test]
fn those_that_are_marked_are_backed_up_together_and_each_tells_how_far_it_is() {
    let mut stage = Stage::new();
    stage.keys("space space space b");
    remembered(&mut stage, "/srv/backups", "unencrypted", "");
    stage.keys("enter");
    let Some(Errand::Backup(saving)) = errand(&stage) else { panic!("{}", stage.text()) };
    assert_eq!((saving.keys.len(), saving.hidden, saving.unnoted.len()), (3, 0, 0));
    let ticket = asked_for(&stage, |read| matches!(read, Read::Plan(_)));
    let facts = vec![
        ("backs up", vec![NAMES[0].to_owned(), NAMES[1].to_owned()]),
        ("not", vec![format!("{}: it is paused: resume it first", NAMES[2])]),
    ];
    let plan = Plan {
        title: "back up 3 virtual clusters".to_owned(),
        facts,
        ask: Ask::Yes,
        verb: Arc::new(Nothing),
        leaves: false,
    };
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(Looked::Ask(Box::new(plan))))));
    insta::assert_snapshot!("backup_plan_80", stage.text_at(80, 24));
    stage.keys("y");
    let job = stage.asked(|cmd| if let Cmd::Operate(job, _) = cmd { Some(*job) } else { None }).unwrap();
    under_way(&mut stage, job);
    let steps = [
        StepState::Done {
            took: std::time::Duration::from_secs(9),
            note: Some("4811 keys; in /srv/backups/a".into()),
        },
        StepState::Failed {
            took: std::time::Duration::from_secs(30),
            why: "no backup was taken: no answer".into(),
        },
        StepState::Failed { took: std::time::Duration::ZERO, why: "passed over: it is paused".into() },
    ];
    stage.tell(Msg::Job(job, state(&NAMES, steps)));
    let outcome = Outcome::new(Ended::Partly, "1 are done, 2 are not").with(
        "not done",
        vec![format!("{}: no answer", NAMES[1]), format!("{}: passed over: it is paused", NAMES[2])],
    );
    stage.tell(Msg::Job(job, JobEvent::Ended(outcome)));
    insta::assert_snapshot!("backup_report_80", stage.text_at(80, 24));
}

/// Two of three run at the same time, each since another moment.
fn under_way(stage: &mut Stage, job: JobId) {
    let runs = |cause: &str| StepState::Running { since: Instant::now(), cause: Some(cause.into()) };
    stage.tell(Msg::Job(
        job,
        state(&NAMES, [runs("look at the host"), StepState::Waiting, StepState::Waiting]),
    ));
    stage.wait(5);
    let both = [
        runs("write the state as it is at one revision: 4811 keys at revision 90210"),
        runs("look at the host"),
        StepState::Waiting,
    ];
    stage.tell(Msg::Job(job, state(&NAMES, both)));
    stage.wait(3);
    insta::assert_snapshot!("backup_under_way_80", stage.text_at(80, 24));
    insta::assert_snapshot!("backup_under_way_200", stage.text_at(200, 50));
}

#[test]
fn the_newest_backup_is_verified_unless_another_is_chosen() {
    for (keys, place) in [("enter", 0), ("down enter", 1), ("down up enter", 0), ("down down down enter", 1)]
    {
        let mut stage = chosen("verify");
        let found = vec![archive(3, false), archive(27, false)];
        shelved(&mut stage, Ok(found.clone()));
        stage.keys(keys);
        let Some(Errand::Verify(archived)) = errand(&stage) else { panic!("{keys}: {}", stage.text()) };
        assert_eq!(archived.file, found[place].file, "{keys}");
        // Where its last good backup lies is noted on it.
        assert_eq!(archived.at, "s3://backups/eu");
    }
}

#[test]
fn one_that_is_encrypted_takes_the_file_that_opens_it() {
    let mut stage = chosen("restore");
    shelved(&mut stage, Ok(vec![archive(3, true), archive(27, true), archive(51, false)]));
    insta::assert_snapshot!("restore_form_80", stage.text_at(80, 24));
    insta::assert_snapshot!("restore_form_200", stage.text_at(200, 50));
    stage.keys("enter");
    assert!(stage.text().contains("name the file with the identity"), "{}", stage.text());
    assert_eq!(errand(&stage), None);
    stage.keys("tab").typing("~/key.txt").keys("enter");
    let Some(Errand::Restore(archived)) = errand(&stage) else { panic!("{}", stage.text()) };
    assert_eq!(archived.identity, "~/key.txt");
    assert_eq!(kept(&stage).map(|habits| habits.identity).as_deref(), Some("~/key.txt"));
}

#[test]
fn another_place_is_looked_at_before_anything_is_taken_from_it() {
    let mut stage = chosen("restore");
    shelved(&mut stage, Err("s3://backups/eu does not answer".to_owned()));
    assert!(stage.text().contains("does not answer"), "{}", stage.text());
    stage.keys("ctrl-u").typing("/mnt/backups").keys("enter");
    assert_eq!(errand(&stage), None);
    let at = stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Shelf { at, .. }) => Some(at.clone()),
        _ => None,
    });
    assert_eq!(at.as_deref(), Some("/mnt/backups"));
    shelved(&mut stage, Ok(Vec::new()));
    stage.keys("enter");
    assert!(stage.text().contains("no good backup of it lies there"), "{}", stage.text());
    assert_eq!(errand(&stage), None);
}

#[test]
fn another_virtual_cluster_gets_a_name_and_a_namespace_of_its_own() {
    let mut stage = chosen("clone");
    shelved(&mut stage, Ok(vec![archive(3, false)]));
    insta::assert_snapshot!("clone_form_80", stage.text_at(80, 24));
    stage.keys("tab tab").typing("2").keys("enter");
    let Some(Errand::Duplicate(copy)) = errand(&stage) else { panic!("{}", stage.text()) };
    assert_eq!(
        (copy.name.as_str(), copy.namespace.as_str()),
        ("team-alpha-copy2", "vcluster-team-alpha-copy")
    );
    assert_eq!(copy.of.key.name, "team-alpha");
}

#[test]
fn what_has_nothing_to_do_here_is_greyed_with_its_reason() {
    let mut stage = Stage::new();
    stage.keys("/ t e a m - d e l t a enter m");
    let text = stage.text_at(120, 60);
    for says in ["it is paused: its store does not run", "it is paused: start it first"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let mut stage = Stage::new();
    stage.keys("/ t e a m - d e l t a enter b");
    assert!(stage.says().contains("it is paused"), "{}", stage.says());
    let mut stage = Stage::new();
    stage.keys(":").typing("recover").keys("enter");
    assert!(matches!(errand(&stage), Some(Errand::Recover(key)) if key.name == "team-alpha"));
}

#[test]
fn where_nothing_may_be_changed_a_backup_is_taken_and_not_noted_and_nothing_is_restored() {
    let config = Config { read_only: true, ..Config::default() };
    let mut stage = Stage::with_fleet(config, Default::default());
    stage.keys("b");
    remembered(&mut stage, "/srv/backups", "unencrypted", "");
    stage.keys("enter");
    let Some(Errand::Backup(saving)) = errand(&stage) else { panic!("{}", stage.text()) };
    assert_eq!(saving.unnoted, ["eu-west-1"]);
    for verb in ["restore", "clone", "recover"] {
        stage.keys("esc :").typing(verb).keys("enter");
        assert!(stage.says().contains("read-only"), "{verb}: {}", stage.says());
    }
}

#[test]
fn without_the_right_it_is_said_which_one_is_missing() {
    for (command, right) in
        [("backup", "get secrets"), ("restore", "create pods"), ("recover", "create pods")]
    {
        let mut stage = Stage::new();
        let access = Access::Known { forbidden: vec![right.into()] };
        stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: "team-alpha".into(), access });
        stage.keys(":").typing(command).keys("enter");
        assert!(stage.says().contains(&format!("forbidden: needs {right}")), "{command}: {}", stage.says());
    }
}
