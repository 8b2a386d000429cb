use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::exec::ExecParams;
use super::handshake::{self, Protocol};
use super::log::LogParams;
use super::{exec, portforward};
use crate::runtime::{
    ByteStream, ContainerRef, ExecQuery, ExecStreams, LogLine, LogQuery, NoRuntime, PodRuntime,
};
use crate::status::Status;

/// `cat` copies stdin to stdout, `fail N` complains and ends with N; port 80 answers in capitals.
pub(crate) struct Shell;

impl PodRuntime for Shell {
    fn logs(&self, _: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>> {
        Box::pin(async { Ok(futures::stream::empty().boxed()) })
    }

    fn exec(&self, query: ExecQuery, mut streams: ExecStreams) -> BoxFuture<'static, Result<i32, Status>> {
        Box::pin(async move {
            let words: Vec<&str> = query.command.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["cat"] => {
                    let (mut from, mut to) =
                        (streams.stdin.take().expect("stdin"), streams.stdout.take().expect("stdout"));
                    tokio::io::copy(&mut from, &mut to).await.expect("pipes");
                    Ok(0)
                }
                ["fail", code] => {
                    let mut to = streams.stderr.take().expect("stderr");
                    to.write_all(b"no such thing").await.expect("pipes");
                    Ok(code.parse().expect("a code"))
                }
                other => Err(Status::bad_request(format!("unknown command {other:?}"))),
            }
        })
    }

    fn connect(&self, _: ContainerRef, port: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(async move {
            if port != 80 {
                return Err("connection refused".to_owned());
            }
            let (near, mut far) = tokio::io::duplex(1024);
            tokio::spawn(async move {
                let mut buffer = [0; 64];
                while let Ok(read @ 1..) = far.read(&mut buffer).await {
                    let answer = buffer[..read].to_ascii_uppercase();
                    if far.write_all(&answer).await.is_err() || answer.ends_with(b"BYE") {
                        return;
                    }
                }
            });
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}

pub(crate) fn target() -> ContainerRef {
    ContainerRef { namespace: "shop".into(), pod: "web-0".into(), uid: "u".into(), container: "web".into() }
}

type Client = WebSocketStream<DuplexStream>;

async fn run(command: &[&str], protocol: Protocol) -> Client {
    let query: Vec<(&str, &str)> = command
        .iter()
        .map(|word| ("command", *word))
        .chain([("stdin", "true"), ("stdout", "true"), ("stderr", "true")])
        .collect();
    let params = ExecParams::parse(query.into_iter(), true).expect("good parameters");
    let (near, far) = tokio::io::duplex(4096);
    tokio::spawn(exec::websocket::serve(far, protocol, Arc::new(Shell), target(), params));
    WebSocketStream::from_raw_socket(near, Role::Client, None).await
}

/// All frames that are not empty until the connection closes, by channel.
async fn frames(client: &mut Client) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some(Ok(message)) = client.next().await {
        match message {
            Message::Binary(bytes) if bytes.len() > 1 => found.push((bytes[0], bytes[1..].to_vec())),
            // Clients take any other end for a broken connection.
            Message::Close(end) => assert_eq!(end.map(|end| end.code), Some(CloseCode::Normal)),
            _ => {}
        }
    }
    found
}

fn status_of(frame: Option<&(u8, Vec<u8>)>) -> Value {
    let (channel, bytes) = frame.expect("a last frame");
    assert_eq!(*channel, 3);
    serde_json::from_slice(bytes).expect("a Status")
}

#[tokio::test]
async fn stdin_reaches_the_command_and_its_end_ends_it() {
    let mut client = run(&["cat"], Protocol::V5).await;
    for bytes in [&b"\0hello "[..], b"\0world", b"\xff\0"] {
        client.send(Message::Binary(Bytes::copy_from_slice(bytes))).await.expect("open");
    }
    let all = frames(&mut client).await;
    let out: Vec<u8> = all.iter().filter(|(c, _)| *c == 1).flat_map(|(_, b)| b.clone()).collect();
    assert_eq!(out, b"hello world");
    assert_eq!(status_of(all.last())["status"], "Success");
}

#[tokio::test]
async fn an_exit_code_comes_after_what_was_written() {
    let mut client = run(&["fail", "3"], Protocol::V4).await;
    let all = frames(&mut client).await;
    assert_eq!(all.first(), Some(&(2, b"no such thing".to_vec())));
    let status = status_of(all.last());
    assert_eq!(status["reason"], "NonZeroExitCode");
    assert_eq!(status["details"]["causes"], json!([{"reason": "ExitCode", "message": "3"}]));
}

#[tokio::test]
async fn a_command_that_cannot_start_says_why() {
    let mut client = run(&["explode"], Protocol::V4).await;
    let status = status_of(frames(&mut client).await.last());
    assert_eq!(status["status"], "Failure");
    assert!(status["message"].as_str().unwrap_or_default().contains("unknown command"), "{status}");
}

#[tokio::test]
async fn each_port_has_two_channels_and_names_itself_first() {
    let (near, far) = tokio::io::duplex(4096);
    tokio::spawn(portforward::websocket::serve(far, Arc::new(Shell), target(), vec![80, 81]));
    let mut client = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
    client.send(Message::Binary(Bytes::from_static(b"\0hello bye"))).await.expect("open");
    let all = frames(&mut client).await;
    let on = |channel: u8| -> Vec<&[u8]> {
        all.iter().filter(|(c, _)| *c == channel).map(|(_, b)| b.as_slice()).collect()
    };
    assert_eq!(on(0), [&[80, 0][..], b"HELLO BYE"]);
    assert_eq!(on(1), [&[80, 0][..]]);
    assert_eq!(on(2), [&[81, 0][..]]);
    assert_eq!(on(3), [&[81, 0][..], b"error forwarding port 81 to pod web-0: connection refused"]);
}

#[test]
fn ports_are_checked() {
    let parse = |values: &[&'static str]| {
        let query: Vec<(&str, &str)> = values.iter().map(|value| ("ports", *value)).collect();
        portforward::ports(query.into_iter()).map_err(|status| status.code)
    };
    assert_eq!(parse(&["80", "443,8080"]), Ok(vec![80, 443, 8080]));
    for wrong in [&[][..], &["0"], &["70000"], &["http"]] {
        assert_eq!(parse(wrong), Err(400), "{wrong:?}");
    }
}

#[test]
fn streams_and_a_command_must_be_asked_for() {
    let parse = |query: &[(&'static str, &'static str)], exec| {
        ExecParams::parse(query.iter().copied(), exec).map_err(|status| status.code)
    };
    assert_eq!(parse(&[("command", "ls")], true), Err(400));
    assert_eq!(parse(&[("stdout", "true")], true), Err(400));
    let attach = parse(&[("stdout", "true"), ("stderr", "true"), ("tty", "true")], false).expect("attach");
    assert!(attach.stdout && !attach.stderr, "a terminal has one stream");
}

#[test]
fn the_handshake_picks_the_newest_common_protocol() {
    let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().expect("name"), v.parse().expect("value"))).collect()
    };
    let both = [Protocol::V5, Protocol::V4];
    let good = headers(&[
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "v4.channel.k8s.io, v5.channel.k8s.io"),
    ]);
    let (answer, protocol) = handshake::accept(&good, &both).expect("accepted");
    assert_eq!(protocol, Protocol::V5);
    // The example of RFC 6455, section 1.3.
    assert_eq!(answer["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let plain = headers(&[("connection", "keep-alive")]);
    assert_eq!(handshake::accept(&plain, &both).map_err(|s| s.code), Err(400));
    let spdy = headers(&[("upgrade", "SPDY/3.1"), ("x-stream-protocol-version", "v4.channel.k8s.io")]);
    assert_eq!(handshake::accept(&spdy, &both).map_err(|s| s.code), Err(403));
    let all = [Protocol::V4, Protocol::SpdyV4];
    let (answer, protocol) = handshake::accept(&spdy, &all).expect("accepted");
    assert_eq!(
        (protocol, &answer["upgrade"]),
        (Protocol::SpdyV4, &http::HeaderValue::from_static("SPDY/3.1"))
    );
    let old = headers(&[
        ("upgrade", "websocket"),
        ("sec-websocket-key", "x"),
        ("sec-websocket-protocol", "channel.k8s.io"),
    ]);
    assert_eq!(handshake::accept(&old, &both).map_err(|s| s.code), Err(403));
}

fn at(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, second).single().expect("a time")
}

async fn text(params: LogParams) -> String {
    let lines = ["one", "two", "three"].into_iter().zip(1..);
    let lines = lines.map(|(text, s)| LogLine { time: at(s), text: Bytes::from_static(text.as_bytes()) });
    let chunks: Vec<Bytes> = params.encode(futures::stream::iter(lines)).collect().await;
    String::from_utf8(chunks.concat()).expect("text")
}

#[tokio::test]
async fn log_lines_carry_times_and_end_at_the_byte_limit() {
    assert_eq!(text(LogParams::default()).await, "one\ntwo\nthree\n");
    assert_eq!(text(LogParams { limit_bytes: Some(6), ..LogParams::default() }).await, "one\ntw");
    let timed = text(LogParams { timestamps: true, ..LogParams::default() }).await;
    assert_eq!(timed.lines().next(), Some("2026-01-02T03:04:01.000000000Z one"));
}

#[test]
fn log_parameters_are_read_or_refused() {
    let parse = |query: &[(&'static str, &'static str)]| LogParams::parse(query.iter().copied(), at(30));
    let good = parse(&[("follow", "true"), ("tailLines", "0"), ("sinceSeconds", "10"), ("container", "")]);
    let good = good.expect("good parameters");
    assert_eq!(
        (good.follow, good.tail_lines, good.since, good.container),
        (true, Some(0), Some(at(20)), None)
    );
    for wrong in [("tailLines", "-1"), ("limitBytes", "0"), ("sinceSeconds", "x"), ("sinceTime", "today")] {
        assert_eq!(parse(&[wrong]).map_err(|status| status.code), Err(422), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_host_without_nodes_has_no_logs() {
    let query = LogParams::default().query(target());
    let refused = NoRuntime.logs(query).await.map(|_| ()).map_err(|status| status.code);
    assert_eq!(refused, Err(400));
}
