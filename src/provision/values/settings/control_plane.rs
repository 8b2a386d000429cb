//! `controlPlane`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    EnvVar, LocalObjectReference, ResourceRequirements, SecurityContext, ServiceSpec,
};
use k8s_openapi::api::networking::v1::IngressSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::cluster::{Image, ImagePullPolicy, Metadata, Scheduling, Security};
use super::confidential::Confidential;
use super::manifests::{self, Manifests};
use super::stores::BackingStore;
use super::workload::Workload;
use crate::provision::values::view::View;

/// The virtual control plane.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlPlane {
    /// The Kubernetes programs.
    pub kubernetes: Kubernetes,
    /// Where the objects are.
    pub store: BackingStore,
    /// Replicas and their election.
    pub high_availability: HighAvailability,
    /// The workload.
    pub workload: Workload,
    /// The virtual API's own socket.
    pub proxy: Proxy,
    /// DNS of the virtual cluster; None when somebody else sees to it.
    pub coredns: Option<CoreDns>,
    /// How the virtual API is reached.
    pub exposure: Exposure,
    /// A ServiceMonitor.
    pub service_monitor: Option<Metadata>,
    /// The rest.
    pub advanced: Advanced,
}

/// The Kubernetes programs of a control plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// Release, such as `v1.36.0`.
    pub version: String,
    /// Image with all of the programs; those that Kubernetes publishes when None.
    pub image: Option<Image>,
    /// When it is pulled.
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// kube-apiserver; None when it is not run.
    pub api_server: Option<Component>,
    /// kube-controller-manager; None when it is not run.
    pub controller_manager: Option<Component>,
    /// Environment.
    pub env: Confidential<Vec<EnvVar>>,
    /// What the container with the programs may use.
    pub resources: ResourceRequirements,
    /// With which rights it runs.
    pub security: Option<SecurityContext>,
}

/// A program of the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Command line, whole; that of v9s when empty.
    pub command: Vec<String>,
    /// Further arguments.
    pub extra_args: Vec<String>,
}

/// Replicas of the control plane, and the election of the one that syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighAvailability {
    /// Replicas; one with the embedded database.
    pub replicas: u32,
    /// After which another replica leads; longer than [`Self::renew_deadline`].
    pub lease_duration: Duration,
    /// In which the leader must have renewed; longer than [`Self::retry_period`].
    pub renew_deadline: Duration,
    /// Between tries.
    pub retry_period: Duration,
}

/// The virtual API's own socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Address on which it listens.
    pub bind_address: IpAddr,
    /// Port on which it listens.
    pub port: u16,
    /// Further names and addresses in its certificate.
    pub extra_sans: Vec<String>,
}

/// DNS of the virtual cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreDns {
    /// Image; chosen by v9s when None.
    pub image: Option<String>,
    /// Replicas.
    pub replicas: u32,
    /// What each may use.
    pub resources: ResourceRequirements,
    /// Labels and annotations of the Deployment.
    pub metadata: Metadata,
    /// Labels and annotations of its pods.
    pub pods: Metadata,
    /// Where pods go.
    pub scheduling: Scheduling,
    /// With which rights they run.
    pub security: Security,
    /// Labels and annotations of the Service.
    pub service: Metadata,
    /// The Service.
    pub service_spec: ServiceSpec,
    /// The Corefile, whole; that of v9s when None.
    pub corefile: Option<String>,
    /// The manifests, whole; those of v9s when there are none.
    pub manifests: Manifests,
}

/// How the virtual API is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure {
    /// The Service; None when somebody else makes it.
    pub service: Option<Service>,
    /// An Ingress.
    pub ingress: Option<Ingress>,
}

/// The Service of the virtual API.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The Service.
    pub spec: ServiceSpec,
    /// NodePort of the API; the host chooses when None.
    pub https_node_port: Option<u16>,
    /// NodePort of the kubelet endpoint; the host chooses when None.
    pub kubelet_node_port: Option<u16>,
    /// Labels and annotations.
    pub metadata: Metadata,
}

/// An Ingress of the virtual API.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingress {
    /// Host name.
    pub host: String,
    /// How its path is matched.
    pub path_type: String,
    /// The rest of the Ingress.
    pub spec: IngressSpec,
    /// Labels and annotations.
    pub metadata: Metadata,
}

/// The rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Advanced {
    /// In front of every image of v9s and of the control plane, in place of its registry.
    pub default_image_registry: Option<String>,
    /// Account of the control plane on the host.
    pub service_account: Account,
    /// Account of the tenant's pods on the host.
    pub workload_service_account: Account,
    /// Labels and annotations of the headless Service.
    pub headless_service: Metadata,
    /// Annotations of everything that makes up the control plane.
    pub global_annotations: BTreeMap<String, String>,
    /// PodDisruptionBudget of the control plane.
    pub pod_disruption_budget: Option<DisruptionBudget>,
}

/// A ServiceAccount of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// It is made by v9s; otherwise it must be there.
    pub create: bool,
    /// Name; `vc-NAME` or `vc-workload-NAME` when None.
    pub name: Option<String>,
    /// Secrets with which images are pulled.
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Labels and annotations.
    pub metadata: Metadata,
}

/// A PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq)]
pub struct DisruptionBudget {
    /// How many pods must be there, or may be missing.
    pub bound: DisruptionBound,
    /// Which pods may be evicted although they are not healthy; Kubernetes' default when None.
    pub unhealthy_pod_eviction_policy: Option<String>,
}

/// How many pods must be there, or may be missing.
#[derive(Debug, Clone, PartialEq)]
pub enum DisruptionBound {
    /// As many must be there.
    MinAvailable(IntOrString),
    /// As many may be missing.
    MaxUnavailable(IntOrString),
}

impl ControlPlane {
    pub(super) fn of(view: &View) -> ControlPlane {
        let store = BackingStore::of(&view.at("backingStore"));
        let set = view.at("statefulSet");
        let service_monitor = Metadata::of(&view.at("serviceMonitor"));
        ControlPlane {
            kubernetes: Kubernetes::of(&view.at("distro.k8s")),
            high_availability: HighAvailability::of(&set.at("highAvailability")),
            workload: Workload::of(&set, store.is_in_control_plane()),
            store,
            proxy: Proxy {
                bind_address: view.text("proxy.bindAddress").parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
                port: view.number("proxy.port"),
                extra_sans: view.texts("proxy.extraSANs"),
            },
            coredns: CoreDns::of(&view.at("coredns")),
            exposure: Exposure {
                service: Service::of(&view.at("service")),
                ingress: Ingress::of(&view.at("ingress")),
            },
            service_monitor: view.flag("serviceMonitor.enabled").then_some(service_monitor),
            advanced: Advanced::of(&view.at("advanced")),
        }
    }
}

impl Kubernetes {
    fn of(view: &View) -> Kubernetes {
        let image = view.at("image");
        let version = view.some_text("version").or(image.some_text("tag"));
        if version.is_none() {
            view.complain("version", "which release? give one such as v1.36.0");
        }
        let version = version.unwrap_or_default();
        let own = image.differs("registry") || image.differs("repository");
        Kubernetes {
            image: own.then(|| Image { tag: Some(version.clone()), ..Image::of(&image) }),
            version,
            image_pull_policy: ImagePullPolicy::of(view, "imagePullPolicy"),
            api_server: Component::of(&view.at("apiServer")),
            controller_manager: Component::of(&view.at("controllerManager")),
            env: Confidential::new(view.typed("env")),
            resources: view.typed("resources"),
            security: view.some_typed("securityContext"),
        }
    }
}

impl Component {
    fn of(view: &View) -> Option<Component> {
        let component = Component { command: view.texts("command"), extra_args: view.texts("extraArgs") };
        view.flag("enabled").then_some(component)
    }
}

impl HighAvailability {
    fn of(view: &View) -> HighAvailability {
        let seconds = |key: &str| Duration::from_secs(view.number(key));
        let election = HighAvailability {
            replicas: view.number("replicas"),
            lease_duration: seconds("leaseDuration"),
            renew_deadline: seconds("renewDeadline"),
            retry_period: seconds("retryPeriod"),
        };
        if election.lease_duration <= election.renew_deadline {
            view.contradict("leaseDuration", "must be longer than renewDeadline", view, "renewDeadline");
        }
        if election.renew_deadline <= election.retry_period {
            view.contradict("renewDeadline", "must be longer than retryPeriod", view, "retryPeriod");
        }
        election
    }
}

impl CoreDns {
    fn of(view: &View) -> Option<CoreDns> {
        let deployment = view.at("deployment");
        let coredns = CoreDns {
            image: deployment.some_text("image"),
            replicas: deployment.number("replicas"),
            resources: deployment.typed("resources"),
            metadata: Metadata::of(&deployment),
            pods: Metadata::of(&deployment.at("pods")),
            scheduling: Scheduling {
                node_selector: deployment.map("nodeSelector"),
                affinity: deployment.some_typed("affinity"),
                tolerations: deployment.typed("tolerations"),
                priority_class_name: view.some_text("priorityClassName"),
                topology_spread_constraints: deployment.typed("topologySpreadConstraints"),
                ordered: false,
            },
            security: Security::of(&view.at("security")),
            service: Metadata::of(&view.at("service")),
            service_spec: view.typed("service.spec"),
            corefile: view.some_text("overwriteConfig"),
            manifests: manifests::read(view, "overwriteManifests"),
        };
        view.flag("enabled").then_some(coredns)
    }
}

impl Service {
    fn of(view: &View) -> Option<Service> {
        let port = |key: &str| Some(view.number(key)).filter(|port: &u16| *port > 0);
        let service = Service {
            spec: view.typed("spec"),
            https_node_port: port("httpsNodePort"),
            kubelet_node_port: port("kubeletNodePort"),
            metadata: Metadata::of(view),
        };
        view.flag("enabled").then_some(service)
    }
}

impl Ingress {
    fn of(view: &View) -> Option<Ingress> {
        let ingress = Ingress {
            host: view.text("host"),
            path_type: view.text("pathType"),
            spec: view.typed("spec"),
            metadata: Metadata::of(view),
        };
        view.flag("enabled").then_some(ingress)
    }
}

impl Advanced {
    fn of(view: &View) -> Advanced {
        Advanced {
            default_image_registry: view.some_text("defaultImageRegistry"),
            service_account: Account::of(&view.at("serviceAccount")),
            workload_service_account: Account::of(&view.at("workloadServiceAccount")),
            headless_service: Metadata::of(&view.at("headlessService")),
            global_annotations: view.map("globalMetadata.annotations"),
            pod_disruption_budget: DisruptionBudget::of(&view.at("podDisruptionBudget")),
        }
    }
}

impl Account {
    fn of(view: &View) -> Account {
        Account {
            create: view.flag("enabled"),
            name: view.some_text("name"),
            image_pull_secrets: view.typed("imagePullSecrets"),
            metadata: Metadata::of(view),
        }
    }
}

impl DisruptionBudget {
    fn of(view: &View) -> Option<DisruptionBudget> {
        let least: Option<IntOrString> = view.some_typed("minAvailable");
        let most: Option<IntOrString> = view.some_typed("maxUnavailable");
        let on = view.flag("enabled");
        if on && least.is_some() && most.is_some() {
            view.contradict("minAvailable", "give one of the two", view, "maxUnavailable");
        }
        let bound = match (least, most) {
            (Some(least), _) => DisruptionBound::MinAvailable(least),
            (None, Some(most)) => DisruptionBound::MaxUnavailable(most),
            (None, None) => DisruptionBound::MinAvailable(IntOrString::Int(1)),
        };
        let policy = view.some_text("unhealthyPodEvictionPolicy");
        on.then_some(DisruptionBudget { bound, unhealthy_pod_eviction_policy: policy })
    }
}
