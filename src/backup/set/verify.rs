//! Verifies a backup from where it lies: every byte is read, and nothing is written anywhere.

use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr as _};

use super::card::{Card, card_name};
use super::error::VerifyError;
use crate::backup::archive::{Found, Identities, Limits, Tenant, Visitor, hex, read};
use crate::backup::destination::{Destination, DestinationError, reader};

/// The card beside an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// It tells of the same bytes.
    Fits,
    /// There is none: the archive was copied, made by another program, or never read back.
    Missing,
}

/// An archive that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it is.
    pub found: Found,
    /// Its bytes as they lie there.
    pub length: u64,
    /// SHA-256 over them.
    pub sha256: SmolStr,
    /// Whether a card says the same.
    pub card: Beside,
}

/// Reads an archive to its end. `expected` is whose it must be.
///
/// # Errors
/// What is wrong with it, or that it could not be had.
pub async fn verify(
    at: &Destination,
    name: &str,
    identities: &Identities,
    expected: Option<&Tenant>,
) -> Result<Verified, VerifyError> {
    Ok(shown(at, name, identities, expected, ()).await?.0)
}

/// The same, and what a visitor has made of it. What it has seen of an archive that is not whole is gone.
///
/// # Errors
/// As [`verify`].
pub async fn shown<V: Visitor + Send + 'static>(
    at: &Destination,
    name: &str,
    identities: &Identities,
    expected: Option<&Tenant>,
    mut visitor: V,
) -> Result<(Verified, V), VerifyError> {
    let card = card(at, name).await?;
    let (mut length, mut sum) = (0, Sha256::new());
    let mut stream = at.read(name).await?.inspect(|piece| {
        if let Ok(bytes) = piece {
            length += bytes.len() as u64;
            sum.update(bytes);
        }
    });
    let (from, fill) = reader(&mut stream);
    let (identities, expected) = (identities.clone(), expected.cloned());
    let work = tokio::task::spawn_blocking(move || {
        let found = read(from, &identities, &Limits::default(), expected.as_ref(), &mut visitor);
        found.map(|found| (found, visitor))
    });
    let ((), found) = tokio::join!(fill, work);
    let (found, visitor) = found.map_err(|broken| VerifyError::Broken(broken.to_smolstr()))??;
    drop(stream);
    let sha256 = hex(&sum.finalize());
    let card = match card {
        Some(card) => {
            card.fits(length, &sha256)?;
            Beside::Fits
        }
        None => Beside::Missing,
    };
    Ok((Verified { found, length, sha256, card }, visitor))
}

async fn card(at: &Destination, name: &str) -> Result<Option<Card>, VerifyError> {
    let name = card_name(name);
    match at.get(&name, Card::LIMIT).await {
        Ok(bytes) => Ok(Some(Card::parse(&name, &bytes)?)),
        Err(DestinationError::NotThere(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
