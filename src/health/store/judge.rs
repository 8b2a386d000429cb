//! What a reading of a store comes to.

use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::{Process, Reading};
use crate::fleet::model::{Finding, Severity, StoreHealth};
use crate::fleet::quantity;
use crate::health::Thresholds;
use crate::known::Known;
use crate::store::{Engine, Kind};

/// Codes of what is wrong with a store.
pub mod code {
    /// A member does not answer, or has no pod.
    pub const MEMBER: &str = "store-member-away";
    /// Nobody leads.
    pub const LEADER: &str = "store-no-leader";
    /// An alarm is raised.
    pub const ALARM: &str = "store-alarm";
    /// Its file is nearly as large as it may be.
    pub const QUOTA: &str = "store-near-quota";
    /// Its volume is nearly full.
    pub const VOLUME: &str = "store-volume";
    /// Its disk is slow.
    pub const SLOW: &str = "store-slow-disk";
    /// Its leader changes often.
    pub const CHANGES: &str = "store-leader-changes";
    /// A member is behind the others.
    pub const BEHIND: &str = "store-behind";
    /// Much of its file is free room.
    pub const FRAGMENTED: &str = "store-fragmented";
    /// A member only learns, or has another version than the others.
    pub const UNEVEN: &str = "store-uneven";
    /// The virtual API server does not reach it.
    pub const UNREACHED: &str = "store-unreached";
}

/// Free room in a file that is not worth a word.
const SMALL: u64 = 64 << 20;

/// How many of as many voters decide.
pub fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// How well it is, and what is wrong with it, worst first. `before` is an earlier reading, for what only shows between two. What
/// could not be looked at is not known: never well.
pub fn judge(
    reading: &Reading,
    before: Option<&Reading>,
    thresholds: &Thresholds,
) -> (Known<StoreHealth>, Vec<Finding>) {
    let mut found = Vec::new();
    found.extend(away(reading));
    found.extend(leader(reading));
    found.extend(alarms(reading));
    found.extend(near_quota(reading, thresholds));
    found.extend(volumes(reading, thresholds));
    found.extend(slow(reading, before, thresholds));
    found.extend(changes(reading, before, thresholds));
    found.extend(behind(reading, thresholds));
    found.extend(fragmented(reading, thresholds));
    found.extend(uneven(reading));
    found.extend(unreached(reading));
    found.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    (health(reading, &found), found)
}

fn finding(severity: Severity, code: &'static str, message: SmolStr) -> Finding {
    Finding { severity, code, message, since: None }
}

/// Bytes for a person.
fn bytes(count: u64) -> String {
    quantity::binary(count)
}

fn health(reading: &Reading, found: &[Finding]) -> Known<StoreHealth> {
    let severity = found.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    let used = used(reading);
    let summary = match found.first().filter(|worst| worst.severity > Severity::Info) {
        Some(worst) => worst.message.clone(),
        None => match unknown(reading) {
            Some(why) => return Known::No(why),
            None => summary(reading),
        },
    };
    Known::Yes(StoreHealth { severity, used, summary })
}

/// What must be known before anything is called well.
fn unknown(reading: &Reading) -> Option<SmolStr> {
    if let Known::Yes(_) = &reading.told {
        return Some("its API server reaches it; more of it cannot be asked from outside".into());
    }
    if let Some((why, _)) = &reading.closed {
        return Some(why.clone());
    }
    if let Some(why) = reading.processes.iter().find_map(|process| process.status.why()) {
        return Some(why.into());
    }
    if reading.processes.is_empty() {
        return Some("nothing of it was asked".into());
    }
    if let (Known::Yes(Kind::EmbeddedDatabase), Known::No(why)) = (&reading.kind, &reading.volumes) {
        // A quota it has none: what there is to fill is its volume.
        return Some(format_smolstr!("it answers, but how full its volume is, is not known: {why}"));
    }
    reading.members.why().or(reading.alarms.why()).map(SmolStr::from)
}

/// The largest share of the room that it may take.
fn used(reading: &Reading) -> Option<f64> {
    let of_quota = reading.known().filter_map(|(process, status)| {
        let quota = Reading::quota(process).filter(|quota| *quota > 0)?;
        Some(status.size as f64 / quota as f64)
    });
    let of_volume = reading.volumes.get().into_iter().flatten().map(super::Volume::share);
    of_quota.chain(of_volume).reduce(f64::max)
}

fn summary(reading: &Reading) -> SmolStr {
    let size = reading.known().map(|(_, status)| status.size).max();
    match (reading.engine, size) {
        (Some(Engine::Etcd), Some(size)) => match reading.processes.len() {
            1 => format_smolstr!("one member, {}", bytes(size)),
            members => format_smolstr!("{members} members, {}", bytes(size)),
        },
        (Some(Engine::Kine), Some(size)) => format_smolstr!("kine, {}", bytes(size)),
        _ => SmolStr::default(),
    }
}

fn away(reading: &Reading) -> Vec<Finding> {
    if reading.engine != Some(Engine::Etcd) {
        return Vec::new();
    }
    let answering = reading.known().filter(|(_, status)| !status.learner).count();
    let listed = reading.members.get().map(|all| all.iter().filter(|member| !member.learner).count());
    let voters = listed.unwrap_or(reading.processes.len() + reading.absent.len());
    let severity = if answering < quorum(voters) { Severity::Critical } else { Severity::Warning };
    let rest = match severity {
        Severity::Critical => {
            format_smolstr!("{answering} of {voters} answer, and {} are needed", quorum(voters))
        }
        _ => format_smolstr!("{answering} of {voters} answer"),
    };
    let silent = reading.processes.iter().filter_map(|process| {
        let why = process.status.why()?;
        Some(finding(
            severity,
            code::MEMBER,
            format_smolstr!("{} does not answer ({rest}): {why}", process.name),
        ))
    });
    let none = reading
        .absent
        .iter()
        .map(|name| finding(severity, code::MEMBER, format_smolstr!("{name} has no pod that runs ({rest})")));
    silent.chain(none).collect()
}

fn leader(reading: &Reading) -> Option<Finding> {
    if reading.engine != Some(Engine::Etcd) {
        return None;
    }
    let mut lost =
        reading.known().filter(|(_, status)| status.leader == 0).map(|(process, _)| process.name.as_str());
    let first = lost.next()?;
    let names = std::iter::once(first).chain(lost).collect::<Vec<_>>().join(", ");
    let message = format_smolstr!("no leader for {names}: nothing can be written there");
    Some(finding(Severity::Critical, code::LEADER, message))
}

fn alarms(reading: &Reading) -> Vec<Finding> {
    let name = |id: u64| {
        let own =
            reading.known().find(|(_, status)| status.id == id).map(|(process, _)| process.name.clone());
        own.unwrap_or_else(|| format_smolstr!("member {id:x}"))
    };
    let told = |alarm: &crate::store::Alarm| {
        use crate::store::AlarmKind::{Corrupt, NoSpace, Other};
        let what = match alarm.kind {
            NoSpace => "its file is as large as it may be, and nothing is written any more",
            Corrupt => "what it has is not what the others have",
            Other(_) => "of a kind that v9s does not know",
        };
        let message = format_smolstr!("{} raises {}: {what}", name(alarm.member), alarm.kind.word());
        finding(Severity::Critical, code::ALARM, message)
    };
    reading.alarms.get().into_iter().flatten().map(told).collect()
}

fn near_quota(reading: &Reading, thresholds: &Thresholds) -> Option<Finding> {
    let fullest = reading.known().filter_map(|(process, status)| {
        let quota = Reading::quota(process).filter(|quota| *quota > 0)?;
        Some((status.size as f64 / quota as f64, process, status.size, quota))
    });
    let (share, process, size, quota) = fullest.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let severity = grade(share, thresholds.store_quota_warning, thresholds.store_quota_critical)?;
    let message = format_smolstr!(
        "the file of {} is {} % of its quota: {} of {}",
        process.name,
        (share * 100.0).floor(),
        bytes(size),
        bytes(quota)
    );
    Some(finding(severity, code::QUOTA, message))
}

fn volumes(reading: &Reading, thresholds: &Thresholds) -> Vec<Finding> {
    let told = |volume: &super::Volume| {
        let share = volume.share();
        let severity = grade(share, thresholds.store_volume_warning, thresholds.store_volume_critical)?;
        let message = format_smolstr!(
            "its volume {} is {} % full: {} of {}",
            volume.claim,
            (share * 100.0).floor(),
            bytes(volume.used),
            bytes(volume.capacity)
        );
        Some(finding(severity, code::VOLUME, message))
    };
    reading.volumes.get().into_iter().flatten().filter_map(told).collect()
}

fn grade(value: f64, warning: f64, critical: f64) -> Option<Severity> {
    if value > critical {
        Some(Severity::Critical)
    } else if value > warning {
        Some(Severity::Warning)
    } else {
        None
    }
}

/// The same process in an earlier reading.
fn earlier<'a>(before: Option<&'a Reading>, process: &Process) -> Option<&'a Process> {
    before?.processes.iter().find(|then| then.name == process.name)
}

fn slow(reading: &Reading, before: Option<&Reading>, thresholds: &Thresholds) -> Option<Finding> {
    let limits = [thresholds.store_fsync_seconds, thresholds.store_commit_seconds];
    let over = |process: &Process| {
        let then = earlier(before, process).and_then(|then| then.figures.get());
        let p99 = process.figures.get()?.p99(then);
        let words = ["its log", "its database"];
        let slow = p99.into_iter().zip(limits).zip(words).find_map(|((p99, limit), what)| {
            let p99: Duration = p99.filter(|p99| p99.as_secs_f64() > limit)?;
            Some((p99, what, limit))
        });
        slow.map(|(p99, what, limit)| (p99, what, limit, process.name.clone()))
    };
    let (p99, what, limit, name) = reading.processes.iter().filter_map(over).max_by_key(|(p99, ..)| *p99)?;
    let message = format_smolstr!(
        "{name} has a slow disk: one write in a hundred of {what} takes more than {} ms (limit {} ms)",
        p99.as_millis(),
        limit * 1000.0
    );
    Some(finding(Severity::Warning, code::SLOW, message))
}

fn changes(reading: &Reading, before: Option<&Reading>, thresholds: &Thresholds) -> Option<Finding> {
    let rate = |process: &Process| {
        let then = earlier(before, process).and_then(|then| then.figures.get());
        let then = then.zip(before.map(|before| before.taken));
        process.figures.get()?.leader_changes_an_hour(reading.taken, then)
    };
    let worst = reading.processes.iter().filter_map(rate).reduce(f64::max)?;
    let most = f64::from(thresholds.store_leader_changes_per_hour);
    (worst > most).then(|| {
        let message = format_smolstr!("its leader changes {worst:.0} times an hour (limit {most})");
        finding(Severity::Warning, code::CHANGES, message)
    })
}

fn behind(reading: &Reading, thresholds: &Thresholds) -> Vec<Finding> {
    let Some(newest) = reading.known().map(|(_, status)| status.raft.0).max() else { return Vec::new() };
    let told = |(process, status): (&Process, &crate::store::MemberStatus)| {
        let behind = newest.saturating_sub(status.raft.1);
        (behind > thresholds.store_raft_lag).then(|| {
            let message = format_smolstr!("{} is {behind} entries of the log behind", process.name);
            finding(Severity::Warning, code::BEHIND, message)
        })
    };
    reading.known().filter_map(told).collect()
}

fn fragmented(reading: &Reading, thresholds: &Thresholds) -> Option<Finding> {
    let free = |(process, status): (&Process, &crate::store::MemberStatus)| {
        let free = status.size.saturating_sub(status.in_use?);
        let share = free as f64 / status.size.max(1) as f64;
        (free > SMALL && share > thresholds.store_free_share).then(|| (free, share, process.name.clone()))
    };
    let (free, share, name) = reading.known().filter_map(free).max_by_key(|(free, ..)| *free)?;
    let message = format_smolstr!(
        "{} % of the file of {name} is free room ({}): recovering space gives it back",
        (share * 100.0).floor(),
        bytes(free)
    );
    Some(finding(Severity::Info, code::FRAGMENTED, message))
}

fn uneven(reading: &Reading) -> Vec<Finding> {
    let learner = reading.known().filter(|(_, status)| status.learner).map(|(process, _)| {
        let message = format_smolstr!("{} only learns and has no vote", process.name);
        finding(Severity::Info, code::UNEVEN, message)
    });
    let mut found: Vec<Finding> = learner.collect();
    let versions: std::collections::BTreeSet<_> =
        reading.known().map(|(_, status)| status.version.as_str()).collect();
    if versions.len() > 1 {
        let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
        let message = format_smolstr!("its members have different versions: {versions}");
        found.push(finding(Severity::Info, code::UNEVEN, message));
    }
    found
}

fn unreached(reading: &Reading) -> Option<Finding> {
    let why = reading.told.get()?.ready.as_ref().err()?;
    let message = format_smolstr!("the virtual API server does not reach its store: {why}");
    Some(finding(Severity::Critical, code::UNREACHED, message))
}
