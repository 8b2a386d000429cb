//! What happens: to a few objects of each kind, on either side, and to the syncer.

use std::time::Duration;

use anyhow::Result;
use proptest::prelude::{Just, Strategy, any as anything, prop_oneof};
use proptest::sample::select;
use serde_json::{Value, json};
use v9s_syncer::resources::Settings;

use crate::pair::{Pair, create, delete_with, get, patch};

/// Virtual namespaces.
pub const NAMESPACES: [&str; 2] = ["red", "blue"];
/// Names in each of them.
const NAMES: [&str; 3] = ["a", "b-c", "d"];

/// A kind that takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ConfigMap,
    Secret,
    Service,
    Pod,
    NetworkPolicy,
    Ingress,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::ConfigMap, Kind::Secret, Kind::Service, Kind::Pod, Kind::NetworkPolicy, Kind::Ingress];

    /// The objects of a namespace.
    pub fn collection(self, namespace: &str) -> String {
        let (root, plural) = match self {
            Kind::ConfigMap => ("api/v1", "configmaps"),
            Kind::Secret => ("api/v1", "secrets"),
            Kind::Service => ("api/v1", "services"),
            Kind::Pod => ("api/v1", "pods"),
            Kind::NetworkPolicy => ("apis/networking.k8s.io/v1", "networkpolicies"),
            Kind::Ingress => ("apis/networking.k8s.io/v1", "ingresses"),
        };
        format!("/{root}/namespaces/{namespace}/{plural}")
    }

    fn api_version(self) -> &'static str {
        match self {
            Kind::NetworkPolicy | Kind::Ingress => "networking.k8s.io/v1",
            _ => "v1",
        }
    }

    /// What a tenant can change of it at any time, made of a number.
    fn content(self, number: u8) -> Value {
        match self {
            Kind::ConfigMap => {
                json!({"data": {"number": number.to_string(), format!("key-{}", number % 3): "x"}})
            }
            Kind::Secret => json!({"stringData": {"number": number.to_string()}}),
            Kind::Service => json!({"spec": {"ports": [{"name": "web", "port": 1000 + u32::from(number)}]}}),
            Kind::Pod => json!({"spec": {"containers": [{"name": "web", "image": format!("web:{number}")}]}}),
            Kind::NetworkPolicy => {
                json!({"spec": {"podSelector": {"matchLabels": {"number": number.to_string()}}, "policyTypes": ["Ingress"]}})
            }
            Kind::Ingress => {
                let backend = json!({"service": {"name": NAMES[0], "port": {"number": 80}}});
                json!({"spec": {"defaultBackend": backend, "rules": [{"host": format!("h{number}.example.org")}]}})
            }
        }
    }

    fn object(self, name: &str, number: u8) -> Value {
        let mut object = self.content(number);
        object["apiVersion"] = json!(self.api_version());
        object["kind"] = json!(format!("{self:?}"));
        object["metadata"] = json!({"name": name, "labels": {"color": number.to_string()}});
        if matches!(self, Kind::ConfigMap | Kind::Secret) && !number.is_multiple_of(4) {
            object["metadata"]["annotations"] = json!({"vcluster.loft.sh/force-sync": "true"});
        }
        if self == Kind::Pod {
            object["spec"]["dnsPolicy"] = json!("Default");
            let used = NAMES[usize::from(number) % NAMES.len()];
            object["spec"]["volumes"] = match number % 3 {
                0 => json!([{"name": "v", "configMap": {"name": used, "optional": true}}]),
                1 => json!([{"name": "v", "secret": {"secretName": used, "optional": true}}]),
                _ => json!([]),
            };
        }
        object
    }
}

/// One of the few places where objects are.
#[derive(Debug, Clone, Copy)]
pub struct Slot(Kind, &'static str, &'static str);

impl Slot {
    fn inside(self) -> String {
        format!("{}/{}", self.0.collection(self.1), self.2)
    }

    fn outside(self, pair: &Pair) -> String {
        format!("{}/{}", self.0.collection(&pair.namespace), pair.host_name(self.1, self.2))
    }
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A tenant makes or changes an object.
    Put(Slot, u8),
    /// A tenant deletes one.
    Delete(Slot),
    /// A tenant puts another in the place of one, faster than anybody looks.
    Replace(Slot, u8),
    /// Somebody on the host changes what both may change.
    ChangeOnHost(Slot, u8),
    /// Somebody on the host deletes a copy.
    DeleteOnHost(Slot),
    /// A kubelet reports.
    Report(Slot, &'static str),
    /// The syncer stops in good order.
    Stop,
    /// It is killed.
    Kill,
    /// It starts, if it does not run.
    Start,
    /// Nothing happens for so many milliseconds.
    Pause(u8),
}

/// Any of them.
pub fn any() -> impl Strategy<Value = Deed> {
    let slot = || {
        (select(Kind::ALL.to_vec()), select(NAMESPACES.to_vec()), select(NAMES.to_vec()))
            .prop_map(|(kind, namespace, name)| Slot(kind, namespace, name))
    };
    let number = anything::<u8>;
    let phase = select(vec!["Running", "Running", "Succeeded", "Failed"]);
    prop_oneof![
        8 => (slot(), number()).prop_map(|(slot, number)| Deed::Put(slot, number)),
        3 => slot().prop_map(Deed::Delete),
        2 => (slot(), number()).prop_map(|(slot, number)| Deed::Replace(slot, number)),
        3 => (slot(), number()).prop_map(|(slot, number)| Deed::ChangeOnHost(slot, number)),
        2 => slot().prop_map(Deed::DeleteOnHost),
        2 => (slot(), phase).prop_map(|(slot, phase)| Deed::Report(Slot(Kind::Pod, slot.1, slot.2), phase)),
        1 => Just(Deed::Stop),
        1 => Just(Deed::Kill),
        3 => Just(Deed::Start),
        3 => (0..120_u8).prop_map(Deed::Pause),
    ]
}

/// Makes the namespaces.
pub async fn prepare(pair: &Pair) -> Result<()> {
    for name in NAMESPACES {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        create(&pair.tenant, "/api/v1/namespaces", &namespace).await?;
    }
    Ok(())
}

impl Deed {
    /// Carries it out; what is not there cannot be changed, and that is fine.
    pub async fn carry_out(&self, pair: &mut Pair, settings: &Settings) -> Result<()> {
        match *self {
            Deed::Put(slot, number) => put(pair, slot, number).await?,
            Deed::Delete(slot) => delete_now(&pair.tenant, &slot.inside()).await?,
            Deed::Replace(slot, number) => {
                delete_now(&pair.tenant, &slot.inside()).await?;
                put(pair, slot, number).await?;
            }
            Deed::ChangeOnHost(slot, number) => {
                let mut change = json!({"metadata": {"labels": {"color": format!("host-{number}")}}});
                if matches!(slot.0, Kind::ConfigMap | Kind::Secret) {
                    for (field, value) in slot.0.content(number).as_object().into_iter().flatten() {
                        change[field] = value.clone();
                    }
                }
                change_if_there(&pair.host, &slot.outside(pair), &change).await?;
            }
            Deed::DeleteOnHost(slot) => delete_now(&pair.host, &slot.outside(pair)).await?,
            Deed::Report(slot, phase) => {
                let change = json!({"status": {"phase": phase, "startTime": "2026-01-01T00:00:00Z"}});
                change_if_there(&pair.host, &format!("{}/status", slot.outside(pair)), &change).await?;
            }
            Deed::Stop => pair.stop().await,
            Deed::Kill => pair.kill(),
            Deed::Start if !pair.runs() => pair.start_with(settings),
            Deed::Start => {}
            Deed::Pause(millis) => tokio::time::sleep(Duration::from_millis(millis.into())).await,
        }
        Ok(())
    }
}

async fn put(pair: &Pair, slot: Slot, number: u8) -> Result<()> {
    let there = get(&pair.tenant, &slot.inside()).await?;
    if there.is_null() {
        // The syncer may be about to take its predecessor away.
        return tolerate(
            create(&pair.tenant, &slot.0.collection(slot.1), &slot.0.object(slot.2, number)).await,
        );
    }
    let mut change = slot.0.content(number);
    change["metadata"] = json!({"labels": {"color": number.to_string()}});
    change_if_there(&pair.tenant, &slot.inside(), &change).await
}

async fn change_if_there(at: &v9s_testkit::host::Host, path: &str, change: &Value) -> Result<()> {
    tolerate(patch(at, path, change).await)
}

async fn delete_now(at: &v9s_testkit::host::Host, path: &str) -> Result<()> {
    tolerate(delete_with(at, path, &json!({"gracePeriodSeconds": 0})).await)
}

/// Somebody else may have been faster: it is not there, there again, or in another state.
fn tolerate(done: Result<Value>) -> Result<()> {
    match done {
        Ok(_) => Ok(()),
        Err(error) => match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            _ => Err(error),
        },
    }
}
