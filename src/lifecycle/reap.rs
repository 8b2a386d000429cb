//! Virtual clusters whose time is over.
//!
//! Whether it is over is decided by the clock of the host's API server, which is the same for all who write such times and all who
//! go by them, and looked at again right before each is deleted: somebody may have given it more time meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use super::LifeError;
use crate::cluster::Cluster;
use crate::known::Known;
use crate::target::{Part, Target, control_planes, refresh};

/// Where the server does not tell its time, this much is given to a clock of ours that may be fast.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// One that is to end by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Mortal {
    /// Its control plane.
    pub part: Part,
    /// When.
    pub ends: DateTime<Utc>,
}

/// Those of a host that are to end by themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mortals {
    /// Those whose time is over, the longest over first.
    pub over: Vec<Mortal>,
    /// How many have time left.
    pub left: usize,
    /// Those of which it is not known, and why: they live.
    pub unreadable: Vec<(SmolStr, SmolStr)>,
}

/// What became of one when it was looked at again.
#[derive(Debug, Clone, PartialEq)]
pub enum Again {
    /// Its time is over.
    Over(Target),
    /// It is spared, and why.
    Spared(String),
}

/// Looks for them in a namespace, or in all.
///
/// # Errors
/// When they may not be listed, or the server does not answer.
pub async fn look(cluster: &Cluster, namespace: Option<&str>) -> Result<Mortals, LifeError> {
    let now = present(cluster).await?;
    Ok(sort(control_planes(cluster, namespace).await?, now))
}

/// What is over, what is not, and what cannot be told.
pub fn sort(planes: Vec<Part>, now: DateTime<Utc>) -> Mortals {
    let mut mortals = Mortals::default();
    for part in planes {
        match part.term.ends() {
            Known::NotApplicable => {}
            Known::No(why) => {
                let which = format_smolstr!("{}/{}", part.namespace, part.release);
                mortals.unreadable.push((which, why));
            }
            Known::Yes(ends) if ends <= now => mortals.over.push(Mortal { part, ends }),
            Known::Yes(_) => mortals.left += 1,
        }
    }
    mortals.over.sort_by(|a, b| (a.ends, &a.part.namespace).cmp(&(b.ends, &b.part.namespace)));
    mortals
}

/// Looks at one again.
///
/// # Errors
/// When it cannot be read.
pub async fn again(cluster: &Cluster, mortal: &Mortal) -> Result<Again, LifeError> {
    let now = present(cluster).await?;
    let target = refresh(cluster, &mortal.part.namespace, &mortal.part.release).await?;
    Ok(judge(target, &mortal.part, now))
}

/// Whether the same one is still there, and its time still over.
pub fn judge(target: Target, seen: &Part, now: DateTime<Utc>) -> Again {
    let Some(plane) = target.control_plane() else {
        return Again::Spared(format!("{target} is gone"));
    };
    if plane.uid != seen.uid {
        return Again::Spared(format!("{target} is another than the one that was looked at"));
    }
    match plane.term.ends() {
        Known::Yes(ends) if ends <= now => Again::Over(target),
        Known::Yes(ends) => {
            Again::Spared(format!("{target} was given time until {}", crate::target::written(ends)))
        }
        Known::No(why) => Again::Spared(format!("{target}: {why}")),
        Known::NotApplicable => Again::Spared(format!("{target} does not end by itself any more")),
    }
}

/// The time by the server's clock; where it does not tell, a time by ours that is surely past there.
///
/// # Errors
/// When it does not answer.
async fn present(cluster: &Cluster) -> Result<DateTime<Utc>, LifeError> {
    Ok(cluster.clock().await?.unwrap_or_else(|| Utc::now() - SKEW))
}
