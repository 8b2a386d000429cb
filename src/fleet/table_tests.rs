use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::cluster::{Failure, FailureKind};
use crate::fleet::config::Settings;
use crate::fleet::model::{Phase as PodPhase, PodRow, Store, Workload};
use crate::fleet::quota::QuotaEntry;
use crate::fleet::state::State;

pub(in crate::fleet) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn key(namespace: &str, name: &str) -> Key {
    Key { namespace: namespace.into(), name: name.into() }
}

fn source(kind: Kind) -> Source {
    Source { kind, namespace: None }
}

/// A workload that has stood for long.
pub(in crate::fleet) fn workload(kind: Workload, app: App, release: &str, name: &str) -> WorkloadRow {
    WorkloadRow {
        kind,
        app,
        release: release.into(),
        name: name.into(),
        labels: Arc::default(),
        created: Some(now() - TimeDelta::days(9)),
        deleted: None,
        desired: 1,
        ready: 1,
        updated: 1,
        observed: true,
        paused: false,
        paused_date: None,
        restoring: false,
        asleep: false,
        term: Default::default(),
        noted: None,
        certificates_end: Known::unknown("not told"),
        syncer_image: Some("ghcr.io/loft-sh/vcluster-pro:0.30.0".into()),
        kubernetes_image: Some("ghcr.io/loft-sh/kubernetes:v1.35.1".into()),
        trouble: None,
    }
}

fn plain(release: &str) -> WorkloadRow {
    workload(Workload::StatefulSet, App::ControlPlane, release, release)
}

fn pod_row(namespace: &str, name: &str) -> PodRow {
    PodRow {
        name: name.into(),
        namespace: namespace.into(),
        uid: format!("uid-{name}").into(),
        virtual_name: None,
        virtual_namespace: None,
        status: "Running".into(),
        phase: PodPhase::Running,
        ready: 1,
        containers: 1,
        restarts: 0,
        node: None,
        created: Some(now() - TimeDelta::days(9)),
    }
}

/// A ready control-plane pod of `team-a`.
pub(in crate::fleet) fn control_pod(name: &str, restarts: u32) -> ControlPod {
    ControlPod {
        row: PodRow { restarts, ..pod_row("team-a", name) },
        app: App::ControlPlane,
        release: "team-a".into(),
        deleted: None,
        ready: true,
        ready_changed: None,
        initialized: None,
        unschedulable: None,
        waiting: None,
        last_end: None,
        last_oom: None,
        oom: false,
    }
}

fn config(release: &str, store: Store) -> ConfigRow {
    ConfigRow {
        release: release.into(),
        settings: Some(Settings { store, distro: None, kubernetes: None }),
        sleep_type: None,
        sleeping_since: None,
    }
}

fn quota(used: &str, hard: &str) -> Arc<Quota> {
    let pods = QuotaEntry::new("vc".into(), "pods".into(), used.into(), hard.into());
    Arc::new([pods].into_iter().collect())
}

fn synced(namespace: &str, name: &str, vcluster: &str) -> SyncedPod {
    SyncedPod { row: pod_row(namespace, name), vcluster: vcluster.into() }
}

/// A table and short ways to fill it.
struct Host(Table);

impl Host {
    /// Every watch has been listed, whole and empty.
    fn listed() -> Self {
        let mut host = Host::silent();
        host.0.apply(&source(Kind::StatefulSets), Rows::Workloads(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::Deployments), Rows::Workloads(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::ControlPods), Rows::ControlPods(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::Configs), Rows::Configs(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::Quotas), Rows::Quotas(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::Policies), Rows::Policies(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::Statuses), Rows::Statuses(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::Namespaces), Rows::Namespaces(vec![Event::Synced]), now());
        host.0.apply(&source(Kind::SyncedPods), Rows::SyncedPods(vec![Event::Synced]), now());
        host
    }

    /// No watch has told anything.
    fn silent() -> Self {
        let mut table = Table::new("eu".into(), Thresholds::default());
        for kind in Kind::ALL {
            table.sources.entry(source(kind)).or_default();
        }
        Host(table)
    }

    fn workload(&mut self, namespace: &str, row: WorkloadRow) -> &mut Self {
        let kind = match row.kind {
            Workload::StatefulSet => Kind::StatefulSets,
            Workload::Deployment => Kind::Deployments,
        };
        let event = Event::Upsert(key(namespace, &row.name), row);
        self.0.apply(&source(kind), Rows::Workloads(vec![event]), now());
        self
    }

    fn control_pod(&mut self, namespace: &str, row: ControlPod) -> &mut Self {
        let event = Event::Upsert(key(namespace, &row.row.name), row);
        self.0.apply(&source(Kind::ControlPods), Rows::ControlPods(vec![event]), now());
        self
    }

    fn config(&mut self, namespace: &str, row: ConfigRow) -> &mut Self {
        let event = Event::Upsert(key(namespace, &format!("vc-config-{}", row.release)), row);
        self.0.apply(&source(Kind::Configs), Rows::Configs(vec![event]), now());
        self
    }

    fn synced_pod(&mut self, row: SyncedPod) -> &mut Self {
        let event = Event::Upsert(key(&row.row.namespace, &row.row.name), row);
        self.0.apply(&source(Kind::SyncedPods), Rows::SyncedPods(vec![event]), now());
        self
    }

    fn denied(&mut self, kind: Kind) -> &mut Self {
        let failure = Failure::new(FailureKind::Forbidden, "no");
        self.0.on_phase(&source(kind), Phase::Broken { failure, next_try: now() }, now());
        self
    }

    fn rows(&mut self) -> Vec<Arc<Vcluster>> {
        self.0.rebuild(now());
        self.0.rows()
    }

    fn row(&mut self) -> Arc<Vcluster> {
        let rows = self.rows();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    }
}

#[test]
fn a_row_gathers_what_belongs_to_it() {
    let mut host = Host::listed();
    host.workload("team-a", plain("team-a"))
        .control_pod("team-a", control_pod("team-a-0", 3))
        .config("team-a", config("team-a", Store::EmbeddedEtcd))
        .synced_pod(synced("team-a", "web", "team-a"))
        .synced_pod(synced("team-a", "api", "team-a"))
        .synced_pod(synced("team-b", "other", "team-b"));
    let row = host.row();
    assert_eq!((row.state, row.reason.as_str()), (State::Running, ""));
    assert_eq!(row.version, Known::Yes("0.30.0".into()));
    assert_eq!(row.kubernetes, Known::Yes("v1.35.1".into()));
    assert_eq!(row.distro, Known::Yes("k8s".into()));
    assert_eq!(row.store, Known::Yes(Store::EmbeddedEtcd));
    assert_eq!(row.restarts.get().map(|restarts| restarts.count), Some(3));
    assert_eq!(row.synced.get().map(|counts| (counts.total, counts.running)), Some((2, 2)));
    assert_eq!(row.quota, Known::NotApplicable);
    assert_eq!((row.control_plane.len(), row.pods.len()), (1, 2));
    let unknown: Vec<&str> = row.unknown.keys().map(SmolStr::as_str).collect();
    assert_eq!(unknown, ["certificates", "lag", "orphans", "store_health"]);
}

#[test]
fn two_in_one_namespace_are_two_rows() {
    let mut host = Host::listed();
    host.workload("shared", plain("one"))
        .workload("shared", plain("two"))
        .synced_pod(synced("shared", "a", "one"))
        .synced_pod(synced("shared", "b", "two"))
        .synced_pod(synced("shared", "c", "two"));
    let counts: Vec<_> = host
        .rows()
        .iter()
        .map(|row| (row.key.name.to_string(), row.synced.get().map(|counts| counts.total)))
        .collect();
    assert_eq!(counts, [("one".to_owned(), Some(1)), ("two".to_owned(), Some(2))]);
}

#[test]
fn a_lookup_that_failed_is_a_row_with_its_reason() {
    let mut blind = Host::silent();
    for kind in [Kind::ControlPods, Kind::Configs, Kind::Quotas, Kind::SyncedPods] {
        blind.denied(kind);
    }
    blind.workload("team-a", plain("team-a"));
    let row = blind.row();
    assert_eq!(row.state, State::Unknown);
    assert_eq!(row.reason, "forbidden: needs list pods in team-a");
    assert_eq!(row.store.why(), Some("forbidden: needs list secrets in team-a"));
    assert_eq!(row.quota.why(), Some("forbidden: needs list resourcequotas in team-a"));
    assert_eq!(row.synced.why(), Some("forbidden: needs list pods in team-a"));
    for field in ["restarts", "store", "quota", "pods"] {
        assert!(row.unknown.contains_key(field), "{field}: {:?}", row.unknown);
    }
    assert_eq!(row.version, Known::Yes("0.30.0".into()), "what can be seen is shown");
}

#[test]
fn what_is_still_loading_is_unknown_and_not_zero() {
    let mut host = Host::silent();
    host.workload("team-a", plain("team-a")).synced_pod(synced("team-a", "web", "team-a"));
    let row = host.row();
    assert_eq!((row.state, row.synced.why()), (State::Unknown, Some("loading")));
    assert_eq!(row.store.why(), Some("loading"));
    assert_eq!(row.pods.len(), 1, "what has come is there to look at");
}

#[test]
fn an_answer_in_one_namespace_counts_there_only() {
    let mut host = Host::listed();
    let here = Source { kind: Kind::Configs, namespace: Some("team-a".into()) };
    host.0.sources.remove(&source(Kind::Configs));
    let event = Event::Upsert(key("team-a", "vc-config-team-a"), config("team-a", Store::EmbeddedDatabase));
    host.0.apply(&here, Rows::Configs(vec![event, Event::Synced]), now());
    host.workload("team-a", plain("team-a")).workload("team-b", plain("team-b"));
    let rows = host.rows();
    assert_eq!(rows[0].store, Known::Yes(Store::EmbeddedDatabase));
    assert_eq!(rows[1].store.why(), Some("forbidden: needs list secrets in team-b"));
}

#[test]
fn of_several_claims_the_best_is_the_control_plane_and_the_others_are_told() {
    let mut host = Host::listed();
    let mut going = plain("team-a");
    going.deleted = Some(now());
    host.workload("team-a", going)
        .workload("team-a", workload(Workload::Deployment, App::ControlPlane, "team-a", "copy"))
        .workload("team-a", workload(Workload::Deployment, App::ControlPlane, "team-a", "team-a"));
    let row = host.row();
    assert_eq!(row.workload, Workload::Deployment);
    let finding = row.findings.iter().find(|finding| finding.code == "duplicate-workload").unwrap();
    assert!(
        finding.message.contains("StatefulSet team-a") && finding.message.contains("Deployment copy"),
        "{finding:?}"
    );
}

#[test]
fn etcd_counts_where_it_is_the_store_and_not_after_a_migration() {
    let mut host = Host::listed();
    let mut etcd = workload(Workload::StatefulSet, App::Etcd, "team-a", "team-a-etcd");
    etcd.desired = 0;
    host.workload("team-a", plain("team-a"))
        .workload("team-a", etcd)
        .control_pod("team-a", control_pod("team-a-0", 0));
    let row = host.row();
    assert_eq!(
        (row.state, &row.store),
        (State::Degraded, &Known::Yes(Store::DeployedEtcd)),
        "charts before 0.20"
    );
    host.config("team-a", config("team-a", Store::EmbeddedEtcd));
    let row = host.row();
    assert_eq!((row.state, &row.store), (State::Running, &Known::Yes(Store::EmbeddedEtcd)));
}

#[test]
fn pods_of_namespaces_made_by_namespace_sync_count_for_their_home() {
    let mut host = Host::listed();
    let home = NamespaceRow { deleted: None, home: Some(("team-a".into(), "team-a".into())) };
    host.workload("team-a", plain("team-a"))
        .synced_pod(synced("team-a", "web", "team-a"))
        .synced_pod(synced("team-a-shop", "cart", "team-a"));
    assert_eq!(host.row().pods.len(), 1);
    let made = Event::Upsert(key("", "team-a-shop"), home);
    host.0.apply(&source(Kind::Namespaces), Rows::Namespaces(vec![made]), now());
    assert_eq!(host.row().pods.len(), 2);
    host.synced_pod(synced("team-a-shop", "till", "team-a"));
    assert_eq!(host.row().synced.get().map(|counts| counts.total), Some(3));
    let gone = Event::Gone(key("", "team-a-shop"), None);
    host.0.apply(&source(Kind::Namespaces), Rows::Namespaces(vec![gone]), now());
    assert_eq!(host.row().pods.len(), 1);
}

#[test]
fn a_namespace_on_its_way_out_takes_its_rows_along() {
    let mut host = Host::listed();
    host.workload("team-a", plain("team-a")).control_pod("team-a", control_pod("team-a-0", 0));
    let ending = NamespaceRow { deleted: Some(now()), home: None };
    let event = Event::Upsert(key("", "team-a"), ending);
    host.0.apply(&source(Kind::Namespaces), Rows::Namespaces(vec![event]), now());
    assert_eq!(host.row().state, State::Terminating);
    let gone = Event::Gone(key("team-a", "team-a"), None);
    host.0.apply(&source(Kind::StatefulSets), Rows::Workloads(vec![gone]), now());
    assert!(host.rows().is_empty());
}

#[test]
fn a_quota_belongs_to_every_row_of_its_namespace() {
    let mut host = Host::listed();
    host.workload("shared", plain("one")).workload("shared", plain("two"));
    let event = Event::Upsert(key("shared", "vc-one"), quota("19", "20"));
    host.0.apply(&source(Kind::Quotas), Rows::Quotas(vec![event]), now());
    for row in host.rows() {
        assert_eq!(row.quota.get().and_then(|quota| quota.worst()).and_then(|entry| entry.ratio), Some(0.95));
        assert!(row.findings.iter().any(|finding| finding.code == "quota-near-limit"), "{:?}", row.findings);
    }
}

#[test]
fn a_changed_label_moves_a_pod_to_its_new_owner() {
    let mut host = Host::listed();
    host.workload("shared", plain("one"))
        .workload("shared", plain("two"))
        .synced_pod(synced("shared", "a", "one"));
    host.rows();
    host.synced_pod(synced("shared", "a", "two"));
    let totals: Vec<_> = host.rows().iter().map(|row| row.pods.len()).collect();
    assert_eq!(totals, [0, 1]);
}

#[test]
fn only_what_changed_is_made_anew() {
    let mut host = Host::listed();
    host.workload("team-a", plain("team-a")).workload("team-b", plain("team-b"));
    let before = host.rows();
    host.synced_pod(synced("team-b", "web", "team-b"));
    assert!(host.0.rebuild(now()));
    let after = host.0.rows();
    assert!(Arc::ptr_eq(&before[0], &after[0]));
    assert!(!Arc::ptr_eq(&before[1], &after[1]));
    host.workload("team-a", plain("team-a"));
    assert!(!host.0.rebuild(now()), "an event that changes no row is no change");
}

#[test]
fn time_alone_ends_patience() {
    let mut host = Host::listed();
    let mut young = plain("team-a");
    young.created = Some(now());
    host.workload("team-a", young);
    assert_eq!(host.row().state, State::Pending);
    let due = host.0.pass_time(now()).unwrap();
    assert_eq!(due, now() + TimeDelta::minutes(5));
    assert_eq!(host.0.pass_time(due), None);
    assert!(host.0.rebuild(due));
    assert_eq!(host.0.rows()[0].state, State::Down);
}

#[test]
fn staleness_marks_every_row_and_leaves_it_as_it_was() {
    let mut host = Host::listed();
    host.workload("team-a", plain("team-a")).control_pod("team-a", control_pod("team-a-0", 0));
    let fresh = host.row();
    host.0.set_stale(Some(now()));
    let stale = host.row();
    assert_eq!(stale.stale_since, Some(now()));
    assert_eq!(Vcluster { stale_since: None, ..(*stale).clone() }, *fresh);
    host.0.set_stale(None);
    assert_eq!(host.row(), fresh);
}

/// One change of one of a few objects.
#[derive(Debug, Clone)]
enum Change {
    Workload(u8, bool),
    Pod(u8, bool),
    Config(u8, bool),
    Synced(u8, u8, bool),
    Quota(bool),
}

fn change() -> impl Strategy<Value = Change> {
    let there = prop::bool::weighted(0.7);
    prop_oneof![
        (0u8..3, there).prop_map(|(n, there)| Change::Workload(n, there)),
        (0u8..3, there).prop_map(|(n, there)| Change::Pod(n, there)),
        (0u8..3, there).prop_map(|(n, there)| Change::Config(n, there)),
        (0u8..6, 0u8..3, there).prop_map(|(n, owner, there)| Change::Synced(n, owner, there)),
        there.prop_map(Change::Quota),
    ]
}

fn apply(table: &mut Table, change: &Change) {
    fn event<R>(key: Key, row: R, there: bool) -> Vec<Event<R>> {
        vec![if there { Event::Upsert(key, row) } else { Event::Gone(key, None) }]
    }
    let name = |n: &u8| format!("vc-{n}");
    let (kind, rows) = match change {
        Change::Workload(n, there) => {
            let rows = event(key("ns", &name(n)), plain(&name(n)), *there);
            (Kind::StatefulSets, Rows::Workloads(rows))
        }
        Change::Pod(n, there) => {
            let pod = ControlPod { release: name(n).into(), ..control_pod(&format!("{}-0", name(n)), 0) };
            (Kind::ControlPods, Rows::ControlPods(event(key("ns", &pod.row.name.clone()), pod, *there)))
        }
        Change::Config(n, there) => {
            let row = config(&name(n), Store::EmbeddedEtcd);
            (Kind::Configs, Rows::Configs(event(key("ns", &format!("vc-config-{}", name(n))), row, *there)))
        }
        Change::Synced(n, owner, there) => {
            let row = synced("ns", &format!("pod-{n}"), &name(owner));
            (Kind::SyncedPods, Rows::SyncedPods(event(key("ns", &format!("pod-{n}")), row, *there)))
        }
        Change::Quota(there) => {
            (Kind::Quotas, Rows::Quotas(event(key("ns", "quota"), quota("1", "2"), *there)))
        }
    };
    table.apply(&source(kind), rows, now());
}

/// Which object a change is about.
fn subject(change: &Change) -> (u8, u8) {
    match change {
        Change::Workload(n, _) => (0, *n),
        Change::Pod(n, _) => (1, *n),
        Change::Config(n, _) => (2, *n),
        Change::Synced(n, ..) => (3, *n),
        Change::Quota(_) => (4, 0),
    }
}

proptest! {
    /// Rows depend on what is there, not on the way that led there nor on when one looked.
    #[test]
    fn the_way_does_not_matter(changes in prop::collection::vec((change(), any::<bool>()), 0..60)) {
        let mut by_steps = Host::listed();
        let mut last = BTreeMap::new();
        for (change, look) in &changes {
            apply(&mut by_steps.0, change);
            last.insert(subject(change), change.clone());
            if *look {
                by_steps.0.rebuild(now());
            }
        }
        let mut at_once = Host::listed();
        for change in last.values() {
            apply(&mut at_once.0, change);
        }
        prop_assert_eq!(by_steps.rows(), at_once.rows());
    }
}
