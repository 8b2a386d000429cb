//! Another configuration for a virtual cluster: what it is now, what would come of another, and how that is carried out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::Decision;
use v9s::lifecycle::edit::{self, Change, EditPlan};
use v9s::operation::{Cancelled, Operation, Progress};
use v9s::provision::create::{CreateError, Created, Request};
use v9s::secrecy::hide_in_config;
use v9s::target::Target;

use super::{Ask, Looked, Plan, command, looked, target, titles};
use crate::app::jobs::{Ended, Facts, Outcome, Then};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::cli::verbs::edit::{difference, some};

/// How long each of the two waits at the end may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// The configuration word by word, for the editor.
///
/// # Errors
/// A sentence: it cannot be read, it is not for v9s to change, or it holds what belongs on no screen.
pub async fn written(clusters: &Clusters, key: &VclusterKey) -> Result<String, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = target(&cluster, key).await?;
    if let Some(refusal) = edit::refusal(&target, false) {
        let instead = refusal.instead().join("\n");
        return Err(format!("{refusal}\n{instead}").trim_end().to_owned());
    }
    let text = config(&cluster, &target).await?;
    if holds_secrets(&text) {
        let own = command("edit", &target).join("\n");
        return Err(format!("it holds secrets, which belong on no screen; in your own editor:\n{own}"));
    }
    Ok(text)
}

async fn config(cluster: &Cluster, target: &Target) -> Result<String, String> {
    edit::config(cluster, target).await.map_err(|error| format!("{error}; {}", error.remedy()))
}

/// Whether anything in it would be masked elsewhere. What cannot be read may hold anything.
fn holds_secrets(text: &str) -> bool {
    let Ok(value) = serde_saphyr::from_str::<Value>(text) else { return true };
    let mut masked = value.clone();
    hide_in_config(&mut masked);
    masked != value
}

/// Asks the host what would come of another configuration; nothing is written.
pub(super) async fn look(
    clusters: &Clusters,
    key: &VclusterKey,
    before: &str,
    after: &str,
) -> Result<Looked, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = target(&cluster, key).await?;
    if config(&cluster, &target).await? != before {
        return Err("somebody has changed it meanwhile: copy what you need, leave, and open it again".into());
    }
    let request = |text: &str| {
        let request = Request::new(&target.name, &target.namespace, text);
        request.map_err(|problems| format!("it cannot be used:\n{problems}"))
    };
    let after = Request { patience: Some(PATIENCE), ..request(after)? };
    match edit::plan(&cluster, &target, &request(before)?, after, false).await {
        Ok(decision) => Ok(judged(&target, before, decision)),
        Err(edit::EditError::Create { error: error @ CreateError::Refused(_) }) => {
            Ok(Looked::Refused { why: format!("{error}\n{}", error.remedy()), instead: Vec::new() })
        }
        Err(error) => Err(error.to_string()),
    }
}

fn judged(target: &Target, before: &str, decision: Decision<EditPlan>) -> Looked {
    match first_refused(&decision) {
        Some(why) => Looked::Refused { why, instead: Vec::new() },
        None => looked(decision, |plan| ask(target, before, plan)),
    }
}

/// What the host would not take.
pub(super) fn first_refused(decision: &Decision<EditPlan>) -> Option<String> {
    let Decision::Do(plan) = decision else { return None };
    let (object, why) = plan.refused().next()?;
    Some(format!("the host would not take {object}: {why}"))
}

fn ask(target: &Target, before: &str, plan: EditPlan) -> Plan {
    let facts = facts(target, before, &plan);
    let verb = applying(target, plan);
    Plan { title: verb.title().to_string(), facts, ask: Ask::Yes, verb, leaves: true }
}

/// What applies a plan.
pub(super) fn applying(target: &Target, plan: EditPlan) -> Arc<dyn Verb> {
    let apply = Apply { target: target.clone(), plan };
    if apply.plan.gone.is_empty() { Arc::new(apply) } else { Arc::new(TakeAway(apply)) }
}

fn facts(target: &Target, before: &str, plan: &EditPlan) -> Facts {
    let told = difference(before, &plan.request.config);
    // The two lines above say what is compared.
    let differs = told.lines().filter(|line| !line.starts_with("---") && !line.starts_with("+++"));
    let mut facts: Facts = vec![("differs", differs.map(str::to_owned).collect())];
    facts.push(("deletes", plan.gone.iter().map(|gone| gone.object.to_string()).collect()));
    let of = |wanted: fn(&Change) -> Option<String>| -> Vec<String> {
        let said = plan.changes.iter().filter_map(|(object, change)| Some((object, wanted(change)?)));
        said.map(|(object, places)| format!("{object}{places}")).collect()
    };
    facts.push(("creates", of(|change| matches!(change, Change::Made).then(String::new))));
    facts.push((
        "changes",
        of(
            |change| {
                if let Change::Changed(paths) = change { Some(format!(": {}", some(paths))) } else { None }
            },
        ),
    ));
    let restarts = plan.restarted().map(|object| format!("{object}: its pods, one after the other"));
    facts.push(("restarts", restarts.collect()));
    facts.push(("mind", plan.notes.iter().map(ToString::to_string).collect()));
    facts.push(("then", vec!["waits until its API answers and its companion mirrors".to_owned()]));
    facts.push(("as", command("edit -f vcluster.yaml", target)));
    facts.retain(|(_, lines)| !lines.is_empty());
    facts
}

/// Applies what differs.
#[derive(Debug, Clone)]
struct Apply {
    target: Target,
    plan: EditPlan,
}

/// Takes away what is no longer wanted, before the rest.
#[derive(Debug, Clone)]
struct TakeAway(Apply);

impl Apply {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Created, Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        let made = self.plan.request.carry_out(cluster, progress).await;
        made.map_err(|error| match error {
            CreateError::Cancelled => Cancelled.into(),
            error => Trouble::Said(format!("{error}; {}", error.remedy())),
        })
    }
}

impl Verb for Apply {
    fn title(&self) -> SmolStr {
        format_smolstr!("change {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.plan.request.steps()
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (apply, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| apply.carry_out(clusters, progress));
        Begun::follow(operation, |made| {
            let notes = made.notes.iter().map(ToString::to_string).collect();
            Outcome::new(Ended::Done, "it runs with its new configuration").with("mind", notes)
        })
    }
}

impl Verb for TakeAway {
    fn title(&self) -> SmolStr {
        self.0.title()
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&edit::REMOVAL)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (apply, clusters) = (self.0.clone(), hands.clusters.clone());
        let next = Arc::new(self.0.clone());
        let operation = Operation::start(self.title(), self.steps(), |progress| async move {
            let cluster = clusters.open(&apply.target.host).await?;
            edit::take_away(&cluster, &apply.plan.gone, &progress).await?;
            Ok::<(), Trouble>(())
        });
        Begun::follow(operation, |()| {
            Outcome::new(Ended::Done, "taken away; the rest follows").then(Then::Begin(next))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::holds_secrets;

    #[test]
    fn what_holds_a_secret_is_opened_on_no_screen() {
        let store = |source: &str| {
            format!("controlPlane: {{backingStore: {{database: {{external: {{dataSource: '{source}'}}}}}}}}")
        };
        assert!(holds_secrets(&store("postgres://shop:hidden@db/shop")));
        assert!(holds_secrets("a: [unclosed"), "nobody knows what is in it");
        assert!(!holds_secrets("# mine\npolicies: {resourceQuota: {enabled: true}}\n"));
        assert!(!holds_secrets(""));
    }
}
