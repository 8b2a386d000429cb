//! Lists and watch events from bytes, object by object, without keeping more than one object at a time.

use std::fmt;
use std::marker::PhantomData;

use kube::core::Status;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::fold::{Fold, Text};
use super::protobuf;
use crate::cluster::{Failure, FailureKind};

/// Takes the objects of a list as they are read.
pub(super) trait Intake<F: Fold> {
    fn take(&mut self, object: F::Object<'_>);
}

/// What stands at the head of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ListHead {
    /// The revision of the whole list.
    pub(super) revision: SmolStr,
    /// Token of the following page.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta<'a> {
    #[serde(borrow)]
    resource_version: Option<Text<'a>>,
    #[serde(borrow, rename = "continue")]
    next: Option<Text<'a>>,
}

impl From<ListMeta<'_>> for ListHead {
    fn from(meta: ListMeta<'_>) -> Self {
        ListHead {
            revision: meta.resource_version.map(|text| SmolStr::new(text.as_str())).unwrap_or_default(),
            next: meta.next.map(|text| text.as_str().to_owned()).filter(|token| !token.is_empty()),
        }
    }
}

/// Reads a page and hands its objects over; `fields` are needed where the server may have answered in protobuf.
/// Returns its head and how many objects could not be read.
///
/// When an object cannot be read, a page of JSON is read again with the others, so `intake` may see objects twice.
pub(super) fn page<F: Fold>(
    bytes: &[u8],
    fields: Option<&'static [protobuf::Field]>,
    intake: &mut dyn Intake<F>,
) -> Result<(ListHead, usize), Failure> {
    if let Some(fields) = fields.filter(|_| protobuf::is_protobuf(bytes)) {
        return protobuf::page::<F>(bytes, fields, intake);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match (ListSeed::<F> { intake }).deserialize(&mut reader) {
        Ok(head) => Ok((head, 0)),
        Err(_) => page_with_unreadable_objects::<F>(bytes, intake),
    }
}

fn page_with_unreadable_objects<F: Fold>(
    bytes: &[u8],
    intake: &mut dyn Intake<F>,
) -> Result<(ListHead, usize), Failure> {
    #[derive(Deserialize)]
    struct RawList<'a> {
        #[serde(borrow)]
        metadata: ListMeta<'a>,
        #[serde(borrow, default)]
        items: Vec<&'a RawValue>,
    }
    let list: RawList<'_> = serde_json::from_slice(bytes).map_err(|_| unreadable("the list"))?;
    let mut skipped = 0;
    for item in list.items {
        match serde_json::from_str::<F::Object<'_>>(item.get()) {
            Ok(object) => intake.take(object),
            Err(_) => skipped += 1,
        }
    }
    Ok((list.metadata.into(), skipped))
}

fn unreadable(what: &str) -> Failure {
    // Without serde's message, which quotes values.
    Failure::new(FailureKind::Protocol, format!("{what} cannot be read"))
}

/// The head of a list from its first bytes, when the server writes it before the items as Kubernetes does.
pub(super) fn early_head(prefix: &[u8]) -> Option<ListHead> {
    if protobuf::is_protobuf(prefix) {
        return protobuf::early_head(prefix);
    }
    const ITEMS: &[u8] = b"\"items\":[";
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: ListMeta<'a>,
    }
    let at = memchr::memmem::find(prefix, ITEMS)?;
    let mut closed = prefix.get(..at + ITEMS.len())?.to_vec();
    closed.extend_from_slice(b"]}");
    let head: Head<'_> = serde_json::from_slice(&closed).ok()?;
    Some(head.metadata.into())
}

/// The head of a list that is there whole.
pub(super) fn head(bytes: &[u8]) -> Result<ListHead, Failure> {
    if protobuf::is_protobuf(bytes) {
        return protobuf::early_head(bytes).ok_or_else(|| unreadable("the list"));
    }
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: ListMeta<'a>,
    }
    let head: Head<'_> = serde_json::from_slice(bytes).map_err(|_| unreadable("the list"))?;
    Ok(head.metadata.into())
}

struct ListSeed<'i, F> {
    intake: &'i mut dyn Intake<F>,
}

impl<'de, F: Fold> DeserializeSeed<'de> for ListSeed<'_, F> {
    type Value = ListHead;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ListHead, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: Fold> Visitor<'de> for ListSeed<'_, F> {
    type Value = ListHead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ListHead, A::Error> {
        let mut head = None;
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match key.as_str() {
                "metadata" => head = Some(map.next_value::<ListMeta<'_>>()?.into()),
                "items" => map.next_value_seed(ItemsSeed { intake: &mut *self.intake })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        head.ok_or_else(|| A::Error::missing_field("metadata"))
    }
}

struct ItemsSeed<'i, F> {
    intake: &'i mut dyn Intake<F>,
}

impl<'de, F: Fold> DeserializeSeed<'de> for ItemsSeed<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fold> Visitor<'de> for ItemsSeed<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(object) = items.next_element::<F::Object<'de>>()? {
            self.intake.take(object);
        }
        Ok(())
    }
}

/// One line of a watch.
#[derive(Debug)]
pub(super) enum Line<O> {
    /// An object as it is now.
    Upsert(O),
    /// An object as it was last.
    Deleted(O),
    /// Everything up to this revision has been told.
    Bookmark {
        /// The revision.
        revision: SmolStr,
        /// It ends the list that the watch began with.
        ends_list: bool,
    },
    /// The server ends the watch with a reason.
    Error(Box<Status>),
    /// Something newer than us.
    Other,
}

/// Reads one line of a watch.
pub(super) fn line<'a, O: Deserialize<'a>>(bytes: &'a [u8]) -> Result<Line<O>, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    reader.deserialize_map(LineVisitor(PhantomData)).map_err(|_| unreadable("an event"))
}

struct LineVisitor<O>(PhantomData<O>);

impl<'de, O: Deserialize<'de>> Visitor<'de> for LineVisitor<O> {
    type Value = Line<O>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a watch event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<O>, A::Error> {
        let mut kind: Option<Text<'de>> = None;
        let mut early: Option<&'de RawValue> = None;
        let mut line = None;
        while let Some(key) = map.next_key::<Text<'_>>()? {
            match key.as_str() {
                "type" => kind = Some(map.next_value()?),
                "object" => match &kind {
                    Some(kind) => line = Some(read_object(kind, MapValue(&mut map))?),
                    // Kubernetes writes the type first; an object before it has to wait for it.
                    None => early = Some(map.next_value()?),
                },
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let (None, Some(kind), Some(raw)) = (&line, &kind, early) {
            let mut reader = serde_json::Deserializer::from_str(raw.get());
            line = Some(read_object(kind, Whole(&mut reader)).map_err(A::Error::custom)?);
        }
        line.ok_or_else(|| A::Error::missing_field("object"))
    }
}

/// Where an object is read from.
trait ObjectSource<'de> {
    type Error;
    fn read<T: Deserialize<'de>>(self) -> Result<T, Self::Error>;
}

struct MapValue<'m, A>(&'m mut A);

impl<'de, A: MapAccess<'de>> ObjectSource<'de> for MapValue<'_, A> {
    type Error = A::Error;

    fn read<T: Deserialize<'de>>(self) -> Result<T, A::Error> {
        self.0.next_value()
    }
}

struct Whole<D>(D);

impl<'de, D: Deserializer<'de>> ObjectSource<'de> for Whole<D> {
    type Error = D::Error;

    fn read<T: Deserialize<'de>>(self) -> Result<T, D::Error> {
        T::deserialize(self.0)
    }
}

fn read_object<'de, O: Deserialize<'de>, S: ObjectSource<'de>>(
    kind: &str,
    source: S,
) -> Result<Line<O>, S::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct BookmarkMeta<'a> {
        #[serde(borrow)]
        resource_version: Text<'a>,
        #[serde(default)]
        annotations: BookmarkNotes,
    }
    #[derive(Deserialize, Default)]
    struct BookmarkNotes {
        #[serde(rename = "k8s.io/initial-events-end")]
        ends_list: Option<SmolStr>,
    }
    #[derive(Deserialize)]
    struct Bookmark<'a> {
        #[serde(borrow)]
        metadata: BookmarkMeta<'a>,
    }
    Ok(match kind {
        "ADDED" | "MODIFIED" => Line::Upsert(source.read()?),
        "DELETED" => Line::Deleted(source.read()?),
        "BOOKMARK" => {
            let BookmarkMeta { resource_version, annotations } = source.read::<Bookmark<'de>>()?.metadata;
            Line::Bookmark {
                revision: resource_version.as_str().into(),
                ends_list: annotations.ends_list.is_some_and(|ends| ends == "true"),
            }
        }
        "ERROR" => Line::Error(Box::new(source.read()?)),
        _ => {
            source.read::<IgnoredAny>()?;
            Line::Other
        }
    })
}
