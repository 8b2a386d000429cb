//! The Node objects.

use serde_json::{Value, json};

use crate::clock::stamp;
use crate::kinds::KUBERNETES_VERSION;
use chrono::{DateTime, Utc};

/// How the nodes of a host are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machines {
    /// How many there are.
    pub count: usize,
    /// Cores of each.
    pub cpu: u32,
    /// Memory of each in GiB.
    pub memory: u32,
    /// Most pods on each.
    pub pods: u32,
    /// What their names start with; a number follows.
    pub prefix: String,
}

/// None: pods stay pending, unless nodes are put there.
impl Default for Machines {
    fn default() -> Self {
        Machines { count: 0, cpu: 16, memory: 64, pods: 250, prefix: "node-".to_owned() }
    }
}

impl Machines {
    /// The name of a node, counted from 1.
    pub fn name(&self, number: usize) -> String {
        format!("{}{number}", self.prefix)
    }
}

/// What a healthy node says of itself: reason and message of each condition.
const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// The address of a node, by its number.
pub(super) fn address(number: usize) -> String {
    format!("10.1.{}.{}", number / 250, number % 250 + 1)
}

/// A node as it registers.
pub(super) fn node(machines: &Machines, number: usize, now: DateTime<Utc>) -> Value {
    let name = machines.name(number);
    let zone = ["a", "b", "c"].get(number % 3).copied().unwrap_or("a");
    let capacity = |cpu: String, memory: u64| {
        json!({"cpu": cpu, "memory": format!("{memory}Ki"), "pods": machines.pods.to_string(),
            "ephemeral-storage": "200Gi", "hugepages-1Gi": "0", "hugepages-2Mi": "0"})
    };
    let memory = u64::from(machines.memory) * 1024 * 1024;
    // A kubelet keeps some for itself and the system.
    let allocatable = (format!("{}m", u64::from(machines.cpu) * 1000 - 100), memory - memory / 32);
    json!({
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
                "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
                "topology.kubernetes.io/region": "local", "topology.kubernetes.io/zone": format!("local-{zone}"),
                "node.kubernetes.io/instance-type": format!("sim.{}x{}", machines.cpu, machines.memory),
            },
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {"providerID": format!("sim:///local-{zone}/{name}")},
        "status": {
            "capacity": capacity(machines.cpu.to_string(), memory),
            "allocatable": capacity(allocatable.0, allocatable.1),
            "conditions": conditions(now),
            "addresses": [{"type": "InternalIP", "address": address(number)}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "osImage": "Debian GNU/Linux 12 (bookworm)",
                "kernelVersion": "6.1.0-31-amd64", "containerRuntimeVersion": "containerd://2.1.4",
                "kubeletVersion": KUBERNETES_VERSION, "kubeProxyVersion": "",
                "machineID": format!("{number:032x}"), "systemUUID": format!("{number:08x}-0000-4000-8000-000000000000"),
                "bootID": format!("{number:08x}-0000-4000-8000-000000000001"),
            },
            "images": [],
        },
    })
}

fn conditions(now: DateTime<Utc>) -> Value {
    let now = stamp(now);
    let conditions = CONDITIONS.iter().map(|(kind, status, reason, message)| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    });
    Value::Array(conditions.collect())
}

/// What the conditions of a node become when its kubelet is heard of no more, or again.
pub(super) fn set_heard(status: &mut Value, heard: bool, now: DateTime<Utc>) {
    let now = stamp(now);
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        let usual = CONDITIONS.iter().find(|(kind, ..)| condition["type"] == *kind);
        let Some((_, usual, reason, message)) = usual else { continue };
        let (word, reason, message) = match heard {
            true => (*usual, *reason, *message),
            false => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
        };
        if condition["status"] == word {
            continue;
        }
        if heard {
            condition["lastHeartbeatTime"] = json!(now);
        }
        condition["status"] = json!(word);
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
        condition["lastTransitionTime"] = json!(now);
    }
}

/// Whether a node (its status) is ready.
pub(super) fn is_ready(status: &Value) -> bool {
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_addresses_of_their_own() {
        let addresses: std::collections::BTreeSet<String> = (1..=2000).map(address).collect();
        assert_eq!(addresses.len(), 2000);
    }

    #[test]
    fn a_node_that_is_not_heard_of_is_unknown_until_it_is_again() {
        let now = DateTime::UNIX_EPOCH;
        let mut status = node(&Machines::default(), 1, now)["status"].clone();
        let healthy = status.clone();
        assert!(is_ready(&status));
        set_heard(&mut status, false, now);
        assert!(!is_ready(&status));
        assert_eq!(status["conditions"][0]["status"], "Unknown");
        set_heard(&mut status, true, now);
        assert_eq!(status, healthy);
    }
}
