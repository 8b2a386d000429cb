//! Every setting that the table names the syncer for makes a difference to what it does.

use std::collections::{BTreeMap, BTreeSet};

use v9s::cluster::Resource;
use v9s::provision::values::{self, actors};

use super::*;
use crate::resources;

/// Settings that a part of the syncer takes whole; that they are read is shown where they are read.
const TAKEN_WHOLE: [&str; 3] =
    ["controlPlane.coredns", "integrations.metricsServer", "networking.advanced.proxyKubelets"];

/// A setting, a document without it, and the same with it.
const EACH: &[(&str, &str, &str)] = &[
    ("sync.toHost.pods.enabled", "", "sync: {toHost: {pods: {enabled: false}}}"),
    ("sync.toHost.pods.translateImage", "", "sync: {toHost: {pods: {translateImage: {a: b}}}}"),
    (
        "sync.toHost.pods.enforceTolerations",
        "",
        "sync: {toHost: {pods: {enforceTolerations: ['a=b:NoSchedule']}}}",
    ),
    ("sync.toHost.pods.runtimeClassName", "", "sync: {toHost: {pods: {runtimeClassName: a}}}"),
    ("sync.toHost.pods.priorityClassName", "", "sync: {toHost: {pods: {priorityClassName: a}}}"),
    ("sync.toHost.pods.rewriteHosts.enabled", "", "sync: {toHost: {pods: {rewriteHosts: {enabled: false}}}}"),
    (
        "sync.toHost.pods.rewriteHosts.initContainer.image.registry",
        "",
        "sync: {toHost: {pods: {rewriteHosts: {initContainer: {image: {registry: a.example.org}}}}}}",
    ),
    (
        "sync.toHost.pods.rewriteHosts.initContainer.image.repository",
        "",
        "sync: {toHost: {pods: {rewriteHosts: {initContainer: {image: {repository: a}}}}}}",
    ),
    (
        "sync.toHost.pods.rewriteHosts.initContainer.image.tag",
        "",
        "sync: {toHost: {pods: {rewriteHosts: {initContainer: {image: {tag: a}}}}}}",
    ),
    (
        "sync.toHost.pods.rewriteHosts.initContainer.resources",
        "",
        "sync: {toHost: {pods: {rewriteHosts: {initContainer: {resources: {limits: {cpu: 1m}}}}}}}",
    ),
    ("sync.toHost.secrets.enabled", "", "sync: {toHost: {secrets: {enabled: false}}}"),
    ("sync.toHost.secrets.all", "", "sync: {toHost: {secrets: {all: true}}}"),
    ("sync.toHost.configMaps.enabled", "", "sync: {toHost: {configMaps: {enabled: false}}}"),
    ("sync.toHost.configMaps.all", "", "sync: {toHost: {configMaps: {all: true}}}"),
    ("sync.toHost.ingresses.enabled", "", "sync: {toHost: {ingresses: {enabled: true}}}"),
    ("sync.toHost.services.enabled", "", "sync: {toHost: {services: {enabled: false}}}"),
    ("sync.toHost.endpoints.enabled", "", "sync: {toHost: {endpoints: {enabled: false}}}"),
    ("sync.toHost.endpointSlices.enabled", "", "sync: {toHost: {endpointSlices: {enabled: false}}}"),
    ("sync.toHost.networkPolicies.enabled", "", "sync: {toHost: {networkPolicies: {enabled: true}}}"),
    (
        "sync.toHost.persistentVolumeClaims.enabled",
        "",
        "sync: {toHost: {persistentVolumeClaims: {enabled: false}}}",
    ),
    ("sync.toHost.persistentVolumes.enabled", "", "sync: {toHost: {persistentVolumes: {enabled: true}}}"),
    ("sync.toHost.storageClasses.enabled", "", "sync: {toHost: {storageClasses: {enabled: true}}}"),
    ("sync.toHost.serviceAccounts.enabled", "", "sync: {toHost: {serviceAccounts: {enabled: true}}}"),
    (
        "sync.toHost.podDisruptionBudgets.enabled",
        "",
        "sync: {toHost: {podDisruptionBudgets: {enabled: true}}}",
    ),
    ("sync.toHost.priorityClasses.enabled", "", "sync: {toHost: {priorityClasses: {enabled: true}}}"),
    (
        "sync.toHost.customResources.enabled",
        "sync: {toHost: {customResources: {a.example.org: {enabled: false}}}}",
        "sync: {toHost: {customResources: {a.example.org: {enabled: true}}}}",
    ),
    ("sync.fromHost.nodes.enabled", "", "sync: {fromHost: {nodes: {enabled: true}}}"),
    (
        "sync.fromHost.nodes.clearImageStatus",
        "sync: {fromHost: {nodes: {enabled: true}}}",
        "sync: {fromHost: {nodes: {enabled: true, clearImageStatus: true}}}",
    ),
    (
        "sync.fromHost.nodes.selector.all",
        "sync: {fromHost: {nodes: {enabled: true}}}",
        "sync: {fromHost: {nodes: {enabled: true, selector: {all: true}}}}",
    ),
    (
        "sync.fromHost.nodes.selector.labels",
        "sync: {fromHost: {nodes: {enabled: true}}}",
        "sync: {fromHost: {nodes: {enabled: true, selector: {labels: {a: b}}}}}",
    ),
    ("sync.fromHost.events.enabled", "", "sync: {fromHost: {events: {enabled: false}}}"),
    (
        "sync.fromHost.customResources.enabled",
        "sync: {fromHost: {customResources: {a.example.org: {enabled: false, scope: Cluster}}}}",
        "sync: {fromHost: {customResources: {a.example.org: {enabled: true, scope: Cluster}}}}",
    ),
    (
        "sync.fromHost.customResources.scope",
        "sync: {fromHost: {customResources: {a.example.org: {enabled: true, scope: Cluster}}}}",
        "sync: {fromHost: {customResources: {a.example.org: {enabled: true, scope: Namespaced, mappings: {byName: {a/*: b/*}}}}}}",
    ),
    (
        "sync.fromHost.customResources.mappings.byName",
        "sync: {fromHost: {customResources: {a.example.org: {enabled: true, scope: Namespaced, mappings: {byName: {a/*: b/*}}}}}}",
        "sync: {fromHost: {customResources: {a.example.org: {enabled: true, scope: Namespaced, mappings: {byName: {c/*: d/*}}}}}}",
    ),
    (
        "sync.fromHost.configMaps.enabled",
        "sync: {fromHost: {configMaps: {enabled: false, mappings: {byName: {a/*: b/*}}}}}",
        "sync: {fromHost: {configMaps: {enabled: true, mappings: {byName: {a/*: b/*}}}}}",
    ),
    (
        "sync.fromHost.configMaps.mappings.byName",
        "sync: {fromHost: {configMaps: {enabled: true, mappings: {byName: {a/*: b/*}}}}}",
        "sync: {fromHost: {configMaps: {enabled: true, mappings: {byName: {a/c: b/c}}}}}",
    ),
    (
        "sync.fromHost.secrets.enabled",
        "sync: {fromHost: {secrets: {enabled: false, mappings: {byName: {a/*: b/*}}}}}",
        "sync: {fromHost: {secrets: {enabled: true, mappings: {byName: {a/*: b/*}}}}}",
    ),
    (
        "sync.fromHost.secrets.mappings.byName",
        "sync: {fromHost: {secrets: {enabled: true, mappings: {byName: {a/*: b/*}}}}}",
        "sync: {fromHost: {secrets: {enabled: true, mappings: {byName: {'': b}}}}}",
    ),
    (
        "networking.replicateServices.toHost.from",
        "networking: {replicateServices: {toHost: [{from: a/b, to: c}]}}",
        "networking: {replicateServices: {toHost: [{from: a/d, to: c}]}}",
    ),
    (
        "networking.replicateServices.toHost.to",
        "networking: {replicateServices: {toHost: [{from: a/b, to: c}]}}",
        "networking: {replicateServices: {toHost: [{from: a/b, to: d}]}}",
    ),
    (
        "networking.replicateServices.fromHost.from",
        "networking: {replicateServices: {fromHost: [{from: a/b, to: c/d}]}}",
        "networking: {replicateServices: {fromHost: [{from: b, to: c/d}]}}",
    ),
    (
        "networking.replicateServices.fromHost.to",
        "networking: {replicateServices: {fromHost: [{from: a/b, to: c/d}]}}",
        "networking: {replicateServices: {fromHost: [{from: a/b, to: c/e}]}}",
    ),
    ("networking.serviceCIDR", "", "networking: {serviceCIDR: 10.7.0.0/16}"),
    ("serviceCIDR", "", "serviceCIDR: 10.7.0.0/16"),
    ("networking.advanced.clusterDomain", "", "networking: {advanced: {clusterDomain: a.example.org}}"),
    ("policies.podSecurityStandard", "", "policies: {podSecurityStandard: baseline}"),
    (
        "controlPlane.statefulSet.highAvailability.leaseDuration",
        "",
        "controlPlane: {statefulSet: {highAvailability: {leaseDuration: 50}}}",
    ),
    (
        "controlPlane.statefulSet.highAvailability.renewDeadline",
        "",
        "controlPlane: {statefulSet: {highAvailability: {renewDeadline: 30}}}",
    ),
    (
        "controlPlane.statefulSet.highAvailability.retryPeriod",
        "",
        "controlPlane: {statefulSet: {highAvailability: {retryPeriod: 5}}}",
    ),
    (
        "controlPlane.advanced.defaultImageRegistry",
        "",
        "controlPlane: {advanced: {defaultImageRegistry: a.example.org}}",
    ),
    (
        "controlPlane.advanced.workloadServiceAccount.name",
        "",
        "controlPlane: {advanced: {workloadServiceAccount: {name: a}}}",
    ),
    (
        "v9s.sync.customResources.direction",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost}}}}",
        "v9s: {sync: {customResources: {a.example.org: {direction: fromHost}}}}\nsync: {fromHost: {customResources: {a.example.org: {enabled: true, scope: Cluster}}}}",
    ),
    (
        "v9s.sync.customResources.references.path",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost, references: [{path: spec.a, kind: Secret}]}}}}",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost, references: [{path: spec.b, kind: Secret}]}}}}",
    ),
    (
        "v9s.sync.customResources.references.kind",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost, references: [{path: spec.a, kind: Secret}]}}}}",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost, references: [{path: spec.a, kind: Pod}]}}}}",
    ),
    (
        "v9s.sync.customResources.statusPaths",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost}}}}",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost, statusPaths: [status, spec.a]}}}}",
    ),
    (
        "v9s.sync.customResources.hostDeletion",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost}}}}",
        "v9s: {sync: {customResources: {a.example.org: {direction: toHost, hostDeletion: propagate}}}}",
    ),
    ("v9s.access.admins", "", "v9s: {access: {admins: [a]}}"),
    (
        "experimental.deploy.vcluster.manifests",
        "",
        "experimental: {deploy: {vcluster: {manifests: '{apiVersion: v1, kind: Namespace, metadata: {name: a}}'}}}",
    ),
    ("logging.encoding", "", "logging: {encoding: json}"),
    ("experimental.syncSettings.setOwner", "", "experimental: {syncSettings: {setOwner: false}}"),
];

/// What the syncer makes of a document.
fn made_of(text: &str) -> String {
    let settings = values::read(text).unwrap_or_else(|problems| panic!("{text}: {problems}"));
    let served = settings.sync.custom_resources.keys().map(|name| {
        let (group, plural) = (name.group.as_str().into(), name.plural.as_str().into());
        (name.clone(), Resource { group, version: "v1".into(), plural, kind: "A".into(), namespaced: true })
    });
    let served: BTreeMap<_, _> = served.collect();
    let mirrored = resources::configured(&settings.sync, &settings.networking.replicate_services, &served);
    let mirrored = mirrored.unwrap_or_else(|error| panic!("{text}: {error}"));
    let networking = &settings.networking;
    let begins = crate::beginning::objects(&settings);
    let rest = (settings.set_owner, &networking.cluster_domain, &networking.service_cidr, settings.logging);
    format!("{:?}", (pods(&settings), nodes(&settings), mirrored, terms(&settings), rest, begins))
}

/// Classes and what happens after a deletion are the same for many kinds.
fn of_many_kinds() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for kind in ["ingressClasses", "runtimeClasses", "priorityClasses", "storageClasses"] {
        let given = |inside: &str| format!("sync: {{fromHost: {{{kind}: {{enabled: true, {inside}}}}}}}");
        let expression = |key: &str, operator: &str, values: &str| {
            given(&format!(
                "selector: {{matchExpressions: [{{key: {key}, operator: {operator}, values: [{values}]}}]}}"
            ))
        };
        let path = |inside: &str| format!("sync.fromHost.{kind}.{inside}");
        all.push((path("enabled"), String::new(), given("")));
        all.push((path("selector.matchLabels"), given(""), given("selector: {matchLabels: {a: b}}")));
        let base = expression("a", "In", "b");
        all.push((path("selector.matchExpressions.key"), base.clone(), expression("c", "In", "b")));
        all.push((path("selector.matchExpressions.operator"), base.clone(), expression("a", "NotIn", "b")));
        all.push((path("selector.matchExpressions.values"), base, expression("a", "In", "c")));
    }
    for kind in [
        "services",
        "endpoints",
        "endpointSlices",
        "configMaps",
        "secrets",
        "persistentVolumeClaims",
        "persistentVolumes",
        "ingresses",
        "networkPolicies",
        "podDisruptionBudgets",
        "serviceAccounts",
        "storageClasses",
        "priorityClasses",
    ] {
        let given = format!("v9s: {{sync: {{hostDeletion: {{{kind}: propagate}}}}}}");
        all.push((format!("v9s.sync.hostDeletion.{kind}"), String::new(), given));
    }
    all
}

#[test]
fn each_setting_that_the_syncer_is_named_for_makes_a_difference() {
    let owned = |(path, before, after): &(&str, &str, &str)| {
        (path.to_string(), before.to_string(), after.to_string())
    };
    let each: Vec<_> = EACH.iter().map(owned).chain(of_many_kinds()).collect();
    for (path, before, after) in &each {
        assert_ne!(made_of(before), made_of(after), "{path} changes nothing");
    }
    let taken_whole = |path: &String| TAKEN_WHOLE.iter().any(|part| path.starts_with(part));
    let named: BTreeSet<String> =
        actors::of_the_syncer().into_iter().filter(|path| !taken_whole(path)).collect();
    let shown: BTreeSet<String> = each.into_iter().map(|(path, ..)| path).collect();
    let unshown: Vec<_> = named.difference(&shown).collect();
    let unknown: Vec<_> = shown.difference(&named).collect();
    assert!(
        unshown.is_empty() && unknown.is_empty(),
        "not shown: {unshown:?}; not the syncer's: {unknown:?}"
    );
}
