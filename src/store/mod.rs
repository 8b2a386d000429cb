//! The store of a virtual cluster, reached from its host: which one it has, who keeps it, and what is in it.
//!
//! etcd is asked by its own gRPC API through a port-forward to the pod of each member, with a client certificate from the Secret
//! with the keys. kine speaks the same language on the loopback interface of the control plane's pod, which a port-forward
//! reaches as well; of what lies behind it only keys and a size can be learnt.

mod client;
mod dial;
mod error;
pub mod keeper;
mod keys;
mod look;
mod open;
mod protocol;
mod read;
mod snapshot;
mod volumes;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use smol_str::SmolStr;

pub use crate::fleet::model::Store as Kind;
pub use error::StoreError;
pub use look::{Alarm, AlarmKind, Member, MemberStatus, Seen};
pub use open::{of_addresses, open};
pub use protocol::KeyValue;
pub use read::read;
pub use snapshot::Snapshot;

use crate::cluster::{Cluster, ObjectRef, Resource};
use client::Door;
use open::PodPlace;
use protocol::{CompactionRequest, Nothing, RangeRequest, RangeResponse, SnapshotResponse, call};

/// How long a member may be busy with rewriting its file.
const REWRITE: Duration = Duration::from_secs(600);
/// How long old revisions may take to go from the disk.
const COMPACT: Duration = Duration::from_secs(300);

/// What speaks to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// etcd itself.
    Etcd,
    /// kine, in front of SQLite or a database of somebody else's.
    Kine,
}

/// The store of a virtual cluster. Cheap to clone; nothing is opened before it is asked something.
#[derive(Debug, Clone)]
pub struct Store {
    vcluster: SmolStr,
    kind: Kind,
    engine: Engine,
    doors: Vec<Door>,
    /// Members that should be there and have no pod, by the name that it would have.
    absent: Vec<SmolStr>,
    /// Plain HTTP port with `/metrics`, where there is one.
    metrics: Option<u16>,
    /// Its host, where it is reached by it.
    cluster: Option<Cluster>,
    /// Host namespace of its pods.
    namespace: SmolStr,
    /// Its pods.
    pods: Vec<PodPlace>,
}

/// Which keys are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first of them.
    pub from: Bytes,
    /// The one after the last.
    pub to: Bytes,
    /// The revision at which they are wanted; 0 for that of now.
    pub revision: i64,
    /// The most that one page may hold; 0 for all at once.
    pub limit: i64,
    /// Whether values stay away.
    pub keys_only: bool,
    /// Bytes that one page may have; one that has more is not taken at all.
    pub room: usize,
}

impl Range {
    /// The most bytes that a page can have.
    pub const MOST: usize = client::LONGEST;

    /// All keys of a virtual cluster (they begin with `/`), in pages of as many.
    pub fn all(limit: i64) -> Range {
        Range {
            from: Bytes::from_static(b"/"),
            to: Bytes::from_static(b"0"),
            revision: 0,
            limit,
            keys_only: false,
            room: Range::MOST,
        }
    }

    /// The same at this revision.
    pub fn at(self, revision: i64) -> Range {
        Range { revision, ..self }
    }

    /// What comes after a page, at the page's revision. None after the last page.
    pub fn after(&self, page: &Page) -> Option<Range> {
        let last = page.keys.last().filter(|_| page.more)?;
        // The next key there can be.
        let from = [last.key.as_ref(), &[0]].concat().into();
        Some(Range { from, revision: page.revision, ..self.clone() })
    }
}

/// Keys, and the revision at which they were so.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The revision: the one that was asked for, else the store's of that moment.
    pub revision: i64,
    /// The keys in order, with their values unless those were not wanted.
    pub keys: Vec<KeyValue>,
    /// Whether there are more of the range.
    pub more: bool,
}

impl Store {
    /// The virtual cluster, `NAMESPACE/NAME`.
    pub fn vcluster(&self) -> &SmolStr {
        &self.vcluster
    }

    /// Which store its configuration says.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What speaks to us.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Pods or addresses of the processes that can be asked, in order.
    pub fn processes(&self) -> impl Iterator<Item = &SmolStr> {
        self.doors.iter().map(|door| &door.name)
    }

    /// Members that should be there and have no pod.
    pub fn absent(&self) -> &[SmolStr] {
        &self.absent
    }

    /// The object on the host that a process is, with its UID; a process that is only an address is a Pod of that name.
    pub fn object(&self, process: &str) -> (ObjectRef, SmolStr) {
        let uid = self.pods.iter().find(|pod| pod.name == process).map(|pod| pod.uid.clone());
        (ObjectRef::namespaced(Resource::PODS, self.namespace.clone(), process), uid.unwrap_or_default())
    }

    /// One page of keys, from the first process that answers.
    ///
    /// # Errors
    /// When none answers, or the page has more bytes than it may: ask for fewer keys then. When the revision is compacted by now: begin
    /// again then.
    pub async fn range(&self, range: &Range) -> Result<Page, StoreError> {
        const WHAT: &str = "read keys";
        self.first(|door| async move {
            let door = door.within(range.room);
            let question = RangeRequest {
                key: range.from.clone(),
                range_end: range.to.clone(),
                limit: range.limit,
                revision: range.revision,
                keys_only: range.keys_only,
                count_only: false,
            };
            let answer = door.ask(WHAT, call::RANGE, question, door.patience()).await;
            let answer: RangeResponse = match answer {
                // etcd and kine say it in the same words.
                Err(StoreError::Refused { said, .. }) if said.contains("has been compacted") => {
                    return Err(door.compacted(range.revision));
                }
                answer => answer?,
            };
            let now = answer.header.map(|header| header.revision).unwrap_or_default();
            let revision = if range.revision > 0 { range.revision } else { now };
            Ok(Page { revision, keys: answer.kvs, more: answer.more })
        })
        .await
    }

    /// The revision of now.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn revision(&self) -> Result<i64, StoreError> {
        let one = Range { keys_only: true, ..Range::all(1) };
        Ok(self.range(&one).await?.revision)
    }

    /// etcd's own snapshot, from the first member that sends one.
    ///
    /// # Errors
    /// When it is kine, which has none, or no member answers.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        const WHAT: &str = "stream a snapshot";
        self.only_etcd(WHAT)?;
        self.first(|door| async move {
            let stream = door.stream::<_, SnapshotResponse>(WHAT, call::SNAPSHOT, Nothing {}).await?;
            Snapshot::begin(door.clone(), stream).await
        })
        .await
    }

    /// Forgets what was before a revision, and waits until it is gone from the disk. The process that was asked.
    ///
    /// # Errors
    /// When nobody answers, or the revision is compacted already or not there yet.
    pub async fn compact(&self, revision: i64) -> Result<SmolStr, StoreError> {
        const WHAT: &str = "compact";
        self.first(|door| async move {
            let question = CompactionRequest { revision, physical: true };
            match door.ask::<_, Nothing>(WHAT, call::COMPACT, question, COMPACT).await {
                Err(StoreError::Refused { said, .. }) if said.contains("has been compacted") => {
                    Err(door.compacted(revision))
                }
                done => done.map(|Nothing {}| door.name),
            }
        })
        .await
    }

    /// Has a member rewrite its file without the room that is free in it. It answers nothing else meanwhile.
    ///
    /// # Errors
    /// When there is no such process, it is kine, or it does not do it.
    pub async fn defragment(&self, process: &str) -> Result<(), StoreError> {
        const WHAT: &str = "defragment";
        self.only_etcd(WHAT)?;
        let door = self.door(process)?;
        door.ask::<_, Nothing>(WHAT, call::DEFRAGMENT, Nothing {}, REWRITE).await.map(drop)
    }

    fn door(&self, process: &str) -> Result<&Door, StoreError> {
        let found = self.doors.iter().find(|door| door.name == process);
        found.ok_or_else(|| StoreError::NoPods {
            vcluster: self.vcluster.clone(),
            why: smol_str::format_smolstr!("there is no {process}"),
        })
    }

    fn only_etcd(&self, what: &'static str) -> Result<(), StoreError> {
        match self.engine {
            Engine::Etcd => Ok(()),
            Engine::Kine => Err(StoreError::Unable { vcluster: self.vcluster.clone(), what }),
        }
    }

    /// What the first process answers that can be reached.
    async fn first<T, F>(&self, ask: impl Fn(Door) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut last = None;
        for door in &self.doors {
            match ask(door.clone()).await {
                Err(error) if error.is_of_one_member() => last = Some(error),
                done => return done,
            }
        }
        Err(last.unwrap_or_else(|| StoreError::NoPods {
            vcluster: self.vcluster.clone(),
            why: "there are none".into(),
        }))
    }
}
