//! Deleting a virtual cluster: the plan, and what is left afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::delete::{
    self, DeleteOptions, DeletePlan, Deleted, Home, Left, Role, Wish, decide, survey,
};
use v9s::operation::{Operation, Progress};
use v9s::target::{Target, refresh};

use super::{Ask, Looked, Plan, command, looked, titles};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};

/// Deletes what is in its plan, and nothing else.
#[derive(Debug, Clone)]
struct Delete {
    target: Target,
    plan: DeletePlan,
}

/// Looks at every object of its namespace and at what is its beside it, and plans. Of one that is half gone it is what is left.
pub(super) async fn look(cluster: &Cluster, key: &VclusterKey) -> Result<Looked, String> {
    let target = refresh(cluster, &key.namespace, &key.name).await;
    let target = target.map_err(|error| format!("{error}; {}", error.remedy()))?;
    // What is not to be deleted needs no look at all of its objects.
    if let Some(refusal) = delete::refusal(&target, false) {
        return Ok(super::refused(&refusal));
    }
    let found = survey(cluster, &target.namespace, &target.name).await.map_err(|error| error.to_string())?;
    let decision = decide(&target, found, Wish::default(), false);
    Ok(looked(decision, |plan| {
        let delete = Delete { target, plan };
        Plan {
            title: delete.title().to_string(),
            facts: facts(&delete),
            ask: Ask::Name(delete.target.name.to_string()),
            verb: Arc::new(delete),
            leaves: false,
        }
    }))
}

fn facts(delete: &Delete) -> Facts {
    let plan = &delete.plan;
    // What cannot be made again, and what becomes of the place, before the many that were only made for it.
    let mut facts = roles(plan, &[("stops", Role::Workload), ("DATA", Role::Data)]);
    facts.push((
        "namespace",
        vec![match &plan.home {
            Home::Goes { .. } => {
                format!("{} goes: it was made for it and holds nothing else", plan.namespace)
            }
            Home::Stays(why) => format!("{} stays: {why}", plan.namespace),
            Home::Gone => format!("{} is not there, or may not be looked at", plan.namespace),
        }],
    ));
    if !plan.left.is_empty() {
        facts.push(("leaves", plan.left.iter().map(left).collect()));
    }
    facts.extend(roles(plan, &[("inside", Role::Synced), ("deletes", Role::Own), ("Helm's", Role::Helm)]));
    if plan.derived > 0 {
        facts.push(("with them", vec![format!("{} objects that belong to these", plan.derived)]));
    }
    facts.push((
        "guard",
        vec!["only these objects (UID), looked at again; the audit log keeps a record".to_owned()],
    ));
    facts.push(("as", command("delete", &delete.target)));
    facts
}

/// Objects of these roles, as far as there are any.
fn roles(plan: &DeletePlan, roles: &[(&'static str, Role)]) -> Facts {
    let all = roles.iter().map(|(word, role)| (*word, by_kind(plan, *role)));
    all.filter(|(_, lines)| !lines.is_empty()).collect()
}

/// Objects of a role, a line to a kind.
fn by_kind(plan: &DeletePlan, role: Role) -> Vec<String> {
    const NAMED: usize = 5;
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for victim in plan.of(&[role]) {
        let whole = if victim.object.namespace.is_some() { "" } else { " (cluster-wide)" };
        let name = format!("{}{whole}", victim.object.name);
        kinds.entry(&victim.object.resource.kind).or_default().push(name);
    }
    let line = |(kind, names): (&str, Vec<String>)| {
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        format!("{} {kind} {named}{more}", names.len())
    };
    kinds.into_iter().map(line).collect()
}

fn left(left: &Left) -> String {
    format!("{}: {}", left.what, left.why)
}

/// What came of it: everything is gone, or what is left and why.
fn told(deleted: Deleted, namespace: &str) -> Outcome {
    let stays = match &deleted.home {
        Home::Stays(why) => vec![format!("{namespace} stays: {why}")],
        Home::Goes { .. } | Home::Gone => Vec::new(),
    };
    let (ended, said) = match deleted.left.len() {
        0 => (Ended::Done, "deleted, nothing is left".into()),
        1 => (Ended::Partly, "deleted; one thing is left".into()),
        count => (Ended::Partly, format_smolstr!("deleted; {count} things are left")),
    };
    Outcome::new(ended, said).with("left", deleted.left.iter().map(left).collect()).with("namespace", stays)
}

impl Delete {
    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Deleted, Trouble> {
        let cluster = clusters.open(&self.target.host).await?;
        Ok(delete::carry_out(&cluster, &self.plan, &DeleteOptions::default(), &progress).await?)
    }
}

impl Verb for Delete {
    fn title(&self) -> SmolStr {
        format_smolstr!("delete {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&delete::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (delete, clusters) = (self.clone(), hands.clusters.clone());
        let namespace = self.target.namespace.clone();
        let operation =
            Operation::start(self.title(), self.steps(), |progress| delete.carry_out(clusters, progress));
        Begun::follow(operation, move |deleted| told(deleted, &namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_deletion_has_left_is_told_with_its_reason_and_is_no_plain_success() {
        let clean = told(Deleted { left: Vec::new(), home: Home::Gone }, "team");
        assert_eq!((clean.ended, clean.facts.len()), (Ended::Done, 0));
        let left = Left { what: "Namespace x".into(), why: "look into it".into() };
        let home = Home::Stays("somebody else's".into());
        let rest = told(Deleted { left: vec![left], home }, "team");
        assert_eq!(rest.ended, Ended::Partly);
        assert_eq!(
            rest.facts,
            [
                ("left", vec!["Namespace x: look into it".to_owned()]),
                ("namespace", vec!["team stays: somebody else's".to_owned()])
            ]
        );
    }
}
