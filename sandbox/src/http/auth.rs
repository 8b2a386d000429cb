//! Who asks, by certificate or bearer token, and whether they may.

use crate::access::{self, Policies, User, Wish};
use crate::status::Status;
use crate::store::{Gr, Object, Store};
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
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
    audiences: Vec<String>,
}

/// Whom tokens are for unless they say otherwise: this API server.
pub(crate) const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// What a token is worth.
pub(crate) enum Worth {
    /// It stands for this user, before these audiences.
    User(User, Vec<String>),
    /// It is good before other audiences only.
    Elsewhere(Vec<String>),
    /// Nothing.
    Nothing,
}

impl Tokens {
    /// Lets a token stand for a user from now on.
    pub fn insert(&self, token: impl Into<String>, user: User) {
        self.enter(token.into(), Holder { user, account: None });
    }

    /// Lets a token stand for a service account until its end, as long as the account exists, before these
    /// audiences; the API server takes only tokens that are for itself. `id` names the token, `pod` is the one it is bound to.
    pub fn insert_for_account(
        &self,
        token: impl Into<String>,
        account: &Object,
        end: DateTime<Utc>,
        audiences: Vec<String>,
        id: &str,
        pod: Option<&Object>,
    ) {
        let told = |what: &str, value: String| (format!("authentication.kubernetes.io/{what}"), vec![value]);
        let mut extra = BTreeMap::from([told("credential-id", format!("JTI={id}"))]);
        if let Some(pod) = pod {
            extra.extend([told("pod-name", pod.name().into()), told("pod-uid", pod.uid().into())]);
        }
        let user = User {
            uid: account.uid().into(),
            extra,
            ..User::service_account(account.namespace(), account.name())
        };
        let account = Account {
            audiences,
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

    /// Whom a token stands for before this API server, on the host of this store.
    pub fn user(&self, token: &str, store: &Store) -> Option<User> {
        match self.worth(token, store, &[AUDIENCE.to_owned()]) {
            Worth::User(user, _) => Some(user),
            Worth::Elsewhere(_) | Worth::Nothing => None,
        }
    }

    /// What a token is worth before any of these audiences.
    pub(crate) fn worth(&self, token: &str, store: &Store, audiences: &[String]) -> Worth {
        let holder = self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        let Some(holder) = holder else { return Worth::Nothing };
        let Some(account) = holder.account else {
            // Such a token is for the API server.
            return match audiences.iter().any(|audience| audience == AUDIENCE) {
                true => Worth::User(holder.user, vec![AUDIENCE.to_owned()]),
                false => Worth::Nothing,
            };
        };
        if !account.is_valid(store) {
            return Worth::Nothing;
        }
        let common: Vec<String> =
            audiences.iter().filter(|audience| account.audiences.contains(audience)).cloned().collect();
        if common.is_empty() { Worth::Elsewhere(account.audiences) } else { Worth::User(holder.user, common) }
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

/// Who has shown a certificate when the connection was made.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) User);

/// The user of a request: by certificate, else by token, and by impersonation where that is allowed.
pub(crate) fn authenticate(store: &Store, tokens: &Tokens, parts: &Parts) -> Result<User, Status> {
    let headers = &parts.headers;
    if let Some(Caller(user)) = parts.extensions.get::<Caller>() {
        return impersonate(store, user.clone(), headers);
    }
    let bearer = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => Some(value.to_str().ok().and_then(bearer).ok_or_else(Status::unauthorized)?),
    };
    let user = match bearer {
        Some(token) => tokens.user(token, store).ok_or_else(Status::unauthorized)?,
        None => User { groups: vec!["system:unauthenticated".into()], ..User::named("system:anonymous") },
    };
    impersonate(store, user, headers)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Acts as another user where that is allowed, each part of them by itself: user, groups, UID, extra marks.
fn impersonate(store: &Store, user: User, headers: &HeaderMap) -> Result<User, Status> {
    let texts = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let name = texts("impersonate-user").into_iter().next().filter(|name| !name.is_empty());
    let groups = texts("impersonate-group");
    let uid = texts("impersonate-uid").into_iter().next().unwrap_or_default();
    let extra = extra(headers);
    let Some(name) = name else {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(user);
        }
        let asked = shown(&groups, &uid, &extra);
        return Err(Status::bad_request(format!("requested {asked} without impersonating a user name")));
    };
    let may = |group: &str, resource: &str, subresource: &str, namespace: &str, name: &str| {
        let wish = Wish::Resource { verb: "impersonate", group, resource, subresource, namespace, name };
        authorize(store, &user, &wish)
    };
    let account = name.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
    match account {
        Some((namespace, account)) => may("", "serviceaccounts", "", namespace, account)?,
        None => may("", "users", "", "", &name)?,
    }
    groups.iter().try_for_each(|group| may("", "groups", "", "", group))?;
    if !uid.is_empty() {
        may("authentication.k8s.io", "uids", "", "", &uid)?;
    }
    for (key, values) in &extra {
        values.iter().try_for_each(|value| may("authentication.k8s.io", "userextras", key, "", value))?;
    }
    let mut other = match account {
        // Groups that are named come in place of those that an account has by itself.
        Some((namespace, account)) if groups.is_empty() => User::service_account(namespace, account),
        _ if name == "system:anonymous" => {
            User { groups: vec!["system:unauthenticated".into()], ..User::named(name) }
        }
        _ => User { groups: Vec::new(), ..User::named(name) },
    };
    other.groups.extend(groups.iter().map(SmolStr::new));
    let known = ["system:authenticated", "system:unauthenticated"];
    if !other.groups.iter().any(|group| known.contains(&group.as_str())) {
        other.groups.push(access::AUTHENTICATED.into());
    }
    other.uid = uid.into();
    other.extra = extra;
    Ok(other)
}

/// `Impersonate-Extra-KEY: VALUE`; keys are escaped as in URLs and have no case.
fn extra(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        if let (Some(key), Ok(value)) = (name.as_str().strip_prefix("impersonate-extra-"), value.to_str()) {
            let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
            extra.entry(key).or_default().push(value.to_owned());
        }
    }
    extra
}

/// The parts of an impersonation that names no user, as Go writes them.
fn shown(groups: &[String], uid: &str, extra: &BTreeMap<String, Vec<String>>) -> String {
    let list = |all: &[String]| {
        let all: Vec<String> = all.iter().map(|one| format!("{one:?}")).collect();
        format!("{{{}}}", all.join(", "))
    };
    let groups = if groups.is_empty() { "(nil)".to_owned() } else { list(groups) };
    let extra = if extra.is_empty() {
        "(nil)".to_owned()
    } else {
        let all: Vec<String> =
            extra.iter().map(|(key, values)| format!("{key:?}:[]string{}", list(values))).collect();
        format!("{{{}}}", all.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:\"\", UID:{uid:?}, Groups:[]string{groups}, Extra:map[string][]string{extra}}}"
    )
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
