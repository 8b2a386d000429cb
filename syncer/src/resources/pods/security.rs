//! The pod security standards, as the Kubernetes documentation defines them for the levels `baseline` and `restricted`.

use serde_json::Value;
use v9s::cluster::lean::Lean;

use super::CONTAINERS;
use super::refs::items;
use crate::context::PodSecurity;

/// Capabilities that may be added under baseline.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Sysctls that concern the pod alone.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
const SELINUX_TYPES: [&str; 4] = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
/// Kinds of volumes under restricted.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const PROFILES: [&str; 2] = ["RuntimeDefault", "Localhost"];
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The level's name.
pub(super) fn name(level: PodSecurity) -> &'static str {
    match level {
        PodSecurity::Privileged => "privileged",
        PodSecurity::Baseline => "baseline",
        PodSecurity::Restricted => "restricted",
    }
}

/// What a pod does that its level does not allow, in words; empty when all is well.
pub(super) fn violations(level: PodSecurity, v: &Lean, spec: &Value) -> Vec<String> {
    let mut found = Found::default();
    if level != PodSecurity::Privileged {
        baseline(&mut found, v, spec);
    }
    if level == PodSecurity::Restricted {
        restricted(&mut found, spec);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn of_pod(&mut self, violates: bool, what: &str) {
        if violates {
            self.0.push(what.to_owned());
        }
    }

    /// One violation for all containers that commit it.
    fn of_containers(&mut self, spec: &Value, what: &str, violates: impl Fn(&Value) -> bool) {
        let names: Vec<String> = containers(spec)
            .filter(|container| violates(container))
            .map(|container| format!("{:?}", container["name"].as_str().unwrap_or_default()))
            .collect();
        if !names.is_empty() {
            let s = if names.len() == 1 { "" } else { "s" };
            self.0.push(format!("{what} (container{s} {})", names.join(", ")));
        }
    }
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    CONTAINERS.into_iter().flat_map(|list| items(spec, list))
}

fn baseline(found: &mut Found, v: &Lean, spec: &Value) {
    let of_pod = &spec["securityContext"];
    for namespace in ["hostNetwork", "hostPID", "hostIPC"] {
        found.of_pod(spec[namespace] == true, &format!("{namespace} must not be true"));
    }
    let host_path = items(spec, "volumes").any(|volume| !volume["hostPath"].is_null());
    found.of_pod(host_path, "volumes must not be of type hostPath");
    let sysctl = items(of_pod, "sysctls")
        .filter_map(|sysctl| sysctl["name"].as_str())
        .find(|name| !SYSCTLS.contains(&name.replace('/', ".").as_str()));
    found.of_pod(sysctl.is_some(), &format!("sysctl {:?} must not be set", sysctl.unwrap_or_default()));
    let unconfined = |pairs: (&str, &str)| {
        pairs.0.starts_with(APPARMOR) && pairs.1 != "runtime/default" && !pairs.1.starts_with("localhost/")
    };
    let annotated = v.metadata.annotations.iter().any(|(key, value)| unconfined((key, value)));
    found.of_pod(annotated, "the AppArmor profile must not be unconfined");
    found.of_pod(is_too_free(of_pod), "securityContext must not free the pod from its confinement");
    found.of_containers(spec, "securityContext must not free it from its confinement", |container| {
        is_too_free(&container["securityContext"])
    });
    found.of_containers(spec, "securityContext.privileged must not be true", |container| {
        container["securityContext"]["privileged"] == true
    });
    found.of_containers(spec, "securityContext.procMount must be Default", |container| {
        let mount = container["securityContext"]["procMount"].as_str();
        mount.is_some_and(|mount| mount != "Default")
    });
    found.of_containers(spec, "other capabilities than the usual must not be added", |container| {
        adds(container).any(|capability| !CAPABILITIES.contains(&capability))
    });
    found.of_containers(spec, "hostPort must not be used", |container| {
        items(container, "ports").any(|port| port["hostPort"].as_u64().is_some_and(|port| port != 0))
    });
    found.of_containers(spec, "probes and hooks must not name a host", names_host);
}

/// What pod and containers may say alike: Windows host processes, SELinux, AppArmor, seccomp.
fn is_too_free(context: &Value) -> bool {
    let selinux = &context["seLinuxOptions"];
    let set = |field: &str| selinux[field].as_str().is_some_and(|value| !value.is_empty());
    let kind = selinux["type"].as_str().filter(|kind| !kind.is_empty());
    let profile = |of: &str| context[of]["type"].as_str().is_some_and(|kind| !PROFILES.contains(&kind));
    context["windowsOptions"]["hostProcess"] == true
        || set("user")
        || set("role")
        || kind.is_some_and(|kind| !SELINUX_TYPES.contains(&kind))
        || profile("seccompProfile")
        || profile("appArmorProfile")
}

fn adds(container: &Value) -> impl Iterator<Item = &str> {
    items(&container["securityContext"]["capabilities"], "add").filter_map(Value::as_str)
}

fn names_host(container: &Value) -> bool {
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"].map(|probe| &container[probe]);
    let hooks = ["postStart", "preStop"].map(|hook| &container["lifecycle"][hook]);
    probes.into_iter().chain(hooks).any(|handler| {
        ["httpGet", "tcpSocket"]
            .iter()
            .any(|how| handler[how]["host"].as_str().is_some_and(|host| !host.is_empty()))
    })
}

fn restricted(found: &mut Found, spec: &Value) {
    let of_pod = &spec["securityContext"];
    let volume = items(spec, "volumes")
        .filter_map(Value::as_object)
        .flat_map(|volume| volume.iter().filter(|(kind, source)| *kind != "name" && !source.is_null()))
        .map(|(kind, _)| kind.as_str())
        .find(|kind| !VOLUMES.contains(kind));
    found.of_pod(volume.is_some(), &format!("volumes must not be of type {}", volume.unwrap_or_default()));
    found.of_pod(of_pod["runAsUser"] == 0, "securityContext.runAsUser must not be 0");
    found.of_containers(spec, "securityContext.runAsUser must not be 0", |container| {
        container["securityContext"]["runAsUser"] == 0
    });
    found.of_containers(spec, "securityContext.runAsNonRoot must be true", |container| {
        let own = &container["securityContext"]["runAsNonRoot"];
        *own == false || (own.is_null() && of_pod["runAsNonRoot"] != true)
    });
    if spec["os"]["name"] == "windows" {
        return;
    }
    found.of_containers(spec, "securityContext.allowPrivilegeEscalation must be false", |container| {
        container["securityContext"]["allowPrivilegeEscalation"] != false
    });
    found.of_containers(
        spec,
        "securityContext.capabilities must drop ALL and add no other than NET_BIND_SERVICE",
        |c| {
            let mut drops = items(&c["securityContext"]["capabilities"], "drop");
            !drops.any(|dropped| dropped == "ALL") || adds(c).any(|added| added != "NET_BIND_SERVICE")
        },
    );
    let confined = |context: &Value| {
        context["seccompProfile"]["type"].as_str().is_some_and(|kind| PROFILES.contains(&kind))
    };
    found.of_containers(
        spec,
        "securityContext.seccompProfile.type must be RuntimeDefault or Localhost",
        |container| {
            let own = &container["securityContext"];
            let inherits = own["seccompProfile"].is_null();
            !confined(if inherits { of_pod } else { own })
        },
    );
}

#[cfg(test)]
#[path = "security_tests.rs"]
mod tests;
