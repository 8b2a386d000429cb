//! Which resource a path names.

use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Objects of a kind.
    Resource(Target),
    /// Something else: discovery, health, version.
    Other,
}

/// Objects of a kind, or one of them, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// API group, empty for the core.
    pub(crate) group: String,
    /// Version in the group.
    pub(crate) version: String,
    /// Plural.
    pub(crate) resource: String,
    /// Namespace; none for all and for cluster-scoped kinds.
    pub(crate) namespace: Option<String>,
    /// Name of the object; none for the collection.
    pub(crate) name: Option<String>,
    /// `status`, `log`, …; empty for the object itself.
    pub(crate) subresource: String,
    /// What stands behind the subresource (paths of a proxy).
    pub(crate) rest: Vec<String>,
    /// Written as `/api/v1/watch/…`, an old way to ask for a watch.
    pub(crate) watched: bool,
}

/// Reads a path as the real server's request information does.
pub(crate) fn route(path: &str) -> Route {
    let mut parts = path.trim_matches('/').split('/').map(decode);
    let mut target = Target::default();
    match parts.next().as_deref() {
        Some("api") => {}
        Some("apis") => match parts.next() {
            Some(group) => target.group = group,
            None => return Route::Other,
        },
        _ => return Route::Other,
    }
    let (Some(version), Some(mut resource)) = (parts.next(), parts.next()) else { return Route::Other };
    if resource == "watch" {
        let Some(watched) = parts.next() else { return Route::Other };
        target.watched = true;
        resource = watched;
    }
    target.version = version;
    target.resource = resource;
    let mut rest: Vec<String> = parts.collect();
    if target.resource == "namespaces" {
        // `/namespaces/NAME/pods` is about pods, `/namespaces/NAME/status` about the namespace.
        if rest.get(1).is_some_and(|part| !matches!(part.as_str(), "status" | "finalize")) {
            target.namespace = Some(rest.remove(0));
            target.resource = rest.remove(0);
        }
    }
    let mut rest = rest.into_iter();
    target.name = rest.next();
    target.subresource = rest.next().unwrap_or_default();
    target.rest = rest.collect();
    Route::Resource(target)
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources_as_the_real_server_reads_them() {
        let read = |path: &str| match route(path) {
            Route::Other => None,
            Route::Resource(t) => Some(format!(
                "{}/{} {} {} {} {}{}",
                t.group,
                t.version,
                t.resource,
                t.namespace.unwrap_or("-".into()),
                t.name.unwrap_or("-".into()),
                t.subresource,
                t.rest.join("|"),
            )),
        };
        let cases = [
            ("/api/v1/pods", "/v1 pods - - "),
            ("/api/v1/namespaces", "/v1 namespaces - - "),
            ("/api/v1/namespaces/a", "/v1 namespaces - a "),
            ("/api/v1/namespaces/a/status", "/v1 namespaces - a status"),
            ("/api/v1/namespaces/a/finalize", "/v1 namespaces - a finalize"),
            ("/api/v1/namespaces/a/pods", "/v1 pods a - "),
            ("/api/v1/namespaces/a/pods/b/log", "/v1 pods a b log"),
            ("/apis/apps/v1/namespaces/a/deployments/b/", "apps/v1 deployments a b "),
            ("/apis/x.y/v1/clusterthings/system%3Anode", "x.y/v1 clusterthings - system:node "),
            ("/api/v1/namespaces/a/services/b/proxy/c/d", "/v1 services a b proxyc|d"),
            ("/api/v1/watch/namespaces/a/pods", "/v1 pods a - "),
            ("/api/v1/watch/namespaces/a", "/v1 namespaces - a "),
            ("/apis/apps/v1/watch/deployments", "apps/v1 deployments - - "),
        ];
        for (path, expected) in cases {
            assert_eq!(read(path).as_deref(), Some(expected), "{path}");
        }
        for other in [
            "/",
            "/api",
            "/api/v1",
            "/api/v1/watch",
            "/apis",
            "/apis/apps",
            "/apis/apps/v1",
            "/version",
            "/livez/ping",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
