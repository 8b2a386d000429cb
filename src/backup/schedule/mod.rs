//! Backups that are taken again and again: a CronJob of the host that runs `v9s backup`, with an account that may do no more than that takes.
//!
//! What is wanted is judged and made into objects by pure functions; [`install`], [`remove`] and [`list`] are the thin edge.

mod host;
mod rights;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

pub use host::{Installed, Listed, ScheduleFailure, install, list, remove};

use super::destination::Place;
use super::set::{Keep, Protection};
use crate::cronjob::{CronJob, CronLine, Reach, Zone};
use crate::names::digest;
use crate::target::Objective;

/// What all schedules are called, and what those of single virtual clusters begin with.
const STEM: &str = "v9s-backup";
/// Longest name of a CronJob: its jobs have eleven characters behind it.
const LONGEST_NAME: usize = 52;
/// Labels that tell the objects of schedules from those of somebody else.
pub(crate) const LABELS: [(&str, &str); 2] =
    [("app.kubernetes.io/managed-by", "v9s"), ("app.kubernetes.io/component", "backup-schedule")];
/// How late a job may begin, in seconds: a backup that is an hour late is better than none.
const STARTING_DEADLINE: u32 = 3_600;
/// How long the backups of one run may take, in seconds, besides what they wait before.
const DEADLINE: u32 = 6 * 3_600;

/// Of which virtual clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// This one.
    One {
        /// Its namespace.
        namespace: SmolStr,
        /// Its name.
        name: SmolStr,
        /// Name of the workload of its control plane.
        workload: SmolStr,
    },
    /// Those with these labels, in one namespace or in all.
    Labelled {
        /// A selector as `kubectl` takes it.
        selector: SmolStr,
        /// The namespace.
        namespace: Option<SmolStr>,
    },
    /// All there are.
    All,
}

/// What a job needs in order to run and to reach its destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Means {
    /// An image that has the program `v9s`.
    pub image: Option<SmolStr>,
    /// Name of a Secret whose keys become its environment: credentials of a storage.
    pub credentials: Option<SmolStr>,
    /// Name of a claim that is the folder.
    pub claim: Option<SmolStr>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Of which.
    pub of: Of,
    /// When.
    pub line: CronLine,
    /// In which time zone.
    pub zone: Option<Zone>,
    /// How long a run waits at most before it begins.
    pub jitter: Option<Duration>,
    /// What is kept of those whose backup it has taken.
    pub keep: Keep,
    /// Where they go.
    pub to: Place,
    /// How they are kept from others.
    pub protection: Protection,
    /// Whether etcd's own snapshot is in them.
    pub native: bool,
    /// How many are taken at a time.
    pub at_once: u8,
    /// How old the last good one may become.
    pub objective: Option<Objective>,
    /// What the job needs.
    pub means: Means,
}

/// Why there is no schedule of that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// There is nothing to run.
    #[error("a schedule runs in the host: say which image has the program `v9s` (--image)")]
    NoImage,
    /// A folder of a pod is gone with it.
    #[error(
        "{0} would be a folder of a pod and gone with it: say which claim it is (--claim PVC), or name a bucket"
    )]
    NoClaim(SmolStr),
    /// A claim that nothing is written to.
    #[error("--claim is for a folder, and backups go to {0}")]
    NoFolder(SmolStr),
    /// A folder that cannot be where a claim is.
    #[error(
        "{0} cannot be where a claim is found in a pod: say an absolute path that is nobody else's, such as /backups"
    )]
    Folder(SmolStr),
    /// A profile of files that the pod does not have.
    #[error(
        "profile={0} is of files of this machine, which a pod does not have: leave it out, and say --credentials-from-secret"
    )]
    Profile(SmolStr),
    /// A wait that is longer than the time between two runs may be.
    #[error("--jitter is shorter than a day, and {0} s are not")]
    Jitter(u64),
}

/// The name of the CronJob of a schedule and of its other objects.
pub fn name(of: &Of) -> SmolStr {
    match of {
        Of::One { name, .. } => short(&format!("{STEM}-{name}")),
        // A selector is no name.
        Of::Labelled { selector, .. } => format_smolstr!("{STEM}-{}", digest(selector.as_bytes())),
        Of::All => STEM.into(),
    }
}

/// What is too long for a name ends in a digest of all of it.
fn short(name: &str) -> SmolStr {
    if name.len() <= LONGEST_NAME {
        return name.into();
    }
    let digest = digest(name.as_bytes());
    let kept: String = name.chars().take(LONGEST_NAME - 1 - digest.len()).collect();
    format_smolstr!("{}-{digest}", kept.trim_end_matches(['-', '.']))
}

/// What the job of a schedule may reach, which is also where it is.
pub fn reach(of: &Of) -> Reach {
    match of {
        Of::One { namespace, .. } | Of::Labelled { namespace: Some(namespace), .. } => {
            Reach::Namespace(namespace.clone())
        }
        Of::Labelled { namespace: None, .. } | Of::All => Reach::Everywhere,
    }
}

/// The job of a schedule.
///
/// # Errors
/// What cannot be meant.
pub fn job(wish: &Wish) -> Result<CronJob, ScheduleError> {
    let image = wish.means.image.clone().filter(|image| !image.trim().is_empty());
    let image = image.ok_or(ScheduleError::NoImage)?;
    let claim = claim(wish)?;
    let jitter = wish.jitter.unwrap_or_default().as_secs();
    let jitter = u32::try_from(jitter).ok().filter(|seconds| *seconds < 86_400);
    let jitter = jitter.ok_or_else(|| ScheduleError::Jitter(wish.jitter.unwrap_or_default().as_secs()))?;
    Ok(CronJob {
        name: name(&wish.of),
        labels: LABELS.iter().map(|(key, value)| (*key, SmolStr::new_static(value))).collect(),
        reach: reach(&wish.of),
        rules: rights::rules(&wish.of),
        schedule: format_smolstr!("{}", wish.line),
        zone: wish.zone.clone(),
        starting_deadline: STARTING_DEADLINE,
        deadline: DEADLINE + jitter,
        image,
        words: words::words(wish),
        credentials: wish.means.credentials.clone(),
        claim,
        memory: "1Gi",
    })
}

/// The claim and the folder, where backups go to one.
fn claim(wish: &Wish) -> Result<Option<(SmolStr, SmolStr)>, ScheduleError> {
    let shown = || format_smolstr!("{}", wish.to);
    match (&wish.to, &wish.means.claim) {
        (Place::Bucket(at), _) if at.profile.is_some() => {
            Err(ScheduleError::Profile(at.profile.clone().unwrap_or_default()))
        }
        (Place::Bucket(_), None) => Ok(None),
        (Place::Bucket(_), Some(_)) => Err(ScheduleError::NoFolder(shown())),
        (Place::Folder(_), None) => Err(ScheduleError::NoClaim(shown())),
        (Place::Folder(path), Some(claim)) => {
            let folder =
                path.to_str().filter(|_| is_free(path)).ok_or_else(|| ScheduleError::Folder(shown()))?;
            Ok(Some((claim.clone(), folder.into())))
        }
    }
}

/// Folders that a container has already, or that the program needs.
const TAKEN: [&str; 12] =
    ["bin", "dev", "etc", "home", "lib", "lib64", "proc", "run", "sbin", "sys", "usr", "tmp"];

/// Whether a volume may be there in a pod.
fn is_free(path: &Path) -> bool {
    use std::path::Component;
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir)
        && matches!(parts.next(), Some(Component::Normal(first)) if !TAKEN.iter().any(|taken| first == *taken))
        && parts.all(|part| matches!(part, Component::Normal(_)))
        // It separates a folder from what is done with it.
        && path.to_str().is_some_and(|text| !text.contains(':'))
}

/// How long a run waits before it begins, where it waits so long at most: `share` of it, from 0 to 1. Many schedules for the same hour do
/// not begin in the same second then.
pub fn wait(jitter: Duration, share: f64) -> Duration {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    jitter.mul_f64(share)
}
