//! What an API server does not accept, in the words of one.

use serde_json::json;

use super::holds;
use super::objects::Case;

#[test]
fn what_the_host_refuses_a_syncer_has_causes() {
    let says = |says: &str| Case::alone().told_inside("SyncError", says);
    holds(vec![
        (
            "quota-exceeded",
            says("pods \"web\" is forbidden: exceeded quota: vc-team, requested: requests.cpu=250m, used: requests.cpu=9900m, limited: requests.cpu=10").quota(
                json!({"metadata": {"name": "vc-team"}, "status": {"hard": {"requests.cpu": "10"}, "used": {"requests.cpu": "9900m"}}}),
            ),
            "the quota vc-team has no room: requests.cpu 9900m of 10 used, this pod needs 250m",
        ),
        ("quota-needs-values", says("pods \"web\" is forbidden: failed quota: vc-team: must specify limits.cpu for: main; limits.memory for: main"), "limits.cpu for: main"),
        ("limit-range", says("pods \"web\" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Pod is 1Gi, but limit is 2Gi]"), "maximum cpu usage per Container is 1, but limit is 2"),
        ("limit-range", says("pods \"web\" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000"), "ratio"),
        ("pod-security", says("pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"main\" must set securityContext.allowPrivilegeEscalation=false)"), "PodSecurity restricted:latest forbids what it asks for: allowPrivilegeEscalation != false"),
        ("webhook-denied", says("admission webhook \"validate.policies.example\" denied the request: no latest tags"), "validate.policies.example of the host denies it: no latest tags"),
        ("webhook-unreachable", says("Internal error occurred: failed calling webhook \"validate.policies.example\": failed to call webhook: Post \"https://policies.x.svc:443/\": no endpoints available for service \"policies\""), "no endpoints available"),
        ("policy-denied", says("pods \"web\" is forbidden: ValidatingAdmissionPolicy 'images' with binding 'images' denied request: only our registry"), "the policy images of the host denies it: only our registry"),
        ("priority-class-missing", says("pods \"web\" is forbidden: no PriorityClass with name high was found"), "no PriorityClass high"),
        ("runtime-class-missing", says("pods \"web\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found"), "no RuntimeClass gvisor"),
        ("service-account-missing", says("pods \"web\" is forbidden: error looking up service account team/vc-workload-t: serviceaccount \"vc-workload-t\" not found"), "vc-workload-t does not exist"),
        ("namespace-ending", says("pods \"web\" is forbidden: unable to create new content in namespace team because it is being terminated"), "is being deleted"),
        ("rights-missing", says("pods is forbidden: User \"system:serviceaccount:team:vc-t\" cannot create resource \"pods\" in API group \"\" in the namespace \"team\""), "system:serviceaccount:team:vc-t may not"),
        ("invalid", says("Pod \"web\" is invalid: spec.hostname: Invalid value: \"A\""), "spec.hostname"),
        ("name-taken", says("an object of the name that is needed on the host belongs to somebody else; it is left alone"), "web-x-shop-x-t, is taken"),
        ("refused", says("pods \"web\" is forbidden: because I say so"), "the host refuses it: because I say so"),
        ("pod-security", Case::alone().told_inside("Forbidden", "violates PodSecurity \"baseline:latest\": hostNetwork"), "PodSecurity baseline:latest"),
    ]);
}

#[test]
fn a_workload_whose_pods_nobody_lets_in_says_who_refuses() {
    let said = "create Pod t-0 in StatefulSet t failed error: pods \"t-0\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3";
    holds(vec![(
        "quota-exceeded",
        Case::refused(said),
        "StatefulSet team/t is without pods because the quota q has no room: pods 3 of 3 used",
    )]);
}

#[test]
fn what_was_refused_once_and_is_there_now_is_no_cause() {
    let pair = Case::pair(json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T11:59:59Z"}]}}), json!({}))
        .told_inside("SyncError", "pods \"web\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3");
    let (code, sentence) = super::found(pair);
    assert_eq!(code, "well", "{sentence}");
}
