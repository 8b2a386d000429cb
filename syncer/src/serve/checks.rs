//! What readiness depends on, and how each of it is.

use std::fmt::Write as _;

use smol_str::SmolStr;

/// How something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// It cannot be told, for this reason. It is not green, and does not stand in the way either.
    Unknown(String),
    /// Not as it should be: in words.
    Bad(String),
}

impl Health {
    /// Bad when there is trouble.
    pub fn of(trouble: Option<String>) -> Self {
        trouble.map_or(Health::Good, Health::Bad)
    }
}

/// One thing that readiness depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is looked at, in one word.
    pub what: &'static str,
    /// How it is.
    pub health: Health,
}

impl Check {
    /// How this thing is.
    pub fn new(what: &'static str, health: Health) -> Self {
        Check { what, health }
    }
}

/// Of which kinds a list is not whole, and which are not watched.
pub fn of_watches(partial: &[SmolStr], blind: &[SmolStr]) -> [Check; 2] {
    let health = |kinds: &[SmolStr], how: &str| {
        Health::of((!kinds.is_empty()).then(|| format!("{how}: {}", kinds.join(", "))))
    };
    [Check::new("lists", health(partial, "not whole")), Check::new("watches", health(blind, "not live"))]
}

/// Whether nothing is bad.
pub fn is_ready(checks: &[Check]) -> bool {
    checks.iter().all(|check| !matches!(check.health, Health::Bad(_)))
}

/// The first of what is bad, in one sentence.
pub fn trouble(checks: &[Check]) -> Option<String> {
    checks.iter().find_map(|check| match &check.health {
        Health::Bad(why) => Some(format!("{}: {why}", check.what)),
        Health::Good | Health::Unknown(_) => None,
    })
}

/// What cannot be told, one sentence each.
pub fn unknown(checks: &[Check]) -> Vec<String> {
    let unknown = checks.iter().filter_map(|check| match &check.health {
        Health::Unknown(why) => Some(format!("{}: {why}", check.what)),
        Health::Good | Health::Bad(_) => None,
    });
    unknown.collect()
}

/// A line for each, as the API servers of Kubernetes write them.
pub fn text(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { what, health } in checks {
        // Writing to a String cannot fail.
        let _ = match health {
            Health::Good => writeln!(text, "[+]{what} ok"),
            Health::Unknown(why) => writeln!(text, "[?]{what} not known: {why}"),
            Health::Bad(why) => writeln!(text, "[-]{what} {why}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_not_green_and_does_not_stand_in_the_way() {
        let mut checks =
            vec![Check::new("store", Health::Good), Check::new("lease", Health::Unknown("no Lease".into()))];
        assert!(is_ready(&checks));
        assert_eq!(trouble(&checks), None);
        assert_eq!(unknown(&checks), ["lease: no Lease"]);
        checks.push(Check::new("canary", Health::Bad("has not come round for 31 s".into())));
        assert!(!is_ready(&checks));
        assert_eq!(trouble(&checks).as_deref(), Some("canary: has not come round for 31 s"));
        assert_eq!(
            text(&checks),
            "[+]store ok\n[?]lease not known: no Lease\n[-]canary has not come round for 31 s\n"
        );
    }
}
