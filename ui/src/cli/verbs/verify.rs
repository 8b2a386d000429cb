//! `v9s verify`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use smol_str::SmolStr;
use v9s::backup::archive::{ArchiveError, Found, Manifest, Official, Tenant};
use v9s::backup::destination::{Destination, Environment, Place};
use v9s::backup::set::{Beside, Verified, VerifyError, verify};

use super::ResultFormat;
use super::backup::identities;
use super::host::{block_on, namespace};
use super::rehearse::{self, RehearseArgs};
use crate::cli::{Exit, print};
use crate::settings::Settings;
use crate::text;

/// Flags of `v9s verify`; documented in docs/backup.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct VerifyArgs {
    /// The archive: a file, or s3://BUCKET/PREFIX/NAME; of v9s, or of the official program
    #[arg(value_name = "URL", value_parser = crate::cli::args::non_empty)]
    pub url: SmolStr,
    /// File with the identity that opens it (AGE-SECRET-KEY-1…); may be repeated
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
    /// Whose it must be; its namespace is --namespace
    #[arg(long, value_name = "NAME", requires = "namespace", value_parser = crate::cli::args::non_empty)]
    pub of: Option<SmolStr>,
    /// Whether it is restored, too.
    #[command(flatten)]
    pub rehearse: RehearseArgs,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

/// One document; documented in docs/backup.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    at: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    proof: Option<Proof<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_test: Option<rehearse::Told>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof<'a> {
    length: u64,
    sha256: &'a str,
    card: bool,
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<&'a Manifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    official: Option<&'a Official>,
}

/// Reads a backup to its end, and restores it for a test where that is wished. [`Exit::Error`] when it is not whole or not restorable, [`Exit::Partial`] when that could not be found out.
pub fn run(settings: &Settings, args: &VerifyArgs) -> anyhow::Result<Exit> {
    let (place, name) = Place::parse_file(&args.url)?;
    let at = Destination::open(place, &Environment::of_process())?;
    let identities = identities(&args.identity)?;
    let expected = match (&args.of, namespace(settings)?) {
        (Some(name), Some(namespace)) => {
            Some(Tenant { host: SmolStr::default(), namespace, name: name.clone() })
        }
        _ => None,
    };
    let shown = at.place().of(&name);
    let (done, tried) = block_on(async {
        let done = verify(&at, &name, &identities, expected.as_ref()).await;
        if done.is_err() || !args.rehearse.restore_test {
            return Ok((done, None));
        }
        let ascii = (args.output == ResultFormat::Text).then_some(settings.config.ascii);
        let backup = rehearse::Backup { at, name, identities, expected };
        let tried = rehearse::run(settings, &args.rehearse, backup, ascii).await?;
        Ok((done, Some(tried)))
    })?;
    let (exit, outcome) = match &done {
        Ok(_) => (Exit::Ok, "whole"),
        Err(VerifyError::Archive(
            ArchiveError::Source(_) | ArchiveError::Sealed | ArchiveError::WrongKey,
        ))
        | Err(VerifyError::Destination(_) | VerifyError::Broken(_)) => (Exit::Partial, "unknown"),
        Err(_) => (Exit::Error, "not whole"),
    };
    let exit = tried.as_ref().map_or(exit, rehearse::Told::exit);
    let told = match args.output {
        ResultFormat::Json => {
            let why = done.as_ref().err().map(ToString::to_string);
            let proof = done.as_ref().ok().map(proof);
            serde_json::to_string_pretty(&Told { at: &shown, outcome, why, proof, restore_test: tried })?
                + "\n"
        }
        ResultFormat::Text => match &done {
            Ok(verified) => {
                let tried = tried.as_ref().map(rehearse::Told::lines).unwrap_or_default();
                lines(&shown, verified, settings.config.ascii) + &tried
            }
            Err(error) => format!("{shown}: {outcome}: {}\n", text::clean(&error.to_string())),
        },
    };
    print(told.as_bytes())?;
    Ok(exit)
}

fn proof(verified: &Verified) -> Proof<'_> {
    let (manifest, official, encrypted) = match &verified.found {
        Found::Backup { manifest, sealed } => (Some(manifest.as_ref()), None, *sealed),
        Found::Official(official) => (None, Some(official), false),
    };
    let (length, sha256) = (verified.length, verified.sha256.as_str());
    Proof { length, sha256, card: verified.card == Beside::Fits, encrypted, manifest, official }
}

fn lines(at: &str, verified: &Verified, ascii: bool) -> String {
    let mut said = format!("{at}: whole\n");
    // Writing to a string does not fail.
    match &verified.found {
        Found::Backup { manifest, sealed } => {
            let (header, contents) = (&manifest.header, &manifest.contents);
            let seal = if *sealed { "encrypted" } else { "not encrypted" };
            let _ =
                writeln!(said, "of {}, taken {} by {}, {seal}", header.tenant, header.began, contents.by.who);
            let _ = writeln!(said, "{}", contents.coverage.sentence(ascii));
            let (store, keys) = (&contents.store, manifest.keys);
            let _ = writeln!(said, "{}: {keys} keys at revision {}", store.kind, store.revision);
        }
        Found::Official(official) => {
            let whose = verified.found.tenant().map(|tenant| tenant.to_string());
            let whose = whose.unwrap_or_else(|| "nobody that it names".to_owned());
            let _ = writeln!(
                said,
                "a snapshot of the official program, of {whose}; it carries no sums of its own"
            );
            let _ = match official.database {
                Some(bytes) => writeln!(said, "etcd's own snapshot, {bytes} bytes, with a sum that fits"),
                None => writeln!(said, "{} keys", official.keys),
            };
        }
    }
    let counts = match &verified.found {
        Found::Backup { manifest, .. } => &manifest.counts,
        Found::Official(official) => &official.counts,
    };
    for (kind, count) in counts {
        let _ = writeln!(said, "  {count} {kind}");
    }
    if verified.card == Beside::Missing {
        let _ = writeln!(said, "no card lies beside it, which says nothing about the archive");
    }
    text::clean_lines(&said).map(|line| line.into_owned() + "\n").collect()
}
