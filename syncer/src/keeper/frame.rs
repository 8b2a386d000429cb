//! Frames of the keeper's language on a stream.

use std::io::{self, Read, Write};

use serde::Serialize;
use v9s::store::keeper::{Ask, FRAME};

/// Reads the next question; none at the end of the stream.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Ask>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u32::from_be_bytes(length);
    if length > FRAME {
        return Err(io::Error::other(format!("a frame of {length} bytes is none of v9s")));
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes)?;
    serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other)
}

/// Writes an answer.
pub(super) fn write(stream: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(answer).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes.as_slice()].concat())?;
    stream.flush()
}
