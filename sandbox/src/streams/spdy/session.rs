//! One connection: streams that the client opens, each with its headers and two directions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::frame::{Frame, Malformed};
use super::headers::{Packer, Unpacker};

/// Frames that wait for a slow reader.
const WAITING: usize = 64;

/// A connection on which the client opens streams.
pub struct Session<S> {
    read: ReadHalf<S>,
    buffer: BytesMut,
    unpacker: Unpacker,
    packer: Packer,
    frames: mpsc::Sender<Frame>,
    open: Open,
}

/// Where the bytes of the open streams go.
type Open = Arc<Mutex<HashMap<u32, Inlet>>>;

struct Inlet {
    /// None once the client has written its last.
    bytes: Option<mpsc::Sender<Bytes>>,
    reset: CancellationToken,
}

/// A stream that the client opened.
pub struct Stream {
    headers: Vec<(String, String)>,
    /// What the client writes into it; ends with the client's last bytes.
    pub incoming: mpsc::Receiver<Bytes>,
    /// This side's way into it.
    pub writer: StreamWriter,
    /// Cancelled when the client wants no more of it.
    pub reset: CancellationToken,
}

/// Writes into a stream.
pub struct StreamWriter {
    id: u32,
    frames: mpsc::Sender<Frame>,
    open: Open,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Session<S> {
    /// Begins on a connection. The task that writes ends when the session and all streams are gone.
    pub fn new(socket: S) -> (Self, tokio::task::JoinHandle<()>) {
        let (read, write) = tokio::io::split(socket);
        let (frames, queue) = mpsc::channel(WAITING);
        let writer = tokio::spawn(write_frames(write, queue));
        let session = Self {
            read,
            buffer: BytesMut::new(),
            unpacker: Unpacker::new(),
            packer: Packer::new(),
            frames,
            open: Open::default(),
        };
        (session, writer)
    }

    /// The next stream that the client opens; none when the connection has ended. Bytes of streams move only while
    /// this is waited for.
    pub async fn accept(&mut self) -> Option<Stream> {
        loop {
            match self.next_frame().await {
                Ok(Some(Frame::Open { id, block, fin })) => match self.opened(id, &block, fin).await {
                    Ok(stream) => return Some(stream),
                    Err(malformed) => return self.failed(malformed),
                },
                Ok(Some(frame @ Frame::Ping { .. })) => {
                    // Those who left are noticed at the next read.
                    let _ = self.frames.send(frame).await;
                }
                Ok(Some(Frame::Data { id, bytes, fin })) => self.data(id, bytes, fin).await,
                Ok(Some(Frame::Reset { id })) => {
                    if let Some(inlet) = self.streams().remove(&id) {
                        inlet.reset.cancel();
                    }
                }
                Ok(Some(Frame::Reply { .. } | Frame::Other)) => {}
                Ok(Some(Frame::GoAway) | None) => return None,
                Err(malformed) => return self.failed(malformed),
            }
        }
    }

    fn failed(&self, malformed: Malformed) -> Option<Stream> {
        tracing::debug!(%malformed, "a SPDY connection ends");
        None
    }

    fn streams(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Inlet>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        loop {
            if let Some(frame) = Frame::take(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            match self.read.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                // A connection that breaks is one that ends.
                Ok(0) | Err(_) => return Ok(None),
            }
        }
    }

    async fn opened(&mut self, id: u32, block: &[u8], fin: bool) -> Result<Stream, Malformed> {
        let headers = self.unpacker.unpack(block)?;
        let reply = Frame::Reply { id, block: self.packer.pack(&[])? };
        let (bytes, incoming) = mpsc::channel(WAITING);
        let reset = CancellationToken::new();
        let inlet = Inlet { bytes: (!fin).then_some(bytes), reset: reset.clone() };
        self.streams().insert(id, inlet);
        let writer = StreamWriter { id, frames: self.frames.clone(), open: Arc::clone(&self.open) };
        let _ = self.frames.send(reply).await;
        Ok(Stream { headers, incoming, writer, reset })
    }

    async fn data(&mut self, id: u32, bytes: Bytes, fin: bool) {
        let inlet = match self.streams().get_mut(&id) {
            Some(inlet) if fin => inlet.bytes.take(),
            Some(inlet) => inlet.bytes.clone(),
            None => None,
        };
        // Nobody listens any more: what is written is lost, as in a closed connection.
        if let Some(inlet) = inlet.filter(|_| !bytes.is_empty()) {
            let _ = inlet.send(bytes).await;
        }
    }
}

impl Stream {
    /// A header of the stream, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl StreamWriter {
    /// Writes bytes. False: the connection has ended.
    pub async fn write(&self, bytes: Bytes) -> bool {
        self.frames.send(Frame::Data { id: self.id, bytes, fin: false }).await.is_ok()
    }

    /// Writes the last bytes.
    pub async fn finish(&self, bytes: Bytes) {
        // A client that is gone does not care.
        let _ = self.frames.send(Frame::Data { id: self.id, bytes, fin: true }).await;
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

async fn write_frames<S: AsyncWrite>(mut socket: WriteHalf<S>, mut queue: mpsc::Receiver<Frame>) {
    while let Some(frame) = queue.recv().await {
        if socket.write_all(&frame.to_bytes()).await.is_err() {
            return;
        }
    }
    // The other side may have closed first.
    let _ = socket.write_all(&Frame::GoAway.to_bytes()).await;
    let _ = socket.shutdown().await;
}
