//! What pods of a control plane need to be pulled and to run where they do: pods that stand beside them need the same.

use serde_json::Value;

/// Fields of a pod's spec, null where they are not given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Placement {
    pull_secrets: Value,
    node_selector: Value,
    tolerations: Value,
}

impl Placement {
    /// That of the pods of a workload.
    pub fn of(workload: &Value) -> Placement {
        let spec = &workload["spec"]["template"]["spec"];
        Placement {
            pull_secrets: spec["imagePullSecrets"].clone(),
            node_selector: spec["nodeSelector"].clone(),
            tolerations: spec["tolerations"].clone(),
        }
    }

    /// Writes it into the spec of a pod.
    pub fn write(&self, spec: &mut Value) {
        let fields = [
            ("imagePullSecrets", &self.pull_secrets),
            ("nodeSelector", &self.node_selector),
            ("tolerations", &self.tolerations),
        ];
        for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
            spec[field] = value.clone();
        }
    }
}
