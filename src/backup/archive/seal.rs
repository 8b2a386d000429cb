//! Encryption of archives with age: to X25519 recipients, opened by identities without a passphrase.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::str::FromStr as _;

use age::DecryptError;
use age::stream::{StreamReader, StreamWriter};
use age::x25519;
use smol_str::SmolStr;
use thiserror::Error;

use super::error::{ArchiveError, Layer};
use super::limits::SEAL_HEADER;

/// What a sealed archive begins with.
pub(super) const MAGIC: &[u8] = b"age-encryption.org/";

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It is no recipient.
    #[error("{0:?} is no recipient ({1}): it begins with age1 and is what `age-keygen` prints as public key")]
    Recipient(SmolStr, SmolStr),
    /// It is no identity; what it says is not repeated.
    #[error(
        "line {0} is no identity: one begins with AGE-SECRET-KEY-1 and is in the file that `age-keygen` makes"
    )]
    Identity(usize),
    /// Passphrases are not asked for.
    #[error(
        "this identity is itself encrypted, and v9s asks for no passphrase: decrypt it first (age --decrypt)"
    )]
    Encrypted,
    /// There is none.
    #[error("there is no identity in this file")]
    NoIdentity,
}

/// To whom an archive is encrypted; to nobody means that it is not.
#[derive(Clone, Default)]
pub struct Recipients(Vec<x25519::Recipient>);

impl Recipients {
    /// Nobody: what is written can be read by whoever gets it.
    pub const NONE: Recipients = Recipients(Vec::new());

    /// Recipients as they are written: `age1…`.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        let parse = |text: &str| {
            let text = text.trim();
            let key = x25519::Recipient::from_str(text);
            key.map_err(|why| KeyError::Recipient(text.chars().take(80).collect(), why.into()))
        };
        Ok(Recipients(texts.into_iter().map(parse).collect::<Result<_, _>>()?))
    }

    /// Whether an archive for them is encrypted.
    pub fn seal(&self) -> bool {
        !self.0.is_empty()
    }

    /// As they are written.
    pub fn names(&self) -> Vec<SmolStr> {
        self.0.iter().map(|key| key.to_string().into()).collect()
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// What opens encrypted archives.
#[derive(Clone, Default)]
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// Identities as `age-keygen` writes them: one in each line, and comments.
    ///
    /// # Errors
    /// When a line is none, or there is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") || text.as_bytes().starts_with(MAGIC) {
            return Err(KeyError::Encrypted);
        }
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = x25519::Identity::from_str(line).map_err(|_| KeyError::Identity(index + 1))?;
            identities.push(identity);
        }
        if identities.is_empty() {
            return Err(KeyError::NoIdentity);
        }
        Ok(Identities(identities))
    }

    /// To whom something is encrypted that these open.
    pub fn recipients(&self) -> Recipients {
        Recipients(self.0.iter().map(x25519::Identity::to_public).collect())
    }
}

/// Keys are not shown.
impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} identities", self.0.len())
    }
}

/// What an archive is written through.
pub(super) enum SealWriter<W: Write> {
    Open(W),
    Sealed(StreamWriter<W>),
}

impl<W: Write> SealWriter<W> {
    pub(super) fn new(sink: W, recipients: &Recipients) -> io::Result<Self> {
        let keys = recipients.0.iter().map(|key| key as &dyn age::Recipient);
        if !recipients.seal() {
            return Ok(SealWriter::Open(sink));
        }
        let encryptor = age::Encryptor::with_recipients(keys).map_err(io::Error::other)?;
        Ok(SealWriter::Sealed(encryptor.wrap_output(sink)?))
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            SealWriter::Open(sink) => Ok(sink),
            SealWriter::Sealed(sealed) => sealed.finish(),
        }
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            SealWriter::Open(sink) => sink.write(bytes),
            SealWriter::Sealed(sealed) => sealed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            SealWriter::Open(sink) => sink.flush(),
            SealWriter::Sealed(sealed) => sealed.flush(),
        }
    }
}

/// A reader whose first bytes, those that say to whom it is sealed, are bounded: they are kept whole until they are understood.
pub(super) struct Opening<R> {
    inner: R,
    /// Bytes that may still come; none once the list is understood.
    left: Rc<Cell<Option<u64>>>,
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.left.get() {
            None => self.inner.read(buffer),
            Some(0) => Err(io::Error::new(io::ErrorKind::InvalidData, "its list of recipients has no end")),
            Some(left) => {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let count = self.inner.read(&mut buffer[..most])?;
                self.left.set(Some(left - count as u64));
                Ok(count)
            }
        }
    }
}

/// Opens what is sealed.
pub(super) fn open<R: Read>(
    source: R,
    identities: &Identities,
    explain: impl Fn(io::Error) -> ArchiveError,
) -> Result<StreamReader<Opening<R>>, ArchiveError> {
    if identities.0.is_empty() {
        return Err(ArchiveError::Sealed);
    }
    let damaged = |why: &str| ArchiveError::Damaged { layer: Layer::Seal, why: why.into() };
    let told = |error: DecryptError| match error {
        DecryptError::NoMatchingKeys => ArchiveError::WrongKey,
        DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ArchiveError::Truncated(Layer::Seal)
        }
        DecryptError::Io(error) if error.kind() == io::ErrorKind::InvalidData => damaged(&error.to_string()),
        DecryptError::Io(error) => explain(error),
        DecryptError::InvalidMac => damaged("its list of recipients was changed"),
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => {
            damaged("its list of recipients makes no sense")
        }
        _ => damaged("it does not decrypt"),
    };
    let left = Rc::new(Cell::new(Some(SEAL_HEADER)));
    let opening = Opening { inner: source, left: Rc::clone(&left) };
    let decryptor = age::Decryptor::new(opening).map_err(told)?;
    left.set(None);
    // A passphrase is tried by nobody, however much work the archive asks for.
    let keys = identities.0.iter().map(|key| key as &dyn age::Identity);
    decryptor.decrypt(keys).map_err(told)
}
