//! What holds for contexts by their name: badge, read-only, namespaces.

use smol_str::SmolStr;

/// What holds for every context whose name fits a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextRule {
    /// Pattern with `*` and `?`, such as `*prod*`.
    pub pattern: String,
    /// Word in the header, such as `PROD`.
    pub badge: Option<SmolStr>,
    /// How loud the badge is.
    pub tone: Tone,
    /// Nothing may be changed there.
    pub read_only: bool,
    /// Namespaces to look into when listing all of them is forbidden.
    pub namespaces: Vec<SmolStr>,
}

/// How loud a badge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tone {
    /// Like any other context.
    #[default]
    Plain,
    /// Mistakes here cost dearly.
    Prod,
}

/// Whether a name fits a pattern: `*` stands for any text, `?` for one character, case does not matter.
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last star is and how much of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches_pattern;
    use proptest::prelude::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, fits) in [
            ("*prod*", "eu-PROD-1", true),
            ("prod", "prod", true),
            ("prod", "prod-1", false),
            ("prod-?", "prod-1", true),
            ("prod-?", "prod-12", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "x", false),
        ] {
            assert_eq!(matches_pattern(pattern, name), fits, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_with_its_middle_replaced_by_a_star_fits(name in "[a-z-]{0,20}", from in 0usize..20, to in 0usize..20) {
            let (from, to) = (from.min(name.len()), to.min(name.len()));
            let (from, to) = (from.min(to), from.max(to));
            let pattern = format!("{}*{}", &name[..from], &name[to..]);
            prop_assert!(matches_pattern(&pattern, &name));
        }
    }
}
