use std::collections::{BTreeSet, HashSet};

use chrono::Duration;

use super::*;
use crate::demo::address::Address;
use crate::demo::company::estates;
use crate::demo::objects::Maker;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_794_000_000, 0).unwrap()
}

fn setting() -> Setting {
    Setting { now: start(), nodes: vec!["node-1".to_owned()], managed_fields: false }
}

fn life(estate: &Estate) -> Life {
    Life::new(estate, setting(), Seed::new(1))
}

/// The pods of an estate, as they were put there.
fn pods_of(estate: &Estate) -> BTreeSet<Address> {
    let setting = setting();
    let pods = estate.tenants.iter().flat_map(|tenant| {
        let maker = Maker::new(tenant, &setting);
        let owner = maker.planned_owner();
        maker.pods(&owner).map(|pod| Address::of(&pod)).collect::<Vec<_>>()
    });
    pods.collect()
}

/// A thousand ticks of the first estate.
fn a_while(estate: &Estate) -> Vec<Vec<Deed>> {
    let mut life = life(estate);
    (1..=1_000).map(|n| life.tick(start() + Duration::seconds(n))).collect()
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let estate = &estates(Seed::new(1), start())[0];
    assert_eq!(a_while(estate), a_while(estate));
}

#[test]
fn what_is_deleted_was_there_and_what_is_created_was_not() {
    let estate = &estates(Seed::new(1), start())[0];
    let mut present = pods_of(estate);
    for deed in a_while(estate).into_iter().flatten() {
        let address = deed.address();
        match deed {
            Deed::Create(_) | Deed::Place(_) => {
                assert!(present.insert(address.clone()), "{address} is there")
            }
            Deed::Delete(_) if address.kind == "Namespace" => {
                assert!(present.remove(&address), "{address} is not there");
                present.retain(|other| other.namespace != address.name);
            }
            Deed::Delete(_) => assert!(present.remove(&address), "{address} is not there"),
            Deed::Patch { .. } => {}
        }
    }
}

#[test]
fn everything_happens_and_nothing_piles_up() {
    let estate = &estates(Seed::new(1), start())[0];
    let before = pods_of(estate).len() as i64;
    let deeds: Vec<_> = a_while(estate).into_iter().flatten().collect();
    let count = |holds: fn(&Deed) -> bool| deeds.iter().filter(|deed| holds(deed)).count() as i64;
    let created = count(|d| matches!(d, Deed::Create(pod) if pod["kind"] == "Pod"));
    let deleted = count(|d| matches!(d, Deed::Delete(a) if a.kind == "Pod"));
    let guests = count(|d| matches!(d, Deed::Place(o) if o["kind"] == "Namespace"));
    let gone = count(|d| matches!(d, Deed::Delete(a) if a.kind == "Namespace"));
    assert!(created > 300 && deleted > 300, "{created} created, {deleted} deleted");
    assert!(guests > 4 && (guests - gone) <= 3, "{guests} guests, {gone} gone");
    assert!(before + created - deleted < before + 200, "{created} created, {deleted} deleted");
    assert!(count(|d| matches!(d, Deed::Patch { .. })) > 0);
}

#[test]
fn tenants_that_do_not_serve_are_left_alone() {
    let estate = &estates(Seed::new(1), start())[0];
    let still: HashSet<_> =
        estate.tenants.iter().filter(|tenant| !tenant.serves()).map(|tenant| &tenant.namespace).collect();
    for deed in a_while(estate).into_iter().flatten() {
        assert!(!still.contains(&deed.address().namespace), "{deed:?}");
    }
}
