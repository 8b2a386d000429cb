//! Volumes and configuration.

use serde_json::Value;

use super::format::or_none;
use super::{Printer, Row};

pub(super) const VOLUME: Printer = Printer {
    columns: &[
        "=Name",
        "Capacity",
        "Access Modes",
        "Reclaim Policy",
        "Status",
        "Claim",
        "StorageClass",
        "VolumeAttributesClass",
        "Reason",
        "Age",
        "+VolumeMode",
    ],
    row: |row| {
        let claim = match row.at("/spec/claimRef") {
            None => String::new(),
            Some(_) => format!("{}/{}", row.str("/spec/claimRef/namespace"), row.str("/spec/claimRef/name")),
        };
        vec![
            row.name(),
            row.quantity("/spec/capacity/storage").into(),
            access_modes(row, "/spec/accessModes").into(),
            row.text("/spec/persistentVolumeReclaimPolicy"),
            phase(row),
            claim.into(),
            class(row),
            row.text_or("/spec/volumeAttributesClassName", "<unset>"),
            row.text("/status/reason"),
            row.age(),
            row.text_or("/spec/volumeMode", "<unset>"),
        ]
    },
};

pub(super) const CLAIM: Printer = Printer {
    columns: &[
        "=Name",
        "Status",
        "Volume",
        "Capacity",
        "Access Modes",
        "StorageClass",
        "VolumeAttributesClass",
        "Age",
        "+VolumeMode",
    ],
    row: |row| {
        let bound = !row.str("/spec/volumeName").is_empty();
        let capacity = if bound { row.quantity("/status/capacity/storage") } else { String::new() };
        let modes = if bound { access_modes(row, "/status/accessModes") } else { String::new() };
        vec![
            row.name(),
            phase(row),
            row.text("/spec/volumeName"),
            capacity.into(),
            modes.into(),
            class(row),
            row.text_or("/spec/volumeAttributesClassName", "<unset>"),
            row.age(),
            row.text_or("/spec/volumeMode", "<unset>"),
        ]
    },
};

fn phase(row: &Row<'_>) -> Value {
    match row.at("/metadata/deletionTimestamp") {
        Some(_) => "Terminating".into(),
        None => row.text("/status/phase"),
    }
}

fn class(row: &Row<'_>) -> Value {
    match row.str("/metadata/annotations/volume.beta.kubernetes.io~1storage-class") {
        "" => row.text("/spec/storageClassName"),
        class => class.into(),
    }
}

fn access_modes(row: &Row<'_>, path: &str) -> String {
    const MODES: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |mode: &str| row.list(path).iter().any(|known| known == mode);
    let short: Vec<&str> = MODES.iter().filter(|(mode, _)| has(mode)).map(|(_, short)| *short).collect();
    short.join(",")
}

pub(super) const CLASS: Printer = Printer {
    columns: &["=Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"],
    row: |row| {
        let is = |key: &str| row.str(&format!("/metadata/annotations/storageclass{key}")) == "true";
        let default = is(".kubernetes.io~1is-default-class") || is(".beta.kubernetes.io~1is-default-class");
        vec![
            format!("{}{}", row.str("/metadata/name"), if default { " (default)" } else { "" }).into(),
            row.text("/provisioner"),
            row.text_or("/reclaimPolicy", "Delete"),
            row.text_or("/volumeBindingMode", "Immediate"),
            row.flag("/allowVolumeExpansion", false),
            row.age(),
        ]
    },
};

pub(super) const ATTACHMENT: Printer = Printer {
    columns: &["=Name", "=Attacher", "PV", "Node", "?Attached", "Age"],
    row: |row| {
        vec![
            row.name(),
            row.text("/spec/attacher"),
            row.text("/spec/source/persistentVolumeName"),
            row.text("/spec/nodeName"),
            row.flag("/status/attached", false),
            row.age(),
        ]
    },
};

pub(super) const DRIVER: Printer = Printer {
    columns: &[
        "=Name",
        "?AttachRequired",
        "?PodInfoOnMount",
        "?StorageCapacity",
        "TokenRequests",
        "?RequiresRepublish",
        "Modes",
        "Age",
    ],
    row: |row| {
        let join = |values: Vec<&str>| values.join(",");
        let audiences = row.at("/spec/tokenRequests").map_or_else(
            || "<unset>".to_owned(),
            |_| join(row.list("/spec/tokenRequests").iter().filter_map(|t| t["audience"].as_str()).collect()),
        );
        let modes = join(row.list("/spec/volumeLifecycleModes").iter().filter_map(Value::as_str).collect());
        vec![
            row.name(),
            row.flag("/spec/attachRequired", true),
            row.flag("/spec/podInfoOnMount", false),
            row.flag("/spec/storageCapacity", false),
            audiences.into(),
            row.flag("/spec/requiresRepublish", false),
            or_none(modes).into(),
            row.age(),
        ]
    },
};

pub(super) const NODE: Printer = Printer {
    columns: &["=Name", "#Drivers", "Age"],
    row: |row| vec![row.name(), row.count("/spec/drivers").into(), row.age()],
};

pub(super) const CONFIG_MAP: Printer = Printer {
    columns: &["=Name", "Data", "Age"],
    row: |row| vec![row.name(), (row.count("/data") + row.count("/binaryData")).into(), row.age()],
};

pub(super) const SECRET: Printer = Printer {
    columns: &["=Name", "Type", "Data", "Age"],
    row: |row| vec![row.name(), row.text("/type"), row.count("/data").into(), row.age()],
};

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use serde_json::json;

    #[test]
    fn claims_show_size_only_once_bound() {
        let pending = shown(
            "pvc",
            json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"},
            "status": {"phase": "Pending"}}),
        );
        assert_eq!(pending[1..6], [json!("Pending"), json!(""), json!(""), json!(""), json!("fast")]);
        let bound = shown(
            "pvc",
            json!({"spec": {"volumeName": "pv-1"}, "status": {"phase": "Bound",
            "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "capacity": {"storage": "1Gi"}}}),
        );
        assert_eq!(bound[1..5], [json!("Bound"), json!("pv-1"), json!("1Gi"), json!("RWO,RWX")]);
    }

    #[test]
    fn the_default_class_says_so() {
        let class = shown(
            "sc",
            json!({"metadata": {"name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "x"}),
        );
        assert_eq!(class[0], json!("standard (default)"));
    }

    #[test]
    fn secrets_show_how_many_keys_and_nothing_else() {
        let secret = shown(
            "secrets",
            json!({"metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "eA==", "b": ""}}),
        );
        assert_eq!(secret[..3], [json!("s"), json!("Opaque"), json!(2)]);
    }
}
