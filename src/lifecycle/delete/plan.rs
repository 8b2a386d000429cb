//! What deleting a virtual cluster takes, and what would be left. Pure.

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::found::{Found, Meta, Role, Whose, was_made_for_it};
use crate::cluster::{Failure, ObjectRef};

/// Everything that was looked at.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The objects of its namespace.
    pub inside: Vec<Found>,
    /// Cluster-scoped objects that may be its.
    pub outside: Vec<Found>,
    /// Kinds that could not be listed, and why.
    pub unseen: Vec<(SmolStr, Failure)>,
    /// The namespace itself; none when it is not there, or may not be read.
    pub home: Option<Meta>,
    /// Names of other virtual clusters in the namespace.
    pub neighbours: Vec<SmolStr>,
    /// Host namespaces that were made for namespaces of the tenant.
    pub satellites: Vec<SmolStr>,
    /// UIDs of what was deleted on the way here.
    pub deleted: BTreeSet<SmolStr>,
}

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Keep what it has stored.
    pub keep_data: bool,
    /// Keep its namespace in any case.
    pub keep_namespace: bool,
}

/// What becomes of its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// It goes.
    Goes {
        /// UID, so that no other of its name goes.
        uid: SmolStr,
    },
    /// It stays, and why.
    Stays(SmolStr),
    /// It is not there.
    Gone,
}

/// One object that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Victim {
    /// What it is.
    pub role: Role,
    /// Which object.
    pub object: ObjectRef,
    /// Its UID.
    pub uid: SmolStr,
}

/// What is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which object, in words.
    pub what: SmolStr,
    /// Why.
    pub why: SmolStr,
}

/// What deleting takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletePlan {
    /// Host namespace.
    pub namespace: SmolStr,
    /// Name of the virtual cluster.
    pub name: SmolStr,
    /// What goes, in this order.
    pub victims: Vec<Victim>,
    /// How many objects go with those.
    pub derived: usize,
    /// What would be left.
    pub left: Vec<Left>,
    /// What becomes of its namespace.
    pub home: Home,
}

impl DeletePlan {
    /// Those of a role.
    pub fn of(&self, roles: &[Role]) -> Vec<&Victim> {
        self.victims.iter().filter(|victim| roles.contains(&victim.role)).collect()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.victims.is_empty() && !matches!(self.home, Home::Goes { .. })
    }
}

/// Plans it.
pub fn plan(whose: &Whose<'_>, survey: Survey, wish: Wish) -> DeletePlan {
    let Survey { inside, outside, unseen, home, neighbours, satellites, deleted } = survey;
    let mut left: Vec<Left> = Vec::new();
    let mut derived = 0;
    let mut foreign = Vec::new();
    let mut victims = Vec::new();
    let mut kept_claims = 0;
    for (role, found) in whose.sort(inside, &deleted) {
        match role {
            Role::Foreign => foreign.push(found.object()),
            Role::Housekeeping => {}
            Role::Derived => derived += 1,
            Role::Data if wish.keep_data => {
                kept_claims += 1;
                left.push(Left {
                    what: format_smolstr!("{}", found.object()),
                    why: "it is to be kept".into(),
                });
            }
            _ => victims.push(victim(role, &found)),
        }
    }
    for found in &outside {
        if let Some(role) = whose.cluster_role(found) {
            victims.push(victim(role, found));
        }
    }
    victims.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.object.name.cmp(&b.object.name)));
    for namespace in satellites {
        let why = "it was made for a namespace of the tenant; look into it before it is deleted".into();
        left.push(Left { what: format_smolstr!("Namespace {namespace}"), why });
    }
    left.extend(unseen.iter().map(|(kind, failure)| Left {
        what: format_smolstr!("objects of the kind {kind}, if there are any"),
        why: format_smolstr!("{failure}"),
    }));
    let stays = stays(&home, &wish, kept_claims, &neighbours, &foreign, &unseen);
    let home = match (home, stays) {
        (None, None) => Home::Gone,
        (_, Some(why)) => Home::Stays(why),
        (Some(home), None) => Home::Goes { uid: home.uid },
    };
    DeletePlan { namespace: whose.namespace.into(), name: whose.name.into(), victims, derived, left, home }
}

fn stays(
    home: &Option<Meta>,
    wish: &Wish,
    kept_claims: usize,
    neighbours: &[SmolStr],
    foreign: &[ObjectRef],
    unseen: &[(SmolStr, Failure)],
) -> Option<SmolStr> {
    let home = home.as_ref()?;
    if wish.keep_namespace {
        return Some("it is to be kept".into());
    }
    if !was_made_for_it(home) {
        return Some("it was there before the virtual cluster".into());
    }
    if kept_claims > 0 {
        return Some(format_smolstr!("{kept_claims} volume claims in it are to be kept"));
    }
    if let Some(other) = neighbours.first() {
        return Some(format_smolstr!("the virtual cluster {other} is in it"));
    }
    match foreign {
        [] => {}
        [one] => return Some(format_smolstr!("{one} is in it, which is somebody else's")),
        [one, more @ ..] => {
            return Some(format_smolstr!(
                "{one} and {} more are in it, which are somebody else's",
                more.len()
            ));
        }
    }
    unseen
        .first()
        .map(|(kind, failure)| format_smolstr!("what else is in it is not known ({kind}: {failure})"))
}

fn victim(role: Role, found: &Found) -> Victim {
    Victim { role, object: found.object(), uid: found.meta.uid.clone() }
}

/// Who writes goes first, then what it wrote; pods before what they use; what it has stored comes after all who use it.
fn rank(victim: &Victim) -> (u8, u8, SmolStr) {
    let outside = victim.object.namespace.is_none();
    let stage = match victim.role {
        Role::Workload => 0,
        Role::Synced if !outside => 1,
        Role::Own if !outside => 2,
        Role::Helm => 3,
        Role::Data => 4,
        _ => 5,
    };
    let within = match victim.object.resource.kind.as_str() {
        "Pod" => 0,
        // All that was synced belongs to it: it goes when that is gone.
        "Service" if stage == 2 => 2,
        _ => 1,
    };
    (stage, within, victim.object.resource.kind.clone())
}

/// What is left after it was carried out, by a new survey: what should be gone, and why it may not be.
pub fn residue(plan: &DeletePlan, now: &DeletePlan) -> Vec<Left> {
    let planned: BTreeSet<&SmolStr> = plan.victims.iter().map(|victim| &victim.uid).collect();
    let still = now.victims.iter().map(|victim| {
        let why = if planned.contains(&victim.uid) {
            "it was to be deleted and is still there"
        } else {
            "it came after the plan was made"
        };
        Left { what: format_smolstr!("{}", victim.object), why: why.into() }
    });
    still.chain(now.left.iter().cloned()).collect()
}
