//! A virtual cluster for one test: its API server, its host, and the engine between them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;
use v9s_syncer::context::Context;
use v9s_syncer::engine::key::Side;
use v9s_syncer::engine::{Engine, Registered};
use v9s_syncer::resources::{self, Settings};
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::proxy::Proxy;

/// Longest wait for something to come true; nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A virtual cluster and its host.
pub struct Pair {
    pub tenant: Host,
    pub host: Host,
    /// Namespace on the host.
    pub namespace: String,
    ctx: Context,
    engine: Option<Arc<Engine>>,
    /// What runs beside the engine, and ends with it.
    beside: JoinSet<()>,
    ending: CancellationToken,
}

impl Pair {
    pub async fn new(tenant: Host, host: Host) -> Result<Self> {
        let namespace = host.namespace("tenant").await?;
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "t", "namespace": namespace,
            "labels": {"app": "vcluster", "release": "t"}},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]}});
        let made = host.seed(&[service]).await?;
        let owner = made[0].metadata.uid.clone().context("the Service has no UID")?;
        let ctx = Context {
            owner_uid: Some(owner.into()),
            api_addresses: vec!["10.0.0.1".into()],
            ..Context::new("t", namespace.as_str())
        };
        let mut pair = Self {
            tenant,
            host,
            namespace,
            ctx,
            engine: None,
            beside: JoinSet::new(),
            ending: CancellationToken::new(),
        };
        pair.start();
        Ok(pair)
    }

    /// Starts the engine with what is mirrored by default.
    pub fn start(&mut self) {
        self.start_with(&Settings::default());
    }

    /// Starts the engine with these kinds.
    pub fn start_with(&mut self, settings: &Settings) {
        self.start_kinds(resources::registry(settings));
    }

    /// Starts the engine with these kinds as they are.
    pub fn start_kinds(&mut self, kinds: Vec<Registered>) {
        let [tenant, host] = self.clusters();
        self.engine = Some(Arc::new(Engine::start(self.ctx.clone(), kinds, tenant, host)));
    }

    /// The tenant's API server and the host's.
    pub fn clusters(&self) -> [Cluster; 2] {
        let cluster = |host: &Host| Cluster::from_client(host.name, host.url(), "default", host.client());
        [cluster(&self.tenant), cluster(&self.host)]
    }

    /// Starts something beside the engine; it ends with it.
    pub fn beside<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        part: impl FnOnce(Context, [Cluster; 2], Arc<Engine>, CancellationToken) -> F,
    ) {
        let clusters = self.clusters();
        let engine = Arc::clone(self.engine.as_ref().expect("the engine runs"));
        self.beside.spawn(part(self.ctx.clone(), clusters, engine, self.ending.clone()));
    }

    /// Starts the engine anew, with one of its two servers behind a wire that can be cut.
    pub async fn start_behind_a_wire(&mut self, side: Side) -> Result<Proxy> {
        self.stop().await;
        let (at, of) = match side {
            Side::Virtual => (0, &self.tenant),
            Side::Host => (1, &self.host),
        };
        let (proxy, kubeconfig) = Proxy::before(&of.kubeconfig).await?;
        let client = v9s_testkit::kubeconfig::client(&kubeconfig).await?;
        let mut clusters = self.clusters();
        clusters[at] = Cluster::from_client(of.name, of.url(), "default", client);
        self.start_between(clusters);
        Ok(proxy)
    }

    /// Starts the engine anew with connections as the program opens them, which repeat nothing by themselves.
    pub async fn start_as_the_program(&mut self) -> Result<()> {
        self.stop().await;
        let folder = tempfile::tempdir()?;
        let mut clusters = self.clusters();
        for (at, host) in [&self.tenant, &self.host].into_iter().enumerate() {
            let file = folder.path().join(at.to_string());
            std::fs::write(&file, &host.kubeconfig)?;
            let source = v9s::cluster::KubeconfigSource::File(file);
            clusters[at] =
                v9s::cluster::open(&source, None, &v9s::cluster::ConnectOptions::default()).await?;
        }
        self.start_between(clusters);
        Ok(())
    }

    fn start_between(&mut self, [tenant, host]: [Cluster; 2]) {
        let kinds = resources::registry(&Settings::default());
        self.engine = Some(Arc::new(Engine::start(self.ctx.clone(), kinds, tenant, host)));
    }

    /// Another engine between the same servers, which knows nothing of the first.
    pub fn second(&self) -> Engine {
        let [tenant, host] = self.clusters();
        Engine::start(self.ctx.clone(), resources::registry(&Settings::default()), tenant, host)
    }

    /// Puts another tenant's API server, which is empty, in the place of this one.
    pub async fn replace_tenant(&mut self) -> Result<()> {
        self.tenant = match self.tenant.is_real() {
            true => Host::real(NEEDS.alone()).await?,
            false => Host::embedded(NEEDS).await?,
        };
        Ok(())
    }

    /// Stops the engine and starts it with these kinds.
    pub async fn restart_with(&mut self, settings: &Settings) {
        self.stop().await;
        self.start_with(settings);
    }

    /// Starts the engine anew with other settings.
    pub fn configure(&mut self, change: impl FnOnce(&mut Context)) {
        self.kill();
        change(&mut self.ctx);
        self.start();
    }

    /// Stops the engine as `SIGTERM` does.
    pub async fn stop(&mut self) {
        std::mem::take(&mut self.ending).cancel();
        self.beside.shutdown().await;
        if let Some(engine) = self.engine.take() {
            engine.stop(Duration::from_secs(10)).await;
        }
    }

    /// Ends the engine as `SIGKILL` does.
    pub fn kill(&mut self) {
        std::mem::take(&mut self.ending).cancel();
        self.beside.abort_all();
        self.engine = None;
    }

    /// Whether the engine runs.
    pub fn runs(&self) -> bool {
        self.engine.is_some()
    }

    pub fn engine(&self) -> &Arc<Engine> {
        self.engine.as_ref().expect("the engine runs")
    }

    pub fn context(&self) -> &Context {
        &self.ctx
    }

    /// Name on the host.
    pub fn host_name(&self, namespace: &str, name: &str) -> String {
        let object = v9s::names::VirtualName::namespaced(namespace, name);
        self.ctx.names.host_name(&object).as_str().to_owned()
    }

    /// Path on the host of a tenant's object of a core kind.
    pub fn on_host(&self, plural: &str, namespace: &str, name: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}/{}", self.namespace, self.host_name(namespace, name))
    }

    /// Path on the host of a tenant's object of a named group.
    pub fn on_host_of(&self, group: &str, plural: &str, namespace: &str, name: &str) -> String {
        let name = self.host_name(namespace, name);
        format!("/apis/{group}/v1/namespaces/{}/{plural}/{name}", self.namespace)
    }

    /// Waits until something holds of an object on a server, which may not exist (null then).
    pub async fn until(&self, at: &Host, path: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let began = tokio::time::Instant::now();
        loop {
            let now = get(at, path).await?;
            if holds(&now) {
                return Ok(now);
            }
            if began.elapsed() > PATIENCE {
                let pending = self.engine.as_ref().map(|engine| engine.pending());
                bail!("it never came true of {path}: {now:#}\npending: {pending:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until something holds of the engine.
    pub async fn until_engine(&self, what: &str, holds: impl Fn(&Engine) -> bool) -> Result<()> {
        let began = tokio::time::Instant::now();
        while !holds(self.engine()) {
            if began.elapsed() > PATIENCE {
                bail!("it never came true that {what}: {:#?}", self.engine().report());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until a pair is held up for a reason with these words.
    pub async fn until_pending(&self, words: &str) -> Result<()> {
        let began = tokio::time::Instant::now();
        while !self.engine().pending().iter().any(|(_, _, why)| why.contains(words)) {
            if began.elapsed() > PATIENCE {
                bail!("nothing is held up because of {words:?}: {:?}", self.engine().pending());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until nothing is left to do for a while.
    pub async fn quiet(&self) -> Result<()> {
        let began = tokio::time::Instant::now();
        let mut quiet_since: Option<(tokio::time::Instant, [u64; 2])> = None;
        loop {
            let writes = self.engine().counts().writes;
            match quiet_since {
                Some((since, before)) if self.engine().is_quiet() && before == writes => {
                    if since.elapsed() > Duration::from_millis(300) {
                        return Ok(());
                    }
                }
                _ => quiet_since = self.engine().is_quiet().then(|| (tokio::time::Instant::now(), writes)),
            }
            if began.elapsed() > PATIENCE {
                bail!("it never becomes quiet: {:?}", self.engine().pending());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An object, null when it does not exist.
pub async fn get(at: &Host, path: &str) -> Result<Value> {
    let request = Request::get(path).body(Vec::new())?;
    match at.client().request::<Value>(request).await {
        Ok(object) => Ok(object),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Value::Null),
        Err(error) => Err(error).with_context(|| format!("reading {path} on the {} host", at.name)),
    }
}

/// Creates an object in a collection.
pub async fn create(at: &Host, path: &str, object: &Value) -> Result<Value> {
    send(at, "POST", path, "application/json", object).await
}

/// Merges a change into an object.
pub async fn patch(at: &Host, path: &str, change: &Value) -> Result<Value> {
    send(at, "PATCH", path, "application/merge-patch+json", change).await
}

/// Deletes an object.
pub async fn delete(at: &Host, path: &str) -> Result<Value> {
    delete_with(at, path, &json!({})).await
}

/// Deletes an object with these options.
pub async fn delete_with(at: &Host, path: &str, options: &Value) -> Result<Value> {
    send(at, "DELETE", path, "application/json", options).await
}

/// Sends a request with a body.
pub async fn send(at: &Host, method: &str, path: &str, content_type: &str, body: &Value) -> Result<Value> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .body(body.to_string().into_bytes())?;
    let answered = at.client().request::<Value>(request).await;
    answered.with_context(|| format!("{method} {path} on the {} host", at.name))
}

/// A virtual cluster between two embedded hosts.
pub async fn embedded() -> Result<Pair> {
    Pair::new(Host::embedded(NEEDS).await?, Host::embedded(NEEDS).await?).await
}

/// Runs a test body between two embedded hosts; what `both!` expands to.
pub fn run_embedded<F: Future<Output = Result<()>>>(body: impl Fn(Pair) -> F) -> Result<()> {
    v9s_testkit::attempts::twice(|| once(embedded, &body))
}

/// A virtual cluster between two real API servers, the tenant's of this test's own.
pub async fn real() -> Result<Pair> {
    Pair::new(Host::real(NEEDS.alone()).await?, Host::real(NEEDS).await?).await
}

/// Runs a test body between two real API servers; what `both!` expands to.
pub fn run_real<F: Future<Output = Result<()>>>(body: impl Fn(Pair) -> F) -> Result<()> {
    v9s_testkit::attempts::twice(|| once(real, &body))
}

const NEEDS: Needs = Needs::NONE;

/// Runs a test body that gets no second attempt.
pub fn once<F, S>(start: impl FnOnce() -> S, body: impl FnOnce(Pair) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
    S: Future<Output = Result<Pair>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async { body(start().await?).await })
}

/// Tests between two API servers, embedded and real.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($pair:ident: Pair) -> Result<()> $body:block)*) => {
        $($(#[$meta])* mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body(#[allow(unused_mut)] mut $pair: Pair) -> Result<()> $body

            #[test]
            fn embedded() -> Result<()> { crate::pair::run_embedded(body) }

            v9s_testkit::real_test! { fn real() -> Result<()> { crate::pair::run_real(body) } }
        })*
    };
}
pub(crate) use both;
