//! What the program is told in the job: what a person would say once, and how long to wait before.

use super::{Of, Wish};

/// The command line without the program.
pub(super) fn words(wish: &Wish) -> Vec<String> {
    let mut words = vec!["backup".to_owned()];
    let mut say = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    match &wish.of {
        Of::One { namespace, name, .. } => {
            say("--namespace", namespace.to_string());
            words.push(name.to_string());
        }
        Of::Labelled { selector, namespace } => {
            say("--selector", selector.to_string());
            match namespace {
                Some(namespace) => say("--namespace", namespace.to_string()),
                None => words.push("--all-namespaces".to_owned()),
            }
        }
        Of::All => words.push("--all-namespaces".to_owned()),
    }
    let mut say = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    say("--to", wish.to.to_string());
    for recipient in wish.protection.recipients().names() {
        say("--recipient", recipient.into());
    }
    if let Some(jitter) = wish.jitter {
        say("--jitter", format!("{}s", jitter.as_secs()));
    }
    if let Some(last) = wish.keep.last {
        say("--keep", last.to_string());
    }
    if let Some(within) = wish.keep.within {
        say("--keep-for", format!("{}s", within.as_secs()));
    }
    if let Some(objective) = wish.objective {
        say("--rpo", objective.to_string());
    }
    if !matches!(wish.of, Of::One { .. }) {
        say("--at-once", wish.at_once.to_string());
    }
    if !wish.protection.is_sealed() {
        words.push("--unencrypted".to_owned());
    }
    if !wish.native {
        words.push("--no-native".to_owned());
    }
    words.extend(["--output", "json"].map(str::to_owned));
    words
}
