//! Whether the API server inside serves what is in the backup: every object that does not come and go by itself, by its UID.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use smol_str::{SmolStr, ToSmolStr as _};
use tokio::time::{Instant, sleep};

use super::RehearseError;
use crate::backup::archive::{Part, Record, Visitor, kind_of};
use crate::cluster::watch::protobuf::{self, MAGIC, opened};
use crate::cluster::{Cluster, Failure, Uid};

/// Kinds that an API server makes, renews and removes by itself.
const ITS_OWN: [&str; 9] = [
    "events",
    "leases",
    "endpoints",
    "endpointslices",
    "ipaddresses",
    "servicecidrs",
    "apiservices.apiregistration.k8s.io",
    "flowschemas",
    "prioritylevelconfigurations",
];

/// Definitions are served a moment after the API server says that it is ready.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Number of objects that are served, by kind.
    pub counts: BTreeMap<SmolStr, u64>,
    /// Number of objects that have no UID to look for, as they are encrypted or not what the API server made.
    pub unread: u64,
    /// The store's revision.
    pub revision: i64,
}

/// UIDs of a backup by kind, and how many objects have none.
#[derive(Debug, Default)]
pub(super) struct Uids {
    by_kind: HashMap<SmolStr, HashSet<Uid>>,
    unread: u64,
}

/// What an archive tells of that.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) config: Option<String>,
    pub(super) uids: Uids,
}

impl Visitor for Contents {
    fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), SmolStr> {
        if part == Part::Config {
            self.config = Some(String::from_utf8(bytes.to_vec()).map_err(|why| why.to_smolstr())?);
        }
        Ok(())
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        let kind = kind_of(record.key);
        if kind.starts_with('(') || ITS_OWN.contains(&kind.as_str()) {
            return Ok(());
        }
        match uid(record.value) {
            Some(uid) => {
                self.uids.by_kind.entry(kind).or_default().insert(uid);
            }
            None => self.uids.unread += 1,
        }
        Ok(())
    }
}

/// The UID of an object as an API server stores it; none when it cannot be read.
fn uid(value: &[u8]) -> Option<Uid> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        metadata: Meta<'a>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        uid: &'a str,
    }
    let text = if value.starts_with(MAGIC) {
        opened(value).and_then(protobuf::uid).ok()?
    } else {
        serde_json::from_slice::<Object<'_>>(value).ok()?.metadata.uid
    };
    (!text.is_empty()).then(|| Uid::from(text))
}

/// Asks the API server inside until it serves everything.
pub(super) async fn see(inside: &Cluster, uids: &Uids, revision: i64) -> Result<Seen, RehearseError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let missing = match served(inside).await {
            Ok(there) => missing(uids, &there),
            Err(why) if Instant::now() >= until => return Err(RehearseError::Unseen(why.to_string())),
            Err(_) => Vec::from([SmolStr::default()]),
        };
        if missing.is_empty() {
            let counts = uids.by_kind.iter().map(|(kind, uids)| (kind.clone(), uids.len() as u64));
            return Ok(Seen { counts: counts.collect(), unread: uids.unread, revision });
        }
        if Instant::now() >= until {
            return Err(RehearseError::Differs(missing.join("; ")));
        }
        sleep(LOOK).await;
    }
}

/// UIDs of all objects that are served.
async fn served(inside: &Cluster) -> Result<HashSet<Uid>, Failure> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(default)]
        uid: String,
    }
    // Groups that others serve do not answer here: their servers do not run.
    let (kinds, _) = inside.kinds().await?;
    let mut there = HashSet::new();
    for resource in kinds {
        let take = |page: Vec<Object>| {
            there.extend(page.into_iter().map(|object| Uid::from(object.metadata.uid)));
        };
        inside.each_page(&resource, None, None, true, take).await?;
    }
    Ok(there)
}

/// Kinds of which not all are there, in words.
fn missing(uids: &Uids, there: &HashSet<Uid>) -> Vec<SmolStr> {
    let mut missing: Vec<SmolStr> = uids
        .by_kind
        .iter()
        .filter_map(|(kind, uids)| {
            let away = uids.iter().filter(|uid| !there.contains(*uid)).count();
            (away > 0).then(|| smol_str::format_smolstr!("of {} {kind} {away} are not served", uids.len()))
        })
        .collect();
    missing.sort();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::protobuf::{RAW, put};

    const METADATA: u32 = 1;
    const UID: u32 = 5;

    fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
        let mut field = Vec::new();
        put(&mut field, number, bytes);
        field
    }

    #[test]
    fn uids_are_read_in_both_forms_of_a_store() {
        let one = "0a1b2c3d-0000-4000-8000-000000000001";
        let object = field(METADATA, &[field(1, b"web"), field(UID, one.as_bytes())].concat());
        let stored = [MAGIC.to_vec(), field(1, b"kind"), field(RAW, &object)].concat();
        assert_eq!(uid(&stored), Some(Uid::from(one)));
        let json = format!(r#"{{"kind":"Widget","metadata":{{"name":"one","uid":"{one}"}}}}"#);
        assert_eq!(uid(json.as_bytes()), Some(Uid::from(one)));
        for odd in [&b"k8s:enc:aescbc:v1:"[..], b"{}", b"", b"k8s\0\xff\xff", br#"{"metadata":{"uid":""}}"#] {
            assert_eq!(uid(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn what_is_not_served_is_told_by_kind() {
        let mut contents = Contents::default();
        let json = |uid: &str| format!(r#"{{"metadata":{{"uid":"{uid}"}}}}"#);
        let put = |contents: &mut Contents, key: &str, value: &str| {
            let (lease, version) = (0, 1);
            let record = Record {
                key: key.as_bytes(),
                value: value.as_bytes(),
                created: version,
                modified: version,
                version,
                lease,
            };
            contents.record(record).unwrap();
        };
        put(&mut contents, "/registry/configmaps/a/b", &json("u1"));
        put(&mut contents, "/registry/example.com/widgets/a/one", &json("u2"));
        put(&mut contents, "/registry/events/a/passing", &json("u3"));
        put(&mut contents, "/registry/secrets/a/sealed", "k8s:enc:x");
        assert_eq!(contents.uids.unread, 1);
        let there = HashSet::from([Uid::from("u1")]);
        assert_eq!(missing(&contents.uids, &there), ["of 1 widgets.example.com 1 are not served"]);
        let there = HashSet::from([Uid::from("u1"), Uid::from("u2")]);
        assert_eq!(missing(&contents.uids, &there), Vec::<SmolStr>::new());
    }
}
