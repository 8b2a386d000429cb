//! Lists in protobuf, read by the same views as JSON.
//!
//! An API server writes a list of pods in protobuf three times as fast as in JSON and with less than half the bytes, and what a view
//! does not look at is skipped without being read. A view says by a table of [`Field`]s which numbers its names have;
//! names and numbers are those of the `generated.proto` files of Kubernetes.
//!
//! As in JSON, where Go leaves empty values out, zero and empty text mean that a field is not there.

mod reader;
mod view;
#[cfg(feature = "backup")]
mod writer;

use serde::Deserialize;
use smol_str::SmolStr;

use super::decode::{Intake, ListHead};
use super::fold::Fold;
use crate::cluster::{Failure, FailureKind};
pub(crate) use reader::{Malformed, Reader, Wire};
use view::Value;
pub use view::{Field, Of};
#[cfg(feature = "backup")]
pub(crate) use writer::{enveloped, opened, put, put_truth, uid};

/// Media types to ask for, the wanted one first; a server that does not speak it answers JSON.
pub(super) const ACCEPT: &str = "application/vnd.kubernetes.protobuf, application/json";

/// What every Kubernetes protobuf answer begins with; an envelope follows (`runtime.Unknown`).
pub(crate) const MAGIC: &[u8] = b"k8s\0";
/// Field of the envelope with the object.
pub(crate) const RAW: u32 = 2;
/// Fields of every list.
const LIST_META: u32 = 1;
const ITEMS: u32 = 2;
/// Fields of `ListMeta`.
const REVISION: u32 = 2;
const CONTINUE: u32 = 3;

/// Whether an answer is protobuf.
pub(super) fn is_protobuf(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads a page and hands its objects over. Returns its head and how many objects could not be read.
pub(super) fn page<F: Fold>(
    bytes: &[u8],
    fields: &'static [Field],
    intake: &mut dyn Intake<F>,
) -> Result<(ListHead, usize), Failure> {
    read_page::<F>(bytes, fields, intake)
        .map_err(|Malformed| Failure::new(FailureKind::Protocol, "the list cannot be read"))
}

fn read_page<F: Fold>(
    bytes: &[u8],
    fields: &'static [Field],
    intake: &mut dyn Intake<F>,
) -> Result<(ListHead, usize), Malformed> {
    let mut list = Reader::new(object(bytes)?);
    let (mut head, mut skipped) = (ListHead::default(), 0);
    while let Some((number, wire)) = list.field()? {
        match (number, wire) {
            (LIST_META, Wire::Bytes(meta)) => head = read_head(meta)?,
            (ITEMS, Wire::Bytes(item)) => match F::Object::deserialize(Value::Message(fields, item)) {
                Ok(object) => intake.take(object),
                Err(_) => skipped += 1,
            },
            _ => {}
        }
    }
    Ok((head, skipped))
}

/// The head of a list, also from its first bytes only: the server writes it before the items.
pub(super) fn early_head(prefix: &[u8]) -> Option<ListHead> {
    let mut envelope = Reader::new(prefix.strip_prefix(MAGIC)?);
    let list = envelope.enter(RAW).ok()??;
    let meta = Reader::new(list).whole(LIST_META).ok()??;
    read_head(meta).ok()
}

fn object(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let envelope = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
    Reader::new(envelope).whole(RAW)?.ok_or(Malformed)
}

fn read_head(meta: &[u8]) -> Result<ListHead, Malformed> {
    let mut head = ListHead::default();
    let mut meta = Reader::new(meta);
    while let Some((number, wire)) = meta.field()? {
        match (number, wire) {
            (REVISION, Wire::Bytes(text)) => head.revision = SmolStr::new(utf8(text)?),
            (CONTINUE, Wire::Bytes(text)) => {
                head.next = Some(utf8(text)?.to_owned()).filter(|token| !token.is_empty());
            }
            _ => {}
        }
    }
    Ok(head)
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
