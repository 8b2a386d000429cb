//! The wire format of protobuf: numbered fields, each a number or a run of bytes.

/// The bytes are no protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire<'a> {
    /// An integer or a truth value.
    Number(u64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
    /// A number of fixed size, which nothing here looks at.
    Fixed,
}

/// A field with all of its bytes, its number and length among them.
#[cfg(feature = "backup")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<'a> {
    pub(crate) number: u32,
    pub(crate) wire: Wire<'a>,
    pub(crate) bytes: &'a [u8],
}

/// The fields of one message, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Reader { rest: message }
    }

    /// The next field and its number, none at the end.
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Wire<'a>)>, Malformed> {
        let Some((number, kind)) = self.key()? else { return Ok(None) };
        let wire = match kind {
            0 => Wire::Number(self.varint()?),
            1 => self.take(8).map(|_| Wire::Fixed)?,
            2 => {
                let length = self.length()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Wire::Fixed)?,
            _ => return Err(Malformed),
        };
        Ok(Some((number, wire)))
    }

    /// The next field and its number, as [`Reader::field`], and all bytes of it.
    #[cfg(feature = "backup")]
    pub(crate) fn field_in_full(&mut self) -> Result<Option<Whole<'a>>, Malformed> {
        let before = self.rest;
        let field = self.field()?;
        let bytes = &before[..before.len() - self.rest.len()];
        Ok(field.map(|(number, wire)| Whole { number, wire, bytes }))
    }

    /// The bytes of the next fields that have the number of the first of them, and of no other.
    pub(super) fn run(&mut self, number: u32) -> Result<&'a [u8], Malformed> {
        let whole = self.rest;
        let mut ahead = *self;
        while let Some((found, _)) = ahead.field()?
            && found == number
        {
            *self = ahead;
        }
        Ok(&whole[..whole.len() - self.rest.len()])
    }

    /// The value of the first field with this number that is there whole.
    pub(crate) fn whole(&mut self, number: u32) -> Result<Option<&'a [u8]>, Malformed> {
        while let Some((found, wire)) = self.field()? {
            if let Wire::Bytes(bytes) = wire
                && found == number
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// What there is of the first field with this number, whose end may not have come yet.
    pub(super) fn enter(&mut self, number: u32) -> Result<Option<&'a [u8]>, Malformed> {
        loop {
            let mut ahead = *self;
            match ahead.key()? {
                None => return Ok(None),
                Some((found, 2)) if found == number => {
                    let length = ahead.length()?;
                    return Ok(Some(ahead.rest.get(..length).unwrap_or(ahead.rest)));
                }
                Some(_) => {
                    self.field()?;
                }
            }
        }
    }

    fn key(&mut self) -> Result<Option<(u32, u64)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed)?;
        Ok(Some((number, key & 7)))
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).map_err(|_| Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}
