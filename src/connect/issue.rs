//! Credentials to hand out: a certificate or a token that the virtual cluster itself issues, and that ends.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use rand::RngExt as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::secret::{Hidden, Identity};
use crate::cluster::{Cluster, Failure, Guard, ObjectRef, Propagation, ReadError, Resource, WriteError};
use crate::names::safe_concat;
use crate::operation::{Cancelled, Progress};
use crate::wire::annotation;

/// The steps of issuing, in order.
pub const STEPS: [&str; 2] = ["issue the credentials", "bind the role"];
/// The shortest life that an API server gives a certificate or a token.
pub const SHORTEST: Duration = Duration::from_secs(600);

/// Who signs client certificates.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// How long the controller that signs may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(200);

const REQUESTS: Resource = Resource {
    group: SmolStr::new_static("certificates.k8s.io"),
    version: SmolStr::new_static("v1"),
    plural: SmolStr::new_static("certificatesigningrequests"),
    kind: SmolStr::new_static("CertificateSigningRequest"),
    namespaced: false,
};

const fn rbac(plural: &'static str, kind: &'static str, namespaced: bool) -> Resource {
    Resource {
        group: SmolStr::new_static("rbac.authorization.k8s.io"),
        version: SmolStr::new_static("v1"),
        plural: SmolStr::new_static(plural),
        kind: SmolStr::new_static(kind),
        namespaced,
    }
}

/// Who gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A person, by a certificate that the tenant's controller manager signs.
    User {
        /// Name.
        name: SmolStr,
        /// A group.
        group: Option<SmolStr>,
    },
    /// A service account inside, by a token; it is made if it is not there.
    Account {
        /// Its namespace inside.
        namespace: SmolStr,
        /// Its name.
        name: SmolStr,
    },
}

impl Holder {
    fn name(&self) -> &SmolStr {
        match self {
            Holder::User { name, .. } | Holder::Account { name, .. } => name,
        }
    }

    fn subject(&self) -> Value {
        match self {
            Holder::User { name, .. } => {
                json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
            }
            Holder::Account { namespace, name } => {
                json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
            }
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Who gets them.
    pub holder: Holder,
    /// A ClusterRole inside that is bound to it.
    pub role: Option<SmolStr>,
    /// The namespace inside in which the role holds; none for everywhere.
    pub within: Option<SmolStr>,
    /// How long they are to live.
    pub lifetime: Duration,
}

/// Credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// They.
    pub identity: Identity,
    /// When they really end, as the API server has decided.
    pub expires: DateTime<Utc>,
}

/// Why there are none.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The API server of the virtual cluster refused.
    #[error("cannot {what} in the virtual cluster: {failure}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What it answered.
        failure: Failure,
    },
    /// Something could not be made there.
    #[error(transparent)]
    Unwritten(#[from] WriteError),
    /// Something could not be looked at.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// Nobody signed.
    #[error("nobody has signed the certificate within {} s: is a controller manager running inside that signs? {hint}", PATIENCE.as_secs())]
    Unsigned {
        /// What to try instead.
        hint: &'static str,
    },
    /// It was denied, or failed.
    #[error("the certificate was not signed: {0}")]
    Denied(String),
    /// A certificate cannot be made or read.
    #[error("cannot make the certificate: {0}")]
    Certificate(String),
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Issues them, in the virtual cluster that `tenant` is. The steps are [`STEPS`].
///
/// # Errors
/// When the virtual cluster does not issue them.
pub async fn issue(tenant: &Cluster, wanted: &Wanted, progress: &Progress) -> Result<Issued, IssueError> {
    let issued = progress
        .step(0, async {
            match &wanted.holder {
                Holder::User { name, group } => {
                    certificate(tenant, name, group.as_deref(), wanted.lifetime, progress).await
                }
                Holder::Account { namespace, name } => token(tenant, namespace, name, wanted.lifetime).await,
            }
        })
        .await?;
    match &wanted.role {
        None => progress.skip(1, "none was named"),
        Some(role) => progress.step(1, bind(tenant, wanted, role, issued.expires)).await?,
    }
    Ok(issued)
}

/// Waits for an answer of the tenant no longer than for any other.
async fn answer<T>(
    tenant: &Cluster,
    what: &'static str,
    asked: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, IssueError> {
    let patience = tenant.request_timeout();
    let failure = match tokio::time::timeout(patience, asked).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => Failure::from_kube(&error),
        Err(_) => Failure::timeout(patience),
    };
    Err(IssueError::Refused { what, failure })
}

fn seconds(lifetime: Duration) -> i32 {
    i32::try_from(lifetime.max(SHORTEST).as_secs()).unwrap_or(i32::MAX)
}

async fn certificate(
    tenant: &Cluster,
    user: &str,
    group: Option<&str>,
    lifetime: Duration,
    progress: &Progress,
) -> Result<Issued, IssueError> {
    let made = |error: rcgen::Error| IssueError::Certificate(error.to_string());
    let key = KeyPair::generate().map_err(made)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    let request = params.serialize_request(&key).and_then(|request| request.pem()).map_err(made)?;
    let name = format!("v9s-{:016x}", rand::rng().random::<u64>());
    let object = ObjectRef { resource: REQUESTS, namespace: None, name: name.as_str().into() };
    let body = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"request": STANDARD.encode(request), "signerName": SIGNER, "expirationSeconds": seconds(lifetime),
            "usages": ["digital signature", "client auth"]},
    });
    let applied: CertificateSigningRequest = tenant.apply("issue-kubeconfig", &object, &body).await?;
    let signed = signed(tenant, &name, progress).await;
    // It has served its purpose, whatever came of it.
    let guard = Guard { uid: applied.metadata.uid.unwrap_or_default().into(), resource_version: None };
    tenant.delete("issue-kubeconfig", &object, &guard, Propagation::Background, None).await?;
    let certificate = signed?;
    let expires =
        end_of(&certificate).ok_or_else(|| IssueError::Certificate("it cannot be read".to_owned()))?;
    let identity = Identity::Certificate { certificate, key: Hidden::new(key.serialize_pem()) };
    Ok(Issued { identity, expires })
}

/// Approves a request and waits for its certificate.
async fn signed(tenant: &Cluster, name: &str, progress: &Progress) -> Result<String, IssueError> {
    let requests: Api<CertificateSigningRequest> = Api::all(tenant.client());
    let condition = json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Issued",
        "message": "asked for by whoever administers this virtual cluster"}]}});
    let (params, patch) = (PatchParams::default(), Patch::Merge(condition));
    answer(tenant, "approve the certificate", requests.patch_approval(name, &params, &patch)).await?;
    let look = || async {
        let now = answer(tenant, "look for the certificate", requests.get(name)).await?;
        let status = now.status.unwrap_or_default();
        if let Some(certificate) = status.certificate.filter(|certificate| !certificate.0.is_empty()) {
            let text = String::from_utf8(certificate.0);
            return text.map(Ok).map_err(|_| IssueError::Certificate("it is not text".to_owned()));
        }
        let mut conditions = status.conditions.unwrap_or_default().into_iter();
        match conditions.find(|one| matches!(one.type_.as_str(), "Denied" | "Failed")) {
            Some(failed) => Err(IssueError::Denied(failed.message.unwrap_or(failed.type_))),
            None => Ok(Err(SmolStr::new_static("for the tenant's controller manager to sign"))),
        }
    };
    let late = |_| IssueError::Unsigned { hint: "a service account needs none: --service-account" };
    progress.until(LOOK, PATIENCE, late, look).await
}

/// When a certificate ends, PEM.
pub fn end_of(pem: &str) -> Option<DateTime<Utc>> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
}

async fn token(
    tenant: &Cluster,
    namespace: &SmolStr,
    name: &SmolStr,
    lifetime: Duration,
) -> Result<Issued, IssueError> {
    let account = ObjectRef::namespaced(Resource::SERVICE_ACCOUNTS, namespace.clone(), name.clone());
    let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}});
    tenant.apply::<Value>("issue-kubeconfig", &account, &body).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(tenant.client(), namespace);
    let spec = TokenRequestSpec { expiration_seconds: Some(seconds(lifetime).into()), ..Default::default() };
    let request = TokenRequest { spec: Some(spec), ..Default::default() };
    let params = PostParams::default();
    let asked = accounts.create_token_request(name, &params, &request);
    let status = answer(tenant, "get a token", asked).await?.status.unwrap_or_default();
    let expires = status.expiration_timestamp.and_then(|end| DateTime::from_timestamp(end.0.as_second(), 0));
    match (expires, status.token.filter(|token| !token.is_empty())) {
        (Some(expires), Some(token)) => Ok(Issued { identity: Identity::Token(Hidden::new(token)), expires }),
        _ => Err(IssueError::Certificate("the answer has no token".to_owned())),
    }
}

/// Binds a ClusterRole to the holder, everywhere or in one namespace. The binding says until when it was meant.
async fn bind(
    tenant: &Cluster,
    wanted: &Wanted,
    role: &SmolStr,
    expires: DateTime<Utc>,
) -> Result<(), IssueError> {
    let name =
        safe_concat(&["v9s", role, &wanted.holder.name().replace([':', '@', '/'], "-").to_lowercase()]);
    let resource = match &wanted.within {
        Some(_) => rbac("rolebindings", "RoleBinding", true),
        None => rbac("clusterrolebindings", "ClusterRoleBinding", false),
    };
    let mut metadata = json!({"name": name, "annotations": {annotation::EXPIRES: expires.to_rfc3339()}});
    if let Some(namespace) = &wanted.within {
        metadata["namespace"] = namespace.as_str().into();
    }
    let body = json!({
        "apiVersion": resource.api_version(), "kind": resource.kind, "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [wanted.holder.subject()],
    });
    let object = ObjectRef { resource, namespace: wanted.within.clone(), name: format_smolstr!("{name}") };
    tenant.apply::<Value>("issue-kubeconfig", &object, &body).await?;
    Ok(())
}
