//! What a person does to virtual clusters from the dashboard. Each verb looks at its virtual cluster first, says what it comes
//! to, and runs as a job after a yes. The library does the work, as it does for the subcommands.

mod archive;
mod backup;
mod certificates;
mod collect;
mod connect;
mod create;
mod delete;
mod disconnect;
mod edit;
mod life;
mod many;
mod observe;
mod out_of_place;
mod probe;
mod quota;
mod recover;
mod restore;
mod rotate;
mod space;
mod term;

pub use self::archive::{Archive, Archived, shelf};
pub use self::backup::{Saving, UNENCRYPTED, place, readers};
pub use self::collect::Gathering;
#[cfg(test)]
pub(crate) use self::collect::look as plan_of;
pub use self::connect::Use;
pub use self::create::Order;
pub use self::edit::written;
pub use self::many::Several;
pub use self::out_of_place::out_of_place;
pub use self::restore::Duplicate;
#[cfg(test)]
pub(crate) use self::space::told as space_of;
pub use self::term::{Ends, Lifetime};

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use smol_str::{SmolStr, format_smolstr};
use v9s::cluster::Cluster;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::fleet::state::State;
use v9s::lifecycle::restart::What as Part;
use v9s::lifecycle::{Decision, Refusal};
use v9s::target::{Target, find};

use crate::actions::ActionId;
use crate::app::jobs::Facts;
use crate::app::operation::Verb;
use crate::app::runner::Clusters;
use crate::config::Dirs;

/// What is wanted of one virtual cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Stop it.
    Pause,
    /// Start it again.
    Resume,
    /// Replace pods.
    Restart(Part),
    /// Protect it against deletion, or no longer.
    Protect,
    /// Protect it, whatever it is now; or not.
    ProtectSo(bool),
    /// Tell when its certificates end.
    Certificates,
    /// Make its certificates anew.
    Rotate,
    /// Recover space in its store.
    RecoverSpace,
    /// Put a companion beside it that measures, or take that away.
    Observe,
    /// Delete it.
    Delete,
}

/// A verb and its virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which one.
    pub key: VclusterKey,
    /// What is to be done.
    pub what: What,
}

impl Wish {
    /// What an action wants of a virtual cluster; None for an action that is no verb.
    pub fn of(action: ActionId, vcluster: &Vcluster) -> Option<Wish> {
        let what = match action {
            ActionId::Pause if vcluster.state == State::Paused => What::Resume,
            ActionId::Pause => What::Pause,
            ActionId::Restart => What::Restart(Part::ControlPlane),
            ActionId::RestartEtcd => What::Restart(Part::Etcd),
            ActionId::Protect => What::Protect,
            ActionId::Certificates => What::Certificates,
            ActionId::Rotate => What::Rotate,
            ActionId::RecoverSpace => What::RecoverSpace,
            ActionId::Observe => What::Observe,
            ActionId::Delete => What::Delete,
            _ => return None,
        };
        Some(Wish { key: vcluster.key.clone(), what })
    }

    /// Whether an action can be wanted of several at once.
    pub fn goes_for_several(action: ActionId) -> bool {
        [
            ActionId::Pause,
            ActionId::Restart,
            ActionId::RestartEtcd,
            ActionId::Rotate,
            ActionId::Protect,
            ActionId::Delete,
        ]
        .contains(&action)
    }

    /// What an action wants of several: those that run are paused, unless all of them are.
    pub fn of_several(action: ActionId, chosen: &[&Vcluster]) -> Option<What> {
        let wishes = || chosen.iter().filter_map(|vcluster| Wish::of(action, vcluster)).map(|wish| wish.what);
        let first = wishes().next().filter(|_| Wish::goes_for_several(action))?;
        Some(if action == ActionId::Pause && wishes().any(|what| what == What::Pause) {
            What::Pause
        } else {
            first
        })
    }

    /// What it is called, such as `pause team-a/shop`.
    pub fn title(&self) -> SmolStr {
        format_smolstr!("{} {}/{}", self.what, self.key.namespace, self.key.name)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Pause => "pause",
            What::Resume => "resume",
            What::Restart(Part::ControlPlane) => "restart",
            What::Restart(Part::Etcd) => "restart etcd of",
            What::Protect | What::ProtectSo(true) => "protect",
            What::ProtectSo(false) => "unprotect",
            What::Certificates => "certificates of",
            What::Rotate => "rotate the certificates of",
            What::RecoverSpace => "recover space in the store of",
            What::Observe => "observe",
            What::Delete => "delete",
        })
    }
}

/// Anything that is looked at before it is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Errand {
    /// A verb for a virtual cluster that is there.
    Verb(Wish),
    /// The same verb for several of them.
    Several(Several),
    /// How long one is to live, and who answers for it.
    Extend {
        /// Which one.
        key: VclusterKey,
        /// What is to be written down.
        lifetime: Lifetime,
    },
    /// Other limits for its quota.
    Quota {
        /// Which one.
        key: VclusterKey,
        /// What they are to be.
        wish: quota::Wish,
    },
    /// Another configuration for one.
    Edit {
        /// Which one.
        key: VclusterKey,
        /// What it was when it was opened.
        before: String,
        /// What it is to be.
        after: String,
    },
    /// A way into one.
    Connect {
        /// Which one.
        key: VclusterKey,
        /// What for.
        purpose: Use,
        /// Whether it may be woken if it is paused.
        may_wake: bool,
    },
    /// Whether the pods of one reach those of another.
    Probe {
        /// Whose pods call.
        from: VclusterKey,
        /// Whose pods are called.
        to: VclusterKey,
    },
    /// Back from the context of one, in the person's own kubeconfig.
    Disconnect,
    /// One that is to be made.
    Create(Box<Order>),
    /// Leftovers that are to be collected.
    Collect(Box<Gathering>),
    /// Backups of one or several.
    Backup(Saving),
    /// Whether a backup is whole.
    Verify(Archived),
    /// A backup in the place of what its virtual cluster has stored.
    Restore(Archived),
    /// Another virtual cluster with the state of a backup.
    Duplicate(Duplicate),
    /// What is wrong with the store of one, and what helps.
    Recover(VclusterKey),
}

impl Errand {
    /// Which virtual cluster it is about.
    pub fn key(&self) -> Option<VclusterKey> {
        match self {
            Errand::Verb(wish) => Some(wish.key.clone()),
            Errand::Connect { key, .. }
            | Errand::Extend { key, .. }
            | Errand::Quota { key, .. }
            | Errand::Edit { key, .. } => Some(key.clone()),
            Errand::Verify(archived) | Errand::Restore(archived) => Some(archived.key.clone()),
            Errand::Recover(key) => Some(key.clone()),
            Errand::Probe { from, .. } => Some(from.clone()),
            Errand::Create(order) => Some(order.key()),
            Errand::Disconnect
            | Errand::Several(_)
            | Errand::Collect(_)
            | Errand::Backup(_)
            | Errand::Duplicate(_) => None,
        }
    }

    /// What it is called.
    pub fn title(&self) -> SmolStr {
        match self {
            Errand::Verb(wish) => wish.title(),
            Errand::Several(several) => several.title(),
            Errand::Extend { key, .. } => format_smolstr!("extend {}/{}", key.namespace, key.name),
            Errand::Quota { key, .. } => format_smolstr!("other limits for {}/{}", key.namespace, key.name),
            Errand::Edit { key, .. } => format_smolstr!("change {}/{}", key.namespace, key.name),
            Errand::Connect { key, .. } => format_smolstr!("connect to {}/{}", key.namespace, key.name),
            Errand::Create(order) => order.title(),
            Errand::Probe { from, to } => {
                format_smolstr!("probe {}/{} → {}/{}", from.namespace, from.name, to.namespace, to.name)
            }
            Errand::Disconnect => "disconnect".into(),
            Errand::Collect(gathering) => gathering.title(),
            Errand::Backup(saving) => saving.title(),
            Errand::Verify(archived) => format_smolstr!("verify {}", archived.file),
            Errand::Restore(Archived { key, .. }) => {
                format_smolstr!("restore {}/{}", key.namespace, key.name)
            }
            Errand::Duplicate(copy) => copy.title(),
            Errand::Recover(key) => format_smolstr!("recover {}/{}", key.namespace, key.name),
        }
    }
}

/// What the person must do to confirm. Nothing else confirms; enter without it cancels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Press `y`: what is undone by another verb, or made again by its owner.
    Yes,
    /// Type how many.
    Count(usize),
    /// Type the name.
    Name(String),
}

/// What is about to happen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One line: verb and objects.
    pub title: String,
    /// What is touched, what is kept, why: a word and its lines.
    pub facts: Facts,
    /// What to do to confirm.
    pub ask: Ask,
    /// What then happens.
    pub verb: Arc<dyn Verb>,
    /// Whether the screen below has done its part then.
    pub leaves: bool,
}

/// What a verb comes to after a look.
#[derive(Debug, Clone)]
pub enum Looked {
    /// This is to be done, if the person says so.
    Ask(Box<Plan>),
    /// There is nothing to ask: it is done.
    Begin(Arc<dyn Verb>),
    /// This was asked for, and nothing is done.
    Told {
        /// A word and its lines.
        facts: Facts,
        /// Whether a person should do something about it.
        warns: bool,
    },
    /// It is so already.
    Nothing(String),
    /// It is not to be done here.
    Refused {
        /// Why.
        why: String,
        /// Commands that do it where it belongs.
        instead: Vec<String>,
    },
}

/// Looks at a virtual cluster as its host has it now, and plans.
///
/// # Errors
/// A sentence: the host cannot be reached, or does not say.
pub async fn look(clusters: &Clusters, dirs: &Dirs, errand: &Errand) -> Result<Looked, String> {
    let wish = match errand {
        Errand::Create(order) => return create::look(clusters, order).await,
        Errand::Collect(gathering) => return Ok(collect::look(gathering)),
        Errand::Disconnect => return disconnect::look(clusters).await,
        Errand::Probe { from, to } => return probe::look(clusters, from, to).await,
        Errand::Connect { key, purpose, may_wake } => {
            return connect::look(clusters, key, *purpose, *may_wake).await;
        }
        Errand::Several(several) => return several.look(clusters).await,
        Errand::Extend { key, lifetime } => return term::look(clusters, key, lifetime).await,
        Errand::Quota { key, wish } => return quota::look(clusters, key, wish).await,
        Errand::Edit { key, before, after } => return edit::look(clusters, key, before, after).await,
        Errand::Backup(saving) => return saving.look(clusters).boxed().await,
        Errand::Verify(archived) => return archive::look(archived),
        Errand::Restore(archived) => return restore::look(clusters, dirs, archived).boxed().await,
        Errand::Duplicate(copy) => return copy.look(clusters, dirs).boxed().await,
        Errand::Recover(key) => return recover::look(clusters, dirs, key).boxed().await,
        Errand::Verb(wish) => wish,
    };
    wish.look(clusters).await
}

impl Wish {
    async fn look(&self, clusters: &Clusters) -> Result<Looked, String> {
        let cluster = clusters.open(&self.key.host).await?;
        if self.what == What::Delete {
            return delete::look(&cluster, &self.key).await;
        }
        let target = target(&cluster, &self.key).await?;
        match self.what {
            What::Certificates => certificates::look(&cluster, &target).await,
            What::Rotate => rotate::look(&cluster, &target).await,
            What::RecoverSpace => space::look(&cluster, &target).await,
            What::Observe => observe::look(&cluster, &target).await,
            what => life::look(&cluster, &target, what).await,
        }
    }
}

async fn target(cluster: &Cluster, key: &VclusterKey) -> Result<Target, String> {
    let found = find(cluster, Some(&key.namespace), &key.name).await;
    found.map_err(|error| format!("{error}; {}", error.remedy()))
}

/// A decision of the library as what it comes to here.
fn looked<P>(decision: Decision<P>, plan: impl FnOnce(P) -> Plan) -> Looked {
    match decision {
        Decision::Do(done) => Looked::Ask(Box::new(plan(done))),
        Decision::Nothing(why) => Looked::Nothing(why),
        Decision::Refused(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Looked {
    Looked::Refused { why: refusal.to_string(), instead: refusal.instead().to_vec() }
}

/// The titles of steps that are known beforehand.
fn titles(steps: &[&'static str]) -> Vec<SmolStr> {
    steps.iter().map(|step| SmolStr::new_static(step)).collect()
}

/// What is lost by a verb takes the name; anything else a key.
fn unless_lossy(loses: &Option<String>, target: &Target) -> Ask {
    if loses.is_some() { Ask::Name(target.name.to_string()) } else { Ask::Yes }
}

/// What is lost, as a line of the plan.
fn loss(loses: &Option<String>) -> Option<(&'static str, Vec<String>)> {
    loses.as_ref().map(|lost| ("DATA", vec![format!("lost is {lost}")]))
}

/// The same as a subcommand.
fn command(words: &str, target: &Target) -> Vec<String> {
    let Target { host, namespace, name, .. } = target;
    let (verb, flags) = words.split_at(words.find(" -").unwrap_or(words.len()));
    vec![format!("v9s {verb} {name} -n {namespace} --context {host}{flags}")]
}
