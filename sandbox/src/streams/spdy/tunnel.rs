//! A WebSocket as a plain connection: what its binary messages carry, one after the other.

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::streams::exec::websocket::normal_close;

/// Bytes on their way in each direction.
const PIPE: usize = 64 * 1024;

/// The connection inside a WebSocket. The task ends when either side closes.
pub async fn tunnel(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    let (near, far) = tokio::io::duplex(PIPE);
    (near, tokio::spawn(carry(socket, far)))
}

async fn carry<S: AsyncRead + AsyncWrite + Unpin>(socket: WebSocketStream<S>, pipe: DuplexStream) {
    let (mut sink, mut incoming) = socket.split();
    let (mut from_pipe, mut to_pipe) = tokio::io::split(pipe);
    let inward = async {
        while let Some(Ok(message)) = incoming.next().await {
            match message {
                Message::Binary(bytes) if to_pipe.write_all(&bytes).await.is_ok() => {}
                Message::Ping(_) | Message::Pong(_) | Message::Text(_) => {}
                _ => break,
            }
        }
        // Ends the reader on the other end of the pipe, which may have left.
        let _ = to_pipe.shutdown().await;
    };
    let outward = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_pipe.read(&mut buffer).await {
            let Some(bytes) = buffer.get(..read) else { return };
            if sink.send(Message::Binary(Bytes::copy_from_slice(bytes))).await.is_err() {
                return;
            }
        }
        // The other side may have closed first.
        let _ = sink.send(normal_close()).await;
    };
    tokio::join!(inward, outward);
}
