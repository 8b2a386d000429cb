//! Signs approved requests for certificates of clients (`kubernetes.io/kube-apiserver-client`). The other signers of Kubernetes are
//! for kubelets, of which there are none here: what asks them waits.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::queue::Queue;
use super::{Controller, Key, Seen, World};
use crate::store::{Change, Gr, WriteOptions};
use crate::tls::Signer;

const REQUESTS: Gr = Gr::new_static("certificates.k8s.io", "certificatesigningrequests");
const CLIENTS: &str = "kubernetes.io/kube-apiserver-client";
/// What certificates are good for when nobody asks for less.
const LONGEST: TimeDelta = TimeDelta::days(365);
/// They begin that much earlier, for clocks that are late.
const BACKDATED: TimeDelta = TimeDelta::minutes(5);

/// The controller.
#[derive(Debug)]
pub(crate) struct Signing {
    signer: Arc<Signer>,
    queue: Queue<Key>,
}

impl Signing {
    pub(crate) fn new(signer: Arc<Signer>) -> Self {
        Signing { signer, queue: Queue::default() }
    }

    fn reconcile(&self, world: &World, key: &Key) {
        let Some(request) = world.find(&REQUESTS, key) else { return };
        let request = request.value();
        if !waits(&request) {
            return;
        }
        let now = world.now();
        let answer = usages(&request["spec"]["usages"]).and_then(|()| self.sign(&request["spec"], now));
        let written = world.store.update(&REQUESTS, None, &key.name, "status", &WriteOptions::default(), |_, mut it| {
            match &answer {
                Ok(certificate) => it["status"]["certificate"] = json!(STANDARD.encode(certificate)),
                Err(why) => {
                    let condition = json!({
                        "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why,
                        "lastUpdateTime": world.store.clock().stamp(),
                    });
                    match it["status"]["conditions"].as_array_mut() {
                        Some(conditions) => conditions.push(condition),
                        None => it["status"]["conditions"] = json!([condition]),
                    }
                }
            }
            Ok(it)
        });
        if let Err(error) = written {
            tracing::debug!(%error, name = %key.name, "a certificate was not handed out");
        }
    }

    fn sign(&self, spec: &Value, now: DateTime<Utc>) -> Result<String, String> {
        let request =
            spec["request"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        let request = String::from_utf8(request).map_err(|_| "unable to parse csr".to_owned())?;
        let asked = spec["expirationSeconds"].as_i64().and_then(TimeDelta::try_seconds);
        let until = now + asked.unwrap_or(LONGEST).min(LONGEST);
        self.signer.sign(&request, now - BACKDATED, until).map_err(|error| error.to_string())
    }
}

/// Whether it is approved, for our signer, and neither signed nor given up.
fn waits(request: &Value) -> bool {
    let has = |kind: &str| {
        let conditions = request["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|condition| condition["type"] == kind)
    };
    request["spec"]["signerName"] == CLIENTS
        && has("Approved")
        && !has("Denied")
        && !has("Failed")
        && request["status"]["certificate"].as_str().is_none_or(str::is_empty)
}

/// What a client's certificate may be for.
fn usages(usages: &Value) -> Result<(), String> {
    let all: Vec<&str> = usages.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let odd =
        all.iter().find(|usage| !matches!(**usage, "digital signature" | "key encipherment" | "client auth"));
    match odd {
        Some(odd) => Err(format!("invalid usage for client certificate: {odd}")),
        None if all.contains(&"client auth") => Ok(()),
        None => Err("missing required usage for client certificate: client auth".to_owned()),
    }
}

impl Controller for Signing {
    fn name(&self) -> &'static str {
        "signing"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        if *seen.gr == REQUESTS && seen.change != Change::Deleted {
            self.queue.add(Key::of(seen.object));
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}
