//! Between the archive, which reads and writes and waits while it does, and destinations, which are asked on tasks. A pipe holds a few
//! pieces and no more: who is faster waits.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;

/// Bytes of a piece.
const PIECE: usize = 256 << 10;
/// Pieces that wait in a pipe.
const WAITING: usize = 4;

/// The end into which an archive is written, on a thread that may wait.
#[derive(Debug)]
pub struct PipeWriter {
    pieces: mpsc::Sender<Bytes>,
    piece: BytesMut,
}

/// A pipe to be written into; the other end gives what was written, and ends when the writer was finished or dropped.
pub fn writer() -> (PipeWriter, mpsc::Receiver<Bytes>) {
    let (pieces, receiver) = mpsc::channel(WAITING);
    (PipeWriter { pieces, piece: BytesMut::with_capacity(PIECE) }, receiver)
}

impl PipeWriter {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, BytesMut::with_capacity(PIECE)).freeze();
        self.pieces.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let now = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..now]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(now)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// The end from which an archive is read, on a thread that may wait.
#[derive(Debug)]
pub struct PipeReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// A pipe to be read from. It is filled for as long as the future runs, which ends with the stream or with the reader.
pub fn reader<S>(mut stream: S) -> (PipeReader, impl Future<Output = ()>)
where
    S: Stream<Item = io::Result<Bytes>> + Unpin,
{
    let (sender, pieces) = mpsc::channel(WAITING);
    let fill = async move {
        while let Some(piece) = stream.next().await {
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    };
    (PipeReader { pieces, piece: Bytes::new() }, fill)
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let now = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..now]);
        Ok(now)
    }
}
