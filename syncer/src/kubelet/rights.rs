//! What a caller must be allowed in the virtual cluster: the kubelet's own table, from paths to subresources of nodes.

use http::Method;

/// Rights of which any one is enough: a verb and subresources of `nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// `get`, `create`, …
    pub verb: &'static str,
    /// In the order in which they are asked about.
    pub subresources: &'static [&'static str],
}

/// The rights that a request needs. Opening a stream into a pod creates, whatever its method is: a WebSocket can only
/// begin with `GET`.
pub fn needed(method: &Method, path: &str) -> Rights {
    let streams = ["/exec", "/attach", "/portForward", "/run", "/cri"];
    let verb = match *method {
        _ if streams.iter().any(|root| is_below(root, path)) => "create",
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "create",
    };
    let table: [(&str, &'static [&'static str]); 11] = [
        ("/stats", &["stats"]),
        ("/metrics", &["metrics"]),
        ("/logs", &["log"]),
        ("/checkpoint", &["checkpoint"]),
        ("/statusz", &["statusz"]),
        ("/flagz", &["configz"]),
        ("/pods", &["pods", "proxy"]),
        ("/runningpods", &["pods", "proxy"]),
        ("/runningPods", &["pods", "proxy"]),
        ("/healthz", &["healthz", "proxy"]),
        ("/configz", &["configz", "proxy"]),
    ];
    let found = table.into_iter().find(|(root, _)| is_below(root, path));
    Rights { verb, subresources: found.map_or(&["proxy"], |(_, subresources)| subresources) }
}

fn is_below(root: &str, path: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_needs_its_right_and_any_other_path_the_widest_one() {
        let (get, post) = (Method::GET, Method::POST);
        let cases: [(&Method, &str, &str, &[&str]); 20] = [
            (&get, "/stats/summary", "get", &["stats"]),
            (&get, "/statssummary", "get", &["proxy"]),
            (&get, "/metrics", "get", &["metrics"]),
            (&get, "/metrics/cadvisor", "get", &["metrics"]),
            (&post, "/metrics/resource", "create", &["metrics"]),
            (&get, "/logs/", "get", &["log"]),
            (&post, "/checkpoint/a/b/c", "create", &["checkpoint"]),
            (&get, "/pods", "get", &["pods", "proxy"]),
            (&get, "/runningpods/", "get", &["pods", "proxy"]),
            (&get, "/configz", "get", &["configz", "proxy"]),
            (&get, "/flagz", "get", &["configz"]),
            (&get, "/statusz", "get", &["statusz"]),
            (&get, "/healthz", "get", &["healthz", "proxy"]),
            (&get, "/containerLogs/a/b/c", "get", &["proxy"]),
            (&post, "/exec/a/b/c", "create", &["proxy"]),
            (&get, "/exec/a/b/c", "create", &["proxy"]),
            (&get, "/attach/a/b/c", "create", &["proxy"]),
            (&get, "/portForward/a/b", "create", &["proxy"]),
            (&Method::DELETE, "/whatever", "delete", &["proxy"]),
            (&Method::PATCH, "/", "patch", &["proxy"]),
        ];
        for (method, path, verb, subresources) in cases {
            assert_eq!(needed(method, path), Rights { verb, subresources }, "{method} {path}");
        }
    }
}
