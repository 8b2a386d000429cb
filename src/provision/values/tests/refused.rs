//! What is refused, and in which words.

use super::*;

/// A document and everything that is told about it.
fn table(cases: &[(&str, &[&str])]) {
    for (document, expected) in cases {
        assert_eq!(problems(document), *expected, "{document}");
    }
}

#[test]
fn an_unknown_key_is_told_with_what_may_have_been_meant() {
    table(&[
        (
            "sync:\n  toHost:\n    pods:\n      enabeld: true\n",
            &["line 4, column 7: sync.toHost.pods.enabeld: unknown key; did you mean \"enabled\"?"],
        ),
        ("podCIDR: 10.0.0.0/8\n", &["line 1, column 1: podCIDR: unknown key; there is networking.podCIDR"]),
        ("nonsense: 1\n", &["line 1, column 1: nonsense: unknown key"]),
        ("a.b: 1\n", &["line 1, column 1: [\"a.b\"]: unknown key"]),
        (
            "exportKubeConfig:\n  additionalSecrets:\n  - name: a\n    sever: x\n",
            &[
                "line 4, column 5: exportKubeConfig.additionalSecrets[0].sever: unknown key; did you mean \"server\"?",
            ],
        ),
        (
            "{\"sync\": {\"toHost\": {\"customResources\": {\"a.b.io\": {\"enabled\": true, \"on\": 1}}}}}",
            &["line 1, column 70: sync.toHost.customResources[\"a.b.io\"].on: unknown key"],
        ),
        (
            "v9s:\n  sync:\n    hostDeletions: {}\n",
            &["line 3, column 5: v9s.sync.hostDeletions: unknown key; did you mean \"hostDeletion\"?"],
        ),
    ]);
}

#[test]
fn parts_of_kubernetes_are_checked_by_its_types() {
    table(&[
        (
            "controlPlane:\n  statefulSet:\n    scheduling:\n      tolerations:\n      - key: a\n        efect: NoSchedule\n",
            &["line 6, column 9: controlPlane.statefulSet.scheduling.tolerations[0].efect: unknown key"],
        ),
        (
            "controlPlane:\n  statefulSet:\n    security:\n      podSecurityContext:\n        fsGroup: many\n        runAsUser: 1\n",
            &[
                "line 5, column 18: controlPlane.statefulSet.security.podSecurityContext.fsGroup: does not fit PodSecurityContext of Kubernetes: found text",
            ],
        ),
        (
            "rbac:\n  role:\n    extraRules:\n    - verbs: get\n",
            &[
                "line 4, column 14: rbac.role.extraRules[0].verbs: does not fit PolicyRule of Kubernetes: found text",
            ],
        ),
        (
            "controlPlane:\n  coredns:\n    deployment:\n      affinity: [a]\n",
            &[
                "line 4, column 17: controlPlane.coredns.deployment.affinity: expected what Affinity is in Kubernetes, found a list",
            ],
        ),
    ]);
}

#[test]
fn a_wrong_type_is_told_with_what_is_expected() {
    table(&[
        (
            "sync:\n  toHost:\n    services:\n      enabled: \"yes\"\n",
            &[
                "line 4, column 16: sync.toHost.services.enabled: expected true or false, found text; is it in quotes?",
            ],
        ),
        (
            "sync: {fromHost: {storageClasses: {enabled: maybe}}}",
            &[
                "line 1, column 45: sync.fromHost.storageClasses.enabled: expected true, false or \"auto\", found \"maybe\"",
            ],
        ),
        ("sync: [a]\n", &["line 1, column 7: sync: expected a mapping, found a list"]),
        (
            "exportKubeConfig:\n  additionalSecrets: {}\n",
            &["line 2, column 22: exportKubeConfig.additionalSecrets: expected a list, found a mapping"],
        ),
        (
            "exportKubeConfig:\n  additionalSecrets: [a]\n",
            &["line 2, column 23: exportKubeConfig.additionalSecrets[0]: expected a mapping, found text"],
        ),
        (
            "controlPlane:\n  distro:\n    k8s:\n      image:\n        tag: 1.36\n",
            &[
                "line 5, column 14: controlPlane.distro.k8s.image.tag: expected text, found a number; put it in quotes",
            ],
        ),
        (
            "controlPlane:\n  ingress:\n    annotations:\n      a: true\n",
            &[
                "line 4, column 10: controlPlane.ingress.annotations.a: expected text, found true or false; put it in quotes",
            ],
        ),
        (
            "policies:\n  resourceQuota:\n    quota:\n      count/pods: lots\n",
            &[
                "line 4, column 19: policies.resourceQuota.quota.count/pods: expected a quantity such as 2, \"500m\" or \"20Gi\", found \"lots\"",
            ],
        ),
        (
            "networking:\n  podCIDR: 10.0.0.0\n",
            &[
                "line 2, column 12: networking.podCIDR: expected a block of addresses such as \"10.0.0.0/8\", or one of IPv4 and one of IPv6 with a comma between, found \"10.0.0.0\"",
            ],
        ),
        (
            "policies:\n  networkPolicy:\n    fallbackDns: dns\n",
            &["line 3, column 18: policies.networkPolicy.fallbackDns: expected an IP address, found \"dns\""],
        ),
    ]);
}

#[test]
fn a_value_out_of_range_is_told_with_the_range() {
    table(&[
        (
            "controlPlane:\n  proxy:\n    port: 70000\n",
            &[
                "line 3, column 11: controlPlane.proxy.port: expected a whole number from 1 to 65535, found 70000",
            ],
        ),
        (
            "controlPlane:\n  coredns:\n    deployment: {replicas: -1}\n",
            &[
                "line 3, column 28: controlPlane.coredns.deployment.replicas: expected a whole number from 0, found -1",
            ],
        ),
        (
            "policies:\n  podSecurityStandard: privilegd\n",
            &[
                "line 2, column 24: policies.podSecurityStandard: expected \"privileged\" or \"baseline\" or \"restricted\", found \"privilegd\"; did you mean \"privileged\"?",
            ],
        ),
        (
            "sync:\n  toHost:\n    customResources:\n      a.b.io: {enabled: true, scope: Cluster}\n",
            &[
                "line 4, column 38: sync.toHost.customResources[\"a.b.io\"].scope: expected \"Namespaced\", found \"Cluster\"",
            ],
        ),
        (
            "policies:\n  resourceQuota:\n    quota: {count/pods: -1}\n",
            &["line 3, column 13: policies.resourceQuota.quota.count/pods: a quota cannot be negative"],
        ),
        (
            "v9s:\n  sync:\n    hostDeletion:\n      pods: recreate\n",
            &["line 4, column 13: v9s.sync.hostDeletion.pods: expected \"propagate\", found \"recreate\""],
        ),
    ]);
}

#[test]
fn what_is_not_built_is_refused_once_with_a_sentence() {
    const NAMESPACES: &str = "not built yet: namespaces are not synced one to one; leave it off";
    let namespaces = |at: &str| format!("{at}: {NAMESPACES}");
    let document = "sync:\n  toHost:\n    namespaces:\n      enabled: true\n      mappingsOnly: true\n";
    assert_eq!(problems(document), [namespaces("line 4, column 16: sync.toHost.namespaces.enabled")]);
    table(&[
        (
            "sync:\n  toHost:\n    pods:\n      patches:\n      - path: a\n        expression: b\n",
            &[
                "line 5, column 15: sync.toHost.pods.patches[0].path: not built yet: objects are not changed by expressions on their way; leave the list empty",
            ],
        ),
        (
            "controlPlane:\n  backingStore:\n    etcd:\n      embedded:\n        enabled: true\n",
            &[
                "line 5, column 18: controlPlane.backingStore.etcd.embedded.enabled: not built yet: etcd inside the control plane; use etcd.deploy",
            ],
        ),
        (
            "plugins:\n  a: {image: b}\n",
            &["line 2, column 14: plugins.a.image: not built: v9s has no plugins; leave it empty"],
        ),
        (
            "deletion: {prevent: true}\n",
            &[
                "line 1, column 21: deletion.prevent: not built yet: nothing deletes or protects a virtual cluster by this file; take it out",
            ],
        ),
        (
            "logging: {file: {enabled: true}}\n",
            &[
                "line 1, column 27: logging.file.enabled: not built yet: logs go to standard output only; leave it off",
            ],
        ),
    ]);
}

#[test]
fn manifests_are_objects() {
    let document =
        |manifests: &str| format!("experimental:\n  deploy:\n    vcluster:\n      manifests: |\n{manifests}");
    let path = "line 4, column 7: experimental.deploy.vcluster.manifests";
    let cases = [
        ("        kind: ConfigMap\n        metadata: {name: a}\n", vec!["object 1 of 1 has no apiVersion"]),
        (
            "        ---\n        {apiVersion: v1, kind: Secret, metadata: {name: a}}\n        ---\n        hunter2\n",
            vec![
                "object 2 of 2 has no apiVersion",
                "object 2 of 2 has no kind",
                "object 2 of 2 has no metadata.name",
            ],
        ),
        ("        a: [hunter2\n", vec!["these are no YAML documents (line 1 of them)"]),
    ];
    for (manifests, expected) in cases {
        let expected: Vec<String> = expected.into_iter().map(|what| format!("{path}: {what}")).collect();
        assert_eq!(problems(&document(manifests)), expected, "{manifests}");
    }
    let good = document(
        "        # first\n        apiVersion: v1\n        kind: Namespace\n        metadata: {name: a}\n        ---\n        ---\n        {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n",
    );
    let names: Vec<_> =
        settings(&good).manifests.expose().iter().map(|object| object["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn all_mistakes_are_told_at_once_in_their_order() {
    let document = "sync:\n  toHost:\n    pods: {enabled: 1, all: true}\n    services: []\nsync: {}\ncontrolPlane:\n  statefulSet:\n    highAvailability: {replicas: 3}\n  proxy: {port: 0}\n";
    assert_eq!(
        problems(document),
        [
            "line 3, column 21: sync.toHost.pods.enabled: expected true or false, found a number",
            "line 3, column 24: sync.toHost.pods.all: unknown key",
            "line 4, column 15: sync.toHost.services: expected a mapping, found a list",
            "line 5, column 1: sync: given twice; first on line 1, column 1",
            "line 8, column 24: controlPlane.statefulSet.highAvailability.replicas: the embedded database has one replica; choose another store for more (against controlPlane.backingStore.database.embedded.enabled, by default)",
            "line 9, column 17: controlPlane.proxy.port: expected a whole number from 1 to 65535, found 0",
        ]
    );
}

#[test]
fn no_value_of_a_key_that_bears_a_secret_is_quoted() {
    let documents = [
        "controlPlane: {backingStore: {database: {external: {enabled: true, dataSource: [hunter2]}}}}",
        "controlPlane: {backingStore: {database: {embedded: {dataSource: 'mysql://root:hunter2@db'}}}}",
        "controlPlane: {backingStore: {etcd: {external: {endpoint: {hunter2: 1}}}}}",
        "controlPlane: {statefulSet: {env: [{name: A, value: {a: hunter2}}]}}",
        "controlPlane: {statefulSet: {env: [{name: A, valeu: hunter2}]}}",
        "controlPlane: {statefulSet: {env: hunter2}}",
        "controlPlane: {distro: {k8s: {apiServer: {extraArgs: {a: hunter2}}}}}",
        "experimental: {deploy: {vcluster: {helm: [{chart: {password: hunter2}}]}}}",
        "experimental: {deploy: {vcluster: {manifests: [hunter2]}}}",
        "experimental: {deploy: {vcluster: {manifestsTemplate: hunter2}}}",
        "privateNodes: {joinNode: {containerd: {registry: {auth: {a: {password: hunter2}}}}}}",
        "snapshots: {auto: {storage: {oci: {password: hunter2}}}}",
        "platform: {apiKey: {value: hunter2}}",
    ];
    for document in documents {
        let told = problems(document);
        assert!(!told.is_empty(), "{document}");
        assert!(told.iter().all(|line| !line.contains("hunter2")), "{told:?}");
    }
    let document = "
controlPlane:
  statefulSet: {env: [{name: A, value: hunter2}]}
  backingStore: {database: {external: {enabled: true, dataSource: hunter2}}}
experimental:
  deploy: {vcluster: {manifests: '{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: hunter2}}'}}
";
    let shown = format!("{:?}", settings(document));
    assert!(!shown.contains("hunter2"), "{shown}");
}
