//! The inside of the pods for the API server: logs, commands, ports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::behaviour::Behaviour;
use super::floor::Floor;
use super::log::{Log, Span};
use super::ports;
use super::shell::{self, Inside, Ran};
use crate::clock::Clock;
use crate::controllers::PODS;
use crate::runtime::{ByteStream, ContainerRef, ExecQuery, ExecStreams, LogLine, LogQuery, PodRuntime};
use crate::status::Status;
use crate::store::{Object, Store};

/// What runs inside the pods. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime {
    store: Store,
    floor: Floor,
}

/// A container, with all that its logs and commands depend on.
struct Found {
    pod: Value,
    spec: Value,
    status: Value,
    behaviour: Behaviour,
}

impl Runtime {
    /// The inside of the pods of a host, by the same rules as its nodes.
    pub(crate) fn new(store: Store, floor: Floor) -> Self {
        Runtime { store, floor }
    }

    fn find(&self, target: &ContainerRef) -> Result<Found, Status> {
        let object = self.store.get(&PODS, Some(&target.namespace), &target.pod)?;
        if object.uid() != target.uid {
            return Err(Status::not_found(&PODS, &target.pod));
        }
        found(&object, &target.container, &self.floor).ok_or_else(|| {
            let message = format!("container {} is not valid for pod {}", target.container, target.pod);
            Status::bad_request(message)
        })
    }

    /// The container behind a port: the one that is named, the one that declares the port, or else the first.
    fn listening(&self, mut target: ContainerRef, port: u16) -> Result<Found, Status> {
        if target.container.is_empty() {
            let pod = self.store.get(&PODS, Some(&target.namespace), &target.pod)?.value();
            let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
            let declares = |container: &&Value| {
                let mut ports = container["ports"].as_array().into_iter().flatten();
                ports.any(|declared| declared["containerPort"] == port)
            };
            let found = containers.iter().find(declares).or(containers.first());
            target.container = found.and_then(|c| c["name"].as_str()).unwrap_or_default().into();
        }
        self.running(&target)
    }

    fn running(&self, target: &ContainerRef) -> Result<Found, Status> {
        let found = self.find(target)?;
        match found.status["state"].get("running") {
            Some(_) => Ok(found),
            None => {
                let message = format!("container not found (\"{}\")", target.container);
                Err(Status::new(500, "InternalError", message))
            }
        }
    }
}

fn found(object: &Object, name: &str, floor: &Floor) -> Option<Found> {
    let pod = object.value();
    let lists = [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")];
    for (index, (specs, statuses)) in lists.into_iter().enumerate() {
        let named = |list: &Value| list.as_array()?.iter().find(|entry| entry["name"] == name).cloned();
        let Some(spec) = named(&pod["spec"][specs]) else { continue };
        let status = named(&pod["status"][statuses]).unwrap_or_default();
        let restarts = status["restartCount"].as_i64().unwrap_or(0);
        let behaviour = super::pod::behaviour_of(&pod, &spec, index == 1, restarts, object.labels(), floor);
        let behaviour = behaviour.unwrap_or_default();
        return Some(Found { pod, spec, status, behaviour });
    }
    None
}

impl Found {
    /// When the present or the previous instance ran.
    fn span(&self, previous: bool) -> Option<Span> {
        let state = if previous { &self.status["lastState"] } else { &self.status["state"] };
        let time = |value: &Value| value.as_str()?.parse::<DateTime<Utc>>().ok();
        if let Some(terminated) = state.get("terminated") {
            return Some(Span { from: time(&terminated["startedAt"])?, to: time(&terminated["finishedAt"]) });
        }
        if let Some(running) = state.get("running") {
            return Some(Span { from: time(&running["startedAt"])?, to: None });
        }
        // Between two restarts the log is that of the last instance.
        if !previous && self.status["lastState"].get("terminated").is_some() { self.span(true) } else { None }
    }

    fn refusal(&self, previous: bool) -> Status {
        let name = self.spec["name"].as_str().unwrap_or_default();
        let pod = self.pod["metadata"]["name"].as_str().unwrap_or_default();
        if previous {
            return Status::bad_request(format!(
                "previous terminated container {name:?} in pod {pod:?} not found"
            ));
        }
        let reason = self.status["state"]["waiting"]["reason"].as_str().unwrap_or("ContainerCreating");
        Status::bad_request(format!("container {name:?} in pod {pod:?} is waiting to start: {reason}"))
    }

    fn inside(&self) -> Inside {
        let metadata = |key: &str| self.pod["metadata"][key].as_str().unwrap_or_default().to_owned();
        let hostname = self.pod["spec"]["hostname"].as_str().map_or_else(|| metadata("name"), str::to_owned);
        let mut env = BTreeMap::from([
            ("HOSTNAME".to_owned(), hostname.clone()),
            ("HOME".to_owned(), "/root".to_owned()),
            ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("KUBERNETES_SERVICE_HOST".to_owned(), "10.96.0.1".to_owned()),
            ("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()),
        ]);
        for variable in self.spec["env"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str()) {
                env.insert(name.to_owned(), value.to_owned());
            }
        }
        let address = self.pod["status"]["podIP"].as_str().unwrap_or_default();
        let account = "/var/run/secrets/kubernetes.io/serviceaccount";
        let mut files = BTreeMap::from([
            ("/etc/hostname".to_owned(), format!("{hostname}\n")),
            ("/etc/hosts".to_owned(), format!("127.0.0.1\tlocalhost\n{address}\t{hostname}\n")),
            ("/etc/os-release".to_owned(), "NAME=\"Sandbox\"\nID=sandbox\n".to_owned()),
            (
                "/etc/resolv.conf".to_owned(),
                format!(
                    "search {}.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
                    metadata("namespace")
                ),
            ),
            (format!("{account}/namespace"), metadata("namespace")),
        ]);
        files.extend(self.behaviour.files.iter().cloned());
        Inside { hostname, env, files }
    }
}

/// The lines of a log that are still to come, each at its time, until the container ends.
fn following(
    runtime: Runtime,
    target: ContainerRef,
    log: Log,
    span: Span,
    next: u64,
) -> BoxStream<'static, LogLine> {
    let clock = runtime.store.clock().clone();
    let writes = runtime.store.pulse(&PODS);
    let state = Follow { runtime, target, log, span, next, clock, writes, ended: false };
    stream::unfold(state, |mut state| async move {
        let lines = state.wait().await?;
        Some((stream::iter(lines), state))
    })
    .flatten()
    .boxed()
}

struct Follow {
    runtime: Runtime,
    target: ContainerRef,
    log: Log,
    span: Span,
    next: u64,
    clock: Clock,
    writes: tokio::sync::watch::Receiver<u64>,
    ended: bool,
}

impl Follow {
    /// Waits for the next line, or for the end; None after the end.
    async fn wait(&mut self) -> Option<Vec<LogLine>> {
        while !self.ended {
            self.writes.mark_unchanged();
            if let Some(to) = self.end() {
                self.ended = true;
                let span = Span { to: Some(to), ..self.span };
                let (lines, _) = self.log.lines(span, self.clock.now(), None, None);
                let known = usize::try_from(self.next).unwrap_or(usize::MAX).min(lines.len());
                return Some(lines.into_iter().skip(known).collect());
            }
            let line = self.log.next(self.next, self.span);
            let wait = line.as_ref().map(|line| (line.time - self.clock.now()).to_std().unwrap_or_default());
            if let (Some(line), Some(std::time::Duration::ZERO)) = (line, wait) {
                self.next += 1;
                return Some(vec![line]);
            }
            let due = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                changed = self.writes.changed() => if changed.is_err() { self.ended = true },
            }
        }
        None
    }

    /// When the instance that is followed ended; None while it runs.
    fn end(&self) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let Ok(found) = self.runtime.find(&self.target) else { return Some(now) };
        let of = |previous: bool| found.span(previous).filter(|span| span.from == self.span.from);
        match of(false).or_else(|| of(true)) {
            Some(span) => span.to,
            None => Some(now),
        }
    }
}

async fn write(stream: &mut Option<tokio::io::DuplexStream>, text: &str) {
    if let Some(stream) = stream {
        // A client that is gone does not read.
        let _ = stream.write_all(text.as_bytes()).await;
    }
}

async fn tell(streams: &mut ExecStreams, ran: &Ran, tty: bool) {
    let text = |text: &str| if tty { text.replace('\n', "\r\n") } else { text.to_owned() };
    write(&mut streams.stdout, &text(&ran.out)).await;
    match tty {
        true => write(&mut streams.stdout, &text(&ran.err)).await,
        false => write(&mut streams.stderr, &ran.err).await,
    }
}

/// A shell that reads what is typed, until `exit` or the end of it.
async fn converse(inside: Inside, mut streams: ExecStreams, tty: bool) -> i32 {
    let Some(stdin) = streams.stdin.take() else { return 0 };
    let mut lines = BufReader::new(stdin).lines();
    let mut code = 0;
    loop {
        if tty {
            write(&mut streams.stdout, "/ # ").await;
        }
        let Ok(Some(line)) = lines.next_line().await else { return code };
        let line = line.replace('\r', "");
        if tty {
            write(&mut streams.stdout, &format!("{line}\r\n")).await;
        }
        let ran = shell::script_of(&inside, &line);
        tell(&mut streams, &ran, tty).await;
        code = ran.code;
        if line.split([';', '&', '|']).any(|part| part.trim() == "exit" || part.trim().starts_with("exit ")) {
            return code;
        }
    }
}

async fn run(found: Found, query: ExecQuery, mut streams: ExecStreams) -> Result<i32, Status> {
    let inside = found.inside();
    if query.command.is_empty() || shell::is_interactive(&query.command) {
        return Ok(converse(inside, streams, query.tty).await);
    }
    let words: Vec<&str> = query.command.iter().map(String::as_str).collect();
    if let ["cat"] | ["cat", "-"] = words.as_slice()
        && let (Some(mut from), Some(mut to)) = (streams.stdin.take(), streams.stdout.take())
    {
        // The client hanging up ends it.
        let _ = tokio::io::copy(&mut from, &mut to).await;
        return Ok(0);
    }
    if let ["sleep", seconds] = words.as_slice() {
        let seconds: f64 = seconds.parse().unwrap_or(0.0);
        tokio::time::sleep(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e6))).await;
        return Ok(0);
    }
    match shell::run(&inside, &query.command) {
        Some(ran) => {
            tell(&mut streams, &ran, query.tty).await;
            // What is typed is not read, but the client may wait for it to be taken.
            drop(streams.stdin.take());
            Ok(ran.code)
        }
        None => {
            let program = words.first().copied().unwrap_or_default();
            let message = format!(
                "Internal error occurred: error executing command in container: failed to exec in container: failed \
                 to start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: \
                 {program:?}: executable file not found in $PATH: unknown"
            );
            Err(Status::new(500, "InternalError", message))
        }
    }
}

impl PodRuntime for Runtime {
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>> {
        Box::pin(async move {
            let found = self.find(&query.target)?;
            let span = found.span(query.previous).ok_or_else(|| found.refusal(query.previous))?;
            let works = &self.floor.works;
            let LogQuery { target, previous, tail_lines, since, follow } = &query;
            let written = works.log(&target.uid, &target.container, *previous, *tail_lines, *since, *follow);
            if let Some(written) = written {
                return Ok(written);
            }
            let log = found.behaviour.log.clone();
            let (lines, next) = log.lines(span, self.store.clock().now(), query.tail_lines, query.since);
            let past = stream::iter(lines);
            if !query.follow || span.to.is_some() {
                return Ok(past.boxed());
            }
            Ok(past.chain(following(self.clone(), query.target, log, span, next)).boxed())
        })
    }

    fn exec(&self, query: ExecQuery, streams: ExecStreams) -> BoxFuture<'static, Result<i32, Status>> {
        let found = self.running(&query.target);
        Box::pin(async move { run(found?, query, streams).await })
    }

    fn connect(&self, target: ContainerRef, port: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(async move {
            let refused =
                || format!("failed to connect to localhost:{port} inside namespace: connection refused");
            if let Some(address) = self.floor.works.address(&target.namespace, &target.pod, port) {
                let stream = tokio::net::TcpStream::connect(address).await.map_err(|_| refused())?;
                return Ok(Box::new(stream) as Box<dyn ByteStream>);
            }
            let found = self.listening(target, port).map_err(|status| status.message)?;
            let stream = ports::open(&found.behaviour.ports.at(port));
            let stream = stream.ok_or_else(refused)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

#[cfg(test)]
mod tests;
