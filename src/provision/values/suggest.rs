//! The word that somebody may have meant.

/// The word that is nearest, if it is near enough to have been meant.
pub(super) fn nearest<'w>(wrong: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let wrong = wrong.to_lowercase();
    let far = |word: &str| strsim::osa_distance(&wrong, &word.to_lowercase());
    let near =
        words.filter(|word| !word.is_empty()).map(|word| (far(word), word)).min_by_key(|(far, _)| *far);
    near.filter(|(far, word)| *far <= (word.chars().count() / 3).max(1)).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_was_meant() {
        let words = ["enabled", "selector", "patches", "all"];
        let cases = [
            ("enabeld", Some("enabled")),
            ("Enabled", Some("enabled")),
            ("enable", Some("enabled")),
            ("selectors", Some("selector")),
            ("al", Some("all")),
            ("mappings", None),
            ("x", None),
            ("", None),
        ];
        for (wrong, meant) in cases {
            assert_eq!(nearest(wrong, words.into_iter()), meant, "{wrong}");
        }
    }
}
