//! The JSON of an object in memory: as it was written, and packed once it has rested.
//!
//! Objects of a kind are much alike, so what a few of them say serves all of them as a dictionary: tens of thousands of
//! pods take a fraction of their bytes. Reading costs about as much as copying.

use bytes::Bytes;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Shorter bodies are left as they are.
const WORTH_PACKING: usize = 256;
/// As far back as packed bytes refer, and no more than reading it costs little.
const DICTIONARY: usize = 32 << 10;

/// The bytes, readable while they are being packed.
pub(super) struct Body {
    /// Length of the JSON.
    length: u32,
    form: RwLock<Form>,
}

enum Form {
    Plain(Bytes),
    Packed(Packed),
}

struct Packed {
    /// No other packed bytes of this process have it.
    id: u64,
    bytes: Box<[u8]>,
    dictionary: Dictionary,
}

/// What the bodies of one kind have in common.
#[derive(Clone, Default)]
pub(crate) struct Dictionary(Arc<[u8]>);

impl Dictionary {
    /// From some bodies, the more typical the better.
    pub(super) fn of(samples: impl IntoIterator<Item = Bytes>) -> Self {
        let mut bytes = Vec::new();
        for sample in samples {
            if bytes.len() + sample.len() <= DICTIONARY {
                bytes.extend_from_slice(&sample);
            }
        }
        Self(bytes.into())
    }
}

thread_local! {
    /// What was unpacked last: who looks at an object looks again.
    static LAST: RefCell<(u64, Bytes)> = const { RefCell::new((0, Bytes::new())) };
}

impl Body {
    pub(super) fn new(json: Bytes) -> Self {
        Self { length: u32::try_from(json.len()).unwrap_or(u32::MAX), form: RwLock::new(Form::Plain(json)) }
    }

    /// Length of the JSON.
    pub(super) fn len(&self) -> usize {
        self.length as usize
    }

    /// The JSON.
    pub(super) fn json(&self) -> Bytes {
        match &*self.form.read().unwrap_or_else(PoisonError::into_inner) {
            Form::Plain(json) => json.clone(),
            Form::Packed(packed) => packed.json(self.len()),
        }
    }

    /// Whether packing might make it smaller.
    pub(super) fn is_plain(&self) -> bool {
        let form = self.form.read().unwrap_or_else(PoisonError::into_inner);
        self.len() >= WORTH_PACKING && matches!(*form, Form::Plain(_))
    }

    /// Packs the JSON where that makes it much smaller.
    pub(super) fn pack(&self, dictionary: &Dictionary) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if !self.is_plain() {
            return;
        }
        let packed = lz4_flex::block::compress_with_dict(&self.json(), &dictionary.0);
        if packed.len() > self.len() * 3 / 4 {
            return;
        }
        // Copied, because what the packing has allotted is larger.
        let bytes = Box::from(packed.as_slice());
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let packed = Form::Packed(Packed { id, bytes, dictionary: dictionary.clone() });
        *self.form.write().unwrap_or_else(PoisonError::into_inner) = packed;
    }
}

impl Packed {
    fn json(&self, length: usize) -> Bytes {
        LAST.with_borrow_mut(|(id, json)| {
            if *id != self.id {
                // What this process has packed it can unpack.
                let unpacked = lz4_flex::block::decompress_with_dict(&self.bytes, length, &self.dictionary.0)
                    .unwrap_or_default();
                (*id, *json) = (self.id, unpacked.into());
            }
            json.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(text: &str) -> Body {
        Body::new(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn packed_length(body: &Body) -> Option<usize> {
        match &*body.form.read().unwrap() {
            Form::Plain(_) => None,
            Form::Packed(packed) => Some(packed.bytes.len()),
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_reads_as_before(text in "(\\{\"[a-z]{1,9}\":\"[a-zé\"]{0,40}\"\\},){0,60}", other in "[a-z{}\":]{0,900}") {
            let body = body(&text);
            body.pack(&Dictionary::of([Bytes::from(other)]));
            prop_assert_eq!(body.json(), text.as_bytes());
            prop_assert_eq!(body.json(), text.as_bytes(), "and once more");
            prop_assert_eq!(body.len(), text.len());
        }
    }

    #[test]
    fn what_is_like_the_dictionary_takes_little() {
        let text = |n: u32| {
            (0..40)
                .map(|m| format!("{{\"name\":\"VARIABLE_{m}\",\"value\":\"{}\"}},", n * m))
                .collect::<String>()
        };
        let one = body(&text(7));
        one.pack(&Dictionary::of([Bytes::from(text(3))]));
        let length = packed_length(&one).expect("packed");
        assert!(length * 3 < one.len(), "{length} of {}", one.len());
        assert_eq!(one.json(), text(7).as_bytes());
    }

    #[test]
    fn what_would_not_become_smaller_is_left_alone() {
        let short = body("{}");
        short.pack(&Dictionary::default());
        assert_eq!(packed_length(&short), None);
        let mut state = 1_u32;
        let chance = (0..2000).map(|_| {
            // A xorshift generator: no two stretches are alike.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        });
        let noise = Body::new(chance.collect::<Vec<u8>>().into());
        noise.pack(&Dictionary::default());
        assert_eq!(packed_length(&noise), None);
    }
}
