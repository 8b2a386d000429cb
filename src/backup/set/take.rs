//! Takes a backup: reads the store page by page, and writes what was read at the same time.

use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::card::{Card, card_name};
use super::error::BackupError;
use super::look::{Gathered, look};
use super::plan::Protection;
use super::stream::{Sent, Stream};
use crate::backup::archive::{Identities, Limits, Tenant, hex, read};
use crate::backup::destination::{Destination, reader};
use crate::cluster::Cluster;
use crate::operation::{Operation, Progress};
use crate::store::{self, Store};
use crate::target::Target;

/// What it takes, in order.
pub const STEPS: [&str; 4] = [
    "look at the host",
    "write the state as it is at one revision",
    "read it back",
    "put the card beside it",
];

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where it goes.
    pub to: Destination,
    /// How it is kept from others.
    pub protection: Protection,
    /// Whether etcd's own snapshot is in it besides the keys, where there is one.
    pub native: bool,
    /// Who takes it.
    pub who: SmolStr,
}

/// What was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Where it is.
    pub at: SmolStr,
    /// Its card.
    pub card: Card,
    /// Kinds of the host that could not be looked at.
    pub unseen: Vec<SmolStr>,
}

/// Starts it as an operation.
pub fn start(cluster: Cluster, target: Target, request: Request) -> Operation<Taken, BackupError> {
    Operation::start(format_smolstr!("back up {target}"), STEPS, move |progress| async move {
        carry_out(&cluster, &target, &request, &progress).await
    })
}

/// Takes it, and leaves a record.
///
/// # Errors
/// Why it was not taken; nothing is left at the destination then.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    request: &Request,
    progress: &Progress,
) -> Result<Taken, BackupError> {
    let done = taken(cluster, target, request, progress).await;
    target.record(cluster, ACTION, done.as_ref().map(drop).map_err(ToString::to_string)).await;
    done
}

/// Leaves a record that a backup was passed over, and why: nobody should believe that there is one.
pub async fn passed_over(cluster: &Cluster, target: &Target, why: &str) {
    target.record(cluster, ACTION, Err(format!("passed over: {why}"))).await;
}

/// The word for the record.
const ACTION: &str = "back-up";

async fn taken(
    cluster: &Cluster,
    target: &Target,
    request: &Request,
    progress: &Progress,
) -> Result<Taken, BackupError> {
    let source = progress
        .step(0, async {
            let gathered = look(cluster, target, request.protection.is_sealed()).await?;
            let store = store::open(cluster, target).await?;
            progress.note(told(&gathered));
            let tenant = Tenant {
                host: cluster.server.clone(),
                namespace: target.namespace.clone(),
                name: target.name.clone(),
            };
            Ok::<_, BackupError>(Source { tenant, gathered, store })
        })
        .await?;
    from(&source, request, progress).await
}

/// What a backup is taken of: what the host has, and a store that answers.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose it is.
    pub tenant: Tenant,
    /// What was found on the host.
    pub gathered: Gathered,
    /// The store.
    pub store: Store,
}

/// Takes it of what was found already: all of [`STEPS`] but the first.
///
/// # Errors
/// As [`carry_out`].
pub async fn from(source: &Source, request: &Request, progress: &Progress) -> Result<Taken, BackupError> {
    let stream = Stream { source, request };
    let (name, sent) = progress
        .step(1, async {
            let (name, sent) = stream.whole(progress).await?;
            let store = &sent.manifest.contents.store;
            progress.note(format!(
                "{} keys at revision {}, {} bytes",
                sent.manifest.keys, store.revision, sent.length
            ));
            Ok::<_, BackupError>((name, sent))
        })
        .await?;
    let at = request.to.place().of(&name);
    let back = progress
        .step(2, async {
            let read = read_back(&request.to, &name, &sent, request.protection.is_sealed()).await;
            read.map_err(|why| BackupError::NotBack { at: at.clone(), why })
        })
        .await;
    if let Err(error) = back {
        discard(&request.to, &name).await;
        return Err(error);
    }
    let card =
        Card::new(name.clone(), sent.length, sent.sha256, request.protection.recipients(), sent.manifest);
    let put = progress
        .step(3, async {
            let bytes =
                serde_json::to_vec_pretty(&card).map_err(|why| BackupError::Broken(why.to_smolstr()))?;
            request.to.put(&card_name(&name), bytes.into()).await?;
            Ok::<_, BackupError>(())
        })
        .await;
    if let Err(error) = put {
        discard(&request.to, &name).await;
        return Err(error);
    }
    Ok(Taken { at, card, unseen: source.gathered.unseen.clone() })
}

/// Takes away what is not good.
async fn discard(to: &Destination, name: &str) {
    if let Err(why) = to.remove(name).await {
        tracing::warn!(at = %to.place().of(name), %why, "an archive without a card stays");
    }
}

fn told(gathered: &Gathered) -> String {
    let mut text = format!(
        "{} objects of its own, {} mirrored, {} volumes",
        gathered.own.len(),
        gathered.mirrored.len(),
        gathered.volumes.len()
    );
    if !gathered.unseen.is_empty() {
        text.push_str(&format!("; not seen: {}", gathered.unseen.join(", ")));
    }
    text
}

/// Reads what was written from where it lies now. What is not encrypted is verified whole; of the rest it is known that every byte is
/// the one that was sent.
async fn read_back(to: &Destination, name: &str, sent: &Sent, sealed: bool) -> Result<(), SmolStr> {
    let stream = to.read(name).await.map_err(|why| why.to_smolstr())?;
    let (mut length, mut sum) = (0, Sha256::new());
    let mut stream = stream.inspect(|piece| {
        if let Ok(bytes) = piece {
            length += bytes.len() as u64;
            sum.update(bytes);
        }
    });
    if sealed {
        while let Some(piece) = stream.next().await {
            piece.map_err(|why| why.to_smolstr())?;
        }
    } else {
        let (from, fill) = reader(&mut stream);
        let verify = tokio::task::spawn_blocking(move || {
            read(from, &Identities::default(), &Limits::default(), None, &mut ()).map(drop)
        });
        let ((), verified) = tokio::join!(fill, verify);
        verified.map_err(|broken| broken.to_smolstr())?.map_err(|why| why.to_smolstr())?;
    }
    drop(stream);
    let found = hex(&sum.finalize());
    if (length, &found) != (sent.length, &sent.sha256) {
        return Err(format_smolstr!(
            "{} bytes were written and {length} are there, or other ones",
            sent.length
        ));
    }
    Ok(())
}
