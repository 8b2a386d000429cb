//! A virtual cluster with an API server of its own, on a host where its syncer does not run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use http::Request;
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::audit::AuditLog;
use v9s::cluster::Cluster;
use v9s::gc::{
    COLLECT_STEPS, Care, CollectOptions, Collected, Finding, Inside, Place, Plan, SURVEY_STEPS, Scope,
    Survey, SurveyOptions, Verdict, Ways, collect, survey,
};
use v9s::names::{Translator, VirtualName};
use v9s::operation::Operation;
use v9s_testkit::host::{Host, Needs};

/// Ages do not matter: what is asked and when does.
pub const CARE: Care = Care { older_than: Duration::ZERO, fresh: Duration::from_secs(120) };

/// Leads to the tenant's API server, and counts.
pub struct Straight {
    inside: Cluster,
    /// Nobody gets in.
    pub shut: AtomicBool,
    pub opened: AtomicUsize,
}

impl Straight {
    /// To this API server.
    pub fn to(inside: Cluster) -> Self {
        Straight { inside, shut: AtomicBool::new(false), opened: AtomicUsize::new(0) }
    }
}

impl Ways for Straight {
    fn open<'a>(&'a self, _: &'a Cluster, _: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        Box::pin(async move {
            self.opened.fetch_add(1, Ordering::Relaxed);
            match self.shut.load(Ordering::Relaxed) {
                true => Err("it cannot be reached".into()),
                false => Ok(Inside { cluster: self.inside.clone(), way: None }),
            }
        })
    }
}

/// A virtual cluster `t`, and its host.
pub struct Seat {
    pub host: Host,
    pub tenant: Host,
    pub namespace: String,
    pub cluster: Cluster,
    pub ways: Arc<Straight>,
    pub names: Translator,
    folder: tempfile::TempDir,
}

impl Seat {
    /// On this host. The store is remembered there.
    pub async fn new(host: Host) -> Result<Self> {
        let tenant = match host.is_real() {
            true => Host::real(Needs::NONE.alone()).await?,
            false => Host::embedded(Needs::NONE).await?,
        };
        Self::on(host, tenant).await
    }

    /// The same where only the host matters: its tenant is an embedded one in any case, which costs nothing.
    pub async fn with_light_tenant(host: Host) -> Result<Self> {
        Self::on(host, Host::embedded(Needs::NONE).await?).await
    }

    async fn on(host: Host, tenant: Host) -> Result<Self> {
        let namespace = host.namespace("team").await?;
        let folder = tempfile::tempdir()?;
        let cluster = Cluster::from_client(host.name, host.url(), "default", host.client())
            .with_audit(AuditLog::at(folder.path().join("audit.jsonl")));
        let inside = Cluster::from_client("inside", tenant.url(), "default", tenant.client());
        let ways = Straight::to(inside);
        let names = Translator::new("t", namespace.as_str());
        let seat = Seat { host, tenant, namespace, cluster, ways: Arc::new(ways), names, folder };
        seat.tenant
            .seed(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})])
            .await?;
        let store = seat.store().await?;
        seat.host.seed(&seat.control_plane(Some(&store))).await?;
        Ok(seat)
    }

    /// UID of `kube-system` inside.
    pub async fn store(&self) -> Result<String> {
        let system = get(&self.tenant, "/api/v1/namespaces/kube-system").await?;
        Ok(system["metadata"]["uid"].as_str().context("there is no kube-system")?.to_owned())
    }

    /// What makes it.
    pub fn control_plane(&self, store: Option<&str>) -> Vec<Value> {
        let labels = json!({"app": "vcluster", "release": "t"});
        let meta = |name: &str| json!({"name": name, "namespace": self.namespace, "labels": labels});
        let mut service = meta("t");
        if let Some(store) = store {
            service["annotations"] = json!({"v9s.io/store": store});
        }
        vec![
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("vc-config-t")}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": service,
                "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]}}),
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("t"),
                "spec": {"replicas": 1, "serviceName": "t", "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "syncer", "image": "v:1"}]}}}}),
        ]
    }

    /// Takes the control plane away, and what made it.
    pub async fn remove_control_plane(&self) -> Result<()> {
        let ns = &self.namespace;
        for path in [
            format!("/apis/apps/v1/namespaces/{ns}/statefulsets/t"),
            format!("/api/v1/namespaces/{ns}/services/t"),
            format!("/api/v1/namespaces/{ns}/secrets/vc-config-t"),
        ] {
            delete(&self.host, &path).await?;
        }
        Ok(())
    }

    /// Creates an object inside, in the namespace `shop`; answers its UID.
    pub async fn inside(&self, kind: &str, name: &str) -> Result<String> {
        let made = self.tenant.seed(&[body(kind, json!({"name": name, "namespace": "shop"}))]).await?;
        made[0].metadata.uid.clone().context("it has no UID")
    }

    /// Name on the host.
    pub fn host_name(&self, name: &str) -> String {
        self.names.host_name(&VirtualName::namespaced("shop", name)).as_str().to_owned()
    }

    /// The host's object for `shop/NAME` with this UID, as a syncer makes it.
    pub fn synced(&self, kind: &str, name: &str, uid: &str) -> Value {
        let host_name = self.host_name(name);
        let metadata = json!({"name": host_name, "namespace": self.namespace,
            "labels": {"vcluster.loft.sh/managed-by": "t", "vcluster.loft.sh/namespace": "shop"},
            "annotations": {"vcluster.loft.sh/object-name": name, "vcluster.loft.sh/object-namespace": "shop",
                "vcluster.loft.sh/object-uid": uid, "vcluster.loft.sh/object-kind": format!("/v1, Kind={kind}"),
                "vcluster.loft.sh/object-host-name": host_name, "vcluster.loft.sh/object-host-namespace": self.namespace}});
        body(kind, metadata)
    }

    /// Puts an object on the host; answers its UID there.
    pub async fn put(&self, object: Value) -> Result<String> {
        let made = self.host.seed(&[object]).await?;
        made[0].metadata.uid.clone().context("it has no UID")
    }

    /// Looks at its namespace.
    pub async fn look(&self) -> Result<Survey> {
        self.look_with(Scope { namespaces: vec![self.namespace.as_str().into()], ..Scope::default() }).await
    }

    pub async fn look_with(&self, scope: Scope) -> Result<Survey> {
        self.look_by(Arc::clone(&self.ways) as Arc<dyn Ways>, SurveyOptions { scope, ..self.options() }).await
    }

    /// Its namespace, and no age that matters.
    pub fn options(&self) -> SurveyOptions {
        let scope = Scope { namespaces: vec![self.namespace.as_str().into()], ..Scope::default() };
        SurveyOptions { scope, care: CARE, at_once: 4, late: Duration::ZERO }
    }

    /// Looks in another way, or with other care.
    pub async fn look_by(&self, ways: Arc<dyn Ways>, options: SurveyOptions) -> Result<Survey> {
        let cluster = self.cluster.clone();
        let operation = Operation::start("look", SURVEY_STEPS, move |progress| async move {
            survey(&cluster, &*ways, &options, &progress).await
        });
        Ok(operation.result().await?)
    }

    pub async fn collect(&self, plan: &Plan) -> Result<Collected> {
        let options = CollectOptions { grace: Some(0), care: CARE, patience: Duration::from_secs(20) };
        let (cluster, ways, plan) = (self.cluster.clone(), Arc::clone(&self.ways), plan.clone());
        let operation = Operation::start("collect", COLLECT_STEPS, move |progress| async move {
            collect(&cluster, &*ways, &plan, &options, &progress).await
        });
        Ok(operation.result().await?)
    }

    /// Names of what the audit log says was deleted.
    pub fn audited(&self) -> Result<Vec<(String, String)>> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap_or_default();
        let mut all = Vec::new();
        for line in text.lines() {
            let record: Value = serde_json::from_str(line)?;
            if record["action"] == "gc" && record["outcome"] == "done" {
                let word = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
                all.push((word("name"), word("uid")));
            }
        }
        Ok(all)
    }
}

/// An object of a core kind with what its kind cannot do without.
pub fn body(kind: &str, metadata: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata});
    match kind {
        "Pod" => {
            object["spec"] = json!({"containers": [{"name": "c", "image": "i",
            "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}}}]})
        }
        "Service" => object["spec"] = json!({"ports": [{"port": 80}]}),
        "PersistentVolumeClaim" => {
            object["spec"] = json!({"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "5Gi"}}})
        }
        _ => {}
    }
    object
}

/// What was found, a word each: `configmaps a-x-shop-x-t: orphan origin-gone`.
pub fn words(survey: &Survey) -> Vec<String> {
    let word = |Finding { claim, verdict }: &Finding| {
        let word = match verdict {
            Verdict::Orphan { reason, .. } => format!("orphan {}", reason.code()),
            Verdict::Suspect { doubt, .. } => format!("suspect {}", doubt.code()),
            other => format!("{other:?}"),
        };
        format!("{} {}: {word}", claim.object.resource.kind, claim.object.name)
    };
    survey.findings.iter().map(word).collect()
}

/// An object, null when it is not there.
pub async fn get(at: &Host, path: &str) -> Result<Value> {
    let request = Request::get(path).body(Vec::new())?;
    match at.client().request::<Value>(request).await {
        Ok(object) => Ok(object),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Value::Null),
        Err(error) => Err(error).with_context(|| format!("reading {path} on the {} host", at.name)),
    }
}

pub async fn delete(at: &Host, path: &str) -> Result<()> {
    let request = Request::delete(path).body(br#"{"gracePeriodSeconds": 0}"#.to_vec())?;
    let request = with_json(request, "application/json");
    at.client().request::<Value>(request).await.with_context(|| format!("deleting {path}"))?;
    Ok(())
}

pub async fn patch(at: &Host, path: &str, change: Value) -> Result<()> {
    let request = with_json(
        Request::patch(path).body(change.to_string().into_bytes())?,
        "application/merge-patch+json",
    );
    at.client().request::<Value>(request).await.with_context(|| format!("patching {path}"))?;
    Ok(())
}

fn with_json(mut request: Request<Vec<u8>>, kind: &'static str) -> Request<Vec<u8>> {
    request.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    request
}
