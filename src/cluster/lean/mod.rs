//! An object kept small and whole: typed keys, and the raw JSON of everything else.
//!
//! A typed pod costs nine times its JSON in memory, this costs less than the JSON: `managedFields` are passed over
//! while reading, and fields that nobody looks at stay text. Fields of servers newer than us survive.

mod fields;

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::watch::{Fold, Identified, Identity, Key};
use fields::{Dictionary, Fields};

/// Pairs of text, in the order they came: labels, or annotations.
#[derive(Debug, Clone, Default)]
pub struct Pairs(Fields<SmolStr>);

impl Deref for Pairs {
    type Target = [(SmolStr, SmolStr)];

    fn deref(&self) -> &Self::Target {
        self.0.all()
    }
}

impl FromIterator<(SmolStr, SmolStr)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (SmolStr, SmolStr)>>(pairs: I) -> Self {
        Pairs(pairs.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Pairs {
    type Item = &'a (SmolStr, SmolStr);
    type IntoIter = std::slice::Iter<'a, (SmolStr, SmolStr)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One object of any kind.
#[derive(Debug, Clone, Default)]
pub struct Lean {
    /// Its metadata.
    pub metadata: LeanMeta,
    fields: Fields<Box<RawValue>>,
}

/// What objects of one kind have in common, so that they are packed well: the first of them.
#[derive(Debug, Clone, Default)]
pub struct Common {
    labels: Dictionary,
    annotations: Dictionary,
    metadata: Dictionary,
    fields: Dictionary,
    keys: HashSet<SmolStr>,
}

/// More keys of labels and annotations than these are not what objects of a kind have in common.
const KEYS: usize = 256;

impl Common {
    /// Lets objects whose labels or annotations are too few to be packed share the text of their keys.
    fn share(&mut self, pairs: &mut Pairs) {
        for (key, _) in pairs.0.loose().iter_mut().filter(|(key, _)| key.is_heap_allocated()) {
            match self.keys.get(key) {
                Some(shared) => *key = shared.clone(),
                None if self.keys.len() < KEYS => drop(self.keys.insert(key.clone())),
                None => {}
            }
        }
    }
}

/// Metadata of an object, without `managedFields`.
#[derive(Debug, Clone, Default)]
pub struct LeanMeta {
    /// Its namespace, empty for cluster-scoped objects.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its UID.
    pub uid: SmolStr,
    /// Its revision.
    pub resource_version: SmolStr,
    /// Its labels.
    pub labels: Pairs,
    /// Its annotations.
    pub annotations: Pairs,
    /// Its finalizers.
    pub finalizers: Box<[SmolStr]>,
    /// When it was deleted, as the server wrote it; it may stay for its finalizers.
    pub deletion_timestamp: Option<SmolStr>,
    other: Fields<Box<RawValue>>,
}

impl Lean {
    /// The same without some of its top-level fields.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.fields = self.fields.without(names);
        self
    }

    /// The same with a top-level field in another form; the field must be there.
    pub fn with_field(mut self, name: &str, value: Box<RawValue>) -> Self {
        self.fields = self.fields.with(name, value);
        self
    }

    /// Makes it smaller while nobody looks at it: what stays text is compressed, and read when it is asked for. Then it stays
    /// readable until this is called again.
    pub fn pack(&mut self, common: &mut Common) {
        self.metadata.labels.0.pack(&mut common.labels);
        self.metadata.annotations.0.pack(&mut common.annotations);
        common.share(&mut self.metadata.labels);
        common.share(&mut self.metadata.annotations);
        self.metadata.other.pack(&mut common.metadata);
        self.fields.pack(&mut common.fields);
    }

    /// The JSON of a top-level field, such as `spec`.
    pub fn field(&self, name: &str) -> Option<&RawValue> {
        self.fields.get(name).map(|raw| &**raw)
    }
}

impl LeanMeta {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        value_of(&self.labels, key)
    }

    /// The JSON of a field that has no place of its own, such as `ownerReferences`.
    pub fn other(&self, name: &str) -> Option<&RawValue> {
        self.other.get(name).map(|raw| &**raw)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        value_of(&self.annotations, key)
    }
}

fn value_of<'a>(pairs: &'a Pairs, key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

impl Identified for Lean {
    fn identity(&self) -> Identity<'_> {
        let LeanMeta { namespace, name, uid, resource_version, .. } = &self.metadata;
        Identity { namespace, name, uid, resource_version }
    }
}

/// Keeps every object of a watch.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepAll;

impl Fold for KeepAll {
    type Object<'a> = Lean;
    type Row = Lean;

    fn fold(&mut self, key: &Key, mut object: Lean) -> Option<Lean> {
        object.metadata.namespace = key.namespace.clone();
        object.metadata.name = key.name.clone();
        Some(object)
    }
}

impl<'de> Deserialize<'de> for Lean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LeanVisitor;
        impl<'de> Visitor<'de> for LeanVisitor {
            type Value = Lean;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lean, A::Error> {
                let mut metadata = None;
                let mut fields = Vec::new();
                while let Some(name) = map.next_key::<SmolStr>()? {
                    match name.as_str() {
                        "metadata" => metadata = Some(map.next_value()?),
                        _ => fields.push((name, map.next_value::<Box<RawValue>>()?)),
                    }
                }
                let metadata = metadata.ok_or_else(|| serde::de::Error::missing_field("metadata"))?;
                Ok(Lean { metadata, fields: fields.into_iter().collect() })
            }
        }
        deserializer.deserialize_map(LeanVisitor)
    }
}

impl<'de> Deserialize<'de> for LeanMeta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MetaVisitor;
        impl<'de> Visitor<'de> for MetaVisitor {
            type Value = LeanMeta;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LeanMeta, A::Error> {
                let mut meta = LeanMeta::default();
                let mut other = Vec::new();
                while let Some(name) = map.next_key::<SmolStr>()? {
                    match name.as_str() {
                        "namespace" => meta.namespace = map.next_value()?,
                        "name" => meta.name = map.next_value()?,
                        "uid" => meta.uid = map.next_value()?,
                        "resourceVersion" => meta.resource_version = map.next_value()?,
                        "labels" => meta.labels = Pairs(map.next_value()?),
                        "annotations" => meta.annotations = Pairs(map.next_value()?),
                        "finalizers" => meta.finalizers = map.next_value::<Option<_>>()?.unwrap_or_default(),
                        "deletionTimestamp" => meta.deletion_timestamp = map.next_value()?,
                        "managedFields" => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        _ => other.push((name, map.next_value::<Box<RawValue>>()?)),
                    }
                }
                meta.other = other.into_iter().collect();
                Ok(meta)
            }
        }
        deserializer.deserialize_map(MetaVisitor)
    }
}

impl Serialize for Lean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.all().len() + 1))?;
        map.serialize_entry("metadata", &self.metadata)?;
        for (name, raw) in self.fields.all() {
            map.serialize_entry(name, raw)?;
        }
        map.end()
    }
}

impl Serialize for LeanMeta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let texts = [
            ("namespace", &self.namespace),
            ("name", &self.name),
            ("uid", &self.uid),
            ("resourceVersion", &self.resource_version),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            map.serialize_entry(key, text)?;
        }
        for (key, pairs) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !pairs.is_empty() {
                map.serialize_entry(key, &pairs.0.as_object())?;
            }
        }
        if !self.finalizers.is_empty() {
            map.serialize_entry("finalizers", &self.finalizers)?;
        }
        if let Some(time) = &self.deletion_timestamp {
            map.serialize_entry("deletionTimestamp", time)?;
        }
        for (name, raw) in self.other.all() {
            map.serialize_entry(name, raw)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Lean {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn everything_but_managed_fields_comes_out_as_it_went_in() {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "web-0", "namespace": "team-a", "uid": "u1", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-11-20T10:00:00Z", "deletionTimestamp": "2026-11-20T11:00:00Z",
                "labels": {"b": "2", "a": "1"}, "annotations": {"note": "two\nlines"},
                "finalizers": ["keep.example/it"],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "s", "uid": "u0"}],
                "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
            },
            "spec": {"containers": [{"name": "c", "ofANewerServer": {"x": 1.5}}]},
            "status": null,
        });
        let lean = read(&object);
        assert_eq!(
            (lean.metadata.label("a"), lean.metadata.annotation("note")),
            (Some("1"), Some("two\nlines"))
        );
        assert_eq!(lean.field("spec").map(RawValue::get), Some(object["spec"].to_string().as_str()));
        object["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(serde_json::to_value(&lean).unwrap(), object);
    }

    fn pod(nth: usize) -> Value {
        let name = format!("web-{nth}");
        json!({
            "metadata": {"name": name, "generateName": "web-", "generation": 1, "creationTimestamp": "2026-11-20T10:00:00Z",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true,
                    "blockOwnerDeletion": true, "uid": format!("5f0b7c1e-0000-4000-8000-{nth:012}")}]},
            "spec": {"containers": [{"name": "c", "image": "registry.example.org/team/web:1.2.3", "env": [
                {"name": "WHO", "value": name}, {"name": "NOTE", "value": "wie geht's? \u{1F980} \"so\""}]}]},
            "status": {"phase": "Running", "podIP": format!("10.0.0.{nth}"), "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T10:00:05Z"},
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-20T10:00:00Z"}]},
        })
    }

    #[test]
    fn what_is_packed_reads_as_before_and_packs_again() {
        let mut common = Common::default();
        for nth in 0..20 {
            let object = pod(nth);
            let mut lean = read(&object);
            for round in 0..3 {
                lean.pack(&mut common);
                let packed = lean.fields.packed_len().expect("it is packed");
                let text = object["spec"].to_string().len() + object["status"].to_string().len();
                assert!(nth == 0 || packed < text / 3, "{packed} of {text} bytes");
                assert_eq!(serde_json::to_value(&lean).unwrap(), object, "round {round}");
                assert_eq!(lean.fields.packed_len(), None, "somebody looked at it");
            }
            // A copy of a packed object is as good, and so is one with another field.
            lean.pack(&mut common);
            assert_eq!(serde_json::to_value(lean.clone()).unwrap(), object);
            let status = serde_json::value::to_raw_value(&json!({"phase": "Failed"})).unwrap();
            let mut changed = lean.clone().with_field("status", status).without(&["spec"]);
            changed.pack(&mut common);
            assert_eq!(serde_json::to_value(&changed).unwrap()["status"], json!({"phase": "Failed"}));
            assert_eq!(changed.field("spec").map(RawValue::get), None);
            assert_eq!(lean.field("spec").map(RawValue::get), Some(object["spec"].to_string().as_str()));
        }
    }

    #[test]
    fn objects_that_are_packed_share_the_keys_of_their_marks() {
        let (long, short) = ("vcluster.loft.sh/object-host-namespace", "app");
        let mut common = Common::default();
        let mut place = |name: &str| {
            let mut lean = read(
                &json!({"metadata": {"name": name, "labels": {short: "web"}, "annotations": {long: name}}}),
            );
            lean.pack(&mut common);
            assert_eq!(
                (lean.metadata.label(short), lean.metadata.annotation(long)),
                (Some("web"), Some(name))
            );
            lean.metadata.annotations[0].0.clone()
        };
        let (one, two) = (place("one"), place("two"));
        assert!(std::ptr::eq(one.as_str(), two.as_str()));
    }

    #[test]
    fn many_marks_are_packed_and_read_as_before() {
        let mut common = Common::default();
        for nth in 0..20 {
            let marks: serde_json::Map<String, Value> = (0..8)
                .map(|at| (format!("vcluster.loft.sh/mark-{at}"), json!(format!("web-{nth}-x-{at}"))))
                .collect();
            let object = json!({"metadata": {"name": "n", "labels": marks, "annotations": marks}});
            let mut lean = read(&object);
            for round in 0..3 {
                lean.pack(&mut common);
                for pairs in [&lean.metadata.labels, &lean.metadata.annotations] {
                    let packed = pairs.0.packed_len().expect("they are packed");
                    assert!(nth == 0 || packed < 8 * 16, "{packed} bytes");
                }
                let clone = lean.clone();
                assert_eq!(
                    clone.metadata.label("vcluster.loft.sh/mark-7"),
                    Some(format!("web-{nth}-x-7").as_str())
                );
                assert_eq!(serde_json::to_value(&lean).unwrap(), object, "round {round}");
            }
        }
    }

    #[test]
    fn what_is_small_is_not_packed() {
        let object = json!({"metadata": {"name": "n"}, "data": {"a": "b"}});
        let mut lean = read(&object);
        lean.pack(&mut Common::default());
        assert_eq!(lean.fields.packed_len(), None);
        assert_eq!(serde_json::to_value(&lean).unwrap(), object);
    }

    #[test]
    fn nulls_are_nothing() {
        let lean = read(
            &json!({"metadata": {"name": "n", "labels": null, "annotations": null, "finalizers": null}}),
        );
        assert_eq!(serde_json::to_value(&lean).unwrap(), json!({"metadata": {"name": "n"}}));
    }

    #[test]
    fn what_has_no_metadata_is_no_object() {
        assert!(serde_json::from_str::<Lean>("{\"kind\":\"Pod\"}").is_err());
    }
}
