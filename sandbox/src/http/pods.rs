//! What runs inside a pod: its log, commands, attached terminals, ports.

use super::Call;
use super::auth::Roles;
use super::body::{self, Body};
use crate::access::{self, Wish};
use crate::runtime::ContainerRef;
use crate::status::Status;
use crate::streams::exec::{self, ExecParams};
use crate::streams::handshake::{self, Protocol};
use crate::streams::log::LogParams;
use crate::streams::{portforward, spdy};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::future::Future;

/// `GET` of `pods/log`.
pub(super) async fn log(call: &Call) -> Result<Response<Body>, Status> {
    let params = LogParams::parse(call.query.pairs(), call.store().clock().now())?;
    let pod = Pod::read(call)?;
    let target = pod.container(params.container.as_deref())?;
    let plain = HeaderValue::from_static("text/plain");
    if !pod.is_placed() {
        // As the real server: nothing was ever written.
        return Ok(body::typed(204, plain, Body::empty()));
    }
    let lines = call.api.runtime().logs(params.query(target)).await?;
    Ok(body::typed(200, plain, Body::stream(params.encode(lines))))
}

/// A WebSocket is opened by `GET`, and yet it does what only those may who may create: whoever may only get the
/// subresource is refused, whatever the upgrade, and without a reason, as the real server does.
fn must_be_creator(call: &Call) -> Result<(), Status> {
    let wish = Wish::Resource {
        verb: "create",
        group: "",
        resource: &call.target.resource,
        subresource: &call.target.subresource,
        namespace: call.namespace().unwrap_or_default(),
        name: call.name(),
    };
    if call.verb == "get" && !access::allowed(&Roles(call.store()), &call.user, &wish) {
        return Err(Status::forbidden(&call.gr, call.name(), ""));
    }
    Ok(())
}

/// `pods/exec` and `pods/attach`.
pub(super) fn exec(call: &mut Call) -> Result<Response<Body>, Status> {
    must_be_creator(call)?;
    let params = ExecParams::parse(call.query.pairs(), call.target.subresource == "exec")?;
    let pod = Pod::read(call)?;
    let target = pod.container(params.container.as_deref())?;
    pod.must_be_placed()?;
    let runtime = call.api.runtime();
    let (headers, protocol) =
        handshake::accept(&call.headers, &[Protocol::V5, Protocol::V4, Protocol::SpdyV4])?;
    upgrade(call, headers, move |io| async move {
        match protocol {
            Protocol::SpdyV4 => exec::spdy::serve(io, runtime, target, params).await,
            _ => exec::websocket::serve(io, protocol, runtime, target, params).await,
        }
    })
}

/// `pods/portforward`.
pub(super) fn forward(call: &mut Call) -> Result<Response<Body>, Status> {
    must_be_creator(call)?;
    let pod = Pod::read(call)?;
    pod.must_be_placed()?;
    let target = pod.reference(String::new());
    let runtime = call.api.runtime();
    let (headers, protocol) = handshake::accept(
        &call.headers,
        &[Protocol::TunneledPorts, Protocol::V5, Protocol::V4, Protocol::SpdyPorts],
    )?;
    // Where connections name their port themselves, the request names none.
    let ports = match protocol {
        Protocol::V4 | Protocol::V5 => portforward::ports(call.query.pairs())?,
        _ => Vec::new(),
    };
    upgrade(call, headers, move |io| async move {
        match protocol {
            Protocol::SpdyPorts => portforward::spdy::serve(io, runtime, target).await,
            Protocol::TunneledPorts => {
                let (inner, carrier) = spdy::tunnel(io).await;
                portforward::spdy::serve(inner, runtime, target).await;
                // Ends with the client; fails only when the task was stopped with the host.
                let _ = carrier.await;
            }
            _ => portforward::websocket::serve(io, runtime, target, ports).await,
        }
    })
}

/// Answers 101 and lets `serve` have the connection afterwards.
fn upgrade<F>(
    call: &mut Call,
    headers: HeaderMap,
    serve: impl FnOnce(TokioIo<hyper::upgrade::Upgraded>) -> F + Send + 'static,
) -> Result<Response<Body>, Status>
where
    F: Future<Output = ()> + Send + 'static,
{
    let on_upgrade: OnUpgrade = call.upgrade.take().ok_or_else(|| {
        Status::bad_request("unable to upgrade: this connection cannot leave HTTP; use HTTP/1.1")
    })?;
    let stop = call.api.stop().clone();
    tokio::spawn(async move {
        let served = async {
            match on_upgrade.await {
                Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
                Err(error) => tracing::debug!(%error, "a client left before its stream began"),
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = served => {}
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The pod that a request is about.
struct Pod {
    value: Value,
    namespace: String,
    name: String,
    uid: String,
}

impl Pod {
    fn read(call: &Call) -> Result<Self, Status> {
        let object = call.store().get(&call.gr, call.namespace(), call.name())?;
        Ok(Self {
            value: object.value(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
        })
    }

    fn is_placed(&self) -> bool {
        !self.value["spec"]["nodeName"].as_str().unwrap_or_default().is_empty()
    }

    fn must_be_placed(&self) -> Result<(), Status> {
        if self.is_placed() {
            return Ok(());
        }
        Err(Status::bad_request(format!("pod {} does not have a host assigned", self.name)))
    }

    fn reference(&self, container: String) -> ContainerRef {
        ContainerRef {
            namespace: (&*self.namespace).into(),
            pod: (&*self.name).into(),
            uid: (&*self.uid).into(),
            container: container.into(),
        }
    }

    fn names(&self, list: &str) -> Vec<&str> {
        let containers = self.value["spec"][list].as_array().into_iter().flatten();
        containers.filter_map(|container| container["name"].as_str()).collect()
    }

    /// The container of this name; without one, the marked one or the only one.
    fn container(&self, name: Option<&str>) -> Result<ContainerRef, Status> {
        let (normal, init, ephemeral) =
            (self.names("containers"), self.names("initContainers"), self.names("ephemeralContainers"));
        let name = match name.filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => match normal.as_slice() {
                [only] => only,
                several => {
                    let marked =
                        &self.value["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"];
                    match marked.as_str().filter(|name| several.contains(name)) {
                        Some(name) => name,
                        None => return Err(self.ambiguous(&normal, &init)),
                    }
                }
            },
        };
        if [normal, init, ephemeral].iter().any(|names| names.contains(&name)) {
            return Ok(self.reference(name.to_owned()));
        }
        Err(Status::bad_request(format!("container {name} is not valid for pod {}", self.name)))
    }

    fn ambiguous(&self, normal: &[&str], init: &[&str]) -> Status {
        let mut message = format!(
            "a container name must be specified for pod {}, choose one of: [{}]",
            self.name,
            normal.join(" ")
        );
        if !init.is_empty() {
            message += &format!(" or one of the init containers: [{}]", init.join(" "));
        }
        Status::bad_request(message)
    }
}
