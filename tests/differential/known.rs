//! Differences that are known and stay, each with its reason: lines of `known.jsonl`.
//!
//! A line tolerates one value in one place of the answer to one kind of request, and only when both hosts said what
//! it says they say. Everything else in the same answer is compared all the same.

use regex::Regex;
use serde_json::Value;

use crate::script::{Script, Step};
use crate::transcript::Difference;

/// One difference that is tolerated by random scripts.
pub struct Known {
    /// Why it stays.
    pub reason: String,
    /// `METHOD /path`, without query and namespace.
    request: Regex,
    /// Where in the answer, positions in lists left out.
    place: Regex,
    embedded: Regex,
    real: Regex,
    /// From here on the hosts hold different objects, so that what follows cannot be compared.
    parts: bool,
}

impl Known {
    /// Reads a line; every pattern has to match the whole text.
    fn read(line: &str) -> Self {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = |key: &str| fields[key].as_str().unwrap_or_else(|| panic!("no {key:?}: {line}"));
        let pattern = |key: &str| {
            Regex::new(&format!("(?s)^(?:{})$", text(key))).unwrap_or_else(|error| panic!("{line}: {error}"))
        };
        Self {
            reason: text("reason").to_owned(),
            request: pattern("request"),
            place: pattern("place"),
            embedded: pattern("embedded"),
            real: pattern("real"),
            parts: fields["parts"] == true,
        }
    }

    fn covers(&self, step: &Step, difference: &Difference) -> bool {
        self.request.is_match(&request(step))
            && self.place.is_match(&place(&difference.place))
            && self.embedded.is_match(&shown(&difference.embedded))
            && self.real.is_match(&shown(&difference.real))
    }
}

/// The lines of `known.jsonl`.
pub fn all() -> Vec<Known> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/differential/known.jsonl");
    std::fs::read_to_string(path).expect("the list is there").lines().map(Known::read).collect()
}

/// What is left of the differences of a script without those that are known.
pub fn unknown(all: &[Known], script: &Script, found: Vec<Difference>) -> Vec<Difference> {
    let mut left = Vec::new();
    for difference in found {
        let step = script.0.get(difference.step);
        match step.and_then(|step| all.iter().find(|known| known.covers(step, &difference))) {
            Some(known) if known.parts => break,
            Some(_) => {}
            None => left.push(difference),
        }
    }
    left
}

/// The kind of a request: `METHOD /path`.
pub fn request(step: &Step) -> String {
    let path = step.path.split('?').next().unwrap_or_default().replace("/namespaces/$NS", "");
    format!("{} {path}", step.method)
}

/// A place without positions in lists.
pub fn place(place: &str) -> String {
    place.split('/').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join("/")
}

/// Texts as they are, everything else as JSON.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
