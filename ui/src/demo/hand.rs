//! Carries out what the demo thinks up: on the store of an embedded host, without HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use v9s_sandbox::patch::merge;
use v9s_sandbox::status::Status;
use v9s_sandbox::store::{DeleteOptions, Gr, Seed as Seedling, Store, WriteOptions};

use super::address::Address;
use super::company::Estate;
use super::life::Deed;
use super::objects::{Maker, Setting};

/// Under this name the demo writes.
const MANAGER: &str = "v9s-demo";
/// Where the addresses of Services begin that were given out long ago, in the upper half of the host's `10.96.0.0/16`.
const FIRST_ADDRESS: u16 = 0x8000;

/// Somebody who does things on a host.
#[derive(Debug, Clone)]
pub struct Hand {
    store: Store,
    /// How many Services have got an address.
    addresses: Arc<AtomicU16>,
}

/// The host did not take a [`Deed`].
#[derive(Debug, thiserror::Error)]
#[error("{address}: {status}")]
pub struct Refused {
    /// What it was about.
    pub address: Box<Address>,
    /// What the host said.
    pub status: Box<Status>,
}

impl Hand {
    /// Works on this store.
    pub fn new(store: Store) -> Self {
        Hand { store, addresses: Arc::default() }
    }

    /// Puts a whole estate on the host, as if it had stood there for long; how many objects that were.
    pub fn settle(&self, estate: &Estate, setting: &Setting) -> usize {
        self.settle_control_planes(estate, setting) + self.settle_pods(estate, setting)
    }

    /// Puts everything on the host but the synced pods; how many objects that were.
    pub fn settle_control_planes(&self, estate: &Estate, setting: &Setting) -> usize {
        let of_tenants = estate.tenants.iter().map(|tenant| {
            let maker = Maker::new(tenant, setting);
            let owner = maker.planned_owner();
            let objects = [maker.namespace(), maker.service()]
                .into_iter()
                .chain(maker.chart())
                .chain(maker.quota())
                .chain(maker.runtime(&owner))
                .chain(maker.companion())
                .chain(maker.controlled())
                .chain(maker.synced(&owner));
            self.place(objects)
        });
        let of_ruins =
            estate.ruins.iter().map(|tenant| self.place([Maker::new(tenant, setting).namespace()]));
        of_tenants.chain(of_ruins).sum()
    }

    /// Puts the synced pods of an estate on the host; how many they were.
    pub fn settle_pods(&self, estate: &Estate, setting: &Setting) -> usize {
        let all = estate.tenants.iter().chain(&estate.ruins);
        all.map(|tenant| {
            let maker = Maker::new(tenant, setting);
            self.place(maker.pods(&maker.planned_owner()))
        })
        .sum()
    }

    /// Does one thing.
    ///
    /// # Errors
    /// What the host said when it refused.
    pub fn carry_out(&self, deed: Deed) -> Result<(), Refused> {
        let address = deed.address();
        self.attempt(deed, &address)
            .map_err(|status| Refused { address: Box::new(address), status: Box::new(status) })
    }

    fn attempt(&self, deed: Deed, address: &Address) -> Result<(), Status> {
        let namespace = Some(address.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let gr = resource(address);
        let by = WriteOptions::by(MANAGER);
        match deed {
            Deed::Place(object) => {
                if self.place([object]) == 0 {
                    return Err(Status::not_found(&gr, &address.name));
                }
            }
            Deed::Create(object) => drop(self.store.create(&gr, namespace, object, &by)?),
            Deed::Patch { patch, .. } => {
                let change = |_: &_, object: Value| Ok(merge(&object, &patch));
                self.store.update(&gr, namespace, &address.name, "", &by, change)?;
            }
            Deed::Delete(_) => {
                self.store.delete(&gr, namespace, &address.name, &DeleteOptions::default())?;
            }
        }
        Ok(())
    }

    fn place(&self, objects: impl IntoIterator<Item = Value>) -> usize {
        let seedlings = objects.into_iter().map(|object| {
            let resource = resource(&Address::of(&object));
            Seedling { resource, object: self.with_address(object) }
        });
        self.store.seed(seedlings)
    }

    /// A Service with the address that a host would have given it; anything else as it is.
    fn with_address(&self, mut object: Value) -> Value {
        if object["kind"] == "Service" && object["spec"]["clusterIP"].is_null() {
            let nth = self.addresses.fetch_add(1, Ordering::Relaxed);
            let [high, low] = FIRST_ADDRESS.saturating_add(nth).to_be_bytes();
            let address = format!("10.96.{high}.{low}");
            object["spec"]["clusterIPs"] = json!([address]);
            object["spec"]["clusterIP"] = json!(address);
        }
        object
    }
}

fn resource(address: &Address) -> Gr {
    Gr::new(address.group.as_str(), address.plural())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use v9s_sandbox::kinds::Kinds;
    use v9s_sandbox::store::StoreOptions;

    use super::*;
    use crate::demo::company::estates;
    use crate::demo::life::Life;
    use crate::demo::seed::Seed;

    const PODS: Gr = Gr::core("pods");

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_794_000_000, 0).unwrap()
    }

    fn setting() -> Setting {
        Setting { now: start(), nodes: vec!["node-1".to_owned()], managed_fields: false }
    }

    fn settled(estate: &Estate) -> (Hand, Store) {
        let store = Store::new(Kinds::builtin().clone(), &StoreOptions::default());
        let hand = Hand::new(store.clone());
        hand.settle(estate, &setting());
        (hand, store)
    }

    #[test]
    fn a_settled_host_holds_every_object_with_its_own_uid_and_age() {
        for estate in estates(Seed::new(1), start()) {
            let (_, store) = settled(&estate);
            let setting = setting();
            for tenant in &estate.tenants {
                let maker = Maker::new(tenant, &setting);
                let owner = maker.planned_owner();
                let service =
                    store.get(&Gr::core("services"), Some(&tenant.namespace), &tenant.name).unwrap();
                assert_eq!(service.uid(), owner.0);
                for pod in maker.pods(&owner) {
                    let name = pod["metadata"]["name"].as_str().unwrap();
                    let held = store.get(&PODS, Some(&tenant.namespace), name).unwrap().value();
                    assert_eq!(held["metadata"]["creationTimestamp"], pod["metadata"]["creationTimestamp"]);
                    assert_eq!(held["status"], pod["status"]);
                }
            }
        }
    }

    #[test]
    fn a_host_takes_the_life_it_is_given() {
        let estate = &estates(Seed::new(1), start())[0];
        let (hand, store) = settled(estate);
        let mut life = Life::new(estate, setting(), Seed::new(1));
        let before = store.revision();
        for n in 1..=300 {
            for deed in life.tick(start() + Duration::seconds(n)) {
                // No controller empties the namespaces of guests that left; everything else has to work.
                hand.carry_out(deed).unwrap();
            }
        }
        assert!(store.revision() > before + 300);
    }

    #[test]
    fn every_service_has_an_address_of_its_own() {
        let estate = estates(Seed::new(1), start()).remove(0);
        let (_, store) = settled(&estate);
        let services = store.all(&Gr::core("services"), None);
        let addresses: Vec<String> = services
            .iter()
            .map(|service| service.value()["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned())
            .filter(|address| address != "None")
            .collect();
        let different: std::collections::BTreeSet<&String> = addresses.iter().collect();
        assert!(addresses.len() > 5 && different.len() == addresses.len(), "{addresses:?}");
        assert!(addresses.iter().all(|address| address.starts_with("10.96.")), "{addresses:?}");
    }
}
