//! Settings that are right one by one and wrong together: both paths are told.

use super::*;

fn table(cases: &[(&str, &[&str])]) {
    for (document, expected) in cases {
        assert_eq!(problems(document), *expected, "{document}");
    }
}

#[test]
fn classes_come_from_one_side() {
    table(&[
        (
            "sync:\n  toHost:\n    storageClasses: {enabled: true}\n  fromHost:\n    storageClasses: {enabled: \"true\"}\n",
            &[
                "line 3, column 22: sync.toHost.storageClasses.enabled: classes come from one side only (against sync.fromHost.storageClasses.enabled, line 5, column 22)",
            ],
        ),
        (
            "sync:\n  toHost:\n    priorityClasses: {enabled: true}\n  fromHost:\n    priorityClasses: {enabled: true}\n",
            &[
                "line 3, column 23: sync.toHost.priorityClasses.enabled: classes come from one side only (against sync.fromHost.priorityClasses.enabled, line 5, column 23)",
            ],
        ),
        (
            "sync:\n  toHost:\n    storageClasses: {enabled: true}\n  fromHost:\n    storageClasses: {enabled: auto}\n",
            &[],
        ),
    ]);
}

#[test]
fn a_scheduler_needs_nodes() {
    let refused = "line 3, column 33: controlPlane.advanced.virtualScheduler.enabled: not built yet: pods are scheduled by the host; leave it off";
    let contradicts = "controlPlane.advanced.virtualScheduler.enabled: a scheduler of the virtual cluster needs the nodes of the host (against sync.fromHost.nodes.enabled";
    let document =
        |nodes: &str| format!("controlPlane:\n  advanced:\n    virtualScheduler: {{enabled: true}}\n{nodes}");
    assert_eq!(
        problems(&document("")),
        [format!("line 3, column 24: {contradicts}, by default)"), refused.to_owned()]
    );
    assert_eq!(
        problems(&document("sync: {fromHost: {nodes: {enabled: false}}}\n")),
        [format!("line 3, column 24: {contradicts}, line 4, column 27)"), refused.to_owned()]
    );
    assert_eq!(problems(&document("sync: {fromHost: {nodes: {enabled: true}}}\n")), [refused]);
}

#[test]
fn there_is_one_store_and_the_embedded_one_has_one_replica() {
    table(&[
        (
            "controlPlane:\n  backingStore:\n    etcd: {deploy: {enabled: true}}\n    database: {embedded: {enabled: true}}\n",
            &[
                "line 4, column 27: controlPlane.backingStore.database.embedded.enabled: there can be one store only (against controlPlane.backingStore.etcd.deploy.enabled, line 3, column 21)",
            ],
        ),
        (
            "controlPlane:\n  backingStore:\n    database:\n      embedded:\n        enabled: true\n  statefulSet: {highAvailability: {replicas: 2}}\n",
            &[
                "line 6, column 36: controlPlane.statefulSet.highAvailability.replicas: the embedded database has one replica; choose another store for more (against controlPlane.backingStore.database.embedded.enabled, line 5, column 9)",
            ],
        ),
        (
            "controlPlane:\n  backingStore: {etcd: {deploy: {enabled: true}}}\n  statefulSet: {highAvailability: {replicas: 3}}\n",
            &[],
        ),
        (
            "controlPlane:\n  backingStore: {etcd: {deploy: {enabled: true, statefulSet: {highAvailability: {replicas: 2}}}}}\n",
            &[
                "line 2, column 82: controlPlane.backingStore.etcd.deploy.statefulSet.highAvailability.replicas: 2 members are lost as early as 1; give an odd number",
            ],
        ),
        (
            "controlPlane:\n  backingStore: {etcd: {external: {enabled: true}}}\n",
            &[
                "line 2, column 25: controlPlane.backingStore.etcd.external.endpoint: which etcd? give its URL",
            ],
        ),
        (
            "controlPlane:\n  backingStore: {database: {external: {enabled: true}}}\n",
            &[
                "line 2, column 29: controlPlane.backingStore.database.external.dataSource: which database? give its URL",
            ],
        ),
    ]);
}

#[test]
fn an_election_has_time() {
    table(&[(
        "controlPlane:\n  statefulSet:\n    highAvailability:\n      leaseDuration: 10\n",
        &[
            "line 4, column 7: controlPlane.statefulSet.highAvailability.leaseDuration: must be longer than renewDeadline (against controlPlane.statefulSet.highAvailability.renewDeadline, by default)",
        ],
    )]);
}

#[test]
fn nodes_are_all_or_those_with_labels() {
    table(&[(
        "sync:\n  fromHost:\n    nodes:\n      enabled: true\n      selector:\n        all: true\n        labels: {a: b}\n",
        &[
            "line 7, column 9: sync.fromHost.nodes.selector.labels: all nodes are chosen, whatever their labels (against sync.fromHost.nodes.selector.all, line 6, column 9)",
        ],
    )]);
}

#[test]
fn limits_are_in_order_where_there_are_limits() {
    let above = "line 3, column 22: policies.limitRange.default.cpu: default must not be above max (against policies.limitRange.max.cpu, line 3, column 22)";
    assert_eq!(
        problems("policies:\n  limitRange: {enabled: true,\n    max: {memory: 1Gi, cpu: 500m}}\n"),
        [above.replace("column 22", "column 24")]
    );
    assert_eq!(
        problems("policies:\n  limitRange: {enabled: false,\n    max: {memory: 1Gi, cpu: 500m}}\n"),
        [""; 0]
    );
    assert_eq!(problems("policies:\n  limitRange:\n    max: {memory: 1Gi, cpu: 500m}\n"), [""; 0]);
    assert_eq!(
        problems(
            "policies:\n  resourceQuota: {enabled: true}\n  limitRange:\n    min: {cpu: 2}\n    max: {cpu: 1}\n    default: {cpu: null}\n"
        ),
        [
            "line 4, column 11: policies.limitRange.min.cpu: min must not be above defaultRequest (against policies.limitRange.defaultRequest.cpu, by default)",
            "line 4, column 11: policies.limitRange.min.cpu: min must not be above max (against policies.limitRange.max.cpu, line 5, column 11)",
        ]
    );
}

#[test]
fn rules_are_added_or_replace_all() {
    table(&[(
        "rbac:\n  role:\n    extraRules: [{verbs: [get]}]\n    overwriteRules: [{verbs: [get]}]\n",
        &[
            "line 3, column 5: rbac.role.extraRules: nothing is added to rules that replace all (against rbac.role.overwriteRules, line 4, column 5)",
        ],
    )]);
}

#[test]
fn a_kubeconfig_is_exported_in_one_way() {
    table(&[
        (
            "exportKubeConfig:\n  secret: {name: a}\n  additionalSecrets: [{name: b}]\n",
            &[
                "line 2, column 3: exportKubeConfig.secret: the older form of the same; use only one (against exportKubeConfig.additionalSecrets, line 3, column 3)",
            ],
        ),
        (
            "exportKubeConfig:\n  additionalSecrets:\n  - context: b\n",
            &[
                "line 3, column 5: exportKubeConfig.additionalSecrets[0]: give name, namespace or both: otherwise it is the Secret that is there anyway",
            ],
        ),
        (
            "exportKubeConfig:\n  server: my-host.com\n",
            &[
                "line 2, column 3: exportKubeConfig.server: expected a URL that begins with https:// or http://",
            ],
        ),
        (
            "exportKubeConfig:\n  serviceAccount: {clusterRole: admin}\n",
            &[
                "line 2, column 20: exportKubeConfig.serviceAccount.clusterRole: there is no account that it is for (against exportKubeConfig.serviceAccount.name, by default)",
            ],
        ),
    ]);
}

#[test]
fn the_older_place_of_the_service_addresses_agrees_with_the_newer() {
    table(&[
        (
            "serviceCIDR: 10.1.0.0/16\nnetworking: {serviceCIDR: 10.2.0.0/16}\n",
            &[
                "line 1, column 1: serviceCIDR: the same setting, with another value (against networking.serviceCIDR, line 2, column 14)",
            ],
        ),
        ("serviceCIDR: 10.1.0.0/16\nnetworking: {serviceCIDR: 10.1.0.0/16}\n", &[]),
    ]);
}

#[test]
fn custom_resources_go_one_way() {
    table(&[
        (
            "sync:\n  toHost: {customResources: {a.b.io: {enabled: true}}}\n  fromHost: {customResources: {a.b.io: {enabled: true, scope: Cluster}}}\n",
            &[
                "line 2, column 39: sync.toHost.customResources[\"a.b.io\"].enabled: a resource goes one way only (against sync.fromHost.customResources[\"a.b.io\"].enabled, line 3, column 41)",
            ],
        ),
        (
            "sync: {toHost: {customResources: {a.b.io: {enabled: true}}}}\nv9s: {sync: {customResources: {a.b.io: {direction: fromHost}}}}\n",
            &[
                "line 2, column 41: v9s.sync.customResources[\"a.b.io\"].direction: the resource is turned on the other way (against sync.toHost.customResources[\"a.b.io\"].enabled, line 1, column 44)",
            ],
        ),
        (
            "sync: {toHost: {customResources: {a.b.io: {enabled: false}}}}\nv9s: {sync: {customResources: {a.b.io: {direction: toHost}}}}\n",
            &[
                "line 2, column 41: v9s.sync.customResources[\"a.b.io\"].direction: the resource is turned off (against sync.toHost.customResources[\"a.b.io\"].enabled, line 1, column 44)",
            ],
        ),
        (
            "v9s: {sync: {customResources: {a.b.io: {direction: fromHost}}}}\n",
            &[
                "line 1, column 41: v9s.sync.customResources[\"a.b.io\"].direction: which objects? say so in sync.fromHost.customResources",
            ],
        ),
        (
            "sync: {fromHost: {customResources: {a.b.io: {enabled: true, scope: Cluster}}}}\nv9s: {sync: {customResources: {a.b.io: {hostDeletion: recreate}}}}\n",
            &[
                "line 2, column 41: v9s.sync.customResources[\"a.b.io\"].hostDeletion: only of use for a resource that goes to the host",
            ],
        ),
        (
            "v9s: {sync: {customResources: {a.b.io: {statusPaths: [status]}}}}\n",
            &[
                "line 1, column 32: v9s.sync.customResources[\"a.b.io\"]: which way? give direction, or turn it on in sync.toHost or sync.fromHost",
            ],
        ),
        (
            "sync: {toHost: {customResources: {certificates: {enabled: true}}}}\n",
            &[
                "line 1, column 35: sync.toHost.customResources.certificates: expected PLURAL.GROUP, such as certificates.cert-manager.io",
            ],
        ),
        (
            "sync: {toHost: {customResources: {a.b.io: {}}}}\n",
            &[
                "line 1, column 35: sync.toHost.customResources[\"a.b.io\"].enabled: give true or false: a resource that is named here is not on by itself",
            ],
        ),
        (
            "sync: {fromHost: {customResources: {a.b.io: {enabled: true, scope: Namespaced}}}}\n",
            &[
                "line 1, column 61: sync.fromHost.customResources[\"a.b.io\"].scope: a namespaced resource needs mappings.byName: name the objects of the host",
            ],
        ),
        (
            "sync: {fromHost: {customResources: {a.b.io: {enabled: true}}}}\n",
            &[
                "line 1, column 37: sync.fromHost.customResources[\"a.b.io\"].scope: give Cluster or Namespaced",
            ],
        ),
        (
            "sync: {toHost: {customResources: {a.b.io: {enabled: true}}}}\nv9s:\n  sync:\n    customResources:\n      a.b.io:\n        references:\n        - {path: spec..x, kind: Secrets}\n        statusPaths: ['[]']\n",
            &[
                "line 7, column 12: v9s.sync.customResources[\"a.b.io\"].references[0].path: expected a path such as spec.secretName or spec.volumes[].secret.secretName",
                "line 7, column 27: v9s.sync.customResources[\"a.b.io\"].references[0].kind: expected Pod, Service, ConfigMap, Secret, PersistentVolumeClaim, ServiceAccount, Ingress, or PLURAL.GROUP",
                "line 8, column 23: v9s.sync.customResources[\"a.b.io\"].statusPaths[0]: expected a path such as spec.secretName or spec.volumes[].secret.secretName",
            ],
        ),
    ]);
}

#[test]
fn objects_of_the_host_are_mapped_to_one_place_each() {
    let document = |mappings: &str| {
        format!(
            "sync:\n  fromHost:\n    configMaps:\n      enabled: true\n      mappings:\n        byName:\n{mappings}"
        )
    };
    let path = "sync.fromHost.configMaps.mappings.byName";
    let cases = [
        (
            "          default: barfoo/*\n",
            format!(
                "line 7, column 11: {path}.default: the key must be NAMESPACE/NAME, NAMESPACE/*, /NAME or \"\""
            ),
        ),
        (
            "          a/b: c\n",
            format!("line 7, column 11: {path}.a/b: the value must be NAMESPACE/NAME or NAMESPACE/*"),
        ),
        (
            "          a/*: c/d\n",
            format!("line 7, column 11: {path}[\"a/*\"]: a whole namespace can only become NAMESPACE/*"),
        ),
        (
            "          \"\": c/d\n",
            format!(
                "line 7, column 11: {path}[\"\"]: the value must be NAMESPACE, as the key means all of the virtual cluster's own namespace"
            ),
        ),
        (
            "          a/b: c/d\n          e/f: c/d\n",
            format!("line 6, column 9: {path}: both a/b and e/f become c/d"),
        ),
    ];
    for (mappings, expected) in cases {
        assert_eq!(problems(&document(mappings)), [expected], "{mappings}");
    }
    assert_eq!(
        problems("sync:\n  fromHost:\n    secrets:\n      enabled: true\n"),
        [
            "line 4, column 7: sync.fromHost.secrets.enabled: turned on without mappings.byName: name the objects of the host"
        ]
    );
}

#[test]
fn services_are_replicated_to_one_place_each() {
    table(&[(
        "networking:\n  replicateServices:\n    toHost:\n    - {from: a, to: b/c}\n    fromHost:\n    - {from: a, to: b/c}\n    - {from: x/a, to: b/c}\n    - {to: c}\n",
        &[
            "line 4, column 8: networking.replicateServices.toHost[0].from: expected NAMESPACE/NAME of a Service in the virtual cluster",
            "line 4, column 17: networking.replicateServices.toHost[0].to: expected NAME: it is always in the namespace of the virtual cluster",
            "line 7, column 19: networking.replicateServices.fromHost[1].to: given twice: two Services cannot become one",
            "line 8, column 7: networking.replicateServices.fromHost[2].from: expected NAMESPACE/NAME of a Service on the host, or NAME",
            "line 8, column 8: networking.replicateServices.fromHost[2].to: expected NAMESPACE/NAME in the virtual cluster",
        ],
    )]);
}

#[test]
fn selectors_and_tolerations_are_whole() {
    table(&[
        (
            "sync:\n  fromHost:\n    ingressClasses:\n      enabled: true\n      selector:\n        matchExpressions:\n        - {key: a, operator: In}\n        - {operator: Exists, values: [b]}\n",
            &[
                "line 7, column 11: sync.fromHost.ingressClasses.selector.matchExpressions[0].values: In needs at least one value",
                "line 8, column 11: sync.fromHost.ingressClasses.selector.matchExpressions[1].key: which label? give its key",
                "line 8, column 30: sync.fromHost.ingressClasses.selector.matchExpressions[1].values: Exists takes no values",
            ],
        ),
        (
            "sync:\n  toHost:\n    pods:\n      enforceTolerations: ['*', 'a:Never']\n",
            &[
                "line 4, column 33: sync.toHost.pods.enforceTolerations[1]: the effect must be NoSchedule, PreferNoSchedule or NoExecute",
            ],
        ),
    ]);
}

#[test]
fn a_service_of_the_host_has_a_name() {
    table(&[(
        "integrations: {metricsServer: {enabled: true, apiService: {service: {port: 443}}}}\n",
        &[
            "line 1, column 60: integrations.metricsServer.apiService.service.name: which Service? give its name",
        ],
    )]);
}
