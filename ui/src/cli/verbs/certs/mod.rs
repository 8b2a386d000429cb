//! `v9s certs`.

mod rotate;

use std::fmt::Write as _;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use smol_str::SmolStr;
use v9s::lifecycle::certs::{CertificateInfo, check};

use super::ResultFormat;
use super::host::{block_on, the_one};
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// Flags of `v9s certs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, flatten_help = true)]
pub struct CertsArgs {
    /// Listing is what is done without one.
    #[command(subcommand)]
    pub command: Option<CertsCommand>,
    /// Flags of listing.
    #[command(flatten)]
    pub list: Option<ListArgs>,
}

/// What can be done with certificates besides listing them.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum CertsCommand {
    /// Make the certificates of a virtual cluster anew, by the same authorities, and restart what uses them
    Rotate(rotate::RotateArgs),
}

/// Flags of listing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[group(id = "certificates")]
pub struct ListArgs {
    /// Name of the virtual cluster
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: SmolStr,
    /// How many days before its end a certificate counts as ending
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub days: u32,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(flatten)]
    certificate: &'a CertificateInfo,
    days_left: Option<i64>,
    status: &'static str,
}

/// Lists when the certificates of a virtual cluster end, or makes new ones.
pub fn run(settings: &Settings, args: &CertsArgs) -> anyhow::Result<Exit> {
    match args {
        CertsArgs { command: Some(CertsCommand::Rotate(args)), .. } => rotate::run(settings, args),
        CertsArgs { command: None, list: Some(args) } => list(settings, args),
        CertsArgs { command: None, list: None } => bail!("say of which virtual cluster"),
    }
}

fn list(settings: &Settings, args: &ListArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let (cluster, target) = the_one(settings, &args.name).await?;
        let infos = check(&cluster, &target.namespace, &target.name).await;
        let infos = infos.map_err(|error| anyhow::anyhow!("{error}; {}", error.remedy()))?;
        let (text, exit) = answer(&infos, args, Utc::now())?;
        print(text.as_bytes())?;
        Ok(exit)
    })
}

fn answer(infos: &[CertificateInfo], args: &ListArgs, now: DateTime<Utc>) -> anyhow::Result<(String, Exit)> {
    let rows: Vec<Row<'_>> = infos
        .iter()
        .map(|certificate| {
            let days_left = certificate.days_left(now);
            let status = match days_left {
                None => "unreadable",
                Some(days) if days < 0 => "expired",
                Some(days) if days < i64::from(args.days) => "ending",
                Some(_) => "ok",
            };
            Row { certificate, days_left, status }
        })
        .collect();
    let exit = if rows.iter().all(|row| row.status == "ok") { Exit::Ok } else { Exit::Partial };
    if args.output == ResultFormat::Json {
        return Ok((serde_json::to_string_pretty(&rows)? + "\n", exit));
    }
    let mut text = format!("{:<30} {:<40} {:>9}  {:<10} STATUS\n", "FILE", "SUBJECT", "DAYS LEFT", "ENDS");
    for row in &rows {
        let CertificateInfo { file, subject, ends, .. } = row.certificate;
        let days = row.days_left.map_or("?".to_owned(), |days| days.to_string());
        let ends = ends.map_or("?".to_owned(), |ends| ends.format("%Y-%m-%d").to_string());
        // Whoever writes the Secret chooses these: nothing of it may steer the terminal.
        let (file, subject) = (crate::text::clean(file), crate::text::clean(subject));
        let subject = if subject.is_empty() { "-".into() } else { subject };
        let _ = writeln!(text, "{file:<30} {subject:<40} {days:>9}  {ends:<10} {}", row.status);
    }
    Ok((text, exit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(file: &str, ends: Option<i64>, now: DateTime<Utc>) -> CertificateInfo {
        let ends = ends.map(|days| now + chrono::TimeDelta::days(days) + chrono::TimeDelta::hours(1));
        CertificateInfo { file: file.into(), subject: "it\u{1b}[2J".into(), authority: false, ends }
    }

    #[test]
    fn what_ends_soon_has_a_word_and_an_exit_code() {
        let now = Utc::now();
        let args = ListArgs { days: 30, ..ListArgs::default() };
        for (ends, status, exit) in [
            (Some(200), "ok", Exit::Ok),
            (Some(30), "ok", Exit::Ok),
            (Some(29), "ending", Exit::Partial),
            (Some(-2), "expired", Exit::Partial),
            (None, "unreadable", Exit::Partial),
        ] {
            let (text, code) = answer(&[certificate("a.crt", ends, now)], &args, now).unwrap();
            assert!(text.lines().nth(1).unwrap().ends_with(status), "{text}");
            assert_eq!(code, exit, "{status}");
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
    }
}
