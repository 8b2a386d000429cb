//! Applies objects in the virtual cluster and leaves to others what they have changed.
//!
//! Server-side apply says who owns which field. A field that somebody else has changed is a conflict: it is theirs from
//! then on, and the rest is applied without it. An object that has not changed since is not written.

use std::collections::HashMap;

use http::{Method, Request, header};
use kube::core::Status;
use serde_json::Value;
use v9s::cluster::{Cluster, Failure, FailureKind};

use crate::requests::{self, APPLY_PATCH, JSON, MANAGER};

/// How often the fields of others are taken out before the object is left alone.
const ROUNDS: usize = 4;

/// Applies objects.
pub(crate) struct Applier {
    tenant: Cluster,
    /// What they are, for messages, such as `DNS of the virtual cluster`.
    what: &'static str,
    objects: Vec<Value>,
    /// Revisions in which the objects were right, by position.
    right: HashMap<usize, String>,
    /// Where their kinds are served: the paths of collections, by position.
    paths: HashMap<usize, String>,
}

/// What came of one apply.
enum Outcome {
    Applied(Value),
    /// These fields belong to others.
    Conflicts(Vec<String>),
}

impl Applier {
    pub(crate) fn new(tenant: Cluster, what: &'static str, objects: Vec<Value>) -> Self {
        Applier { tenant, what, objects, right: HashMap::new(), paths: HashMap::new() }
    }

    /// Looks at all objects and applies what is not as it was left; says what is wrong with the first that could not be.
    pub(crate) async fn look(&mut self) -> Option<String> {
        let mut trouble = None;
        for at in 0..self.objects.len() {
            if let Err(failure) = self.look_at(at).await {
                let object = self.objects.get(at).map(described).unwrap_or_default();
                let told = format!("{}: {object} cannot be applied: {failure}", self.what);
                tracing::warn!("{told}");
                trouble.get_or_insert(told);
            }
        }
        trouble
    }

    async fn look_at(&mut self, at: usize) -> Result<(), Failure> {
        let Some(object) = self.objects.get(at).cloned() else { return Ok(()) };
        let path = match self.paths.get(&at) {
            Some(path) => path.clone(),
            None => self.paths.entry(at).or_insert(path_of(&self.tenant, &object).await?).clone(),
        };
        let now = match requests::get::<Value>(&self.tenant, &path).await {
            Ok(found) => revision(&found),
            Err(failure) if failure.kind == FailureKind::NotFound => None,
            Err(failure) => return Err(failure),
        };
        if now.is_some() && now.as_ref() == self.right.get(&at) {
            return Ok(());
        }
        let mut ours = object.clone();
        for _ in 0..ROUNDS {
            match self.apply(&path, &ours).await? {
                Outcome::Applied(applied) => {
                    self.right.extend(revision(&applied).map(|revision| (at, revision)));
                    return Ok(());
                }
                Outcome::Conflicts(fields) => {
                    let object = described(&object);
                    tracing::info!(
                        object,
                        ?fields,
                        "somebody else has changed these fields, they are left alone"
                    );
                    let taken_out = fields.iter().filter(|field| take_out(&mut ours, field)).count();
                    if taken_out == 0 {
                        break;
                    }
                }
            }
        }
        // All that is left of it is somebody else's.
        self.right.extend(now.map(|now| (at, now)));
        Ok(())
    }

    async fn apply(&self, path: &str, object: &Value) -> Result<Outcome, Failure> {
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(format!("{path}?fieldManager={MANAGER}&force=false"))
            .header(header::CONTENT_TYPE, APPLY_PATCH)
            .header(header::ACCEPT, JSON)
            .body(object.to_string().into_bytes())
            .map_err(|error| Failure::new(FailureKind::Rejected, format!("cannot be asked: {error}")))?;
        let client = self.tenant.client();
        let answering = client.request::<Value>(request);
        let patience = self.tenant.request_timeout();
        match tokio::time::timeout(patience, Box::pin(answering)).await {
            Err(_) => Err(Failure::timeout(patience)),
            Ok(Ok(applied)) => Ok(Outcome::Applied(applied)),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 && !fields_of(&status).is_empty() => {
                Ok(Outcome::Conflicts(fields_of(&status)))
            }
            Ok(Err(error)) => Err(Failure::from_kube(&error)),
        }
    }
}

fn fields_of(status: &Status) -> Vec<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.map(|cause| cause.field.clone()).filter(|field| !field.is_empty()).collect()
}

fn revision(object: &Value) -> Option<String> {
    object["metadata"]["resourceVersion"].as_str().map(str::to_owned)
}

fn described(object: &Value) -> String {
    let meta = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {}/{}", text(&object["kind"]), text(&meta["namespace"]), text(&meta["name"]))
}

/// Path of an object: how its kind is called in paths only its API server knows.
async fn path_of(tenant: &Cluster, object: &Value) -> Result<String, Failure> {
    let (version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let served: Value = requests::get(tenant, &root).await?;
    let resources = served["resources"].as_array().into_iter().flatten();
    let resource = resources
        .into_iter()
        .find(|resource| resource["kind"] == kind && !text(resource, "name").contains('/'))
        .ok_or_else(|| Failure::new(FailureKind::NotFound, format!("{version} has no kind {kind}")))?;
    let (plural, meta) = (text(resource, "name"), &object["metadata"]);
    let namespace = match (resource["namespaced"] == true, text(meta, "namespace")) {
        (false, _) => String::new(),
        (true, "") => "/namespaces/default".to_owned(),
        (true, namespace) => format!("/namespaces/{namespace}"),
    };
    Ok(format!("{root}{namespace}/{plural}/{}", text(meta, "name")))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// Takes a field out of an object, as a conflict names it: `.spec.replicas`, `.spec.containers[name="a"].image`. Says
/// whether there was anything to take out.
fn take_out(object: &mut Value, field: &str) -> bool {
    match object {
        Value::Object(fields) => {
            let Some(path) = field.strip_prefix('.') else { return false };
            // Keys may hold dots themselves: the longest that fits is meant.
            let fits = |key: &&String| {
                path.strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let Some(key) = fields.keys().filter(fits).max_by_key(|key| key.len()).cloned() else {
                return false;
            };
            match &path[key.len()..] {
                "" => fields.remove(&key).is_some(),
                rest => fields.get_mut(&key).is_some_and(|inner| take_out(inner, rest)),
            }
        }
        Value::Array(items) => {
            let Some((keys, rest)) = field.strip_prefix('[').and_then(keys_of) else { return false };
            let at = items.iter().position(|item| {
                keys.as_object().is_some_and(|keys| keys.iter().all(|(key, value)| item[key] == *value))
            });
            match (at, rest) {
                (Some(at), "") => {
                    items.remove(at);
                    true
                }
                (Some(at), rest) => take_out(&mut items[at], rest),
                (None, _) => false,
            }
        }
        _ => false,
    }
}

/// The keys of `name="a",port=53].image`, and what comes after them.
fn keys_of(text: &str) -> Option<(Value, &str)> {
    let mut keys = serde_json::Map::new();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=')?;
        // A value is JSON: the parser says where it ends.
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = values.next()?.ok()?;
        keys.insert(key.to_owned(), value);
        rest = after.get(values.byte_offset()..)?;
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((Value::Object(keys), rest.strip_prefix(']')?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_belongs_to_somebody_else_is_taken_out() {
        let object = json!({
            "metadata": {"labels": {"app": "a", "kubernetes.io/name": "b"}},
            "data": {"Corefile": "x"},
            "spec": {"replicas": 1, "containers": [{"name": "a", "image": "i"}, {"name": "b=,]", "image": "j"}],
                "ports": [{"port": 53, "protocol": "UDP", "targetPort": 1}, {"port": 53, "protocol": "TCP", "targetPort": 2}]},
        });
        for (field, pointer) in [
            (".spec.replicas", "/spec/replicas"),
            (".data.Corefile", "/data/Corefile"),
            (".metadata.labels.kubernetes.io/name", "/metadata/labels/kubernetes.io~1name"),
            (".spec.containers[name=\"b=,]\"].image", "/spec/containers/1/image"),
            (".spec.ports[port=53,protocol=\"TCP\"].targetPort", "/spec/ports/1/targetPort"),
        ] {
            let mut ours = object.clone();
            assert!(take_out(&mut ours, field), "{field}");
            let mut expected = object.clone();
            let (parent, last) = pointer.rsplit_once('/').unwrap();
            expected.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&last.replace("~1", "/"));
            assert_eq!(ours, expected, "{field}");
        }
        let mut whole = object.clone();
        assert!(take_out(&mut whole, ".spec.containers[name=\"a\"]"));
        assert_eq!(whole["spec"]["containers"].as_array().map(Vec::len), Some(1));
        for field in [
            "",
            "spec",
            ".spec.nothing",
            ".spec.containers[name=\"z\"].image",
            ".spec.containers[0]",
            ".data.Corefile.x",
        ] {
            let mut ours = object.clone();
            assert!(!take_out(&mut ours, field), "{field}");
            assert_eq!(ours, object);
        }
    }
}
