//! The watches of one host: which kinds, with which selectors, and how well each is doing.

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::protobuf::POD;
use crate::cluster::watch::{Phase, Target};
use crate::cluster::{Failure, FailureKind, Resource};
use crate::{companion, wire};

/// What is watched on a host. Control-plane pods and synced pods are watched apart, so that the fleet is complete
/// while tens of thousands of synced pods still stream in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    StatefulSets,
    Deployments,
    ControlPods,
    Configs,
    Quotas,
    Policies,
    Statuses,
    Namespaces,
    SyncedPods,
}

impl Kind {
    /// All of them, the first needed first.
    pub(super) const ALL: [Kind; 9] = [
        Kind::StatefulSets,
        Kind::Deployments,
        Kind::ControlPods,
        Kind::Configs,
        Kind::Quotas,
        Kind::Policies,
        Kind::Statuses,
        Kind::Namespaces,
        Kind::SyncedPods,
    ];

    pub(super) fn resource(self) -> Resource {
        match self {
            Kind::StatefulSets => Resource::STATEFUL_SETS,
            Kind::Deployments => Resource::DEPLOYMENTS,
            Kind::ControlPods | Kind::SyncedPods => Resource::PODS,
            Kind::Configs => Resource::SECRETS,
            Kind::Quotas => Resource::RESOURCE_QUOTAS,
            Kind::Policies => Resource::NETWORK_POLICIES,
            Kind::Statuses => Resource::CONFIG_MAPS,
            Kind::Namespaces => Resource::NAMESPACES,
        }
    }

    /// Whether it decides which virtual clusters there are.
    pub(super) fn is_workload(self) -> bool {
        matches!(self, Kind::StatefulSets | Kind::Deployments)
    }

    /// The watch for it, in one namespace or all.
    pub(super) fn target(self, namespace: Option<SmolStr>) -> Target {
        let target = Target::new(self.resource()).in_namespace(namespace);
        match self {
            Kind::StatefulSets | Kind::Deployments | Kind::ControlPods => {
                target.labelled(wire::control_plane_selector())
            }
            // A configuration is large: fewer in a page.
            Kind::Configs => Target { page_size: 200, ..target.labelled(wire::config_selector()) },
            Kind::Quotas | Kind::Policies => target,
            Kind::Statuses => target.labelled(companion::LABEL),
            Kind::Namespaces => target.metadata_only(),
            Kind::SyncedPods => target.labelled(wire::synced_selector()).in_protobuf(POD),
        }
    }
}

/// One watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) kind: Kind,
    /// None for all namespaces.
    pub(super) namespace: Option<SmolStr>,
}

/// How a watch is doing.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Whether it has been listed whole at least once.
    pub(super) synced: bool,
    /// What the last try ended with, and when the next one starts. None while it works.
    pub(super) broken: Option<Broken>,
    /// Whether it may only be listed, again and again.
    pub(super) polled: bool,
    /// When it was last right.
    last_right: Option<DateTime<Utc>>,
}

/// A watch that does not work at present.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) failure: Failure,
    pub(super) next_try: DateTime<Utc>,
    /// When it was last right, or has first failed.
    pub(super) since: DateTime<Utc>,
}

impl Health {
    pub(super) fn on_phase(&mut self, phase: Phase, now: DateTime<Utc>) {
        match phase {
            Phase::Listing => {}
            Phase::Live | Phase::Polled => {
                self.polled = phase == Phase::Polled;
                self.broken = None;
                self.last_right = Some(now);
            }
            Phase::Broken { failure, next_try } => {
                let since =
                    self.broken.as_ref().map(|broken| broken.since).or(self.last_right).unwrap_or(now);
                self.broken = Some(Broken { failure, next_try, since });
            }
        }
    }

    pub(super) fn on_events(&mut self, now: DateTime<Utc>) {
        if self.broken.is_none() {
            self.last_right = Some(now);
        }
    }

    /// Until when we could hear what is told: the present as long as there was a sign of life not long ago, else the last
    /// one. A machine that was asleep, or a watch that hangs, must not make others look dead.
    pub(super) fn hears_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let last = self.last_right.unwrap_or(now).min(now);
        let alive = self.broken.is_none() && now - last <= ALIVE;
        if alive { now } else { last }
    }

    /// Whether the server does not let us watch this at all.
    pub(super) fn denied(&self) -> bool {
        !self.synced
            && self.broken.as_ref().is_some_and(|broken| broken.failure.kind == FailureKind::Forbidden)
    }

    /// Why there is nothing from this watch; none when there is.
    pub(super) fn why_nothing(&self, source: &Source) -> Option<SmolStr> {
        match &self.broken {
            _ if self.synced => None,
            Some(broken) if broken.failure.kind == FailureKind::Forbidden => {
                Some(forbidden(source.kind, source.namespace.as_deref()))
            }
            Some(broken) => Some(format_smolstr!("{}", broken.failure)),
            None => Some(SmolStr::new_static(LOADING)),
        }
    }
}

/// A watch that works gives a sign of life this often: servers send a bookmark about once a minute.
const ALIVE: TimeDelta = TimeDelta::seconds(75);

/// Why a fact is not known while its first list is under way.
pub(super) const LOADING: &str = "loading";

/// Which permission is missing.
pub(super) fn forbidden(kind: Kind, namespace: Option<&str>) -> SmolStr {
    let plural = kind.resource().plural;
    match namespace {
        Some(namespace) => format_smolstr!("forbidden: needs list {plural} in {namespace}"),
        None => format_smolstr!("forbidden: needs list {plural} in all namespaces"),
    }
}
