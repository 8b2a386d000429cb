//! An object as a store holds it: JSON, or Kubernetes' protobuf in its envelope.

use serde_json::{Map, Value};
use smol_str::{SmolStr, ToSmolStr as _};
use thiserror::Error;

use super::definition;
use super::given::Given;
use super::key::Place;
use super::meta::Meta;
use crate::cluster::watch::protobuf::{MAGIC, Malformed, RAW, Reader, Wire, enveloped, put};
use crate::cluster::whole::{Body, Form};

/// Field of the envelope with version and kind, and those two in it.
const TYPE: u32 = 1;
const API_VERSION: u32 = 1;
const KIND: u32 = 2;
/// Field of every object with its metadata.
const METADATA: u32 = 1;
/// What encrypted values begin with.
const ENCRYPTED: &[u8] = b"k8s:enc:";
/// Longest name of anything.
const LONGEST: usize = 253;

/// An object of a backup.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) api_version: SmolStr,
    pub(super) kind: SmolStr,
    pub(super) meta: Meta,
    content: Content,
}

/// All of it but its metadata, version and kind.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    Json(Map<String, Value>),
    Protobuf(Vec<u8>),
}

/// Why it cannot be told what a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Unreadable {
    #[error("the API server stored it encrypted, by a key that v9s does not have")]
    Encrypted,
    #[error("what is stored is no object of Kubernetes")]
    Malformed,
    #[error("what is stored is another object than its key says")]
    Another,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Unreadable::Malformed
    }
}

impl Stored {
    /// Reads a value. What it says of itself must be what its key says.
    pub(super) fn read(place: &Place<'_>, value: &[u8]) -> Result<Self, Unreadable> {
        let stored = if value.starts_with(ENCRYPTED) {
            return Err(Unreadable::Encrypted);
        } else if let Some(envelope) = value.strip_prefix(MAGIC) {
            Self::of_protobuf(envelope)?
        } else {
            Self::of_json(value)?
        };
        let Meta { name, namespace, .. } = &stored.meta;
        let same = name == place.name && namespace == place.namespace.unwrap_or_default();
        let group = place.group.is_none_or(|group| group == stored.group());
        if !(same && group) {
            return Err(Unreadable::Another);
        }
        // They become part of an address.
        let path = [Some(place.name), place.namespace].into_iter().flatten().all(is_plain);
        let kind = !stored.kind.is_empty() && stored.kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let version =
            stored.api_version.split('/').count() <= 2 && stored.api_version.split('/').all(is_plain);
        if path && kind && version { Ok(stored) } else { Err(Unreadable::Malformed) }
    }

    fn of_protobuf(envelope: &[u8]) -> Result<Self, Unreadable> {
        let kind = Reader::new(envelope).whole(TYPE)?.ok_or(Malformed)?;
        let object = Reader::new(envelope).whole(RAW)?.ok_or(Malformed)?;
        let text = |number| -> Result<SmolStr, Unreadable> {
            let bytes = Reader::new(kind).whole(number)?.ok_or(Malformed)?;
            Ok(std::str::from_utf8(bytes).map_err(|_| Malformed)?.into())
        };
        let (mut meta, mut rest) = (None, Vec::with_capacity(object.len()));
        let mut fields = Reader::new(object);
        while let Some(field) = fields.field_in_full()? {
            match (field.number, field.wire) {
                // A second one would be laid over the first.
                (METADATA, Wire::Bytes(bytes)) if meta.is_none() => meta = Some(Meta::of_protobuf(bytes)?),
                (METADATA, _) => return Err(Unreadable::Malformed),
                _ => rest.extend_from_slice(field.bytes),
            }
        }
        let meta = meta.ok_or(Malformed)?;
        Ok(Stored {
            api_version: text(API_VERSION)?,
            kind: text(KIND)?,
            meta,
            content: Content::Protobuf(rest),
        })
    }

    fn of_json(value: &[u8]) -> Result<Self, Unreadable> {
        let mut object: Map<String, Value> = serde_json::from_slice(value).map_err(|_| Malformed)?;
        let mut text = |key: &str| object.remove(key).and_then(|value| Some(value.as_str()?.to_smolstr()));
        let (mut api_version, kind) = (text("apiVersion").ok_or(Malformed)?, text("kind").ok_or(Malformed)?);
        let meta = object.remove("metadata").ok_or(Malformed)?;
        let meta = serde_json::from_value(meta).map_err(|_| Malformed)?;
        if api_version == definition::STORED && kind == definition::KIND {
            definition::serve(&mut object);
            api_version = definition::SERVED.into();
        }
        Ok(Stored { api_version, kind, meta, content: Content::Json(object) })
    }

    /// Its API group, empty for the core group.
    pub(super) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Its spec, where it is JSON, as that of definitions is.
    pub(super) fn spec(&self) -> Option<&Value> {
        match &self.content {
            Content::Json(object) => object.get("spec"),
            Content::Protobuf(_) => None,
        }
    }

    /// What an API server is sent of it: with this metadata, without what is `given` by others, and with the status that there is now.
    pub(super) fn body(
        &self,
        meta: &Meta,
        given: &[Given],
        status: Option<&Value>,
    ) -> Result<Body, Malformed> {
        match &self.content {
            Content::Protobuf(rest) => {
                let mut object = Vec::new();
                put(&mut object, METADATA, &meta.to_protobuf());
                let rest = given.iter().try_fold(rest.clone(), |rest, given| given.without(&rest))?;
                object.extend_from_slice(&rest);
                let bytes = enveloped(&self.api_version, &self.kind, &object);
                Ok(Body { form: Form::Protobuf, bytes })
            }
            Content::Json(object) => {
                let mut object = object.clone();
                given.iter().for_each(|given| given.remove(&mut object));
                object.remove("status");
                // Kinds without a status of its own would lose what is there.
                if let Some(status) = status {
                    object.insert("status".to_owned(), status.clone());
                }
                object.insert("apiVersion".to_owned(), self.api_version.as_str().into());
                object.insert("kind".to_owned(), self.kind.as_str().into());
                object.insert("metadata".to_owned(), serde_json::to_value(meta).map_err(|_| Malformed)?);
                Ok(Body { form: Form::Json, bytes: serde_json::to_vec(&object).map_err(|_| Malformed)? })
            }
        }
    }
}

/// Whether a word can stand in an address as it is: what an API server takes for a name.
pub(super) fn is_plain(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte);
    !word.is_empty() && word.len() <= LONGEST && word != "." && word != ".." && word.bytes().all(fits)
}
