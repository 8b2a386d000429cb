//! Parts of an object that are no wish of the tenant: somebody gave them to the object that was, and gives them anew.

use serde_json::{Map, Value};

use crate::cluster::watch::protobuf::{Malformed, Reader, Wire, put};

/// A field of the spec that is left out of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    name: &'static str,
    /// Its number in the spec, by `generated.proto` of Kubernetes.
    number: u32,
    /// Only when the object is not there: of one that is, it cannot change.
    only_new: bool,
}

/// Field of these kinds with the spec.
const SPEC: u32 = 2;
/// A Service that wants no address has this for one.
const NO_ADDRESS: &str = "None";

const SERVICE: [Given; 3] = [
    Given { name: "clusterIP", number: 3, only_new: false },
    Given { name: "clusterIPs", number: 18, only_new: false },
    Given { name: "healthCheckNodePort", number: 12, only_new: false },
];
const POD: [Given; 1] = [Given { name: "nodeName", number: 10, only_new: true }];
const CLAIM: [Given; 1] = [Given { name: "volumeName", number: 3, only_new: true }];

/// What is given to objects of a kind, and what is to be said of it when they come back.
pub(super) fn to(group: &str, kind: &str, new: bool) -> (Vec<Given>, Option<&'static str>) {
    let (all, note): (&[Given], _) = match (group, kind) {
        ("", "Service") => (&SERVICE, "it gets an address anew, unless it has none on purpose"),
        ("", "Pod") => (&POD, "it is given to a node anew"),
        ("", "PersistentVolumeClaim") => (&CLAIM, "its data is not in the backup: it begins empty"),
        _ => return (Vec::new(), None),
    };
    (all.iter().copied().filter(|given| new || !given.only_new).collect(), new.then_some(note))
}

impl Given {
    /// The fields of an object in protobuf without it.
    pub(super) fn without(&self, object: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut left = Vec::with_capacity(object.len());
        let mut fields = Reader::new(object);
        while let Some(field) = fields.field_in_full()? {
            match (field.number, field.wire) {
                (SPEC, Wire::Bytes(spec)) => put(&mut left, SPEC, &self.out_of(spec)?),
                _ => left.extend_from_slice(field.bytes),
            }
        }
        Ok(left)
    }

    fn out_of(&self, spec: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut left = Vec::with_capacity(spec.len());
        let mut fields = Reader::new(spec);
        while let Some(field) = fields.field_in_full()? {
            let on_purpose = field.wire == Wire::Bytes(NO_ADDRESS.as_bytes());
            if field.number != self.number || on_purpose {
                left.extend_from_slice(field.bytes);
            }
        }
        Ok(left)
    }

    /// Whether it is what a difference tells of.
    pub(super) fn is_at(&self, path: &str) -> bool {
        path.strip_prefix("spec.") == Some(self.name)
    }

    /// Takes it out of an object in JSON.
    pub(super) fn remove(&self, object: &mut Map<String, Value>) {
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
        let on_purpose = match spec.get(self.name) {
            Some(Value::Array(all)) => all.iter().any(|one| one == NO_ADDRESS),
            one => one.is_some_and(|one| one == NO_ADDRESS),
        };
        if !on_purpose {
            spec.remove(self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_is_left_out_unless_there_is_none_on_purpose() {
        let (given, note) = to("", "Service", false);
        assert!(given.len() == 3 && note.is_none());
        for (address, left) in [("10.96.0.7", false), ("None", true)] {
            let mut json =
                json!({"spec": {"clusterIP": address, "clusterIPs": [address], "type": "ClusterIP"}});
            let object = json.as_object_mut().unwrap();
            given.iter().for_each(|given| given.remove(object));
            let spec = json["spec"].as_object().unwrap();
            assert_eq!((spec.contains_key("clusterIP"), spec.contains_key("clusterIPs")), (left, left));
            assert!(spec.contains_key("type"));

            let (mut spec, mut expected, mut object) = (Vec::new(), Vec::new(), Vec::new());
            for (number, text) in [(1, "port"), (3, address), (4, "ClusterIP"), (18, address)] {
                put(&mut spec, number, text.as_bytes());
                if left || (number != 3 && number != 18) {
                    put(&mut expected, number, text.as_bytes());
                }
            }
            put(&mut object, SPEC, &spec);
            let without = given.iter().try_fold(object, |object, given| given.without(&object)).unwrap();
            assert_eq!(Reader::new(&without).whole(SPEC), Ok(Some(expected.as_slice())), "{address}");
        }
    }

    #[test]
    fn what_cannot_change_is_left_out_of_new_objects_only() {
        for (kind, count) in [("Pod", 1), ("PersistentVolumeClaim", 1), ("ConfigMap", 0)] {
            assert_eq!(to("", kind, true).0.len(), count, "{kind}");
            assert_eq!(to("", kind, false).0.len(), 0, "{kind}");
        }
        assert_eq!(to("example.com", "Service", true).0.len(), 0, "a kind of somebody else");
        assert!(to("", "Pod", true).0[0].without(&[0x12, 9]).is_err());
    }
}
