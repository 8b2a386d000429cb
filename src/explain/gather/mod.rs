//! Reads what [`super::explain`] judges: bounded, on the host and inside. Never wakes a virtual cluster that rests.

mod around;

use chrono::Utc;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde::de::DeserializeOwned;
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::facts::{Facts, Plane, Seen, Subject, Tenant};
use super::pod;
use crate::cluster::{Cluster, EventRow, FailureKind, ObjectRef, ReadError, Resource};
use crate::companion::{self, SyncerStatus};
use crate::gc::{Place, Ways};
use crate::known::Known;
use crate::names::VirtualName;
use crate::target::{Target, refresh};
use crate::wire::{self, annotation, label};

/// What somebody wants to have explained.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// A tenant's pod, by its name inside.
    Tenant {
        /// The virtual cluster.
        target: Target,
        /// Namespace inside.
        namespace: SmolStr,
        /// Name inside.
        pod: SmolStr,
    },
    /// The control plane of a virtual cluster.
    ControlPlane {
        /// The virtual cluster.
        target: Target,
    },
    /// A pod by its name on the host, whosever it is.
    Host {
        /// Namespace on the host.
        namespace: SmolStr,
        /// Name on the host.
        pod: SmolStr,
    },
}

/// Nothing can be explained.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// There is no such pod.
    #[error("there is no pod {pod} {place}; `v9s list` shows the virtual clusters, the tab Pods their pods")]
    NoPod {
        /// Its name.
        pod: String,
        /// Where it was looked for.
        place: String,
    },
    /// The host does not answer.
    #[error("{error}; {}", error.remedy())]
    Unread {
        /// What came of it.
        #[from]
        error: ReadError,
    },
}

/// Reads everything that is needed to explain something.
///
/// # Errors
/// When there is no such pod, or the host does not answer at all. What may not be read is part of the facts.
pub async fn gather(host: &Cluster, ways: &dyn Ways, wish: &Wish) -> Result<Facts, ExplainError> {
    // Whoever does not answer this answers nothing.
    let now = host.clock().await?.unwrap_or_else(Utc::now);
    let at_work = Gathering { host, ways, now };
    match wish {
        Wish::Tenant { target, namespace, pod } => {
            let origin = VirtualName::namespaced(namespace.clone(), pod.clone());
            let place = Place::new(target.namespace.clone(), target.name.clone());
            let host_name = SmolStr::from(place.names().host_name(&origin).as_str());
            at_work.of_tenant(target, origin, host_name).await
        }
        Wish::ControlPlane { target } => at_work.control_plane(target).await,
        Wish::Host { namespace, pod } => at_work.of_host(namespace, pod).await,
    }
}

struct Gathering<'a> {
    host: &'a Cluster,
    ways: &'a dyn Ways,
    now: chrono::DateTime<Utc>,
}

impl Gathering<'_> {
    async fn of_tenant(
        &self,
        target: &Target,
        origin: VirtualName,
        host_name: SmolStr,
    ) -> Result<Facts, ExplainError> {
        let (namespace, name) = (origin.namespace.clone().unwrap_or_default(), origin.name.clone());
        let (inside, host, companion) = tokio::join!(
            self.inside(target, &namespace, &name),
            seen(self.host, &target.namespace, &host_name),
            self.companion(target),
        );
        let missing = |side: &Known<Seen>| side.get().is_some_and(|seen| seen.pod.is_none());
        if missing(&inside) && missing(&host) {
            let place = format!("in {target} on {}", target.host);
            return Err(ExplainError::NoPod { pod: origin.to_string(), place });
        }
        let tenant = tenant(target, host_name, companion);
        let mut facts = self.facts(Subject::Pod { namespace, name }, Some(tenant), inside, host);
        self.around(&mut facts, &target.namespace).await;
        Ok(facts)
    }

    async fn of_host(&self, namespace: &SmolStr, name: &SmolStr) -> Result<Facts, ExplainError> {
        let object = ObjectRef::namespaced(Resource::PODS, namespace.clone(), name.clone());
        let found = match self.host.get::<Pod>(&object).await {
            Ok(found) => found,
            Err(failure) if failure.kind == FailureKind::NotFound => {
                let place = format!("on {}", self.host.context);
                return Err(ExplainError::NoPod { pod: format!("{namespace}/{name}"), place });
            }
            Err(failure) => return Err(self.host.error(format!("read {object}"), failure).into()),
        };
        let meta = &found.metadata;
        let mark = |all: Option<&std::collections::BTreeMap<String, String>>, key: &str| {
            all.and_then(|all| all.get(key)).map(SmolStr::from)
        };
        let owner = mark(meta.labels.as_ref(), label::MANAGED_BY);
        let origin = mark(meta.annotations.as_ref(), annotation::OBJECT_NAMESPACE)
            .zip(mark(meta.annotations.as_ref(), annotation::OBJECT_NAME))
            .map(|(namespace, name)| VirtualName::namespaced(namespace, name));
        let released = mark(meta.labels.as_ref(), label::RELEASE).filter(|_| {
            mark(meta.labels.as_ref(), label::APP).is_some_and(|app| wire::App::of(&app).is_some())
        });
        if let Some((owner, origin)) = owner.zip(origin) {
            let target = refresh(self.host, namespace, &owner).await?;
            if !target.parts.is_empty() {
                return self.of_tenant(&target, origin, name.clone()).await;
            }
        }
        let tenant = match released {
            Some(release) => {
                let target = refresh(self.host, namespace, &release).await?;
                Some(tenant(&target, name.clone(), Known::NotApplicable))
            }
            None => None,
        };
        let subject = Subject::Pod { namespace: namespace.clone(), name: name.clone() };
        let told = events(self.host, namespace, meta.uid.as_deref().unwrap_or_default()).await;
        let host = Known::Yes(Seen { pod: Some(found), events: told });
        let mut facts = self.facts(subject, tenant, Known::NotApplicable, host);
        self.around(&mut facts, namespace).await;
        Ok(facts)
    }

    async fn control_plane(&self, target: &Target) -> Result<Facts, ExplainError> {
        let selector = format!("{},{}={}", wire::control_plane_selector(), label::RELEASE, target.name);
        let pods = self.host.list::<Pod>(&Resource::PODS, Some(&target.namespace), Some(&selector)).await;
        let pods = pods.map_err(|failure| self.host.error(format!("list the pods of {target}"), failure))?;
        let tenant = || tenant(target, SmolStr::default(), Known::NotApplicable);
        let host = |pod, events| Known::Yes(Seen { pod, events });
        // The one that is worst off: those that are not well first, then the oldest.
        let mut ranked: Vec<(bool, Pod)> = Vec::new();
        for pod in pods {
            let alone = self.facts(
                subject_of(&pod),
                None,
                Known::NotApplicable,
                host(Some(pod.clone()), Known::NotApplicable),
            );
            ranked.push((pod::is_well(&alone), pod));
        }
        ranked.sort_by_key(|(well, pod)| (*well, pod.metadata.name.clone()));
        if let Some((_, pod)) = ranked.into_iter().next() {
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let events = events(self.host, &target.namespace, &uid).await;
            let mut facts =
                self.facts(subject_of(&pod), Some(tenant()), Known::NotApplicable, host(Some(pod), events));
            self.around(&mut facts, &target.namespace).await;
            return Ok(facts);
        }
        let part = target.control_plane();
        let (kind, name) = match part {
            Some(part) => (part.kind.resource().kind, part.name.clone()),
            None => ("control plane".into(), target.name.clone()),
        };
        let subject = Subject::Workload { kind, namespace: target.namespace.clone(), name };
        let mut facts =
            self.facts(subject, Some(tenant()), Known::NotApplicable, host(None, Known::NotApplicable));
        facts.workload = self.workload(target).await;
        facts.quotas = self.quotas(&target.namespace).await;
        Ok(facts)
    }

    fn facts(
        &self,
        subject: Subject,
        tenant: Option<Tenant>,
        inside: Known<Seen>,
        host: Known<Seen>,
    ) -> Facts {
        Facts {
            now: self.now,
            subject,
            tenant,
            inside,
            host,
            quotas: Known::NotApplicable,
            nodes: Known::NotApplicable,
            claims: Known::NotApplicable,
            workload: Known::NotApplicable,
        }
    }

    /// What the tenant's own API server has of its pod.
    async fn inside(&self, target: &Target, namespace: &str, name: &str) -> Known<Seen> {
        if target.rest().is_some() {
            return Known::NotApplicable;
        }
        let place = Place::new(target.namespace.clone(), target.name.clone());
        match self.ways.open(self.host, &place).await {
            Ok(inside) => seen(&inside.cluster, namespace, name).await,
            Err(why) => Known::No(why),
        }
    }

    async fn companion(&self, target: &Target) -> Known<Option<SyncerStatus>> {
        let name = companion::config_map(&target.name);
        let map = ObjectRef::namespaced(Resource::CONFIG_MAPS, target.namespace.clone(), name);
        let found: Known<Option<ConfigMap>> = one(self.host, &map).await;
        match found {
            Known::Yes(Some(map)) => match map.data.as_ref().and_then(|data| data.get(companion::KEY)) {
                Some(text) => companion::read(text).map_or_else(Known::No, |status| Known::Yes(Some(status))),
                None => Known::Yes(None),
            },
            Known::Yes(None) => Known::Yes(None),
            Known::No(why) => Known::No(why),
            Known::NotApplicable => Known::NotApplicable,
        }
    }
}

fn subject_of(pod: &Pod) -> Subject {
    let of = |text: &Option<String>| SmolStr::from(text.as_deref().unwrap_or_default());
    Subject::Pod { namespace: of(&pod.metadata.namespace), name: of(&pod.metadata.name) }
}

fn tenant(target: &Target, host_name: SmolStr, companion: Known<Option<SyncerStatus>>) -> Tenant {
    let plane = target.control_plane().map_or_else(Plane::default, |part| Plane {
        name: format_smolstr!("{} {}", part.kind.resource().kind, part.name),
        wanted: part.replicas,
        ready: part.ready,
    });
    Tenant {
        name: target.name.clone(),
        namespace: target.namespace.clone(),
        host_name,
        rest: target.rest(),
        plane,
        companion,
    }
}

/// A pod and its events, on one side.
async fn seen(cluster: &Cluster, namespace: &str, name: &str) -> Known<Seen> {
    let object = ObjectRef::namespaced(Resource::PODS, namespace, name);
    let pod: Option<Pod> = match one(cluster, &object).await {
        Known::Yes(pod) => pod,
        Known::No(why) => return Known::No(why),
        Known::NotApplicable => return Known::NotApplicable,
    };
    let events = match pod.as_ref().and_then(|pod| pod.metadata.uid.as_deref()) {
        Some(uid) => events(cluster, namespace, uid).await,
        None => Known::NotApplicable,
    };
    Known::Yes(Seen { pod, events })
}

async fn events(cluster: &Cluster, namespace: &str, uid: &str) -> Known<Vec<EventRow>> {
    match cluster.events_of(namespace, uid).await {
        Ok(events) => Known::Yes(events),
        Err(error) => Known::unknown(format_smolstr!("{}", error.failure)),
    }
}

/// One object; none where there is none of this name.
async fn one<T: DeserializeOwned>(cluster: &Cluster, object: &ObjectRef) -> Known<Option<T>> {
    match cluster.get(object).await {
        Ok(found) => Known::Yes(Some(found)),
        Err(failure) if failure.kind == FailureKind::NotFound => Known::Yes(None),
        Err(failure) => Known::unknown(format_smolstr!("{failure}")),
    }
}
