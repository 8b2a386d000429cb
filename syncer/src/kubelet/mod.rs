//! What the tenant's API server takes for the kubelets of its nodes: logs, commands, ports and figures of the tenant's
//! own pods, and nothing else.
//!
//! A request is identified and authorised as a kubelet does it, by the virtual cluster's certificates, tokens and access
//! rules. What concerns a pod is then asked of the host's API server under the pod's name there, if the pod is proven to
//! be the tenant's and has the container; what concerns a node is asked of the host's node and cut down to the tenant's
//! pods. Every replica serves, whether it leads or not.

mod answer;
mod caller;
mod figures;
mod own;
mod paths;
pub mod reach;
mod relay;
mod rights;
mod serve;
mod summary;
mod text;
mod tls;

pub use serve::{Options, Server, check};

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, ObjectRef, Resource};

use crate::context::{Context, Nodes};
use crate::engine::Engine;
use crate::translate::words;
use answer::{Body, Refusal};
use caller::Caller;
use own::{NotOwn, Own, OwnPod};
use paths::{Asked, Inside, Unasked, What};
use reach::Host;
use relay::Errand;
use text::OfNode;

/// Answers requests.
struct Endpoint {
    ctx: Context,
    engine: Arc<Engine>,
    tenant: Cluster,
    host: Cluster,
    /// Ends streams.
    stop: CancellationToken,
}

impl Endpoint {
    /// The answer to a request of somebody whose certificate says who he is, if he has shown one.
    async fn answer<B>(&self, certificate: Option<&Caller>, request: Request<B>) -> Response<Body> {
        match self.answered(certificate, request).await {
            Ok(response) => response,
            Err(refusal) => refusal.answer(),
        }
    }

    async fn answered<B>(
        &self,
        certificate: Option<&Caller>,
        request: Request<B>,
    ) -> Result<Response<Body>, Refusal> {
        let path = request.uri().path().to_owned();
        let asked = paths::asked(request.method(), &path);
        if asked == Ok(Asked::Health) {
            return Ok(answer::typed(StatusCode::OK, "text/plain; charset=utf-8", answer::full("ok")));
        }
        let caller = caller::identify(&self.tenant, certificate, request.headers()).await?;
        let node = self.node_asked(request.uri(), request.headers());
        let rights = rights::needed(request.method(), &path);
        caller::authorise(&self.tenant, &caller, &rights, node.as_deref()).await?;
        match asked {
            Ok(Asked::Health) => Err(not_served(&path)),
            Ok(Asked::Inside(inside)) => self.inside(&inside, node.as_deref(), request).await,
            Ok(Asked::Pods { running }) => self.pods(&meant(node)?, running).await,
            Ok(Asked::Summary) => {
                let (node, own) = self.own(node)?;
                figures::summary(&self.host, &node, &own, self.of_node()).await
            }
            Ok(Asked::Metrics(which)) => {
                let (node, own) = self.own(node)?;
                figures::metrics(&self.host, &node, which, own, self.of_node()).await
            }
            Err(Unasked::NotServed) => Err(not_served(&path)),
            Err(Unasked::Method) => Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{path} is not asked by {}", request.method()),
            )),
        }
    }

    /// The node that is asked, as far as the request tells; where the tenant has only one it is that.
    fn node_asked(&self, uri: &Uri, headers: &HeaderMap) -> Option<SmolStr> {
        let said = uri.authority().map(|authority| authority.as_str());
        let said = said.or_else(|| headers.get(header::HOST)?.to_str().ok()).unwrap_or_default();
        match reach::host(said) {
            Host::Node(node) => Some(node),
            Host::Address(address) => own::node_at(&self.engine, &address).or_else(|| {
                let mut nodes = own::nodes(&self.engine);
                (nodes.len() == 1).then(|| nodes.remove(0))
            }),
        }
    }

    /// A log or a stream of one of the tenant's pods.
    async fn inside<B>(
        &self,
        inside: &Inside,
        node: Option<&str>,
        request: Request<B>,
    ) -> Result<Response<Body>, Refusal> {
        let own = own::pod(&self.engine, inside, node).map_err(|why| refused(inside, why))?;
        let errand = Errand {
            what: inside.what,
            path: self.path_on_host(inside, &own, request.uri().query().unwrap_or_default()),
            words: &|message| words::of_object(&self.ctx, &own.name, message),
        };
        match inside.what {
            What::Log => relay::log(&self.host, &errand).await,
            What::Exec | What::Attach | What::Forward => {
                relay::stream(&self.host, &errand, request, self.stop.child_token()).await
            }
        }
    }

    fn path_on_host(&self, inside: &Inside, own: &OwnPod, query: &str) -> String {
        let namespace = self.ctx.host_namespace.clone();
        let pod = ObjectRef::namespaced(Resource::PODS, namespace, own.host_name.clone()).path();
        format!("{pod}/{}?{}", inside.what.subresource(), paths::host_query(inside, query))
    }

    fn own(&self, node: Option<SmolStr>) -> Result<(SmolStr, Own), Refusal> {
        let node = meant(node)?;
        let own = own::on_node(&self.engine, &self.ctx.host_namespace, &node);
        let own =
            own.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, format!("there is no node {node}")))?;
        Ok((node, own))
    }

    fn of_node(&self) -> OfNode {
        match self.ctx.nodes.shown {
            Nodes::Synthetic { .. } => OfNode::Own,
            Nodes::Assigned | Nodes::Labelled(_) | Nodes::All => OfNode::Told,
        }
    }

    /// The pods of a node as the virtual cluster knows them.
    async fn pods(&self, node: &str, running: bool) -> Result<Response<Body>, Refusal> {
        let path = Resource::PODS.path(None);
        let selector: String =
            form_urlencoded::byte_serialize(format!("spec.nodeName={node}").as_bytes()).collect();
        let unavailable = || Refusal::unavailable("pods cannot be listed: the API server does not answer");
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{path}?fieldSelector={selector}"))
            .body(kube::client::Body::empty())
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the node's name makes no sense"))?;
        let response = self.tenant.client().send(request).await.map_err(|error| {
            tracing::warn!(%error, "the virtual API server cannot be asked for pods");
            unavailable()
        })?;
        if !response.status().is_success() {
            return Err(unavailable());
        }
        let body = response.into_body();
        let body = match running {
            false => body.map_err(Into::into).boxed_unsync(),
            true => {
                let whole = body.collect().await.map_err(|_| unavailable())?.to_bytes();
                let list: Value = serde_json::from_slice(&whole).map_err(|_| unavailable())?;
                answer::full(running_pods(&list).to_string())
            }
        };
        Ok(answer::typed(StatusCode::OK, "application/json", body))
    }
}

/// Of pods that run, what their runtime knows of them.
fn running_pods(list: &Value) -> Value {
    let brief = |pod: &Value| {
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let containers = containers.map(
            |container| json!({"name": container["name"], "image": container["image"], "resources": {}}),
        );
        let meta = &pod["metadata"];
        json!({
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
            "spec": {"containers": containers.collect::<Vec<_>>()},
            "status": {},
        })
    };
    let pods = list["items"].as_array().into_iter().flatten();
    let items: Vec<Value> = pods.filter(|pod| pod["status"]["phase"] == "Running").map(brief).collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
}

/// What is asked of a node needs one.
fn meant(node: Option<SmolStr>) -> Result<SmolStr, Refusal> {
    node.ok_or_else(|| {
        let message =
            "which node is meant cannot be told: ask it by its own address, or by NODE.nodes.vcluster.com";
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, message)
    })
}

fn not_served(path: &str) -> Refusal {
    Refusal::forbidden(format!("{path} is not served: the nodes of this cluster are shared with others"))
}

fn refused(inside: &Inside, why: NotOwn) -> Refusal {
    let Inside { pod, container, .. } = inside;
    let container = container.as_deref().unwrap_or_default();
    match why {
        NotOwn::Pod => Refusal::forbidden(format!("no pod {pod} of this cluster is on the node")),
        NotOwn::Container => {
            Refusal::forbidden(format!("pod {pod} of this cluster has no container {container}"))
        }
        NotOwn::Unknown => {
            Refusal::unavailable(format!("whether pod {pod} is on the node is not known yet: try again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_running_pods_only_what_runs_is_told() {
        let pod = |name: &str, phase: &str| {
            json!({"metadata": {"name": name, "namespace": "shop", "uid": "u", "labels": {"a": "b"}},
                "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i", "env": [{"name": "SECRET"}]}]},
                "status": {"phase": phase}})
        };
        let told = running_pods(&json!({"items": [pod("web", "Running"), pod("job", "Succeeded")]}));
        assert_eq!(
            told["items"],
            json!([{"metadata": {"name": "web", "namespace": "shop", "uid": "u"},
                "spec": {"containers": [{"name": "c", "image": "i", "resources": {}}]}, "status": {}}])
        );
        assert_eq!(
            (&told["kind"], running_pods(&json!({}))["items"].as_array().map(Vec::len)),
            (&json!("PodList"), Some(0))
        );
    }
}
