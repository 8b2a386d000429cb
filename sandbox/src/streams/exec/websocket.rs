//! Exec and attach over a WebSocket: one channel for each stream, told apart by the first byte of every frame.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::SplitStream;
use futures::{Sink, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::{ExecParams, ending, query, terminal_size};
use crate::runtime::{ContainerRef, PodRuntime, TerminalSize};
use crate::streams::handshake::Protocol;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// Frames that wait for a slow client.
const FRAMES: usize = 64;

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

    let (streams, ends) = super::streams(&params);
    let mut pumps = tokio::task::JoinSet::new();
    for (end, channel) in [(ends.stdout, STDOUT), (ends.stderr, STDERR)] {
        if let Some(end) = end {
            pumps.spawn(pump(end, channel, frames.clone()));
        }
    }
    // An empty frame on the first channel it will write to tells the client that the connection stands.
    let first = [(params.stdout, STDOUT), (params.stderr, STDERR)].into_iter().find(|(wanted, _)| *wanted);
    let greeted = frames.send(frame(first.map_or(ERROR, |(_, channel)| channel), &[])).await.is_ok();

    let outcome = tokio::select! {
        outcome = runtime.exec(query(target, params), streams), if greeted => Some(outcome),
        () = read_frames(incoming, protocol, ends.stdin, ends.resize) => None,
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

pub(crate) fn frame(channel: u8, bytes: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(bytes.len() + 1);
    frame.put_u8(channel);
    frame.put_slice(bytes);
    frame.freeze()
}

/// Sends frames until all senders are gone, then closes the connection.
pub(crate) async fn write_frames(mut sink: impl Sink<Message> + Unpin, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(frame) = queue.recv().await {
        if sink.send(Message::Binary(frame)).await.is_err() {
            return;
        }
    }
    // The other side may have closed first.
    let _ = sink.send(normal_close()).await;
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

/// The end of a conversation that went as it should.
pub(crate) fn normal_close() -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))
}
