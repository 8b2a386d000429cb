//! Names of Services: which there are, and how one is made of `generateName`.

use rand::RngExt as _;

/// Longest name: it is a label of DNS.
const LONGEST: usize = 63;
/// What Kubernetes appends: letters that make no words, and digits that are no letters.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many of them.
const APPENDED: usize = 5;

/// Whether a Service may be called so; the tenant's API server refuses others.
pub(super) fn is_possible(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().next_back()];
    name.len() <= LONGEST
        && ends.into_iter().all(|end| end.is_some_and(inner))
        && name.bytes().all(|byte| inner(byte) || byte == b'-')
}

/// A name as the API server would make it of `generateName`.
pub(super) fn generate(base: &str) -> String {
    let most = LONGEST - APPENDED;
    let cut = (0..=most.min(base.len())).rev().find(|at| base.is_char_boundary(*at)).unwrap_or(0);
    let mut name = base.get(..cut).unwrap_or_default().to_owned();
    let mut random = rand::rng();
    name.extend((0..APPENDED).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_possible_and_differ() {
        for base in ["web-", &"a".repeat(63), &"b".repeat(300)] {
            let (one, other) = (generate(base), generate(base));
            assert!(is_possible(&one) && one != other, "{one} {other}");
            assert!(one.starts_with(&base[..base.len().min(58)]));
        }
        assert!(generate("ä".repeat(40).as_str()).len() <= LONGEST);
    }

    #[test]
    fn what_no_server_accepts_is_known() {
        for name in ["", "Web", "-web", "web-", "we.b", "wéb", &"a".repeat(64)] {
            assert!(!is_possible(name), "{name}");
        }
        for name in ["web", "a", "9web", &"a".repeat(63)] {
            assert!(is_possible(name), "{name}");
        }
    }
}
