//! Fields as protobuf writes them.

/// Writes a field with text, bytes or a message.
pub(crate) fn put(to: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    const BYTES: u64 = 2;
    varint(to, u64::from(number) << 3 | BYTES);
    varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Writes a field with a truth value.
pub(crate) fn put_truth(to: &mut Vec<u8>, number: u32, truth: bool) {
    varint(to, u64::from(number) << 3);
    to.push(u8::from(truth));
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
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
