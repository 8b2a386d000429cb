//! What the syncer may do on the host: what its settings need, and nothing else.

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Blueprint, Object, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::{self, ClassSync, NodeSync, Rules};
use crate::wire::{App, name};

const GROUP: &str = "rbac.authorization.k8s.io";
/// What mirroring a kind takes.
const MIRROR: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const LOOK: &[&str] = &["list", "watch"];

/// Roles and bindings.
pub(super) fn rights(plan: &Blueprint) -> Vec<Object> {
    let mut objects = Vec::new();
    if let Some(rules) = &plan.settings.rbac.role {
        let metadata = || meta::of(plan, App::ControlPlane, name::service_account(plan.name), None);
        let rules = with(rules, namespaced(plan));
        let role = Role { metadata: metadata(), rules: Some(rules) };
        let binding = RoleBinding {
            metadata: metadata(),
            role_ref: reference("Role", name::service_account(plan.name)),
            subjects: Some(vec![subject(plan)]),
        };
        objects.push(Object::of(Resource::ROLES, &role));
        objects.push(Object::of(Resource::ROLE_BINDINGS, &binding));
    }
    objects.extend(everywhere(plan));
    objects.extend(viewers(plan));
    objects
}

/// What people look at who have nothing to do with what is inside.
const SEEN: [(&str, &[&str]); 7] = [
    (
        "",
        &[
            "pods",
            "services",
            "endpoints",
            "configmaps",
            "events",
            "persistentvolumeclaims",
            "resourcequotas",
            "limitranges",
            "serviceaccounts",
        ],
    ),
    ("apps", &["statefulsets", "deployments", "replicasets"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("coordination.k8s.io", &["leases"]),
    ("events.k8s.io", &["events"]),
];

/// Groups that may look at everything but Secrets.
fn viewers(plan: &Blueprint) -> Vec<Object> {
    let groups = &plan.settings.access.viewers;
    if groups.is_empty() {
        return Vec::new();
    }
    let name = name::viewer_role(plan.name);
    let metadata = || meta::of(plan, App::ControlPlane, name.clone(), None);
    let mut rules: Vec<PolicyRule> =
        SEEN.into_iter().map(|(group, plurals)| rule(group, plurals, &["get", "list", "watch"])).collect();
    rules.push(rule("", &["pods/log"], &["get"]));
    let subjects = groups.iter().map(|group| Subject {
        kind: "Group".to_owned(),
        name: group.clone(),
        api_group: Some(GROUP.to_owned()),
        ..Subject::default()
    });
    let binding = RoleBinding {
        metadata: metadata(),
        role_ref: reference("Role", name.clone()),
        subjects: Some(subjects.collect()),
    };
    let role = Role { metadata: metadata(), rules: Some(rules) };
    vec![Object::of(Resource::ROLES, &role), Object::of(Resource::ROLE_BINDINGS, &binding)]
}

fn everywhere(plan: &Blueprint) -> Vec<Object> {
    let needed = cluster_wide(plan);
    let rules = match &plan.settings.rbac.cluster_role {
        settings::ClusterRole::Never => return Vec::new(),
        settings::ClusterRole::AsNeeded(rules) | settings::ClusterRole::Always(rules) => with(rules, needed),
    };
    let always = matches!(plan.settings.rbac.cluster_role, settings::ClusterRole::Always(_));
    if rules.is_empty() && !always {
        return Vec::new();
    }
    let name = name::cluster_role(plan.name, plan.namespace);
    let metadata = || ObjectMeta { namespace: None, ..meta::of(plan, App::ControlPlane, name.clone(), None) };
    let role = ClusterRole { metadata: metadata(), rules: Some(rules), ..ClusterRole::default() };
    let binding = ClusterRoleBinding {
        metadata: metadata(),
        role_ref: reference("ClusterRole", name.clone()),
        subjects: Some(vec![subject(plan)]),
    };
    vec![Object::of(Resource::CLUSTER_ROLES, &role), Object::of(Resource::CLUSTER_ROLE_BINDINGS, &binding)]
}

fn with(rules: &Rules, own: Vec<PolicyRule>) -> Vec<PolicyRule> {
    match rules {
        Rules::Added(more) => own.into_iter().chain(more.iter().cloned()).collect(),
        Rules::Instead(all) => all.clone(),
    }
}

/// What docs/syncer-deploy.yaml has, and what further settings need in the namespace.
fn namespaced(plan: &Blueprint) -> Vec<PolicyRule> {
    let sync = &plan.settings.sync;
    let mut rules = vec![
        rule(
            "",
            &["pods", "services", "endpoints", "configmaps", "secrets", "persistentvolumeclaims"],
            MIRROR,
        ),
        rule("discovery.k8s.io", &["endpointslices"], MIRROR),
        rule("", &["pods/status", "pods/resize", "pods/ephemeralcontainers"], &["patch"]),
        rule("", &["pods/log"], &["get"]),
        rule("", &["pods/exec", "pods/attach", "pods/portforward"], &["get", "create"]),
        rule("", &["events"], LOOK),
        rule("coordination.k8s.io", &["leases"], &["get", "create", "patch"]),
    ];
    let more = [
        (sync.ingresses, "networking.k8s.io", "ingresses"),
        (sync.network_policies, "networking.k8s.io", "networkpolicies"),
        (sync.pod_disruption_budgets, "policy", "poddisruptionbudgets"),
        (sync.service_accounts, "", "serviceaccounts"),
    ];
    rules.extend(
        more.into_iter().filter(|(on, ..)| *on).map(|(_, group, plural)| rule(group, &[plural], MIRROR)),
    );
    rules
}

/// What lies outside any namespace.
fn cluster_wide(plan: &Blueprint) -> Vec<PolicyRule> {
    let sync = &plan.settings.sync;
    let mut rules = Vec::new();
    if sync.persistent_volumes {
        rules.push(rule("", &["persistentvolumes"], MIRROR));
    }
    let classes = [
        (&sync.storage_classes, "storage.k8s.io", "storageclasses"),
        (&sync.priority_classes, "scheduling.k8s.io", "priorityclasses"),
    ];
    for (sync, group, plural) in classes {
        match sync {
            ClassSync::Off => {}
            ClassSync::ToHost => rules.push(rule(group, &[plural], MIRROR)),
            ClassSync::FromHost(_) => rules.push(rule(group, &[plural], LOOK)),
        }
    }
    if sync.ingress_classes.is_some() {
        rules.push(rule("networking.k8s.io", &["ingressclasses"], LOOK));
    }
    if sync.runtime_classes.is_some() {
        rules.push(rule("node.k8s.io", &["runtimeclasses"], LOOK));
    }
    if matches!(sync.nodes, NodeSync::Host(_)) {
        rules.push(rule("", &["nodes"], LOOK));
    }
    rules
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let words = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(words(resources)),
        verbs: words(verbs),
        ..PolicyRule::default()
    }
}

fn reference(kind: &str, name: String) -> RoleRef {
    RoleRef { api_group: Some(GROUP.to_owned()), kind: kind.to_owned(), name }
}

fn subject(plan: &Blueprint) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: plan.account(),
        namespace: Some(plan.namespace.to_owned()),
        ..Subject::default()
    }
}
