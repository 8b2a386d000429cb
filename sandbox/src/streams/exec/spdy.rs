//! Exec and attach over SPDY: the client opens a stream for each of the command's.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;

use super::{ExecParams, ending, query, terminal_size};
use crate::runtime::{ContainerRef, PodRuntime, TerminalSize};
use crate::streams::spdy::{Session, Stream, StreamWriter};

/// The streams that the client opened, by the header that names them.
#[derive(Default)]
struct Opened {
    error: Option<Stream>,
    stdin: Option<Stream>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    resize: Option<Stream>,
}

impl Opened {
    fn add(&mut self, stream: Stream) {
        let slot = match stream.header("streamtype") {
            Some("error") => &mut self.error,
            Some("stdin") => &mut self.stdin,
            Some("stdout") => &mut self.stdout,
            Some("stderr") => &mut self.stderr,
            Some("resize") => &mut self.resize,
            _ => return,
        };
        *slot = Some(stream);
    }

    /// Whether every stream that the request announced is there.
    fn complete(&self, params: &ExecParams) -> bool {
        let wanted = [
            (true, &self.error),
            (params.stdin, &self.stdin),
            (params.stdout, &self.stdout),
            (params.stderr, &self.stderr),
            (params.tty, &self.resize),
        ];
        wanted.iter().all(|(wanted, stream)| !wanted || stream.is_some())
    }
}

/// Carries a command's streams over an upgraded connection until it ends or the client leaves.
pub async fn serve(
    socket: impl AsyncRead + AsyncWrite + Send + 'static,
    runtime: Arc<dyn PodRuntime>,
    target: ContainerRef,
    params: ExecParams,
) {
    let (mut session, writer) = Session::new(socket);
    let mut opened = Opened::default();
    while !opened.complete(&params) {
        match session.accept().await {
            Some(stream) => opened.add(stream),
            None => return,
        }
    }
    let served = run(opened, runtime, target, params);
    tokio::select! {
        () = served => {}
        // Further streams mean nothing; without this nothing would come in.
        () = async { while session.accept().await.is_some() {} } => {}
    }
    drop(session);
    // Ends when everything is written; fails only when the task was stopped with the host.
    let _ = writer.await;
}

async fn run(opened: Opened, runtime: Arc<dyn PodRuntime>, target: ContainerRef, params: ExecParams) {
    let (streams, ends) = super::streams(&params);
    let mut inward = tokio::task::JoinSet::new();
    let mut outward = tokio::task::JoinSet::new();
    if let (Some(stream), Some(end)) = (opened.stdin, ends.stdin) {
        inward.spawn(to_command(stream, end));
    }
    if let Some(stream) = opened.resize {
        inward.spawn(sizes(stream, ends.resize));
    }
    for (stream, end) in [(opened.stdout, ends.stdout), (opened.stderr, ends.stderr)] {
        if let (Some(stream), Some(end)) = (stream, end) {
            outward.spawn(to_client(end, stream.writer));
        }
    }
    let outcome = runtime.exec(query(target, params), streams).await;
    // What the command wrote comes before how it ended.
    while outward.join_next().await.is_some() {}
    if let Some(error) = opened.error {
        let status = serde_json::to_vec(&ending(outcome)).unwrap_or_default();
        error.writer.finish(status.into()).await;
    }
}

/// Until the client has written its last, or the command reads no more.
async fn to_command(mut stream: Stream, mut end: DuplexStream) {
    while let Some(bytes) = stream.incoming.recv().await {
        if end.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn to_client(mut end: DuplexStream, writer: StreamWriter) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = end.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read) else { break };
        if !writer.write(Bytes::copy_from_slice(bytes)).await {
            return;
        }
    }
    writer.finish(Bytes::new()).await;
}

/// Holds the whole stream: one whose writer is gone is closed. Sizes are JSON objects one after the other, not always one to a frame.
async fn sizes(mut stream: Stream, resize: mpsc::Sender<TerminalSize>) {
    let mut text = Vec::new();
    while let Some(bytes) = stream.incoming.recv().await {
        text.extend_from_slice(&bytes);
        while let Some(end) = text.iter().position(|byte| *byte == b'}') {
            let object: Vec<u8> = text.drain(..=end).collect();
            if let Some(size) = terminal_size(&object) {
                // A command that does not look at sizes loses them.
                let _ = resize.try_send(size);
            }
        }
    }
}
