//! Writing and verifying an archive, beside a plain copy of the same bytes on the same disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use chrono::Utc;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use v9s::backup::archive::{
    ArchiveWriter, By, Contents, Coverage, Header, Identities, Recipients, Record, StoreFacts, Tenant,
    Volumes,
};
use v9s::backup::destination::{Destination, Environment, Place, writer};
use v9s::backup::set::verify;

use crate::process::memory;
use crate::report::{Figure, Section};

/// Bytes of the store: keys and values.
const STORE: usize = 1_000_000_000;
/// Bytes of a value, about those of a pod.
const VALUE: usize = 6_500;
/// Share of the copy's throughput that writing and verifying must reach.
const SHARE: f64 = 0.6;
/// Peak of the resident memory, in MB.
const MEMORY: f64 = 64.0;

/// Measures both, in the clear and encrypted.
pub async fn measure() -> Result<Section> {
    let folder = tempfile::tempdir()?;
    let values = values();
    let plain = tokio::task::block_in_place(|| copy(folder.path(), &values))?;
    let mut figures = Vec::new();
    let identity = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    let key = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    for (names, recipients) in [
        (["write", "verify"], Recipients::NONE),
        (["write, encrypted", "verify, encrypted"], Recipients::parse([key])?),
    ] {
        let at = Destination::open(Place::Folder(folder.path().join("backups")), &Environment::default())?;
        let name = if recipients.seal() { "sealed.tar.zst.age" } else { "open.tar.zst" };
        let begun = Instant::now();
        write(&at, name, &recipients, &values).await?;
        figures.push(figure(names[0], begun.elapsed(), plain));
        let begun = Instant::now();
        verify(&at, name, &Identities::parse(identity)?, None).await?;
        figures.push(figure(names[1], begun.elapsed(), plain));
    }
    let (_, peak) = memory(std::process::id())?;
    figures.push(Figure {
        name: "memory, peak",
        bar: format!("{MEMORY:.0} MB"),
        measured: format!("{peak:.1} MB"),
        baseline: None,
        met: Some(peak <= MEMORY),
    });
    Ok(Section {
        host: "a folder".into(),
        held: format!(
            "A store of {} MB in {} keys. Beside each figure stands a copy of the same bytes to the same disk, put on the disk at its end.",
            STORE / 1_000_000,
            STORE / VALUE
        ),
        figures,
        notes: Vec::new(),
    })
}

fn figure(name: &'static str, took: Duration, plain: Duration) -> Figure {
    let ratio = plain.as_secs_f64() / took.as_secs_f64();
    Figure {
        name,
        bar: format!("{:.0} % of a copy", SHARE * 100.0),
        measured: format!(
            "{:.2} s ({:.0} MB/s)",
            took.as_secs_f64(),
            STORE as f64 / 1e6 / took.as_secs_f64()
        ),
        baseline: Some((plain, ratio)),
        met: Some(ratio >= SHARE),
    }
}

/// A few hundred values that pack about as well as objects do: words, and identifiers that nobody can guess.
fn values() -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(5);
    let words: Vec<String> =
        (0..200).map(|at| format!("\"field{at}\":{{\"name\":\"container-{at}\"")).collect();
    let value = |_| {
        let mut text = String::with_capacity(VALUE + 100);
        while text.len() < VALUE {
            text.push_str(&words[random.random_range(0..words.len())]);
            text.push_str(&format!(",\"uid\":\"{:016x}\"}}", random.random::<u64>()));
        }
        text.truncate(VALUE);
        text.into_bytes()
    };
    (0..400).map(value).collect()
}

fn copy(folder: &Path, values: &[Vec<u8>]) -> Result<Duration> {
    let (from, to) = (folder.join("plain"), folder.join("copy"));
    let mut file = std::io::BufWriter::with_capacity(1 << 20, File::create(&from)?);
    for at in 0..STORE / VALUE {
        file.write_all(&values[at % values.len()])?;
    }
    file.into_inner().context("writing what is copied")?.sync_all()?;
    let begun = Instant::now();
    fs::copy(&from, &to)?;
    File::open(&to)?.sync_all()?;
    let took = begun.elapsed();
    fs::remove_file(from)?;
    fs::remove_file(to)?;
    Ok(took)
}

async fn write(at: &Destination, name: &str, recipients: &Recipients, values: &[Vec<u8>]) -> Result<()> {
    let mut upload = at.begin(name).await?;
    let (sink, mut packed) = writer();
    let (values, recipients) = (values.to_vec(), recipients.clone());
    let archive = tokio::task::spawn_blocking(move || {
        let tenant = Tenant { host: "bench".into(), namespace: "bench".into(), name: "bench".into() };
        let mut writer = ArchiveWriter::begin(sink, Header::new(tenant, Utc::now()), &recipients)?;
        for at in 0..STORE / VALUE {
            let key = format!("/registry/pods/team/p{at:09}");
            let value = &values[at % values.len()];
            let record = Record { key: key.as_bytes(), value, created: 1, modified: 2, version: 1, lease: 0 };
            writer.record(record)?;
        }
        writer.finish(contents())?.sink.flush()?;
        anyhow::Ok(())
    });
    while let Some(bytes) = packed.recv().await {
        let bytes: Bytes = bytes;
        upload.write(bytes).await?;
    }
    archive.await??;
    Ok(upload.commit().await?)
}

fn contents() -> Contents {
    Contents {
        ended: Utc::now(),
        by: By { who: "bench".into(), program: "v9s-bench".into() },
        store: StoreFacts { kind: "embedded-database".into(), version: None, revision: 2 },
        kubernetes: None,
        coverage: Coverage { state: true, config: false, keys: false, volumes: Volumes::default() },
    }
}
