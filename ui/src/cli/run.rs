//! `v9s list` and `v9s check` on live data.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use v9s::audit::AuditLog;
use v9s::fleet::Fleet;
use v9s::fleet::live::{FleetOptions, LiveFleet};

use super::{CheckArgs, Exit, ListArgs, check, list, print};
use crate::app::runner::{Clusters, source_at_hand};
use crate::filter::Selector;
use crate::settings::Settings;

/// How long the first whole picture may take beyond one answer of a server: lists have many pages.
const PATIENCE: Duration = Duration::from_secs(45);

/// Waits for the first whole picture and prints it.
pub fn list(settings: Settings, args: &ListArgs, selector: Option<&Selector>) -> anyhow::Result<Exit> {
    let fleet = gather(settings)?;
    tell(&list::answer(&fleet, args, selector, Utc::now())?)
}

/// Waits for the first whole picture and says what is wrong in it.
pub fn check(settings: Settings, args: &CheckArgs, selector: Option<&Selector>) -> anyhow::Result<Exit> {
    let fleet = gather(settings)?;
    tell(&check::answer(&fleet, args, selector, Utc::now())?)
}

fn tell(answer: &list::Answer) -> anyhow::Result<Exit> {
    for line in &answer.notes {
        note(line);
    }
    print(answer.rows.as_bytes())?;
    Ok(answer.exit)
}

/// The first whole picture, or as much of it as there is after a while.
fn gather(mut settings: Settings) -> anyhow::Result<Arc<Fleet>> {
    for problem in &settings.problems {
        note(&problem.to_string());
    }
    // Nothing is painted on the terminal: a credential plugin may ask its questions.
    settings.connect.interactive = true;
    let patience = settings.connect.request_timeout + PATIENCE;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let audit = AuditLog::at(settings.dirs.audit());
    let fleet = runtime.block_on(async {
        let clusters = Clusters::new(source_at_hand(settings.kubeconfig), settings.connect, audit);
        let targets = clusters.targets(&settings.session).await.map_err(anyhow::Error::msg)?;
        let options = FleetOptions {
            namespaces: settings.session.namespaces.clone(),
            fallback_namespaces: settings.config.fallback_namespaces(),
            thresholds: settings.config.thresholds.clone(),
        };
        anyhow::Ok(LiveFleet::start(targets, options).settled(patience).await)
    });
    runtime.shutdown_background();
    fleet
}

fn note(line: &str) {
    // Standard error may be closed; there is nobody to tell then.
    let _ = writeln!(std::io::stderr(), "{line}");
}
