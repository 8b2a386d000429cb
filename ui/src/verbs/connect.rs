//! Getting into a virtual cluster: a way that stays open, and what it is used for. One that is paused is woken after a yes.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};
use v9s::connect::{self, Asked, ConnectError};
use v9s::fleet::model::VclusterKey;
use v9s::lifecycle::Decision;
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s::operation::{Operation, Progress};
use v9s::target::{Rest, Target};

use super::{Looked, life, refused, target, titles};
use crate::app::connections::Connection;
use crate::app::jobs::{Ended, Outcome, Then};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands, Merged};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It stays open; its kubeconfig can be used from anywhere.
    Keep,
    /// A shell in it.
    Shell,
    /// The person's own kubeconfig leads to it.
    Merge,
}

/// Opens a way.
#[derive(Debug, Clone)]
struct Connect {
    target: Target,
    purpose: Use,
}

/// Looks whether it runs. One that is paused is asked about; `may_wake` says whether anything may be changed there.
pub(super) async fn look(
    clusters: &Clusters,
    key: &VclusterKey,
    purpose: Use,
    may_wake: bool,
) -> Result<Looked, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = target(&cluster, key).await?;
    let since = match target.rest() {
        None => return Ok(Looked::Begin(Arc::new(Connect { target, purpose }))),
        Some(Rest::Paused(since)) => since.map(|since| format!(" since {since}")).unwrap_or_default(),
        Some(Rest::Asleep | Rest::Restoring | Rest::ScaledDown) => String::new(),
    };
    Ok(match resume::plan(&target, &ResumeOptions::default()) {
        Decision::Nothing(_) => Looked::Begin(Arc::new(Connect { target, purpose })),
        Decision::Refused(refusal) => refused(&refusal),
        Decision::Do(_) if !may_wake => Looked::Refused {
            why: format!("{target} is paused{since}, and nothing is changed here: read-only"),
            instead: Vec::new(),
        },
        Decision::Do(plan) => {
            let mut ask = life::wake(&target, plan, Arc::new(Connect { target: target.clone(), purpose }));
            let why = format!("it is paused{since}: connecting wakes it");
            ask.facts.insert(0, ("asleep", vec![why]));
            Looked::Ask(Box::new(ask))
        }
    })
}

impl Connect {
    async fn carry_out(self, hands: Hands, progress: Progress) -> Result<Opened, Trouble> {
        let Target { host, namespace, name, .. } = &self.target;
        let cluster = hands.clusters.open(host).await?;
        let connected = connect::connect(&cluster, &self.target, &Asked::default(), &progress).await;
        let connected = connected.map_err(|error| match error {
            ConnectError::Cancelled(cancelled) => Trouble::Cancelled(cancelled),
            error => Trouble::Said(error.to_string()),
        })?;
        let closed = connected.closed.iter().map(ToString::to_string).collect();
        let key = VclusterKey { host: host.clone(), namespace: namespace.clone(), name: name.clone() };
        let connection = hands.open.hold(key, connected)?;
        let merged = if self.purpose == Use::Merge {
            let (open, id) = (hands.open.clone(), connection.id);
            // Files block.
            let merged = tokio::task::spawn_blocking(move || open.merge(id)).await;
            Some(merged.map_err(|error| Trouble::Said(error.to_string()))??)
        } else {
            None
        };
        Ok(Opened { connection, closed, merged, purpose: self.purpose })
    }
}

struct Opened {
    connection: Connection,
    /// Ways that are not open, and why.
    closed: Vec<String>,
    merged: Option<Merged>,
    purpose: Use,
}

impl Opened {
    fn told(self) -> Outcome {
        let Connection { server, file, id, .. } = &self.connection;
        let said = match &self.merged {
            Some(merged) => format_smolstr!("the current context of your kubeconfig is {}", merged.context),
            None => format_smolstr!("open at {server}"),
        };
        let merged = self.merged.iter().flat_map(|merged| {
            let backup = merged.backup.as_ref().map(|backup| format!("before: {}", backup.display()));
            [Some(merged.path.display().to_string()), backup].into_iter().flatten()
        });
        let outcome = Outcome::new(Ended::Done, said)
            .with("use", vec![format!("export KUBECONFIG={}", file.display())])
            .with("merged", merged.collect())
            .with("not open", self.closed);
        match self.purpose {
            Use::Shell => outcome.then(Then::Shell(*id)),
            Use::Keep | Use::Merge => outcome,
        }
    }
}

impl Verb for Connect {
    fn title(&self) -> SmolStr {
        format_smolstr!("connect to {}", self.target)
    }

    fn steps(&self) -> Vec<SmolStr> {
        titles(&connect::STEPS)
    }

    fn begin(&self, hands: &Hands) -> Begun {
        let (connect, hands) = (self.clone(), hands.clone());
        let operation =
            Operation::start(self.title(), self.steps(), |progress| connect.carry_out(hands, progress));
        Begun::follow(operation, Opened::told)
    }
}
