//! The encoding itself: numbered fields, each a number, eight bytes or a piece of bytes.

use super::WireError;

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'b> {
    Number(u64),
    Eight([u8; 8]),
    Bytes(&'b [u8]),
}

impl<'b> Token<'b> {
    pub(super) fn bytes(&self) -> Result<&'b [u8], WireError> {
        match self {
            Token::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::Malformed("wrong wire type")),
        }
    }

    pub(super) fn text(&self) -> Result<String, WireError> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map(str::to_owned).map_err(|_| WireError::Malformed("a text is not UTF-8"))
    }

    pub(super) fn number(&self) -> Result<u64, WireError> {
        match self {
            Token::Number(number) => Ok(*number),
            _ => Err(WireError::Malformed("wrong wire type")),
        }
    }

    pub(super) fn double(&self) -> Result<f64, WireError> {
        match self {
            Token::Eight(bytes) => Ok(f64::from_le_bytes(*bytes)),
            _ => Err(WireError::Malformed("wrong wire type")),
        }
    }
}

/// Reads fields one after the other.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field: its number and what stands in it.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Token<'b>)>, WireError> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let tag = self.varint()?;
            let number = u32::try_from(tag >> 3).map_err(|_| WireError::Malformed("illegal tag"))?;
            let token = match tag & 7 {
                0 => Token::Number(self.varint()?),
                1 => {
                    let (eight, rest) = self.rest.split_first_chunk().ok_or(UNEXPECTED_END)?;
                    self.rest = rest;
                    Token::Eight(*eight)
                }
                2 => {
                    let size = usize::try_from(self.varint()?).map_err(|_| UNEXPECTED_END)?;
                    let (bytes, rest) = self.rest.split_at_checked(size).ok_or(UNEXPECTED_END)?;
                    self.rest = rest;
                    Token::Bytes(bytes)
                }
                5 => {
                    // No kind has such fields; a newer client's are passed over.
                    let (_, rest) = self.rest.split_first_chunk::<4>().ok_or(UNEXPECTED_END)?;
                    self.rest = rest;
                    continue;
                }
                _ => return Err(WireError::Malformed("illegal wireType")),
            };
            return Ok(Some((number, token)));
        }
    }

    /// The next of numbers that stand side by side.
    pub(super) fn packed(&mut self) -> Result<Option<u64>, WireError> {
        if self.rest.is_empty() { Ok(None) } else { self.varint().map(Some) }
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(UNEXPECTED_END)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(WireError::Malformed("integer overflow"))
    }
}

const UNEXPECTED_END: WireError = WireError::Malformed("unexpected EOF");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_by_their_tags() {
        let mut reader = Reader::new(&[
            0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x2d, 1, 2, 3, 4, 0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
        ]);
        assert_eq!(reader.next(), Ok(Some((1, Token::Number(150)))));
        assert_eq!(reader.next(), Ok(Some((2, Token::Bytes(b"hi")))));
        let (number, token) = reader.next().unwrap().unwrap();
        assert_eq!((number, token.double()), (3, Ok(1.0)));
        assert_eq!(reader.next(), Ok(None));
    }

    #[test]
    fn what_ends_early_is_refused() {
        for bytes in [&[0x12, 3, b'a'] as &[u8], &[0x80], &[0x09, 1], &[0x0b], &[0xff; 11]] {
            assert!(Reader::new(bytes).next().is_err(), "{bytes:?}");
        }
    }
}
