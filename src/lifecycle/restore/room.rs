//! Whether a new store has room on the volume of the old one, and what makes room where it has none.
//!
//! The old store stays on its volume until the new one has proved itself: that is what a restore is undone with. So both must fit
//! together. Where they do not, a person is told by how much, and with which command the volume grows, before anything is sent.

use serde_json::{Value, json};
use smol_str::{SmolStr, ToSmolStr as _};

use super::RestoreError;
use super::place::Place;
use super::plan::RestorePlan;
use crate::cluster::{Cluster, ObjectRef, Resource};
use crate::fleet::quantity::{Quantity, binary};
use crate::known::Known;
use crate::lifecycle::refusal::kubectl_patch;
use crate::store;
use crate::store::keeper::{Kept, SPARE};
use crate::target::Target;

/// What a volume has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// That is free.
    pub(super) free: u64,
    /// That the old store takes; 0 where there is none.
    pub(super) old: u64,
}

/// How a new store goes onto a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Beside the old one.
    Beside,
    /// It would, if the old one were not there.
    Alone,
    /// Not at all.
    Never,
}

/// How a new store whose file has this length goes onto a volume.
pub(super) fn fit(kept: Kept, length: u64, room: Room) -> Fit {
    let needed = kept.needs(length).saturating_add(SPARE);
    match room.free {
        free if free >= needed => Fit::Beside,
        free if free.saturating_add(room.old) >= needed => Fit::Alone,
        _ => Fit::Never,
    }
}

/// A volume on which there is no room for a new store, and what makes some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    claim: SmolStr,
    kept: Kept,
    length: u64,
    room: Room,
    ways: Vec<String>,
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let NoRoom { claim, room, .. } = self;
        let needed = self.kept.needs(self.length);
        write!(
            f,
            "the volume of {claim} has {} left, and the new store takes {}",
            binary(room.free),
            binary(needed)
        )?;
        match fit(self.kept, self.length, *room) {
            Fit::Alone => write!(
                f,
                " beside the old one ({}), which stays until the new one has proved itself",
                binary(room.old)
            )?,
            Fit::Beside | Fit::Never => {
                write!(f, ", for which there would be no room without the old one either")?
            }
        }
        write!(f, ". {}", self.ways.join("; or "))
    }
}

/// What is known of a claim that is too small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    name: SmolStr,
    /// Bytes that it has, or asks for.
    size: Option<u64>,
    /// Its class of storage.
    class: Option<SmolStr>,
    /// Whether claims of this class may grow.
    grows: Known<bool>,
}

/// How large the claim must be, in whole GiB: as it is, and what is missing.
fn enough(size: u64, kept: Kept, length: u64, room: Room) -> u64 {
    let missing = kept.needs(length).saturating_add(SPARE).saturating_sub(room.free);
    size.saturating_add(missing).div_ceil(1 << 30)
}

/// What makes room, the nearest first. `from` is the backup, where there is one.
fn ways(target: &Target, claim: &Claim, from: Option<&str>, kept: Kept, gib: Option<u64>) -> Vec<String> {
    let Target { host, namespace, name, .. } = target;
    let size = gib.map_or_else(|| "SIZE".to_owned(), |gib| format!("{gib}Gi"));
    let class = claim.class.as_deref().unwrap_or("of the default class");
    let grow = json!({"spec": {"resources": {"requests": {"storage": size}}}});
    let patch = kubectl_patch(target, "persistentvolumeclaims", &claim.name, &grow);
    let mut ways = Vec::new();
    match &claim.grows {
        Known::Yes(true) => ways.push(format!("`{patch}` enlarges it, then run this again")),
        Known::Yes(false) => {}
        Known::No(why) => ways.push(format!(
            "`{patch}` enlarges it where its class {class} allows that, which is not known ({why}); then run this again"
        )),
        Known::NotApplicable => {
            ways.push(format!("`{patch}` enlarges it where its volume can grow, then run this again"));
        }
    }
    if kept == Kept::Etcd {
        ways.push(format!(
            "`v9s store {name} -n {namespace} --context {host} --recover-space` while it answers"
        ));
    }
    if claim.grows == Known::Yes(false) {
        let refused = format!("claims of the class {class} do not grow");
        ways.push(match from {
            Some(from) => format!(
                "{refused}: `v9s restore {name} --into NEW --of-namespace {namespace} --context {host} --from '{from}' --set {}={size}` makes another virtual cluster with a larger one",
                setting(kept)
            ),
            None => format!("{refused}: its volume has to be replaced by a larger one"),
        });
    }
    ways
}

/// Where `vcluster.yaml` says how large the claim is.
fn setting(kept: Kept) -> &'static str {
    match kept {
        Kept::Sqlite => "controlPlane.statefulSet.persistence.volumeClaim.size",
        Kept::Etcd => "controlPlane.backingStore.etcd.deploy.statefulSet.persistence.volumeClaim.size",
    }
}

/// A new store that is to be put in place, and what is told where it has no room.
#[derive(Clone, Copy)]
pub(super) struct Needed<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) target: &'a Target,
    pub(super) place: &'a Place,
    /// The backup that it is made of, as it is written; none where it is made of something else.
    pub(super) from: Option<&'a str>,
    /// Bytes of its file.
    pub(super) length: u64,
}

impl Needed<'_> {
    /// Nothing where it fits beside the old store, or else what makes room.
    pub(super) async fn on(&self, claim: &str, room: Room) -> Result<(), Box<NoRoom>> {
        let kept = self.place.kept;
        if fit(kept, self.length, room) == Fit::Beside {
            return Ok(());
        }
        let claim = self.claim(claim).await;
        let gib = claim.size.map(|size| enough(size, kept, self.length, room));
        let ways = ways(self.target, &claim, self.from, kept, gib);
        Err(Box::new(NoRoom { claim: claim.name, kept, length: self.length, room, ways }))
    }

    /// What cannot be read is not known, and keeps nobody from being told the rest.
    async fn claim(&self, name: &str) -> Claim {
        let namespace = self.place.part.namespace.clone();
        let object = ObjectRef::namespaced(Resource::PERSISTENT_VOLUME_CLAIMS, namespace, name);
        let found = self.cluster.get::<Value>(&object).await.unwrap_or_default();
        let class = found["spec"]["storageClassName"].as_str().filter(|class| !class.is_empty());
        let grows = match class {
            None => Known::NotApplicable,
            Some(class) => {
                let class =
                    ObjectRef { resource: Resource::STORAGE_CLASSES, namespace: None, name: class.into() };
                match self.cluster.get::<Value>(&class).await {
                    Ok(class) => Known::Yes(class["allowVolumeExpansion"] == true),
                    Err(failure) => Known::No(failure.to_smolstr()),
                }
            }
        };
        Claim { name: name.into(), size: size(&found), class: class.map(SmolStr::new), grows }
    }
}

/// What a claim has, else what it asks for.
fn size(claim: &Value) -> Option<u64> {
    let said = [&claim["status"]["capacity"]["storage"], &claim["spec"]["resources"]["requests"]["storage"]];
    let said = said.into_iter().find_map(Value::as_str)?;
    // Whole bytes; a claim is no larger than f64 counts exactly.
    Quantity::parse(said).map(|size| size.to_f64().max(0.0) as u64)
}

/// What makes room on the volumes of a store that has none left: half as much again, by a whole GiB at least.
pub(super) async fn more(cluster: &Cluster, target: &Target, place: &Place) -> Vec<String> {
    let needed = Needed { cluster, target, place, from: None, length: 0 };
    let mut all: Vec<String> = Vec::new();
    for member in &place.members {
        let claim = needed.claim(&member.claim).await;
        let gib = claim.size.map(|size| size.saturating_add((size / 2).max(1 << 30)).div_ceil(1 << 30));
        for way in ways(target, &claim, None, place.kept, gib) {
            if !all.contains(&way) {
                all.push(way);
            }
        }
    }
    all
}

/// Whether there is room for a new store of so many bytes beside the old one, as far as the kubelets of its pods tell: of a store that does
/// not run it is found out when its volume is held.
pub(super) async fn room(
    cluster: &Cluster,
    target: &Target,
    plan: &RestorePlan,
    (length, from): (u64, Option<&str>),
) -> Result<(), RestoreError> {
    let Ok(store) = store::open(cluster, target).await else { return Ok(()) };
    let Known::Yes(volumes) = store.volumes().await else { return Ok(()) };
    let needed = Needed { cluster, target, place: &plan.place, from, length };
    for volume in volumes {
        if plan.place.members.iter().any(|member| member.claim == volume.claim) {
            // What is used is that store, and hardly anything else.
            let room = Room { free: volume.free(), old: volume.used };
            let fits = needed.on(&volume.claim, room).await;
            fits.map_err(|no| RestoreError::Unfit(no.to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::tests::{alone, plane};

    const GIB: u64 = 1 << 30;

    fn room(free: u64, old: u64) -> Room {
        Room { free, old }
    }

    #[test]
    fn both_stores_must_fit_together_and_etcd_is_unpacked_beside_what_is_sent() {
        for (kept, length, free, old, expected) in [
            (Kept::Sqlite, GIB, 2 * GIB, GIB, Fit::Beside),
            (Kept::Sqlite, GIB, GIB, GIB, Fit::Alone),
            (Kept::Sqlite, GIB, GIB + SPARE, 0, Fit::Beside),
            (Kept::Sqlite, GIB, GIB + SPARE - 1, 0, Fit::Never),
            (Kept::Sqlite, GIB, 0, GIB + SPARE, Fit::Alone),
            (Kept::Sqlite, GIB, 0, GIB, Fit::Never),
            (Kept::Etcd, GIB, 2 * GIB, 3 * GIB, Fit::Alone),
            (Kept::Etcd, GIB, 2 * GIB + SPARE, 3 * GIB, Fit::Beside),
            (Kept::Etcd, u64::MAX, u64::MAX - 1, 1, Fit::Alone),
            (Kept::Sqlite, 0, SPARE, 0, Fit::Beside),
        ] {
            assert_eq!(fit(kept, length, room(free, old)), expected, "{kept:?} {length} {free} {old}");
        }
    }

    #[test]
    fn a_claim_that_is_large_enough_takes_the_new_store_beside_the_old_one() {
        for (kept, length, free) in
            [(Kept::Sqlite, GIB, 0), (Kept::Sqlite, 3 * GIB + 7, GIB), (Kept::Etcd, 2 * GIB, GIB / 2)]
        {
            let size = 5 * GIB;
            let gib = enough(size, kept, length, room(free, 4 * GIB));
            let grown = room(free + gib * GIB - size, 4 * GIB);
            assert_eq!(fit(kept, length, grown), Fit::Beside, "{kept:?} {length} {free}: {gib} GiB");
            let less = room(free + (gib - 1) * GIB - size, 4 * GIB);
            assert_ne!(fit(kept, length, less), Fit::Beside, "and no more than it takes");
        }
    }

    fn told(kept: Kept, grows: Known<bool>, from: Option<&str>, old: u64) -> String {
        let claim =
            Claim { name: "data-shop-0".into(), size: Some(5 * GIB), class: Some("fast".into()), grows };
        let (length, room) = (2 * GIB, room(GIB, old));
        let gib = claim.size.map(|size| enough(size, kept, length, room));
        let ways = ways(&alone(vec![plane(1)]), &claim, from, kept, gib);
        NoRoom { claim: claim.name, kept, length, room, ways }.to_string()
    }

    #[test]
    fn what_makes_room_is_told_with_its_command() {
        let grows = told(Kept::Sqlite, Known::Yes(true), Some("/b/x"), 3 * GIB);
        insta::assert_snapshot!(grows);
        assert!(grows.contains("7Gi") && !grows.contains("--into"), "{grows}");
        let fixed = told(Kept::Sqlite, Known::Yes(false), Some("/b/x"), 3 * GIB);
        assert!(fixed.contains("--into NEW") && fixed.contains("volumeClaim.size=7Gi"), "{fixed}");
        assert!(!fixed.contains("kubectl"), "what its class refuses is not advised: {fixed}");
        let adopted = told(Kept::Sqlite, Known::Yes(false), None, 3 * GIB);
        assert!(adopted.contains("replaced by a larger one"), "{adopted}");
        let unknown = told(Kept::Etcd, Known::unknown("forbidden"), None, 5 * GIB);
        assert!(
            unknown.contains("not known (forbidden)") && unknown.contains("--recover-space"),
            "{unknown}"
        );
        let never = told(Kept::Etcd, Known::Yes(true), None, GIB);
        assert!(never.contains("without the old one either"), "{never}");
    }

    #[test]
    fn a_claim_is_as_large_as_its_volume() {
        let claim = json!({
            "spec": {"resources": {"requests": {"storage": "5Gi"}}}, "status": {"capacity": {"storage": "8Gi"}},
        });
        assert_eq!(size(&claim), Some(8 * GIB));
        assert_eq!(size(&json!({"spec": claim["spec"]})), Some(5 * GIB));
        assert_eq!(size(&json!({})), None);
    }
}
