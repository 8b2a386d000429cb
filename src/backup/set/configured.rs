//! The configuration that is in a backup, for whoever makes another virtual cluster of it.

use smol_str::{SmolStr, ToSmolStr as _};

use super::error::VerifyError;
use super::verify::shown;
use crate::backup::archive::{Found, Identities, Part, Tenant, Visitor};
use crate::backup::destination::Destination;

/// `vcluster.yaml` of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// The text.
    pub text: String,
    /// Whether it is there word by word; otherwise what is secret in it is hidden.
    pub whole: bool,
}

/// Reads a backup to its end for its configuration. None where it holds none: archives of the official program have values of a chart
/// instead.
///
/// # Errors
/// When the backup is not whole, or cannot be had.
pub async fn configured(
    at: &Destination,
    name: &str,
    identities: &Identities,
    expected: Option<&Tenant>,
) -> Result<Option<Configured>, VerifyError> {
    let (verified, reader) = shown(at, name, identities, expected, Reader::default()).await?;
    let whole = match &verified.found {
        Found::Backup { manifest, .. } => manifest.contents.coverage.config,
        Found::Official(_) => false,
    };
    Ok(reader.config.map(|text| Configured { text, whole }))
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
