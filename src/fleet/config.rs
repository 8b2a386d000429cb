//! What the fleet needs of a virtual cluster's configuration: its store and its Kubernetes version (facts, 1.5, 4.2).
//!
//! The document comes out of a Secret. It is looked at and dropped; errors never quote it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smol_str::SmolStr;

use crate::fleet::model::Store;

/// What was read of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Backing store, by the official precedence.
    pub store: Store,
    /// Distribution, when the configuration names one.
    pub distro: Option<SmolStr>,
    /// Kubernetes version, when the configuration names one.
    pub kubernetes: Option<SmolStr>,
}

/// Reads a configuration. None when it is not the YAML of one.
pub fn read(yaml: &[u8]) -> Option<Settings> {
    let text = std::str::from_utf8(yaml).ok()?;
    let parse = |yaml: &str| {
        if yaml.trim().is_empty() {
            return Some(Document::default());
        }
        serde_saphyr::from_str::<Option<Document>>(yaml).ok().map(Option::unwrap_or_default)
    };
    let document = parse(&carve(text)).or_else(|| parse(text))?;
    let plane = document.control_plane.unwrap_or_default();
    let distro = plane.distro.unwrap_or_default();
    Some(Settings {
        store: store_of(&plane.backing_store.unwrap_or_default()),
        distro: distro.name(),
        kubernetes: distro.version(),
    })
}

/// The official precedence (docs/vclusters.md, Objects); nothing enabled means the embedded database.
fn store_of(stores: &BackingStore) -> Store {
    let etcd = stores.etcd.as_ref();
    let enabled = |switch: Option<&Switch>| switch.is_some_and(|switch| switch.enabled.0);
    if enabled(etcd.and_then(|etcd| etcd.embedded.as_ref())) {
        Store::EmbeddedEtcd
    } else if enabled(etcd.and_then(|etcd| etcd.external.as_ref())) {
        Store::ExternalEtcd
    } else if enabled(etcd.and_then(|etcd| etcd.deploy.as_ref())) {
        Store::DeployedEtcd
    } else if enabled(stores.database.as_ref().and_then(|database| database.external.as_ref())) {
        Store::ExternalDatabase
    } else {
        Store::EmbeddedDatabase
    }
}

/// The part of a document under the top-level key that matters.
///
/// A configuration is the complete set of Helm values, tens of kilobytes, and a fleet has a thousand of them; a YAML
/// parser is slow. In a block mapping at the root every line of a value is indented, so a line that is not begins the
/// next key. A document that does not look like that is taken whole.
fn carve(text: &str) -> std::borrow::Cow<'_, str> {
    const KEY: &str = "controlPlane:";
    let plain = |line: &str| {
        let first = line.bytes().next();
        first.is_none_or(|byte| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'#' | b'-'))
            && !line.starts_with("---")
    };
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let keyed = first.is_some_and(|line| line.contains(':') && !line.starts_with([' ', '-']));
    if !keyed || !text.lines().all(plain) {
        return text.into();
    }
    let mut lines = text.split_inclusive('\n');
    let Some(start) = lines.by_ref().find(|line| line.starts_with(KEY)) else {
        return "".into();
    };
    let inside = |line: &&str| matches!(line.bytes().next(), Some(b' ' | b'#' | b'-' | b'\n' | b'\r'));
    std::iter::once(start).chain(lines.take_while(inside)).collect::<String>().into()
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    control_plane: Option<ControlPlane>,
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ControlPlane {
    backing_store: Option<BackingStore>,
    distro: Option<Distro>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct BackingStore {
    etcd: Option<Etcd>,
    database: Option<Database>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Etcd {
    embedded: Option<Switch>,
    external: Option<Switch>,
    deploy: Option<Switch>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Database {
    external: Option<Switch>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Switch {
    enabled: Flag,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Distro {
    k8s: Option<Image>,
    k3s: Option<Image>,
    k0s: Option<Image>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Image {
    enabled: Flag,
    version: Option<Word>,
    image: Option<Tag>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Tag {
    tag: Option<Word>,
}

impl Distro {
    fn chosen(&self) -> Option<(&'static str, &Image)> {
        let all = [("k8s", &self.k8s), ("k3s", &self.k3s), ("k0s", &self.k0s)];
        let present: Vec<_> =
            all.into_iter().filter_map(|(name, image)| Some((name, image.as_ref()?))).collect();
        // Charts that know only one distribution do not switch it on.
        present
            .iter()
            .find(|(_, image)| image.enabled.0)
            .or(match present.as_slice() {
                [only @ ("k8s", _)] => Some(only),
                _ => None,
            })
            .copied()
    }

    fn name(&self) -> Option<SmolStr> {
        self.chosen().map(|(name, _)| SmolStr::new_static(name))
    }

    fn version(&self) -> Option<SmolStr> {
        let (_, image) = self.chosen()?;
        let tag = image.image.as_ref().and_then(|image| image.tag.as_ref());
        let text = [image.version.as_ref(), tag].into_iter().flatten().find_map(|word| word.0.as_deref())?;
        crate::fleet::image::kubernetes_version(&format!("kubernetes:{text}")).map(SmolStr::new)
    }
}

/// A switch: only a plain `true`, quoted or not, is on.
#[derive(Default, Clone, Copy)]
struct Flag(bool);

/// Text; anything else counts as not there.
#[derive(Default)]
struct Word(Option<String>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything).map(|scalar| Flag(scalar.as_deref() == Some("true")))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything).map(|scalar| Word(scalar.filter(|text| !text.is_empty())))
    }
}

/// Takes whatever stands there; text and booleans as text.
struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(yaml: &str) -> Option<Store> {
        read(yaml.as_bytes()).map(|settings| settings.store)
    }

    #[test]
    fn the_store_follows_the_official_precedence() {
        let with = |switches: &str| format!("controlPlane:\n  backingStore:\n{switches}");
        let embedded = "    etcd:\n      embedded: {enabled: true}\n      deploy: {enabled: true}\n";
        let external = "    etcd:\n      external: {enabled: true}\n      deploy: {enabled: true}\n";
        let deployed =
            "    etcd:\n      deploy: {enabled: true}\n    database:\n      external: {enabled: true}\n";
        let database =
            "    etcd:\n      deploy: {enabled: false}\n    database:\n      external: {enabled: true}\n";
        let nothing = "    etcd: {}\n    database:\n      embedded: {enabled: false}\n";
        let cases = [
            (with(embedded), Store::EmbeddedEtcd),
            (with(external), Store::ExternalEtcd),
            (with(deployed), Store::DeployedEtcd),
            (with(database), Store::ExternalDatabase),
            (with(nothing), Store::EmbeddedDatabase),
            (String::new(), Store::EmbeddedDatabase),
            ("controlPlane:\n".to_owned(), Store::EmbeddedDatabase),
            ("sync:\n  toHost: {}\n".to_owned(), Store::EmbeddedDatabase),
            (
                "{controlPlane: {backingStore: {etcd: {embedded: {enabled: 'true'}}}}}".to_owned(),
                Store::EmbeddedEtcd,
            ),
        ];
        for (yaml, expected) in cases {
            assert_eq!(store(&yaml), Some(expected), "{yaml}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_none() {
        for yaml in ["- a\n- b\n", "controlPlane: [1, 2\n", "controlPlane:\n\tbad: 1\n"] {
            assert_eq!(store(yaml), None, "{yaml}");
        }
        assert!(read(&[0xff, 0xfe]).is_none());
    }

    #[test]
    fn version_and_distribution_are_read_when_named() {
        let cases = [
            ("controlPlane:\n  distro:\n    k8s:\n      version: v1.35.2\n", Some("k8s"), Some("v1.35.2")),
            (
                "controlPlane:\n  distro:\n    k8s:\n      image: {tag: v1.34.1}\n",
                Some("k8s"),
                Some("v1.34.1"),
            ),
            (
                "controlPlane:\n  distro:\n    k8s:\n      version: ''\n      image: {tag: v1.33.0}\n",
                Some("k8s"),
                Some("v1.33.0"),
            ),
            (
                "controlPlane:\n  distro:\n    k8s: {}\n    k3s: {enabled: true, image: {tag: v1.30.1-k3s1}}\n",
                Some("k3s"),
                Some("v1.30.1"),
            ),
            ("controlPlane:\n  distro: {}\n", None, None),
        ];
        for (yaml, distro, version) in cases {
            let settings = read(yaml.as_bytes()).unwrap();
            assert_eq!(settings.distro.as_deref(), distro, "{yaml}");
            assert_eq!(settings.kubernetes.as_deref(), version, "{yaml}");
        }
    }

    #[test]
    fn carving_changes_nothing_about_the_answer() {
        let around = "sync:\n  note: |\n    controlPlane: not this one\nlist:\n- a\n# a comment\ncontrolPlane:\n  backingStore:\n    etcd:\n      deploy:\n        enabled: true\n\n  # inside\n  distro:\n    k8s:\n      version: v1.36.0\ntelemetry:\n  enabled: true\n";
        let carved = carve(around);
        assert!(carved.starts_with("controlPlane:") && !carved.contains("telemetry"), "{carved}");
        let settings = read(around.as_bytes()).unwrap();
        assert_eq!(settings.store, Store::DeployedEtcd);
        assert_eq!(settings.kubernetes.as_deref(), Some("v1.36.0"));
    }
}
