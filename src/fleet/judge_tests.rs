use std::sync::Arc;

use super::*;
use crate::fleet::model::PodRow;
use crate::fleet::rows::End;

const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// Seconds after the control plane was made.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn workload(app: App, desired: u32) -> WorkloadRow {
    WorkloadRow {
        kind: Workload::StatefulSet,
        app,
        release: "team-a".into(),
        name: "team-a".into(),
        labels: Arc::default(),
        created: Some(at(0)),
        deleted: None,
        desired,
        ready: desired,
        updated: desired,
        observed: true,
        paused: false,
        paused_date: None,
        restoring: false,
        asleep: false,
        term: Default::default(),
        noted: None,
        certificates_end: Known::unknown("not told"),
        syncer_image: None,
        kubernetes_image: None,
        trouble: None,
    }
}

fn pod(app: App, number: u32, status: &str) -> ControlPod {
    let stem = if app == App::Etcd { "team-a-etcd" } else { "team-a" };
    ControlPod {
        row: PodRow {
            name: format_smolstr!("{stem}-{number}"),
            namespace: "team-a".into(),
            uid: format!("uid-{stem}-{number}").into(),
            virtual_name: None,
            virtual_namespace: None,
            status: status.into(),
            phase: match status {
                "Evicted" | "Error" => Phase::Failed,
                "Running" => Phase::Running,
                _ => Phase::Pending,
            },
            ready: 0,
            containers: 1,
            restarts: 0,
            node: None,
            created: Some(at(0)),
        },
        app,
        release: "team-a".into(),
        deleted: None,
        ready: false,
        ready_changed: None,
        initialized: None,
        unschedulable: None,
        waiting: None,
        last_end: None,
        last_oom: None,
        oom: false,
    }
}

fn ready(app: App, number: u32) -> ControlPod {
    ControlPod { ready: true, ..pod(app, number, "Running") }
}

fn crashing(app: App, number: u32) -> ControlPod {
    let mut pod = pod(app, number, "CrashLoopBackOff");
    pod.row.phase = Phase::Running;
    pod.row.restarts = 14;
    pod.last_end = Some(End { reason: "OOMKilled".into(), at: None });
    pod
}

/// A case: change what you need.
struct Case {
    main: WorkloadRow,
    parts: Vec<WorkloadRow>,
    pods: Known<Vec<ControlPod>>,
    config: Option<ConfigRow>,
    namespace_deleted: bool,
    now: DateTime<Utc>,
}

fn case(desired: u32, pods: Vec<ControlPod>) -> Case {
    let main = workload(App::ControlPlane, desired);
    Case {
        main,
        parts: Vec::new(),
        pods: Known::Yes(pods),
        config: None,
        namespace_deleted: false,
        now: at(60),
    }
}

impl Case {
    fn verdict(&self) -> Verdict {
        let parts: Vec<&WorkloadRow> = self.parts.iter().collect();
        let pods = self.pods.as_ref().map(|pods| pods.iter().collect::<Vec<_>>());
        judge(&Evidence {
            main: &self.main,
            parts: &parts,
            namespace_deleted: self.namespace_deleted,
            config: self.config.as_ref(),
            pods: pods.as_ref().map(Vec::as_slice),
            now: self.now,
            patience: PATIENCE,
        })
    }

    #[track_caller]
    fn is(&self, state: State, reason: &str) {
        let verdict = self.verdict();
        assert_eq!((verdict.state, verdict.reason.as_str()), (state, reason));
    }
}

fn asleep(kind: &str) -> ConfigRow {
    ConfigRow {
        release: "team-a".into(),
        settings: None,
        sleep_type: Some(kind.into()),
        sleeping_since: Some(at(0)),
    }
}

#[test]
fn marks_come_in_the_official_order() {
    let mut case = case(1, vec![ready(App::ControlPlane, 0)]);
    case.config = Some(asleep("inactivity"));
    case.is(State::SleepingWorkloads, "inactivity sleep since 1970-01-01 00:00 UTC");
    case.main.desired = 0;
    case.main.asleep = true;
    case.is(State::Paused, "put to sleep by the platform");
    case.main.paused = true;
    case.main.paused_date = Some("2026-11-20T10:00:00.000Z".into());
    case.is(State::Paused, "paused since 2026-11-20 10:00 UTC");
    case.main.restoring = true;
    case.is(State::Restoring, "stopped for a restore or a certificate rotation");
    case.main.deleted = Some(at(50));
    case.is(State::Terminating, "its control plane is being deleted");
    case.namespace_deleted = true;
    case.is(State::Terminating, "its namespace is being deleted");
}

#[test]
fn a_mark_that_contradicts_what_runs_is_told() {
    let mut case = case(2, vec![ready(App::ControlPlane, 0), ready(App::ControlPlane, 1)]);
    case.main.paused = true;
    case.is(State::Paused, "paused, but 2 of 2 replicas run");
}

#[test]
fn zero_replicas_without_a_mark_are_scaled_down() {
    case(0, vec![]).is(State::ScaledDown, "");
    case(0, vec![ready(App::ControlPlane, 0)]).is(State::ScaledDown, "1 pod is still stopping");
    let mut blind = case(0, vec![]);
    blind.pods = Known::unknown("loading");
    blind.is(State::ScaledDown, "");
}

#[test]
fn without_a_look_at_the_pods_nothing_is_claimed() {
    let mut case = case(1, vec![]);
    case.pods = Known::unknown("forbidden: needs list pods in team-a");
    case.is(State::Unknown, "forbidden: needs list pods in team-a");
}

#[test]
fn all_replicas_ready_is_running() {
    case(1, vec![ready(App::ControlPlane, 0)]).is(State::Running, "");
    case(3, (0..3).map(|n| ready(App::ControlPlane, n)).collect()).is(State::Running, "");
}

#[test]
fn the_worst_pod_decides_wherever_it_stands_in_the_list() {
    for broken in 0..3 {
        let pods = (0..3).map(|n| match n == broken {
            true => crashing(App::ControlPlane, n),
            false => ready(App::ControlPlane, n),
        });
        let reason = format!("2 of 3 ready: team-a-{broken} CrashLoopBackOff (OOMKilled, 14 restarts)");
        case(3, pods.collect()).is(State::Degraded, &reason);
    }
}

#[test]
fn what_does_not_serve_is_down_with_its_reason() {
    case(1, vec![crashing(App::ControlPlane, 0)])
        .is(State::Down, "0 of 1 ready: team-a-0 CrashLoopBackOff (OOMKilled, 14 restarts)");
    let mut pull = pod(App::ControlPlane, 0, "ImagePullBackOff");
    pull.waiting = Some("Back-off pulling image \"vcluster:nope\"".into());
    case(1, vec![pull]).is(
        State::Down,
        "0 of 1 ready: team-a-0 ImagePullBackOff (Back-off pulling image \"vcluster:nope\")",
    );
    case(1, vec![pod(App::ControlPlane, 0, "Init:Error")])
        .is(State::Down, "0 of 1 ready: team-a-0 Init:Error");
}

#[test]
fn a_start_is_pending_until_patience_ends() {
    for status in ["Pending", "ContainerCreating", "Init:0/1", "PodInitializing", "Running"] {
        let mut case = case(1, vec![pod(App::ControlPlane, 0, status)]);
        let verdict = case.verdict();
        assert_eq!(verdict.state, State::Pending, "{status}");
        assert_eq!(verdict.revisit, Some(at(300)), "{status}");
        case.now = at(300);
        let verdict = case.verdict();
        assert_eq!((verdict.state, verdict.revisit), (State::Down, None), "{status}");
    }
}

#[test]
fn a_pod_that_was_ready_and_is_not_any_more_is_no_start() {
    let mut lost = pod(App::ControlPlane, 0, "Running");
    lost.initialized = Some(at(10));
    lost.ready_changed = Some(at(10));
    case(1, vec![lost.clone()]).is(State::Pending, "0 of 1 ready: team-a-0 not ready yet");
    lost.ready_changed = Some(at(40));
    case(1, vec![lost]).is(State::Down, "0 of 1 ready: team-a-0 no longer ready");
}

#[test]
fn a_start_beside_ready_replicas_is_pending_not_degraded() {
    case(2, vec![ready(App::ControlPlane, 0), pod(App::ControlPlane, 1, "ContainerCreating")])
        .is(State::Pending, "1 of 2 ready: team-a-1 ContainerCreating");
}

#[test]
fn a_pod_that_no_node_takes_says_why() {
    let mut homeless = pod(App::ControlPlane, 0, "Pending");
    homeless.unschedulable = Some("0/3 nodes are available: 3 Insufficient memory.".into());
    let reason =
        "0 of 1 ready: team-a-0 cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory.";
    let mut case = case(1, vec![homeless]);
    case.is(State::Pending, reason);
    case.now = at(301);
    case.is(State::Down, reason);
}

#[test]
fn without_any_pod_the_workload_tells_why() {
    let mut case = case(1, vec![]);
    case.is(State::Pending, "0 of 1 ready: no pod exists");
    case.main.trouble = Some("pods \"team-a-x\" is forbidden: exceeded quota: vc-team-a".into());
    case.is(State::Down, "0 of 1 ready: pods \"team-a-x\" is forbidden: exceeded quota: vc-team-a");
    case.main.trouble = None;
    case.now = at(301);
    case.is(State::Down, "0 of 1 ready: no pod exists");
}

#[test]
fn records_of_ended_pods_do_not_count_once_they_are_replaced() {
    let evicted = pod(App::ControlPlane, 9, "Evicted");
    case(1, vec![evicted.clone(), ready(App::ControlPlane, 0)]).is(State::Running, "");
    case(1, vec![evicted]).is(State::Down, "0 of 1 ready: team-a-9 Evicted");
}

#[test]
fn a_pod_on_its_way_out_is_neither_ready_nor_broken() {
    let mut leaving = ready(App::ControlPlane, 0);
    leaving.deleted = Some(at(50));
    leaving.row.status = "Terminating".into();
    case(1, vec![leaving.clone()]).is(State::Pending, "0 of 1 ready: team-a-0 Terminating");
    let mut stuck = case(1, vec![leaving.clone()]);
    stuck.now = at(50) + PATIENCE;
    stuck.is(State::Down, "0 of 1 ready: team-a-0 Terminating");
    case(1, vec![leaving.clone(), ready(App::ControlPlane, 1)]).is(State::Running, "");
    leaving.row.status = "Unknown".into();
    case(1, vec![leaving]).is(State::Down, "0 of 1 ready: team-a-0 Unknown");
}

#[test]
fn a_stuck_roll_out_degrades_what_still_serves() {
    let mut case = case(1, vec![ready(App::ControlPlane, 0), crashing(App::ControlPlane, 1)]);
    case.main.kind = Workload::Deployment;
    case.is(State::Degraded, "1 of 1 ready: team-a-1 CrashLoopBackOff (OOMKilled, 14 restarts)");
}

#[test]
fn a_roll_out_that_goes_well_is_running_and_says_so() {
    let mut case = case(2, vec![ready(App::ControlPlane, 0), ready(App::ControlPlane, 1)]);
    case.main.kind = Workload::Deployment;
    case.main.updated = 1;
    case.is(State::Running, "rolling out: 1 of 2 updated");
}

#[test]
fn deployed_etcd_counts_by_majority() {
    let members = |up: u32| -> Vec<ControlPod> {
        let etcd = (0..3).map(|n| if n < up { ready(App::Etcd, n) } else { crashing(App::Etcd, n) });
        etcd.chain([ready(App::ControlPlane, 0)]).collect()
    };
    let with = |up: u32| Case { parts: vec![workload(App::Etcd, 3)], ..case(1, members(up)) };
    with(3).is(State::Running, "");
    with(2).is(State::Degraded, "etcd 2 of 3 ready: team-a-etcd-2 CrashLoopBackOff (OOMKilled, 14 restarts)");
    // The API server may still answer reads.
    assert_eq!(with(1).verdict().state, State::Degraded);
}

#[test]
fn when_all_is_down_the_store_is_named() {
    let pods = vec![crashing(App::ControlPlane, 0), crashing(App::Etcd, 0)];
    let case = Case { parts: vec![workload(App::Etcd, 1)], ..case(1, pods) };
    case.is(State::Down, "etcd 0 of 1 ready: team-a-etcd-0 CrashLoopBackOff (OOMKilled, 14 restarts)");
}

#[test]
fn etcd_scaled_to_zero_takes_the_control_plane_down() {
    let mut etcd = workload(App::Etcd, 0);
    etcd.ready = 0;
    let up = Case { parts: vec![etcd.clone()], ..case(1, vec![ready(App::ControlPlane, 0)]) };
    up.is(State::Degraded, "etcd is scaled to 0");
    let down = Case { parts: vec![etcd], ..case(1, vec![crashing(App::ControlPlane, 0)]) };
    down.is(State::Down, "etcd is scaled to 0");
}

#[test]
fn parts_of_old_charts_count_too() {
    let parts = vec![workload(App::LegacyApi, 1), workload(App::LegacyController, 1)];
    let pods =
        vec![ready(App::ControlPlane, 0), crashing(App::LegacyApi, 1), ready(App::LegacyController, 2)];
    let case = Case { parts, ..case(1, pods) };
    case.is(State::Degraded, "API server 0 of 1 ready: team-a-1 CrashLoopBackOff (OOMKilled, 14 restarts)");
}
