//! Accounts of pods, and the tokens that they asked for. A token says for which account it was made, with its UID: an account that has its
//! UID again has tokens that are valid again. Of a token only that is read.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::Deserialize;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::{Adopted, Carried, Pair, new_uid, seconds};
use crate::cluster::{ObjectRef, Resource};
use crate::names::VirtualName;
use crate::wire::{TOKENS_CONTROLLER, annotation, label};

/// What a pod asked of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The audience, none for the API server itself.
    pub(super) audience: Option<String>,
    /// How long it is to live.
    pub(super) seconds: u64,
}

/// What tokens on the host say.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// UIDs of accounts.
    uids: BTreeMap<VirtualName, SmolStr>,
    /// What pods asked for, by the name of the Secret and its key.
    asked: BTreeMap<(String, String), Asked>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audiences,
    #[serde(default)]
    iss: String,
    #[serde(default)]
    exp: u64,
    #[serde(default)]
    iat: u64,
    #[serde(rename = "kubernetes.io")]
    of: Of,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
    #[default]
    None,
}

#[derive(Deserialize)]
struct Of {
    namespace: SmolStr,
    serviceaccount: Named,
    /// When one that lives longer than was asked is to be renewed.
    warnafter: Option<u64>,
}

#[derive(Deserialize)]
struct Named {
    name: SmolStr,
    uid: SmolStr,
}

impl Accounts {
    /// Reads the Secrets with tokens.
    pub(super) fn of(carried: &Carried) -> Accounts {
        let mut accounts = Accounts::default();
        for (_, secret) in carried.objects.iter().filter(|(resource, _)| *resource == Resource::SECRETS) {
            let meta = &secret["metadata"];
            let ours = meta["labels"][label::CONTROLLED_BY] == TOKENS_CONTROLLER
                && meta["labels"][label::MANAGED_BY] == carried.names.marker();
            let name = meta["name"].as_str().filter(|_| ours);
            for (key, token) in name.iter().flat_map(|_| super::back::texts(&secret["data"])) {
                let Some(claims) = claims(token) else { continue };
                let (namespace, of) = (claims.of.namespace.clone(), &claims.of.serviceaccount);
                let account = VirtualName::namespaced(namespace, of.name.clone());
                accounts.uids.insert(account, of.uid.clone());
                let place = (name.unwrap_or_default().to_owned(), key.to_owned());
                accounts.asked.insert(place, claims.asked());
            }
        }
        accounts
    }

    /// What a pod asked for that finds it under this key of this Secret.
    pub(super) fn asked(&self, secret: &str, key: &str) -> Option<&Asked> {
        self.asked.get(&(secret.to_owned(), key.to_owned()))
    }
}

impl Claims {
    fn asked(&self) -> Asked {
        let audiences: &[String] = match &self.aud {
            Audiences::One(one) => std::slice::from_ref(one),
            Audiences::Many(many) => many,
            Audiences::None => &[],
        };
        // Who asks for none gets those of the API server, of which the issuer is one.
        let audience = match audiences {
            [one] if *one != self.iss => Some(one.clone()),
            _ => None,
        };
        let until = self.of.warnafter.unwrap_or(self.exp);
        Asked { audience, seconds: until.saturating_sub(self.iat).max(600) }
    }
}

/// What a token in a Secret says of itself. Whether it is valid is nobody's question here.
fn claims(encoded: &str) -> Option<Claims> {
    let token = String::from_utf8(BASE64.decode(encoded.as_bytes()).ok()?).ok()?;
    let claims = BASE64URL_NOPAD.decode(token.split('.').nth(1)?.as_bytes()).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// The accounts of the pods. Those named `default` come by themselves where nothing is known of them.
pub(super) fn back(carried: &Carried, accounts: &Accounts, pairs: &[Pair<'_>]) -> Vec<Adopted> {
    let pods = pairs.iter().filter(|pair| *pair.resource == Resource::PODS);
    let wanted: BTreeSet<VirtualName> = pods
        .map(|pair| VirtualName { namespace: pair.of.namespace.clone(), name: name(pair.host).into() })
        .collect();
    let known = |account: &VirtualName| accounts.uids.contains_key(account) || account.name != "default";
    wanted.into_iter().filter(known).map(|account| one(carried, accounts, account)).collect()
}

fn one(carried: &Carried, accounts: &Accounts, account: VirtualName) -> Adopted {
    let uid = accounts.uids.get(&account).cloned();
    let VirtualName { namespace, name } = account;
    let object = ObjectRef { resource: Resource::SERVICE_ACCOUNTS, namespace, name };
    let uid = uid.unwrap_or_else(|| new_uid(carried, &object));
    let body: Value = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {
            "name": object.name, "namespace": object.namespace, "uid": uid, "creationTimestamp": seconds(carried.at),
        },
    });
    Adopted { object, body, host: None }
}

/// The account of a pod, by its twin on the host.
pub(super) fn name(host: &Value) -> &str {
    let said = host["metadata"]["annotations"][annotation::POD_SERVICE_ACCOUNT].as_str();
    said.filter(|name| !name.is_empty()).unwrap_or("default")
}
