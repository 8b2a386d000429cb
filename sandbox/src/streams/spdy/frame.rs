//! Frames: eight bytes that say what follows, and what follows.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The version in control frames.
const VERSION: u16 = 3;
const FIN: u8 = 1;
/// Larger frames are refused: nobody sends them, and they would be kept in memory whole.
const LARGEST: usize = 16 * 1024 * 1024 - 1;

/// What a frame says. Header blocks are still compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// The client opens a stream; `fin`: it will not write into it.
    Open { id: u32, block: Bytes, fin: bool },
    /// The stream stands.
    Reply { id: u32, block: Bytes },
    /// Bytes in a stream; `fin`: the last ones.
    Data { id: u32, bytes: Bytes, fin: bool },
    /// The stream ends at once.
    Reset { id: u32 },
    /// Answered as it is.
    Ping { id: u32 },
    /// The connection ends.
    GoAway,
    /// Settings, windows, further headers: nothing to do.
    Other,
}

/// Bytes that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed SPDY frame")]
pub(super) struct Malformed;

impl Frame {
    /// Takes the next frame from the front of a buffer; none when it is not whole yet.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Malformed> {
        let Some(head) = buffer.first_chunk::<8>() else { return Ok(None) };
        let (word, flags, length) = (
            u32::from_be_bytes([head[0], head[1], head[2], head[3]]),
            head[4],
            u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize,
        );
        if buffer.len() < 8 + length {
            buffer.reserve(8 + length - buffer.len());
            return Ok(None);
        }
        buffer.advance(8);
        let body = buffer.split_to(length).freeze();
        let fin = flags & FIN != 0;
        if word >> 31 == 0 {
            return Ok(Some(Frame::Data { id: word, bytes: body, fin }));
        }
        Self::control((word & 0xffff) as u16, fin, body).map(Some)
    }

    fn control(kind: u16, fin: bool, mut body: Bytes) -> Result<Self, Malformed> {
        let mut id = || body.try_get_u32().map(|id| id & 0x7fff_ffff).map_err(|_| Malformed);
        Ok(match kind {
            1 => {
                let id = id()?;
                // The stream it belongs to, priority and slot: of no use here.
                if body.len() < 6 {
                    return Err(Malformed);
                }
                body.advance(6);
                Frame::Open { id, block: body, fin }
            }
            2 => Frame::Reply { id: id()?, block: body },
            3 => Frame::Reset { id: id()? },
            6 => Frame::Ping { id: id()? },
            7 => Frame::GoAway,
            _ => Frame::Other,
        })
    }

    /// Its bytes; none for what this side never sends.
    pub(super) fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Frame::Open { id, block, fin } => {
                control(&mut out, 1, u8::from(*fin), block.len() + 10);
                out.put_u32(*id);
                out.put_bytes(0, 6);
                out.put_slice(block);
            }
            Frame::Reply { id, block } => {
                control(&mut out, 2, 0, block.len() + 4);
                out.put_u32(*id);
                out.put_slice(block);
            }
            Frame::Data { id, bytes, fin } => {
                out.reserve(bytes.len() + 8);
                out.put_u32(*id);
                head(&mut out, u8::from(*fin), bytes.len());
                out.put_slice(bytes);
            }
            Frame::Reset { id } => {
                control(&mut out, 3, 0, 8);
                out.put_u32(*id);
                // Cancel.
                out.put_u32(5);
            }
            Frame::Ping { id } => {
                control(&mut out, 6, 0, 4);
                out.put_u32(*id);
            }
            Frame::GoAway => {
                control(&mut out, 7, 0, 8);
                out.put_u64(0);
            }
            Frame::Other => {}
        }
        out.freeze()
    }
}

fn control(out: &mut BytesMut, kind: u16, flags: u8, length: usize) {
    out.put_u16(0x8000 | VERSION);
    out.put_u16(kind);
    head(out, flags, length);
}

fn head(out: &mut BytesMut, flags: u8, length: usize) {
    out.put_u8(flags);
    out.put_uint(length.min(LARGEST) as u64, 3);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were_sent_however_they_are_cut() {
        let frames = [
            Frame::Open { id: 1, block: Bytes::from_static(b"head"), fin: true },
            Frame::Reply { id: 1, block: Bytes::from_static(b"er") },
            Frame::Data { id: 3, bytes: Bytes::from_static(b"hello"), fin: false },
            Frame::Data { id: 3, bytes: Bytes::new(), fin: true },
            Frame::Reset { id: 3 },
            Frame::Ping { id: 7 },
            Frame::GoAway,
        ];
        let wire: Vec<u8> = frames.iter().flat_map(|frame| frame.to_bytes().to_vec()).collect();
        let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
        for byte in wire {
            buffer.put_u8(byte);
            read.extend(Frame::take(&mut buffer).unwrap());
        }
        assert_eq!(read, frames);
        let mut short = BytesMut::from([0x80_u8, 3, 0, 3, 0, 0, 0, 2, 0, 0].as_slice());
        assert_eq!(Frame::take(&mut short), Err(Malformed));
    }
}
