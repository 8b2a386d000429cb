//! `v9s gc`: leftovers of virtual clusters, found, proven and collected.

mod cron;
mod document;
mod show;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use smol_str::SmolStr;
use v9s::cluster::Cluster;
use v9s::gc::{
    ByConnect, COLLECT_STEPS, Care, CollectOptions, Collected, GcError, Kinds, Plan, SURVEY_STEPS, Scope,
    Survey, SurveyOptions, Wish, collect, plan, survey,
};
use v9s::operation::Operation;

use self::document::{Document, HostReport};
use super::ask::{note, somebody_is_there, word, yes};
use super::host::{block_on, clusters, may_change};
use super::{Outcome, ResultFormat};
use crate::cli::steps::follow;
use crate::cli::{Exit, GlobalArgs, print};
use crate::settings::Settings;

/// More than so many are confirmed by their number.
const FEW: usize = 20;

/// Flags of `v9s gc`; documented in docs/gc.md.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct GcArgs {
    /// Name of a virtual cluster, whether it still exists or not; all of them with -A, those of a namespace with -n
    #[arg(value_name = "NAME", value_parser = crate::cli::args::non_empty)]
    pub name: Option<SmolStr>,
    /// Say what would be collected, and collect nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Collect without asking
    #[arg(long)]
    pub yes: bool,
    /// Only these kinds, as kubectl names them; volumes and their claims go only when they are named
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = crate::cli::args::non_empty)]
    pub kinds: Vec<SmolStr>,
    /// Leave alone what is younger
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = crate::cli::args::duration)]
    pub older_than: Duration,
    /// How long pods have to end, in seconds [default: what each says]
    #[arg(long, value_name = "SECONDS")]
    pub grace: Option<u32>,
    /// Also when a large share of what there is would go
    #[arg(long)]
    pub allow_mass: bool,
    /// How long what was deleted may take to go
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
    /// Virtual clusters that are asked at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub at_once: u16,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
    /// Print a CronJob that does this, with an account that may do no more
    #[arg(long, requires = "image", conflicts_with_all = ["dry_run", "yes"])]
    pub print_cronjob: bool,
    /// With --print-cronjob: an image that has the program `v9s`
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// With --print-cronjob: when
    #[arg(long, value_name = "CRON", default_value = "17 * * * *")]
    pub schedule: String,
}

/// What is asked for, of all hosts.
struct Asked {
    survey: SurveyOptions,
    wish: Wish,
    collect: CollectOptions,
}

/// Finds leftovers, shows them, asks, and collects them.
pub fn run(settings: &Settings, global: &GlobalArgs, args: &GcArgs) -> anyhow::Result<Exit> {
    let namespaces = settings.session.namespaces.clone();
    if args.name.is_none() && namespaces.is_empty() && !global.scope.all_namespaces {
        bail!("say whose leftovers: a NAME, -n NAMESPACE, or -A for all");
    }
    if args.print_cronjob {
        return print(cron::manifest(args, &namespaces)?.as_bytes());
    }
    let kinds = Kinds::named(&args.kinds);
    let care = Care { older_than: args.older_than, ..Care::default() };
    let asked = Asked {
        survey: SurveyOptions {
            scope: Scope { namespaces, name: args.name.clone(), kinds: kinds.clone() },
            care,
            at_once: usize::from(args.at_once),
            ..SurveyOptions::default()
        },
        wish: Wish { kinds },
        collect: CollectOptions { grace: args.grace, care, patience: args.timeout },
    };
    block_on(async {
        if !args.dry_run {
            may_change(settings)?;
        }
        let mut document = Document::new(args.dry_run);
        for cluster in clusters(settings).await? {
            document.hosts.push(on_host(settings, args, &asked, cluster).await?);
        }
        document.finish();
        print(document.text(args.output)?.as_bytes())?;
        Ok(document.outcome.exit())
    })
}

async fn on_host(
    settings: &Settings,
    args: &GcArgs,
    asked: &Asked,
    cluster: Cluster,
) -> anyhow::Result<HostReport> {
    let shown = args.output.shown(settings);
    let found = look(&cluster, &asked.survey, shown).await?;
    let plan = plan(&found, &asked.wish);
    let report = HostReport::new(&cluster.context, &found, &plan);
    if plan.goes.is_empty() {
        let whole = if report.is_whole() { Outcome::Nothing } else { Outcome::Partial };
        return Ok(report.ended(whole, "nothing is proven to be a leftover"));
    }
    let count = plan.goes.len();
    if args.dry_run {
        let outcome = if report.is_whole() { Outcome::Planned } else { Outcome::Partial };
        return Ok(report.ended(outcome, format!("{count} would be deleted")));
    }
    if let Some(why) = refused(args, &plan, &report)? {
        return Ok(report.ended(Outcome::Refused, why));
    }
    let options = asked.collect.clone();
    let operation =
        Operation::start(format!("collect {count} leftovers"), COLLECT_STEPS, move |progress| async move {
            collect(&cluster, &ByConnect::default(), &plan, &options, &progress).await
        });
    let (done, state): (Result<Collected, GcError>, _) = follow(operation, shown).await;
    let report = report.with_steps(&state);
    Ok(match done {
        Ok(collected) => report.with_collected(&collected),
        Err(error) => {
            report.ended(Outcome::Failed, format!("not collected to the end: {error}; run it again to go on"))
        }
    })
}

async fn look(cluster: &Cluster, options: &SurveyOptions, shown: Option<bool>) -> anyhow::Result<Survey> {
    let (host, options) = (cluster.clone(), options.clone());
    let operation = Operation::start("look for leftovers", SURVEY_STEPS, move |progress| async move {
        survey(&host, &ByConnect::default(), &options, &progress).await
    });
    let (found, _): (Result<Arc<Survey>, GcError>, _) = {
        let (found, state) = follow(operation, shown).await;
        (found.map(Arc::new), state)
    };
    Ok(Arc::unwrap_or_clone(found?))
}

/// Why it is not done, if it is not: nobody has allowed it.
fn refused(args: &GcArgs, plan: &Plan, report: &HostReport) -> anyhow::Result<Option<String>> {
    let brakes: Vec<String> = plan.brakes.iter().map(ToString::to_string).collect();
    if args.yes {
        let stopped = !brakes.is_empty() && !args.allow_mass;
        return Ok(stopped.then(|| {
            format!("{}; look at --dry-run, and say --allow-mass if that is right", brakes.join("; "))
        }));
    }
    if !somebody_is_there() {
        bail!("nobody can be asked: say --yes, and look at --dry-run first");
    }
    for line in report.plan_lines() {
        note(&line);
    }
    let count = plan.goes.len().to_string();
    let heavy = plan.goes.len() > FEW || plan.reclaims.storage > 0 || !brakes.is_empty();
    let meant = match heavy {
        true => word(&format!("Type {count} to delete them: "), &count),
        false => yes(&format!("Delete these {count}?")),
    };
    Ok((!meant).then(|| "nothing was deleted: it was not confirmed".to_owned()))
}
