//! What must be so before anything is written. Facts are gathered, then judged by a pure function.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol_str::{SmolStr, format_smolstr};

use super::{CreateError, Request};
use crate::cluster::access::Asked;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::provision::objects::unbuilt;
use crate::provision::service_range::{self, ServiceRange};
use crate::provision::values::settings::{BackingStore, DataVolume};
use crate::target::Term;
use crate::wire::{App, annotation, label};

/// Hosts before it do not start sidecars first (Kubernetes 1.29).
const OLDEST_MINOR: u32 = 29;
/// A Service of this name is the platform's: the official chart refuses its namespace, too.
const PLATFORM: &str = "loft";

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub SmolStr);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the host says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Its version, such as `v1.36.2`.
    pub version: SmolStr,
    /// Whether the namespace is there.
    pub namespace: Option<NamespaceFound>,
    /// Control planes in the namespace, by the name of their virtual cluster.
    pub control_planes: Vec<ControlPlaneFound>,
    /// Services in the namespace and their labels.
    pub services: BTreeMap<SmolStr, BTreeMap<SmolStr, SmolStr>>,
    /// Addresses of its Service, where that is there.
    pub addresses: Vec<IpAddr>,
    /// UID of that Service.
    pub service_uid: Option<SmolStr>,
    /// What may not be done: verb and plural.
    pub forbidden: Vec<(SmolStr, SmolStr)>,
    /// Storage classes, and whether one is the default; None where they may not be listed.
    pub storage_classes: Option<Vec<(SmolStr, bool)>>,
    /// Where its Services get their addresses from.
    pub service_range: ServiceRange,
}

/// A namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceFound {
    /// It is about to go.
    pub terminating: bool,
}

/// A control plane that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlPlaneFound {
    /// Kind of its workload.
    pub kind: SmolStr,
    /// Name of its virtual cluster.
    pub release: SmolStr,
    /// Who made it: `Helm`, `v9s`.
    pub heritage: SmolStr,
    /// It is paused.
    pub paused: bool,
    /// What is written down of how long it is to live, and whose it is.
    pub term: Term,
}

impl Found {
    /// What stands in the way of this request; nothing when it may be carried out.
    pub fn refusals(&self, request: &Request) -> Vec<Refusal> {
        let mut refusals: Vec<SmolStr> = Vec::new();
        refusals.extend(unbuilt(&request.settings).iter().map(|it| format_smolstr!("{it}")));
        refusals.extend(self.version_refused(request));
        if self.namespace.is_some_and(|namespace| namespace.terminating) {
            refusals.push(format_smolstr!(
                "namespace {} is being deleted; wait until it is gone",
                request.namespace
            ));
        }
        refusals.extend(self.clashes(request));
        refusals.extend(self.forbidden.iter().map(|(verb, plural)| {
            format_smolstr!(
                "you may not {verb} {plural} for namespace {}; ask for that right",
                request.namespace
            )
        }));
        refusals.extend(self.storage_refused(request));
        refusals.into_iter().map(Refusal).collect()
    }

    /// What should be known although it is no reason to stop.
    pub fn notes(&self, request: &Request) -> Vec<SmolStr> {
        let asks_default = claims(request).into_iter().any(|class| class.is_none());
        let none = self.storage_classes.as_ref().is_some_and(|all| !all.iter().any(|(_, default)| *default));
        let storage = (asks_default && none).then(|| {
            SmolStr::new_static(
                "the host has no default StorageClass: the claim waits until somebody makes a volume for it",
            )
        });
        storage.into_iter().collect()
    }

    fn version_refused(&self, request: &Request) -> Option<SmolStr> {
        let host = minor(&self.version)?;
        if host < OLDEST_MINOR {
            return Some(format_smolstr!(
                "the host is {}; v9s makes virtual clusters on 1.{OLDEST_MINOR} and newer",
                self.version
            ));
        }
        let tenant = &request.settings.control_plane.kubernetes.version;
        if minor(tenant).is_none() {
            return Some(format_smolstr!(
                "controlPlane.distro.k8s.version: {tenant} is no version of Kubernetes such as v1.36.0"
            ));
        }
        None
    }

    fn clashes(&self, request: &Request) -> Vec<SmolStr> {
        let (name, namespace) = (request.name.as_str(), request.namespace.as_str());
        let mut refusals = Vec::new();
        let wanted =
            if request.blueprint(&self.service_range).is_stateful() { "StatefulSet" } else { "Deployment" };
        for plane in &self.control_planes {
            if plane.release != name {
                refusals.push(format_smolstr!(
                    "namespace {namespace} has the virtual cluster {} already; there is one to a namespace",
                    plane.release
                ));
            } else if plane.heritage != "v9s" {
                refusals.push(format_smolstr!(
                    "{namespace}/{name} is there, made by {}; change it by what made it",
                    if plane.heritage.is_empty() { "somebody else" } else { plane.heritage.as_str() }
                ));
            } else if plane.paused {
                refusals.push(format_smolstr!("{namespace}/{name} is paused; resume it first"));
            } else if plane.kind != wanted {
                refusals.push(format_smolstr!(
                    "{namespace}/{name} is a {} and would become a {wanted}, which loses its data; delete it first",
                    plane.kind
                ));
            }
        }
        if self.services.contains_key(PLATFORM) {
            refusals.push(format_smolstr!(
                "namespace {namespace} has a Service {PLATFORM}: the platform lives there"
            ));
        }
        let ours =
            |labels: &BTreeMap<SmolStr, SmolStr>| labels.get(label::RELEASE).is_some_and(|it| it == name);
        if self.services.get(name).is_some_and(|labels| !ours(labels)) {
            refusals.push(format_smolstr!(
                "namespace {namespace} has a Service {name} of somebody else; take another name"
            ));
        }
        refusals
    }

    fn storage_refused(&self, request: &Request) -> Vec<SmolStr> {
        let Some(known) = &self.storage_classes else { return Vec::new() };
        let missing = |class: &str| !class.is_empty() && !known.iter().any(|(name, _)| name == class);
        let asked: BTreeSet<String> =
            claims(request).into_iter().flatten().filter(|class| missing(class)).collect();
        asked.into_iter().map(|class| format_smolstr!("the host has no StorageClass {class}")).collect()
    }
}

/// Classes of the claims that it will have.
fn claims(request: &Request) -> Vec<Option<String>> {
    let plane = &request.settings.control_plane;
    let mut data = vec![&plane.workload.persistence.data];
    if let BackingStore::DeployedEtcd(etcd) = &plane.store {
        data.push(&etcd.persistence.data);
    }
    let claim = |data: &DataVolume| match data {
        DataVolume::Claim(claim) => Some(claim.storage_class.clone()),
        _ => None,
    };
    data.into_iter().filter_map(claim).collect()
}

/// `36` of `v1.36.2+k3s1`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix('v').unwrap_or(version).strip_prefix("1.")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    name: SmolStr,
    #[serde(default)]
    uid: SmolStr,
    #[serde(default)]
    labels: BTreeMap<SmolStr, SmolStr>,
    #[serde(default)]
    annotations: BTreeMap<SmolStr, SmolStr>,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct ServiceItem {
    metadata: Meta,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
struct ServiceSpec {
    #[serde(rename = "clusterIPs", default)]
    cluster_ips: Vec<SmolStr>,
}

impl ServiceItem {
    fn addresses(&self) -> Vec<IpAddr> {
        self.spec.cluster_ips.iter().filter_map(|address| address.parse().ok()).collect()
    }
}

/// Asks the host for all of it. Changes nothing.
///
/// # Errors
/// When the host cannot be reached or does not tell what cannot be done without.
pub async fn look(cluster: &Cluster, request: &Request) -> Result<Found, CreateError> {
    let namespace = request.namespace.as_str();
    let version = cluster.version().await?;
    let there = ObjectRef::cluster_scoped(Resource::NAMESPACES, namespace);
    let there = match cluster.get::<Item>(&there).await {
        Ok(item) => Some(NamespaceFound { terminating: item.metadata.deletion_timestamp.is_some() }),
        Err(failure) if failure.kind == FailureKind::NotFound => None,
        // Who may not look at namespaces works in one that is there.
        Err(failure) if failure.kind == FailureKind::Forbidden => Some(NamespaceFound { terminating: false }),
        Err(failure) => return Err(cluster.error(format!("look for namespace {namespace}"), failure).into()),
    };
    let mut control_planes = Vec::new();
    for kind in [Resource::STATEFUL_SETS, Resource::DEPLOYMENTS] {
        let found: Vec<Item> = list(cluster, &kind, Some(namespace)).await?;
        control_planes.extend(found.into_iter().filter_map(|item| of_control_plane(&kind, item.metadata)));
    }
    let services: Vec<ServiceItem> = list(cluster, &Resource::SERVICES, Some(namespace)).await?;
    let known: Vec<IpAddr> = services.iter().flat_map(ServiceItem::addresses).collect();
    let own = services.iter().find(|service| service.metadata.name == request.name);
    let addresses = own.map(ServiceItem::addresses).unwrap_or_default();
    let service_uid = own.map(|service| service.metadata.uid.clone());
    let service_range = range(cluster, request, there.is_some(), &known).await?;
    let services =
        services.into_iter().map(|service| (service.metadata.name, service.metadata.labels)).collect();
    let storage_classes = storage_classes(cluster).await;
    let found = Found {
        version,
        namespace: there,
        control_planes,
        services,
        addresses,
        service_uid,
        storage_classes,
        service_range,
        forbidden: Vec::new(),
    };
    let forbidden = forbidden(cluster, request, &found).await?;
    Ok(Found { forbidden, ..found })
}

fn of_control_plane(kind: &Resource, mut meta: Meta) -> Option<ControlPlaneFound> {
    if meta.labels.get(label::APP).is_none_or(|app| app != App::ControlPlane.value()) {
        return None;
    }
    let term = Term::of(&meta.annotations);
    Some(ControlPlaneFound {
        term,
        kind: kind.kind.clone(),
        release: meta.labels.remove(label::RELEASE)?,
        heritage: meta.labels.remove(label::HERITAGE).unwrap_or_default(),
        paused: meta.annotations.get(annotation::PAUSED).is_some_and(|paused| paused == "true"),
    })
}

async fn range(
    cluster: &Cluster,
    request: &Request,
    there: bool,
    known: &[IpAddr],
) -> Result<ServiceRange, CreateError> {
    let configured = ServiceRange { blocks: request.settings.networking.service_cidr.clone() };
    if !configured.blocks.is_empty() {
        return Ok(configured);
    }
    // Older hosts are asked by dry runs, for which a namespace must be there.
    let namespace = if there { request.namespace.as_str() } else { "default" };
    let found = service_range::find(cluster, namespace, known, None).await;
    found.map_err(CreateError::NoServiceRange).and_then(|range| {
        if range.blocks.is_empty() {
            let failure = Failure::new(FailureKind::Protocol, "it names no addresses");
            return Err(CreateError::NoServiceRange(failure));
        }
        Ok(range)
    })
}

async fn storage_classes(cluster: &Cluster) -> Option<Vec<(SmolStr, bool)>> {
    const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
    let found: Vec<Item> = list(cluster, &Resource::STORAGE_CLASSES, None).await.ok()?;
    let class = |item: Item| {
        let default = item.metadata.annotations.get(DEFAULT).is_some_and(|it| it == "true");
        (item.metadata.name, default)
    };
    Some(found.into_iter().map(class).collect())
}

/// Applying is patching, and creating what is not there.
async fn forbidden(
    cluster: &Cluster,
    request: &Request,
    found: &Found,
) -> Result<Vec<(SmolStr, SmolStr)>, CreateError> {
    let objects = request.blueprint(&found.service_range).objects();
    let mut kinds: Vec<Resource> = Vec::new();
    for object in objects.all() {
        if !kinds.contains(&object.at.resource) {
            kinds.push(object.at.resource.clone());
        }
    }
    if found.namespace.is_none() {
        kinds.push(Resource::NAMESPACES);
    }
    let asked = kinds.into_iter().flat_map(|kind| {
        let namespace = kind.namespaced.then(|| request.namespace.as_str().into());
        ["create", "patch"].map(|verb| Asked { verb, resource: kind.clone(), namespace: namespace.clone() })
    });
    let answer = cluster.not_allowed(asked.collect()).await;
    let missing = answer.map_err(|failure| cluster.error("ask what may be done", failure))?;
    Ok(missing.into_iter().map(|asked| (asked.verb.into(), asked.resource.plural)).collect())
}

async fn list<T: DeserializeOwned>(
    cluster: &Cluster,
    kind: &Resource,
    namespace: Option<&str>,
) -> Result<Vec<T>, CreateError> {
    let listed = async {
        let request = http::Request::get(kind.path(namespace)).body(Vec::new());
        let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
        cluster.json::<List<T>>(request).await
    };
    let place = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let listed =
        listed.await.map_err(|failure| cluster.error(format!("list {}{place}", kind.plural), failure))?;
    Ok(listed.items)
}
