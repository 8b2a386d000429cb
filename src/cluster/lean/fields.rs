//! Fields that stay text, and how they take less room while nobody looks at them.

use std::sync::{Arc, OnceLock};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

/// Shorter texts are left as they are.
const WORTH_PACKING: usize = 200;
/// More of a dictionary costs more to read than it saves.
const DICTIONARY: usize = 8 << 10;

type Loose = Box<[(SmolStr, Box<RawValue>)]>;

/// Names and raw JSON, in the order they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    /// Empty while they are packed and nobody has looked.
    loose: OnceLock<Loose>,
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

impl Fields {
    pub(super) fn all(&self) -> &[(SmolStr, Box<RawValue>)] {
        self.loose.get_or_init(|| self.packed.as_deref().map(Packed::read).unwrap_or_default())
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.all().iter().find(|(field, _)| field == name).map(|(_, raw)| &**raw)
    }

    pub(super) fn without(self, names: &[&str]) -> Self {
        self.into_loose().into_iter().filter(|(field, _)| !names.contains(&field.as_str())).collect()
    }

    pub(super) fn with(self, name: &str, value: Box<RawValue>) -> Self {
        let mut fields = self.into_loose();
        if let Some((_, raw)) = fields.iter_mut().find(|(field, _)| field == name) {
            *raw = value;
        }
        fields.into_iter().collect()
    }

    fn into_loose(self) -> Loose {
        // What is packed is read before it is taken.
        self.all();
        self.loose.into_inner().unwrap_or_default()
    }

    /// Keeps the fields as bytes only, until somebody looks at them.
    pub(super) fn pack(&mut self, dictionary: &mut Dictionary) {
        if self.packed.is_none() {
            // Asked again and again of what is short: not by writing it out.
            if length(self.all()) < WORTH_PACKING {
                return;
            }
            let Ok(text) = serde_json::to_vec(&AsObject(self.all())) else { return };
            let dictionary = dictionary.0.get_or_insert_with(|| text[..text.len().min(DICTIONARY)].into());
            let bytes = lz4_flex::block::compress_with_dict(&text, dictionary).into_boxed_slice();
            let packed = Packed { bytes, length: text.len(), dictionary: Arc::clone(dictionary) };
            self.packed = Some(Box::new(packed));
        }
        self.loose = OnceLock::new();
    }

    /// How many bytes they take while they are packed; none while they are not.
    #[cfg(test)]
    pub(super) fn packed_len(&self) -> Option<usize> {
        self.packed.as_ref().filter(|_| self.loose.get().is_none()).map(|packed| packed.bytes.len())
    }
}

/// Length of the fields as an object: each with two quotation marks, a colon, and a comma or the last brace; names need no escapes.
fn length(fields: &[(SmolStr, Box<RawValue>)]) -> usize {
    1 + fields.iter().map(|(name, raw)| name.len() + raw.get().len() + 4).sum::<usize>()
}

impl Packed {
    #[expect(clippy::expect_used, reason = "the bytes are our own and never left this process")]
    fn read(&self) -> Loose {
        let text = lz4_flex::block::decompress_with_dict(&self.bytes, self.length, &self.dictionary)
            .expect("what was packed unpacks");
        let Fields { loose, .. } = serde_json::from_slice(&text).expect("the JSON that was packed");
        loose.into_inner().unwrap_or_default()
    }
}

impl FromIterator<(SmolStr, Box<RawValue>)> for Fields {
    fn from_iter<I: IntoIterator<Item = (SmolStr, Box<RawValue>)>>(fields: I) -> Self {
        Fields { loose: OnceLock::from(fields.into_iter().collect::<Loose>()), packed: None }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields.into_iter().collect())
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Fields as an object of their own.
struct AsObject<'a>(&'a [(SmolStr, Box<RawValue>)]);

impl Serialize for AsObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, raw)| (name, raw)))
    }
}
