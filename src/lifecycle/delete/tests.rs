use std::collections::BTreeMap;

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::*;
use crate::cluster::{Failure, FailureKind, Resource};

const IT: Whose<'static> = Whose { namespace: "team", name: "shop" };

fn found(group: &str, kind: &str, name: &str, meta: Value) -> Found {
    let mut meta = meta;
    meta["name"] = json!(name);
    meta["namespace"] = json!("team");
    meta["uid"] = json!(format!("{kind}-{name}"));
    let resource = Resource {
        group: group.into(),
        version: "v1".into(),
        plural: SmolStr::from(format!("{}s", kind.to_lowercase())),
        kind: kind.into(),
        namespaced: true,
    };
    Found { resource, meta: serde_json::from_value(meta).unwrap() }
}

fn chart() -> Value {
    json!({"labels": {"app": "vcluster", "release": "shop", "chart": "vcluster-0.30.0", "heritage": "Helm"}})
}

fn synced(owner: &str) -> Value {
    json!({"labels": {"vcluster.loft.sh/managed-by": "shop"}, "ownerReferences": [{"uid": owner}]})
}

fn plain() -> Value {
    json!({})
}

/// A namespace with everything that a virtual cluster and a host put there.
fn everything() -> Vec<Found> {
    let owned = |uid: &str| json!({"ownerReferences": [{"uid": uid}]});
    let both = |uid: &str| json!({"labels": {"app": "vcluster", "release": "shop"}, "ownerReferences": [{"uid": uid}]});
    vec![
        found("apps", "StatefulSet", "shop", chart()),
        found(
            "apps",
            "StatefulSet",
            "shop-etcd",
            json!({"labels": {"app": "vcluster-etcd", "release": "shop"}}),
        ),
        found("apps", "ControllerRevision", "shop-1", both("StatefulSet-shop")),
        found("", "Pod", "shop-0", both("StatefulSet-shop")),
        found("", "Service", "shop", chart()),
        found("", "Service", "shop-node-a", json!({"labels": {"vcluster.loft.sh/belongs-to": "shop"}})),
        found("discovery.k8s.io", "EndpointSlice", "shop-x1", both("Service-shop")),
        found(
            "",
            "Secret",
            "vc-shop",
            json!({"labels": {"vcluster-name": "shop"}, "ownerReferences": [{"uid": "Service-shop"}]}),
        ),
        found("", "Secret", "shop-certs", plain()),
        found("", "Secret", "sh.helm.release.v1.shop.v3", plain()),
        found("", "ServiceAccount", "vc-shop", plain()),
        found("", "ServiceAccount", "default", plain()),
        found("", "ConfigMap", "kube-root-ca.crt", plain()),
        found("", "ConfigMap", "vc-status-shop", json!({"labels": {"v9s.io/status-of": "shop"}})),
        found("", "PersistentVolumeClaim", "data-shop-0", plain()),
        found("", "PersistentVolumeClaim", "data-shop-2", plain()),
        found("", "PersistentVolumeClaim", "data-shop-etcd-1", plain()),
        found("", "PersistentVolumeClaim", "web-x-default-x-shop", synced("Service-shop")),
        found("", "Pod", "web-x-default-x-shop", synced("Service-shop")),
        found("metrics.example", "Probe", "web-x-default-x-shop", synced("Service-shop")),
        found("coordination.k8s.io", "Lease", "vcluster-shop-controller", plain()),
        found("x.example", "Owned", "child", owned("Pod-web-x-default-x-shop")),
        found("x.example", "Owned", "grandchild", owned("Owned-child")),
    ]
}

fn survey(inside: Vec<Found>) -> Survey {
    let home = json!({"name": "team", "uid": "home", "annotations": {"vcluster.loft.sh/created": "true"}});
    Survey { inside, home: serde_json::from_value(home).unwrap(), ..Survey::default() }
}

fn goes(plan: &DeletePlan) -> Vec<String> {
    plan.victims.iter().map(|it| format!("{} {}", it.object.resource.kind, it.object.name)).collect()
}

#[test]
fn what_belongs_to_something_deleted_is_no_news() {
    let slice = || {
        let its = json!({"labels": {"app": "vcluster", "release": "shop"}, "ownerReferences": [{"uid": "Service-shop"}]});
        found("discovery.k8s.io", "EndpointSlice", "shop-x2", its)
    };
    let hung_on =
        || found("x.example", "Owned", "child", json!({"ownerReferences": [{"uid": "Service-shop"}]}));
    let look = |deleted: &[&str]| {
        let deleted = deleted.iter().map(|uid| (*uid).into()).collect();
        plan(&IT, Survey { deleted, ..survey(vec![slice(), hung_on()]) }, Wish::default())
    };
    let after = look(&["Service-shop"]);
    assert_eq!((goes(&after), after.derived), (Vec::new(), 2));
    assert_eq!(after.home, Home::Goes { uid: "home".into() });
    let unknown = look(&[]);
    assert_eq!(goes(&unknown), ["EndpointSlice shop-x2"]);
    assert!(matches!(unknown.home, Home::Stays(_)), "whose the other is nobody knows");
}

#[test]
fn everything_goes_in_an_order_in_which_nothing_comes_back() {
    let plan = plan(&IT, survey(everything()), Wish::default());
    assert_eq!(
        goes(&plan),
        [
            "StatefulSet shop",
            "StatefulSet shop-etcd",
            "Pod web-x-default-x-shop",
            "PersistentVolumeClaim web-x-default-x-shop",
            "Probe web-x-default-x-shop",
            "ConfigMap vc-status-shop",
            "Lease vcluster-shop-controller",
            "Secret shop-certs",
            "Secret vc-shop",
            "ServiceAccount vc-shop",
            "Service shop",
            "Service shop-node-a",
            "Secret sh.helm.release.v1.shop.v3",
            "PersistentVolumeClaim data-shop-0",
            "PersistentVolumeClaim data-shop-2",
            "PersistentVolumeClaim data-shop-etcd-1",
        ]
    );
    assert_eq!(plan.derived, 5, "pods, revisions, slices and what others hang on them");
    assert_eq!(plan.home, Home::Goes { uid: "home".into() });
    assert_eq!(plan.left, []);
}

#[test]
fn a_name_alone_makes_nothing_its() {
    for (case, object) in [
        (
            "another release",
            found("", "Secret", "a", json!({"labels": {"app": "vcluster", "release": "other"}})),
        ),
        (
            "another chart's release of that name",
            found("", "Secret", "a", json!({"labels": {"app": "grafana", "release": "shop"}})),
        ),
        (
            "synced by another",
            found(
                "",
                "Pod",
                "web-x-default-x-shop",
                json!({"labels": {"vcluster.loft.sh/managed-by": "other"}}),
            ),
        ),
        ("a claim of another StatefulSet", found("", "PersistentVolumeClaim", "data-shop-db-0", plain())),
        ("a claim without an ordinal", found("", "PersistentVolumeClaim", "data-shop-", plain())),
        ("a claim with letters behind it", found("", "PersistentVolumeClaim", "data-shop-0a", plain())),
        ("another Helm release", found("", "Secret", "sh.helm.release.v1.shop2.v1", plain())),
        ("a name with something behind it", found("", "Secret", "vc-shop-backup", plain())),
        ("a pod of that name", found("", "Pod", "shop-0", plain())),
        ("a Deployment of that name", found("apps", "Deployment", "shop", plain())),
    ] {
        let plan = plan(&IT, survey(vec![object]), Wish::default());
        assert_eq!(goes(&plan), Vec::<String>::new(), "{case}");
        assert!(
            matches!(&plan.home, Home::Stays(why) if why.contains("somebody else's")),
            "{case}: {:?}",
            plan.home
        );
    }
}

#[test]
fn the_namespace_goes_only_if_it_was_made_for_it_and_holds_nothing_else() {
    let usual = || survey(everything());
    let unmarked =
        Survey { home: serde_json::from_value(json!({"name": "team", "uid": "home"})).unwrap(), ..usual() };
    let shared = Survey { neighbours: vec!["other".into()], ..usual() };
    let forbidden = Failure::new(FailureKind::Forbidden, "no");
    let blind = Survey { unseen: vec![("Secret".into(), forbidden)], ..usual() };
    let foreign = |count: usize| {
        let mut all = everything();
        all.extend((0..count).map(|n| found("", "ConfigMap", &format!("mine-{n}"), plain())));
        survey(all)
    };
    let keep_data = Wish { keep_data: true, ..Wish::default() };
    let keep_namespace = Wish { keep_namespace: true, ..Wish::default() };
    for (case, survey, wish, expected) in [
        ("not made for it", unmarked, Wish::default(), "it was there before the virtual cluster"),
        ("shared", shared, Wish::default(), "the virtual cluster other is in it"),
        (
            "not all may be seen",
            blind,
            Wish::default(),
            "what else is in it is not known (Secret: forbidden: no)",
        ),
        (
            "one thing of others",
            foreign(1),
            Wish::default(),
            "ConfigMap team/mine-0 is in it, which is somebody else's",
        ),
        (
            "more of others",
            foreign(3),
            Wish::default(),
            "ConfigMap team/mine-0 and 2 more are in it, which are somebody else's",
        ),
        ("data is kept", usual(), keep_data, "3 volume claims in it are to be kept"),
        ("it is kept", usual(), keep_namespace, "it is to be kept"),
    ] {
        assert_eq!(plan(&IT, survey, wish).home, Home::Stays(expected.into()), "{case}");
    }
    assert_eq!(plan(&IT, Survey { home: None, ..usual() }, Wish::default()).home, Home::Gone);
}

#[test]
fn what_would_be_left_is_told() {
    let forbidden = Failure::new(FailureKind::Forbidden, "no");
    let survey = Survey {
        unseen: vec![("Secret".into(), forbidden)],
        satellites: vec!["shop-web".into()],
        ..survey(everything())
    };
    let plan = plan(&IT, survey, Wish { keep_data: true, ..Wish::default() });
    let left: Vec<&str> = plan.left.iter().map(|left| left.what.as_str()).collect();
    assert_eq!(
        left,
        [
            "PersistentVolumeClaim team/data-shop-0",
            "PersistentVolumeClaim team/data-shop-2",
            "PersistentVolumeClaim team/data-shop-etcd-1",
            "Namespace shop-web",
            "objects of the kind Secret, if there are any",
        ]
    );
}

#[test]
fn cluster_wide_objects_go_by_their_marker_or_their_whole_name() {
    let wide = |group: &str, kind: &str, name: &str, label: Option<&str>| {
        let meta = label.map_or(json!({}), |value| json!({"labels": {"vcluster.loft.sh/managed-by": value}}));
        let mut found = found(group, kind, name, meta);
        found.resource.namespaced = false;
        found.meta.namespace = SmolStr::default();
        found
    };
    let rbac = "rbac.authorization.k8s.io";
    let outside = vec![
        wide("scheduling.k8s.io", "PriorityClass", "vcluster-high-x-team-x-shop", Some("team-x-shop")),
        wide("scheduling.k8s.io", "PriorityClass", "vcluster-high-x-team2-x-shop", Some("team2-x-shop")),
        wide(rbac, "ClusterRole", "vc-shop-v-team", None),
        wide(rbac, "ClusterRoleBinding", "vc-shop-v-team", None),
        wide(rbac, "ClusterRole", "vc-shop-v-team2", None),
        wide("", "Namespace", "vc-shop-v-team", None),
    ];
    let plan = plan(&IT, Survey { outside, ..Survey::default() }, Wish::default());
    assert_eq!(
        goes(&plan),
        [
            "ClusterRole vc-shop-v-team",
            "ClusterRoleBinding vc-shop-v-team",
            "PriorityClass vcluster-high-x-team-x-shop"
        ]
    );
}

#[test]
fn residue_is_what_is_still_there_and_what_came() {
    let before = plan(&IT, survey(everything()), Wish::default());
    let mut again = found("", "Secret", "shop-certs", plain());
    again.meta.uid = "another".into();
    let now = plan(&IT, survey(vec![found("", "Service", "shop", chart()), again]), Wish::default());
    let told: BTreeMap<String, String> = residue(&before, &now)
        .into_iter()
        .map(|left| (left.what.to_string(), left.why.to_string()))
        .collect();
    assert_eq!(told["Service team/shop"], "it was to be deleted and is still there");
    assert_eq!(told["Secret team/shop-certs"], "it came after the plan was made");
    assert_eq!(told.len(), 2);
}

#[test]
fn who_deploys_it_is_to_delete_it() {
    use crate::lifecycle::tests::target;
    let flux = Manager::Flux { kind: "helmrelease", namespace: "flux".into(), name: "shop".into() };
    for (manager, expected) in [
        (Manager::Helm { release: "shop".into() }, "helm uninstall shop --kube-context prod -n team"),
        (Manager::Argo { application: "shops".into() }, "argocd app delete shops"),
        (flux, "flux delete helmrelease shop -n flux"),
    ] {
        let target = target(Vec::new(), manager);
        let refused = refusal(&target, false).unwrap();
        assert_eq!(refused.instead()[0], expected);
        assert_eq!(refusal(&target, true), None);
    }
    assert_eq!(refusal(&target(Vec::new(), Manager::Nobody), false), None);
}
