//! The inside of the pods for the API server: logs, commands, ports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::behaviour::{Behaviour, Images};
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
    images: Images,
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
    pub fn new(store: Store, images: Images) -> Self {
        Runtime { store, images }
    }

    fn find(&self, target: &ContainerRef) -> Result<Found, Status> {
        let object = self.store.get(&PODS, Some(&target.namespace), &target.pod)?;
        if object.uid() != target.uid {
            return Err(Status::not_found(&PODS, &target.pod));
        }
        found(&object, &target.container, &self.images).ok_or_else(|| {
            let message = format!("container {} is not valid for pod {}", target.container, target.pod);
            Status::bad_request(message)
        })
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

fn found(object: &Object, name: &str, images: &Images) -> Option<Found> {
    let pod = object.value();
    let lists = [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")];
    for (index, (specs, statuses)) in lists.into_iter().enumerate() {
        let named = |list: &Value| list.as_array()?.iter().find(|entry| entry["name"] == name).cloned();
        let Some(spec) = named(&pod["spec"][specs]) else { continue };
        let status = named(&pod["status"][statuses]).unwrap_or_default();
        let restarts = status["restartCount"].as_i64().unwrap_or(0);
        let behaviour = super::pod::behaviour_of(&pod, &spec, index == 1, restarts, object.labels(), images);
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
            let found = self.running(&target).map_err(|status| status.message)?;
            let stream = ports::open(&found.behaviour.ports.at(port));
            let stream = stream.ok_or_else(|| {
                format!("failed to connect to localhost:{port} inside namespace: connection refused")
            })?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::behaviour::{Exit, Pull, Run};
    use super::super::machine::Machines;
    use super::*;
    use crate::controllers::Options;
    use crate::controllers::testing::{Host, host_with};
    use bytes::Bytes;
    use serde_json::json;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;
    use tokio::sync::mpsc;

    fn images() -> Images {
        let log = || Log {
            closing: vec!["bye".to_owned()],
            ..Log::repeating(&["hello"], Duration::from_secs(1), &["tick"])
        };
        let crash = Run::Exits { after: Duration::from_secs(2), exit: Exit::code(1) };
        Images::default()
            .on("app", move |_| Behaviour { log: log(), ..Behaviour::default() })
            .on("bad", move |_| Behaviour { log: log(), run: crash.clone(), ..Behaviour::default() })
            .on("none", |_| Behaviour { pull: Pull::Fails("no".to_owned()), ..Behaviour::default() })
    }

    async fn drain(mut stream: tokio::io::DuplexStream) -> Bytes {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("readable");
        all.into()
    }

    fn host(image: &str) -> (Host, Runtime, ContainerRef) {
        let machines = Machines { count: 1, ..Machines::default() };
        let mut host = host_with(Options { machines, images: images(), pace: 0.0, ..Options::default() });
        host.create(
            "pods",
            json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": image,
            "env": [{"name": "MODE", "value": "test"}]}]}}),
        );
        host.settle();
        let target = ContainerRef {
            namespace: "default".into(),
            pod: "p".into(),
            uid: host.uid("pods", "p").into(),
            container: "c".into(),
        };
        let runtime = Runtime::new(host.store().clone(), images());
        (host, runtime, target)
    }

    fn query(target: &ContainerRef) -> LogQuery {
        LogQuery { target: target.clone(), follow: false, previous: false, since: None, tail_lines: None }
    }

    async fn read(runtime: &Runtime, query: LogQuery) -> Result<Vec<String>, String> {
        let lines = runtime.logs(query).await.map_err(|status| status.message)?;
        Ok(lines.map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect().await)
    }

    #[tokio::test]
    async fn logs_are_those_of_the_running_container() {
        let (mut host, runtime, target) = host("app");
        host.advance(3);
        assert_eq!(read(&runtime, query(&target)).await.expect("a log"), ["hello", "tick", "tick"]);
        let tail = LogQuery { tail_lines: Some(1), ..query(&target) };
        assert_eq!(read(&runtime, tail).await.expect("a log"), ["tick"]);
    }

    #[tokio::test]
    async fn a_crashed_container_leaves_its_previous_log() {
        let (mut host, runtime, target) = host("bad");
        host.advance(2);
        host.advance(1);
        let previous = LogQuery { previous: true, ..query(&target) };
        assert_eq!(read(&runtime, previous).await.expect("a log"), ["hello", "tick", "bye"]);
    }

    #[tokio::test]
    async fn what_has_not_started_has_no_log() {
        let (_, runtime, target) = host("none");
        let refusal = read(&runtime, query(&target)).await.expect_err("refused");
        assert_eq!(refusal, "container \"c\" in pod \"p\" is waiting to start: ErrImagePull");
        let (_, runtime, target) = host("app");
        let previous =
            read(&runtime, LogQuery { previous: true, ..query(&target) }).await.expect_err("refused");
        assert_eq!(previous, "previous terminated container \"c\" in pod \"p\" not found");
    }

    #[tokio::test]
    async fn following_ends_with_the_container() {
        let (mut host, runtime, target) = host("app");
        let follow = LogQuery { follow: true, ..query(&target) };
        let mut lines = runtime.logs(follow).await.expect("a log");
        assert_eq!(lines.next().await.expect("a line").text, "hello");
        host.delete("pods", "p");
        host.settle();
        let rest: Vec<LogLine> = lines.collect().await;
        assert_eq!(rest.last().map(|line| line.text.clone()), Some("bye".into()));
    }

    async fn exec(
        runtime: &Runtime,
        target: &ContainerRef,
        command: &[&str],
        typed: &str,
    ) -> (Result<i32, String>, Bytes, Bytes) {
        let (stdin, mut keys) = tokio::io::duplex(4096);
        let (stdout, screen) = tokio::io::duplex(4096);
        let (stderr, errors) = tokio::io::duplex(4096);
        keys.write_all(typed.as_bytes()).await.expect("typed");
        drop(keys);
        let (_, resize) = mpsc::channel(1);
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let query = ExecQuery { target: target.clone(), command, tty: false };
        let streams = ExecStreams { stdin: Some(stdin), stdout: Some(stdout), stderr: Some(stderr), resize };
        let done = runtime.exec(query, streams).await.map_err(|status| status.message);
        (done, drain(screen).await, drain(errors).await)
    }

    #[tokio::test]
    async fn commands_run_and_end_with_their_code() {
        let (_, runtime, target) = host("app");
        let run =
            |command: &'static [&'static str], typed: &'static str| exec(&runtime, &target, command, typed);
        assert_eq!(run(&["hostname"], "").await, (Ok(0), "p\n".into(), "".into()));
        assert_eq!(run(&["sh", "-c", "echo $MODE; exit 3"], "").await, (Ok(3), "test\n".into(), "".into()));
        assert_eq!(run(&["cat"], "abc").await, (Ok(0), "abc".into(), "".into()));
        assert_eq!(run(&["sh"], "echo a\nfalse\nexit 4\necho b\n").await, (Ok(4), "a\n".into(), "".into()));
        let (refused, _, _) = run(&["vim"], "").await;
        assert!(refused.expect_err("no such program").contains("executable file not found in $PATH"));
    }

    #[tokio::test]
    async fn nothing_runs_in_a_container_that_does_not() {
        let (_, runtime, target) = host("none");
        let (refused, _, _) = exec(&runtime, &target, &["hostname"], "").await;
        assert_eq!(refused.expect_err("refused"), "container not found (\"c\")");
        let other = ContainerRef { uid: "other".into(), ..target };
        assert!(runtime.connect(other, 80).await.is_err());
    }

    #[tokio::test]
    async fn ports_answer() {
        let (_, runtime, target) = host("app");
        let mut stream = runtime.connect(target, 8080).await.expect("open");
        stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200 OK"));
    }
}
