//! Labels, annotations and names that v9s shares with the official chart and CLI.
//!
//! The only place where they are spelled. The source of each is `facts`: what the official project
//! writes and reads, restated by section number in the comments here.

use std::fmt::Display;

use crate::names::safe_concat;

/// Labels that the official chart puts on what makes up a control plane (docs/vclusters.md, Finding).
pub mod label {
    /// Which part of a virtual cluster an object is; [`super::App`] has the values.
    pub const APP: &str = "app";
    /// Name of the virtual cluster (of its Helm release).
    pub const RELEASE: &str = "release";
    /// Chart name and version, such as `vcluster-0.27.0`.
    pub const CHART: &str = "chart";
    /// Who rendered the chart; the official value is `Helm`.
    pub const HERITAGE: &str = "heritage";
    /// `"true"` on the Service that clients reach the virtual API server by (docs/vclusters.md, Objects).
    pub const SERVICE: &str = "vcluster.loft.sh/service";
    /// On the Secrets that the syncer writes: the virtual cluster they belong to (docs/vclusters.md, Objects).
    pub const VCLUSTER_NAME: &str = "vcluster-name";
    /// Present on a workload that the platform put to sleep (docs/vclusters.md, Pausing and sleeping).
    pub const SLEEP_MODE: &str = "loft.sh/sleep-mode";
    /// On every synced object: the virtual cluster it belongs to (docs/vclusters.md, Synced objects).
    pub const MANAGED_BY: &str = "vcluster.loft.sh/managed-by";
    /// On every synced object: its namespace in the virtual cluster.
    pub const NAMESPACE: &str = "vcluster.loft.sh/namespace";
    /// On objects that a special controller looks after; ordinary syncers leave them alone.
    pub const CONTROLLED_BY: &str = "vcluster.loft.sh/controlled-by";
    /// On host namespaces made by namespace sync: the virtual cluster they belong to (docs/vclusters.md, Annotations).
    pub const NAMESPACE_OF_VCLUSTER: &str = "vcluster.loft.sh/vcluster-name";
    /// On host namespaces made by namespace sync: the host namespace of that virtual cluster.
    pub const NAMESPACE_OF_VCLUSTER_NAMESPACE: &str = "vcluster.loft.sh/vcluster-namespace";
    /// On Services of nodes: the virtual cluster they belong to (docs/vclusters.md, Objects).
    pub const BELONGS_TO: &str = "vcluster.loft.sh/belongs-to";
    /// On Services of nodes: which node.
    pub const NODE: &str = "vcluster.loft.sh/node";
    /// On volumes of the tenant that stand for one of the host which the tenant may not see.
    pub const FAKE_PV: &str = "vcluster.loft.sh/fake-pv";
    /// On everything that `v9s observe` makes: the virtual cluster beside which its companion stands (docs/vclusters.md, Objects).
    pub const OBSERVER_OF: &str = "v9s.io/observer-of";
    /// On what `v9s probe` makes: which probe.
    pub const PROBE: &str = "v9s.io/probe";
    /// On its pods: what each is for.
    pub const PROBE_ROLE: &str = "v9s.io/probe-role";
    /// On events of the tenant that were copied from the host: which one, hashed.
    pub const HOST_EVENT: &str = "v9s.io/host-event";
    /// Prefix of a translated label key (docs/vclusters.md, Names).
    pub const TRANSLATED: &str = "vcluster.loft.sh/label";
    /// Prefix of a namespace label copied to pods (docs/vclusters.md, Names).
    pub const FROM_NAMESPACE: &str = "vcluster.loft.sh/ns-label";
    /// On what Argo CD deploys, where it goes by labels: name of the application.
    pub const ARGO_INSTANCE: &str = "argocd.argoproj.io/instance";
    /// On what Flux deploys: the kind of its own object that does, and the labels with that one's name and namespace.
    pub const FLUX: [(&str, &str, &str); 2] = [
        ("helmrelease", "helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"),
        ("kustomization", "kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"),
    ];
}

/// Annotations (docs/vclusters.md, Pausing and sleeping, and Annotations).
pub mod annotation {
    /// `"true"` on a workload that was paused.
    pub const PAUSED: &str = "loft.sh/paused";
    /// Replica count to return to when resuming.
    pub const PAUSED_REPLICAS: &str = "loft.sh/paused-replicas";
    /// When it was paused.
    pub const PAUSED_DATE: &str = "loft.sh/paused-date";
    /// `"true"` while a restore or a certificate rotation keeps the control plane stopped.
    pub const RESTORING: &str = "loft.sh/restoring";
    /// On a control plane that v9s restores: what was there before, JSON.
    pub const RESTORE: &str = "v9s.io/restore";
    /// On what the host carries for a tenant's object that was lost: by which restore it was marked to stay, and the UID that the tenant's
    /// object had, JSON.
    pub const ASIDE: &str = "v9s.io/aside";
    /// `"true"` on a virtual cluster that must not be deleted.
    pub const NON_DELETABLE: &str = "loft.sh/non-deletable";
    /// On the configuration Secret: what kind of sleep the virtual cluster is in.
    pub const SLEEP_TYPE: &str = "sleepmode.loft.sh/sleep-type";
    /// On the configuration Secret: since when it sleeps, in seconds since 1970.
    pub const SLEEPING_SINCE: &str = "sleepmode.loft.sh/sleeping-since";
    /// On synced objects: name in the virtual cluster.
    pub const OBJECT_NAME: &str = "vcluster.loft.sh/object-name";
    /// On synced objects: namespace in the virtual cluster.
    pub const OBJECT_NAMESPACE: &str = "vcluster.loft.sh/object-namespace";
    /// On synced objects: UID in the virtual cluster.
    pub const OBJECT_UID: &str = "vcluster.loft.sh/object-uid";
    /// On synced objects: kind in the virtual cluster, such as `apps/v1, Kind=Deployment`.
    pub const OBJECT_KIND: &str = "vcluster.loft.sh/object-kind";
    /// On synced objects: the host name they were made with; differs on copies made by others.
    pub const OBJECT_HOST_NAME: &str = "vcluster.loft.sh/object-host-name";
    /// On synced objects: the host namespace they were made in.
    pub const OBJECT_HOST_NAMESPACE: &str = "vcluster.loft.sh/object-host-namespace";
    /// On synced objects: keys of the annotations that came from the virtual object, one per line.
    pub const MANAGED_ANNOTATIONS: &str = "vcluster.loft.sh/managed-annotations";
    /// On synced objects: keys of the labels that came from the virtual object, one per line.
    pub const MANAGED_LABELS: &str = "vcluster.loft.sh/managed-labels";
    /// On synced pods: what the rewritten downward API says as the pod's name.
    pub const POD_NAME: &str = "vcluster.loft.sh/name";
    /// On synced pods: what the rewritten downward API says as the pod's namespace.
    pub const POD_NAMESPACE: &str = "vcluster.loft.sh/namespace";
    /// On synced pods: what the rewritten downward API says as the pod's UID.
    pub const POD_UID: &str = "vcluster.loft.sh/uid";
    /// On synced pods: what the rewritten downward API says as the service account.
    pub const POD_SERVICE_ACCOUNT: &str = "vcluster.loft.sh/service-account-name";
    /// On synced pods: all virtual labels, one `key="value"` per line, sorted.
    pub const POD_LABELS: &str = "vcluster.loft.sh/labels";
    /// On synced pods: the virtual owners, JSON.
    pub const POD_OWNER_REFERENCES: &str = "vcluster.loft.sh/owner-references";
    /// On synced pods: kind of the virtual controller.
    pub const POD_OWNER_KIND: &str = "vcluster.loft.sh/owner-set-kind";
    /// On synced pods: prefix of the annotation that holds a service account token. Never shown.
    pub const TOKEN_PREFIX: &str = "vcluster.loft.sh/token-";
    /// On synced pods: whether the autoscaler may evict them.
    pub const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    /// On synced pods of a virtual DaemonSet.
    pub const DAEMONSET_POD: &str = "cluster-autoscaler.kubernetes.io/daemonset-pod";
    /// `"true"` on a host namespace that the official CLI made (docs/vclusters.md, Pausing and sleeping).
    pub const CREATED: &str = "vcluster.loft.sh/created";
    /// On the Service of a virtual cluster: the service range of the host, once it was found out.
    pub const SERVICE_CIDR: &str = "vcluster.loft.sh/service-cidr";
    /// On control-plane pods: hash of the configuration they started with (docs/vclusters.md, Objects).
    pub const CONFIG_HASH: &str = "vClusterConfigHash";
    /// `"true"` on a virtual ConfigMap or Secret that goes to the host although nothing refers to it.
    pub const FORCE_SYNC: &str = "vcluster.loft.sh/force-sync";
    /// On a host object of ours without a partner: it is left alone.
    pub const SKIP_BACKSYNC: &str = "vcluster.loft.sh/skip-backsync";
    /// On a host Service that the official syncer made before the tenant's is there: it is not deleted meanwhile.
    pub const BLOCK_DELETION: &str = "vcluster.loft.sh/block-deletion";
    /// On the Service of a virtual cluster: UID of the namespace `kube-system` of the store that belongs to it.
    pub const STORE: &str = "v9s.io/store";
    /// On synced objects that v9s-syncer made: digests of the virtual state that was applied last, `labels=…;spec=…`.
    pub const APPLIED: &str = "v9s.io/applied";
    /// `"true"` on a virtual pod whose `/etc/hosts` is left as it is although it has a subdomain.
    pub const KEEP_HOSTS: &str = "vcluster.loft.sh/disable-subdomain-rewrite";
    /// On synced pods whose `/etc/hosts` holds the tenant's name.
    pub const HOSTS_REWRITTEN: &str = "vcluster.loft.sh/hosts-rewritten";
    /// On virtual nodes that are made up.
    pub const FAKE_NODE: &str = "vcluster.loft.sh/fake-node";
    /// On volumes of the tenant that the host made: its name there.
    pub const HOST_PV: &str = "vcluster.loft.sh/host-pv";
    /// `"true"` on a virtual object whose references already name objects on the host.
    pub const SKIP_TRANSLATE: &str = "vcluster.loft.sh/skip-translate";
    /// On a Service of the tenant whose address is being exchanged for the host's: the type that it returns to.
    pub const REALIGNING: &str = "v9s.io/realigning";
    /// On Services of the host that were made or changed before the tenant's API server had accepted the tenant's: when.
    pub const RESERVED: &str = "v9s.io/reserved";
    /// On Secrets with a certificate: from when on it is to be renewed.
    pub const RENEW_AFTER: &str = "v9s.io/renew-after";
    /// On what ends by itself: when. On bindings the credentials that came with them, on the workload of a control plane the
    /// whole virtual cluster (docs/vclusters.md, Time to live).
    pub const EXPIRES: &str = "v9s.io/expires";
    /// On the workload of a control plane: who answers for the virtual cluster (docs/vclusters.md, Time to live).
    pub const OWNER: &str = "v9s.io/owner";
    /// On the workload of a control plane: the last good backup, JSON (docs/backup.md, What is noted).
    pub const BACKUP: &str = "v9s.io/backup";
    /// On the workload of a control plane: the last run that took no backup, JSON, unless a good one came later.
    pub const BACKUP_MISSED: &str = "v9s.io/backup-missed";
    /// On the workload of a control plane: how old its last good backup may become, such as `24h`.
    pub const BACKUP_OBJECTIVE: &str = "v9s.io/backup-objective";
    /// On the Secret with the certificates and on pods that use them: digest of those certificates, once they were rotated
    /// (docs/vclusters.md, Certificates).
    pub const CERTIFICATES: &str = "v9s.io/certificates";
    /// On the workload of a control plane that v9s made: when the first of its certificates ends, RFC 3339 (docs/vclusters.md,
    /// Certificates).
    pub const CERTIFICATES_END: &str = "v9s.io/certificates-end";
    /// On Secrets with service account tokens: when the first of them expires.
    pub const TOKENS_EXPIRE: &str = "v9s.io/tokens-expire";
    /// On the configuration Secret: Argo CD deploys this virtual cluster (docs/vclusters.md, Pausing and sleeping).
    pub const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";
    /// Prefixes of annotations that stay on their side: the syncer's own, and kubectl's copy of a whole object.
    pub const STAYS: [&str; 3] =
        ["vcluster.loft.sh/", "v9s.io/", "kubectl.kubernetes.io/last-applied-configuration"];
    /// On what Helm deploys: name of the release.
    pub const HELM_RELEASE: &str = "meta.helm.sh/release-name";
}

/// Values of the label `app` on what makes up a control plane (docs/vclusters.md, Finding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum App {
    /// The control plane itself, with the container `syncer`.
    ControlPlane,
    /// Deployed etcd.
    Etcd,
    /// API server of charts before 0.20 that split the control plane.
    LegacyApi,
    /// Controller manager of charts before 0.20 that split the control plane.
    LegacyController,
}

impl App {
    /// All of them.
    pub const ALL: [App; 4] = [App::ControlPlane, App::Etcd, App::LegacyApi, App::LegacyController];

    /// The label value.
    pub fn value(self) -> &'static str {
        match self {
            App::ControlPlane => "vcluster",
            App::Etcd => "vcluster-etcd",
            App::LegacyApi => "vcluster-api",
            App::LegacyController => "vcluster-controller",
        }
    }

    /// The part that a label value stands for.
    pub fn of(value: &str) -> Option<App> {
        App::ALL.into_iter().find(|app| app.value() == value)
    }
}

/// Selects the workloads and the pods of all control planes (docs/vclusters.md, Finding).
pub fn control_plane_selector() -> String {
    let values: Vec<_> = App::ALL.into_iter().map(App::value).collect();
    format!("{} in ({}),{}", label::APP, values.join(","), label::RELEASE)
}

/// Selects configuration Secrets. The kubeconfig and certificate Secrets lack `release` and stay out (facts, 1.5).
pub fn config_selector() -> String {
    format!("{}={},{}", label::APP, App::ControlPlane.value(), label::RELEASE)
}

/// Selects what was synced from any virtual cluster (docs/vclusters.md, Synced objects).
pub fn synced_selector() -> &'static str {
    label::MANAGED_BY
}

/// Value of the label `heritage` on what v9s makes, where the official chart says `Helm`.
pub const HERITAGE: &str = "v9s";

/// Key of the whole configuration in the configuration Secret (docs/vclusters.md, Objects).
pub const CONFIG_KEY: &str = "config.yaml";
/// Value of the label `controlled-by` on Secrets with the service account tokens of pods.
pub const TOKENS_CONTROLLER: &str = "v9s-tokens";
/// Domain of the host names by which a virtual cluster knows the kubelets of its nodes: `NODE.nodes.vcluster.com`.
pub const KUBELET_DOMAIN: &str = "nodes.vcluster.com";
/// Value of the label `controlled-by` on both objects of the canary.
pub const CANARY_CONTROLLER: &str = "v9s-canary";
/// Value of the label `controlled-by` on pods that probe the network: they are selected as a tenant's pods are, and are none.
pub const PROBE_CONTROLLER: &str = "v9s-probe";
/// Value of the label `app` on the pods of a companion that stands beside another syncer. With `release` it lets them have the
/// network of the control plane where the chart's policies are on.
pub const OBSERVER_APP: &str = "v9s-observer";
/// Container that decides about the version (docs/vclusters.md, Version).
pub const SYNCER_CONTAINER: &str = "syncer";
/// Container that speaks etcd's language for SQLite or a database.
pub const KINE_CONTAINER: &str = "kine";
/// Container with a member of a deployed etcd.
pub const ETCD_CONTAINER: &str = "etcd";

/// Init container and volume of pods on the host whose `/etc/hosts` holds the tenant's name.
pub const HOSTS_CONTAINER: &str = "vcluster-rewrite-hosts";

/// Names of objects that belong to one virtual cluster (docs/vclusters.md, Objects).
pub mod name {
    use super::{Display, safe_concat};

    /// Secret with the configuration.
    pub fn config_secret(vcluster: impl Display) -> String {
        format!("vc-config-{vcluster}")
    }

    /// The virtual cluster whose configuration Secret this is.
    pub fn of_config_secret(secret: &str) -> Option<&str> {
        secret.strip_prefix("vc-config-").filter(|name| !name.is_empty())
    }

    /// Secret with the kubeconfig that the syncer writes.
    pub fn kubeconfig_secret(vcluster: impl Display) -> String {
        format!("vc-{vcluster}")
    }

    /// Secret with the certificates, the CA keys among them.
    pub fn certificates_secret(vcluster: impl Display) -> String {
        format!("{vcluster}-certs")
    }

    /// Secret with the place of a store that somebody else runs.
    pub fn store_secret(vcluster: impl Display) -> String {
        format!("vc-store-{vcluster}")
    }

    /// Role and RoleBinding of those who may look at a virtual cluster on its host.
    pub fn viewer_role(vcluster: impl Display) -> String {
        format!("vc-{vcluster}-viewer")
    }

    /// StatefulSet and Service of deployed etcd.
    pub fn etcd(vcluster: impl Display) -> String {
        format!("{vcluster}-etcd")
    }

    /// Headless Service of deployed etcd.
    pub fn etcd_headless_service(vcluster: impl Display) -> String {
        format!("{vcluster}-etcd-headless")
    }

    /// ClusterRole and ClusterRoleBinding of the control plane, where a setting needs one (docs/vclusters.md, Objects).
    pub fn cluster_role(vcluster: &str, namespace: &str) -> String {
        let joined = format!("vc-{vcluster}-v-{namespace}");
        joined.chars().take(63).collect::<String>().trim_end_matches('-').to_owned()
    }

    /// NetworkPolicy of the control plane.
    pub fn control_plane_policy(vcluster: impl Display) -> String {
        format!("vc-cp-{vcluster}")
    }

    /// NetworkPolicy of the tenant's pods.
    pub fn workload_policy(vcluster: impl Display) -> String {
        format!("vc-work-{vcluster}")
    }

    /// NetworkPolicy of the tenant's name server.
    pub fn dns_policy(vcluster: impl Display) -> String {
        format!("vc-kube-dns-{vcluster}")
    }

    /// NetworkPolicy of pods that take snapshots.
    pub fn snapshot_policy(vcluster: impl Display) -> String {
        format!("vc-snapshot-{vcluster}")
    }

    /// Headless Service of a StatefulSet's control plane.
    pub fn headless_service(vcluster: impl Display) -> String {
        format!("{vcluster}-headless")
    }

    /// Service account, Role and RoleBinding of the control plane.
    pub fn service_account(vcluster: impl Display) -> String {
        format!("vc-{vcluster}")
    }

    /// Service account of all synced pods.
    pub fn workload_service_account(vcluster: impl Display) -> String {
        format!("vc-workload-{vcluster}")
    }

    /// ResourceQuota and LimitRange that the chart makes.
    pub fn policy(vcluster: impl Display) -> String {
        format!("vc-{vcluster}")
    }

    /// Everything of a companion that stands beside another syncer, but what it publishes.
    pub fn observer(vcluster: &str) -> String {
        safe_concat(&[vcluster, "observer"])
    }

    /// Lease of the leading replica (docs/vclusters.md, Objects).
    pub fn leader_lease(vcluster: &str) -> String {
        safe_concat(&["vcluster", vcluster, "controller"])
    }

    /// Secret with the certificate by which the virtual API server knows the syncer's admission webhook.
    pub fn webhook_secret(vcluster: &str) -> String {
        safe_concat(&["vc-webhook", vcluster])
    }

    /// Service by whose address a node of the virtual cluster is reached (docs/vclusters.md, Objects).
    pub fn node_service(vcluster: &str, node: &str) -> String {
        safe_concat(&[vcluster, "node", &node.replace('.', "-")])
    }

    /// Kubeconfig context that the official CLI writes (docs/vclusters.md, State).
    pub fn context(vcluster: &str, namespace: &str, host_context: &str) -> String {
        format!("vcluster_{vcluster}_{namespace}_{host_context}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_name_every_part_of_a_control_plane() {
        assert_eq!(
            control_plane_selector(),
            "app in (vcluster,vcluster-etcd,vcluster-api,vcluster-controller),release"
        );
        assert_eq!(config_selector(), "app=vcluster,release");
    }

    #[test]
    fn app_labels_go_both_ways() {
        for app in App::ALL {
            assert_eq!(App::of(app.value()), Some(app));
        }
        assert_eq!(App::of("vcluster-snapshot"), None);
    }

    #[test]
    fn config_secret_names_go_both_ways() {
        assert_eq!(name::of_config_secret(&name::config_secret("team-a")), Some("team-a"));
        assert_eq!(name::of_config_secret("vc-team-a"), None);
        assert_eq!(name::of_config_secret("vc-config-"), None);
    }
}
