//! What is not the pod's but its virtual cluster's.

use serde_json::json;

use super::holds;
use super::objects::{Case, now};
use crate::companion::{DriftStatus, DriftedObject, SyncerStatus};
use crate::target::Rest;

fn status(change: impl FnOnce(&mut SyncerStatus)) -> SyncerStatus {
    let mut status = SyncerStatus { version: 1, time: Some(now()), synced: true, ..SyncerStatus::default() };
    change(&mut status);
    status
}

fn drifts(why: &str) -> SyncerStatus {
    let object = DriftedObject {
        kind: "pods".into(),
        namespace: Some("shop".into()),
        name: "web".into(),
        since: now() - chrono::TimeDelta::seconds(90),
        why: why.into(),
        quarantined: false,
    };
    status(|status| status.drift = Some(DriftStatus { objects: vec![object], ..DriftStatus::default() }))
}

#[test]
fn virtual_clusters_have_causes() {
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T11:50:00Z"}]}});
    let old = json!({"metadata": {"annotations": {"vcluster.loft.sh/object-uid": "u0"}, "deletionTimestamp": "2026-11-21T12:00:20Z"}});
    let waits = status(|it| {
        it.pending = [("pods".into(), 1)].into();
        it.reasons = vec!["the Service kube-system/kube-dns has no address yet".into()];
    });
    let stale = status(|status| status.time = Some(now() - chrono::TimeDelta::seconds(300)));
    holds(vec![
        (
            "vcluster-paused",
            Case::alone().of(Some(Rest::Paused(Some("2026-11-20".into()))), 0, None),
            "paused since 2026-11-20; resume it: `v9s resume t`",
        ),
        ("vcluster-paused", Case::alone().of(Some(Rest::ScaledDown), 0, None), "scaled to nothing"),
        (
            "syncer-refused",
            Case::alone()
                .told_inside("SyncWarning", "resource claims are not synced: the pod cannot run here"),
            "resource claims are not synced",
        ),
        (
            "syncer-waiting",
            Case::alone().of(None, 1, Some(drifts("its service account is not synced yet"))),
            "its syncer waits: its service account is not synced yet",
        ),
        (
            "syncer-waiting",
            Case::alone().of(None, 1, Some(waits)),
            "most likely because its syncer waits: the Service kube-system/kube-dns has no address yet",
        ),
        (
            "syncer-trouble",
            Case::alone().of(
                None,
                1,
                Some(status(|it| it.trouble = Some("the store is another one".into()))),
            ),
            "most likely because its syncer is in trouble",
        ),
        ("syncer-down", Case::alone().of(None, 0, None), "most likely because its syncer does not run"),
        ("syncer-down", Case::alone().of(None, 1, Some(stale)), "does not run"),
        ("twin-missing", Case::alone(), "has not put it on the host as web-x-shop-x-t"),
        ("sync-behind", Case::pair(ready, json!({})), "its syncer has not told the tenant"),
        ("predecessor", Case::pair(old, json!({})), "a predecessor of the same name"),
    ]);
}

#[test]
fn what_the_companion_says_now_goes_before_what_was_told_first() {
    let now_denied = "admission webhook \"w.example\" denied the request: no";
    let case = Case::alone()
        .told_inside(
            "SyncError",
            "pods \"web\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3",
        )
        .of(None, 1, Some(drifts(now_denied)));
    holds(vec![("webhook-denied", case, "w.example")]);
}

#[test]
fn the_host_pod_of_a_tenant_is_explained_like_any() {
    let unfit = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
    holds(vec![(
        "insufficient-cpu",
        Case::pair(unfit, json!({})).ready_node(),
        "shop/web is Pending because no node has enough cpu free",
    )]);
}
