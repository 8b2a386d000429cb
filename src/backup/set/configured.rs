//! Whose a backup is and how that was configured, for whoever makes another virtual cluster of it.

use smol_str::{SmolStr, ToSmolStr as _};

use super::error::VerifyError;
use super::verify::shown;
use crate::backup::archive::{Found, Identities, Part, Tenant, Visitor};
use crate::backup::destination::Destination;

/// What a backup says of the virtual cluster that it was taken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Whose it is; none where a snapshot of the official program does not say.
    pub tenant: Option<Tenant>,
    /// Its configuration; none where it holds none: archives of the official program have values of a chart instead.
    pub config: Option<Config>,
}

/// `vcluster.yaml` of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The text.
    pub text: String,
    /// Whether it is there word by word; otherwise what is secret in it is hidden.
    pub whole: bool,
}

/// Reads a backup to its end for what it says of its virtual cluster. `expected` is whose it must be.
///
/// # Errors
/// When the backup is not whole, or cannot be had.
pub async fn configured(
    at: &Destination,
    name: &str,
    identities: &Identities,
    expected: Option<&Tenant>,
) -> Result<Configured, VerifyError> {
    let (verified, reader) = shown(at, name, identities, expected, Reader::default()).await?;
    let whole = match &verified.found {
        Found::Backup { manifest, .. } => manifest.contents.coverage.config,
        Found::Official(_) => false,
    };
    let config = reader.config.map(|text| Config { text, whole });
    Ok(Configured { tenant: verified.found.tenant(), config })
}

#[derive(Default)]
struct Reader {
    config: Option<String>,
}

impl Visitor for Reader {
    fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), SmolStr> {
        if part == Part::Config {
            self.config = Some(String::from_utf8(bytes.to_vec()).map_err(|why| why.to_smolstr())?);
        }
        Ok(())
    }
}
