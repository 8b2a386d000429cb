//! One short word for all certificates of a virtual cluster, by which it is known which of them its pods have.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

/// Digits of it; enough to tell a handful of generations apart.
const DIGITS: usize = 16;

/// The digest of the files that are certificates. Keys do not go into it.
pub(super) fn digest(files: &BTreeMap<String, String>) -> SmolStr {
    let mut hash = Sha256::new();
    for (file, text) in files.iter().filter(|(file, _)| file.ends_with(".crt")) {
        for part in [file, text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    let mut digits = HEXLOWER.encode(&hash.finalize());
    digits.truncate(DIGITS);
    digits.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> SmolStr {
        digest(&files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn it_changes_with_any_certificate_and_with_nothing_else() {
        let one = of(&[("a.crt", "A"), ("a.key", "K"), ("b.crt", "B")]);
        assert_eq!(one.len(), DIGITS);
        assert_eq!(one, of(&[("a.crt", "A"), ("a.key", "L"), ("b.crt", "B"), ("sa.pub", "P")]));
        for other in
            [&[("a.crt", "A"), ("b.crt", "C")][..], &[("a.crt", "A")], &[("a.crt", "Ab"), (".crt", "B")]]
        {
            assert_ne!(one, of(other), "{other:?}");
        }
    }
}
