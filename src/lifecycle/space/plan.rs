//! What recovering space would do, from a reading of the store.

use smol_str::{SmolStr, format_smolstr};

use crate::fleet::quantity::binary;
use crate::health::store::Reading;
use crate::known::Known;
use crate::lifecycle::{Decision, Refusal};
use crate::store::{AlarmKind, Engine, Kind, MemberStatus};
use crate::target::Target;

/// What recovering space takes.
#[derive(Debug, Clone, PartialEq)]
pub struct SpacePlan {
    /// Processes in the order in which they rewrite their files, the leader last, each with the size of its file and what of it is
    /// in use.
    pub members: Vec<(SmolStr, u64, Option<u64>)>,
    /// Alarms that are taken away afterwards, by process.
    pub alarms: Vec<SmolStr>,
    /// Whether nobody answers while the only member rewrites its file.
    pub gap: bool,
}

impl SpacePlan {
    /// The steps, in order.
    pub fn steps(&self) -> Vec<SmolStr> {
        let members = self.members.len();
        let rewrites =
            (1..=members).map(|at| format_smolstr!("rewrite the file of member {at} of {members}"));
        let before = ["see that all members are there", "forget old revisions"].map(SmolStr::new_static);
        let after = ["take alarms for want of space away", "see that all is well"].map(SmolStr::new_static);
        before.into_iter().chain(rewrites).chain(after).collect()
    }

    /// What is done, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines =
            vec!["forget the history of keys up to now: watches that are behind begin anew".to_owned()];
        let last = self.members.len().saturating_sub(1);
        for (at, (name, size, in_use)) in self.members.iter().enumerate() {
            let used = in_use.map(|used| format!(", {} of it in use", binary(used))).unwrap_or_default();
            let leads = if at == last && last > 0 { " (leads, so it goes last)" } else { "" };
            lines.push(format!("rewrite the file of {name}: {}{used}{leads}", binary(*size)));
        }
        lines.extend(self.alarms.iter().map(|name| format!("take the alarm of {name} away")));
        if self.gap {
            lines.push("nobody answers while the only member rewrites its file".to_owned());
        }
        lines
    }
}

/// What is to be done, or why not. Only etcd that belongs to the virtual cluster, with all of its members there, is touched.
pub fn plan(target: &Target, reading: &Reading) -> Decision<SpacePlan> {
    let elsewhere = |why: &str, instead: Vec<String>| {
        Decision::Refused(Refusal::Elsewhere { why: why.to_owned(), instead })
    };
    match (&reading.kind, reading.engine) {
        (Known::Yes(Kind::EmbeddedDatabase), _) => return sqlite(target),
        (Known::Yes(Kind::ExternalDatabase), _) => {
            return elsewhere(
                "it keeps its objects in a database that somebody else runs, and so does its space",
                Vec::new(),
            );
        }
        (Known::Yes(Kind::ExternalEtcd), _) => {
            return elsewhere(
                "its etcd is run by somebody else and may serve others: they recover its space",
                Vec::new(),
            );
        }
        (_, Some(Engine::Etcd)) => {}
        _ => {
            let why = reading.closed.as_ref().map_or("its store is not known", |(why, _)| why.as_str());
            return elsewhere(why, reading.closed.iter().map(|(_, remedy)| remedy.to_string()).collect());
        }
    }
    match trouble(reading) {
        Some(why) => elsewhere(&why, Vec::new()),
        None => Decision::Do(planned(reading)),
    }
}

/// What must not be while a member rewrites its file.
fn trouble(reading: &Reading) -> Option<String> {
    let all_there = "space is only recovered while all members are there";
    if let Some(name) = reading.absent.first() {
        return Some(format!("{name} has no pod that runs: {all_there}"));
    }
    if let Some((process, why)) = reading.processes.iter().find_map(|it| Some((&it.name, it.status.why()?))) {
        return Some(format!("{process} does not answer ({why}): {all_there}"));
    }
    let members = match &reading.members {
        Known::Yes(members) => members,
        _ => return Some(format!("its members are not known: {all_there}")),
    };
    if let Some(stranger) =
        members.iter().find(|member| !reading.known().any(|(_, status)| status.id == member.id))
    {
        return Some(format!("member {} ({:x}) cannot be asked: {all_there}", stranger.name, stranger.id));
    }
    if reading.leader().is_none() || reading.known().any(|(_, status)| status.leader == 0) {
        return Some("it has no leader: nothing can be changed in it".to_owned());
    }
    let Known::Yes(alarms) = &reading.alarms else {
        return Some("its alarms are not known".to_owned());
    };
    if let Some(other) = alarms.iter().find(|alarm| alarm.kind != AlarmKind::NoSpace) {
        return Some(format!(
            "{} is raised: that is no want of space, and what is stored may be damaged. Restore it from a backup",
            other.kind.word()
        ));
    }
    no_room(reading)
}

/// A file is rewritten beside itself.
fn no_room(reading: &Reading) -> Option<String> {
    let volumes = reading.volumes.get()?;
    reading.known().find_map(|(process, status)| {
        let volume = volumes.iter().find(|volume| volume.pod == process.name)?;
        let needed = status.in_use.unwrap_or(status.size);
        (volume.free() < needed).then(|| {
            format!(
                "the volume {} has {} left, and the new file of {} takes {} beside the old one: enlarge the volume first",
                volume.claim,
                binary(volume.free()),
                process.name,
                binary(needed)
            )
        })
    })
}

fn planned(reading: &Reading) -> SpacePlan {
    let mut all: Vec<(&SmolStr, &MemberStatus)> =
        reading.known().map(|(process, status)| (&process.name, status)).collect();
    all.sort_by_key(|(_, status)| status.id == status.leader);
    let alarmed = |id: u64| reading.alarms.get().into_iter().flatten().any(|alarm| alarm.member == id);
    SpacePlan {
        gap: all.len() == 1,
        alarms: all
            .iter()
            .filter(|(_, status)| alarmed(status.id))
            .map(|(name, _)| (*name).clone())
            .collect(),
        members: all.into_iter().map(|(name, status)| (name.clone(), status.size, status.in_use)).collect(),
    }
}

fn sqlite(target: &Target) -> Decision<SpacePlan> {
    let claim = format!("data-{}-0", target.name);
    let why = "its objects are in SQLite behind kine, which compacts by itself every five minutes and reuses the room, \
               but never makes the file smaller while it runs; a larger volume helps, and fewer objects";
    let instead = vec![format!(
        "kubectl --context {} -n {} patch pvc {claim} --type merge -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"SIZE\"}}}}}}}}'",
        target.host, target.namespace
    )];
    Decision::Refused(Refusal::Elsewhere { why: why.to_owned(), instead })
}
