//! Whether a Service that is written needs an address of the host. Pure.

use serde_json::{Value, json};
use v9s::cluster::lean::Lean;
use v9s::names::VirtualName;
use v9s::wire::{annotation, label};

use super::name;
use super::review::Request;
use crate::engine::key::{Key, KindId};
use crate::resources::services::reserved::Asked;
use crate::resources::services::{is_api, is_external, is_headless};

/// A Service that needs an address of the host.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) asked: Asked,
    /// As it was sent.
    pub(super) object: Value,
    /// The name was made here, of `generateName`.
    pub(super) named: bool,
    /// It is not there yet.
    pub(super) new: bool,
}

impl Wanted {
    /// The same under another generated name.
    pub(super) fn renamed(self) -> Wanted {
        let base = self.object["metadata"]["generateName"].as_str().unwrap_or_default();
        let mut wanted = self.clone();
        wanted.asked.key.object.name = name::generate(base).into();
        wanted.asked.object.metadata.name = wanted.asked.key.object.name.clone();
        wanted
    }
}

/// What a request wants of the host; none when it wants nothing.
pub(super) fn wanted(request: &Request, kind: KindId) -> Option<Wanted> {
    let resource = &request.resource;
    let about_services = (resource.group.as_str(), resource.version.as_str(), resource.resource.as_str())
        == ("", "v1", "services");
    if !about_services || !request.sub_resource.is_empty() {
        return None;
    }
    let new = match request.operation.as_str() {
        "CREATE" => true,
        "UPDATE" => false,
        _ => return None,
    };
    let spec = &request.object["spec"];
    if is_external(spec) || is_headless(spec) || !is_mirrored(&request.object) {
        return None;
    }
    // Addresses come and go with the type; while ours are exchanged, that is our own doing.
    if !new && (!is_external(&request.old_object["spec"]) || is_marked(&request.old_object)) {
        return None;
    }
    let (name, named) = name_of(request)?;
    let object_name = VirtualName::namespaced(request.namespace.as_str(), name.as_str());
    if is_api(&object_name) {
        return None;
    }
    let mut object = request.object.clone();
    object["metadata"]["namespace"] = json!(request.namespace);
    object["metadata"]["name"] = json!(name);
    // Kept text for text, so that it goes by way of text.
    let lean: Lean = serde_json::from_str(&object.to_string()).ok()?;
    let asked = Asked { key: Key::new(kind, object_name), object: lean };
    Some(Wanted { asked, object: request.object.clone(), named, new })
}

fn is_mirrored(object: &Value) -> bool {
    object["metadata"]["labels"][label::CONTROLLED_BY].is_null()
}

fn is_marked(object: &Value) -> bool {
    !object["metadata"]["annotations"][annotation::REALIGNING].is_null()
}

/// The name, and whether it was made here.
fn name_of(request: &Request) -> Option<(String, bool)> {
    let metadata = &request.object["metadata"];
    let given = metadata["name"].as_str().unwrap_or_default();
    let (name, named) = match metadata["generateName"].as_str() {
        Some(base) if given.is_empty() && !base.is_empty() => (name::generate(base), true),
        _ => (given.to_owned(), false),
    };
    name::is_possible(&name).then_some((name, named))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str, object: Value, old: Value) -> Request {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "request": {"uid": "u", "operation": operation,
            "namespace": "shop", "resource": {"group": "", "version": "v1", "resource": "services"}, "object": object, "oldObject": old}});
        super::super::review::read(review.to_string().as_bytes()).unwrap()
    }

    fn service(metadata: Value, spec: Value) -> Value {
        json!({"metadata": metadata, "spec": spec})
    }

    fn web(spec: Value) -> Value {
        service(json!({"name": "web"}), spec)
    }

    #[test]
    fn only_what_gets_an_address_is_reserved() {
        let cluster_ip = || web(json!({"type": "ClusterIP"}));
        let external = || web(json!({"type": "ExternalName", "externalName": "example.org"}));
        let exchanged = service(
            json!({"name": "web", "annotations": {"v9s.io/realigning": "ClusterIP/1"}}),
            json!({"type": "ExternalName"}),
        );
        let controlled = service(
            json!({"name": "web", "labels": {"vcluster.loft.sh/controlled-by": "x"}}),
            json!({"type": "ClusterIP"}),
        );
        let null = || Value::Null;
        for (operation, object, old, expected) in [
            ("CREATE", cluster_ip(), null(), true),
            ("CREATE", web(json!({"type": "NodePort"})), null(), true),
            ("CREATE", web(json!({"type": "LoadBalancer"})), null(), true),
            ("CREATE", web(json!({"type": "ClusterIP", "clusterIP": "10.0.0.9"})), null(), true),
            ("CREATE", web(json!({"type": "ClusterIP", "clusterIP": "None"})), null(), false),
            ("CREATE", external(), null(), false),
            ("CREATE", controlled, null(), false),
            ("CREATE", service(json!({"name": "x".repeat(64)}), json!({"type": "ClusterIP"})), null(), false),
            ("CREATE", service(json!({}), json!({"type": "ClusterIP"})), null(), false),
            ("UPDATE", cluster_ip(), external(), true),
            ("UPDATE", cluster_ip(), cluster_ip(), false),
            ("UPDATE", external(), cluster_ip(), false),
            ("UPDATE", cluster_ip(), exchanged, false),
            ("DELETE", null(), cluster_ip(), false),
        ] {
            let wanted = wanted(&request(operation, object.clone(), old.clone()), KindId(0));
            assert_eq!(wanted.is_some(), expected, "{operation} {object} after {old}");
        }
    }

    #[test]
    fn other_kinds_subresources_and_the_api_itself_are_left_alone() {
        let sound = request("CREATE", web(json!({"type": "ClusterIP"})), Value::Null);
        assert!(wanted(&sound, KindId(0)).is_some());
        let mut other = sound.clone();
        other.resource.resource = "pods".into();
        assert!(wanted(&other, KindId(0)).is_none());
        let status = Request { sub_resource: "status".into(), ..sound.clone() };
        assert!(wanted(&status, KindId(0)).is_none());
        let mut api = sound;
        (api.namespace, api.object["metadata"]["name"]) = ("default".into(), json!("kubernetes"));
        assert!(wanted(&api, KindId(0)).is_none());
    }

    #[test]
    fn a_generated_name_is_made_here_and_the_namespace_is_that_of_the_request() {
        let object =
            service(json!({"generateName": "web-", "namespace": "elsewhere"}), json!({"type": "ClusterIP"}));
        let wanted = wanted(&request("CREATE", object, Value::Null), KindId(0)).unwrap();
        assert!(wanted.named && wanted.asked.key.object.name.starts_with("web-"));
        assert_eq!(wanted.asked.key.object.namespace.as_deref(), Some("shop"));
        assert_eq!(wanted.asked.object.metadata.namespace, "shop");
    }
}
