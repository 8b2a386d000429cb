//! Objects of any kind, as JSON.

use anyhow::{Context, Result};
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

/// Creates an object of any kind and returns what the server made of it. A status is dropped by the server.
///
/// # Errors
/// What the server said, and of which object.
pub async fn create(client: &Client, object: &Value) -> Result<DynamicObject> {
    let created = async {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        anyhow::Ok(api_of(client, &object)?.create(&PostParams::default(), &object).await?)
    };
    created.await.with_context(|| format!("creating {}", summary(object)))
}

/// The interface to objects of the kind, and of the namespace if it has one, of this object.
pub(crate) fn api_of(client: &Client, object: &DynamicObject) -> Result<Api<DynamicObject>> {
    let types = object.types.as_ref().context("it has no apiVersion and kind")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types)?);
    Ok(match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    })
}

/// Kind, namespace and name, for messages.
pub(crate) fn summary(object: &Value) -> String {
    let text = |path| object.pointer(path).and_then(Value::as_str).unwrap_or("?");
    format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}
