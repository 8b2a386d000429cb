//! What a request to a kubelet asks for, and the same as a request to the host's API server. Pure functions.
//!
//! Paths and parameters are those of the kubelet's own server and of `pods/log`, `pods/exec`, `pods/attach` and
//! `pods/portforward`, Kubernetes 1.36.

use http::Method;
use percent_encoding::percent_decode_str;
use v9s::names::VirtualName;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Whether anybody is there.
    Health,
    /// Something of a pod that the host's API server is asked for in turn.
    Inside(Inside),
    /// The pods of a node, as they are in the virtual cluster.
    Pods {
        /// Only those that run.
        running: bool,
    },
    /// What the pods of a node use, as JSON.
    Summary,
    /// Figures of a node and its pods.
    Metrics(Metrics),
}

/// Something of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// What of it.
    pub what: What,
    /// The pod as the tenant names it.
    pub pod: VirtualName,
    /// Its UID, where the request says which life of the pod is meant.
    pub uid: Option<String>,
    /// The container; none for ports, which belong to the pod.
    pub container: Option<String>,
}

/// What of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The log of a container.
    Log,
    /// A command in a container.
    Exec,
    /// The main process of a container.
    Attach,
    /// Ports of the pod.
    Forward,
}

impl What {
    /// The pod's subresource on an API server.
    pub fn subresource(self) -> &'static str {
        match self {
            What::Log => "log",
            What::Exec => "exec",
            What::Attach => "attach",
            What::Forward => "portforward",
        }
    }

    /// Whether the connection leaves HTTP.
    pub fn upgrades(self) -> bool {
        self != What::Log
    }
}

/// Which of a kubelet's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metrics {
    /// Its own.
    Kubelet,
    /// Of containers, in every detail.
    Cadvisor,
    /// Of containers, those that autoscaling needs.
    Resource,
    /// Of probes.
    Probes,
}

impl Metrics {
    /// Path on a kubelet.
    pub fn path(self) -> &'static str {
        match self {
            Metrics::Kubelet => "/metrics",
            Metrics::Cadvisor => "/metrics/cadvisor",
            Metrics::Resource => "/metrics/resource",
            Metrics::Probes => "/metrics/probes",
        }
    }
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// Nothing of the kind is served to a tenant.
    NotServed,
    /// There is such a path, but it is not asked this way.
    Method,
}

/// What a request asks for.
///
/// # Errors
/// When it is nothing that is served.
pub fn asked(method: &Method, path: &str) -> Result<Asked, Unasked> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (asked, streams) = match parts.as_slice() {
        ["healthz"] => (Asked::Health, false),
        ["pods"] => (Asked::Pods { running: false }, false),
        ["runningpods" | "runningPods"] | ["runningpods" | "runningPods", ""] => {
            (Asked::Pods { running: true }, false)
        }
        ["stats", "summary"] => (Asked::Summary, false),
        ["metrics"] => (Asked::Metrics(Metrics::Kubelet), false),
        ["metrics", "cadvisor"] => (Asked::Metrics(Metrics::Cadvisor), false),
        ["metrics", "resource"] => (Asked::Metrics(Metrics::Resource), false),
        ["metrics", "probes"] => (Asked::Metrics(Metrics::Probes), false),
        [first, rest @ ..] => {
            let inside = inside(first, rest).ok_or(Unasked::NotServed)?;
            let streams = inside.what.upgrades();
            (Asked::Inside(inside), streams)
        }
        [] => return Err(Unasked::NotServed),
    };
    match method == Method::GET || (streams && method == Method::POST) {
        true => Ok(asked),
        false => Err(Unasked::Method),
    }
}

fn inside(first: &str, rest: &[&str]) -> Option<Inside> {
    let what = match first {
        "containerLogs" => What::Log,
        "exec" => What::Exec,
        "attach" => What::Attach,
        "portForward" => What::Forward,
        _ => return None,
    };
    let decoded: Vec<String> = rest.iter().map(|part| named(part)).collect::<Option<_>>()?;
    let (namespace, pod, uid, container) = match (what, decoded.as_slice()) {
        (What::Forward, [namespace, pod]) => (namespace, pod, None, None),
        (What::Forward, [namespace, pod, uid]) => (namespace, pod, Some(uid), None),
        (What::Log | What::Exec | What::Attach, [namespace, pod, container]) => {
            (namespace, pod, None, Some(container))
        }
        (What::Exec | What::Attach, [namespace, pod, uid, container]) => {
            (namespace, pod, Some(uid), Some(container))
        }
        _ => return None,
    };
    let pod = VirtualName::namespaced(namespace.as_str(), pod.as_str());
    Some(Inside { what, pod, uid: uid.cloned(), container: container.cloned() })
}

/// A part of a path that can be a name; nothing else gets as far as a path on the host.
fn named(part: &str) -> Option<String> {
    let part = percent_decode_str(part).decode_utf8().ok()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let is_name = !part.is_empty() && part.chars().all(allowed) && part.contains(|c| c != '.');
    is_name.then(|| part.into_owned())
}

/// The query of the same request to an API server. What is not known there, or is not a caller's to ask, is left out.
pub fn host_query(inside: &Inside, query: &str) -> String {
    let mut asked = form_urlencoded::Serializer::new(String::new());
    if let Some(container) = &inside.container {
        asked.append_pair("container", container);
    }
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match (inside.what, key.as_ref()) {
            (What::Log, "tail") if value != "all" => drop(asked.append_pair("tailLines", &value)),
            // Hosts that cannot tell the streams of a log apart need not be asked for all of them.
            (What::Log, "stream") if value == "All" => {}
            (
                What::Log,
                "follow" | "previous" | "timestamps" | "sinceSeconds" | "sinceTime" | "tailLines"
                | "limitBytes" | "stream",
            )
            | (What::Exec, "command") => drop(asked.append_pair(&key, &value)),
            (What::Exec | What::Attach, "input" | "output" | "error" | "tty") if is_true(&value) => {
                let name = match key.as_ref() {
                    "input" => "stdin",
                    "output" => "stdout",
                    "error" => "stderr",
                    _ => "tty",
                };
                asked.append_pair(name, "true");
            }
            (What::Forward, "port") => drop(asked.append_pair("ports", &value)),
            _ => {}
        }
    }
    asked.finish()
}

/// As the kubelet reads its switches.
fn is_true(value: &str) -> bool {
    value == "1" || value == "true"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_pod(what: What, uid: Option<&str>, container: Option<&str>) -> Result<Asked, Unasked> {
        let pod = VirtualName::namespaced("shop", "web-0");
        let (uid, container) = (uid.map(str::to_owned), container.map(str::to_owned));
        Ok(Asked::Inside(Inside { what, pod, uid, container }))
    }

    #[test]
    fn the_paths_of_a_kubelet_are_known_and_no_others() {
        let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
        let cases = [
            (&get, "/healthz", Ok(Asked::Health)),
            (&get, "/pods", Ok(Asked::Pods { running: false })),
            (&get, "/runningpods/", Ok(Asked::Pods { running: true })),
            (&get, "/stats/summary", Ok(Asked::Summary)),
            (&get, "/metrics", Ok(Asked::Metrics(Metrics::Kubelet))),
            (&get, "/metrics/cadvisor", Ok(Asked::Metrics(Metrics::Cadvisor))),
            (&get, "/metrics/resource", Ok(Asked::Metrics(Metrics::Resource))),
            (&get, "/metrics/probes", Ok(Asked::Metrics(Metrics::Probes))),
            (&get, "/containerLogs/shop/web-0/c", of_pod(What::Log, None, Some("c"))),
            (&get, "/exec/shop/web-0/c", of_pod(What::Exec, None, Some("c"))),
            (&post, "/exec/shop/web-0/u-1/c", of_pod(What::Exec, Some("u-1"), Some("c"))),
            (&post, "/attach/shop/web-0/c", of_pod(What::Attach, None, Some("c"))),
            (&post, "/portForward/shop/web-0", of_pod(What::Forward, None, None)),
            (&get, "/portForward/shop/web-0/u-1", of_pod(What::Forward, Some("u-1"), None)),
            (&post, "/containerLogs/shop/web-0/c", Err(Unasked::Method)),
            (&put, "/exec/shop/web-0/c", Err(Unasked::Method)),
            (&post, "/metrics", Err(Unasked::Method)),
            (&post, "/run/shop/web-0/c", Err(Unasked::NotServed)),
            (&post, "/checkpoint/shop/web-0/c", Err(Unasked::NotServed)),
            (&get, "/", Err(Unasked::NotServed)),
            (&get, "/metrics/probes/more", Err(Unasked::NotServed)),
            (&get, "/stats/", Err(Unasked::NotServed)),
            (&get, "/logs/syslog", Err(Unasked::NotServed)),
            (&get, "/configz", Err(Unasked::NotServed)),
            (&get, "/debug/pprof/heap", Err(Unasked::NotServed)),
            (&get, "/containerLogs/shop/web-0", Err(Unasked::NotServed)),
            (&get, "/containerLogs/shop/web-0/", Err(Unasked::NotServed)),
            // Nothing that means something in a path or a query gets through.
            (&get, "/containerLogs/shop/../c", Err(Unasked::NotServed)),
            (&get, "/containerLogs/shop/%2e%2e/c", Err(Unasked::NotServed)),
            (&get, "/containerLogs/shop/web-0%2Fx/c", Err(Unasked::NotServed)),
            (&get, "/containerLogs/shop/web-0%3Fx/c", Err(Unasked::NotServed)),
        ];
        for (method, path, expected) in cases {
            assert_eq!(asked(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn parameters_of_a_kubelet_become_those_of_an_api_server() {
        let inside = |what: What, container: Option<&str>| match of_pod(what, None, container) {
            Ok(Asked::Inside(inside)) => inside,
            other => panic!("{other:?}"),
        };
        let cases = [
            (What::Log, Some("c"), "", "container=c"),
            (
                What::Log,
                Some("c"),
                "follow=true&tailLines=3&sinceTime=2026-01-01T00%3A00%3A00Z&stream=All",
                "container=c&follow=true&tailLines=3&sinceTime=2026-01-01T00%3A00%3A00Z",
            ),
            (What::Log, Some("c"), "tail=7&stream=Stderr", "container=c&tailLines=7&stream=Stderr"),
            (What::Log, Some("c"), "tail=all", "container=c"),
            // Neither another container nor unchecked certificates are a caller's to choose.
            (What::Log, Some("c"), "container=d&insecureSkipTLSVerifyBackend=true", "container=c"),
            (
                What::Exec,
                Some("c"),
                "command=sh&command=-c&command=echo+a%26b&input=1&output=1&tty=1",
                "container=c&command=sh&command=-c&command=echo+a%26b&stdin=true&stdout=true&tty=true",
            ),
            (
                What::Exec,
                Some("c"),
                "command=id&output=1&error=1&input=0",
                "container=c&command=id&stdout=true&stderr=true",
            ),
            (What::Attach, Some("c"), "output=true&command=id", "container=c&stdout=true"),
            (What::Forward, None, "port=80%2C8080", "ports=80%2C8080"),
            (What::Forward, None, "", ""),
        ];
        for (what, container, query, expected) in cases {
            assert_eq!(host_query(&inside(what, container), query), expected, "{what:?} {query}");
        }
    }
}
