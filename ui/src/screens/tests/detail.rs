use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use smol_str::SmolStr;
use v9s::cluster::{ContainerInfo, LogRequest};
use v9s::fleet::model::{Phase, PodRow, Vcluster};
use v9s::operation::StepState;

use super::stage::{Stage, fleet, state};
use crate::app::jobs::{Ended, JobEvent, Outcome};
use crate::app::reads::{LogPart, Read, Reply, Ticket};
use crate::app::world::Access;
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::fixture;
use crate::theme::Appearance;

fn pod(name: &str, inside: Option<&str>, status: &str) -> PodRow {
    let running = status == "Running";
    PodRow {
        name: name.into(),
        namespace: "team-alpha".into(),
        uid: format!("uid-{name}").into(),
        virtual_name: inside.map(SmolStr::new),
        virtual_namespace: inside.map(|_| "shop".into()),
        status: status.into(),
        phase: if running { Phase::Running } else { Phase::Pending },
        ready: u16::from(running),
        containers: 1,
        restarts: 0,
        node: Some("node-1".into()),
        created: Some(fixture::now() - TimeDelta::hours(3)),
    }
}

/// The sick one of the fleet, with pods.
fn alpha() -> Vcluster {
    let mut alpha = fixture::fleet().remove(0);
    alpha.control_plane =
        Arc::from([pod("team-alpha-0", None, "Running"), pod("team-alpha-1", None, "Running")]);
    alpha.pods = Arc::from([
        pod("web-0-x-shop-x-team-alpha", Some("web-0"), "Running"),
        pod("web-1-x-shop-x-team-alpha", Some("web-1"), "CrashLoopBackOff"),
        pod("api-0-x-shop-x-team-alpha", Some("api-0"), "Running"),
    ]);
    alpha
}

pub(super) fn stage_with(config: Config) -> Stage {
    let mut stage = Stage::with_fleet(config, Appearance::default());
    let mut all = fixture::fleet();
    all[0] = alpha();
    stage.fleet(fleet(all));
    stage.resize(120, 30);
    stage
}

/// On the pods, allowed to delete them unless something is forbidden.
fn on_pods(config: Config, forbidden: &[&str]) -> Stage {
    let mut stage = stage_with(config);
    stage.keys("enter tab");
    let forbidden = forbidden.iter().map(SmolStr::new).collect();
    let access = Access::Known { forbidden };
    stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: "team-alpha".into(), access });
    stage
}

pub(super) fn asked_for(stage: &Stage, wanted: impl Fn(&Read) -> bool) -> Ticket {
    let find = |cmd: &Cmd| match cmd {
        Cmd::Read(ticket, read) if wanted(read) => Some(*ticket),
        _ => None,
    };
    stage.asked(find).expect("nothing of the kind was asked for")
}

fn operated(stage: &Stage) -> Option<String> {
    stage.asked(
        |cmd| if let Cmd::Operate(_, operation) = cmd { Some(operation.title().to_string()) } else { None },
    )
}

#[test]
fn the_overview() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter");
    insta::assert_snapshot!(stage.text_at(120, 40));
}

#[test]
fn the_overview_at_80_columns() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter");
    insta::assert_snapshot!(stage.text_at(80, 24));
}

#[test]
fn the_pods() {
    insta::assert_snapshot!(on_pods(Config::default(), &[]).text_at(120, 24));
}

#[test]
fn the_pods_at_200_columns() {
    insta::assert_snapshot!(on_pods(Config::default(), &[]).text_at(200, 24));
}

#[test]
fn tabs_go_round_and_have_numbers() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter");
    let names = [
        ("1", "overview"),
        ("2", "pods"),
        ("3", "quota"),
        ("4", "events"),
        ("5", "logs"),
        ("6", "config"),
        ("7", "yaml"),
        ("8", "sync"),
        ("9", "orphans"),
        ("0", "store"),
        ("i", "control"),
    ];
    for (key, name) in names {
        stage.keys(key);
        assert_eq!(stage.state.top().place(), name);
    }
    stage.keys("tab");
    assert_eq!(stage.state.top().place(), "overview");
    stage.keys("shift-tab");
    assert_eq!(stage.state.top().place(), "control");
}

#[test]
fn a_letter_in_the_fleet_leads_to_its_tab() {
    for (key, place) in
        [("d", "overview"), ("y", "yaml"), ("l", "logs"), ("p", "logs"), ("enter", "overview")]
    {
        let mut stage = stage_with(Config::default());
        stage.keys(key);
        assert_eq!(stage.state.top().place(), place, "{key}");
        stage.keys("esc");
        assert_eq!(stage.state.top().address().screen, "fleet");
    }
}

#[test]
fn a_virtual_cluster_is_opened_by_name() {
    let mut stage = stage_with(Config::default());
    stage.keys(":").typing("vc team-gamma events").keys("enter");
    assert_eq!(stage.state.top().address().argument, "eu-west-1/team-gamma/team-gamma");
    assert_eq!(stage.state.top().place(), "events");
    stage.keys(":").typing("vc nobody").keys("enter");
    assert!(stage.says().contains("no virtual cluster \"nobody\""), "{}", stage.says());
}

#[test]
fn one_that_goes_away_stays_on_the_screen_as_it_last_was() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter");
    stage.fleet(fleet(fixture::fleet().split_off(1)));
    let text = stage.text();
    assert!(text.contains("gone from the host") && text.contains("NOSPACE"), "{text}");
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter 7");
    let old = asked_for(&stage, |read| matches!(read, Read::Yaml { .. }));
    stage.keys("1 7");
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Forget(ticket) if *ticket == old)));
    stage.tell(Msg::Reply(old, Reply::Text(Ok("kind: Old".into()))));
    assert!(!stage.text().contains("kind: Old"));
    let new = asked_for(&stage, |read| matches!(read, Read::Yaml { .. }));
    stage.tell(Msg::Reply(new, Reply::Text(Ok("kind: New".into()))));
    assert!(stage.text().contains("kind: New"));
}

#[test]
fn yaml_shows_managed_fields_when_asked_and_can_be_searched_copied_and_saved() {
    let mut stage = stage_with(Config::default());
    stage.keys("y");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Yaml { managed_fields: false, .. }));
    stage.tell(Msg::Reply(
        ticket,
        Reply::Text(Ok("kind: StatefulSet\nmetadata:\n  name: team-alpha\n".into())),
    ));
    stage.keys("/").typing("metadata").keys("enter");
    assert!(stage.text().contains("1 of 1"), "{}", stage.text());
    stage.keys("c S e f");
    assert!(
        stage
            .cmds
            .iter()
            .any(|cmd| matches!(cmd, Cmd::Copy { text, .. } if text.contains("kind: StatefulSet")))
    );
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Save { name, .. } if name == "team-alpha.yaml")));
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Edit { .. })));
    asked_for(&stage, |read| matches!(read, Read::Yaml { managed_fields: true, .. }));
}

#[test]
fn what_cannot_be_read_says_why() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter 6");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Config { .. }));
    let why = "cannot get Secret team-alpha/vc-config-team-alpha on eu-west-1: forbidden";
    stage.tell(Msg::Reply(ticket, Reply::Text(Err(why.into()))));
    assert!(stage.text().contains("forbidden"), "{}", stage.text());
}

fn container(name: &str, init: bool, restarted: bool) -> ContainerInfo {
    ContainerInfo { name: name.into(), init, restarted }
}

fn followed(stage: &Stage) -> (Ticket, LogRequest) {
    let find = |cmd: &Cmd| match cmd {
        Cmd::Follow { ticket, request, .. } => Some((*ticket, request.clone())),
        _ => None,
    };
    stage.asked(find).expect("no log is followed")
}

fn on_logs() -> Stage {
    let mut stage = stage_with(Config::default());
    stage.keys("l");
    let ticket =
        asked_for(&stage, |read| matches!(read, Read::Containers { pod, .. } if pod == "team-alpha-0"));
    let containers = vec![
        container("init", true, false),
        container("syncer", false, false),
        container("etcd", false, true),
    ];
    stage.tell(Msg::Reply(ticket, Reply::Containers(Ok(containers))));
    stage
}

#[test]
fn logs_begin_with_the_syncer_and_follow() {
    let mut stage = on_logs();
    let (ticket, request) = followed(&stage);
    assert_eq!(request.container.as_deref(), Some("syncer"));
    assert!(request.follow && !request.previous);
    assert_eq!(request.tail, Some(500));
    let lines = (0..3).map(|n| LogPart::Line { at: Some(fixture::now()), text: format!("line {n}") });
    stage.tell(Msg::Reply(ticket, Reply::Log(lines.collect())));
    insta::assert_snapshot!(stage.text_at(120, 16));
}

#[test]
fn container_pod_time_and_the_log_before_the_restart_are_chosen_by_keys() {
    let mut stage = on_logs();
    stage.keys("a");
    assert_eq!(followed(&stage).1.container.as_deref(), Some("etcd"));
    stage.keys("p");
    assert!(followed(&stage).1.previous && !followed(&stage).1.follow);
    stage.keys("p T");
    assert_eq!(followed(&stage).1.since, Some(std::time::Duration::from_secs(60)));
    stage.keys("A");
    asked_for(&stage, |read| matches!(read, Read::Containers { pod, .. } if pod == "team-alpha-1"));
}

#[test]
fn a_container_that_has_not_restarted_has_no_log_before() {
    let mut stage = on_logs();
    stage.keys("p");
    assert!(stage.text().contains("this container has not restarted"), "{}", stage.text());
}

#[test]
fn log_lines_are_filtered_and_found() {
    let mut stage = on_logs();
    let (ticket, _) = followed(&stage);
    let lines =
        ["error: one", "fine", "error: two"].map(|text| LogPart::Line { at: None, text: text.into() });
    stage.tell(Msg::Reply(ticket, Reply::Log(lines.to_vec())));
    stage.keys("&").typing("!error").keys("enter");
    let text = stage.text();
    assert!(text.contains("fine") && !text.contains("error: one"), "{text}");
    stage.keys("esc");
    assert!(stage.text().contains("error: one"));
}

#[test]
fn leaving_the_logs_ends_the_stream() {
    let mut stage = on_logs();
    let (ticket, _) = followed(&stage);
    stage.keys("esc");
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Forget(gone) if *gone == ticket)));
}

#[test]
fn a_pod_has_logs_and_yaml_of_its_own() {
    let mut stage = on_pods(Config::default(), &[]);
    let pod = "web-1-x-shop-x-team-alpha";
    assert!(stage.selected().contains("web-1"), "the worst one is first: {}", stage.text());
    stage.keys("l");
    asked_for(&stage, |read| matches!(read, Read::Containers { pod: read, .. } if read == pod));
    stage.keys("esc y");
    asked_for(&stage, |read| matches!(read, Read::Yaml { object, .. } if object.name == pod));
    stage.keys("esc");
    assert_eq!(stage.state.top().place(), "pods");
}

#[test]
fn the_dialog_for_one_pod() {
    let mut stage = on_pods(Config::default(), &[]);
    stage.keys("ctrl-d");
    insta::assert_snapshot!(stage.text_at(120, 24));
}

#[test]
fn one_pod_is_deleted_by_y_and_by_nothing_else() {
    for keys in ["enter", "esc", "n", "q", "tab enter", "space enter", "Y enter", "ctrl-d enter"] {
        let mut stage = on_pods(Config::default(), &[]);
        stage.keys("ctrl-d").keys(keys);
        assert_eq!(operated(&stage), None, "{keys}");
    }
    let mut stage = on_pods(Config::default(), &[]);
    stage.keys("ctrl-d");
    stage.tell(Msg::Paste("y".into()));
    assert_eq!(operated(&stage), None, "a paste confirms nothing");
    stage.keys("y");
    assert_eq!(operated(&stage).as_deref(), Some("delete pod web-1-x-shop-x-team-alpha of team-alpha"));
}

#[test]
fn several_pods_are_deleted_by_their_count_and_hidden_ones_are_named() {
    let mut stage = on_pods(Config::default(), &[]);
    stage.keys("space space space / a p i enter ctrl-d");
    insta::assert_snapshot!(stage.text_at(120, 24));
    stage.keys("y enter");
    assert!(stage.text().contains("is not it"), "{}", stage.text());
    stage.keys("ctrl-u 3 enter");
    assert_eq!(operated(&stage).as_deref(), Some("delete 3 pods of team-alpha"));
}

#[test]
fn what_is_forbidden_is_greyed_with_the_missing_right() {
    let mut stage = on_pods(Config::default(), &["delete pods"]);
    stage.keys("ctrl-d");
    assert!(stage.says().contains("forbidden: needs delete pods in team-alpha"), "{}", stage.says());
    assert_eq!(stage.state.top().place(), "pods", "no dialog");
    stage.keys("m");
    assert!(stage.text().contains("forbidden: needs delete pods"), "{}", stage.text());
}

#[test]
fn in_read_only_mode_there_is_nothing_to_delete_with() {
    let mut stage = on_pods(Config { read_only: true, ..Config::default() }, &[]);
    stage.keys("ctrl-d");
    assert_eq!(stage.state.top().place(), "pods", "no dialog");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
    stage.wait(10);
    stage.keys("m");
    assert!(!stage.text().contains("delete the selected"), "{}", stage.text());
    assert!(!stage.text().lines().last().unwrap().contains("delete"));
}

#[test]
fn before_the_rights_are_known_deleting_waits() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter tab");
    assert!(
        stage
            .cmds
            .iter()
            .any(|cmd| matches!(cmd, Cmd::Access { namespace, .. } if namespace == "team-alpha"))
    );
    stage.keys("ctrl-d");
    assert!(stage.says().contains("asking eu-west-1 what you may do"), "{}", stage.says());
}

#[test]
fn a_job_shows_its_steps_and_says_how_it_ended() {
    let mut stage = on_pods(Config::default(), &[]);
    stage.keys("space space ctrl-d 2 enter");
    let job = stage.asked(|cmd| if let Cmd::Operate(job, _) = cmd { Some(*job) } else { None }).unwrap();
    assert!(stage.text().lines().next().unwrap().contains("1 job"), "{}", stage.text());
    let took = Duration::from_millis(40);
    let steps = [
        StepState::Done { took, note: Some("accepted".into()) },
        StepState::Failed { took, why: "forbidden: needs delete pods".into() },
    ];
    stage.tell(Msg::Job(job, state(&["delete pod team-alpha/web-0", "delete pod team-alpha/web-1"], steps)));
    stage.keys("ctrl-o");
    insta::assert_snapshot!(stage.text_at(120, 20));
    stage.tell(Msg::Job(job, JobEvent::Ended(Outcome::new(Ended::Failed, "forbidden: needs delete pods"))));
    assert!(stage.says().contains("forbidden"), "{}", stage.says());
    stage.keys("tab");
    insta::assert_snapshot!(stage.text_at(120, 16));
}

#[test]
fn a_running_job_is_stopped_once_and_leaving_asks() {
    let mut stage = on_pods(Config::default(), &[]);
    stage.keys("ctrl-d y ctrl-o x");
    assert!(stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Stop(_))));
    stage.keys("x");
    assert!(stage.says().contains("it stops after the present step"), "{}", stage.says());
    stage.keys("ctrl-c");
    assert!(stage.text().contains("a job is running and would be cut off"), "{}", stage.text());
}

#[test]
fn the_quotas() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter 3");
    insta::assert_snapshot!(stage.text_at(100, 16));
}
