use k8s_openapi::api::core::v1::LimitRange;
use serde_json::json;

use super::quota::quota;
use super::*;
use crate::cluster::Resource;
use crate::provision::create::Preset;

pub(in crate::provision::create) fn request(config: &str) -> Request {
    Request::new("shop", "team", config).unwrap()
}

/// A host with everything that is needed, and nothing of this virtual cluster.
pub(in crate::provision::create) fn fine() -> Found {
    Found {
        version: "v1.36.2".into(),
        namespace: None,
        control_planes: Vec::new(),
        platform: false,
        strangers: Vec::new(),
        missing: Vec::new(),
        addresses: Vec::new(),
        service_uid: None,
        before: None,
        forbidden: Vec::new(),
        ungranted: Vec::new(),
        storage_classes: None,
        service_range: ServiceRange::parse("10.96.0.0/16").unwrap(),
        enforcement: Enforcement::By("Cilium".into()),
        confines: Confines::default(),
        nodes: Known::NotApplicable,
    }
}

/// The same where nothing of it is there yet, and its namespace has these confines.
fn confined(config: &str, confines: Confines) -> Found {
    let request = request(config);
    let range = fine().service_range;
    let mut missing: Vec<ObjectRef> =
        request.blueprint(&range).objects().all().map(|object| object.at.clone()).collect();
    for secret in ["shop-certs", "vc-shop"] {
        missing.push(ObjectRef::namespaced(Resource::SECRETS, "team", secret));
    }
    Found { missing, confines, ..fine() }
}

fn refused(found: &Found, config: &str) -> Vec<String> {
    found.refusals(&request(config)).iter().map(ToString::to_string).collect()
}

pub(in crate::provision::create) fn plane(
    kind: &str,
    release: &str,
    heritage: &str,
    paused: bool,
) -> ControlPlaneFound {
    ControlPlaneFound {
        kind: kind.into(),
        release: release.into(),
        heritage: heritage.into(),
        paused,
        ..ControlPlaneFound::default()
    }
}

fn made_with(config: &str) -> Found {
    let before = Some(Box::new(request(config).settings));
    Found { control_planes: vec![plane("StatefulSet", "shop", "v9s", false)], before, ..fine() }
}

#[test]
fn a_host_with_room_refuses_nothing() {
    assert_eq!(refused(&fine(), ""), Vec::<String>::new());
    assert_eq!(refused(&made_with(""), ""), Vec::<String>::new(), "it is completed");
    for preset in Preset::ALL {
        let found = confined(preset.text(), Confines::default());
        assert_eq!(
            refused(&found, preset.text()),
            Vec::<String>::new(),
            "{} fits its own limits",
            preset.name()
        );
    }
}

#[test]
fn what_stands_in_the_way_is_told_before_anything_is_written() {
    let with = |planes: Vec<ControlPlaneFound>| Found { control_planes: planes, ..fine() };
    let stranger = |at: ObjectRef| Found { strangers: vec![at], ..fine() };
    let cases = [
        (
            Found { version: "v1.29.9+k3s1".into(), ..fine() },
            "",
            "the host is v1.29.9+k3s1; v9s makes virtual clusters on 1.30 and newer",
        ),
        (
            with(vec![plane("StatefulSet", "other", "Helm", false)]),
            "",
            "namespace team has the virtual cluster other already; there is one to a namespace",
        ),
        (
            with(vec![plane("StatefulSet", "shop", "Helm", false)]),
            "",
            "team/shop is there, made by Helm; change it by what made it",
        ),
        (with(vec![plane("StatefulSet", "shop", "v9s", true)]), "", "team/shop is paused; resume it first"),
        (
            with(vec![plane("Deployment", "shop", "v9s", false)]),
            "",
            "team/shop is a Deployment and would become a StatefulSet, which loses its data; delete it first",
        ),
        (
            Found {
                control_planes: vec![plane("Deployment", "shop", "v9s", false)],
                ..made_with("controlPlane: {backingStore: {etcd: {deploy: {enabled: true}}}}")
            },
            "controlPlane: {backingStore: {database: {external: {enabled: true, dataSource: 'postgres://a'}}}}",
            "team/shop keeps its objects in deployed etcd; in another store it would begin empty, so delete it first",
        ),
        (
            Found { namespace: Some(NamespaceFound { terminating: true }), ..fine() },
            "",
            "namespace team is being deleted; wait until it is gone",
        ),
        (
            stranger(ObjectRef::namespaced(Resource::SERVICES, "team", "shop")),
            "",
            "Service team/shop is there and somebody else's; take another name",
        ),
        (
            Found { platform: true, ..fine() },
            "",
            "namespace team has a Service loft: the platform lives there",
        ),
        (
            Found { forbidden: vec![("create".into(), "roles".into())], ..fine() },
            "",
            "you may not create roles for namespace team; ask for that right",
        ),
        (
            Found {
                ungranted: vec![(
                    ObjectRef::namespaced(Resource::ROLES, "team", "vc-shop"),
                    "no pods".into(),
                )],
                ..fine()
            },
            "",
            "you may not grant what is in Role team/vc-shop, as you have not all of it yourself: no pods",
        ),
        (
            Found { storage_classes: Some(vec![("slow".into(), true)]), ..fine() },
            "controlPlane: {statefulSet: {persistence: {volumeClaim: {storageClass: fast}}}}",
            "the host has no StorageClass fast",
        ),
        (
            fine(),
            "controlPlane: {distro: {k8s: {version: newest}}}",
            "controlPlane.distro.k8s.version: newest is no version of Kubernetes such as v1.36.0",
        ),
        (
            made_with("controlPlane: {distro: {k8s: {version: v1.36.0}}}"),
            "controlPlane: {distro: {k8s: {version: v1.35.0}}}",
            "controlPlane.distro.k8s.version: it runs v1.36.0, and v1.35.0 does not read what that has stored; give no older release",
        ),
        (
            made_with("controlPlane: {distro: {k8s: {version: v1.34.0}}}"),
            "controlPlane: {distro: {k8s: {version: v1.36.0}}}",
            "controlPlane.distro.k8s.version: it runs v1.34.0; Kubernetes is upgraded one release at a time, so go to 1.35 first",
        ),
        (
            fine(),
            "controlPlane: {serviceMonitor: {enabled: true}}",
            "controlPlane.serviceMonitor: not built yet: leave it off",
        ),
    ];
    for (found, config, expected) in cases {
        assert_eq!(refused(&found, config), [expected]);
    }
}

#[test]
fn what_is_doubtful_is_done_for_who_knows_better() {
    let node = Node { name: "n".into(), open: true, ..Node::default() };
    let full = Found { nodes: Known::Yes(vec![node]), ..confined("", Confines::default()) };
    let flannel = Found { enforcement: Enforcement::NotBy("Flannel".into()), ..fine() };
    let cases = [
        (
            full,
            "",
            "no node has room for a pod of StatefulSet shop: it asks for cpu 270m, and n has 0 left, or say --anyway",
        ),
        (
            flannel,
            "policies: {networkPolicy: {enabled: true}}",
            "policies.networkPolicy: Flannel enforces no NetworkPolicy, so pods would reach each other whatever they say; leave it \
             off, or say --anyway",
        ),
        (
            fine(),
            "controlPlane: {distro: {k8s: {version: v1.39.0}}}",
            "controlPlane.distro.k8s.version: v9s is tried with 1.30 to 1.36, and v1.39.0 is none of them, or say --anyway",
        ),
        (
            Found { nodes: Known::Yes(Vec::new()), ..fine() },
            "sync: {fromHost: {nodes: {enabled: true, selector: {labels: {pool: shop}}}}}",
            "sync.fromHost.nodes.selector.labels: no node has pool=shop, so no pod of the tenant would run, or say --anyway",
        ),
    ];
    for (found, config, expected) in cases {
        assert_eq!(refused(&found, config), [expected]);
        let anyway = Request { anyway: true, ..request(config) };
        assert_eq!(found.refusals(&anyway), []);
        let noted = found.notes(&anyway);
        assert!(noted.iter().any(|note| expected.starts_with(note.as_str())), "{noted:?}");
    }
}

#[test]
fn quotas_and_limits_of_the_namespace_are_counted_before() {
    const ETCD: &str = "controlPlane: {backingStore: {etcd: {deploy: {enabled: true, statefulSet: {highAvailability: {replicas: 3}}}}}}";
    let with = |quota| Confines { quotas: vec![quota], ..Confines::default() };
    let limited = |items: serde_json::Value| {
        let range = json!({"metadata": {"name": "team"}, "spec": {"limits": items}});
        let range: LimitRange = serde_json::from_value(range).unwrap();
        Confines { limits: vec![range], ..Confines::default() }
    };
    let cases: [(&str, Confines, &[&str]); 14] = [
        ("", with(quota("team", &[("requests.cpu", "1"), ("requests.memory", "1Gi")], &[])), &[]),
        (
            "",
            with(quota("team", &[("requests.cpu", "1")], &[("requests.cpu", "900m")])),
            &["ResourceQuota team leaves requests.cpu 100m of 1; the control plane needs 270m"],
        ),
        (
            "",
            with(quota("team", &[("memory", "1Gi")], &[("memory", "2Gi")])),
            &["ResourceQuota team leaves memory 0Gi of 1Gi; the control plane needs 400Mi"],
        ),
        (
            "",
            with(quota("team", &[("limits.cpu", "4")], &[])),
            &[
                "ResourceQuota team counts limits.cpu, which syncer of StatefulSet shop does not name; set it, or a default by policies.limitRange",
            ],
        ),
        (
            "policies: {limitRange: {enabled: true}, resourceQuota: {enabled: false}}",
            with(quota("team", &[("limits.cpu", "4")], &[])),
            &[],
        ),
        (
            "",
            with(quota(
                "team",
                &[("pods", "10"), ("count/secrets", "2"), ("services", "2")],
                &[("pods", "10")],
            )),
            &[
                "ResourceQuota team leaves count/secrets 2 of 2; the control plane needs 3",
                "ResourceQuota team leaves pods 0 of 10; the control plane needs 1",
            ],
        ),
        (
            ETCD,
            with(quota(
                "team",
                &[("pods", "3"), ("requests.storage", "12Gi"), ("count/statefulsets.apps", "0")],
                &[],
            )),
            &[
                "ResourceQuota team leaves count/statefulsets.apps 0 of 0; the control plane needs 1",
                "ResourceQuota team leaves pods 3 of 3; the control plane needs 4",
                "ResourceQuota team leaves requests.storage 12Gi of 12Gi; the control plane needs 15Gi",
            ],
        ),
        (
            "controlPlane: {statefulSet: {persistence: {volumeClaim: {storageClass: fast}}}}",
            with(quota(
                "team",
                &[
                    ("fast.storageclass.storage.k8s.io/requests.storage", "1Gi"),
                    ("slow.storageclass.storage.k8s.io/requests.storage", "0"),
                ],
                &[],
            )),
            &[
                "ResourceQuota team leaves fast.storageclass.storage.k8s.io/requests.storage 1Gi of 1Gi; the control plane needs 5Gi",
            ],
        ),
        (
            "controlPlane: {service: {spec: {type: LoadBalancer}}}",
            with(quota("team", &[("services.loadbalancers", "0"), ("services.nodeports", "0")], &[])),
            &[
                "ResourceQuota team leaves services.loadbalancers 0 of 0; the control plane needs 1",
                "ResourceQuota team leaves services.nodeports 0 of 0; the control plane needs 1",
            ],
        ),
        // Its own, from the settings; what is there under that name is replaced.
        (
            "policies: {resourceQuota: {enabled: true, quota: {requests.cpu: 200m}}}",
            with(quota("vc-shop", &[("requests.cpu", "9")], &[])),
            &["ResourceQuota vc-shop leaves requests.cpu 200m of 200m; the control plane needs 270m"],
        ),
        // Pods of other kinds are counted by it.
        (
            "",
            with(k8s(
                json!({"metadata": {"name": "batch"}, "spec": {"hard": {"pods": "0"}, "scopes": ["Terminating"]}}),
            )),
            &[],
        ),
        (
            "controlPlane: {statefulSet: {scheduling: {priorityClassName: high}}}",
            with(k8s(
                json!({"metadata": {"name": "high"}, "spec": {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}}),
            )),
            &["ResourceQuota high leaves pods 0 of 0; the control plane needs 1"],
        ),
        (
            "",
            limited(json!([{"type": "Container", "max": {"memory": "2Gi"}}])),
            &[
                "LimitRange team lets a container have at most memory 2Gi; kube-apiserver of StatefulSet shop has 4Gi",
            ],
        ),
        (
            "controlPlane: {statefulSet: {resources: {requests: {cpu: 200m, memory: 256Mi}, limits: {memory: 1Gi}}}}",
            limited(
                json!([{"type": "Container", "min": {"memory": "40Mi"}}, {"type": "Pod", "max": {"memory": "1Mi"}}]),
            ),
            &[
                "LimitRange team wants a container to ask for at least memory 40Mi; syncer of StatefulSet shop asks for 32Mi",
            ],
        ),
    ];
    for (config, confines, expected) in cases {
        assert_eq!(refused(&confined(config, confines.clone()), config), expected, "{config} {confines:?}");
        let there = Found { confines, ..fine() };
        let later: Vec<_> = refused(&there, config).into_iter().filter(|it| it.contains(" team ")).collect();
        assert_eq!(later, Vec::<String>::new(), "what is there already is not counted again");
    }
}

fn k8s<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_is_not_known_is_said() {
    let policies = "policies: {networkPolicy: {enabled: true}}";
    let unknown = Found {
        enforcement: Enforcement::Unknown("you may not list DaemonSets".into()),
        nodes: Known::unknown("you may not list nodes"),
        ..fine()
    };
    assert_eq!(refused(&unknown, policies), Vec::<String>::new());
    assert_eq!(
        unknown.notes(&request(policies)),
        [
            "whether a node has room is not known: you may not list nodes",
            "whether the host enforces NetworkPolicies is not known: you may not list DaemonSets"
        ]
    );
    assert_eq!(unknown.notes(&request("")).len(), 1, "who asks for no policies needs nobody to enforce them");
}

#[test]
fn a_claim_without_any_class_is_worth_a_note() {
    let none = Found { storage_classes: Some(vec![("slow".into(), false)]), ..fine() };
    assert_eq!(none.notes(&request("")).len(), 1);
    let unknown = Found { storage_classes: None, ..fine() };
    assert!(unknown.notes(&request("")).is_empty(), "what is not known is not missing");
    let without = "controlPlane: {statefulSet: {persistence: {volumeClaim: {enabled: false}}}}";
    assert!(none.notes(&request(without)).is_empty());
}

#[test]
fn a_budget_that_lets_no_pod_go_is_worth_a_note() {
    for (budget, blocks) in [
        ("enabled: true", true),
        ("enabled: true, maxUnavailable: 1", false),
        ("enabled: true, maxUnavailable: 0", true),
        ("enabled: true, maxUnavailable: 0%", true),
        ("enabled: true, minAvailable: 100%", true),
        ("enabled: true, minAvailable: 50%", true),
        ("enabled: false", false),
    ] {
        let config = format!("controlPlane: {{advanced: {{podDisruptionBudget: {{{budget}}}}}}}");
        assert_eq!(!fine().notes(&request(&config)).is_empty(), blocks, "{budget}");
    }
}
