//! What containers are told, as the tenant said it: variables, the downward API, tokens.

use serde_json::{Value, json};

use super::account::Asked;
use super::back::{self, remove_empty};
use super::pod::Around;
use crate::links::{Advertised, of_services};
use crate::names::{Translator, VirtualName};
use crate::references::{CONTAINERS, items, items_mut};
use crate::wire::annotation;

/// The seconds of a token of which nothing is known: what pods ask for that say nothing else.
const SECONDS: u64 = 3607;
/// The variable that every container is told of the API server.
const API: &str = "KUBERNETES_SERVICE_HOST";

/// Takes out what a container was told of Services. These variables come first, sorted, and each with the value that follows from its
/// Service; what differs is the tenant's.
pub(super) fn environment(container: &mut Value, services: &[Advertised]) {
    let api = items(container, "env").find(|variable| variable["name"] == API);
    let api = api.and_then(|variable| variable["value"].as_str()).map(Advertised::api_server);
    let told = of_services(api.iter().chain(services));
    let Some(env) = container.get_mut("env").and_then(Value::as_array_mut) else { return };
    let (mut last, mut first_own) = (String::new(), env.len());
    for (at, variable) in env.iter().enumerate() {
        let name = variable["name"].as_str().unwrap_or_default();
        if name <= last.as_str() {
            first_own = at;
            break;
        }
        last = name.to_owned();
    }
    let mut at = 0;
    env.retain(|variable| {
        let (name, value) = (variable["name"].as_str().unwrap_or_default(), variable["value"].as_str());
        let is_told = at < first_own && value.is_some() && told.get(name).map(String::as_str) == value;
        at += 1;
        !is_told
    });
    remove_empty(container, "env");
}

/// Fields that containers read from annotations, as the tenant named them.
pub(super) fn downward(names: &Translator, spec: &mut Value) {
    for list in CONTAINERS {
        for variable in items_mut(spec, list).flat_map(|container| items_mut(container, "env")) {
            if let Some(path) = variable.pointer_mut("/valueFrom/fieldRef/fieldPath") {
                field(names, path);
            }
        }
    }
    for volume in items_mut(spec, "volumes") {
        let Some(volume) = volume.as_object_mut() else { continue };
        files(names, volume.get_mut("downwardAPI"));
        for source in volume.get_mut("projected").into_iter().flat_map(|of| items_mut(of, "sources")) {
            files(names, source.get_mut("downwardAPI"));
        }
    }
}

fn files(names: &Translator, source: Option<&mut Value>) {
    for item in source.into_iter().flat_map(|source| items_mut(source, "items")) {
        if let Some(path) = item.pointer_mut("/fieldRef/fieldPath") {
            field(names, path);
        }
    }
}

fn field(names: &Translator, path: &mut Value) {
    let Some(said) = path.as_str() else { return };
    let key = |map: &str| said.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']");
    let inside = match (key("metadata.annotations"), key("metadata.labels")) {
        (Some(annotation::POD_NAME), _) => "metadata.name".to_owned(),
        (Some(annotation::POD_NAMESPACE), _) => "metadata.namespace".to_owned(),
        (Some(annotation::POD_UID), _) => "metadata.uid".to_owned(),
        (Some(annotation::POD_LABELS), _) => "metadata.labels".to_owned(),
        (Some(annotation::POD_SERVICE_ACCOUNT), _) => "spec.serviceAccountName".to_owned(),
        (_, Some(label)) => match back::label(names, label) {
            Some(label) => format!("metadata.labels['{label}']"),
            None => return,
        },
        _ => return,
    };
    *path = json!(inside);
}

/// Files of the Secret with its tokens become what the pod asked for.
pub(super) fn tokens(around: &Around<'_>, pod: &VirtualName, spec: &mut Value) {
    let name = format!("{}-sa-token", pod.name);
    let of = VirtualName { namespace: pod.namespace.clone(), name: name.into() };
    let secret = around.names.translator.host_name(&of).to_string();
    for volume in items_mut(spec, "volumes") {
        let Some(projected) = volume.get_mut("projected") else { continue };
        for source in items_mut(projected, "sources").filter(|source| source["secret"]["name"] == *secret) {
            let file = &source["secret"]["items"][0];
            let key = file["key"].as_str().unwrap_or_default();
            let asked = around.accounts.asked(&secret, key).cloned().unwrap_or_else(|| unknown(key));
            let mut token = json!({"path": file["path"], "expirationSeconds": asked.seconds});
            if let Some(audience) = asked.audience {
                token["audience"] = json!(audience);
            }
            *source = json!({"serviceAccountToken": token});
        }
    }
}

/// Each key stays another, as the companion counts them by what is asked.
fn unknown(key: &str) -> Asked {
    let number: u64 = key.strip_prefix("token-").and_then(|number| number.parse().ok()).unwrap_or_default();
    Asked { audience: None, seconds: SECONDS.saturating_add(number) }
}
