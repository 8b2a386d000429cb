//! Logs, commands and ports as kube speaks them, over a runtime that does what the tests say.

use crate::hosts::{self, Host, both};
use anyhow::Result;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{AttachParams, LogParams, TerminalSize as KubeSize};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use v9s_sandbox::runtime::{ByteStream, ContainerRef, ExecQuery, ExecStreams, LogLine, LogQuery, PodRuntime};
use v9s_sandbox::status::Status;
use v9s_testkit::host::Needs;

/// Says `line N` in its log, echoes what is typed, answers ports with their number.
struct Echo;

fn line(number: i64) -> LogLine {
    let time = DateTime::<Utc>::from_timestamp(1_700_000_000 + number, 0).unwrap();
    LogLine { time, text: Bytes::from(format!("line {number}")) }
}

impl PodRuntime for Echo {
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>> {
        let answer = if query.previous {
            Err(Status::bad_request("previous terminated container \"c\" in pod \"p\" not found"))
        } else {
            let first = query.tail_lines.map_or(1, |n| 4 - i64::try_from(n.min(3)).unwrap());
            let lines = futures::stream::iter((first..=3).map(line));
            Ok(if query.follow {
                lines.chain(futures::stream::iter([line(4)])).boxed()
            } else {
                lines.boxed()
            })
        };
        Box::pin(std::future::ready(answer))
    }

    fn exec(&self, query: ExecQuery, streams: ExecStreams) -> BoxFuture<'static, Result<i32, Status>> {
        Box::pin(async move {
            let ExecStreams { stdin, stdout, stderr, mut resize } = streams;
            match query.command.first().map(String::as_str) {
                Some("fail") => {
                    if let Some(mut stderr) = stderr {
                        stderr.write_all(b"it failed\n").await.unwrap();
                    }
                    return Ok(3);
                }
                Some("missing") => return Err(Status::internal("no such program")),
                Some("size") => {
                    let size = resize.recv().await.unwrap();
                    let text = format!("{}x{}", size.width, size.height);
                    stdout.unwrap().write_all(text.as_bytes()).await.unwrap();
                    return Ok(0);
                }
                _ => {}
            }
            if let (Some(mut stdin), Some(mut stdout)) = (stdin, stdout) {
                tokio::io::copy(&mut stdin, &mut stdout).await.unwrap();
            }
            Ok(0)
        })
    }

    fn connect(&self, _: ContainerRef, port: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(async move {
            if port == 1 {
                return Err("connection refused".to_owned());
            }
            let (near, mut far) = tokio::io::duplex(1024);
            tokio::spawn(async move {
                let mut word = [0; 4];
                far.read_exact(&mut word).await.unwrap();
                let answer = format!("{port} got {}", String::from_utf8_lossy(&word));
                far.write_all(answer.as_bytes()).await.unwrap();
            });
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}

/// A host with one pod `p` on a node.
async fn host() -> Result<(Host, Api<Pod>)> {
    let host = Host::of(v9s_testkit::host::Host::embedded(Needs::NONE).await?).await?;
    let sandbox = host.kit().sandbox().expect("the embedded host");
    sandbox.api().set_runtime(Arc::new(Echo));
    let namespace = host.namespace("streams").await?;
    let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
    host.post(&format!("/api/v1/namespaces/{namespace}/pods"), &pod).await?.expect_code(201)?;
    let api = Api::namespaced(host.client(), &namespace);
    Ok((host, api))
}

#[tokio::test]
async fn logs_are_cut_stamped_and_followed() -> Result<()> {
    let (_host, pods) = host().await?;
    assert_eq!(pods.logs("p", &LogParams::default()).await?, "line 1\nline 2\nline 3\n");
    let tail = LogParams { tail_lines: Some(1), timestamps: true, ..LogParams::default() };
    assert_eq!(pods.logs("p", &tail).await?, "2023-11-14T22:13:23.000000000Z line 3\n");
    let limited = LogParams { limit_bytes: Some(9), ..LogParams::default() };
    assert_eq!(pods.logs("p", &limited).await?, "line 1\nli");
    let followed = pods.log_stream("p", &LogParams { follow: true, ..LogParams::default() }).await?;
    let lines: Vec<String> = followed.lines().try_collect().await?;
    assert_eq!(lines.last().map(String::as_str), Some("line 4"));
    let previous = pods.logs("p", &LogParams { previous: true, ..LogParams::default() }).await;
    assert!(previous.unwrap_err().to_string().contains("previous terminated container"));
    Ok(())
}

#[tokio::test]
async fn commands_read_write_and_end() -> Result<()> {
    let (_host, pods) = host().await?;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.exec("p", ["cat"], &params).await?;
    let (mut stdin, mut stdout) = (process.stdin().unwrap(), process.stdout().unwrap());
    let status = process.take_status().unwrap();
    stdin.write_all(b"hello").await?;
    stdin.shutdown().await?;
    drop(stdin);
    let mut said = String::new();
    stdout.read_to_string(&mut said).await?;
    assert_eq!(said, "hello");
    assert_eq!(status.await.and_then(|s| s.status).as_deref(), Some("Success"));
    Ok(())
}

#[tokio::test]
async fn exit_codes_and_failures_arrive() -> Result<()> {
    let (_host, pods) = host().await?;
    let mut process = pods.exec("p", ["fail"], &AttachParams::default()).await?;
    let mut stderr = process.stderr().unwrap();
    let status = process.take_status().unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).await?;
    assert_eq!(said, "it failed\n");
    let status = status.await.unwrap();
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let causes = status.details.and_then(|d| d.causes).unwrap_or_default();
    assert_eq!(causes[0].message.as_deref(), Some("3"));
    let mut process = pods.exec("p", ["missing"], &AttachParams::default()).await?;
    let status = process.take_status().unwrap().await.unwrap();
    assert!(status.message.unwrap_or_default().contains("no such program"));
    Ok(())
}

#[tokio::test]
async fn a_terminal_tells_its_size() -> Result<()> {
    let (_host, pods) = host().await?;
    let params = AttachParams::interactive_tty();
    let mut process = pods.exec("p", ["size"], &params).await?;
    let mut stdout = process.stdout().unwrap();
    let mut sizes = process.terminal_size().unwrap();
    futures::SinkExt::send(&mut sizes, KubeSize { width: 120, height: 40 }).await?;
    let mut said = String::new();
    stdout.read_to_string(&mut said).await?;
    assert_eq!(said, "120x40");
    Ok(())
}

#[tokio::test]
async fn ports_are_carried_each_on_its_own() -> Result<()> {
    let (_host, pods) = host().await?;
    let mut forwarder = pods.portforward("p", &[80, 81]).await?;
    for port in [81, 80] {
        let mut stream = forwarder.take_stream(port).unwrap();
        stream.write_all(b"ping").await?;
        // A port that ends does not end the others, so there is no end to read to.
        let mut said = [0; 11];
        stream.read_exact(&mut said).await?;
        assert_eq!(String::from_utf8_lossy(&said), format!("{port} got ping"));
    }
    let mut refused = pods.portforward("p", &[1]).await?;
    let error = refused.take_error(1).unwrap().await;
    assert!(error.unwrap_or_default().contains("connection refused"));
    Ok(())
}

#[tokio::test]
async fn streams_need_a_placed_pod_and_a_websocket() -> Result<()> {
    let (host, _pods) = host().await?;
    let pods = format!("/api/v1/namespaces/{}/pods", host.named("streams"));
    host.post(
        &pods,
        &json!({"metadata": {"name": "q"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}),
    )
    .await?
    .expect_code(201)?;
    let (code, _, message) = host.get(&format!("{pods}/q/exec?command=ls&stdout=true")).await?.refusal();
    assert_eq!((code, message.as_str()), (400, "pod q does not have a host assigned"));
    let (code, _, message) = host.get(&format!("{pods}/p/exec?command=ls&stdout=true")).await?.refusal();
    assert_eq!((code, message.as_str()), (400, "Upgrade request required"));
    Ok(())
}

both! {
    async fn streams_need_the_right_to_create_however_they_are_opened(host: Host) -> Result<()> {
        let namespace = host.namespace("sockets").await?;
        let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let resources = ["pods/exec", "pods/attach", "pods/portforward"];
        let role = json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": resources, "verbs": ["get"]}]});
        host.post(&format!("{roles}/roles"), &role).await?.expect_code(201)?;
        let jo = host.named("jo");
        let binding = json!({"metadata": {"name": "r"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": jo}]});
        host.post(&format!("{roles}/rolebindings"), &binding).await?.expect_code(201)?;
        let client = host.acting_as(&jo).await?;
        let path = format!("/api/v1/namespaces/{namespace}/pods/p/exec?command=ls&stdout=true");
        let refused = hosts::get(&client, &path).await?.refusal();
        assert_eq!(refused, (403, "Forbidden".to_owned(), "pods \"p\" is forbidden: ".to_owned()));
        Ok(())
    }
}
