//! UIDs of objects, small: a fleet keeps one of every pod.

use std::fmt;
use std::sync::Arc;

/// The UID of an object.
///
/// API servers write UUIDs, of which sixteen bytes are enough; anything else is kept as it came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uid(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    Uuid([u8; 16]),
    Text(Arc<str>),
}

/// Where a UUID has dashes, and how long it is.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const LENGTH: usize = 36;

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Uid(match uuid(text) {
            Some(number) => Form::Uuid(number.to_be_bytes()),
            None => Form::Text(text.into()),
        })
    }
}

impl From<String> for Uid {
    fn from(text: String) -> Self {
        Uid::from(text.as_str())
    }
}

/// The number that a UUID is, if the text is one and would be written like this again.
fn uuid(text: &str) -> Option<u128> {
    if text.len() != LENGTH {
        return None;
    }
    text.bytes().enumerate().try_fold(0, |number: u128, (at, byte)| match byte {
        b'-' if DASHES.contains(&at) => Some(number),
        b'0'..=b'9' | b'a'..=b'f' if !DASHES.contains(&at) => {
            Some(number << 4 | u128::from(char::from(byte).to_digit(16)?))
        }
        _ => None,
    })
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Uuid(bytes) => bytes.iter().enumerate().try_for_each(|(at, byte)| {
                let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")
            }),
            Form::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_uid_is_written_as_it_came(
            text in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[-0-9a-fA-Fé]{30,40}|.{0,40}",
        ) {
            prop_assert_eq!(Uid::from(text.as_str()).to_string(), text);
        }
    }

    #[test]
    fn a_uuid_takes_no_memory_of_its_own() {
        let uuid = Uid::from("0f8b3c1a-52d7-4e6f-9a01-b2c3d4e5f607");
        assert!(matches!(uuid.0, Form::Uuid(_)));
        assert_eq!(size_of::<Uid>(), 24);
        for other in ["0F8B3C1A-52D7-4E6F-9A01-B2C3D4E5F607", "uid-1", "0f8b3c1a52d74e6f9a01b2c3d4e5f607"] {
            assert!(matches!(Uid::from(other).0, Form::Text(_)), "{other}");
            assert_ne!(Uid::from(other), uuid);
        }
    }
}
