//! What Kubernetes keeps in code per kind and OpenAPI does not say: which fields selectors may name, when
//! `metadata.generation` moves, what an update without resourceVersion means, what becomes of a status that
//! comes with a create. Source: the strategies under `pkg/registry` of Kubernetes 1.36.

use std::borrow::Cow;

use serde_json::Value;

use super::Kind;

/// When `metadata.generation` is set and moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The kind has none.
    Absent,
    /// 1 for ever (deletion still counts one up).
    Constant,
    /// 1 at create, one more when anything outside metadata and status changes.
    Content,
    /// As `Content`, and annotations count too (Deployments copy them to their ReplicaSets).
    ContentAndAnnotations,
    /// As `Content`, and labels count too (EndpointSlices).
    ContentAndLabels,
}

/// What becomes of the status in the body of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusOnCreate {
    /// It is dropped.
    Dropped,
    /// It is kept: Nodes register with theirs, and kinds without a status subresource own theirs.
    Kept,
}

/// What a field selector finds at a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field<'v> {
    /// The kind does not support this label: 400.
    Unsupported,
    /// The value to compare; empty where the object has none.
    Value(Cow<'v, str>),
}

/// Kinds (group, plural) whose objects carry no generation.
const NO_GENERATION: [(&str, &str); 30] = [
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "configmaps"),
    ("", "endpoints"),
    ("", "events"),
    ("", "limitranges"),
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "resourcequotas"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("apiregistration.k8s.io", "apiservices"),
    ("apps", "controllerrevisions"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("coordination.k8s.io", "leases"),
    ("events.k8s.io", "events"),
    ("networking.k8s.io", "ipaddresses"),
    ("networking.k8s.io", "servicecidrs"),
    ("node.k8s.io", "runtimeclasses"),
    ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceclaimtemplates"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
];

/// Kinds (group, plural) whose update must name a resourceVersion.
const CONDITIONAL_UPDATE: [(&str, &str); 15] = [
    ("node.k8s.io", "runtimeclasses"),
    ("policy", "poddisruptionbudgets"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "volumeattachments"),
    ("storage.k8s.io", "csinodes"),
    ("coordination.k8s.io", "leases"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
];

/// Kinds (group, plural) that an update of a missing name creates.
const CREATED_ON_UPDATE: [(&str, &str); 11] = [
    ("", "endpoints"),
    ("", "events"),
    ("", "limitranges"),
    ("", "services"),
    ("coordination.k8s.io", "leases"),
    ("events.k8s.io", "events"),
    ("node.k8s.io", "runtimeclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

impl Kind {
    fn is_one_of(&self, kinds: &[(&str, &str)]) -> bool {
        kinds.iter().any(|(group, plural)| self.group == *group && self.plural == *plural)
    }

    /// When the generation of its objects moves.
    pub fn generation(&self) -> Generation {
        match (self.group.as_str(), self.plural.as_str()) {
            ("apps", "deployments") => Generation::ContentAndAnnotations,
            ("discovery.k8s.io", "endpointslices") => Generation::ContentAndLabels,
            ("scheduling.k8s.io", "priorityclasses") => Generation::Constant,
            ("rbac.authorization.k8s.io", _) if !self.is_custom() => Generation::Absent,
            _ if !self.is_custom() && self.is_one_of(&NO_GENERATION) => Generation::Absent,
            _ => Generation::Content,
        }
    }

    /// Whether an update without resourceVersion goes through; else it is refused with 422.
    pub fn allows_unconditional_update(&self) -> bool {
        !self.is_custom() && !self.is_one_of(&CONDITIONAL_UPDATE)
    }

    /// Whether an update of a missing name creates it; else 404.
    pub fn allows_create_on_update(&self) -> bool {
        !self.is_custom() && self.is_one_of(&CREATED_ON_UPDATE)
    }

    /// What becomes of the status in the body of a create.
    pub fn status_on_create(&self) -> StatusOnCreate {
        let own = self.group.is_empty() && matches!(self.plural.as_str(), "nodes");
        if own || self.subresource("status").is_none() {
            StatusOnCreate::Kept
        } else {
            StatusOnCreate::Dropped
        }
    }

    /// What a field selector compares for a label such as `status.phase`, in one object.
    pub fn selectable_field<'v>(&self, object: &'v Value, label: &str) -> Field<'v> {
        let at = |path: &str| Field::Value(text_at(object, path));
        match label {
            "metadata.name" => return at("/metadata/name"),
            "metadata.namespace" if self.namespaced => return at("/metadata/namespace"),
            _ => {}
        }
        if let Some(custom) = &self.custom {
            let path = format!(".{label}");
            let known = custom.selectable_fields.iter().any(|field| *field == path);
            return if known { at(&path.replace('.', "/")) } else { Field::Unsupported };
        }
        match (self.group.as_str(), self.plural.as_str(), label) {
            ("", "pods", "spec.nodeName" | "spec.host") => at("/spec/nodeName"),
            ("", "pods", "status.podIP") => at("/status/podIPs/0/ip"),
            ("", "pods", "status.podIPs") => Field::Value(Cow::Borrowed("")),
            ("", "pods", "spec.hostNetwork") => flag(object, "/spec/hostNetwork"),
            ("", "nodes", "spec.unschedulable") => flag(object, "/spec/unschedulable"),
            ("", "pods", "spec.restartPolicy") => at("/spec/restartPolicy"),
            ("", "pods", "spec.schedulerName") => at("/spec/schedulerName"),
            ("", "pods", "spec.serviceAccountName") => at("/spec/serviceAccountName"),
            ("", "pods" | "namespaces", "status.phase") => at("/status/phase"),
            ("", "pods", "status.nominatedNodeName") => at("/status/nominatedNodeName"),
            ("", "secrets", "type") => at("/type"),
            ("", "services", "spec.clusterIP") => at("/spec/clusterIP"),
            ("", "services", "spec.type") => at("/spec/type"),
            ("", "replicationcontrollers", "status.replicas") => number(object, "/status/replicas"),
            ("batch", "jobs", "status.successful") => number(object, "/status/succeeded"),
            ("certificates.k8s.io", "certificatesigningrequests", "spec.signerName") => {
                at("/spec/signerName")
            }
            ("resource.k8s.io", "resourceslices", "spec.nodeName") => at("/spec/nodeName"),
            ("resource.k8s.io", "resourceslices", "spec.driver") => at("/spec/driver"),
            ("", "events", label) => event_field(object, label, "involvedObject", "reportingComponent"),
            ("events.k8s.io", "events", label) => {
                event_field(object, label, "regarding", "reportingController")
            }
            _ => Field::Unsupported,
        }
    }
}

fn event_field<'v>(object: &'v Value, label: &str, about: &str, reporter: &str) -> Field<'v> {
    let at = |path: &str| Field::Value(text_at(object, path));
    let (first, rest) = label.split_once('.').unwrap_or((label, ""));
    match rest {
        "kind" | "namespace" | "name" | "uid" | "apiVersion" | "resourceVersion" | "fieldPath"
            if first == about =>
        {
            // Stored under the names of `v1` whatever they are asked for by.
            return at(&format!("/involvedObject/{rest}"));
        }
        "" => {}
        _ => return Field::Unsupported,
    }
    match first {
        "reason" | "type" => at(&format!("/{first}")),
        "source" if about == "involvedObject" => match text_at(object, "/source/component") {
            none if none.is_empty() => at("/reportingComponent"),
            component => Field::Value(component),
        },
        _ if first == reporter => at("/reportingComponent"),
        _ => Field::Unsupported,
    }
}

fn text_at<'v>(object: &'v Value, path: &str) -> Cow<'v, str> {
    match object.pointer(path) {
        Some(Value::String(text)) => Cow::Borrowed(text),
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

fn flag<'v>(object: &Value, path: &str) -> Field<'v> {
    let set = object.pointer(path).and_then(Value::as_bool).unwrap_or(false);
    Field::Value(Cow::Borrowed(if set { "true" } else { "false" }))
}

fn number<'v>(object: &Value, path: &str) -> Field<'v> {
    let number = object.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    Field::Value(Cow::Owned(number.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Custom, Kinds};
    use serde_json::json;
    use std::sync::Arc;

    fn kind(word: &str) -> &'static Kind {
        Kinds::builtin().by_word(word).expect("built in")
    }

    #[test]
    fn every_name_in_the_tables_is_a_kind() {
        let tables: [&[(&str, &str)]; 3] = [&NO_GENERATION, &CONDITIONAL_UPDATE, &CREATED_ON_UPDATE];
        for (group, plural) in tables.into_iter().flatten() {
            assert!(Kinds::builtin().by_resource(group, plural).is_some(), "{plural}.{group}");
        }
    }

    #[test]
    fn generation_follows_the_strategies() {
        let cases = [
            ("pods", Generation::Content),
            ("sts", Generation::Content),
            ("deploy", Generation::ContentAndAnnotations),
            ("endpointslices", Generation::ContentAndLabels),
            ("priorityclasses", Generation::Constant),
            ("cm", Generation::Absent),
            ("svc", Generation::Absent),
            ("roles", Generation::Absent),
            ("crd", Generation::Content),
        ];
        for (word, expected) in cases {
            assert_eq!(kind(word).generation(), expected, "{word}");
        }
    }

    #[test]
    fn updates_and_status_follow_the_strategies() {
        assert!(kind("pods").allows_unconditional_update());
        assert!(!kind("leases").allows_unconditional_update());
        assert!(!kind("crd").allows_unconditional_update());
        assert!(kind("services").allows_create_on_update());
        assert!(!kind("pods").allows_create_on_update());
        assert_eq!(kind("nodes").status_on_create(), StatusOnCreate::Kept);
        assert_eq!(kind("pods").status_on_create(), StatusOnCreate::Dropped);
        assert_eq!(kind("cm").status_on_create(), StatusOnCreate::Kept);
    }

    #[test]
    fn selectors_see_what_the_kind_offers() {
        let pod = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"nodeName": "n1"},
            "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}});
        let event = json!({"involvedObject": {"kind": "Pod", "name": "a"}, "reason": "Killing", "type": "Normal",
            "source": {}, "reportingComponent": "kubelet"});
        let node = json!({"metadata": {"name": "n1"}});
        let cases = [
            ("pods", &pod, "metadata.name", Some("a")),
            ("pods", &pod, "metadata.namespace", Some("b")),
            ("pods", &pod, "spec.nodeName", Some("n1")),
            ("pods", &pod, "status.podIP", Some("10.0.0.1")),
            ("pods", &pod, "spec.hostNetwork", Some("false")),
            ("pods", &pod, "status.nominatedNodeName", Some("")),
            ("pods", &pod, "spec.volumes", None),
            ("nodes", &node, "spec.unschedulable", Some("false")),
            ("nodes", &node, "metadata.namespace", None),
            ("events", &event, "involvedObject.name", Some("a")),
            ("events", &event, "involvedObject.uid", Some("")),
            ("events", &event, "involvedObject.colour", None),
            ("events", &event, "source", Some("kubelet")),
            ("events", &event, "reason", Some("Killing")),
            ("events", &event, "count", None),
            ("cm", &pod, "data", None),
        ];
        for (word, object, label, expected) in cases {
            let expected =
                expected.map_or(Field::Unsupported, |text| Field::Value(Cow::Owned(text.to_owned())));
            assert_eq!(kind(word).selectable_field(object, label), expected, "{word} {label}");
        }
    }

    #[test]
    fn custom_resources_offer_what_their_definition_says() {
        let mut widget = kind("cm").clone();
        let custom = Custom { selectable_fields: vec![".spec.color".into()], ..Custom::default() };
        widget.custom = Some(Arc::new(custom));
        let object = json!({"spec": {"color": "blue", "size": 1}});
        assert_eq!(widget.selectable_field(&object, "spec.color"), Field::Value(Cow::Borrowed("blue")));
        assert_eq!(widget.selectable_field(&object, "spec.size"), Field::Unsupported);
        assert_eq!(widget.generation(), Generation::Content);
        assert!(!widget.allows_unconditional_update());
    }
}
