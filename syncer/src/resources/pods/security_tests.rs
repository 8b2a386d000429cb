use serde_json::json;

use super::*;

fn found(level: PodSecurity, spec: Value) -> Vec<String> {
    let v = serde_json::from_str(r#"{"metadata": {"name": "a"}}"#).unwrap();
    violations(level, &v, &spec)
}

fn hardened() -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    })
}

/// The hardened pod with one thing changed.
fn with(path: &str, value: Value) -> Value {
    let mut spec = hardened();
    let mut at = &mut spec;
    for step in path.split('/') {
        at = match step.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[step],
        };
    }
    *at = value;
    spec
}

#[test]
fn a_hardened_pod_passes_and_a_plain_one_only_baseline() {
    assert_eq!(found(PodSecurity::Restricted, hardened()), Vec::<String>::new());
    let plain = json!({"containers": [{"name": "c"}]});
    assert_eq!(found(PodSecurity::Baseline, plain.clone()), Vec::<String>::new());
    assert_eq!(
        found(PodSecurity::Restricted, plain),
        [
            "securityContext.runAsNonRoot must be true (container \"c\")",
            "securityContext.allowPrivilegeEscalation must be false (container \"c\")",
            "securityContext.capabilities must drop ALL and add no other than NET_BIND_SERVICE (container \"c\")",
            "securityContext.seccompProfile.type must be RuntimeDefault or Localhost (container \"c\")",
        ]
    );
}

#[test]
fn baseline_refuses_every_known_escalation() {
    let context = |field: &str| format!("containers/0/securityContext/{field}");
    let cases = [
        ("hostNetwork".to_owned(), json!(true)),
        ("hostPID".to_owned(), json!(true)),
        ("hostIPC".to_owned(), json!(true)),
        ("volumes/0".to_owned(), json!({"name": "h", "hostPath": {"path": "/"}})),
        ("securityContext/sysctls".to_owned(), json!([{"name": "kernel.msgmax", "value": "1"}])),
        ("securityContext/windowsOptions".to_owned(), json!({"hostProcess": true})),
        ("securityContext/seLinuxOptions".to_owned(), json!({"type": "spc_t"})),
        ("securityContext/seLinuxOptions".to_owned(), json!({"user": "u"})),
        ("securityContext/appArmorProfile".to_owned(), json!({"type": "Unconfined"})),
        (context("seccompProfile"), json!({"type": "Unconfined"})),
        (context("privileged"), json!(true)),
        (context("procMount"), json!("Unmasked")),
        (context("capabilities/add"), json!(["NET_ADMIN"])),
        ("containers/0/ports".to_owned(), json!([{"containerPort": 80, "hostPort": 80}])),
        (
            "containers/0/livenessProbe".to_owned(),
            json!({"httpGet": {"port": 80, "host": "169.254.169.254"}}),
        ),
        (
            "containers/0/lifecycle".to_owned(),
            json!({"preStop": {"tcpSocket": {"port": 80, "host": "10.0.0.1"}}}),
        ),
        ("initContainers".to_owned(), json!([{"name": "i", "securityContext": {"privileged": true}}])),
        ("ephemeralContainers".to_owned(), json!([{"name": "e", "securityContext": {"privileged": true}}])),
    ];
    for (path, value) in cases {
        let spec = with(&path, value);
        assert_eq!(found(PodSecurity::Baseline, spec.clone()).len(), 1, "{path}: {spec}");
        assert_eq!(found(PodSecurity::Privileged, spec).len(), 0);
    }
    let v = json!({"metadata": {"name": "a", "annotations": {
        "container.apparmor.security.beta.kubernetes.io/c": "unconfined"}}});
    let v: Lean = serde_json::from_str(&v.to_string()).unwrap();
    assert_eq!(violations(PodSecurity::Baseline, &v, &hardened()).len(), 1);
}

#[test]
fn baseline_allows_what_concerns_the_pod_alone() {
    let cases = [
        ("securityContext/sysctls", json!([{"name": "net.ipv4.tcp_syncookies", "value": "1"}])),
        ("securityContext/seLinuxOptions", json!({"type": "container_t", "level": "s0"})),
        ("containers/0/securityContext/capabilities/add", json!(["NET_BIND_SERVICE"])),
        ("containers/0/ports", json!([{"containerPort": 80, "hostPort": 0}])),
        ("containers/0/livenessProbe", json!({"httpGet": {"port": 80}})),
    ];
    for (path, value) in cases {
        assert_eq!(found(PodSecurity::Restricted, with(path, value)), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn restricted_asks_for_more() {
    let cases = [
        ("volumes/0", json!({"name": "n", "nfs": {"server": "s", "path": "/"}})),
        ("securityContext/runAsUser", json!(0)),
        ("containers/0/securityContext/runAsUser", json!(0)),
        ("containers/0/securityContext/runAsNonRoot", json!(false)),
        ("containers/0/securityContext/allowPrivilegeEscalation", json!(true)),
        ("containers/0/securityContext/capabilities", json!({"drop": ["NET_RAW"]})),
        ("containers/0/securityContext/capabilities/add", json!(["CHOWN"])),
        ("securityContext/seccompProfile", Value::Null),
    ];
    for (path, value) in cases {
        let spec = with(path, value);
        assert_eq!(found(PodSecurity::Restricted, spec.clone()).len(), 1, "{path}: {spec}");
        assert_eq!(found(PodSecurity::Baseline, spec).len(), 0, "{path}");
    }
}

#[test]
fn windows_pods_need_not_confine_what_windows_does_not_have() {
    let spec = json!({"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": true}, "containers": [{"name": "c"}]});
    assert_eq!(found(PodSecurity::Restricted, spec), Vec::<String>::new());
}
