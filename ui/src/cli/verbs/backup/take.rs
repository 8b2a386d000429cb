//! Takes one backup.

use std::sync::Arc;

use chrono::Utc;
use rand::RngExt as _;
use smol_str::SmolStr;
use v9s::backup::archive::Tenant;
use v9s::backup::destination::DestinationError;
use v9s::backup::schedule;
use v9s::backup::set::{self, Aim, BackupError, Card, Keep, NotedBackup, Request, Taken, plan};
use v9s::cluster::Cluster;
use v9s::lifecycle::{Decision, Refusal};
use v9s::operation::OperationState;
use v9s::target::{Missed, Target};

use super::super::ask::note;
use super::super::host::{block_on, may_change, the_one};
use super::super::{Outcome, Report, ResultFormat};
use super::TakeArgs;
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;
use crate::text;

/// What is wanted of each virtual cluster.
#[derive(Clone)]
pub(super) struct Wish {
    request: Request,
    /// What is said of how old its last good backup may become.
    aim: Aim,
    /// Whether it is noted on its control plane, which is a change.
    notes: bool,
    pub(super) keep: Keep,
    dry_run: bool,
}

impl Wish {
    /// What the command line says.
    pub(super) fn new(settings: &Settings, args: &TakeArgs) -> anyhow::Result<Self> {
        let keep = super::keep(args);
        if (args.rpo.is_some() || keep.says_something()) && !args.dry_run {
            may_change(settings)?;
        }
        let request = Request {
            protection: super::protection(args)?,
            to: super::destination(settings, args.to.as_deref())?,
            native: !args.no_native,
            who: super::who(),
        };
        let aim = args.rpo.unwrap_or_default();
        Ok(Wish { request, aim, notes: !settings.config.read_only, keep, dry_run: args.dry_run })
    }
}

/// Takes a backup of one virtual cluster.
pub(super) fn run(settings: &Settings, args: &TakeArgs, name: &SmolStr) -> anyhow::Result<Exit> {
    let wish = Wish::new(settings, args)?;
    block_on(async {
        wait(args).await;
        let (cluster, target) = the_one(settings, name).await?;
        let Done { report, tenant } = one(cluster, target, wish.clone(), args.output.shown(settings)).await;
        let Some(tenant) = tenant else { return report.print(args.output) };
        match wish.retain(&[tenant]).await {
            Ok(gone) if gone.is_empty() => report,
            Ok(gone) => {
                let files: Vec<&str> = gone.iter().map(|card| card.file.as_str()).collect();
                if args.output == ResultFormat::Text {
                    files.iter().for_each(|file| note(&format!("{} is gone", text::clean(file))));
                }
                report.with_more_result("gone", serde_json::json!(files))
            }
            Err(why) => report.with_more_left("what no rule keeps", &why.to_string()),
        }
        .print(args.output)
    })
}

/// Waits for a part of the time that a run may wait.
pub(super) async fn wait(args: &TakeArgs) {
    let Some(jitter) = args.jitter.filter(|_| !args.dry_run) else { return };
    let wait = schedule::wait(jitter, rand::rng().random());
    note(&format!("waits {} s, of {} s at most", wait.as_secs(), jitter.as_secs()));
    tokio::time::sleep(wait).await;
}

/// What came of one.
pub(super) struct Done {
    pub(super) report: Report,
    /// Whose backup was taken, if one was.
    pub(super) tenant: Option<Tenant>,
}

impl From<Report> for Done {
    fn from(report: Report) -> Self {
        Done { report, tenant: None }
    }
}

impl Wish {
    /// Takes away what no rule keeps of these virtual clusters; of others nothing.
    pub(super) async fn retain(&self, of: &[Tenant]) -> Result<Vec<Card>, DestinationError> {
        if of.is_empty() || !self.keep.says_something() {
            return Ok(Vec::new());
        }
        let taken = |tenant: &Tenant| of.contains(tenant);
        set::prune_of(&self.request.to, self.keep, Utc::now(), false, taken).await
    }
}

/// Takes one; its steps are shown as they are taken, or not at all.
pub(super) async fn one(cluster: Cluster, target: Target, wish: Wish, shown: Option<bool>) -> Done {
    let report = Report::new("backup", &target);
    let to = wish.request.to.place().to_string();
    let plan = match plan(&target, &wish.request.protection, &to) {
        Decision::Refused(refusal) => {
            return passed_over(report, &cluster, &target, &wish, &refusal).await.into();
        }
        Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).into(),
        Decision::Do(plan) => plan,
    };
    let mut lines = plan.lines;
    if wish.notes {
        lines.push("note on its control plane where it is; no pod is restarted for that".to_owned());
    }
    let report = report.with_plan(lines);
    if wish.dry_run {
        return report.ended(Outcome::Planned, format!("a backup of {target} would be taken")).into();
    }
    let name = target.to_string();
    let (done, state) = taken(cluster, target, wish, shown).await;
    let report = report.with_steps(&state);
    match done {
        Ok(NotedBackup { taken, unnoted }) => {
            let unseen = taken.unseen.iter().map(|kind| (kind.to_string(), "not seen".to_owned()));
            let unnoted =
                unnoted.map(|why| ("the note of it on its control plane".to_owned(), why.to_string()));
            let left: Vec<_> = unseen.chain(unnoted).collect();
            let sentence = sentence(&name, &taken, shown == Some(true));
            let report = report.with_left(left).with_result(result(&taken)).ended(Outcome::Done, sentence);
            Done { report, tenant: Some(taken.card.header.tenant) }
        }
        Err(error) => report.ended(Outcome::Failed, format!("no backup of {name} was taken: {error}")).into(),
    }
}

async fn taken(
    cluster: Cluster,
    target: Target,
    wish: Wish,
    shown: Option<bool>,
) -> (Result<NotedBackup, BackupError>, Arc<OperationState>) {
    let Wish { request, aim, notes, .. } = wish;
    if notes {
        return follow(set::start_noted(cluster, target, request, aim), shown).await;
    }
    let (done, state) = follow(set::start(cluster, target, request), shown).await;
    (done.map(|taken| NotedBackup { taken, unnoted: None }), state)
}

/// Of one that rests there is none, and it is written down that there is not.
async fn passed_over(
    report: Report,
    cluster: &Cluster,
    target: &Target,
    wish: &Wish,
    refusal: &Refusal,
) -> Report {
    if wish.dry_run {
        return report.refused(refusal);
    }
    let why = refusal.to_string();
    set::passed_over(cluster, target, &why).await;
    if !wish.notes {
        return report.refused(refusal);
    }
    let noted = set::missed(cluster, target, &wish.request.who, Missed::PassedOver, &why, wish.aim).await;
    let unnoted = noted.err().map(|why| ("the note of it on its control plane".to_owned(), why.to_string()));
    report.with_left(unnoted).refused(refusal)
}

fn sentence(name: &str, taken: &Taken, ascii: bool) -> String {
    let card = &taken.card;
    format!(
        "{name}: {} ({} keys at revision {}, {} bytes, {})\n{}",
        card.contents.coverage.sentence(ascii),
        card.keys,
        card.contents.store.revision,
        card.length,
        if card.recipients.is_empty() { "not encrypted" } else { "encrypted" },
        taken.at
    )
}

fn result(taken: &Taken) -> serde_json::Value {
    serde_json::json!({ "at": taken.at, "card": taken.card })
}
