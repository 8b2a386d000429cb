//! Who asks, by bearer token, and whether they may.

use crate::access::{self, Policies, User, Wish};
use crate::status::Status;
use crate::store::{Gr, Object, Store};
use chrono::{DateTime, Utc};
use http::{HeaderMap, header};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Bearer tokens and whom they stand for. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tokens(Arc<RwLock<HashMap<String, Holder>>>);

/// Whom a token stands for, and how long.
#[derive(Clone)]
struct Holder {
    user: User,
    account: Option<Account>,
}

/// A token of a service account is worth nothing after its end, nor without the account.
#[derive(Clone)]
struct Account {
    namespace: String,
    name: String,
    uid: String,
    end: DateTime<Utc>,
}

impl Tokens {
    /// Lets a token stand for a user from now on.
    pub fn insert(&self, token: impl Into<String>, user: User) {
        self.enter(token.into(), Holder { user, account: None });
    }

    /// Lets a token stand for a service account until its end, as long as the account exists.
    pub fn insert_for_account(&self, token: impl Into<String>, account: &Object, end: DateTime<Utc>) {
        let user = User::service_account(account.namespace(), account.name());
        let account = Account {
            namespace: account.namespace().to_owned(),
            name: account.name().to_owned(),
            uid: account.uid().to_owned(),
            end,
        };
        self.enter(token.into(), Holder { user, account: Some(account) });
    }

    fn enter(&self, token: String, holder: Holder) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(token, holder);
    }

    /// Makes a token worthless.
    pub fn revoke(&self, token: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Whom a token stands for, on the host of this store.
    pub fn user(&self, token: &str, store: &Store) -> Option<User> {
        let holder = self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()?;
        match &holder.account {
            None => Some(holder.user),
            Some(account) => account.is_valid(store).then_some(holder.user),
        }
    }
}

impl Account {
    fn is_valid(&self, store: &Store) -> bool {
        let found = store.find(&Gr::core("serviceaccounts"), Some(&self.namespace), &self.name);
        store.clock().now() < self.end && found.is_some_and(|account| account.uid() == self.uid)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// Roles and bindings as they are stored.
pub(crate) struct Roles<'a>(pub(crate) &'a Store);

const GROUP: &str = "rbac.authorization.k8s.io";

impl Roles<'_> {
    fn all(&self, plural: &'static str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let objects = self.0.all(&Gr::new_static(GROUP, plural), namespace);
        objects.iter().map(|object| Arc::new(object.value())).collect()
    }

    fn one(&self, plural: &'static str, namespace: Option<&str>, name: &str) -> Option<Arc<Value>> {
        self.0.find(&Gr::new_static(GROUP, plural), namespace, name).map(|object| Arc::new(object.value()))
    }
}

impl Policies for Roles<'_> {
    fn cluster_role_bindings(&self) -> Vec<Arc<Value>> {
        self.all("clusterrolebindings", None)
    }

    fn role_bindings(&self, namespace: &str) -> Vec<Arc<Value>> {
        self.all("rolebindings", Some(namespace))
    }

    fn cluster_role(&self, name: &str) -> Option<Arc<Value>> {
        self.one("clusterroles", None, name)
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.one("roles", Some(namespace), name)
    }
}

/// The user of a request: by token, and by impersonation where that is allowed.
pub(crate) fn authenticate(store: &Store, tokens: &Tokens, headers: &HeaderMap) -> Result<User, Status> {
    let bearer = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => Some(value.to_str().ok().and_then(bearer).ok_or_else(Status::unauthorized)?),
    };
    let user = match bearer {
        Some(token) => tokens.user(token, store).ok_or_else(Status::unauthorized)?,
        None => User { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()] },
    };
    impersonate(store, user, headers)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn impersonate(store: &Store, user: User, headers: &HeaderMap) -> Result<User, Status> {
    let Some(name) = headers.get("impersonate-user").and_then(|v| v.to_str().ok()) else { return Ok(user) };
    let groups: Vec<SmolStr> = headers
        .get_all("impersonate-group")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .map(SmolStr::new)
        .collect();
    let wishes = std::iter::once(("users", name)).chain(groups.iter().map(|g| ("groups", g.as_str())));
    for (resource, name) in wishes {
        let wish =
            Wish::Resource { verb: "impersonate", group: "", resource, subresource: "", namespace: "", name };
        authorize(store, &user, &wish)?;
    }
    Ok(User { name: name.into(), groups: settled_groups(name, groups) })
}

/// The groups of an impersonated user: those that were named, else those of a service account, and that of everybody
/// who has shown who they are.
fn settled_groups(name: &str, mut groups: Vec<SmolStr>) -> Vec<SmolStr> {
    let mut account =
        name.strip_prefix("system:serviceaccount:").into_iter().flat_map(|rest| rest.split_once(':'));
    if let (true, Some((namespace, _))) = (groups.is_empty(), account.next()) {
        groups.push("system:serviceaccounts".into());
        groups.push(smol_str::format_smolstr!("system:serviceaccounts:{namespace}"));
    }
    let everybody = [access::AUTHENTICATED, "system:unauthenticated"];
    if name != "system:anonymous" && !groups.iter().any(|group| everybody.contains(&group.as_str())) {
        groups.push(access::AUTHENTICATED.into());
    }
    groups
}

/// Refuses what a user may not do, in the real server's words.
pub(crate) fn authorize(store: &Store, user: &User, wish: &Wish<'_>) -> Result<(), Status> {
    if access::allowed(&Roles(store), user, wish) {
        return Ok(());
    }
    let (gr, name) = match *wish {
        Wish::Resource { group, resource, name, .. } => (Gr::new(group, resource), name),
        Wish::Path { .. } => (Gr::core(""), ""),
    };
    Err(Status::forbidden(&gr, name, format!("User {:?} {wish}", user.name.as_str())))
}
