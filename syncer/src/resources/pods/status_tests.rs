use serde_json::json;
use v9s::names::VirtualName;

use super::*;
use crate::engine::key::KindId;

fn patch_at(
    minor: u32,
    spec: Value,
    host: Value,
    virtual_side: Value,
    generations: Option<(i64, i64)>,
) -> Option<Value> {
    let mut ctx = Context::new("t", "tenants");
    ctx.minors.virtual_side = minor;
    let key = Key::new(KindId(0), VirtualName::namespaced("shop", "web-0"));
    to_virtual(&Told { ctx: &ctx, key: &key, spec: &spec, generations }, &host, &virtual_side)
}

fn patch(host: Value, virtual_side: Value) -> Option<Value> {
    patch_at(36, json!({"containers": [{"name": "c"}]}), host, virtual_side, None)
}

#[test]
fn what_the_host_reports_is_shown_and_nothing_is_written_twice() {
    let host = json!({"phase": "Running", "podIP": "10.1.1.1", "qosClass": "BestEffort",
        "containerStatuses": [{"name": "c", "ready": true}], "startTime": "2026-01-01T00:00:00Z"});
    let shown = json!({"phase": "Pending", "qosClass": "Guaranteed", "nominatedNodeName": "n"});
    let expected = json!({"phase": "Running", "podIP": "10.1.1.1", "startTime": "2026-01-01T00:00:00Z",
        "containerStatuses": [{"name": "c", "ready": true}], "nominatedNodeName": null});
    assert_eq!(patch(host.clone(), shown), Some(expected), "the class of service is the tenant's");
    let mut same = host;
    same["qosClass"] = json!("Guaranteed");
    assert_eq!(patch(same.clone(), same.clone()), None);
    let mut held = same.clone();
    held["containerStatuses"] = json!(digest(&same["containerStatuses"]));
    assert_eq!(patch(same.clone(), held.clone()), None, "digests stand for lists");
    held["containerStatuses"] = json!("another");
    assert_eq!(patch(same.clone(), held), Some(json!({"containerStatuses": same["containerStatuses"]})));
}

#[test]
fn containers_that_the_host_has_added_are_not_shown() {
    let host = json!({"phase": "Running", "containerStatuses": [{"name": "c"}, {"name": "injected"}],
        "initContainerStatuses": [{"name": "vcluster-rewrite-hosts"}]});
    let told = patch(host, json!({"phase": "Running"})).unwrap();
    assert_eq!(told, json!({"containerStatuses": [{"name": "c"}]}));
}

#[test]
fn messages_name_the_tenants_pod() {
    let host = json!({"message": "Pod web-0-x-shop-x-t in tenants was evicted", "conditions": [
        {"type": "Ready", "status": "False", "message": "preempted web-0-x-shop-x-t"}]});
    let told = patch(host, json!({})).unwrap();
    assert_eq!(told["message"], "Pod web-0 in shop was evicted");
    assert_eq!(told["conditions"][0]["message"], "preempted web-0");
}

#[test]
fn generations_are_counted_as_the_tenants_server_counts() {
    let host = json!({"observedGeneration": 5, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 5}]});
    let shown = json!({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]});
    let spec = json!({});
    let at = |minor, generations| patch_at(minor, spec.clone(), host.clone(), shown.clone(), generations);
    let raised = at(36, Some((2, 5))).unwrap();
    assert_eq!(
        (&raised["observedGeneration"], &raised["conditions"][0]["observedGeneration"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(at(36, Some((2, 6))), None, "the kubelet has not seen the last change yet");
    assert_eq!(at(36, None), None, "nor can it have seen what has not been carried to it");
    let older = patch_at(33, spec, host, json!({}), Some((2, 5))).unwrap();
    assert_eq!(
        older,
        json!({"conditions": [{"type": "Ready", "status": "True"}]}),
        "servers before 1.34 know none"
    );
}

#[test]
fn older_servers_are_not_told_what_they_would_drop() {
    let host = json!({"containerStatuses": [{"name": "c", "user": {"linux": {}}, "resources": {}}], "resources": {}});
    let spec = json!({"containers": [{"name": "c"}]});
    assert_eq!(
        patch_at(30, spec, host, json!({}), None),
        Some(json!({"containerStatuses": [{"name": "c"}]}))
    );
}

#[test]
fn conditions_of_readiness_gates_belong_to_whoever_set_them_last() {
    let gate = |status: &str, time: &str| json!({"type": "example.com/ready", "status": status, "lastTransitionTime": time});
    let ready = json!({"type": "Ready", "status": "False"});
    let spec = json!({"readinessGates": [{"conditionType": "example.com/ready"}]});
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z");
    // (host's, tenant's, what the host lacks, what the tenant sees)
    let cases = [
        (vec![], vec![gate("True", early)], vec![gate("True", early)], gate("True", early)),
        (vec![gate("False", early)], vec![gate("True", late)], vec![gate("True", late)], gate("True", late)),
        (vec![gate("False", late)], vec![gate("True", early)], vec![], gate("False", late)),
        (vec![gate("True", early)], vec![], vec![], gate("True", early)),
        (vec![gate("True", early)], vec![gate("True", early)], vec![], gate("True", early)),
    ];
    for (theirs, mine, lacks, seen) in cases {
        let all = [vec![ready.clone()], theirs].concat();
        let host = json!({"conditions": all});
        let shown = json!({"conditions": mine});
        assert_eq!(gates_to_host(&spec, &host, &shown), lacks, "{host} {shown}");
        let patch = patch_at(36, spec.clone(), host.clone(), shown.clone(), None).unwrap();
        assert_eq!(patch["conditions"], json!([ready, seen]), "{host} {shown}");
    }
}

#[test]
fn a_condition_that_only_the_tenant_knows_is_kept_and_one_of_a_kubelet_is_not() {
    let host = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let shown = json!({"conditions": [
        {"type": "PodScheduled", "status": "True"}, {"type": "example.com/mine", "status": "True"}]});
    let patch = patch(host.clone(), shown).unwrap();
    assert_eq!(
        patch["conditions"],
        json!([{"type": "Ready", "status": "True"}, {"type": "example.com/mine", "status": "True"}])
    );
    assert_eq!(gates_to_host(&json!({}), &host, &patch), Vec::<Value>::new(), "no gate asks for it");
}
