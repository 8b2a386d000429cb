//! The pod that holds the volume of one member of a store while the virtual cluster is stopped.
//!
//! It runs the companion's image with the rights and the place of the store's own pod, for these are known to be allowed, and takes no
//! more of a quota than the pod whose place it takes.

use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};

use super::place::{Image, Member, Place, named, words};
use crate::cluster::{ObjectRef, Resource};
use crate::store::keeper::{FOLDER, Kept, PORT, RestoreId};

/// What a pod of a restore carries, with the name of the restore.
pub(super) const LABEL: &str = "v9s.io/restore";

/// What it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// To take a new store and put it in place; etcd's revision is raised by as much.
    Put {
        /// By how much.
        raise: i64,
    },
    /// To put the old store back, or to let go of it.
    Back,
}

/// Which pod holds the volume of a member.
pub(super) fn object(place: &Place, member: &Member, task: Task) -> ObjectRef {
    let word = match task {
        Task::Put { .. } => "restore",
        Task::Back => "undo",
    };
    let name = format_smolstr!("{}-{word}", member.pod);
    ObjectRef::namespaced(Resource::PODS, place.part.namespace.clone(), name)
}

/// The pod.
pub(super) fn pod(place: &Place, member: &Member, id: &RestoreId, image: &Image, task: Task) -> Value {
    let object = object(place, member, task);
    let template = &place.workload["spec"]["template"]["spec"];
    let (mut first, main) = (Vec::new(), keeper(place, image, "keeper"));
    if let (Task::Put { raise }, Kept::Etcd) = (task, place.kept) {
        first.push(keeper(place, image, "receive"));
        first.push(unpack(place, member, id, raise));
    }
    let mut spec = json!({
        "restartPolicy": "OnFailure",
        // It writes nothing when it is told to end.
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "initContainers": first,
        "containers": [main],
        "volumes": [{"name": place.volume, "persistentVolumeClaim": {"claimName": member.claim}}],
    });
    let copied = [
        "securityContext",
        "nodeSelector",
        "tolerations",
        "priorityClassName",
        "runtimeClassName",
        "schedulerName",
    ];
    for field in copied.into_iter().filter(|field| !template[*field].is_null()) {
        spec[field] = template[field].clone();
    }
    if !template["affinity"]["nodeAffinity"].is_null() {
        spec["affinity"] = json!({"nodeAffinity": template["affinity"]["nodeAffinity"]});
    }
    if !image.pull_secrets.is_null() {
        spec["imagePullSecrets"] = image.pull_secrets.clone();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": object.name,
            "namespace": object.namespace,
            "labels": {"app.kubernetes.io/managed-by": "v9s", LABEL: id},
            // It goes with the store that it is for.
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": place.part.name, "uid": place.part.uid,
            }],
        },
        "spec": spec,
    })
}

fn keeper(place: &Place, image: &Image, name: &str) -> Value {
    let folder = &place.mount;
    let mut container = json!({
        "name": name,
        "image": image.name,
        "command": ["/v9s-syncer"],
        "args": ["keep-store", format!("--store={}", place.kept.word()), format!("--folder={folder}"), format!("--port={PORT}")],
    });
    if !image.policy.is_null() {
        container["imagePullPolicy"] = image.policy.clone();
    }
    beside(place, container)
}

/// With the resources, rights and volume of the store's own container.
fn beside(place: &Place, mut container: Value) -> Value {
    let own = own(place);
    for field in ["resources", "securityContext"].into_iter().filter(|field| !own[*field].is_null()) {
        container[field] = own[field].clone();
    }
    container["volumeMounts"] = json!([{"name": place.volume, "mountPath": place.mount}]);
    container
}

fn own(place: &Place) -> &Value {
    let containers = &place.workload["spec"]["template"]["spec"]["containers"];
    named(containers, place.kept.container()).unwrap_or(&Value::Null)
}

/// Makes a member of what was sent. Each member is told the same of the whole cluster as its own program is.
fn unpack(place: &Place, member: &Member, id: &RestoreId, raise: i64) -> Value {
    let own = own(place);
    let of = |id: &RestoreId| format!("{}/{FOLDER}/{id}", place.mount);
    let sent = format!("{}/new/{}", of(id), place.kept.sent());
    let mut command: Vec<SmolStr> = ["etcdutl", "snapshot", "restore"].map(SmolStr::new_static).into();
    command.push(sent.into());
    command.push(format_smolstr!("--data-dir={}/{}", of(id), place.kept.prepared()));
    command.push(format_smolstr!("--name={}", member.pod));
    let told = ["--initial-cluster=", "--initial-cluster-token=", "--initial-advertise-peer-urls="];
    for word in words(own).filter(|word| told.iter().any(|flag| word.starts_with(flag))) {
        command.push(word.replace("$(NAME)", &member.pod).into());
    }
    command.push(format_smolstr!("--bump-revision={raise}"));
    command.push("--mark-compacted".into());
    let container = json!({"name": "unpack", "image": own["image"], "command": command});
    beside(place, container)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::restore::place::{place, tests};
    use crate::lifecycle::tests::{etcd, plane};

    fn image() -> Image {
        super::super::place::image(&tests::sqlite()).unwrap()
    }

    #[test]
    fn sqlite_is_held_by_one_container_in_the_place_of_its_own() {
        let place = place(&plane(1), 1, tests::sqlite()).unwrap();
        let id = "r1".parse().unwrap();
        let pod = pod(&place, &place.members[0], &id, &image(), Task::Put { raise: 1000 });
        insta::assert_snapshot!(serde_json::to_string_pretty(&pod).unwrap());
        let back = super::pod(&place, &place.members[0], &id, &image(), Task::Back);
        assert_eq!(back["metadata"]["name"], "shop-0-undo");
        assert_eq!(back["spec"], pod["spec"]);
    }

    #[test]
    fn a_member_of_etcd_is_received_unpacked_and_then_held() {
        let place = place(&etcd(), 2, tests::three()).unwrap();
        let id = "r1".parse().unwrap();
        let pod = pod(&place, &place.members[1], &id, &image(), Task::Put { raise: 1000 });
        insta::assert_snapshot!(serde_json::to_string_pretty(&pod["spec"]["initContainers"]).unwrap());
        let back = super::pod(&place, &place.members[1], &id, &image(), Task::Back);
        assert_eq!(back["spec"]["initContainers"], json!([]), "an old store is put back as it is");
    }
}
