//! `v9s edit`.

mod editor;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use similar::TextDiff;
use v9s::lifecycle::edit::{self, Change, EditPlan};
use v9s::lifecycle::{Decision, Refusal};
use v9s::provision::create::{CreateError, Request};
use v9s::provision::values::{self, Layer, Problems};
use v9s::secrecy::hide_in_config;
use v9s::target::Target;

use self::editor::{Edited, own_editor};
use super::ask::{note, somebody_is_there, yes};
use super::host::{block_on, may_change, the_one};
use super::{Outcome, Report, VerbArgs};
use crate::cli::steps::follow;
use crate::cli::{Exit, create, print};
use crate::settings::Settings;
use crate::text;

/// Places of an object that are named.
const NAMED: usize = 5;

/// Flags of `v9s edit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct EditArgs {
    /// What all verbs have.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// The new vcluster.yaml, whole, instead of what an editor is opened for; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// One setting that is to be another, such as policies.resourceQuota.enabled=true; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Apply what came out of the editor without a question
    #[arg(long)]
    pub yes: bool,
    /// Do not wait until it can be used again
    #[arg(long)]
    pub no_wait: bool,
    /// How long at most to wait for each of API and mirror
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = crate::cli::args::duration)]
    pub timeout: Duration,
}

/// What is to be, and as whom it was read.
enum Wanted {
    Is(Box<Request>),
    Nonsense(String),
    Not(Outcome, String),
}

/// Changes the configuration of a virtual cluster.
pub fn run(settings: &Settings, args: &EditArgs) -> anyhow::Result<Exit> {
    let VerbArgs { name, dry_run, anyway, output } = &args.verb;
    block_on(async {
        if !dry_run {
            may_change(settings)?;
        }
        let (cluster, target) = the_one(settings, name).await?;
        let report = Report::new("edit", &target);
        let config = edit::config(&cluster, &target).await;
        let config = config.map_err(|error| anyhow::anyhow!("{error}; {}", error.remedy()))?;
        if let Some(refusal) = edit::refusal(&target, *anyway) {
            if !target.is_ours() {
                values_for_others(args, &config)?;
            }
            return report.refused(&refusal).print(*output);
        }
        let before = request(&target, &config).map_err(|problems| {
            anyhow::anyhow!("its configuration cannot be used by this v9s:\n{problems}")
        })?;
        let after = match wanted(args, &target, &config)? {
            Wanted::Nonsense(why) => {
                why.lines().for_each(|line| note(&text::clean(line)));
                return Ok(Exit::Usage);
            }
            Wanted::Not(outcome, why) => return report.ended(outcome, why).print(*output),
            Wanted::Is(after) => *after,
        };
        let difference = difference(&config, &after.config);
        let after = Request { patience: (!args.no_wait).then_some(args.timeout), ..after };
        let plan = match edit::plan(&cluster, &target, &before, after, *anyway).await? {
            Decision::Refused(Refusal::Elsewhere { why, .. }) => {
                return report.ended(Outcome::Refused, why).print(*output);
            }
            Decision::Refused(refusal) => return report.refused(&refusal).print(*output),
            Decision::Nothing(why) => return report.ended(Outcome::Nothing, why).print(*output),
            Decision::Do(plan) => plan,
        };
        let lines: Vec<String> = difference.lines().map(str::to_owned).chain(lines(&plan)).collect();
        let report = report.with_plan(lines.clone());
        if let Some((object, why)) = plan.refused().next() {
            let why = format!("the host would not take {object}: {}", text::clean(why));
            return report.ended(Outcome::Refused, why).print(*output);
        }
        if *dry_run {
            return report.ended(Outcome::Planned, format!("{target} would be changed")).print(*output);
        }
        plan.notes.iter().for_each(|line| note(&text::clean(line)));
        if !is_meant(args, &target, &lines) {
            let kept = keep(&plan.request.config)?;
            let why = format!("{target} was not changed; the text is kept in {kept}");
            return report.ended(Outcome::Refused, why).print(*output);
        }
        let shown = output.shown(settings);
        if let Some(removal) = edit::remove(&cluster, &target, &plan) {
            let (done, state) = follow(removal, shown).await;
            if let Err(error) = done {
                let why = format!("not changed to the end: {error}; the same again goes on");
                return report.with_steps(&state).ended(Outcome::Failed, why).print(*output);
            }
        }
        let (done, state) = follow(edit::apply(cluster, &target, plan), shown).await;
        let report = report.with_steps(&state);
        match done {
            Ok(_) => report.ended(Outcome::Done, format!("{target} was changed")),
            Err(error @ CreateError::Late { .. }) => {
                report.ended(Outcome::Partial, format!("{target} was changed; {error}; {}", error.remedy()))
            }
            Err(error) => {
                report.ended(Outcome::Failed, format!("not changed to the end: {error}; {}", error.remedy()))
            }
        }
        .print(*output)
    })
}

fn request(target: &Target, config: &str) -> Result<Request, Problems> {
    Request::new(&target.name, &target.namespace, config)
}

/// The new configuration: from files and settings, or from a person.
fn wanted(args: &EditArgs, target: &Target, config: &str) -> anyhow::Result<Wanted> {
    if args.file.is_none() && args.set.is_empty() {
        if !somebody_is_there() {
            anyhow::bail!("there is no terminal for an editor: say -f FILE or --set PATH=VALUE");
        }
        return Ok(match editor::edit(config, &own_editor(), |text| request(target, text))? {
            Edited::Right(request) => Wanted::Is(Box::new(request)),
            Edited::Unchanged => {
                Wanted::Not(Outcome::Nothing, "nothing was changed in the editor".to_owned())
            }
            Edited::Wrong { problems, kept } => {
                let why = format!("it cannot be used:\n{problems}\nthe text is kept in {}", kept.display());
                Wanted::Not(Outcome::Refused, why)
            }
        });
    }
    let layers = layers(args, config)?;
    let text = match values::layered(&layers) {
        Ok(text) => text,
        Err(problems) => return Ok(Wanted::Nonsense(problems.to_string())),
    };
    Ok(match (request(target, &text), layers.as_slice()) {
        (Ok(request), _) => Wanted::Is(Box::new(request)),
        (Err(problems), [only]) => Wanted::Nonsense(format!("{} cannot be used:\n{problems}", only.name)),
        (Err(problems), _) => Wanted::Nonsense(format!("the settings together cannot be used:\n{problems}")),
    })
}

/// What is there or the file that takes its place, and single settings over it.
fn layers(args: &EditArgs, config: &str) -> anyhow::Result<Vec<Layer>> {
    let first = match &args.file {
        Some(file) => create::read(file)?,
        None => Layer { name: "its configuration".to_owned(), text: config.to_owned() },
    };
    let mut layers = vec![first];
    layers.extend(create::given(&[], &args.set)?);
    Ok(layers)
}

/// The values for whoever deploys it, on standard output. v9s knows less of them than the chart does: they are not judged.
fn values_for_others(args: &EditArgs, config: &str) -> anyhow::Result<()> {
    if args.file.is_none() && args.set.is_empty() {
        return Ok(());
    }
    print(values::layered(&layers(args, config)?)?.as_bytes())?;
    Ok(())
}

/// What differs between two configurations, without what is secret and without comments.
pub(crate) fn difference(before: &str, after: &str) -> String {
    let shown = |text: &str| {
        let mut value: Value = serde_saphyr::from_str(text).unwrap_or_default();
        hide_in_config(&mut value);
        serde_saphyr::to_string(&value).unwrap_or_default()
    };
    let (hidden, then) = (shown(before), shown(after));
    if hidden == then {
        let told =
            if before == after { "" } else { "the text differs in comments, order, or a secret only\n" };
        return told.to_owned();
    }
    TextDiff::from_lines(&hidden, &then).unified_diff().context_radius(2).header("now", "then").to_string()
}

fn lines(plan: &EditPlan) -> Vec<String> {
    let mut lines: Vec<String> = plan.gone.iter().map(|gone| format!("delete  {}", gone.object)).collect();
    for (object, change) in &plan.changes {
        lines.push(match change {
            Change::Made => format!("create  {object}"),
            Change::Changed(paths) => format!("change  {object}: {}", some(paths)),
            Change::Refused(why) => format!("REFUSED {object}: {}", text::clean(why)),
        });
    }
    lines.extend(
        plan.restarted()
            .map(|object| format!("restart {object}: its pods are replaced, one after the other")),
    );
    lines
}

/// The first few places of an object.
pub(crate) fn some(paths: &[String]) -> String {
    let more = paths.len().saturating_sub(NAMED);
    let named = paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// What came out of an editor is asked about; what stands on the command line was said.
fn is_meant(args: &EditArgs, target: &Target, lines: &[String]) -> bool {
    if args.yes || args.file.is_some() || !args.set.is_empty() {
        return true;
    }
    lines.iter().for_each(|line| note(&text::clean(line)));
    yes(&format!("Change {target} so?"))
}

/// Keeps what was typed where only its writer can read it.
fn keep(config: &str) -> anyhow::Result<String> {
    let folder = tempfile::Builder::new().prefix("v9s-edit-").tempdir()?.keep();
    let path = folder.join("vcluster.yaml");
    std::fs::write(&path, config)?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_tells_settings_and_no_secrets() {
        let of = |password: &str, size: &str| {
            format!(
                "# mine\ncontrolPlane:\n  backingStore: {{database: {{external: {{dataSource: '{password}'}}}}}}\n  size: {size}\n"
            )
        };
        let told = difference(&of("postgres://a:s3cret@h/d", "1"), &of("postgres://a:0th3r!@h/d", "2"));
        assert!(told.contains("-  size: 1") && told.contains("+  size: 2"), "{told}");
        assert!(!told.contains("s3cret") && !told.contains("0th3r!"), "{told}");
        let told = difference(&of("postgres://a:s3cret@h/d", "1"), &of("postgres://a:0th3r!@h/d", "1"));
        assert_eq!(told, "the text differs in comments, order, or a secret only\n");
        assert_eq!(difference("a: 1", "a: 1"), "");
    }
}
