//! What is accepted, and what comes of it.

use kube::core::Selector;

use super::*;
use crate::provision::values::settings::*;

#[test]
fn an_empty_document_is_the_defaults() {
    for document in ["", "\n", "---\n", "{}", "null\n", "# nothing\n", "sync:\nnetworking: null\n"] {
        assert_eq!(settings(document), Settings::default(), "{document:?}");
    }
}

#[test]
fn the_complete_values_of_the_official_chart_are_the_defaults() {
    assert_eq!(settings(CHART_VALUES), Settings::default());
}

#[test]
fn alternatives_of_the_official_schema_are_accepted() {
    for on in ["true", "\"true\"", "yes", "On"] {
        let sync = settings(&format!("sync: {{fromHost: {{storageClasses: {{enabled: {on}}}}}}}")).sync;
        assert_eq!(sync.storage_classes, ClassSync::FromHost(Selector::default()), "{on}");
    }
    for off in ["false", "\"false\"", "auto", "\"auto\"", "\"\"", "no", "null"] {
        let sync = settings(&format!("sync: {{fromHost: {{storageClasses: {{enabled: {off}}}}}}}")).sync;
        assert_eq!(sync.storage_classes, ClassSync::Off, "{off}");
    }
    for (amount, expected) in
        [("4", "4"), ("\"4\"", "4"), ("500m", "500m"), ("0.5", "0.5"), ("20Gi", "20Gi"), ("1e3", "1000")]
    {
        let document =
            format!("policies: {{resourceQuota: {{enabled: true, quota: {{requests.cpu: {amount}}}}}}}");
        let quota = settings(&document).policies.resource_quota.unwrap();
        assert_eq!(quota.hard["requests.cpu"].0, expected, "{amount}");
        assert_eq!(quota.hard["count/pods"].0, "20", "what is not named keeps its default");
    }
}

#[test]
fn null_takes_a_key_out_of_a_default() {
    let document = "policies: {resourceQuota: {enabled: true, quota: {count/pods: null}}}\nsync: {toHost: {pods: {rewriteHosts: {initContainer: {resources: {limits: {cpu: null}}}}}}}";
    let settings = settings(document);
    assert!(!settings.policies.resource_quota.unwrap().hard.contains_key("count/pods"));
    let limits = settings.sync.pods.unwrap().rewrite_hosts.unwrap().resources.limits.unwrap();
    assert_eq!(limits.keys().collect::<Vec<_>>(), ["memory"]);
}

#[test]
fn what_is_refused_may_be_off() {
    let off = "
sync: {toHost: {namespaces: {enabled: false}, gatewayApi: {referenceGrants: {enabled: false}}}, fromHost: {csiNodes: {enabled: false}}}
deploy: {localPathProvisioner: {enabled: false}}
controlPlane: {advanced: {konnectivity: {server: {enabled: false}}}, standalone: {enabled: no}}
telemetry: {enabled: false, machineID: x}
pro: true
global: {anything: [1]}
";
    assert_eq!(settings(off), Settings::default());
}

#[test]
fn quota_and_limits_follow_each_other_unless_told_otherwise() {
    let cases = [
        ("auto", "auto", (false, false)),
        ("true", "auto", (true, true)),
        ("auto", "true", (true, true)),
        ("true", "false", (true, false)),
        ("false", "true", (false, true)),
        ("true", "true", (true, true)),
        ("false", "false", (false, false)),
        ("false", "auto", (false, false)),
    ];
    for (quota, limits, expected) in cases {
        let document =
            format!("policies: {{resourceQuota: {{enabled: {quota}}}, limitRange: {{enabled: {limits}}}}}");
        let policies = settings(&document).policies;
        let found = (policies.resource_quota.is_some(), policies.limit_range.is_some());
        assert_eq!(found, expected, "{document}");
    }
}

#[test]
fn what_goes_to_the_host_is_read_by_kind() {
    let document = "
sync:
  toHost:
    pods:
      translateImage: {\"nginx:1\": \"mirror/nginx:1\"}
      enforceTolerations: [\"a=b:NoSchedule\", \"*\"]
      runtimeClassName: gvisor
      rewriteHosts: {enabled: false}
    services: {enabled: false}
    secrets: {all: true}
    configMaps: {enabled: false, all: true}
    priorityClasses: {enabled: true}
  fromHost:
    nodes: {enabled: true, clearImageStatus: true, selector: {labels: {pool: a}}}
    runtimeClasses: {enabled: true, selector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: NotIn, values: [d]}]}}
";
    let sync = settings(document).sync;
    let pods = sync.pods.unwrap();
    assert_eq!(pods.translate_image["nginx:1"], "mirror/nginx:1");
    assert_eq!(pods.enforce_tolerations.len(), 2);
    assert_eq!(pods.runtime_class_name.as_deref(), Some("gvisor"));
    assert_eq!(pods.rewrite_hosts, None);
    assert!(!sync.services && sync.endpoints);
    assert_eq!((sync.secrets, sync.config_maps), (Content::All, Content::Off));
    assert_eq!(sync.priority_classes, ClassSync::ToHost);
    let labels = [("pool".to_owned(), "a".to_owned())].into();
    assert_eq!(
        sync.nodes,
        NodeSync::Host(HostNodes { choice: NodeChoice::Labels(labels), clear_image_status: true })
    );
    assert_eq!(sync.runtime_classes.unwrap().to_string(), "a=b,c notin (d)");
    assert_eq!(settings("sync: {toHost: {pods: {enabled: false}}}").sync.pods, None);
}

#[test]
fn custom_resources_are_put_together_from_their_two_places() {
    let document = "
sync:
  toHost:
    customResources:
      certificates.cert-manager.io: {enabled: true}
      off.example.org: {enabled: false}
  fromHost:
    customResources:
      issuers.cert-manager.io: {enabled: true, scope: Namespaced, mappings: {byName: {\"\": shared, a/b: c/d}}}
      clusterissuers.cert-manager.io: {enabled: true, scope: Cluster}
v9s:
  sync:
    customResources:
      certificates.cert-manager.io:
        references: [{path: spec.secretName, kind: Secret}, {path: spec.issuerRef, kind: issuers.cert-manager.io}]
        hostDeletion: propagate
      widgets.example.org: {direction: toHost, statusPaths: [status, spec.address]}
      off.example.org: {references: []}
";
    let resources = settings(document).sync.custom_resources;
    let of = |name: &str| resources.get(&ResourceName::parse(name).unwrap());
    assert_eq!(resources.len(), 4);
    let certificates = of("certificates.cert-manager.io").unwrap();
    let status = vec![FieldPath::parse("status").unwrap()];
    assert_eq!(
        certificates.direction,
        Direction::ToHost { status_paths: status, host_deletion: HostDeletion::Propagate }
    );
    assert_eq!(certificates.references[0].kind, ReferenceKind::Secret);
    assert_eq!(
        certificates.references[1].kind,
        ReferenceKind::Custom(ResourceName::parse("issuers.cert-manager.io").unwrap())
    );
    assert_eq!(
        of("clusterissuers.cert-manager.io").unwrap().direction,
        Direction::FromHost(HostScope::Cluster)
    );
    let Direction::FromHost(HostScope::Namespaced(mappings)) =
        &of("issuers.cert-manager.io").unwrap().direction
    else {
        panic!("namespaced");
    };
    assert_eq!(mappings.to_virtual("own", "a", "b"), Some(("c", "d")));
    assert_eq!(mappings.to_virtual("own", "a", "x"), None);
    assert_eq!(mappings.to_virtual("own", "own", "x"), Some(("shared", "x")));
    let paths = ["status", "spec.address"].map(|path| FieldPath::parse(path).unwrap()).to_vec();
    let widgets = Direction::ToHost { status_paths: paths, host_deletion: HostDeletion::Recreate };
    assert_eq!(of("widgets.example.org").unwrap().direction, widgets);
}

#[test]
fn single_objects_and_named_namespaces_are_mapped_before_whole_ones() {
    let document = "sync: {fromHost: {configMaps: {enabled: true, mappings: {byName: {\"\": rest, \"/mine\": own/mine, \"a/*\": b/*, a/one: c/uno, a/two: d/*}}}}}";
    let mappings = settings(document).sync.host_config_maps.unwrap();
    let cases = [
        (("a", "one"), Some(("c", "uno"))),
        (("a", "two"), Some(("d", "two"))),
        (("a", "three"), Some(("b", "three"))),
        (("host", "mine"), Some(("own", "mine"))),
        (("host", "other"), Some(("rest", "other"))),
        (("elsewhere", "one"), None),
    ];
    for ((namespace, name), expected) in cases {
        assert_eq!(mappings.to_virtual("host", namespace, name), expected, "{namespace}/{name}");
    }
}

#[test]
fn the_store_and_its_volume_follow_the_switches() {
    let store =
        |switches: &str| settings(&format!("controlPlane: {{backingStore: {{{switches}}}}}")).control_plane;
    let embedded = store("");
    assert!(matches!(embedded.store, BackingStore::EmbeddedDatabase { .. }));
    assert!(matches!(embedded.workload.persistence.data, DataVolume::Claim(_)));
    let deployed = store("etcd: {deploy: {enabled: true, statefulSet: {highAvailability: {replicas: 3}}}}");
    assert!(matches!(&deployed.store, BackingStore::DeployedEtcd(etcd) if etcd.replicas == 3));
    assert_eq!(deployed.workload.persistence.data, DataVolume::Passing(Vec::new()));
    let external =
        store("database: {external: {enabled: true, dataSource: 'postgres://u:p@h/d', caFile: /ca}}");
    let BackingStore::ExternalDatabase(database) = &external.store else { panic!("external") };
    assert_eq!(database.data_source.expose(), "postgres://u:p@h/d");
    assert_eq!(database.tls.ca_file.as_deref(), Some("/ca"));
    assert!(matches!(
        store("etcd: {external: {enabled: true, endpoint: 'https://e:2379'}}").store,
        BackingStore::ExternalEtcd { .. }
    ));
}

#[test]
fn what_the_chart_names_by_default_leaves_the_choice_to_v9s() {
    let plane = Settings::default().control_plane;
    assert_eq!((plane.workload.image, plane.workload.security.container), (None, None));
    assert_eq!((plane.kubernetes.image, plane.kubernetes.version.as_str()), (None, "v1.36.0"));
    let document = "controlPlane: {distro: {k8s: {version: v1.35.2, image: {repository: mine}}}, statefulSet: {image: {repository: s, tag: '1'}, security: {containerSecurityContext: {runAsUser: 1000}}}}";
    let plane = settings(document).control_plane;
    let reference = |image: Option<Image>, registry| image.unwrap().reference(registry, "none");
    assert_eq!(reference(plane.kubernetes.image, None), "ghcr.io/mine:v1.35.2");
    assert_eq!(reference(plane.workload.image, Some("r.io/")), "r.io/s:1");
    let security = plane.workload.security.container.unwrap();
    assert_eq!((security.run_as_user, security.run_as_group), (Some(1000), Some(0)));
}

#[test]
fn the_older_form_of_an_exported_kubeconfig_becomes_the_newer() {
    let export = settings("exportKubeConfig: {context: c, server: 'https://a:1', secret: {name: s}}")
        .export_kube_config;
    assert_eq!(export.secrets.len(), 1);
    assert_eq!(
        (export.secrets[0].name.as_deref(), export.secrets[0].context.as_deref()),
        (Some("s"), Some("c"))
    );
}
