//! The same test on both servers, and requests as they go over the wire.

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::time::Duration;

/// An API server under test.
pub struct Host {
    kit: v9s_testkit::host::Host,
    client: Client,
}

/// Longest wait for an event; nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(90);

impl Host {
    pub async fn of(kit: v9s_testkit::host::Host) -> Result<Self> {
        Ok(Self { client: client(&kit.kubeconfig).await?, kit })
    }

    /// What all suites know of the host.
    pub fn kit(&self) -> &v9s_testkit::host::Host {
        &self.kit
    }

    /// A client with all rights that never retries by itself.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &str {
        &self.kit.kubeconfig
    }

    /// A name that no other test uses.
    pub fn named(&self, stem: &str) -> String {
        self.kit.named(stem)
    }

    /// A new namespace that no other test uses.
    pub async fn namespace(&self, stem: &str) -> Result<String> {
        let name = self.named(stem);
        self.post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
        Ok(name)
    }

    /// A new namespace whose pods have an account to run under, where controllers make some.
    pub async fn furnished(&self, stem: &str) -> Result<String> {
        let name = self.namespace(stem).await?;
        until(self, &format!("/api/v1/namespaces/{name}/serviceaccounts/default"), |_| true).await?;
        Ok(name)
    }

    /// Path of the ConfigMaps in a new namespace.
    pub async fn config_maps(&self, stem: &str) -> Result<String> {
        Ok(format!("/api/v1/namespaces/{}/configmaps", self.namespace(stem).await?))
    }

    /// A client that acts as another user.
    pub async fn acting_as(&self, user: &str) -> Result<Client> {
        let mut config = config(self.kubeconfig()).await?;
        config.auth_info.impersonate = Some(user.to_owned());
        Ok(Client::try_from(config)?)
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        send(&self.client, method, path, headers, body).await
    }

    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    pub async fn get_as(&self, path: &str, accept: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[("accept", accept)], Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, &[JSON], body.to_string().into()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::PUT, path, &[JSON], body.to_string().into()).await
    }

    /// `kind` is `merge`, `json`, `strategic` or `apply`.
    pub async fn patch(&self, path: &str, kind: &str, body: &Value) -> Result<Answer> {
        let content_type = match kind {
            "merge" => "application/merge-patch+json",
            "json" => "application/json-patch+json",
            "strategic" => "application/strategic-merge-patch+json",
            _ => "application/apply-patch+yaml",
        };
        self.send(Method::PATCH, path, &[("content-type", content_type)], body.to_string().into()).await
    }

    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, &[], Vec::new()).await
    }

    pub async fn delete_with(&self, path: &str, options: &Value) -> Result<Answer> {
        self.send(Method::DELETE, path, &[JSON], options.to_string().into()).await
    }

    /// Opens a watch; `path` with its query.
    pub async fn watch(&self, path: &str) -> Result<Watch> {
        self.watch_as(path, "application/json").await
    }

    pub async fn watch_as(&self, path: &str, accept: &str) -> Result<Watch> {
        Watch::open(&self.client, path, accept).await
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// A client that shows every answer as it is.
pub async fn client(kubeconfig: &str) -> Result<Client> {
    Ok(Client::try_from(config(kubeconfig).await?)?)
}

async fn config(kubeconfig: &str) -> Result<Config> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // Some refusals are tried again by default.
    config.default_retry = false;
    Ok(config)
}

/// A client with another token, or none.
pub async fn with_token(kubeconfig: &str, token: Option<&str>) -> Result<Client> {
    let mut config = config(kubeconfig).await?;
    config.auth_info = token
        .map(|token| kube::config::AuthInfo { token: Some(token.to_owned().into()), ..Default::default() })
        .unwrap_or_default();
    Ok(Client::try_from(config)?)
}

/// `GET` by another client than the host's own.
pub async fn get(client: &Client, path: &str) -> Result<Answer> {
    send(client, Method::GET, path, &[], Vec::new()).await
}

/// `POST` by another client than the host's own.
pub async fn post(client: &Client, path: &str, body: &Value) -> Result<Answer> {
    send(client, Method::POST, path, &[JSON], body.to_string().into()).await
}

pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Answer> {
    let mut request = Request::builder().method(method.clone()).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.send(request.body(kube::client::Body::from(body))?).await;
    let (parts, body) = response.with_context(|| format!("{method} {path}"))?.into_parts();
    let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    Ok(Answer { code: parts.status.as_u16(), headers: parts.headers, text })
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Code, reason and message of a refusal.
    pub fn refusal(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        (self.code, text("reason"), text("message"))
    }

    /// Fails with what the server said unless it answered this code.
    pub fn expect_code(self, code: u16) -> Result<Value> {
        anyhow::ensure!(self.code == code, "expected {code}, got {}: {}", self.code, self.text);
        Ok(self.json())
    }

    /// Names of the items of a list.
    pub fn names(&self) -> Vec<String> {
        self.json()["items"].as_array().into_iter().flatten().map(name).collect()
    }
}

/// Name of an object.
pub fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// Reads an object or a list again and again until it is as it should be, and returns it.
pub async fn until(host: &Host, path: &str, like: impl Fn(&Value) -> bool) -> Result<Value> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = host.get(path).await?;
        let found = answer.json();
        if answer.code == 200 && like(&found) {
            return Ok(found);
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < deadline,
            "{path} never came to be as it should: {found:#}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a question is answered with yes: what a real server knows by watching it knows a little later.
pub async fn eventually<F>(what: &str, holds: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<bool>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await? {
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until what a server answers without asking its store is as it should be. A real one runs behind under load, and
/// begins watches without a version there.
pub async fn cached(host: &Host, path: &str, like: impl Fn(&Value) -> bool) -> Result<Value> {
    until(host, &format!("{path}?resourceVersion=0"), like).await
}

/// Waits until an object is gone.
pub async fn gone(host: &Host, path: &str) -> Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = host.get(path).await?;
        if answer.code == 404 {
            return Ok(());
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "{path} never went: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Resource version of an object or a list.
pub fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// A watch under way.
pub struct Watch {
    pub code: u16,
    parts: futures::stream::BoxStream<'static, Result<bytes::Bytes>>,
    buffer: Vec<u8>,
}

impl Watch {
    /// Opens a watch; `path` with its query.
    pub async fn open(client: &Client, path: &str, accept: &str) -> Result<Self> {
        let request = Request::get(path).header("accept", accept).body(kube::client::Body::empty())?;
        let response = client.send(request).await.with_context(|| format!("GET {path}"))?;
        let code = response.status().as_u16();
        let parts = response.into_body().into_data_stream().map_err(anyhow::Error::from);
        Ok(Self { code, parts: parts.boxed(), buffer: Vec::new() })
    }

    /// The next event; none when the server has ended the watch.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            let part = tokio::time::timeout(PATIENCE, self.parts.next()).await;
            match part.context("no event came")?.transpose()? {
                Some(part) => self.buffer.extend_from_slice(&part),
                None => return Ok(None),
            }
        }
    }

    /// What has come of a line that is not whole.
    pub fn left(&self) -> &[u8] {
        &self.buffer
    }

    /// The next event, which must come.
    pub async fn event(&mut self) -> Result<Value> {
        self.next().await?.context("the watch ended")
    }

    /// Types and names of the next events: `ADDED a`.
    pub async fn seen(&mut self, count: usize) -> Result<Vec<String>> {
        let mut seen = Vec::new();
        for _ in 0..count {
            let event = self.event().await?;
            seen.push(format!("{} {}", event["type"].as_str().unwrap_or_default(), name(&event["object"])));
        }
        Ok(seen)
    }
}

/// Makes `NAME::embedded` and `NAME::real` of each test.
macro_rules! both {
    ($(async fn $name:ident($host:ident: Host) -> Result<()> $body:block)*) => {
        v9s_testkit::both_hosts! {
            $(async fn $name(kit: Host) -> anyhow::Result<()> {
                let $host = crate::hosts::Host::of(kit).await?;
                $body
            })*
        }
    };
}
pub(crate) use both;
