//! Logs, commands and ports of pods.

use super::super::behaviour::{Exit, Images, Pull, Run};
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
    let works = crate::node::Works::new(host.store().clone(), host.engine.hand().clone(), None);
    let runtime = Runtime::new(host.store().clone(), Floor::new(images(), works));
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
    let previous = read(&runtime, LogQuery { previous: true, ..query(&target) }).await.expect_err("refused");
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
    let run = |command: &'static [&'static str], typed: &'static str| exec(&runtime, &target, command, typed);
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
