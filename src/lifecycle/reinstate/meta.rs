//! The metadata of an object: read from what a store holds, and written for an API server. Both forms, JSON and protobuf.
//!
//! Names and numbers are those of `ObjectMeta` and `OwnerReference` in `generated.proto` of `k8s.io/apimachinery`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::cluster::watch::protobuf::{Malformed, Reader, Wire, put, put_truth};

const NAME: u32 = 1;
const GENERATE_NAME: u32 = 2;
const NAMESPACE: u32 = 3;
const UID: u32 = 5;
const RESOURCE_VERSION: u32 = 6;
const LABELS: u32 = 11;
const ANNOTATIONS: u32 = 12;
const OWNERS: u32 = 13;
const FINALIZERS: u32 = 14;

/// What is read of an object's metadata, and all that is ever sent of it: the rest is the API server's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) name: SmolStr,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) generate_name: SmolStr,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) namespace: SmolStr,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) uid: SmolStr,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) resource_version: SmolStr,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<SmolStr, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<SmolStr, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) owner_references: Vec<Owner>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) finalizers: Vec<SmolStr>,
}

/// Who owns an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Owner {
    pub(super) api_version: SmolStr,
    pub(super) kind: SmolStr,
    pub(super) name: SmolStr,
    pub(super) uid: SmolStr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) controller: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) block_owner_deletion: Option<bool>,
}

impl Meta {
    /// Reads the message.
    pub(super) fn of_protobuf(message: &[u8]) -> Result<Self, Malformed> {
        let mut meta = Meta::default();
        let mut fields = Reader::new(message);
        while let Some((number, wire)) = fields.field()? {
            let Wire::Bytes(bytes) = wire else { continue };
            match number {
                NAME => meta.name = text(bytes)?.into(),
                GENERATE_NAME => meta.generate_name = text(bytes)?.into(),
                NAMESPACE => meta.namespace = text(bytes)?.into(),
                UID => meta.uid = text(bytes)?.into(),
                RESOURCE_VERSION => meta.resource_version = text(bytes)?.into(),
                LABELS => entry(&mut meta.labels, bytes)?,
                ANNOTATIONS => entry(&mut meta.annotations, bytes)?,
                OWNERS => meta.owner_references.push(Owner::of_protobuf(bytes)?),
                FINALIZERS => meta.finalizers.push(text(bytes)?.into()),
                _ => {}
            }
        }
        Ok(meta)
    }

    /// The message.
    pub(super) fn to_protobuf(&self) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, text) in [
            (NAME, &self.name),
            (GENERATE_NAME, &self.generate_name),
            (NAMESPACE, &self.namespace),
            (UID, &self.uid),
            (RESOURCE_VERSION, &self.resource_version),
        ] {
            if !text.is_empty() {
                put(&mut message, number, text.as_bytes());
            }
        }
        for (number, map) in [(LABELS, &self.labels), (ANNOTATIONS, &self.annotations)] {
            for (key, value) in map {
                let mut entry = Vec::new();
                put(&mut entry, 1, key.as_bytes());
                put(&mut entry, 2, value.as_bytes());
                put(&mut message, number, &entry);
            }
        }
        self.owner_references.iter().for_each(|owner| put(&mut message, OWNERS, &owner.to_protobuf()));
        self.finalizers.iter().for_each(|finalizer| put(&mut message, FINALIZERS, finalizer.as_bytes()));
        message
    }
}

impl Owner {
    fn of_protobuf(message: &[u8]) -> Result<Self, Malformed> {
        let mut owner = Owner::default();
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field()? {
            match field {
                (1, Wire::Bytes(bytes)) => owner.kind = text(bytes)?.into(),
                (3, Wire::Bytes(bytes)) => owner.name = text(bytes)?.into(),
                (4, Wire::Bytes(bytes)) => owner.uid = text(bytes)?.into(),
                (5, Wire::Bytes(bytes)) => owner.api_version = text(bytes)?.into(),
                (6, Wire::Number(truth)) => owner.controller = Some(truth != 0),
                (7, Wire::Number(truth)) => owner.block_owner_deletion = Some(truth != 0),
                _ => {}
            }
        }
        Ok(owner)
    }

    fn to_protobuf(&self) -> Vec<u8> {
        let mut message = Vec::new();
        put(&mut message, 1, self.kind.as_bytes());
        put(&mut message, 3, self.name.as_bytes());
        put(&mut message, 4, self.uid.as_bytes());
        put(&mut message, 5, self.api_version.as_bytes());
        for (number, truth) in [(6, self.controller), (7, self.block_owner_deletion)] {
            if let Some(truth) = truth {
                put_truth(&mut message, number, truth);
            }
        }
        message
    }

    /// Whether it makes the object, and would make it again.
    pub(super) fn is_controller(&self) -> bool {
        self.controller == Some(true)
    }
}

fn entry(map: &mut BTreeMap<SmolStr, String>, message: &[u8]) -> Result<(), Malformed> {
    let (mut key, mut value) = ("", "");
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, Wire::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    map.insert(key.into(), value.to_owned());
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_reads_back_in_both_forms_and_what_is_the_servers_is_left() {
        let json = serde_json::json!({
            "name": "web", "namespace": "shop", "generateName": "w-", "uid": "u", "resourceVersion": "7",
            "labels": {"app": "web", "empty": ""}, "annotations": {"note": "two\nlines"},
            "finalizers": ["a/b"],
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "x",
                "controller": true, "blockOwnerDeletion": false}, {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "y"}],
        });
        let meta: Meta = serde_json::from_value(json.clone()).unwrap();
        let mut message = meta.to_protobuf();
        assert_eq!(Meta::of_protobuf(&message), Ok(meta.clone()));
        assert_eq!(serde_json::to_value(&meta).unwrap(), json);
        // selfLink, managedFields.
        put(&mut message, 4, b"/api");
        put(&mut message, 17, b"by somebody");
        assert_eq!(Meta::of_protobuf(&message), Ok(meta));
        assert_eq!(Meta::of_protobuf(&[0x0a, 9]), Err(Malformed));
    }
}
