//! Fields as protobuf writes them, and objects as an API server stores them.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::{MAGIC, Malformed, RAW, Reader};

/// Field of the envelope with version and kind.
const TYPE: u32 = 1;
/// Field of every object with its metadata, and of these with the UID (`generated.proto` of Kubernetes).
const METADATA: u32 = 1;
const UID: u32 = 5;

/// Writes a field with text, bytes or a message.
pub(crate) fn put(to: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    encode_key(number, WireType::LengthDelimited, to);
    encode_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

/// Writes a field with a truth value.
pub(crate) fn put_truth(to: &mut Vec<u8>, number: u32, truth: bool) {
    encode_key(number, WireType::Varint, to);
    to.push(u8::from(truth));
}

/// An object in the envelope in which it is stored and sent.
pub(crate) fn enveloped(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let (mut meta, mut value) = (Vec::new(), MAGIC.to_vec());
    put(&mut meta, 1, api_version.as_bytes());
    put(&mut meta, 2, kind.as_bytes());
    put(&mut value, TYPE, &meta);
    put(&mut value, RAW, object);
    put(&mut value, 3, b"");
    put(&mut value, 4, b"");
    value
}

/// The object in an envelope.
pub(crate) fn opened(value: &[u8]) -> Result<&[u8], Malformed> {
    let envelope = value.strip_prefix(MAGIC).ok_or(Malformed)?;
    Reader::new(envelope).whole(RAW)?.ok_or(Malformed)
}

/// The UID of an object.
pub(crate) fn uid(object: &[u8]) -> Result<&str, Malformed> {
    let meta = Reader::new(object).whole(METADATA)?.ok_or(Malformed)?;
    let uid = Reader::new(meta).whole(UID)?.ok_or(Malformed)?;
    std::str::from_utf8(uid).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Wire};
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let long = vec![7; 300];
        let mut message = Vec::new();
        put(&mut message, 1, b"web");
        put(&mut message, 2000, &long);
        put_truth(&mut message, 6, true);
        put_truth(&mut message, 7, false);
        let mut reader = Reader::new(&message);
        for expected in [
            Some((1, Wire::Bytes(b"web"))),
            Some((2000, Wire::Bytes(&long))),
            Some((6, Wire::Number(1))),
            Some((7, Wire::Number(0))),
            None,
        ] {
            assert_eq!(reader.field(), Ok(expected));
        }
    }
}
