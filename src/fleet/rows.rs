//! What is kept of each object: small rows, made on the watch's task.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use smol_str::SmolStr;

use super::config::{self, Settings};
use super::image;
use super::model::{Phase, PodRow, Workload};
use super::pod_status::{self, ending};
use super::pool::Pool;
use super::quota::{Quota, QuotaEntry};
use super::views::{
    ConfigView, ContainerStatus, NamespaceView, Pairs, PodView, PolicyView, QuotaView, StatusView,
    WorkloadAnnotations, WorkloadView, instant,
};
use crate::cluster::watch::{Fold, Key, Text};
use crate::companion::{self, SyncerStatus};
use crate::health::certificates;
use crate::health::isolation::Policy;
use crate::known::Known;
use crate::target::{Noted, NotedText, Term};
use crate::wire::{App, PROBE_CONTROLLER, SYNCER_CONTAINER, label};

/// A StatefulSet or Deployment of a control plane.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WorkloadRow {
    pub(super) kind: Workload,
    pub(super) app: App,
    /// The virtual cluster, by the label `release`.
    pub(super) release: SmolStr,
    pub(super) name: SmolStr,
    pub(super) labels: Arc<BTreeMap<SmolStr, SmolStr>>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) deleted: Option<DateTime<Utc>>,
    pub(super) desired: u32,
    pub(super) ready: u32,
    pub(super) updated: u32,
    /// Whether the controller has seen the newest specification.
    pub(super) observed: bool,
    pub(super) paused: bool,
    pub(super) paused_date: Option<SmolStr>,
    pub(super) restoring: bool,
    pub(super) asleep: bool,
    /// How long it is to live, and who answers for it.
    pub(super) term: Term,
    /// What is noted of its backups; none when nothing is.
    pub(super) noted: Option<Arc<Noted>>,
    /// When the first of its certificates ends.
    pub(super) certificates_end: Known<DateTime<Utc>>,
    pub(super) syncer_image: Option<SmolStr>,
    /// Image of the container that carries Kubernetes itself, if any does.
    pub(super) kubernetes_image: Option<SmolStr>,
    /// Why the controller cannot make pods, if it says so.
    pub(super) trouble: Option<SmolStr>,
}

/// A pod of a control plane, with what its state is judged by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ControlPod {
    pub(super) row: PodRow,
    pub(super) app: App,
    pub(super) release: SmolStr,
    pub(super) deleted: Option<DateTime<Utc>>,
    /// Condition `Ready`.
    pub(super) ready: bool,
    /// When that condition last changed.
    pub(super) ready_changed: Option<DateTime<Utc>>,
    /// When all init containers were done.
    pub(super) initialized: Option<DateTime<Utc>>,
    /// Why it cannot be scheduled.
    pub(super) unschedulable: Option<SmolStr>,
    /// What the waiting container waits for, in the runtime's words.
    pub(super) waiting: Option<SmolStr>,
    /// The newest end of one of its containers.
    pub(super) last_end: Option<End>,
    /// The newest kill for want of memory.
    pub(super) last_oom: Option<DateTime<Utc>>,
    /// Whether a container was killed for want of memory, with or without a time.
    pub(super) oom: bool,
}

/// How and when a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) reason: SmolStr,
    pub(super) at: Option<DateTime<Utc>>,
}

/// A synced pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SyncedPod {
    pub(super) row: PodRow,
    /// The virtual cluster that its label names.
    pub(super) vcluster: SmolStr,
}

/// A configuration Secret, without its content.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConfigRow {
    pub(super) release: SmolStr,
    /// None when the content is not the YAML of a configuration.
    pub(super) settings: Option<Settings>,
    pub(super) sleep_type: Option<SmolStr>,
    pub(super) sleeping_since: Option<DateTime<Utc>>,
}

/// What a companion has published.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StatusRow {
    /// The virtual cluster it is about.
    pub(super) vcluster: SmolStr,
    /// What it says, or why that cannot be read.
    pub(super) told: Result<Arc<SyncerStatus>, SmolStr>,
    /// When it was written, by the host's clock.
    pub(super) written: Option<DateTime<Utc>>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamespaceRow {
    pub(super) deleted: Option<DateTime<Utc>>,
    /// The virtual cluster it was made for by namespace sync: its host namespace and name.
    pub(super) home: Option<(SmolStr, SmolStr)>,
}

/// Folds StatefulSets or Deployments.
pub(super) struct Workloads(pub(super) Workload);

impl Fold for Workloads {
    type Object<'a> = WorkloadView<'a>;
    type Row = WorkloadRow;

    fn fold(&mut self, key: &Key, object: WorkloadView<'_>) -> Option<WorkloadRow> {
        let labels = object.metadata.labels()?;
        let app = App::of(labels.get(label::APP)?)?;
        let release = labels.get(label::RELEASE).filter(|release| !release.is_empty())?;
        let marks = object.metadata.annotations();
        let is_true = |mark: Option<&str>| mark == Some("true");
        let template = &object.spec.template.spec;
        let containers = || {
            let inits = template.init_containers.iter().flatten();
            template.containers.iter().flatten().chain(inits)
        };
        let syncer = containers().find(|container| container.name.as_str() == SYNCER_CONTAINER);
        let kubernetes = containers().find(|container| image::distro(&container.image).is_some());
        let status = object.status.as_ref();
        Some(WorkloadRow {
            kind: self.0,
            app,
            release: release.into(),
            name: key.name.clone(),
            labels: Arc::new(owned(labels)),
            created: object.metadata.created(),
            deleted: object.metadata.deleted(),
            desired: object.spec.replicas.unwrap_or(1),
            ready: status.and_then(|status| status.ready_replicas).unwrap_or(0),
            updated: status.and_then(|status| status.updated_replicas).unwrap_or(0),
            observed: status.and_then(|status| status.observed_generation) >= object.metadata.generation,
            paused: is_true(marks.and_then(|marks| marks.paused.as_deref())),
            paused_date: marks.and_then(|marks| marks.paused_date.as_deref()).map(SmolStr::new),
            restoring: is_true(marks.and_then(|marks| marks.restoring.as_deref())),
            asleep: is_true(labels.get(label::SLEEP_MODE)),
            term: marks.map(term).unwrap_or_default(),
            noted: marks.and_then(|marks| noted(marks, &key.namespace, release)),
            certificates_end: certificates::told(marks.and_then(|marks| marks.certificates_end.as_deref())),
            syncer_image: syncer.map(|container| SmolStr::new(&*container.image)),
            kubernetes_image: kubernetes.map(|container| SmolStr::new(&*container.image)),
            trouble: replica_failure(&object),
        })
    }
}

fn term(marks: &WorkloadAnnotations<'_>) -> Term {
    let full =
        |text: &Option<Text<'_>>| text.as_deref().filter(|text| !text.trim().is_empty()).map(SmolStr::new);
    Term { expires: full(&marks.expires), owner: full(&marks.owner) }
}

fn noted(marks: &WorkloadAnnotations<'_>, namespace: &str, release: &str) -> Option<Arc<Noted>> {
    let text = NotedText {
        good: marks.backup.as_deref(),
        missed: marks.backup_missed.as_deref(),
        objective: marks.backup_objective.as_deref(),
    };
    let something = text.good.or(text.missed).or(text.objective).is_some();
    something.then(|| Arc::new(Noted::read(text, namespace, release)))
}

fn replica_failure(object: &WorkloadView<'_>) -> Option<SmolStr> {
    let conditions = object.status.as_ref()?.conditions.as_ref()?;
    let failure =
        conditions.iter().find(|c| c.kind.as_str() == "ReplicaFailure" && c.status.as_str() == "True")?;
    Some(SmolStr::new(&*failure.message))
}

fn owned(pairs: &Pairs<'_>) -> BTreeMap<SmolStr, SmolStr> {
    pairs.0.iter().map(|(key, value)| (SmolStr::new(&**key), SmolStr::new(&**value))).collect()
}

/// Folds the pods of control planes.
#[derive(Default)]
pub(super) struct ControlPods(Pool);

impl Fold for ControlPods {
    type Object<'a> = PodView<'a>;
    type Row = ControlPod;

    fn fold(&mut self, key: &Key, pod: PodView<'_>) -> Option<ControlPod> {
        let labels = pod.metadata.labels()?;
        let app = App::of(labels.app.as_deref()?)?;
        let release = labels.release.as_deref().filter(|release| !release.is_empty())?;
        let scheduled = pod.status.condition("PodScheduled");
        let unschedulable =
            scheduled.filter(|c| c.status.as_str() == "False" && c.reason.as_str() == "Unschedulable");
        let statuses = || all_statuses(&pod);
        let ends = statuses().flat_map(|status| {
            [status.state.terminated.as_ref(), status.last_state.terminated.as_ref()].into_iter().flatten()
        });
        let ends: Vec<_> = ends
            .filter(|end| end.exit_code != 0 || end.reason.as_str() == "OOMKilled")
            .map(|end| End { reason: ending(end), at: instant(end.finished_at.as_ref()) })
            .collect();
        let ooms = || ends.iter().filter(|end| end.reason == "OOMKilled");
        let waiting =
            statuses().find_map(|status| status.state.waiting.as_ref().map(|waiting| &waiting.message));
        let ready = pod.status.condition("Ready");
        Some(ControlPod {
            row: pod_row(&mut self.0, key, &pod),
            app,
            release: release.into(),
            deleted: pod.metadata.deleted(),
            ready: pod.status.is_true("Ready"),
            ready_changed: instant(ready.and_then(|ready| ready.last_transition_time.as_ref())),
            initialized: pod
                .status
                .condition("Initialized")
                .filter(|done| done.status.as_str() == "True")
                .and_then(|done| instant(done.last_transition_time.as_ref())),
            unschedulable: unschedulable.map(|condition| SmolStr::new(&*condition.message)),
            waiting: waiting.filter(|message| !message.is_empty()).map(|message| SmolStr::new(&**message)),
            last_oom: ooms().filter_map(|end| end.at).max(),
            oom: ooms().next().is_some(),
            last_end: ends.iter().max_by_key(|end| end.at).cloned(),
        })
    }
}

fn all_statuses<'a, 'v>(pod: &'v PodView<'a>) -> impl Iterator<Item = &'v ContainerStatus<'a>> {
    let inits = pod.status.init_container_statuses.iter().flatten();
    inits.chain(pod.status.container_statuses.iter().flatten())
}

/// Folds synced pods.
#[derive(Default)]
pub(super) struct SyncedPods(Pool);

impl Fold for SyncedPods {
    type Object<'a> = PodView<'a>;
    type Row = SyncedPod;

    fn fold(&mut self, key: &Key, pod: PodView<'_>) -> Option<SyncedPod> {
        let labels = pod.metadata.labels()?;
        // What probes the network is selected as they are, and is none of them.
        if labels.controlled_by.as_deref() == Some(PROBE_CONTROLLER) {
            return None;
        }
        let vcluster = labels.managed_by.as_deref().filter(|name| !name.is_empty())?;
        let vcluster = self.0.get(vcluster);
        let mut row = pod_row(&mut self.0, key, &pod);
        let identity = pod.metadata.annotations();
        row.virtual_name = identity.and_then(|i| i.virtual_name.as_deref()).map(SmolStr::new);
        row.virtual_namespace =
            identity.and_then(|i| i.virtual_namespace.as_deref()).map(|text| self.0.get(text));
        Some(SyncedPod { row, vcluster })
    }
}

fn pod_row(pool: &mut Pool, key: &Key, pod: &PodView<'_>) -> PodRow {
    let words = pod_status::words(pod);
    let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    PodRow {
        name: key.name.clone(),
        namespace: key.namespace.clone(),
        uid: pod.metadata.uid().into(),
        virtual_name: None,
        virtual_namespace: None,
        status: pool.get(&words.status),
        phase: match pod.status.phase.as_str() {
            "Pending" => Phase::Pending,
            "Running" => Phase::Running,
            "Succeeded" => Phase::Succeeded,
            "Failed" => Phase::Failed,
            _ => Phase::Unknown,
        },
        ready: count(words.ready),
        containers: count(words.containers),
        restarts: words.restarts,
        node: pod.spec.node_name.as_deref().filter(|name| !name.is_empty()).map(|name| pool.get(name)),
        created: pod.metadata.created(),
    }
}

/// Folds configuration Secrets. Their content is looked at here and goes no further.
pub(super) struct Configs;

impl Fold for Configs {
    type Object<'a> = ConfigView<'a>;
    type Row = ConfigRow;

    fn fold(&mut self, key: &Key, secret: ConfigView<'_>) -> Option<ConfigRow> {
        let named = crate::wire::name::of_config_secret(&key.name)?;
        let release = secret.metadata.labels().and_then(|labels| labels.release.as_deref()).unwrap_or(named);
        let content = secret.data.as_ref().and_then(|data| data.config.as_deref());
        let settings = match content {
            Some(encoded) => STANDARD.decode(encoded).ok().and_then(|yaml| config::read(&yaml)),
            None => None,
        };
        let marks = secret.metadata.annotations();
        let since =
            marks.and_then(|marks| marks.sleeping_since.as_deref()).and_then(|text| text.parse().ok());
        let sleep_type = marks.and_then(|marks| marks.sleep_type.as_deref());
        Some(ConfigRow {
            release: release.into(),
            settings,
            sleep_type: sleep_type.filter(|kind| !kind.is_empty()).map(SmolStr::new),
            sleeping_since: since.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        })
    }
}

/// Folds ResourceQuotas.
#[derive(Default)]
pub(super) struct Quotas(Pool);

impl Fold for Quotas {
    type Object<'a> = QuotaView<'a>;
    type Row = Arc<Quota>;

    fn fold(&mut self, key: &Key, quota: QuotaView<'_>) -> Option<Arc<Quota>> {
        let hard = quota.status.hard.as_ref().or(quota.spec.hard.as_ref());
        let used = |resource: &str| quota.status.used.as_ref().and_then(|used| used.get(resource));
        let entries = hard.into_iter().flat_map(|hard| &hard.0).map(|(resource, limit)| {
            let used = SmolStr::new(used(resource).unwrap_or("?"));
            QuotaEntry::new(key.name.clone(), self.0.get(resource), used, SmolStr::new(&**limit))
        });
        Some(Arc::new(entries.collect()))
    }
}

/// More than this is no status: a companion names a few objects and counts the rest.
const LONGEST_STATUS: usize = 64 * 1024;

/// Folds what companions publish.
pub(super) struct Statuses;

impl Fold for Statuses {
    type Object<'a> = StatusView<'a>;
    type Row = StatusRow;

    fn fold(&mut self, key: &Key, object: StatusView<'_>) -> Option<StatusRow> {
        let labels = object.metadata.labels.as_ref()?;
        let vcluster = labels.of.as_deref().filter(|name| !name.is_empty())?;
        // A tenant may choose labels of what is mirrored, and never its name on the host.
        if labels.managed_by.is_some() || key.name != companion::config_map(vcluster) {
            return None;
        }
        let text = object.data.as_ref().and_then(|data| data.status.as_deref()).unwrap_or_default();
        let told = if text.len() > LONGEST_STATUS {
            Err(SmolStr::new_static("the status of the companion is too long to be one"))
        } else {
            companion::read(text).map(Arc::new)
        };
        let writers = object.metadata.managed_fields.iter().flatten();
        Some(StatusRow {
            vcluster: vcluster.into(),
            told,
            written: writers.filter_map(|writer| instant(writer.time.as_ref())).max(),
        })
    }
}

/// Folds NetworkPolicies.
pub(super) struct Policies;

impl Fold for Policies {
    type Object<'a> = PolicyView<'a>;
    type Row = Policy;

    fn fold(&mut self, key: &Key, policy: PolicyView<'_>) -> Option<Policy> {
        Some(Policy::of(key.name.clone(), &policy.spec))
    }
}

/// Folds namespaces.
pub(super) struct Namespaces;

impl Fold for Namespaces {
    type Object<'a> = NamespaceView<'a>;
    type Row = NamespaceRow;

    fn fold(&mut self, _: &Key, namespace: NamespaceView<'_>) -> Option<NamespaceRow> {
        let labels = namespace.metadata.labels();
        let home = labels.and_then(|labels| {
            Some((labels.vcluster_namespace.as_deref()?.into(), labels.vcluster.as_deref()?.into()))
        });
        Some(NamespaceRow { deleted: namespace.metadata.deleted(), home })
    }
}
