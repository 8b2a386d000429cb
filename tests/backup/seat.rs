//! What every test of this suite needs: stores with keys in them, a storage, and requests for backups.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use smol_str::SmolStr;
use v9s::backup::archive::{Identities, Limits, Record, Tenant, Visitor, read};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, BackupError, Gathered, Protection, Request, STEPS, Source, Taken};
use v9s::operation::Operation;
use v9s::store::{Range, Store};
use v9s_testkit::real::storage::{ACCESS_KEY, SECRET_KEY, Storage};

/// Runs a body on a runtime of its own, and a second time when it fails.
pub fn run<F: Future<Output = Result<()>>>(body: impl Fn() -> F) -> Result<()> {
    v9s_testkit::attempts::twice(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(body())
    })
}

/// Tests with programs that must be there.
macro_rules! backups {
    ($(async fn $name:ident() -> Result<()> $body:block)*) => {
        $(v9s_testkit::real_test! {
            fn $name() -> Result<()> { crate::seat::run(|| async { $body }) }
        })*
    };
}
pub(crate) use backups;

/// Keys with their values, of a store as it is now.
pub async fn keys(store: &Store) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let page = store.range(&Range::all(0)).await?;
    Ok(page.keys.into_iter().map(|pair| (pair.key.to_vec(), pair.value.to_vec())).collect())
}

/// What is taken of a store, with a host that has a little.
pub fn source(store: Store) -> Source {
    let tenant = Tenant { host: "https://host:6443".into(), namespace: "team-a".into(), name: "shop".into() };
    let gathered = Gathered {
        config: "sync: {}\n".into(),
        config_whole: true,
        keys: vec![json!({"kind": "Secret", "metadata": {"name": "shop-certs"}})],
        own: vec![json!({"kind": "Service", "metadata": {"name": "shop"}})],
        ..Gathered::default()
    };
    Source { tenant, gathered, store }
}

/// A wish for a backup that everybody can read.
pub fn request(to: &Destination) -> Request {
    Request { to: to.clone(), protection: Protection::Open, native: true, who: "ada".into() }
}

/// Takes one to its end.
pub async fn take(source: &Source, request: &Request) -> Result<Taken, BackupError> {
    begin(source, request).result().await
}

/// Begins one.
pub fn begin(source: &Source, request: &Request) -> Operation<Taken, BackupError> {
    let (source, request) = (source.clone(), request.clone());
    Operation::start("back up team-a/shop", STEPS, move |progress| async move {
        set::from(&source, &request, &progress).await
    })
}

/// A folder.
pub fn folder(path: &Path) -> Result<Destination> {
    Ok(Destination::open(Place::Folder(path.to_owned()), &Environment::default())?)
}

/// A storage with a bucket.
pub async fn storage() -> Result<Storage> {
    tokio::task::spawn_blocking(|| Storage::start(&["fleet"])).await?
}

/// A place in a storage, as somebody who may do this there.
pub fn bucket(storage: &Storage, path: &str) -> Result<Destination> {
    let place = Place::parse(&format!("s3://{path}?url={}&region=us-east-1", storage.url()))?;
    Ok(Destination::open(place, &credentials(SECRET_KEY))?)
}

pub fn credentials(word: &str) -> Environment {
    let variables =
        [("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()), ("AWS_SECRET_ACCESS_KEY", word.to_owned())];
    Environment::of(variables, None)
}

/// All that an archive shows.
#[derive(Default)]
pub struct Shown {
    pub keys: BTreeMap<Vec<u8>, Vec<u8>>,
    pub snapshot: Vec<u8>,
}

impl Visitor for Shown {
    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        self.keys.insert(record.key.to_vec(), record.value.to_vec());
        Ok(())
    }

    fn snapshot(&mut self, bytes: &[u8]) -> Result<(), SmolStr> {
        self.snapshot.extend_from_slice(bytes);
        Ok(())
    }
}

/// What is in an archive that lies somewhere.
pub async fn shown(at: &Destination, taken: &Taken, identities: &Identities) -> Result<Shown> {
    let bytes = at.get(&taken.card.file, 1 << 30).await?;
    let mut shown = Shown::default();
    read(bytes.as_slice(), identities, &Limits::default(), None, &mut shown)?;
    Ok(shown)
}
