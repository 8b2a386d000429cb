//! Fields of an object, and how they take less room while nobody looks at them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

/// What takes fewer bytes is left as it is.
const WORTH_PACKING: usize = 250;
/// More of a dictionary costs more to read than it saves.
const DICTIONARY: usize = 8 << 10;

/// The value of a field, of which the text of an object is made.
pub trait Value: Serialize + DeserializeOwned + Clone {
    /// Bytes of its text, without quotation marks.
    fn len(&self) -> usize;
}

impl Value for Box<RawValue> {
    fn len(&self) -> usize {
        self.get().len()
    }
}

impl Value for SmolStr {
    fn len(&self) -> usize {
        self.as_str().len()
    }
}

type Loose<V> = Box<[(SmolStr, V)]>;

/// Names and values, in the order they came.
#[derive(Debug, Clone)]
pub struct Fields<V> {
    /// Empty while they are packed and nobody has looked.
    loose: OnceLock<Loose<V>>,
    packed: Option<Box<Packed>>,
}

/// What fields of a kind have in common: the text of those that were packed first.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary(Option<Arc<[u8]>>);

#[derive(Debug, Clone)]
struct Packed {
    bytes: Box<[u8]>,
    /// Length of the text.
    length: usize,
    dictionary: Arc<[u8]>,
}

impl<V> Default for Fields<V> {
    fn default() -> Self {
        Fields { loose: OnceLock::new(), packed: None }
    }
}

impl<V: Value> Fields<V> {
    pub(super) fn all(&self) -> &[(SmolStr, V)] {
        self.loose.get_or_init(|| self.packed.as_deref().map(Packed::read).unwrap_or_default())
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.all().iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    pub(super) fn without(self, names: &[&str]) -> Self {
        self.into_loose().into_iter().filter(|(field, _)| !names.contains(&field.as_str())).collect()
    }

    pub(super) fn with(self, name: &str, value: V) -> Self {
        let mut fields = self.into_loose();
        if let Some((_, of)) = fields.iter_mut().find(|(field, _)| field == name) {
            *of = value;
        }
        fields.into_iter().collect()
    }

    fn into_loose(self) -> Loose<V> {
        // What is packed is read before it is taken.
        self.all();
        self.loose.into_inner().unwrap_or_default()
    }

    /// Keeps the fields as bytes only, until somebody looks at them.
    pub(super) fn pack(&mut self, dictionary: &mut Dictionary) {
        if self.packed.is_none() {
            // Asked again and again of what is short: not by writing it out.
            if room(self.all()) < WORTH_PACKING {
                return;
            }
            let Ok(text) = serde_json::to_vec(&self.as_object()) else { return };
            let dictionary = dictionary.0.get_or_insert_with(|| text[..text.len().min(DICTIONARY)].into());
            let bytes = lz4_flex::block::compress_with_dict(&text, dictionary).into_boxed_slice();
            let packed = Packed { bytes, length: text.len(), dictionary: Arc::clone(dictionary) };
            self.packed = Some(Box::new(packed));
        }
        self.loose = OnceLock::new();
    }

    /// The fields while they are not packed, to be changed in place.
    pub(super) fn loose(&mut self) -> &mut [(SmolStr, V)] {
        match self.packed {
            Some(_) => &mut [],
            None => self.loose.get_mut().map_or(&mut [], |loose| loose),
        }
    }

    /// Fields as an object of their own.
    pub(super) fn as_object(&self) -> AsObject<'_, V> {
        AsObject(self.all())
    }

    /// How many bytes they take while they are packed; none while they are not.
    #[cfg(test)]
    pub(super) fn packed_len(&self) -> Option<usize> {
        self.packed.as_ref().filter(|_| self.loose.get().is_none()).map(|packed| packed.bytes.len())
    }
}

/// Bytes that fields take while they are not packed.
fn room<V: Value>(fields: &[(SmolStr, V)]) -> usize {
    let text: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    text + size_of_val(fields)
}

impl Packed {
    #[expect(clippy::expect_used, reason = "the bytes are our own and never left this process")]
    fn read<V: Value>(&self) -> Loose<V> {
        let text = lz4_flex::block::decompress_with_dict(&self.bytes, self.length, &self.dictionary)
            .expect("what was packed unpacks");
        let fields: Fields<V> = serde_json::from_slice(&text).expect("the JSON that was packed");
        fields.into_loose()
    }
}

impl<V> FromIterator<(SmolStr, V)> for Fields<V> {
    fn from_iter<I: IntoIterator<Item = (SmolStr, V)>>(fields: I) -> Self {
        Fields { loose: OnceLock::from(fields.into_iter().collect::<Loose<V>>()), packed: None }
    }
}

impl<'de, V: Value> Deserialize<'de> for Fields<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor<V>(PhantomData<V>);
        impl<'de, V: Value> Visitor<'de> for FieldsVisitor<V> {
            type Value = Fields<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields")
            }

            fn visit_unit<E>(self) -> Result<Fields<V>, E> {
                Ok(Fields::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<V>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields.into_iter().collect())
            }
        }
        deserializer.deserialize_any(FieldsVisitor(PhantomData))
    }
}

/// Fields as an object of their own.
pub(super) struct AsObject<'a, V>(&'a [(SmolStr, V)]);

impl<V: Value> Serialize for AsObject<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
