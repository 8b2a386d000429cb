//! The control plane of a virtual cluster at one moment, for `health/control/` to judge: asked only while somebody looks at it.

use std::time::Instant;

use chrono::Utc;
use k8s_openapi::api::core::v1::Pod;
use smol_str::{SmolStr, format_smolstr};

use crate::cluster::{Cluster, Resource};
use crate::gc::{Place, Ways};
use crate::health::control::{
    Api, Container, Controller, DnsPod, Lease, Part, Reading, Requests, Usage, checks, containers, dns,
    lease, part, usage,
};
use crate::known::Known;
use crate::target::Target;
use crate::wire::{self, label};

/// The programs that act on what is stored; each has a Lease of its name where it elects a leader.
const CONTROLLERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];
/// Where they have it, and where the name server is.
const SYSTEM: &str = "kube-system";
/// Metrics that are longer than this are not read to their end: a large virtual cluster has a few MiB of them.
const MOST_METRICS: usize = 64 << 20;
/// Selects the pods of name servers, as charts and installers call them.
const NAME_SERVERS: &str = "k8s-app in (vcluster-kube-dns,kube-dns,coredns)";

/// Reads it: its pods and what they use from the host, the rest from its own API server by `ways`. What cannot be looked at is not
/// known, with the reason; what rests is never woken.
pub async fn read(host: &Cluster, target: &Target, ways: &dyn Ways) -> Reading {
    let place = Place::new(target.namespace.clone(), target.name.clone());
    let selector = format!("{},{}={}", wire::control_plane_selector(), label::RELEASE, target.name);
    let kind = Resource::PODS;
    let (inside, pods, usage) = tokio::join!(
        ways.open(host, &place),
        host.list::<Pod>(&kind, Some(&target.namespace), Some(&selector)),
        used(host, &target.namespace, &selector),
    );
    let pods: Known<Vec<Pod>> = match pods {
        Ok(pods) => Known::Yes(pods),
        Err(failure) => Known::No(format_smolstr!("{failure}")),
    };
    let parts = CONTROLLERS.map(|name| (name, pods.get().map_or(Part::Inside, |pods| part(name, pods))));
    let containers: Known<Vec<Container>> = pods.map(|pods| containers(&pods));
    let Answers { api, requests, leases, dns } = match &inside {
        Ok(inside) => asked(&inside.cluster).await,
        Err(why) => Answers {
            api: Known::No(why.clone()),
            requests: Known::No(why.clone()),
            leases: [Known::No(why.clone()), Known::No(why.clone())],
            dns: Known::No(why.clone()),
        },
    };
    let controllers = parts.into_iter().zip(leases);
    Reading {
        taken: Utc::now(),
        api,
        requests,
        controllers: controllers.map(|((name, part), lease)| Controller { name, part, lease }).collect(),
        dns,
        containers,
        usage,
    }
}

/// What its own API server tells.
struct Answers {
    api: Known<Api>,
    requests: Known<Requests>,
    leases: [Known<Option<Lease>>; 2],
    dns: Known<Vec<DnsPod>>,
}

async fn asked(tenant: &Cluster) -> Answers {
    let ([manager, scheduler], kind) = (CONTROLLERS, Resource::PODS);
    let (api, requests, manager, scheduler, dns) = tokio::join!(
        ready(tenant),
        counted(tenant),
        lease_of(tenant, manager),
        lease_of(tenant, scheduler),
        tenant.list::<Pod>(&kind, Some(SYSTEM), Some(NAME_SERVERS)),
    );
    let dns = match dns {
        Ok(pods) => Known::Yes(self::dns(&pods)),
        Err(failure) => Known::No(format_smolstr!("{failure}")),
    };
    Answers { api, requests, leases: [manager, scheduler], dns }
}

/// What it counts of the requests that it has answered. Some of them are this one's.
async fn counted(tenant: &Cluster) -> Known<Requests> {
    let mut requests = Requests::default();
    let take = |line: &[u8]| requests.take(&String::from_utf8_lossy(line));
    match tenant.each_line("/metrics", MOST_METRICS, take).await {
        Ok(()) if requests.is_told() => Known::Yes(requests),
        Ok(()) => Known::unknown("its metrics do not tell of requests"),
        Err(failure) => Known::No(format_smolstr!("{failure}")),
    }
}

/// Whether it says that it is ready, and how long that takes.
async fn ready(tenant: &Cluster) -> Known<Api> {
    let begun = Instant::now();
    let said = match tenant.ask("/readyz?verbose").await {
        Ok(said) => said,
        Err(failure) => return Known::No(format_smolstr!("{failure}")),
    };
    let took = begun.elapsed();
    match said.status.as_u16() {
        code @ (401 | 403) => {
            Known::No(format_smolstr!("it answers {code}: one may not ask whether it is ready"))
        }
        _ => Known::Yes(Api {
            took,
            ready: said.status.is_success(),
            checks: checks(&String::from_utf8_lossy(&said.body)),
        }),
    }
}

async fn lease_of(tenant: &Cluster, name: &str) -> Known<Option<Lease>> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{name}");
    match tenant.ask(&path).await {
        Ok(said) if said.status.as_u16() == 404 => Known::Yes(None),
        Ok(said) if said.status.is_success() => match lease(&said.body, said.at) {
            Some(lease) => Known::Yes(Some(lease)),
            None => Known::unknown("its Lease cannot be read"),
        },
        Ok(said) => Known::No(format_smolstr!("asked for its Lease, the API server answers {}", said.status)),
        Err(failure) => Known::No(format_smolstr!("{failure}")),
    }
}

/// What the containers use, where the host measures it.
async fn used(host: &Cluster, namespace: &SmolStr, selector: &str) -> Known<Vec<Usage>> {
    let selector = percent_encoding::utf8_percent_encode(selector, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods?labelSelector={selector}");
    match host.ask(&path).await {
        Ok(said) if said.status.is_success() => match usage(&said.body) {
            Some(usage) => Known::Yes(usage),
            None => Known::unknown("what its metrics API answers cannot be read"),
        },
        Ok(said) if said.status.as_u16() == 404 => Known::unknown("the host serves no metrics.k8s.io"),
        Ok(said) => {
            Known::No(format_smolstr!("asked for it, metrics.k8s.io of the host answers {}", said.status))
        }
        Err(failure) => Known::No(format_smolstr!("{failure}")),
    }
}
