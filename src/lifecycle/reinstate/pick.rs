//! Takes what is wanted out of a backup. Only that is kept, and only so much.

use smol_str::{SmolStr, format_smolstr};

use super::key::{Place, place};
use super::leave;
use super::selection::{Candidate, Chosen, Wanted};
use super::stored::Stored;
use super::{Left, ReinstateError, Request};
use crate::backup::archive::{Found, Record, Visitor};
use crate::backup::set::shown;

/// So many objects are put back at once, and so many bytes of them are kept.
const MOST: (usize, usize) = (5_000, 128 << 20);

/// An object that is wanted.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) plural: SmolStr,
    pub(super) namespaced: bool,
    pub(super) stored: Stored,
}

/// What was found in a backup.
#[derive(Debug)]
pub(super) struct Picks {
    pub(super) objects: Vec<Picked>,
    pub(super) left: Vec<Left>,
}

/// Reads a backup to its end. What it holds counts only when all of it is whole.
pub(super) async fn pick(request: &Request) -> Result<Picks, ReinstateError> {
    let picker = Picker::new(request.wanted.clone());
    let expected = Some(&request.expected);
    let (verified, picker) = shown(&request.at, &request.name, &request.identities, expected, picker).await?;
    if let Found::Official(_) = verified.found
        && picker.keys == 0
    {
        return Err(ReinstateError::NoKeys);
    }
    picker.picks()
}

struct Picker {
    wanted: Vec<Wanted>,
    hits: Vec<bool>,
    picks: Picks,
    most: (usize, usize),
    keys: u64,
    bytes: usize,
    count: usize,
}

impl Picker {
    fn new(wanted: Vec<Wanted>) -> Self {
        let hits = vec![false; wanted.len()];
        let picks = Picks { objects: Vec::new(), left: Vec::new() };
        Picker { wanted, hits, picks, most: MOST, keys: 0, bytes: 0, count: 0 }
    }

    fn picks(self) -> Result<Picks, ReinstateError> {
        if self.is_too_much() {
            return Err(ReinstateError::TooMuch { objects: self.count, bytes: self.bytes });
        }
        let missed = self.wanted.iter().zip(&self.hits).filter(|(_, hit)| !**hit);
        let missed: Vec<String> = missed.map(|(wanted, _)| wanted.to_string()).collect();
        if missed.is_empty() { Ok(self.picks) } else { Err(ReinstateError::Nothing(missed.join(" and "))) }
    }

    fn is_too_much(&self) -> bool {
        self.count > self.most.0 || self.bytes > self.most.1
    }

    /// How it is chosen; who chooses it is remembered.
    fn chosen(&mut self, candidate: &Candidate<'_>) -> Option<Chosen> {
        let chosen = |(wanted, hit): (&Wanted, &mut bool)| {
            let chosen = wanted.chooses(candidate);
            *hit |= chosen.is_some();
            chosen
        };
        self.wanted.iter().zip(&mut self.hits).filter_map(chosen).max()
    }

    fn take(&mut self, place: &Place<'_>, value: &[u8]) {
        let stored = Stored::read(place, value);
        let readable = stored.as_ref().ok();
        let candidate = Candidate {
            plural: place.plural,
            group: place.group.or(readable.map(Stored::group)),
            kind: readable.map(|stored| stored.kind.as_str()),
            namespace: place.namespace,
            name: place.name,
        };
        let Some(chosen) = self.chosen(&candidate) else { return };
        self.count += 1;
        match stored {
            Err(why) => self.leave(place, format_smolstr!("{why}")),
            Ok(stored) => match leave::reason(&stored, chosen) {
                Some(why) => self.leave(place, why),
                None => {
                    self.bytes += value.len();
                    self.picks.objects.push(Picked {
                        plural: place.plural.into(),
                        namespaced: place.namespace.is_some(),
                        stored,
                    });
                }
            },
        }
        if self.is_too_much() {
            self.picks.objects = Vec::new();
            self.picks.left = Vec::new();
        }
    }

    fn leave(&mut self, place: &Place<'_>, why: SmolStr) {
        let kind = match place.group {
            Some(group) => format_smolstr!("{}.{group}", place.plural),
            None => place.plural.into(),
        };
        let what = match place.namespace {
            Some(namespace) => format_smolstr!("{kind} {namespace}/{}", place.name),
            None => format_smolstr!("{kind} {}", place.name),
        };
        self.picks.left.push(Left { what, why });
    }
}

impl Visitor for Picker {
    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        self.keys += 1;
        if let Some(place) = place(record.key)
            && !self.is_too_much()
        {
            self.take(&place, record.value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picked(
        most: (usize, usize),
        said: &[&str],
        records: &[(&str, &[u8])],
    ) -> Result<Picks, ReinstateError> {
        let wanted = said.iter().map(|said| said.parse().unwrap()).collect();
        let mut picker = Picker { most, ..Picker::new(wanted) };
        for (key, value) in records {
            let key = key.as_bytes();
            picker.record(Record { key, value, created: 1, modified: 1, version: 1, lease: 0 }).unwrap();
        }
        picker.picks()
    }

    fn map(name: &str) -> Vec<u8> {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn what_is_wanted_is_kept_and_what_is_left_is_told() {
        let (a, b, ca) = (map("a"), map("b"), map("kube-root-ca.crt"));
        let records: [(&str, &[u8]); 6] = [
            ("/registry/configmaps/other/a", &a),
            ("/registry/configmaps/shop/a", &a),
            ("/registry/configmaps/shop/kube-root-ca.crt", &ca),
            ("/registry/configmaps/shop/x", &b),
            ("/registry/secrets/shop/s", b"k8s:enc:aescbc:v1:key1:xyz"),
            ("compact_rev_key", b"1"),
        ];
        let picks = picked(MOST, &["ns=shop"], &records).unwrap();
        let names: Vec<_> = picks.objects.iter().map(|it| it.stored.meta.name.as_str()).collect();
        assert_eq!(names, ["a"]);
        let left: Vec<_> = picks.left.iter().map(|left| format!("{}: {}", left.what, left.why)).collect();
        assert_eq!(left.len(), 3);
        assert!(left[0].starts_with("configmaps shop/kube-root-ca.crt: the control plane"), "{left:?}");
        assert!(left[1].contains("shop/x: what is stored is another object than its key says"), "{left:?}");
        assert!(left[2].contains("secrets shop/s: the API server stored it encrypted"), "{left:?}");
    }

    #[test]
    fn what_chooses_nothing_is_said_and_more_than_fits_is_refused() {
        let (a, b) = (map("a"), map("b"));
        let records: [(&str, &[u8]); 2] =
            [("/registry/configmaps/shop/a", &a), ("/registry/configmaps/shop/b", &b)];
        let missed = picked(MOST, &["cm", "ns=shap", "widgets"], &records).unwrap_err().to_string();
        assert!(missed.contains("ns=shap and kind=widgets"), "{missed}");
        for most in [(1, MOST.1), (MOST.0, a.len())] {
            assert!(
                matches!(picked(most, &["cm"], &records), Err(ReinstateError::TooMuch { .. })),
                "{most:?}"
            );
        }
        assert_eq!(picked((2, MOST.1), &["cm"], &records).unwrap().objects.len(), 2);
    }
}
