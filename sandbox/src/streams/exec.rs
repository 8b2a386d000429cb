//! `pods/exec` and `pods/attach` over a WebSocket: one channel for each stream, told apart by the first byte of
//! every frame.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::SplitStream;
use futures::{Sink, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::handshake::Protocol;
use crate::runtime::{ContainerRef, ExecQuery, ExecStreams, PodRuntime, TerminalSize};
use crate::status::Status;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// Bytes that each stream holds while its reader is busy.
const PIPE: usize = 64 * 1024;
/// Frames that wait for a slow client.
const FRAMES: usize = 64;

/// The query parameters of an exec or attach request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecParams {
    /// `container`.
    pub container: Option<String>,
    /// `command`, once for each word.
    pub command: Vec<String>,
    /// `stdin`.
    pub stdin: bool,
    /// `stdout`.
    pub stdout: bool,
    /// `stderr`.
    pub stderr: bool,
    /// `tty`.
    pub tty: bool,
}

impl ExecParams {
    /// Reads query parameters.
    ///
    /// # Errors
    /// 400 when no stream is wanted, or `exec` names no command.
    pub fn parse<'q>(query: impl Iterator<Item = (&'q str, &'q str)>, exec: bool) -> Result<Self, Status> {
        let mut params = ExecParams::default();
        for (key, value) in query {
            let flag = matches!(value, "true" | "1");
            match key {
                "container" => params.container = Some(value.to_owned()).filter(|name| !name.is_empty()),
                "command" => params.command.push(value.to_owned()),
                "stdin" => params.stdin = flag,
                "stdout" => params.stdout = flag,
                "stderr" => params.stderr = flag,
                "tty" => params.tty = flag,
                _ => {}
            }
        }
        // A terminal has one stream for both.
        params.stderr &= !params.tty;
        if !(params.stdin || params.stdout || params.stderr) {
            return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
        }
        if exec && params.command.is_empty() {
            return Err(Status::bad_request("you must specify a command to run in the container"));
        }
        Ok(params)
    }
}

/// Carries a command's streams over an upgraded connection until it ends or the client leaves.
pub async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    runtime: Arc<dyn PodRuntime>,
    target: ContainerRef,
    params: ExecParams,
) {
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    let (sink, incoming) = socket.split();
    let (frames, queue) = mpsc::channel::<Bytes>(FRAMES);
    let writer = tokio::spawn(write_frames(sink, queue));

    let (resize, resizes) = mpsc::channel(8);
    let mut streams = ExecStreams { stdin: None, stdout: None, stderr: None, resize: resizes };
    let mut pumps = tokio::task::JoinSet::new();
    let mut to_stdin = None;
    if params.stdin {
        let (near, far) = tokio::io::duplex(PIPE);
        (to_stdin, streams.stdin) = (Some(near), Some(far));
    }
    for (wanted, channel, slot) in
        [(params.stdout, STDOUT, &mut streams.stdout), (params.stderr, STDERR, &mut streams.stderr)]
    {
        if wanted {
            let (near, far) = tokio::io::duplex(PIPE);
            *slot = Some(far);
            pumps.spawn(pump(near, channel, frames.clone()));
        }
    }
    // An empty frame on the first channel it will write to tells the client that the connection stands.
    let first = [(params.stdout, STDOUT), (params.stderr, STDERR)].into_iter().find(|(wanted, _)| *wanted);
    let greeted = frames.send(frame(first.map_or(ERROR, |(_, channel)| channel), &[])).await.is_ok();

    let query = ExecQuery { target, command: params.command, tty: params.tty };
    let outcome = tokio::select! {
        outcome = runtime.exec(query, streams), if greeted => Some(outcome),
        () = read_frames(incoming, protocol, to_stdin, resize) => None,
    };
    if let Some(outcome) = outcome {
        // What the command wrote comes before how it ended.
        while pumps.join_next().await.is_some() {}
        let status = serde_json::to_vec(&ending(outcome)).unwrap_or_default();
        // A client that is gone does not care.
        let _ = frames.send(frame(ERROR, &status)).await;
    }
    drop(frames);
    pumps.abort_all();
    // Ends when the queue is empty; fails only when the task was stopped with the host.
    let _ = writer.await;
}

/// The `Status` on the error channel.
fn ending(outcome: Result<i32, Status>) -> Value {
    match outcome {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(status) => json!({
            "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("Internal error occurred: {}", status.message),
            "details": {"causes": [{"message": status.message}]},
        }),
    }
}

pub(super) fn frame(channel: u8, bytes: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(bytes.len() + 1);
    frame.put_u8(channel);
    frame.put_slice(bytes);
    frame.freeze()
}

/// Sends frames until all senders are gone, then closes the connection.
pub(super) async fn write_frames(mut sink: impl Sink<Message> + Unpin, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(frame) = queue.recv().await {
        if sink.send(Message::Binary(frame)).await.is_err() {
            return;
        }
    }
    // The other side may have closed first.
    let _ = sink.send(Message::Close(None)).await;
    let _ = sink.close().await;
}

/// From a pipe to a channel, until the pipe ends.
async fn pump(mut from: DuplexStream, channel: u8, frames: mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read) else { return };
        if frames.send(frame(channel, bytes)).await.is_err() {
            return;
        }
    }
}

/// From the client to the command, until the client leaves.
async fn read_frames<S: AsyncRead + AsyncWrite + Unpin>(
    mut incoming: SplitStream<WebSocketStream<S>>,
    protocol: Protocol,
    mut stdin: Option<DuplexStream>,
    resize: mpsc::Sender<TerminalSize>,
) {
    while let Some(Ok(message)) = incoming.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Message::Close(_) => return,
            _ => continue,
        };
        match bytes.split_first() {
            Some((&STDIN, rest)) => {
                let gone = match &mut stdin {
                    Some(pipe) => pipe.write_all(rest).await.is_err(),
                    None => false,
                };
                if gone {
                    stdin = None;
                }
            }
            Some((&RESIZE, rest)) => {
                if let Some(size) = terminal_size(rest) {
                    // A command that does not look at sizes loses them.
                    let _ = resize.try_send(size);
                }
            }
            Some((&CLOSE, [STDIN])) if protocol == Protocol::V5 => stdin = None,
            _ => {}
        }
    }
}

fn terminal_size(bytes: &[u8]) -> Option<TerminalSize> {
    let size: Value = serde_json::from_slice(bytes).ok()?;
    let cells = |key: &str| size[key].as_u64().and_then(|cells| u16::try_from(cells).ok());
    Some(TerminalSize { width: cells("Width")?, height: cells("Height")? })
}
