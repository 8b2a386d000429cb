//! Why a virtual cluster was not made.

use smol_str::SmolStr;
use thiserror::Error;

use super::preflight::Refusal;
use crate::cluster::{Failure, ReadError, WriteError};
use crate::operation::Cancelled;
use crate::provision::pki::PkiError;

/// Why a virtual cluster was not made, or not wholly.
#[derive(Debug, Error)]
pub enum CreateError {
    /// Somebody asked to end.
    #[error("cancelled")]
    Cancelled,
    /// Nothing was written, because it could not have worked.
    #[error("{}", told(.0))]
    Refused(Vec<Refusal>),
    /// The host does not tell what is needed.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The addresses of the host's Services are not known.
    #[error("cannot find out where the host's Services get their addresses from: {0}")]
    NoServiceRange(Failure),
    /// The host does not take an object.
    #[error(transparent)]
    Unwritten(#[from] WriteError),
    /// There are no keys.
    #[error(transparent)]
    Keys(#[from] PkiError),
    /// The Service has no address.
    #[error("the Service {0} got no address of the host")]
    NoAddress(SmolStr),
    /// It does not come up in time.
    #[error("{what} after {seconds} s: {cause}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// What it waits for itself.
        cause: SmolStr,
    },
}

impl From<Cancelled> for CreateError {
    fn from(_: Cancelled) -> Self {
        CreateError::Cancelled
    }
}

impl CreateError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            CreateError::Cancelled => "run the same again to complete it, or delete what is there",
            CreateError::Refused(_) => "nothing was written; mend this and run the same again",
            CreateError::Unreadable(error) => error.remedy(),
            CreateError::NoServiceRange(_) => "name them in networking.serviceCIDR",
            CreateError::Unwritten(error) => error.remedy(),
            CreateError::Keys(_) => {
                "look at the Secret with the certificates, and at the names in controlPlane.proxy.extraSANs"
            }
            CreateError::NoAddress(_) => "give it a type with an address in controlPlane.service.spec",
            CreateError::Late { .. } => {
                "it goes on by itself; run the same again to wait longer, or delete it"
            }
        }
    }
}

fn told(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
