//! Claims and volumes on a host turned by hand.

use serde_json::{Value, json};

use crate::controllers::Options;
use crate::controllers::testing::{Host, host, host_with};
use crate::node::Machines;

fn claim(name: &str, change: impl Fn(&mut Value)) -> Value {
    let mut claim = json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": "slow", "resources": {"requests": {"storage": "5Gi"}}}});
    change(&mut claim);
    claim
}

fn volume(name: &str, policy: &str, change: impl Fn(&mut Value)) -> Value {
    let mut volume = json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": "slow", "capacity": {"storage": "5Gi"}, "persistentVolumeReclaimPolicy": policy,
        "hostPath": {"path": "/tmp/data"}}});
    change(&mut volume);
    volume
}

fn class(name: &str, provisioner: &str, mode: &str) -> Value {
    json!({"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode})
}

/// Phases of all claims and volumes.
fn phases(host: &Host) -> Vec<String> {
    let show = |object: &Value| {
        format!("{} {}", object["metadata"]["name"], object["status"]["phase"]).replace('"', "")
    };
    let objects = [host.all("pvc"), host.all("pv")].concat();
    objects.iter().map(show).collect()
}

fn said(host: &Host, about: &str) -> Vec<(String, String)> {
    let events = host.events().into_iter().filter(|event| event["involvedObject"]["name"] == about);
    let text = |event: &Value, key: &str| event[key].as_str().expect("text").to_owned();
    events.map(|event| (text(&event, "reason"), text(&event, "message"))).collect()
}

fn pod(name: &str, claim: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1"}],
        "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": claim}}]}})
}

#[test]
fn a_claim_and_a_volume_find_each_other_in_either_order() {
    for first in ["pvc", "pv"] {
        let mut host = host();
        for word in [first, if first == "pv" { "pvc" } else { "pv" }] {
            host.create(word, if word == "pv" { volume("v", "Retain", |_| ()) } else { claim("c", |_| ()) });
            host.settle();
        }
        assert_eq!(phases(&host), ["c Bound", "v Bound"], "{first} first");
        let (claim, volume) = (host.find("pvc", "c").expect("claim"), host.find("pv", "v").expect("volume"));
        assert_eq!(claim["spec"]["volumeName"], "v");
        assert_eq!(claim["status"]["capacity"]["storage"], "5Gi");
        assert_eq!(claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"], "yes");
        assert_eq!(volume["spec"]["claimRef"]["uid"], claim["metadata"]["uid"]);
        assert_eq!(volume["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"], "yes");
    }
}

#[test]
fn two_claims_never_share_a_volume() {
    let mut host = host();
    host.create("pv", volume("v", "Retain", |_| ()));
    host.create("pvc", claim("a", |_| ()));
    host.create("pvc", claim("b", |_| ()));
    host.settle();
    assert_eq!(phases(&host), ["a Bound", "b Pending", "v Bound"]);
    host.create("pv", volume("w", "Retain", |_| ()));
    host.settle();
    assert_eq!(phases(&host), ["a Bound", "b Bound", "v Bound", "w Bound"]);
}

#[test]
fn a_claim_says_once_why_it_waits() {
    let mut host = host();
    host.create("pv", volume("small", "Retain", |v| v["spec"]["capacity"]["storage"] = json!("1Gi")));
    host.create("pvc", claim("none", |c| c["spec"]["storageClassName"] = json!("")));
    host.create("pvc", claim("ghost", |_| ()));
    host.create("pvc", claim("named", |c| c["spec"]["volumeName"] = json!("small")));
    host.settle();
    host.advance(60);
    let cases = [
        (
            "none",
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        ),
        ("ghost", "ProvisioningFailed", "storageclass.storage.k8s.io \"slow\" not found"),
        ("named", "VolumeMismatch", "Cannot bind to requested volume \"small\": requested PV is too small"),
    ];
    for (name, reason, message) in cases {
        assert_eq!(said(&host, name), [(reason.to_owned(), message.to_owned())]);
    }
}

#[test]
fn a_class_makes_volumes_and_takes_them_back() {
    let mut host = host();
    host.create("sc", class("slow", "disks.example.org", "Immediate"));
    let made = host.create("pvc", claim("c", |_| ()));
    host.settle();
    let name = format!("pvc-{}", made["metadata"]["uid"].as_str().expect("a UID"));
    assert_eq!(phases(&host), ["c Bound".to_owned(), format!("{name} Bound")]);
    let volume = host.find("pv", &name).expect("volume");
    assert_eq!(volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"], "disks.example.org");
    assert_eq!(volume["spec"]["csi"]["driver"], "disks.example.org");
    assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    host.delete("pvc", "c");
    host.settle();
    assert!(phases(&host).is_empty());
}

#[test]
fn a_claim_without_a_class_gets_the_default_one_when_there_is_one() {
    let mut host = host();
    host.create(
        "pvc",
        claim("c", |claim| drop(claim["spec"].as_object_mut().map(|spec| spec.remove("storageClassName")))),
    );
    host.settle();
    assert_eq!(phases(&host), ["c Pending"]);
    let mut standard = class("standard", "disks.example.org", "Immediate");
    standard["metadata"]["annotations"] = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    host.create("sc", standard);
    host.settle();
    let claim = host.find("pvc", "c").expect("claim");
    assert_eq!(
        (&claim["spec"]["storageClassName"], &claim["status"]["phase"]),
        (&json!("standard"), &json!("Bound"))
    );
}

#[test]
fn nobody_plays_a_provisioner_that_is_not_listed() {
    let mut host = host_with(Options { provisioners: vec!["disks.*".to_owned()], ..Options::default() });
    host.create("sc", class("slow", "others.example.org", "Immediate"));
    host.create("sc", class("old", "kubernetes.io/no-provisioner", "Immediate"));
    host.create("pvc", claim("c", |_| ()));
    host.create("pvc", claim("o", |c| c["spec"]["storageClassName"] = json!("old")));
    host.settle();
    assert_eq!(phases(&host), ["c Pending", "o Pending"]);
    assert_eq!(said(&host, "c")[0].0, "ExternalProvisioning");
    let why = "no volume plugin matched name: kubernetes.io/no-provisioner".to_owned();
    assert_eq!(said(&host, "o"), [("ProvisioningFailed".to_owned(), why)]);
    let claim = host.find("pvc", "c").expect("claim");
    assert_eq!(
        claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"],
        "others.example.org"
    );
}

#[test]
fn released_volumes_are_kept_deleted_or_recycled() {
    let cases: Vec<(Value, &[&str], Option<&str>)> = vec![
        (volume("v", "Retain", |_| ()), &["v Released"], None),
        (volume("v", "Delete", |_| ()), &[], None),
        (
            volume("v", "Delete", |v| v["spec"]["hostPath"]["path"] = json!("/data")),
            &["v Failed"],
            Some("VolumeFailedDelete"),
        ),
        (volume("v", "Recycle", |_| ()), &["v Available"], Some("VolumeRecycled")),
    ];
    for (volume, expected, event) in cases {
        let mut host = host();
        let shown = volume.to_string();
        host.create("pv", volume);
        host.create("pvc", claim("c", |_| ()));
        host.settle();
        host.delete("pvc", "c");
        host.settle();
        assert_eq!(phases(&host), expected, "{shown}");
        assert_eq!(said(&host, "v").first().map(|(reason, _)| reason.as_str()), event, "{shown}");
    }
}

#[test]
fn a_claim_that_loses_its_volume_is_lost() {
    let mut host = host();
    host.create("pv", volume("v", "Retain", |_| ()));
    host.create("pvc", claim("c", |_| ()));
    host.settle();
    host.delete("pv", "v");
    host.settle();
    assert_eq!(phases(&host), ["c Bound", "v Bound"], "a bound volume is protected");
    host.update("pv", "v", |volume| volume["metadata"]["finalizers"] = json!([]));
    host.settle();
    assert_eq!(phases(&host), ["c Lost"]);
    assert_eq!(said(&host, "c")[0].0, "ClaimLost");
}

#[test]
fn a_claim_stays_while_a_pod_mounts_it() {
    let mut host =
        host_with(Options { machines: Machines { count: 1, ..Machines::default() }, ..Options::default() });
    host.create("pv", volume("v", "Retain", |_| ()));
    host.create("pvc", claim("c", |_| ()));
    host.create("pods", pod("p", "c"));
    host.settle();
    assert_eq!(host.find("pods", "p").expect("pod")["status"]["phase"], "Running");
    host.delete("pvc", "c");
    host.settle();
    assert!(host.find("pvc", "c").expect("claim")["metadata"]["deletionTimestamp"].is_string());
    host.delete("pods", "p");
    host.settle();
    host.advance(60);
    assert_eq!(phases(&host), ["v Released"]);
}

#[test]
fn a_namespace_with_claims_ends() {
    let mut host = host();
    host.create("sc", class("slow", "disks.example.org", "Immediate"));
    host.create("ns", json!({"metadata": {"name": "blue"}}));
    host.create_in("blue", "pvc", claim("c", |_| ()));
    host.settle();
    host.delete("ns", "blue");
    host.settle();
    assert!(host.find("ns", "blue").is_none());
    assert!(phases(&host).is_empty());
}

#[test]
fn volumes_of_a_class_that_waits_come_with_the_first_pod() {
    let mut host =
        host_with(Options { machines: Machines { count: 2, ..Machines::default() }, ..Options::default() });
    host.create("sc", class("slow", "disks.example.org", "WaitForFirstConsumer"));
    host.create("pvc", claim("c", |_| ()));
    host.settle();
    assert_eq!(phases(&host), ["c Pending"]);
    assert_eq!(said(&host, "c")[0].0, "WaitForFirstConsumer");
    host.create("pods", pod("p", "c"));
    host.settle();
    let (pod, claim) = (host.find("pods", "p").expect("pod"), host.find("pvc", "c").expect("claim"));
    assert_eq!((&pod["status"]["phase"], &claim["status"]["phase"]), (&json!("Running"), &json!("Bound")));
    assert_eq!(
        claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"],
        pod["spec"]["nodeName"]
    );
}

#[test]
fn a_pod_goes_where_its_volume_is() {
    let machines = Machines { count: 3, ..Machines::default() };
    for mode in ["Immediate", "WaitForFirstConsumer"] {
        let mut host = host_with(Options { machines: machines.clone(), ..Options::default() });
        host.create("sc", class("slow", "kubernetes.io/no-provisioner", mode));
        host.create("pvc", claim("c", |_| ()));
        host.create("pods", pod("p", "c"));
        host.settle();
        let why = host.find("pods", "p").expect("pod")["status"]["conditions"][0]["message"].clone();
        let expected = match mode {
            "Immediate" => "pod has unbound immediate PersistentVolumeClaims",
            _ => "3 node(s) didn't find available persistent volumes to bind",
        };
        assert!(why.as_str().expect("a message").contains(expected), "{why}");
        let on = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}]}]}});
        host.create("pv", volume("v", "Retain", |volume| volume["spec"]["nodeAffinity"] = on.clone()));
        host.settle();
        assert_eq!(host.find("pods", "p").expect("pod")["spec"]["nodeName"], "node-2", "{mode}");
        assert_eq!(phases(&host), ["c Bound", "v Bound"], "{mode}");
    }
}
