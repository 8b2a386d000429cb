//! What the tenant's API server takes for kubelets: who is let in, to what, and what is told of nodes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{AsyncBufReadExt as _, StreamExt as _};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use v9s::cluster::Cluster;
use v9s_sandbox::runtime::{ByteStream, ContainerRef, ExecQuery, ExecStreams, LogLine, LogQuery, PodRuntime};
use v9s_sandbox::status::Status;
use v9s_syncer::kubelet::{Options, Server};
use v9s_testkit::kubeconfig;

use crate::pair::{Pair, both, create, delete, get, patch};
use crate::pods::{self, furnish, in_tenant, mirrored, on_host, pod, run};

/// The endpoint of a pair, on a port of its own; it ends when this is dropped.
pub struct Endpoint {
    pub server: std::net::SocketAddr,
    _stop: DropGuard,
}

impl Endpoint {
    /// Serves for all nodes at the loopback address.
    pub async fn start(pair: &mut Pair) -> Result<Self> {
        let host = cluster(pair, false);
        Self::start_on(pair, host, Some([127, 0, 0, 1].into())).await
    }

    /// The same with something else in the host's place, at one address or with a Service for each node.
    pub async fn start_on(pair: &mut Pair, host: Cluster, address: Option<std::net::IpAddr>) -> Result<Self> {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            address,
            selector: Vec::new(),
            certificate: None,
            key: None,
            client_authority: None,
        };
        let server = Server::bind(options).await?;
        let listens = server.address();
        let selector = [("app".into(), "vcluster".into())].into();
        pair.configure(|ctx| ctx.reach = server.reach(true, true, selector));
        let stop = CancellationToken::new();
        let (ctx, engine) = (pair.context().clone(), Arc::clone(pair.engine()));
        tokio::spawn(server.start(ctx, engine, cluster(pair, true), host, stop.clone())?);
        Ok(Self { server: listens, _stop: stop.drop_guard() })
    }

    fn url(&self) -> String {
        format!("https://{}", self.server)
    }

    /// A client that says this `Host` and shows what a kubeconfig says.
    async fn client(&self, kubeconfig: &str) -> Result<kube::Client> {
        let mut config: Value =
            serde_json::from_str(&kubeconfig::altered(kubeconfig, None, Some(&self.url()))?)?;
        for cluster in config["clusters"].as_array_mut().into_iter().flatten() {
            cluster["cluster"]["insecure-skip-tls-verify"] = json!(true);
            drop(
                cluster["cluster"]
                    .as_object_mut()
                    .map(|cluster| cluster.remove("certificate-authority-data")),
            );
        }
        let config = kube::config::Kubeconfig::from_yaml(&config.to_string())?;
        let mut config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await?;
        // An answer that something is not to be had now is what is looked for.
        config.default_retry = false;
        Ok(kube::Client::try_from(config)?)
    }
}

fn cluster(pair: &Pair, tenant: bool) -> Cluster {
    let of = if tenant { &pair.tenant } else { &pair.host };
    Cluster::from_client(of.name, of.url(), "default", of.client())
}

/// Code and text of an answer.
async fn ask(
    client: &kube::Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<(u16, String)> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.send(request.body(Body::empty())?).await?;
    let code = response.status().as_u16();
    let text = response.into_body().collect().await?.to_bytes();
    Ok((code, String::from_utf8_lossy(&text).into_owned()))
}

async fn get_text(client: &kube::Client, path: &str) -> Result<(u16, String)> {
    ask(client, "GET", path, &[]).await
}

/// Somebody whom nobody knows.
fn stranger(pair: &Pair) -> Result<String> {
    kubeconfig::with_token(&kubeconfig::altered(&pair.tenant.kubeconfig, None, None)?, "nonsense")
}

/// A service account of the tenant that may do these with nodes, and its kubeconfig.
async fn account(pair: &Pair, name: &str, verbs: &[&str], resources: &[&str]) -> Result<String> {
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    create(
        &pair.tenant,
        accounts,
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
    )
    .await?;
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "verbs": verbs, "resources": resources}]});
    create(&pair.tenant, &format!("{rbac}/clusterroles"), &role).await?;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]});
    create(&pair.tenant, &format!("{rbac}/clusterrolebindings"), &binding).await?;
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let issued = create(&pair.tenant, &format!("{accounts}/{name}/token"), &asked).await?;
    kubeconfig::with_token(
        &kubeconfig::altered(&pair.tenant.kubeconfig, None, None)?,
        issued["status"]["token"].as_str().context("no token")?,
    )
}

/// A pod of the tenant on a node.
async fn running(pair: &Pair, name: &str, node: &str) -> Result<()> {
    mirrored(pair, &pod(name, json!({}))).await?;
    run(pair, name, node).await?;
    pair.until(&pair.tenant, &in_tenant(name), |v| v["status"]["phase"] == "Running").await?;
    pair.until(&pair.tenant, &format!("/api/v1/nodes/{node}"), |v| !v.is_null()).await.map(drop)
}

/// Names in a list of pods.
fn names(list: &str) -> Result<Vec<String>> {
    let list: Value = serde_json::from_str(list)?;
    let pods = list["items"].as_array().context("it has no items")?;
    Ok(pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect())
}

both! {
    async fn nobody_is_let_in_unknown_and_nobody_without_the_right(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let endpoint = Endpoint::start(&mut pair).await?;
        running(&pair, "web", "n").await?;
        let nobody = endpoint.client(&stranger(&pair)?).await?;
        assert_eq!(get_text(&nobody, "/healthz").await?, (200, "ok".into()));
        for path in ["/pods", "/metrics", "/containerLogs/default/web/c", "/configz", "/nonsense"] {
            assert_eq!(get_text(&nobody, path).await?.0, 401, "{path}");
        }
        let reader = endpoint.client(&account(&pair, "reader", &["get"], &["nodes/pods"]).await?).await?;
        assert_eq!(get_text(&reader, "/pods").await?.0, 200);
        let (code, said) = get_text(&reader, "/containerLogs/default/web/c").await?;
        assert_eq!((code, said.trim()), (403, "Forbidden (user=system:serviceaccount:default:reader, verb=get, resource=nodes/proxy)"));
        assert_eq!(get_text(&reader, "/stats/summary").await?.0, 403);
        // A stream is more than reading, although a WebSocket begins with GET.
        let prober = endpoint.client(&account(&pair, "prober", &["get"], &["nodes/proxy"]).await?).await?;
        let upgrade = [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="), ("sec-websocket-version", "13")];
        let (code, said) = ask(&prober, "GET", "/exec/default/web/c?command=id", &upgrade).await?;
        assert_eq!((code, said.contains("verb=create")), (403, true), "{said}");
        assert_ne!(get_text(&prober, "/containerLogs/default/web/c").await?.0, 403);
        // By a certificate on the real API server, by a token on the embedded one.
        let administrator = endpoint.client(&pair.tenant.kubeconfig).await?;
        assert_eq!(names(&get_text(&administrator, "/pods").await?.1)?, ["web"]);
        Ok(())
    }

    async fn only_pods_of_the_tenant_and_their_containers_can_be_reached(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let endpoint = Endpoint::start(&mut pair).await?;
        running(&pair, "web", "n").await?;
        let client = endpoint.client(&pair.tenant.kubeconfig).await?;
        let host_name = pair.host_name("default", "web");
        let web = get(&pair.tenant, &in_tenant("web")).await?;
        let uid = web["metadata"]["uid"].as_str().context("no UID")?;
        // A pod of the host's own and one of another virtual cluster, both where the tenant's are.
        for (name, labels) in [("own", json!({})), ("other-x-default-x-u", json!({"vcluster.loft.sh/managed-by": "u"}))] {
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
                "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
            create(&pair.host, &format!("/api/v1/namespaces/{}/pods", pair.namespace), &pod).await?;
        }
        for path in [
            "/containerLogs/default/own/c".to_owned(),
            "/containerLogs/default/other/c".into(),
            "/containerLogs/default/ghost/c".into(),
            "/containerLogs/default/web/sidecar".into(),
            "/exec/default/web/another-life/c?command=id".into(),
            format!("/exec/default/other/{uid}/c?command=id"),
            format!("/containerLogs/{}/{host_name}/c", pair.namespace),
            format!("/containerLogs/default/{host_name}/c"),
            "/portForward/default/own".into(),
            "/run/default/web/c?cmd=id".into(),
            "/logs/".into(),
            "/configz".into(),
            "/debug/pprof/heap".into(),
            "/checkpoint/default/web/c".into(),
            "/".into(),
        ] {
            let (code, said) = get_text(&client, &path).await?;
            assert_eq!(code, 403, "{path}: {said}");
            assert!(!said.contains(&host_name) || path.contains(&host_name), "{path}: {said}");
        }
        assert_eq!(ask(&client, "POST", "/metrics", &[]).await?.0, 405);
        let (code, said) = ask(&client, "POST", "/exec/default/web/c?command=id", &[]).await?;
        assert_eq!((code, said.trim()), (400, "Upgrade request required"));
        // The proof is on the host's pod: without it the pod is not the tenant's.
        let mark = |value: Value| json!({"metadata": {"annotations": {"vcluster.loft.sh/object-name": value}}});
        patch(&pair.host, &on_host(&pair, "web"), &mark(json!("someone-elses"))).await?;
        let mut tries = 0;
        while get_text(&client, "/containerLogs/default/web/c").await?.0 != 403 {
            tries += 1;
            ensure!(tries < 500, "a pod that is no longer proven ours is still read");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn a_node_tells_its_own_pods_only(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let host = cluster(&pair, false);
        let endpoint = Endpoint::start_on(&mut pair, host, None).await?;
        for (name, node) in [("web", "one"), ("db", "two"), ("cache", "two")] {
            running(&pair, name, node).await?;
        }
        let client = endpoint.client(&pair.tenant.kubeconfig).await?;
        // Each node has an address of its own: that of its Service on the host.
        let mut addresses = Vec::new();
        for node in ["one", "two"] {
            let service = format!("/api/v1/namespaces/{}/services/t-node-{node}", pair.namespace);
            let service = pair.until(&pair.host, &service, |h| !h.is_null()).await?;
            assert_eq!(service["spec"]["ports"][0]["port"], 10250);
            assert_eq!(service["spec"]["ports"][0]["targetPort"], endpoint.server.port());
            assert_eq!(service["spec"]["selector"], json!({"app": "vcluster"}));
            let address = service["spec"]["clusterIP"].as_str().context("no address")?.to_owned();
            let own = json!([{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": format!("{node}.nodes.vcluster.com")}]);
            let shown = pair.until(&pair.tenant, &format!("/api/v1/nodes/{node}"), |v| v["status"]["addresses"] == own).await?;
            assert_eq!(shown["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"], 10250);
            addresses.push(address);
        }
        for (host, expected) in [
            (format!("{}:10250", addresses[0]), vec!["web"]),
            (format!("{}:10250", addresses[1]), vec!["cache", "db"]),
            ("two.nodes.vcluster.com:10250".into(), vec!["cache", "db"]),
        ] {
            for path in ["/pods", "/runningpods/"] {
                let (code, said) = ask(&client, "GET", path, &[("host", &host)]).await?;
                ensure!(code == 200, "{host}{path}: {said}");
                let mut names = names(&said)?;
                names.sort();
                assert_eq!(names, expected, "{host}{path}");
            }
        }
        assert_eq!(get_text(&client, "/pods").await?.0, 421, "an address of no node");
        assert_eq!(ask(&client, "GET", "/metrics", &[("host", "three.nodes.vcluster.com")]).await?.0, 404);
        // A pod is asked for on its own node.
        let (code, said) = ask(&client, "GET", "/containerLogs/default/web/c", &[("host", "two.nodes.vcluster.com")]).await?;
        assert_eq!(code, 403, "{said}");
        // The Service goes with the node.
        pair.quiet().await?;
        let before = pair.engine().counts().writes;
        pair.engine().look_at_everything();
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, before, "both sides agree");
        delete(&pair.tenant, &in_tenant("web")).await?;
        pods::stopped(&pair, "web").await?;
        pair.until(&pair.tenant, "/api/v1/nodes/one", Value::is_null).await?;
        pair.until(&pair.host, &format!("/api/v1/namespaces/{}/services/t-node-one", pair.namespace), Value::is_null).await?;
        Ok(())
    }

    async fn what_is_used_on_a_node_is_told_of_the_tenants_pods_alone(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let (namespace, name) = (pair.namespace.clone(), pair.host_name("default", "web"));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let host = node_proxy(Arc::clone(&asked), move |path| match path {
            "/api/v1/nodes/n/proxy/metrics/resource" => (200, format!(
                "# HELP node_cpu_usage_seconds_total Of the node\n# TYPE node_cpu_usage_seconds_total counter\nnode_cpu_usage_seconds_total 900 1000\n\
                 # TYPE pod_cpu_usage_seconds_total counter\npod_cpu_usage_seconds_total{{namespace=\"{namespace}\",pod=\"{name}\"}} 7 1000\n\
                 pod_cpu_usage_seconds_total{{namespace=\"kube-system\",pod=\"dns\"}} 8 1000\n")),
            "/api/v1/nodes/n/proxy/metrics/cadvisor" => (200, format!(
                "container_fs_usage_bytes{{container=\"c\",id=\"/a\",namespace=\"{namespace}\",pod=\"{name}\"}} 5\nmachine_cpu_cores 64\n")),
            "/api/v1/nodes/n/proxy/stats/summary" => (200, json!({"node": {"nodeName": "n", "fs": {"usedBytes": 1}}, "pods": [
                {"podRef": {"name": name, "namespace": namespace, "uid": "h"}, "cpu": {"time": "2026-01-01T00:00:00Z", "usageNanoCores": 5}},
                {"podRef": {"name": "dns", "namespace": "kube-system", "uid": "d"}}]}).to_string()),
            "/api/v1/nodes/n/proxy/metrics" => (403, json!({"kind": "Status", "code": 403, "reason": "Forbidden",
                "message": "nodes \"n\" is forbidden: User \"system:serviceaccount:tenants:vc-t\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope"}).to_string()),
            _ => (502, "dial tcp 192.0.2.1:10250: connect: connection refused".to_owned()),
        });
        let endpoint = Endpoint::start_on(&mut pair, host, Some([127, 0, 0, 1].into())).await?;
        running(&pair, "web", "n").await?;
        let uid = get(&pair.tenant, &in_tenant("web")).await?["metadata"]["uid"].clone();
        let scraper = account(&pair, "scraper", &["get"], &["nodes/metrics", "nodes/stats"]).await?;
        let client = endpoint.client(&scraper).await?;
        let (code, said) = get_text(&client, "/metrics/resource").await?;
        let samples: Vec<&str> = said.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!((code, samples), (200, vec!["node_cpu_usage_seconds_total 7 1000", "pod_cpu_usage_seconds_total{namespace=\"default\",pod=\"web\"} 7 1000"]));
        let said = get_text(&client, "/metrics/cadvisor").await?;
        assert_eq!(said, (200, "container_fs_usage_bytes{container=\"c\",id=\"/a\",namespace=\"default\",pod=\"web\"} 5\n".into()));
        let (code, said) = get_text(&client, "/stats/summary").await?;
        let summary: Value = serde_json::from_str(&said)?;
        assert_eq!(code, 200);
        assert_eq!(summary["pods"], json!([{"podRef": {"name": "web", "namespace": "default", "uid": uid}, "cpu": {"time": "2026-01-01T00:00:00Z", "usageNanoCores": 5}}]));
        assert_eq!(summary["node"], json!({"nodeName": "n", "cpu": {"time": "2026-01-01T00:00:00Z", "usageNanoCores": 5}}));
        let (code, said) = get_text(&client, "/metrics").await?;
        assert_eq!((code, said.trim()), (503, "what is used on the node cannot be had: the host does not allow the syncer to get nodes/proxy; its role must have that right"));
        let (code, said) = get_text(&client, "/metrics/probes").await?;
        assert_eq!((code, said.trim()), (503, "what is used on the node cannot be had: the node does not answer the host"));
        assert_eq!(asked.lock().unwrap().len(), 5, "nothing else is asked of the host");
        Ok(())
    }
}

/// A host that answers for its nodes what a test says, and keeps who was asked.
fn node_proxy(
    asked: Arc<Mutex<Vec<String>>>,
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
) -> Cluster {
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (code, text) = answer(request.uri().path());
        asked.lock().unwrap().push(request.uri().path().to_owned());
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        std::future::ready(Ok::<_, std::convert::Infallible>(response))
    });
    Cluster::from_client("nodes", "https://nodes.example", "default", kube::Client::new(service, "default"))
}

/// A log that never ends, and tells when it is no longer read.
#[derive(Default)]
struct Endless {
    read: Arc<Mutex<Option<CancellationToken>>>,
}

impl PodRuntime for Endless {
    fn logs(&self, _: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>> {
        let token = CancellationToken::new();
        *self.read.lock().unwrap() = Some(token.clone());
        let first = LogLine { time: chrono::Utc::now(), text: "first".into() };
        let dropped = token.drop_guard();
        let rest = futures::stream::once(async move {
            let _dropped = dropped;
            std::future::pending::<LogLine>().await
        });
        Box::pin(std::future::ready(Ok(futures::stream::iter([first]).chain(rest).boxed())))
    }

    fn exec(&self, _: ExecQuery, _: ExecStreams) -> BoxFuture<'static, Result<i32, Status>> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn connect(&self, _: ContainerRef, _: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(std::future::ready(Err("closed".into())))
    }
}

#[tokio::test]
async fn a_log_that_nobody_follows_any_more_is_not_read_any_more() -> Result<()> {
    let mut pair = crate::pair::embedded().await?;
    let runtime = Endless::default();
    let read = Arc::clone(&runtime.read);
    pair.host.sandbox().context("the embedded host")?.api().set_runtime(Arc::new(runtime));
    furnish(&pair).await?;
    let endpoint = Endpoint::start(&mut pair).await?;
    running(&pair, "web", "n").await?;
    let client = endpoint.client(&pair.tenant.kubeconfig).await?;
    let request = Request::get("/containerLogs/default/web/c?follow=true").body(Vec::new())?;
    let mut lines = client.request_stream(request).await?.lines();
    assert_eq!(lines.next().await.context("no line")??, "first", "what is there comes at once");
    let token = read.lock().unwrap().clone().context("the log is read")?;
    assert!(!token.is_cancelled());
    drop((lines, client));
    token.cancelled().await;
    Ok(())
}

#[tokio::test]
async fn the_host_refuses_in_the_tenants_words() -> Result<()> {
    let mut pair = crate::pair::embedded().await?;
    furnish(&pair).await?;
    let endpoint = Endpoint::start(&mut pair).await?;
    running(&pair, "web", "n").await?;
    let client = endpoint.client(&pair.tenant.kubeconfig).await?;
    // Nothing runs in the pods of this host.
    let (code, said) = get_text(&client, "/containerLogs/default/web/c").await?;
    assert_eq!(
        (code, said.trim()),
        (400, "container \"c\" in pod \"web\" is waiting to start: no node runs it")
    );
    Ok(())
}
