//! The two hosts, and how a script runs on one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use v9s_sandbox::Sandbox;
use v9s_testkit::real::{self, ControlPlane};

use crate::memory::Memory;
use crate::script::{Script, Step};
use crate::transcript::{Answer, Difference, Transcript, differences, normal};

/// How long a watch must say nothing to be taken for done.
const SILENCE: Duration = Duration::from_millis(120);
/// How long a watch that has said less than the other is waited for.
const PATIENCE: Duration = Duration::from_secs(6);

/// Both hosts, without controllers: nothing happens but what scripts do.
pub struct Hosts {
    embedded: Client,
    real: Client,
    _sandbox: Box<Sandbox>,
    _plane: Box<ControlPlane>,
}

impl Hosts {
    pub async fn start() -> Result<Self> {
        let options = v9s_sandbox::Options { service_accounts: true, ..v9s_sandbox::Options::default() };
        let sandbox = Sandbox::start(options).await?;
        let start =
            || ControlPlane::start(&real::Options { service_accounts: true, ..real::Options::default() });
        let plane = tokio::task::spawn_blocking(start).await??;
        Ok(Self {
            embedded: client(&sandbox.kubeconfig()).await?,
            real: client(&plane.kubeconfig()).await?,
            _sandbox: Box::new(sandbox),
            _plane: Box::new(plane),
        })
    }

    /// Runs a script on both, in a namespace that nobody has used, and tells where they differ.
    pub async fn compare(&self, script: &Script) -> Result<Outcome> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let namespace = format!("d{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (mut embedded, mut real) = futures::try_join!(
            async { Run::start(&self.embedded, &namespace, script).await.context("the embedded host") },
            async { Run::start(&self.real, &namespace, script).await.context("the real host") }
        )?;
        embedded.catch_up(&mut real).await?;
        let (embedded, real) = (normal(script, &embedded.transcript), normal(script, &real.transcript));
        Ok(Outcome { differences: differences(&embedded, &real) })
    }
}

/// What came of running a script on both hosts.
pub struct Outcome {
    pub differences: Vec<Difference>,
}

pub async fn client(kubeconfig: &str) -> Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// A script on one host.
struct Run {
    transcript: Transcript,
    watches: Vec<(usize, Watch)>,
}

impl Run {
    async fn start(client: &Client, namespace: &str, script: &Script) -> Result<Self> {
        let mut memory = Memory::new(namespace);
        let core = "/api/v1/namespaces";
        for prelude in [
            Step::new("POST", core).body(json!({"metadata": {"name": "$NS"}})),
            // Pods are refused without it; on hosts with controllers it comes by itself.
            Step::new("POST", format!("{core}/$NS/serviceaccounts"))
                .body(json!({"metadata": {"name": "default"}})),
        ] {
            let answer = send(client, &memory, &prelude).await?;
            anyhow::ensure!(answer.code == 201, "preparing {namespace}: {} {}", answer.code, answer.body);
            memory.learn(&prelude.path, &answer.body);
        }
        let mut run = Self { transcript: Vec::new(), watches: Vec::new() };
        for (index, step) in script.0.iter().enumerate() {
            let answer = if step.method == "WATCH" {
                let (answer, watch) = open(client, &memory, step).await?;
                if let Some(watch) = watch {
                    run.watches.push((index, watch));
                }
                answer
            } else {
                send(client, &memory, step).await.with_context(|| format!("{}", step.to_value()))?
            };
            memory.learn(&step.path, &answer.body);
            run.transcript.push(answer);
        }
        Ok(run)
    }

    /// Reads the watches of both runs until they have said the same number of things, or one of them stays behind.
    async fn catch_up(&mut self, other: &mut Self) -> Result<()> {
        let mut wait = SILENCE;
        loop {
            for (_, watch) in self.watches.iter_mut().chain(&mut other.watches) {
                watch.drain(wait).await?;
            }
            let count =
                |run: &Self| run.watches.iter().map(|(i, w)| (*i, w.events.len())).collect::<Vec<_>>();
            if count(self) == count(other) || wait >= PATIENCE {
                break;
            }
            wait = if wait == SILENCE { Duration::from_secs(1) } else { PATIENCE };
        }
        for run in [self, other] {
            for (index, watch) in run.watches.drain(..) {
                run.transcript[index].body = json!({"events": watch.events, "ended": watch.ended});
            }
        }
        Ok(())
    }
}

fn request(memory: &Memory, step: &Step) -> Result<Request<kube::client::Body>> {
    let method = if step.method == "WATCH" { Method::GET } else { step.method.parse()? };
    let path = memory.fill(&step.path).replace(' ', "%20").replace('"', "%22");
    let mut request = Request::builder().method(method).uri(path);
    if !step.accept.is_empty() {
        request = request.header("accept", &step.accept);
    }
    let body = match &step.body {
        None => Vec::new(),
        Some(body) => {
            let content = if step.content.is_empty() { "application/json" } else { &step.content };
            request = request.header("content-type", content);
            match body {
                Value::String(text) => memory.fill(text).into_bytes(),
                tree => memory.fill_value(tree).to_string().into_bytes(),
            }
        }
    };
    Ok(request.body(kube::client::Body::from(body))?)
}

pub async fn send(client: &Client, memory: &Memory, step: &Step) -> Result<Answer> {
    let (parts, body) = match client.send(request(memory, step)?).await {
        Ok(answer) => answer.into_parts(),
        // A host that breaks down over a request says nothing, which is an answer, too.
        Err(kube::Error::HyperError(_) | kube::Error::Service(_)) => {
            return Ok(Answer { code: 0, headers: Value::Null, body: json!("no answer") });
        }
        Err(error) => return Err(error.into()),
    };
    let bytes = body.collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Answer { code: parts.status.as_u16(), headers: headers(&parts.headers), body })
}

fn headers(all: &http::HeaderMap) -> Value {
    let mut kept = serde_json::Map::new();
    for name in ["content-type", "warning", "retry-after", "cache-control", "allow", "location"] {
        let values: Vec<_> =
            all.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
        if !values.is_empty() {
            kept.insert(name.into(), json!(values));
        }
    }
    Value::Object(kept)
}

async fn open(client: &Client, memory: &Memory, step: &Step) -> Result<(Answer, Option<Watch>)> {
    let (parts, body) = client.send(request(memory, step)?).await?.into_parts();
    let mut answer =
        Answer { code: parts.status.as_u16(), headers: headers(&parts.headers), body: Value::Null };
    if answer.code != 200 {
        answer.body = serde_json::from_slice(&body.collect().await?.to_bytes()).unwrap_or_default();
        return Ok((answer, None));
    }
    let parts = body.into_data_stream().map_err(anyhow::Error::from).boxed();
    Ok((answer, Some(Watch { parts, buffer: Vec::new(), events: Vec::new(), ended: false })))
}

struct Watch {
    parts: futures::stream::BoxStream<'static, Result<bytes::Bytes>>,
    buffer: Vec<u8>,
    events: Vec<Value>,
    ended: bool,
}

impl Watch {
    /// Reads until nothing has come for a while.
    async fn drain(&mut self, silence: Duration) -> Result<()> {
        while !self.ended {
            match tokio::time::timeout(silence, self.parts.next()).await {
                Err(_) => break,
                Ok(None) => self.ended = true,
                Ok(Some(part)) => self.buffer.extend_from_slice(&part?),
            }
            while let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                self.events.push(serde_json::from_slice(&line)?);
            }
        }
        Ok(())
    }
}
