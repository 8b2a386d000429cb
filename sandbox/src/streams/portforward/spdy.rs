//! Port-forward over SPDY: for each connection the client opens two streams, one for the bytes and one for an error,
//! that name the port and each other.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::refused;
use crate::runtime::{ContainerRef, PodRuntime};
use crate::streams::spdy::{Session, Stream};

/// The two streams of one connection; the one that came first waits for the other.
#[derive(Default)]
struct Pair {
    data: Option<Stream>,
    error: Option<Stream>,
}

/// Carries connections to ports of a pod over an upgraded connection until the client leaves.
pub async fn serve(
    socket: impl AsyncRead + AsyncWrite + Send + 'static,
    runtime: Arc<dyn PodRuntime>,
    target: ContainerRef,
) {
    let (mut session, writer) = Session::new(socket);
    let mut waiting: HashMap<String, Pair> = HashMap::new();
    let mut connections = JoinSet::new();
    while let Some(stream) = session.accept().await {
        // Finished ones are forgotten here; a forward may live for days.
        while connections.try_join_next().is_some() {}
        let Some(key) = key(&stream) else { continue };
        let pair = waiting.entry(key.clone()).or_default();
        match stream.header("streamtype") {
            Some("data") => pair.data = Some(stream),
            Some("error") => pair.error = Some(stream),
            _ => continue,
        }
        if let Some(Pair { data: Some(data), error: Some(error) }) = take_whole(&mut waiting, &key) {
            connections.spawn(connection(data, error, Arc::clone(&runtime), target.clone()));
        }
    }
    drop((session, waiting));
    connections.shutdown().await;
    // Ends when everything is written; fails only when the task was stopped with the host.
    let _ = writer.await;
}

/// What the two streams of a connection have in common. Clients of old leave the request id out.
fn key(stream: &Stream) -> Option<String> {
    let port = stream.header("port")?;
    Some(format!("{port}/{}", stream.header("requestid").unwrap_or_default()))
}

fn take_whole(waiting: &mut HashMap<String, Pair>, key: &str) -> Option<Pair> {
    let whole = waiting.get(key).is_some_and(|pair| pair.data.is_some() && pair.error.is_some());
    if whole { waiting.remove(key) } else { None }
}

async fn connection(data: Stream, error: Stream, runtime: Arc<dyn PodRuntime>, target: ContainerRef) {
    let port = data.header("port").unwrap_or_default().parse::<u16>();
    let opened = match port {
        Ok(port @ 1..) => {
            runtime.connect(target.clone(), port).await.map_err(|why| refused(&target, port, &why))
        }
        _ => Err(format!("{:?} is no port", data.header("port").unwrap_or_default())),
    };
    let why = match opened {
        Ok(connection) => {
            carry(connection, &data.writer, data.incoming, &data.reset).await;
            String::new()
        }
        Err(why) => why,
    };
    data.writer.finish(Bytes::new()).await;
    error.writer.finish(why.into()).await;
}

/// Both ways, until the pod has said all or the client wants no more.
async fn carry(
    connection: impl AsyncRead + AsyncWrite + Unpin,
    client: &crate::streams::spdy::StreamWriter,
    mut incoming: tokio::sync::mpsc::Receiver<Bytes>,
    reset: &tokio_util::sync::CancellationToken,
) {
    let (mut read, mut write) = tokio::io::split(connection);
    let inward = async {
        while let Some(bytes) = incoming.recv().await {
            if write.write_all(&bytes).await.is_err() {
                break;
            }
        }
        // The pod may still answer; one that has gone needs no word.
        let _ = write.shutdown().await;
        std::future::pending::<()>().await;
    };
    let outward = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = read.read(&mut buffer).await {
            let Some(bytes) = buffer.get(..read) else { return };
            if !client.write(Bytes::copy_from_slice(bytes)).await {
                return;
            }
        }
    };
    tokio::select! {
        () = outward => {}
        () = inward => {}
        () = reset.cancelled() => {}
    }
}
