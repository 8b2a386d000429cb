//! Patches, pure: an object and a patch make an object. What may be patched is decided elsewhere.

mod json;
mod merge;
mod strategic;

pub use json::json;
pub use merge::merge;
pub use strategic::strategic;

/// Why a patch cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is no patch of its type: the API server answers 400.
    #[error("{0}")]
    Malformed(String),
    /// The patch does not fit the object, such as a failed `test`: the API server answers 422.
    #[error("{0}")]
    DoesNotFit(String),
}
