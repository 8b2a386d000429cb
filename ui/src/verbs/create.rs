//! Creating a virtual cluster: what would be made, and making it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::{Cluster, ObjectRef};
use v9s::fleet::model::VclusterKey;
use v9s::operation::{Cancelled, Operation, Progress};
use v9s::provision::create::{self, CreateError, Created, Effect, Request};
use v9s::target::Term;

use super::{Ask, Looked, Plan};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands};
use crate::cli::verbs::extend::end;

/// How long each of the two waits at the end may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A virtual cluster that is to be made, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    host: SmolStr,
    request: Request,
    /// How long it is to live, by the clock of its host.
    ttl: Option<Duration>,
    /// Who answers for it.
    owner: Option<SmolStr>,
}

impl Order {
    /// To be made on this host; it is waited for.
    pub fn new(host: SmolStr, request: Request) -> Self {
        Order { host, request: Request { patience: Some(PATIENCE), ..request }, ttl: None, owner: None }
    }

    /// To live for so long, and whose it is.
    #[must_use]
    pub fn with_term(self, ttl: Option<Duration>, owner: Option<SmolStr>) -> Self {
        Order { ttl, owner, ..self }
    }

    /// The same with the moment of its end.
    async fn dated(&self, cluster: &Cluster) -> Result<Order, String> {
        let ends = match self.ttl {
            Some(ttl) => Some(end(cluster, ttl).await.map_err(|error| format!("{error:#}"))?),
            None => None,
        };
        let mut order = self.clone();
        order.request.term = Term::new(ends, self.owner.clone());
        Ok(order)
    }

    /// Which one it will be.
    pub fn key(&self) -> VclusterKey {
        VclusterKey {
            host: self.host.clone(),
            namespace: self.request.namespace.as_str().into(),
            name: self.request.name.as_str().into(),
        }
    }

    async fn carry_out(self, clusters: Clusters, progress: Progress) -> Result<Created, Trouble> {
        let cluster = clusters.open(&self.host).await?;
        let made = self.request.carry_out(cluster, progress).await;
        made.map_err(|error| match error {
            CreateError::Cancelled => Cancelled.into(),
            error => Trouble::Said(format!("{error}; {}", error.remedy())),
        })
    }
}

/// Asks the host what would become of every object; nothing is written.
pub(super) async fn look(clusters: &Clusters, order: &Order) -> Result<Looked, String> {
    let cluster = clusters.open(&order.host).await?;
    let order = &order.dated(&cluster).await?;
    let looked = async {
        let (found, planned) = create::look_and_plan(&cluster, &order.request).await?;
        let effects = create::effects(&cluster, &planned).await?;
        // Those of the plan are for people who print it.
        Ok::<_, CreateError>((found.notes(&order.request), effects))
    };
    match looked.await {
        Ok((notes, effects)) => Ok(judged(order, &notes, &effects)),
        Err(error @ CreateError::Refused(_)) => {
            Ok(Looked::Refused { why: format!("{error}\n{}", error.remedy()), instead: Vec::new() })
        }
        Err(error) => Err(format!("{error}; {}", error.remedy())),
    }
}

fn judged(order: &Order, notes: &[SmolStr], effects: &[(ObjectRef, Effect)]) -> Looked {
    let refused: Vec<String> = effects
        .iter()
        .filter_map(|(object, effect)| match effect {
            Effect::Refused(why) => Some(format!("{object}: {why}")),
            _ => None,
        })
        .collect();
    if !refused.is_empty() {
        let why = format!("the host would not take this; nothing was written\n{}", refused.join("\n"));
        return Looked::Refused { why, instead: Vec::new() };
    }
    let mut facts: Facts = Vec::new();
    for (word, wanted) in
        [("creates", Effect::Create), ("changes", Effect::Change), ("keeps", Effect::Nothing)]
    {
        let lines = by_kind(effects, &wanted);
        if !lines.is_empty() {
            facts.push((word, lines));
        }
    }
    if !notes.is_empty() {
        facts.push(("mind", notes.iter().map(ToString::to_string).collect()));
    }
    if let Some(ends) = &order.request.term.expires {
        facts.push(("ends", vec![format!("{ends}; v9s reap deletes it then")]));
    }
    if let Some(owner) = &order.owner {
        facts.push(("owner", vec![owner.to_string()]));
    }
    facts.push(("then", vec!["waits until its API answers and its companion mirrors".to_owned()]));
    let Request { name, namespace, .. } = &order.request;
    let command =
        format!("v9s create {name} -n {namespace} --context {} -f vcluster.yaml --wait", order.host);
    facts.push(("as", vec![command]));
    Looked::Ask(Box::new(Plan {
        title: order.title().to_string(),
        facts,
        ask: Ask::Yes,
        verb: Arc::new(order.clone()),
        leaves: true,
    }))
}

/// Objects of which this becomes, a line to a kind.
fn by_kind(effects: &[(ObjectRef, Effect)], wanted: &Effect) -> Vec<String> {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (object, _) in effects.iter().filter(|(_, effect)| effect == wanted) {
        kinds.entry(&object.resource.kind).or_default().push(&object.name);
    }
    kinds.into_iter().map(|(kind, names)| format!("{kind} {}", names.join(", "))).collect()
}

impl Verb for Order {
    fn title(&self) -> SmolStr {
        format_smolstr!("create {}/{}", self.request.namespace, self.request.name)
    }

    fn steps(&self) -> Vec<SmolStr> {
        self.request.steps()
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (order, clusters) = (self.clone(), hands.clusters.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| order.carry_out(clusters, progress));
        Begun::follow(operation, |made| {
            let notes = made.notes.iter().map(ToString::to_string).collect();
            Outcome::new(Ended::Done, "it can be used").with("mind", notes)
        })
    }
}
