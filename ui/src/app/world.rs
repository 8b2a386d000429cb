//! What every layer may look at.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use v9s::fleet::Fleet;
use v9s::fleet::model::{Vcluster, Workload};

use super::certificates::Ends;
use super::connections::Connections;
use super::jobs::Jobs;
use super::messages::Messages;
use super::planes::Planes;
use super::quotas::Quotas;
use super::stores::Stores;
use crate::actions::{Action, Need};
use crate::app::layer::Offer;
use crate::config::Config;
use crate::theme::Theme;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    /// Kube contexts; none means the current one of the kubeconfig.
    pub contexts: Vec<SmolStr>,
    /// All contexts of the kubeconfig, whatever `contexts` says.
    pub all_contexts: bool,
    /// Host namespaces; none means all that are permitted.
    pub namespaces: Vec<SmolStr>,
}

/// One context of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextRow {
    /// Its name.
    pub name: SmolStr,
    /// URL of the API server.
    pub server: SmolStr,
    /// Namespace it names.
    pub namespace: SmolStr,
    /// Whether it is the current one.
    pub current: bool,
}

/// What is known of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Contexts {
    /// Not read yet.
    #[default]
    Unread,
    /// Its contexts.
    Read(Vec<ContextRow>),
    /// It cannot be read: why and what to do.
    Failed(String),
}

/// What is known of one's rights in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The server has been asked.
    Asked,
    /// What is forbidden of all that v9s might do.
    Known {
        /// Verb and resource, such as `delete pods`.
        forbidden: Vec<SmolStr>,
    },
    /// The server did not say, and why. Actions are offered; it will refuse by itself.
    Failed(SmolStr),
}

/// Everything that layers look at. Only `update` changes it.
#[derive(Debug)]
pub struct World {
    /// The newest snapshot, with what was looked at lately.
    pub fleet: Arc<Fleet>,
    /// The newest snapshot as it came.
    pub told: Arc<Fleet>,
    /// Stores that were looked at.
    pub stores: Stores,
    /// Control planes that were looked at.
    pub planes: Planes,
    /// Certificates that were looked at.
    pub ends: Ends,
    /// What was seen of quotas over time.
    pub quotas: Quotas,
    /// How many stores, control planes and certificates stand in the fleet, and what was found of quotas.
    pub looked_shown: [usize; 4],
    /// Grows with every snapshot, also across sessions: a key for caches.
    pub snapshot: u64,
    /// Whether the fleet of this session has arrived at least once.
    pub arrived: bool,
    /// The moment of this update or frame.
    pub now: DateTime<Utc>,
    /// How things look.
    pub theme: Arc<Theme>,
    /// What the person has set.
    pub config: Arc<Config>,
    /// What is watched.
    pub session: Session,
    /// The kubeconfig.
    pub contexts: Contexts,
    /// What one may do, by host and namespace.
    pub access: HashMap<(SmolStr, SmolStr), Access>,
    /// All jobs.
    pub jobs: Jobs,
    /// Ways into virtual clusters that are open.
    pub connections: Connections,
    /// All messages.
    pub messages: Messages,
    /// Commands typed, oldest first.
    pub history: Vec<String>,
    /// All columns are wanted.
    pub wide: bool,
    /// The header is shown.
    pub header: bool,
    /// The mouse is captured.
    pub mouse: bool,
}

impl World {
    /// A world before anything is known.
    pub fn new(config: Arc<Config>, theme: Arc<Theme>, session: Session, now: DateTime<Utc>) -> Self {
        Self {
            fleet: Arc::default(),
            told: Arc::default(),
            stores: Stores::default(),
            planes: Planes::default(),
            ends: Ends::default(),
            quotas: Quotas::default(),
            looked_shown: [0; 4],
            snapshot: 0,
            arrived: false,
            now,
            theme,
            session,
            contexts: Contexts::default(),
            access: HashMap::new(),
            jobs: Jobs::default(),
            connections: Connections::default(),
            messages: Messages::default(),
            history: Vec::new(),
            wide: config.wide,
            header: !config.headless,
            mouse: config.mouse,
            config,
        }
    }

    /// How many stores, control planes and certificates were looked at lately, and what was found of quotas.
    pub(super) fn looked(&self) -> [usize; 4] {
        let revision = self.quotas.revision();
        [self.stores.fresh(self.now), self.planes.fresh(self.now), self.ends.fresh(self.now), revision]
    }

    /// Takes in how quotas are in the newest snapshot.
    pub(super) fn see_quotas(&mut self) {
        self.quotas.see(&self.told, &self.config.thresholds, self.now);
    }

    /// Puts what was looked at into the fleet; what is too old by now goes out of it.
    pub(super) fn put_looked_in(&mut self) {
        let thresholds = &self.config.thresholds;
        let over = self.stores.over(&self.told, thresholds, self.now);
        let over = self.planes.over(&over, thresholds, self.now);
        let over = self.ends.over(&over, thresholds, self.now);
        let over = self.quotas.over(&over);
        self.looked_shown = self.looked();
        if !Arc::ptr_eq(&over, &self.fleet) {
            self.fleet = over;
            self.snapshot += 1;
        }
    }

    /// What is known of one's rights in a namespace.
    pub fn access(&self, host: &SmolStr, namespace: &SmolStr) -> Option<&Access> {
        self.access.get(&(host.clone(), namespace.clone()))
    }

    /// Whether an action that changes a cluster may be offered in a namespace: absent in read-only mode, greyed
    /// with the missing right otherwise.
    pub fn permits(&self, action: &Action, host: &SmolStr, namespace: &SmolStr) -> Offer {
        self.permits_to(action, action.needs, host, namespace)
    }

    /// The same for a virtual cluster: what is needed of StatefulSets is needed of Deployments where it is one.
    pub fn permits_on(&self, action: &Action, vcluster: &Vcluster) -> Offer {
        let needs = action.needs.map(|need| match vcluster.workload {
            Workload::Deployment => need.of_deployments(),
            Workload::StatefulSet => need,
        });
        self.permits_to(action, needs, &vcluster.key.host, &vcluster.key.namespace)
    }

    /// Whether something may be read unasked: once it is known what one may do, and not where it is forbidden.
    pub fn may(&self, need: Need, host: &SmolStr, namespace: &SmolStr) -> bool {
        match self.access(host, namespace) {
            None | Some(Access::Asked) => false,
            Some(Access::Known { forbidden }) => !forbidden.contains(&right(need)),
            Some(Access::Failed(_)) => true,
        }
    }

    fn permits_to(&self, action: &Action, needs: Option<Need>, host: &SmolStr, namespace: &SmolStr) -> Offer {
        if action.destructive && self.config.read_only_because(host).is_some() {
            return Offer::Absent;
        }
        let Some(need) = needs else { return Offer::Possible };
        match self.access(host, namespace) {
            None | Some(Access::Asked) => {
                Offer::Impossible(format!("asking {host} what you may do in {namespace}").into())
            }
            Some(Access::Known { forbidden }) if forbidden.contains(&right(need)) => {
                Offer::Impossible(format!("forbidden: needs {} in {namespace}", right(need)).into())
            }
            Some(Access::Known { .. } | Access::Failed(_)) => Offer::Possible,
        }
    }
}

/// A right in words, such as `delete pods`.
pub fn right(need: Need) -> SmolStr {
    match need.group {
        "" => format!("{} {}", need.verb, need.resource).into(),
        group => format!("{} {}.{group}", need.verb, need.resource).into(),
    }
}
