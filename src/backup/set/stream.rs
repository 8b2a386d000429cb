//! One stream from the store through the archive to the destination. Three parts run at the same time and wait for each other: pages of
//! keys are read, the archive is written on a thread, and what is packed is sent. None holds more than a few pieces.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr as _};
use tokio::sync::mpsc;

use super::card::archive_name;
use super::error::BackupError;
use super::look::Gathered;
use super::pages;
use super::take::{Request, Source};
use crate::backup::archive::{
    ArchiveWriter, By, Contents, Header, Manifest, Part, Record, StoreFacts, WriteError, Written, hex,
};
use crate::backup::destination::{PipeWriter, writer};
use crate::operation::Progress;
use crate::store::{self, Engine, KeyValue, Range, StoreError};

/// How often the whole is begun anew when the store forgets the revision meanwhile.
const TRIES: u32 = 3;

/// What goes from the store to the archive.
enum Piece {
    Keys(Vec<KeyValue>),
    Snapshot(Bytes),
    End(Box<Contents>),
}

/// An archive at its destination.
pub(super) struct Sent {
    pub(super) manifest: Manifest,
    pub(super) length: u64,
    pub(super) sha256: SmolStr,
}

/// All that one stream of an archive needs.
pub(super) struct Stream<'a> {
    pub(super) source: &'a Source,
    pub(super) request: &'a Request,
}

impl Stream<'_> {
    /// Writes the archive, again when the store forgets the revision.
    pub(super) async fn whole(&self, progress: &Progress) -> Result<(SmolStr, Sent), BackupError> {
        for _ in 0..TRIES {
            let began = Utc::now();
            let name = archive_name(&self.source.tenant, began, self.request.protection.is_sealed());
            match self.once(&name, began, progress).await {
                Err(BackupError::Store { error: StoreError::Compacted { .. } }) => {
                    progress
                        .waiting("the store compacted the revision that was being read; reading a newer one");
                    progress.pause(Duration::from_secs(1)).await?;
                }
                done => return done.map(|sent| (name, sent)),
            }
        }
        Err(BackupError::TooSlow { tries: TRIES })
    }

    async fn once(&self, name: &str, began: DateTime<Utc>, progress: &Progress) -> Result<Sent, BackupError> {
        let mut upload = self.request.to.begin(name).await?;
        let (sink, mut packed) = writer();
        // Two: one that is being written, and one that is being read meanwhile.
        let (pieces, waiting) = mpsc::channel(1);
        let header = Header::new(self.source.tenant.clone(), began);
        let (recipients, gathered) =
            (self.request.protection.recipients().clone(), self.source.gathered.clone());
        let archive = tokio::task::spawn_blocking(move || {
            let writer = ArchiveWriter::begin(sink, header, &recipients)?;
            write(writer, &gathered, recipients.seal(), waiting)
        });
        // Each of the three ends when one of the others does: the ends of the channels go with them.
        let send = async {
            let (mut length, mut sum) = (0, Sha256::new());
            let mut sent = Ok(());
            while let Some(bytes) = packed.recv().await {
                length += bytes.len() as u64;
                sum.update(&bytes);
                sent = upload.write(bytes).await;
                if sent.is_err() {
                    break;
                }
            }
            packed.close();
            sent.map(|()| (length, hex(&sum.finalize()))).map_err(BackupError::from)
        };
        let (sent, fed, written) = tokio::join!(send, self.feed(pieces, progress), archive);
        let written = written.map_err(|broken| BackupError::Broken(broken.to_smolstr()));
        // The first in this order is the cause of the others.
        let done = sent.and_then(|sent| fed.map(|()| sent)).and_then(|sent| Ok((sent, written??)));
        match done {
            Ok(((length, sha256), manifest)) => {
                upload.commit().await?;
                Ok(Sent { manifest, length, sha256 })
            }
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// One page, of fewer keys than were asked for where so many do not fit: values may be tiny for long and then huge.
    async fn page(&self, range: &mut Range) -> Result<store::Page, StoreError> {
        loop {
            range.room = pages::room(range.limit);
            match self.source.store.range(range).await {
                Err(error @ StoreError::TooLong { .. }) => match pages::fewer(range.limit) {
                    Some(fewer) => range.limit = fewer,
                    None => return Err(error),
                },
                done => return done,
            }
        }
    }

    /// Reads the store from its first key to its last.
    async fn feed(&self, pieces: mpsc::Sender<Piece>, progress: &Progress) -> Result<(), BackupError> {
        // Whoever takes the pieces is gone: why, it tells itself.
        const GONE: Result<(), BackupError> = Ok(());
        let mut range = Some(Range::all(pages::FIRST));
        let (mut revision, mut keys) = (0, 0);
        while let Some(mut now) = range.take() {
            progress.check()?;
            if revision > 0 {
                now = now.at(revision);
            }
            let page = self.page(&mut now).await?;
            revision = page.revision;
            keys += page.keys.len();
            progress.waiting(format!("{keys} keys at revision {revision}"));
            let bytes = page.keys.iter().map(|pair| pair.key.len() + pair.value.len()).sum();
            range = following(&now, &page, bytes);
            if pieces.send(Piece::Keys(page.keys)).await.is_err() {
                return GONE;
            }
        }
        let mut version = None;
        if self.request.native && self.source.store.engine() == Engine::Etcd {
            let mut snapshot = self.source.store.snapshot().await?;
            version = Some(snapshot.version().clone()).filter(|version| !version.is_empty());
            while let Some(bytes) = snapshot.next().await? {
                progress.check()?;
                if pieces.send(Piece::Snapshot(bytes)).await.is_err() {
                    return GONE;
                }
            }
        }
        let contents = Contents {
            ended: Utc::now(),
            by: By {
                who: self.request.who.clone(),
                program: concat!("v9s ", env!("CARGO_PKG_VERSION")).into(),
            },
            store: StoreFacts { kind: kind_word(self.source.store.kind()).into(), version, revision },
            kubernetes: self.source.gathered.kubernetes.clone(),
            coverage: self.source.gathered.coverage(keys > 0),
        };
        // As above.
        let _ = pieces.send(Piece::End(Box::new(contents))).await;
        Ok(())
    }
}

/// What comes after a page, as much as should fit.
fn following(now: &Range, page: &store::Page, bytes: usize) -> Option<Range> {
    let next = now.after(page)?;
    Some(Range { limit: pages::next_limit(page.keys.len(), bytes), ..next })
}

/// Writes the archive on a thread that may wait. Without its last piece it is left unfinished, and nobody sees it.
fn write(
    mut writer: ArchiveWriter<PipeWriter>,
    gathered: &Gathered,
    sealed: bool,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<Manifest, BackupError> {
    use std::io::Write as _;
    writer.document(Part::Config, gathered.config.as_bytes())?;
    let json = |why: serde_json::Error| BackupError::Broken(why.to_smolstr());
    if sealed && !gathered.keys.is_empty() {
        writer.document(Part::Keys, &serde_json::to_vec(&gathered.keys).map_err(json)?)?;
    }
    for object in &gathered.own {
        writer.line(Part::HostObjects, &object.to_string())?;
    }
    for object in &gathered.mirrored {
        writer.line(Part::Synced, &serde_json::to_string(object).map_err(json)?)?;
    }
    for volume in &gathered.volumes {
        writer.line(Part::Volumes, &serde_json::to_string(volume).map_err(json)?)?;
    }
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Keys(keys) => {
                for pair in &keys {
                    writer.record(Record {
                        key: &pair.key,
                        value: &pair.value,
                        created: pair.create_revision,
                        modified: pair.mod_revision,
                        version: pair.version,
                        lease: pair.lease,
                    })?;
                }
            }
            Piece::Snapshot(bytes) => writer.snapshot(&bytes)?,
            Piece::End(contents) => {
                let Written { mut sink, manifest } = writer.finish(*contents)?;
                sink.flush().map_err(WriteError::Sink)?;
                return Ok(manifest);
            }
        }
    }
    Err(BackupError::Broken("the store ended before its end".into()))
}

/// The store as the official program names it.
fn kind_word(kind: store::Kind) -> &'static str {
    match kind {
        store::Kind::EmbeddedEtcd => "embedded-etcd",
        store::Kind::ExternalEtcd => "external-etcd",
        store::Kind::DeployedEtcd => "deployed-etcd",
        store::Kind::ExternalDatabase => "external-database",
        store::Kind::EmbeddedDatabase => "embedded-database",
    }
}
