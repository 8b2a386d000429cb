//! Each way in which a proof may lie, and what comes of it.

mod law;
mod scopes;
mod table;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::cluster::Resource;
use crate::gc::claim::{Claim, Raw};
use crate::gc::proof::{Care, Doubt, Kept, Reason, Verdict, proof};
use crate::gc::world::{Answer, Asked, Place, Sight, Standing, Store, Twin, World};
use crate::target::Rest;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

/// A pod of `default/web` in `team/shop`, made three hours ago.
fn pod() -> Value {
    json!({"metadata": {
        "name": "web-x-default-x-shop", "namespace": "team", "uid": "h1", "resourceVersion": "7",
        "creationTimestamp": "2026-11-21T09:00:00Z",
        "labels": {"vcluster.loft.sh/managed-by": "shop", "vcluster.loft.sh/namespace": "default"},
        "annotations": {
            "vcluster.loft.sh/object-name": "web", "vcluster.loft.sh/object-namespace": "default",
            "vcluster.loft.sh/object-uid": "v1", "vcluster.loft.sh/object-kind": "/v1, Kind=Pod",
            "vcluster.loft.sh/object-host-name": "web-x-default-x-shop",
            "vcluster.loft.sh/object-host-namespace": "team"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "shop", "uid": "s"}]}})
}

fn change(mut object: Value, path: &str, value: Value) -> Value {
    let at = object.pointer_mut(path);
    match at {
        Some(at) => *at = value,
        None => {
            let (parent, key) = path.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/");
            object.pointer_mut(parent).unwrap()[key] = value;
        }
    }
    object
}

fn without(mut object: Value, parent: &str, key: &str) -> Value {
    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    object
}

fn claim(resource: &Resource, object: Value) -> Claim {
    serde_json::from_value::<Raw>(object).unwrap().into_claim(resource)
}

fn world(standing: Option<Standing>) -> World {
    let vclusters = standing.map(|standing| (Place::new("team", "shop"), standing));
    World {
        now: now(),
        sight: Sight::All,
        vclusters: vclusters.into_iter().collect(),
        going: BTreeMap::new(),
        satellites: BTreeMap::new(),
    }
}

fn runs() -> Option<Standing> {
    Some(Standing::Runs { store: Some("k".into()) })
}

/// A second after the host was read.
struct Said {
    after: i64,
    store: Store,
    twin: Option<(&'static str, &'static str)>,
    bears: bool,
}

fn nothing() -> Said {
    Said { after: 1, store: Store::Known, twin: None, bears: false }
}

struct Clock {
    seen: Instant,
    now: Instant,
}

fn clock() -> Clock {
    let seen = Instant::now() + Duration::from_secs(3600);
    Clock { seen, now: seen + Duration::from_secs(2) }
}

fn judge(resource: &Resource, object: Value, world: &World, said: Result<Said, &'static str>) -> Verdict {
    let clock = clock();
    let asked = match said {
        Err(why) => Asked::Not(why.into()),
        Ok(said) => {
            let ago = Duration::from_secs(said.after.unsigned_abs());
            let asked = if said.after < 0 { clock.seen - ago } else { clock.seen + ago };
            let twin =
                said.twin.map(|(uid, at)| Twin { uid: uid.into(), created: Some(at.parse().unwrap()) });
            Asked::Answered(Answer { asked, at: now(), store: said.store, twin, bears: said.bears })
        }
    };
    proof(&claim(resource, object), clock.seen, clock.now, world, &asked, Care::default())
}

/// The verdict in a word or two.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Orphan { reason, .. } => format!("orphan {} {}", reason.letter(), reason.code()),
        Verdict::Suspect { doubt, .. } => format!("suspect {}", doubt.code()),
        Verdict::Kept(kept) => format!("kept: {kept}"),
        Verdict::Unknown(why) => format!("unknown: {why}"),
    }
}
