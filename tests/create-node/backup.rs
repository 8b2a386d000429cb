//! A backup of a virtual cluster that really runs: through the host, whatever its store is.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use smol_str::SmolStr;
use v9s::backup::archive::{Found, Identities, Limits, Part, Recipients, Record, Visitor, read};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{self, Beside, Protection, Request, verify};
use v9s::store::{Range, open};
use v9s::target::find;

use crate::made::Made;

const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

#[derive(Default)]
struct Shown {
    keys: BTreeMap<Vec<u8>, Vec<u8>>,
    documents: BTreeMap<Part, String>,
    snapshot: usize,
}

impl Visitor for Shown {
    fn document(&mut self, part: Part, bytes: &[u8]) -> Result<(), SmolStr> {
        self.documents.insert(part, String::from_utf8_lossy(bytes).into_owned());
        Ok(())
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), SmolStr> {
        self.keys.insert(record.key.to_vec(), record.value.to_vec());
        Ok(())
    }

    fn snapshot(&mut self, bytes: &[u8]) -> Result<(), SmolStr> {
        self.snapshot += bytes.len();
        Ok(())
    }
}

/// Takes a backup, verifies it, and compares it with the store at the same revision. `native` is whether etcd's own snapshot must be in it.
pub async fn backed_up(made: &Made, native: bool) -> Result<()> {
    let (namespace, name) = (&made.request.namespace, &made.request.name);
    let target = find(&made.host, Some(namespace), name).await?;
    let folder = tempfile::tempdir()?;
    let to = Destination::open(Place::Folder(folder.path().to_owned()), &Environment::default())?;
    let protection = Protection::Sealed(Recipients::parse([RECIPIENT])?);
    let request = Request { to: to.clone(), protection, native: true, who: "ada".into() };
    let taken = set::start(made.host.clone(), target.clone(), request).result().await?;
    let identities = Identities::parse(IDENTITY)?;
    let verified = verify(&to, &taken.card.file, &identities, Some(&taken.card.header.tenant)).await?;
    let Found::Backup { manifest, sealed: true } = &verified.found else {
        bail!("{:?}", verified.found);
    };
    assert_eq!(verified.card, Beside::Fits);
    ensure!(manifest.contents.coverage.state && manifest.contents.coverage.keys, "{manifest:?}");
    ensure!(manifest.counts.get("pods").is_some_and(|pods| *pods > 0), "{:?}", manifest.counts);

    let mut shown = Shown::default();
    let bytes = to.get(&taken.card.file, 1 << 30).await?;
    read(bytes.as_slice(), &identities, &Limits::default(), None, &mut shown)?;
    let config = shown.documents.get(&Part::Config).context("no configuration")?;
    ensure!(config.contains("controlPlane"), "{config}");
    ensure!(
        shown.documents.get(&Part::Keys).is_some_and(|keys| keys.contains("ca.key")),
        "its keys are in it"
    );
    assert_eq!(shown.snapshot > 0, native);

    let store = open(&made.host, &target).await?;
    let mut range = Some(Range::all(50).at(manifest.contents.store.revision));
    let mut there = BTreeMap::new();
    while let Some(now) = range.take() {
        let page = store.range(&now).await?;
        range = now.after(&page);
        there.extend(page.keys.into_iter().map(|pair| (pair.key.to_vec(), pair.value.to_vec())));
    }
    ensure!(
        there.contains_key(b"/registry/namespaces/shop".as_slice()),
        "the tenant's namespace is in the store"
    );
    ensure!(there == shown.keys, "the archive has {} keys and the store {}", shown.keys.len(), there.len());
    Ok(())
}
