//! `v9s protect`.

use clap::Args;
use v9s::lifecycle::{Decision, LifeError, protect};
use v9s::operation::Operation;

use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::Exit;
use crate::cli::steps::follow;
use crate::settings::Settings;

/// Flags of `v9s protect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ProtectArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Take the protection away
    #[arg(long)]
    pub off: bool,
}

/// Marks a virtual cluster so that neither v9s nor the official CLI deletes it, or takes the mark away.
pub fn run(settings: &Settings, args: &ProtectArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    let on = !args.off;
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("protect", &target);
        let part = match protect::plan(&target, on, *anyway) {
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(part) => part,
        };
        let report = report.with_plan(vec![format!("mark {}", part.object())]);
        let word = if on { "protected" } else { "no longer protected" };
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be {word}")).print(*output);
        }
        let title = format!("protect {target}");
        let marked = format!("{target} is {word}");
        let operation = Operation::start(title, protect::STEPS, move |progress| async move {
            protect::carry_out(&cluster, &target, &part, on, &progress).await
        });
        let (done, state): (Result<(), LifeError>, _) = follow(operation, output.shown(settings)).await;
        let report = report.with_steps(&state);
        match done {
            Ok(()) => report.ended(Outcome::Done, marked),
            Err(error) => report.ended(Outcome::Failed, error.to_string()),
        }
        .print(*output)
    })
}
