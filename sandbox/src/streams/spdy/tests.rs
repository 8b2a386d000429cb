//! Commands and ports over SPDY, the client's side by hand.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::frame::Frame;
use super::headers::Packer;
use crate::streams::exec::{self, ExecParams};
use crate::streams::portforward;
use crate::streams::tests::{Shell, target};

struct Client {
    socket: DuplexStream,
    buffer: BytesMut,
    packer: Packer,
}

impl Client {
    fn new(socket: DuplexStream) -> Self {
        Self { socket, buffer: BytesMut::new(), packer: Packer::new() }
    }

    async fn send(&mut self, frame: Frame) {
        self.socket.write_all(&frame.to_bytes()).await.expect("the server reads");
    }

    /// Opens a stream; the server says that it stands.
    async fn open(&mut self, id: u32, headers: &[(&str, &str)]) {
        let block = self.packer.pack(headers).expect("a block");
        self.send(Frame::Open { id, block, fin: false }).await;
        assert!(matches!(self.next().await, Some(Frame::Reply { id: replied, .. }) if replied == id));
    }

    async fn write(&mut self, id: u32, text: &'static str, fin: bool) {
        self.send(Frame::Data { id, bytes: Bytes::from_static(text.as_bytes()), fin }).await;
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.buffer).expect("frames") {
                return Some(frame);
            }
            if self.socket.read_buf(&mut self.buffer).await.expect("a connection") == 0 {
                return None;
            }
        }
    }

    /// What comes on a stream until its end; nothing else may come meanwhile, but ends of other streams.
    async fn read(&mut self, wanted: u32) -> String {
        let mut text = Vec::new();
        while let Some(frame) = self.next().await {
            match frame {
                Frame::Data { id, bytes, fin } if id == wanted => {
                    text.extend_from_slice(&bytes);
                    if fin {
                        break;
                    }
                }
                Frame::Data { bytes, fin: true, .. } if bytes.is_empty() => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
        String::from_utf8(text).expect("text")
    }
}

fn exec(command: &str) -> Client {
    let words = command.split(' ').map(|word| ("command", word));
    let query = words.chain([("stdin", "true"), ("stdout", "true"), ("stderr", "true")]);
    let params = ExecParams::parse(query, true).expect("good parameters");
    let (near, far) = tokio::io::duplex(4096);
    tokio::spawn(exec::spdy::serve(far, Arc::new(Shell), target(), params));
    Client::new(near)
}

async fn open_all(client: &mut Client) {
    for (id, name) in [(1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")] {
        client.open(id, &[("streamtype", name)]).await;
    }
}

#[tokio::test]
async fn a_command_reads_writes_and_ends() {
    let mut client = exec("cat");
    open_all(&mut client).await;
    client.write(3, "hello", false).await;
    client.write(3, "", true).await;
    assert_eq!(client.read(5).await, "hello");
    let status: Value = serde_json::from_str(&client.read(1).await).expect("a Status");
    assert_eq!(status["status"], "Success");
    assert_eq!(client.next().await, Some(Frame::GoAway));
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn an_exit_code_stands_on_the_error_stream() {
    let mut client = exec("fail 3");
    open_all(&mut client).await;
    assert_eq!(client.read(7).await, "no such thing");
    let status: Value = serde_json::from_str(&client.read(1).await).expect("a Status");
    assert_eq!(status["details"]["causes"][0]["message"], "3");
}

fn forward() -> Client {
    let (near, far) = tokio::io::duplex(4096);
    tokio::spawn(portforward::spdy::serve(far, Arc::new(Shell), target()));
    Client::new(near)
}

#[tokio::test]
async fn connections_to_ports_are_told_apart_and_pings_answered() {
    let mut client = forward();
    for (error, data, request) in [(1, 3, "0"), (5, 7, "1")] {
        client.open(error, &[("streamtype", "error"), ("port", "80"), ("requestid", request)]).await;
        client.open(data, &[("streamtype", "data"), ("port", "80"), ("requestid", request)]).await;
    }
    client.send(Frame::Ping { id: 9 }).await;
    assert_eq!(client.next().await, Some(Frame::Ping { id: 9 }));
    for (id, text, answer) in [(7, "second", "SECOND"), (3, "first", "FIRST")] {
        client.write(id, text, false).await;
        let expected = Frame::Data { id, bytes: Bytes::from_static(answer.as_bytes()), fin: false };
        assert_eq!(client.next().await, Some(expected));
    }
    client.write(3, "bye", false).await;
    assert_eq!(client.read(3).await, "BYE");
    assert_eq!(client.read(1).await, "", "a connection that ended well has no error");
}

#[tokio::test]
async fn a_port_that_is_closed_says_so() {
    let mut client = forward();
    let headers = |kind| [("streamtype", kind), ("port", "81"), ("requestid", "0")];
    client.open(1, &headers("error")).await;
    client.open(3, &headers("data")).await;
    let why = client.read(1).await;
    assert!(why.ends_with("connection refused"), "{why}");
}
