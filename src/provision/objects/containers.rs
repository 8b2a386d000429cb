//! The programs of the control plane, a container each.
//!
//! Kubelet starts and ends them together, and each waits by itself for what it needs: the API server for its store, the syncer and
//! the controller manager for the API server. Sidecars would be started in order, but the official command line takes a pod
//! that has them for one that initialises.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, ObjectFieldSelector,
    Probe as CoreProbe, ResourceRequirements, SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{API_PORT, API_SERVER, Blueprint, images, store};
use crate::provision::values::Settings;
use crate::provision::values::settings::{Component, ImagePullPolicy, Probe};
use crate::wire::SYNCER_CONTAINER;

/// Where keys and certificates are.
pub(super) const PKI: &str = "/pki";
/// Where data is.
pub(super) const DATA: &str = "/data";
/// Of the syncer, for its probes.
const HEALTH_PORT: u16 = 9090;
const CONTROLLER_MANAGER_PORT: u16 = 10257;
/// For how long the syncer may wait for its API server: as long as that may take by the default of its startup probe.
const STARTUP_SECONDS: i32 = 1800;

/// The name of the volume with the data.
pub(super) const DATA_VOLUME: &str = "data";
/// The name of the volume with the keys of the API server and its controllers.
pub(super) const PKI_VOLUME: &str = "pki";
/// The name of the volume with the syncer's kubeconfig of the virtual cluster.
pub(super) const KUBECONFIG_VOLUME: &str = "kubeconfig";
/// The name of the volume with `vcluster.yaml`.
pub(super) const CONFIG_VOLUME: &str = "config";
/// The name of the volume by which the syncer reaches the host.
pub(super) const HOST_VOLUME: &str = "host-access";
/// Where programs look for their account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The name of the volume that is empty.
pub(super) const TMP_VOLUME: &str = "tmp";

/// Controllers that are the host's: of nodes, which have kubelets there, and of volumes.
const HOSTS_CONTROLLERS: [&str; 8] = [
    "node-ipam-controller",
    "node-lifecycle-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-expander-controller",
    "cloud-node-lifecycle-controller",
    "service-lb-controller",
    "ttl-controller",
];

/// All of them. The syncer is the first, as whoever looks at such pods expects. The controller manager is the last: it gives the API
/// server ten seconds before it ends and is started anew, and images are pulled in this order.
pub(super) fn containers(plan: &Blueprint) -> Vec<Container> {
    let all = [Some(syncer(plan)), store::kine(plan), api_server(plan), controller_manager(plan)];
    all.into_iter().flatten().collect()
}

fn syncer(plan: &Blueprint) -> Container {
    let workload = &plan.settings.control_plane.workload;
    let mut args = workload.args.clone();
    if args.is_empty() {
        args = vec![format!("--name={}", plan.name), format!("--virtual-kubeconfig={PKI}/admin.conf")];
        if plan.settings.control_plane.high_availability.replicas > 1 {
            args.push("--leader-elect".to_owned());
        }
    }
    let mut env = vec![
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        field("POD_IP", "status.podIP"),
    ];
    env.extend(workload.env.expose().iter().cloned());
    let mut mounts = vec![
        mount(KUBECONFIG_VOLUME, PKI, true),
        mount(CONFIG_VOLUME, "/var/lib/vcluster", true),
        mount(HOST_VOLUME, ACCOUNT, true),
    ];
    mounts.extend(workload.persistence.add_volume_mounts.iter().cloned());
    Container {
        name: SYNCER_CONTAINER.to_owned(),
        image: Some(images::syncer(plan)),
        image_pull_policy: policy(workload.image_pull_policy),
        command: some(workload.command.clone()),
        args: some(args),
        working_dir: workload.working_dir.clone(),
        env: some(env),
        ports: Some(vec![port("metrics", HEALTH_PORT), port("kubelet", 10250)]),
        // It is well from the moment when both API servers answer; a store may take as long as the API server is given for it.
        startup_probe: Some(http("/healthz", HEALTH_PORT, "HTTP", 1, STARTUP_SECONDS)),
        // Whether it mirrors well is for its own status to say: the API is there although it does not.
        readiness_probe: Some(http("/healthz", HEALTH_PORT, "HTTP", 1, 3)),
        liveness_probe: Some(http("/healthz", HEALTH_PORT, "HTTP", 10, 6)),
        resources: Some(amounts(("10m", "32Mi"), "256Mi")),
        security_context: Some(security(plan)),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn api_server(plan: &Blueprint) -> Option<Container> {
    let settings = &plan.settings.control_plane;
    let component = settings.kubernetes.api_server.as_ref()?;
    let domain = &plan.settings.networking.cluster_domain;
    let pki = |file: &str| format!("{PKI}/{file}");
    let mut flags = vec![
        flag("advertise-address", "$(POD_IP)"),
        flag("bind-address", settings.proxy.bind_address),
        flag("secure-port", API_PORT),
        flag("service-cluster-ip-range", plan.service_range.flag()),
        flag("endpoint-reconciler-type", "none"),
        flag("allow-privileged", true),
        flag("authorization-mode", "Node,RBAC"),
        flag("client-ca-file", pki("client-ca.crt")),
        flag("tls-cert-file", pki("apiserver.crt")),
        flag("tls-private-key-file", pki("apiserver.key")),
        flag("kubelet-client-certificate", pki("apiserver-kubelet-client.crt")),
        flag("kubelet-client-key", pki("apiserver-kubelet-client.key")),
        // Its name server is inside, where it cannot ask.
        flag("kubelet-preferred-address-types", "InternalIP,Hostname"),
        flag("proxy-client-cert-file", pki("front-proxy-client.crt")),
        flag("proxy-client-key-file", pki("front-proxy-client.key")),
        flag("requestheader-allowed-names", "front-proxy-client"),
        flag("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
        flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        flag("requestheader-group-headers", "X-Remote-Group"),
        flag("requestheader-username-headers", "X-Remote-User"),
        flag("service-account-issuer", format_args!("https://kubernetes.default.svc.{domain}")),
        flag("service-account-key-file", pki("sa.pub")),
        flag("service-account-signing-key-file", pki("sa.key")),
        flag("profiling", false),
        // Without it watches of clients keep it from ending until it is killed; they are told to go elsewhere instead.
        flag("shutdown-watch-termination-grace-period", "5s"),
    ];
    flags.extend(store::flags(plan));
    let (place, added) = store::reach(plan);
    let probes = &settings.workload.probes;
    let probe = |probe: &Option<Probe>, path: &str| probe.as_ref().map(|probe| asked(probe, path));
    Some(Container {
        name: API_SERVER.to_owned(),
        image: Some(images::kubernetes(plan, API_SERVER)),
        image_pull_policy: policy(settings.kubernetes.image_pull_policy),
        command: Some(command(API_SERVER, component, flags)),
        env: Some(
            [field("POD_IP", "status.podIP")]
                .into_iter()
                .chain(place)
                .chain(settings.kubernetes.env.expose().iter().cloned())
                .collect(),
        ),
        ports: Some(vec![port("https", API_PORT)]),
        startup_probe: probe(&probes.startup, "/readyz"),
        readiness_probe: probe(&probes.readiness, "/readyz"),
        liveness_probe: probe(&probes.liveness, "/livez"),
        resources: Some(settings.workload.resources.clone()),
        security_context: Some(program_security(plan)),
        volume_mounts: Some(
            [mount(PKI_VOLUME, PKI, true), mount(TMP_VOLUME, "/tmp", false)]
                .into_iter()
                .chain(added)
                .collect(),
        ),
        ..Container::default()
    })
}

fn controller_manager(plan: &Blueprint) -> Option<Container> {
    let settings = &plan.settings.control_plane;
    let component = settings.kubernetes.controller_manager.as_ref()?;
    let name = "kube-controller-manager";
    let pki = |file: &str| format!("{PKI}/{file}");
    let without = HOSTS_CONTROLLERS.map(|controller| format!(",-{controller}")).concat();
    let pods: Vec<String> = plan.settings.networking.pod_cidr.iter().map(ToString::to_string).collect();
    let mut flags = vec![
        flag("controllers", format_args!("*{without}")),
        flag("kubeconfig", pki("controller-manager.conf")),
        flag("authentication-kubeconfig", pki("controller-manager.conf")),
        flag("authorization-kubeconfig", pki("controller-manager.conf")),
        flag("client-ca-file", pki("client-ca.crt")),
        flag("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
        flag("cluster-signing-cert-file", pki("client-ca.crt")),
        flag("cluster-signing-key-file", pki("client-ca.key")),
        flag("root-ca-file", pki("server-ca.crt")),
        flag("service-account-private-key-file", pki("sa.key")),
        flag("use-service-account-credentials", true),
        flag("leader-elect", settings.high_availability.replicas > 1),
        flag("secure-port", CONTROLLER_MANAGER_PORT),
        flag("profiling", false),
    ];
    if !pods.is_empty() {
        flags.push(flag("cluster-cidr", pods.join(",")));
    }
    Some(Container {
        name: name.to_owned(),
        image: Some(images::kubernetes(plan, name)),
        image_pull_policy: policy(settings.kubernetes.image_pull_policy),
        command: Some(command(name, component, flags)),
        env: some(settings.kubernetes.env.expose().clone()),
        liveness_probe: Some(http("/healthz", CONTROLLER_MANAGER_PORT, "HTTPS", 10, 6)),
        resources: Some(controller_resources(plan)),
        security_context: Some(program_security(plan)),
        volume_mounts: Some(vec![mount(PKI_VOLUME, PKI, true), mount(TMP_VOLUME, "/tmp", false)]),
        ..Container::default()
    })
}

/// The official default is for a container that copies files: as a limit it would stop these controllers from working.
fn controller_resources(plan: &Blueprint) -> ResourceRequirements {
    let asked = &plan.settings.control_plane.kubernetes.resources;
    if *asked == Settings::default().control_plane.kubernetes.resources {
        return amounts(("40m", "64Mi"), "1Gi");
    }
    asked.clone()
}

/// The command that is given, whole, or that of v9s; in either case with the arguments that are given.
fn command(program: &str, component: &Component, flags: Vec<String>) -> Vec<String> {
    let mut words = component.command.clone();
    if words.is_empty() {
        words.push(program.to_owned());
        words.extend(flags);
    }
    words.extend(component.extra_args.iter().cloned());
    words
}

pub(super) fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

pub(super) fn policy(policy: Option<ImagePullPolicy>) -> Option<String> {
    policy.map(|policy| policy.as_str().to_owned())
}

pub(super) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

pub(super) fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    }
}

pub(super) fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: port.into(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

pub(super) fn field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_owned(),
                api_version: Some("v1".to_owned()),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// As little as possible, unless the settings say otherwise.
pub(super) fn security(plan: &Blueprint) -> SecurityContext {
    plan.settings.control_plane.workload.security.container.clone().unwrap_or_else(least)
}

fn program_security(plan: &Blueprint) -> SecurityContext {
    plan.settings.control_plane.kubernetes.security.clone().unwrap_or_else(|| security(plan))
}

/// What any of these programs gets along with.
pub(super) fn least() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

pub(super) fn amounts(requests: (&str, &str), memory: &str) -> ResourceRequirements {
    let of = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
    ResourceRequirements {
        requests: Some([of("cpu", requests.0), of("memory", requests.1)].into()),
        limits: Some([of("memory", memory)].into()),
        ..ResourceRequirements::default()
    }
}

pub(super) fn http(path: &str, port: u16, scheme: &str, period: i32, failures: i32) -> CoreProbe {
    CoreProbe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(port.into()),
            scheme: Some(scheme.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(3),
        ..CoreProbe::default()
    }
}

fn asked(probe: &Probe, path: &str) -> CoreProbe {
    let seconds = |time: std::time::Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
    CoreProbe {
        initial_delay_seconds: Some(seconds(probe.initial_delay)).filter(|delay| *delay > 0),
        timeout_seconds: Some(seconds(probe.timeout)),
        failure_threshold: Some(i32::try_from(probe.failure_threshold).unwrap_or(i32::MAX)),
        period_seconds: Some(seconds(probe.period)),
        ..http(path, API_PORT, "HTTPS", 2, 3)
    }
}
