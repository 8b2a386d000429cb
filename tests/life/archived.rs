//! Archives of a virtual cluster that has never been backed up.

use anyhow::Result;
use chrono::Utc;
use v9s::backup::archive::{
    ArchiveWriter, By, Contents, Coverage, Header, Part, Recipients, Record, StoreFacts, Tenant, Volumes,
};

/// A key of the store and what is behind it.
pub type Stored = (String, Vec<u8>);

/// An archive with these keys, as its bytes.
pub fn archive(tenant: Tenant, mut stored: Vec<Stored>) -> Result<Vec<u8>> {
    let began = Utc::now();
    let mut writer = ArchiveWriter::begin(Vec::new(), Header::new(tenant, began), &Recipients::NONE)?;
    writer.document(Part::Config, b"sync: {}\n")?;
    stored.sort();
    for (key, value) in &stored {
        writer.record(Record {
            key: key.as_bytes(),
            value,
            created: 1,
            modified: 9,
            version: 2,
            lease: 0,
        })?;
    }
    let contents = Contents {
        ended: began,
        by: By { who: "ada".into(), program: "v9s".into() },
        store: StoreFacts { kind: "deployed-etcd".into(), version: None, revision: 9 },
        kubernetes: None,
        coverage: Coverage {
            state: true,
            config: true,
            keys: false,
            volumes: Volumes { claims: 0, covered: 0 },
        },
    };
    Ok(writer.finish(contents)?.sink)
}
