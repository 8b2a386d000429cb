//! Port-forward over a WebSocket: two channels for each port, bytes and an error; the first frame of each carries
//! the port.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::refused;
use crate::runtime::{ByteStream, ContainerRef, PodRuntime};
use crate::streams::exec::websocket::{frame, write_frames};

/// Frames that wait for a slow client.
const FRAMES: usize = 64;

/// Carries connections to ports of a pod over an upgraded connection until either side closes all of them.
pub async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    runtime: Arc<dyn PodRuntime>,
    target: ContainerRef,
    ports: Vec<u16>,
) {
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    let (sink, mut incoming) = socket.split();
    let (frames, queue) = mpsc::channel::<Bytes>(FRAMES);
    let writer = tokio::spawn(write_frames(sink, queue));

    let mut writers: Vec<Option<WriteHalf<Box<dyn ByteStream>>>> = Vec::with_capacity(ports.len());
    let mut readers = JoinSet::new();
    for (data, port) in (0u8..).step_by(2).zip(ports) {
        let (error, name) = (data.saturating_add(1), port.to_le_bytes());
        for channel in [data, error] {
            // A client that left is noticed below.
            let _ = frames.send(frame(channel, &name)).await;
        }
        match runtime.connect(target.clone(), port).await {
            Ok(connection) => {
                let (read, write) = tokio::io::split(connection);
                readers.spawn(pump(read, data, frames.clone()));
                writers.push(Some(write));
            }
            Err(why) => {
                let text = refused(&target, port, &why);
                let _ = frames.send(frame(error, text.as_bytes())).await;
                writers.push(None);
            }
        }
    }
    drop(frames);
    loop {
        tokio::select! {
            message = incoming.next() => match message {
                Some(Ok(Message::Binary(bytes))) => to_pod(&mut writers, &bytes).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            ended = readers.join_next() => if ended.is_none() { break },
        }
    }
    readers.abort_all();
    // Fails only when the task was stopped with the host.
    let _ = writer.await;
}

async fn to_pod(writers: &mut [Option<WriteHalf<Box<dyn ByteStream>>>], bytes: &[u8]) {
    let Some((channel, rest)) = bytes.split_first() else { return };
    // Clients have nothing to say on error channels.
    let Some(slot) = writers.get_mut(usize::from(*channel) / 2).filter(|_| channel % 2 == 0) else { return };
    let gone = match slot {
        Some(writer) => writer.write_all(rest).await.is_err(),
        None => false,
    };
    if gone {
        *slot = None;
    }
}

async fn pump(mut from: ReadHalf<Box<dyn ByteStream>>, channel: u8, frames: mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read) else { return };
        if frames.send(frame(channel, bytes)).await.is_err() {
            return;
        }
    }
}
