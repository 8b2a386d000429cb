//! The questions: objects where they may be read, dry runs elsewhere.

use std::net::IpAddr;

use http::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::probe::{Family, Said, read};
use crate::cluster::{Cluster, Failure, FailureKind};
use crate::provision::values::Cidr;

/// What came of asking for any address of a family.
#[derive(Debug)]
pub(super) enum Asked {
    /// One of its addresses, and whether Services get such a one when they ask for no family.
    Address { address: IpAddr, usual: bool },
    /// The cluster does not have this family.
    NoSuchFamily,
    /// No Service may be made now.
    Unavailable(Failure),
}

#[derive(Deserialize)]
struct List {
    items: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    cidrs: Vec<String>,
}

/// The blocks of all ServiceCIDR objects, those that the server was started with first.
pub(super) async fn objects(cluster: &Cluster) -> Result<Vec<Cidr>, Failure> {
    /// The object that an API server makes of its flag.
    const OF_THE_SERVER: &str = "kubernetes";
    let request = Request::get("/apis/networking.k8s.io/v1/servicecidrs").body(Vec::new());
    let List { mut items } = cluster.json(request.map_err(unbuildable)?).await?;
    items.retain(|item| item.metadata.deletion_timestamp.is_none());
    items.sort_by_key(|item| item.metadata.name != OF_THE_SERVER);
    Ok(items.iter().flat_map(|item| &item.spec.cidrs).filter_map(|cidr| Cidr::parse(cidr)).collect())
}

/// Asks for any address of a family.
pub(super) async fn any(cluster: &Cluster, namespace: &str, family: Family) -> Result<Asked, Failure> {
    let usual = match dry_run(cluster, namespace, json!({})).await {
        Ok(service) => address_of(&service),
        Err(failure) if is_refusal(&failure) => return Ok(Asked::Unavailable(failure)),
        Err(failure) => return Err(failure),
    };
    if let Some(address) = usual.filter(|address| Family::of(*address) == family) {
        return Ok(Asked::Address { address, usual: true });
    }
    let asked = json!({"ipFamilyPolicy": "SingleStack", "ipFamilies": [family.name()]});
    match dry_run(cluster, namespace, asked).await {
        Ok(service) => Ok(match address_of(&service) {
            Some(address) => Asked::Address { address, usual: false },
            None => Asked::NoSuchFamily,
        }),
        Err(failure) if failure.kind == FailureKind::Rejected => Ok(Asked::NoSuchFamily),
        Err(failure) if is_refusal(&failure) => Ok(Asked::Unavailable(failure)),
        Err(failure) => Err(failure),
    }
}

/// Asks whether an address is in the range.
pub(super) async fn about(cluster: &Cluster, namespace: &str, address: IpAddr) -> Result<Said, Failure> {
    let asked = json!({"clusterIP": address, "clusterIPs": [address], "ipFamilies": [Family::of(address).name()],
        "ipFamilyPolicy": "SingleStack"});
    match dry_run(cluster, namespace, asked).await {
        Ok(_) => Ok(Said::Inside),
        Err(failure) => match read(&failure.message) {
            Some(said) => Ok(said),
            // Addresses are allotted before quotas and policies are asked: it is one of the range.
            None if failure.kind == FailureKind::Forbidden && !is_missing_right(&failure) => Ok(Said::Inside),
            None => Err(failure),
        },
    }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Forbidden | FailureKind::Rejected) && !is_missing_right(failure)
}

/// Whether it is the right to create Services that is missing, rather than room.
fn is_missing_right(failure: &Failure) -> bool {
    failure.kind == FailureKind::Forbidden && failure.message.contains("cannot create resource")
}

fn address_of(service: &Value) -> Option<IpAddr> {
    service["spec"]["clusterIP"].as_str()?.parse().ok()
}

async fn dry_run(cluster: &Cluster, namespace: &str, asked: Value) -> Result<Value, Failure> {
    let mut spec = json!({"ports": [{"port": 443}]});
    if let (Some(spec), Value::Object(asked)) = (spec.as_object_mut(), asked) {
        spec.extend(asked);
    }
    let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"generateName": "v9s-range-"}, "spec": spec});
    let request = Request::post(format!("/api/v1/namespaces/{namespace}/services?dryRun=All"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes());
    cluster.json(request.map_err(unbuildable)?).await
}

fn unbuildable(error: http::Error) -> Failure {
    Failure::new(FailureKind::Rejected, format!("cannot be asked: {error}"))
}
