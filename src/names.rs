//! Name and label translation between a virtual cluster and its host (docs/vclusters.md, Names). Pure functions.
//!
//! A name proves nothing about where an object came from: the way back goes by annotations. That is why
//! [`HostName`] and [`VirtualName`] are different types and only one direction is offered here.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::wire::label;

/// Longest name that is used unchanged.
const MAX_NAME: usize = 63;
/// How much of a longer name is kept in front of the hash.
const KEPT: usize = 52;
/// Hexadecimal digits of the hash behind it.
const HASH_DIGITS: usize = 10;

/// Name of an object on the host cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(SmolStr);

impl HostName {
    /// A name as the host's API server sent it.
    pub fn as_sent(name: impl Into<SmolStr>) -> Self {
        HostName(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Name and namespace of an object inside a virtual cluster; cluster-scoped objects have no namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VirtualName {
    /// Namespace inside the virtual cluster.
    pub namespace: Option<SmolStr>,
    /// Name inside the virtual cluster.
    pub name: SmolStr,
}

impl VirtualName {
    /// A namespaced object.
    pub fn namespaced(namespace: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        VirtualName { namespace: Some(namespace.into()), name: name.into() }
    }

    /// A cluster-scoped object.
    pub fn cluster_scoped(name: impl Into<SmolStr>) -> Self {
        VirtualName { namespace: None, name: name.into() }
    }
}

impl fmt::Display for VirtualName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Which virtual cluster names are translated for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Translator {
    vcluster: SmolStr,
    host_namespace: SmolStr,
}

impl Translator {
    /// For the virtual cluster of this name in this host namespace.
    pub fn new(vcluster: impl Into<SmolStr>, host_namespace: impl Into<SmolStr>) -> Self {
        Translator { vcluster: vcluster.into(), host_namespace: host_namespace.into() }
    }

    /// Name on the host, for synced objects in the virtual cluster's own host namespace and for
    /// cluster-scoped objects that are pushed to the host (docs/vclusters.md, Names).
    pub fn host_name(&self, object: &VirtualName) -> HostName {
        let name = match &object.namespace {
            Some(namespace) => safe_concat(&[&object.name, "x", namespace, "x", &self.vcluster]),
            None => safe_concat(&["vcluster", &object.name, "x", &self.host_namespace, "x", &self.vcluster]),
        };
        HostName(name.into())
    }

    /// Name on the host where only about 15 characters fit (docs/vclusters.md, Names).
    pub fn short_host_name(&self, namespace: &str, name: &str) -> HostName {
        let digest = Sha256::digest(format!("{name}-x-{namespace}-x-{}", self.vcluster));
        let mut short = base36(digest.as_slice());
        short.truncate(13);
        short.insert(0, 'v');
        HostName(short.into())
    }

    /// Value of the label `managed-by` on namespaced synced objects.
    pub fn marker(&self) -> &str {
        &self.vcluster
    }

    /// Value of the label `managed-by` on cluster-scoped synced objects.
    pub fn cluster_scoped_marker(&self) -> String {
        safe_concat(&[&self.host_namespace, "x", &self.vcluster])
    }

    /// Label key on the host. Only four keys are translated, all others pass unchanged (docs/vclusters.md, Labels):
    /// an untranslated `release` would be matched by the virtual cluster's own Service.
    pub fn label_key(&self, key: &str) -> SmolStr {
        match key {
            label::RELEASE | label::NAMESPACE | label::MANAGED_BY | label::CONTROLLED_BY => {
                self.hashed_key(label::TRANSLATED, key).into()
            }
            other => other.into(),
        }
    }

    /// The label key inside of one that was translated; none of every other.
    pub fn translated_from(&self, key: &str) -> Option<&'static str> {
        [label::RELEASE, label::NAMESPACE, label::MANAGED_BY, label::CONTROLLED_BY]
            .into_iter()
            .find(|original| self.label_key(original) == key)
    }

    /// Key under which a label of the virtual namespace is copied to pods.
    pub fn namespace_label_key(&self, key: &str) -> String {
        self.hashed_key(label::FROM_NAMESPACE, key)
    }

    fn hashed_key(&self, prefix: &str, key: &str) -> String {
        safe_concat(&[prefix, &self.vcluster, "x", &digest(key.as_bytes())])
    }
}

/// Joins the parts with `-`. A result longer than 63 bytes becomes its first 52 bytes, `-`, and ten hexadecimal
/// digits of the SHA-256 of the whole; in such a name `.-` becomes `-` (docs/vclusters.md, Names).
pub fn safe_concat(parts: &[&str]) -> String {
    let whole = parts.join("-");
    if whole.len() <= MAX_NAME {
        return whole;
    }
    // Kubernetes names are ASCII. For anything else stay inside a character instead of tearing it.
    let cut = (0..=KEPT).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
    let kept = whole.get(..cut).unwrap_or_default();
    format!("{kept}-{}", digest(whole.as_bytes())).replace(".-", "-")
}

/// What kubelets make of a pod's name when it asks for no other host name.
pub fn pod_hostname(pod: &str) -> String {
    let cut = (0..=MAX_NAME.min(pod.len())).rev().find(|at| pod.is_char_boundary(*at)).unwrap_or(0);
    let kept = pod.get(..cut).unwrap_or_default().replace('.', "-");
    kept.trim_end_matches('-').to_owned()
}

/// The first ten hexadecimal digits of the SHA-256.
pub(crate) fn digest(of: &[u8]) -> String {
    let mut digits = HEXLOWER.encode(&Sha256::digest(of));
    digits.truncate(HASH_DIGITS);
    digits
}

/// A big-endian number in base 36, lower case, without leading zeros.
fn base36(number: &[u8]) -> String {
    let mut rest = number.to_vec();
    let mut digits = Vec::new();
    while rest.iter().any(|byte| *byte != 0) {
        let mut remainder = 0u32;
        for byte in &mut rest {
            let value = remainder * 256 + u32::from(*byte);
            *byte = (value / 36) as u8;
            remainder = value % 36;
        }
        digits.push(char::from_digit(remainder, 36).unwrap_or('0'));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn translator(vcluster: &str) -> Translator {
        Translator::new(vcluster, "vcluster-ns")
    }

    /// Vectors of the rules in docs/vclusters.md, Names, computed independently.
    #[test]
    fn host_names_are_the_official_ones() {
        let cases = [
            (VirtualName::namespaced("default", "nginx"), "nginx-x-default-x-my-vcluster"),
            (
                VirtualName::namespaced(
                    "some-long-namespace",
                    "a-very-long-deployment-name-7d9c6f9b5c-abcde",
                ),
                "a-very-long-deployment-name-7d9c6f9b5c-abcde-x-some--33a3bb38ac",
            ),
            (VirtualName::cluster_scoped("fast-ssd"), "vcluster-fast-ssd-x-vcluster-ns-x-my-vcluster"),
        ];
        for (object, expected) in cases {
            assert_eq!(translator("my-vcluster").host_name(&object).as_str(), expected);
        }
    }

    #[test]
    fn short_host_names_are_the_official_ones() {
        assert_eq!(translator("my-vcluster").short_host_name("default", "nginx").as_str(), "v5524qrl7ii9qr");
    }

    #[test]
    fn the_four_translated_label_keys_are_the_official_ones() {
        let long = "a-vcluster-name-that-is-quite-long-indeed-1234";
        let cases = [
            ("suffix", "release", "vcluster.loft.sh/label-suffix-x-a4d451ec23"),
            ("suffix", "vcluster.loft.sh/namespace", "vcluster.loft.sh/label-suffix-x-101dcd4e86"),
            ("suffix", "vcluster.loft.sh/managed-by", "vcluster.loft.sh/label-suffix-x-e5f1b28ab2"),
            ("suffix", "vcluster.loft.sh/controlled-by", "vcluster.loft.sh/label-suffix-x-2080cec00f"),
            (long, "release", "vcluster.loft.sh/label-a-vcluster-name-that-is-quite-eb91c3a4e9"),
            ("suffix", "app.kubernetes.io/name", "app.kubernetes.io/name"),
        ];
        for (vcluster, key, expected) in cases {
            assert_eq!(translator(vcluster).label_key(key), expected);
        }
        assert_eq!(
            translator("my-vcluster").namespace_label_key("kubernetes.io/metadata.name"),
            "vcluster.loft.sh/ns-label-my-vcluster-x-cf1227b7b2"
        );
    }

    #[test]
    fn markers_tell_namespaced_and_cluster_scoped_objects_apart() {
        assert_eq!(translator("my-vcluster").marker(), "my-vcluster");
        assert_eq!(translator("my-vcluster").cluster_scoped_marker(), "vcluster-ns-x-my-vcluster");
    }

    #[test]
    fn base36_of_small_numbers() {
        for (number, expected) in [(vec![0, 0], "0"), (vec![35], "z"), (vec![36], "10"), (vec![1, 0], "74")] {
            assert_eq!(base36(&number), expected);
        }
    }

    proptest! {
        #[test]
        fn a_name_never_exceeds_what_kubernetes_takes(parts in prop::collection::vec("[a-z0-9.-]{0,40}", 1..6)) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let name = safe_concat(&parts);
            prop_assert!(name.len() <= MAX_NAME);
            prop_assert_eq!(name, safe_concat(&parts));
        }

        #[test]
        fn any_text_is_survived(parts in prop::collection::vec(".{0,40}", 1..6)) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let whole = parts.join("-");
            let name = safe_concat(&parts);
            prop_assert!(name.len() <= MAX_NAME);
            prop_assert!(whole.len() > MAX_NAME || name == whole);
        }

        #[test]
        fn a_short_name_is_fourteen_characters(namespace in "[a-z]{1,63}", name in "[a-z]{1,63}") {
            prop_assert_eq!(translator("v").short_host_name(&namespace, &name).as_str().len(), 14);
        }
    }
}
