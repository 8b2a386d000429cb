//! Carries writes out: one request each, answers sorted into what the engine makes of them.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::lean::Lean;
use v9s::cluster::{Cluster, Failure, FailureKind, ObjectRef};

use super::budget::Budget;
use super::key::Side;
use super::plan::{PatchKind, TokenWrite, Write};
use crate::requests::{self, JSON, read};

/// Both API servers, and how much each may be asked of.
pub struct Writer {
    sides: [(Cluster, Budget); 2],
}

/// What a write has come to.
#[derive(Debug)]
pub enum Done {
    /// The object as it is now.
    Object(Side, Box<Lean>),
    /// It is gone.
    Gone(Side),
    /// It was there already: the object that is there.
    Exists(Side, Box<Lean>),
    /// Another object was written, the pair is as it was.
    Aside,
    /// Done, and nothing is known of the result.
    Blind,
}

/// Most writes under way on one server.
const MOST: [usize; 2] = [64, 64];

impl Writer {
    /// Writes to these clusters.
    pub fn new(virtual_side: Cluster, host: Cluster) -> Self {
        let sides = [(virtual_side, Budget::new(MOST[0])), (host, Budget::new(MOST[1]))];
        Writer { sides }
    }

    /// The API server of a side.
    pub fn cluster(&self, side: Side) -> &Cluster {
        &self.sides[side as usize].0
    }

    /// The budget of a side.
    pub fn budget(&self, side: Side) -> &Budget {
        &self.sides[side as usize].1
    }

    /// Carries out one write.
    ///
    /// # Errors
    /// What the server said instead.
    pub async fn carry_out(&self, write: &Write) -> Result<Done, Failure> {
        match write {
            Write::Create { side, target, body } => self.create(*side, target, body).await,
            Write::Ensure { side, target, body } => {
                match self.create(*side, target, body).await? {
                    // Perhaps it is on its way out.
                    Done::Exists(_, there) if there.metadata.deletion_timestamp.is_some() => {
                        Err(Failure::new(FailureKind::Conflict, format!("{target} is being deleted")))
                    }
                    _ => Ok(Done::Aside),
                }
            }
            Write::Patch { side, target, part, kind, change, revision } => {
                let mut change = change.clone();
                change["metadata"]["resourceVersion"] = json!(revision);
                let path = match part.path() {
                    Some(part) => format!("{}/{part}", target.path()),
                    None => target.path(),
                };
                let content_type = match kind {
                    PatchKind::Merge => requests::MERGE_PATCH,
                    PatchKind::Strategic => requests::STRATEGIC_PATCH,
                };
                let answer = self.ask(*side, Method::PATCH, &path, content_type, &change).await?;
                Ok(Done::Object(*side, Box::new(read(&answer)?)))
            }
            Write::Delete { side, target, uid, revision, grace, .. } => {
                self.delete(*side, target, uid, revision.as_deref(), *grace).await
            }
            Write::Bind { target, uid, node } => {
                let body = json!({"apiVersion": "v1", "kind": "Binding",
                    "metadata": {"name": target.name, "namespace": target.namespace, "uid": uid},
                    "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
                let path = format!("{}/binding", target.path());
                self.ask(Side::Virtual, Method::POST, &path, JSON, &body).await?;
                Ok(Done::Blind)
            }
            Write::Tokens(tokens) => self.tokens(tokens).await,
        }
    }

    async fn create(&self, side: Side, target: &ObjectRef, body: &Value) -> Result<Done, Failure> {
        let path = target.resource.path(target.namespace.as_deref());
        match self.ask(side, Method::POST, &path, JSON, body).await {
            Ok(answer) => Ok(Done::Object(side, Box::new(read(&answer)?))),
            Err(failure) if failure.kind == FailureKind::Conflict => {
                // Perhaps by ourselves, when an answer was lost.
                let there = self.get(side, target).await;
                match there {
                    Ok(there) => Ok(Done::Exists(side, Box::new(there))),
                    Err(gone) if gone.kind == FailureKind::NotFound => Err(failure),
                    Err(other) => Err(other),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Reads an object as it is now.
    ///
    /// # Errors
    /// What the server said instead.
    pub async fn get(&self, side: Side, target: &ObjectRef) -> Result<Lean, Failure> {
        requests::get(self.cluster(side), &target.path()).await
    }

    async fn delete(
        &self,
        side: Side,
        target: &ObjectRef,
        uid: &str,
        revision: Option<&str>,
        grace: Option<u32>,
    ) -> Result<Done, Failure> {
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid},
            "propagationPolicy": "Background"});
        if let Some(revision) = revision {
            options["preconditions"]["resourceVersion"] = json!(revision);
        }
        if let Some(grace) = grace {
            options["gracePeriodSeconds"] = json!(grace);
        }
        match self.ask(side, Method::DELETE, &target.path(), JSON, &options).await {
            Ok(answer) => match serde_json::from_slice::<Deleted>(&answer) {
                // A Status, or the object in its last state, unless it stays for its grace or its finalizers.
                Ok(Deleted { metadata: Some(meta) }) if meta.stays(grace) => {
                    Ok(Done::Object(side, Box::new(read(&answer)?)))
                }
                _ => Ok(Done::Gone(side)),
            },
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(Done::Gone(side)),
            Err(failure) => Err(failure),
        }
    }

    async fn tokens(&self, tokens: &TokenWrite) -> Result<Done, Failure> {
        let path =
            format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", tokens.namespace, tokens.account);
        let mut data = serde_json::Map::new();
        let mut expires: Option<SmolStr> = None;
        for claim in &tokens.claims {
            let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"audiences": claim.audiences, "expirationSeconds": claim.seconds,
                    "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": tokens.pod, "uid": tokens.pod_uid}}});
            let answer = self.ask(Side::Virtual, Method::POST, &path, JSON, &body).await?;
            let Granted { status } = read(&answer)?;
            data.insert(claim.key.to_string(), Value::String(status.token));
            if expires.as_ref().is_none_or(|before| status.expiration_timestamp < *before) {
                expires = Some(status.expiration_timestamp);
            }
        }
        let mut body = tokens.body.clone();
        body["stringData"] = Value::Object(data);
        if let Some(expires) = expires {
            body["metadata"]["annotations"][v9s::wire::annotation::TOKENS_EXPIRE] = json!(expires);
        }
        let Some(revision) = &tokens.revision else {
            return self.create(Side::Host, &tokens.secret, &body).await;
        };
        body["metadata"]["resourceVersion"] = json!(revision);
        let path = tokens.secret.path();
        let answer = self.ask(Side::Host, Method::PATCH, &path, requests::MERGE_PATCH, &body).await?;
        Ok(Done::Object(Side::Host, Box::new(read(&answer)?)))
    }

    async fn ask(
        &self,
        side: Side,
        method: Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<Vec<u8>, Failure> {
        let path = match method {
            Method::POST | Method::PATCH => format!("{path}?fieldManager={}", requests::MANAGER),
            _ => path.to_owned(),
        };
        let request = requests::request(method, &path, content_type, body.to_string().into_bytes())?;
        let budget = self.budget(side);
        let permit = budget.begin().await;
        let answered = self.cluster(side).fetch(request).await;
        drop(permit);
        match &answered {
            Ok(_) => budget.succeeded(),
            Err(Failure { kind: FailureKind::Busy { retry_after }, .. }) => budget.refused(*retry_after),
            Err(_) => {}
        }
        answered
    }
}

#[derive(Deserialize)]
struct Deleted {
    metadata: Option<DeletedMeta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletedMeta {
    deletion_timestamp: Option<SmolStr>,
    deletion_grace_period_seconds: Option<u32>,
    #[serde(default)]
    finalizers: Vec<SmolStr>,
}

impl DeletedMeta {
    /// Whether the object is still there after a deletion that leaves it this time. What is taken away at once is told
    /// in its last state, which has a time to leave where somebody had asked for its deletion before.
    fn stays(&self, asked: Option<u32>) -> bool {
        let leaves_time = asked != Some(0) && self.deletion_grace_period_seconds.is_some_and(|left| left > 0);
        self.deletion_timestamp.is_some() && (leaves_time || !self.finalizers.is_empty())
    }
}

#[derive(Deserialize)]
struct Granted {
    status: GrantedToken,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GrantedToken {
    token: String,
    expiration_timestamp: SmolStr,
}

/// How a failed write is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Something else was faster: look at the pair again soon.
    Again,
    /// The object is not there any more: take that in and look again.
    Vanished,
    /// The server does not accept it: the tenant is told, and it is tried again ever more rarely.
    Refused,
    /// The server cannot now: try again after a growing time, at least this.
    Later(Option<Duration>),
}

/// What follows from a failed write.
pub fn next(failure: &Failure) -> Next {
    match failure.kind {
        FailureKind::Conflict => Next::Again,
        FailureKind::NotFound | FailureKind::Gone => Next::Vanished,
        FailureKind::Forbidden | FailureKind::Rejected => Next::Refused,
        FailureKind::Busy { retry_after } => Next::Later(retry_after),
        _ => Next::Later(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_says_whether_the_object_is_still_there() {
        let ending = |left: Option<u32>, finalizers: &[&str]| DeletedMeta {
            deletion_timestamp: Some("2026-01-01T00:00:00Z".into()),
            deletion_grace_period_seconds: left,
            finalizers: finalizers.iter().map(SmolStr::new).collect(),
        };
        for (answer, asked, stays) in [
            (ending(Some(30), &[]), None, true),
            (ending(Some(5), &[]), Some(5), true),
            // The last state of a pod that had been asked to go before.
            (ending(Some(30), &[]), Some(0), false),
            (ending(Some(0), &[]), Some(0), false),
            (ending(None, &[]), None, false),
            (ending(Some(0), &["example.org/hold"]), Some(0), true),
            (ending(None, &["example.org/hold"]), None, true),
        ] {
            assert_eq!(
                answer.stays(asked),
                stays,
                "{:?} {:?} {asked:?}",
                answer.deletion_grace_period_seconds,
                answer.finalizers
            );
        }
        let gone =
            DeletedMeta { deletion_timestamp: None, deletion_grace_period_seconds: None, finalizers: vec![] };
        assert!(!gone.stays(None), "an object that nobody had asked to go");
    }
}
