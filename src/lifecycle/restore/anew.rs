//! Pods of a backup that begin anew: those whose pod on the host is gone by now.
//!
//! A pod that has run and has no twin on the host is over, and the companion takes it away inside. That is right for one that was deleted
//! on the host, and wrong for one that was only in a backup: a pod that nobody controls would be lost. So such a pod goes into the new
//! store as it was before it was given to a node, with its name and UID.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use smol_str::SmolStr;

use crate::cluster::watch::protobuf::{Malformed, Reader, Wire, enveloped, opened, put, uid};
use crate::cluster::{Cluster, ReadError};
use crate::lifecycle::pods;
use crate::target::Target;
use crate::wire::annotation;

/// Where the API server keeps pods.
const PODS: &[u8] = b"/registry/pods/";

/// Numbers of fields, from `generated.proto` of Kubernetes: of a Pod, and of its spec.
const SPEC: u32 = 2;
const STATUS: u32 = 3;
const NODE_NAME: u32 = 10;

/// UIDs that the tenant's pods on the host stand for.
pub(super) async fn living(cluster: &Cluster, target: &Target) -> Result<BTreeSet<SmolStr>, ReadError> {
    #[derive(Deserialize)]
    struct Pod {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        deletion_timestamp: Option<SmolStr>,
        #[serde(default)]
        annotations: std::collections::BTreeMap<SmolStr, SmolStr>,
    }
    let pods: Vec<Pod> = pods::metadata_of_synced(cluster, target).await?;
    let stays = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(stays.filter_map(|mut pod| pod.metadata.annotations.remove(annotation::OBJECT_UID)).collect())
}

/// What goes into the new store for a key: the same, but for pods without a living twin.
pub(super) fn value<'a>(key: &[u8], value: &'a [u8], living: &BTreeSet<SmolStr>) -> Cow<'a, [u8]> {
    if !key.starts_with(PODS) {
        return Cow::Borrowed(value);
    }
    match parse(value) {
        // What cannot be read, as it is encrypted, goes as it is.
        Err(Malformed) => Cow::Borrowed(value),
        Ok((uid, _)) if living.contains(uid) => Cow::Borrowed(value),
        Ok((_, pod)) => without_node(pod).map_or(Cow::Borrowed(value), Cow::Owned),
    }
}

/// The UID of a pod, and its message without the envelope.
fn parse(value: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let pod = opened(value)?;
    Ok((uid(pod)?, pod))
}

/// A pod in its envelope, as it was before it was given to a node.
fn without_node(pod: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut begun = Vec::with_capacity(pod.len());
    let mut fields = Reader::new(pod);
    while let Some(field) = fields.field_in_full()? {
        match (field.number, field.wire) {
            (STATUS, _) => {}
            (SPEC, Wire::Bytes(spec)) => {
                let mut kept = Vec::with_capacity(spec.len());
                let mut fields = Reader::new(spec);
                while let Some(field) = fields.field_in_full()? {
                    if field.number != NODE_NAME {
                        kept.extend_from_slice(field.bytes);
                    }
                }
                put(&mut begun, SPEC, &kept);
            }
            _ => begun.extend_from_slice(field.bytes),
        }
    }
    // The API server reads no pod without a status.
    put(&mut begun, STATUS, &[]);
    Ok(enveloped("v1", "Pod", &begun))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::protobuf::{MAGIC, RAW};

    const METADATA: u32 = 1;
    const UID: u32 = 5;

    /// A pod as the API server stores one.
    fn pod(uid: &str, node: Option<&str>) -> Vec<u8> {
        let (mut meta, mut spec, mut pod) = (Vec::new(), Vec::new(), Vec::new());
        put(&mut meta, 1, b"web");
        put(&mut meta, UID, uid.as_bytes());
        put(&mut spec, 2, &[7; 200]);
        if let Some(node) = node {
            put(&mut spec, NODE_NAME, node.as_bytes());
        }
        put(&mut spec, 11, b"after");
        put(&mut pod, METADATA, &meta);
        put(&mut pod, SPEC, &spec);
        put(&mut pod, STATUS, if node.is_some() { b"runs" } else { b"" });
        let mut kind = Vec::new();
        put(&mut kind, 1, b"v1");
        put(&mut kind, 2, b"Pod");
        let mut value = MAGIC.to_vec();
        put(&mut value, 1, &kind);
        put(&mut value, RAW, &pod);
        put(&mut value, 3, b"");
        put(&mut value, 4, b"");
        value
    }

    #[test]
    fn a_pod_that_runs_goes_as_it_is_and_another_begins_anew() {
        let key = b"/registry/pods/shop/web";
        let living = BTreeSet::from(["u1".into()]);
        assert_eq!(value(key, &pod("u1", Some("n")), &living), pod("u1", Some("n")));
        assert_eq!(value(key, &pod("u2", Some("n")), &living), pod("u2", None));
        assert_eq!(
            value(b"/registry/podtemplates/a/b", &pod("u2", Some("n")), &living),
            pod("u2", Some("n"))
        );
    }

    #[test]
    fn what_cannot_be_read_goes_as_it_is() {
        let living = BTreeSet::new();
        let whole = pod("u", Some("n"));
        for odd in [&b"k8s:enc:aescbc:v1:key1:xyz"[..], b"", b"{}", &whole[..whole.len() / 2]] {
            assert_eq!(value(b"/registry/pods/shop/web", odd, &living), odd);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let value_of = |bytes: &[u8]| value(b"/registry/pods/a/b", bytes, &BTreeSet::new()).into_owned();
            let with_magic = [MAGIC, &bytes].concat();
            value_of(&bytes);
            value_of(&with_magic);
        }
    }
}
