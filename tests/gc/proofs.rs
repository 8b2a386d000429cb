//! What API servers really answer, and what follows from it.

use std::sync::atomic::Ordering;

use anyhow::Result;
use serde_json::{Value, json};
use v9s::gc::{Kinds, Scope, Wish, plan};

use crate::seat::{Seat, delete, get, patch, words};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

v9s_testkit::both_hosts! {
    async fn what_is_inside_decides_and_gc_takes_exactly_the_proven(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        let maps = |name: &str| format!("/api/v1/namespaces/{}/configmaps/{name}", seat.namespace);
        let alive = seat.inside("ConfigMap", "alive").await?;
        seat.put(seat.synced("ConfigMap", "alive", &alive)).await?;
        let gone = seat.inside("ConfigMap", "gone").await?;
        seat.put(seat.synced("ConfigMap", "gone", &gone)).await?;
        delete(&seat.tenant, "/api/v1/namespaces/shop/configmaps/gone").await?;
        seat.inside("ConfigMap", "replaced").await?;
        seat.put(seat.synced("ConfigMap", "replaced", NOBODY)).await?;
        seat.inside("Service", "adopted").await?;
        seat.put(seat.synced("Service", "adopted", NOBODY)).await?;
        seat.put(seat.synced("Pod", "pod", NOBODY)).await?;
        // Copies that somebody made: of one that lives, and of what is nowhere.
        let copy = |name: &str, of: &str, uid: &str| {
            let mut copy = seat.synced("ConfigMap", of, uid);
            copy["metadata"]["name"] = json!(name);
            copy
        };
        seat.put(copy("copy-of-alive", "alive", &alive)).await?;
        seat.put(copy("copy-of-nothing", "nothing", NOBODY)).await?;
        // The label alone, and what is owned by something on the host.
        let mut forged = seat.synced("ConfigMap", "forged", NOBODY);
        forged["metadata"]["annotations"] = json!({});
        seat.put(forged).await?;
        let owner = seat.put(seat.synced("ConfigMap", "owner", &alive)).await?;
        let mut owned = seat.synced("ConfigMap", "owned", NOBODY);
        owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": owner}]);
        seat.put(owned).await?;
        let mut spared = seat.synced("ConfigMap", "spared", NOBODY);
        spared["metadata"]["annotations"]["vcluster.loft.sh/skip-backsync"] = json!("true");
        seat.put(spared).await?;
        delete(&seat.host, &maps(&seat.host_name("owner"))).await?;

        let found = seat.look().await?;
        let name = |name: &str| seat.host_name(name);
        let mut expected = vec![
            format!("Pod {}: orphan origin-gone", name("pod")),
            "ConfigMap copy-of-alive: suspect copy".to_owned(),
            "ConfigMap copy-of-nothing: orphan contradiction".to_owned(),
            format!("ConfigMap {}: suspect no-origin", name("forged")),
            format!("ConfigMap {}: orphan origin-gone", name("gone")),
            format!("ConfigMap {}: orphan origin-replaced", name("replaced")),
        ];
        let mut told = words(&found);
        assert!(told[0].starts_with("Pod "), "pods first: {told:?}");
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
        assert!(found.is_whole(), "{:?}", found.unseen);

        let plan = plan(&found, &Wish::default());
        assert_eq!(plan.goes.len(), 4);
        assert_eq!((plan.reclaims.cpu_millis, plan.reclaims.memory), (250, 64 << 20));
        let collected = seat.collect(&plan).await?;
        assert_eq!((collected.deleted, collected.spared.len(), collected.failed.len()), (4, 0, 0), "{collected:?}");
        let mut audited: Vec<String> = seat.audited()?.into_iter().map(|(name, _)| name).collect();
        audited.sort();
        assert_eq!(audited, ["copy-of-nothing".to_owned(), name("gone"), name("pod"), name("replaced")]);
        for stays in [name("alive"), name("forged"), name("spared"), "copy-of-alive".to_owned()] {
            assert!(!get(&seat.host, &maps(&stays)).await?.is_null(), "{stays}");
        }
        assert!(!get(&seat.host, &format!("/api/v1/namespaces/{}/services/{}", seat.namespace, name("adopted"))).await?.is_null());
        assert_eq!(seat.look().await?.findings.iter().filter(|it| it.is_proven()).count(), 0, "a second run finds nothing");
        Ok(())
    }

    async fn one_that_rests_is_never_asked_and_loses_nothing(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        let plane = format!("/apis/apps/v1/namespaces/{}/statefulsets/t", seat.namespace);
        for (mark, replicas) in [("loft.sh/paused", 0), ("loft.sh/restoring", 0), ("nothing.example/else", 0), ("loft.sh/restoring", 1)] {
            patch(&seat.host, &plane, json!({"metadata": {"annotations": {mark: "true"}}, "spec": {"replicas": replicas}})).await?;
            let found = seat.look().await?;
            assert_eq!(words(&found), Vec::<String>::new(), "{mark}");
            patch(&seat.host, &plane, json!({"metadata": {"annotations": {mark: null}}, "spec": {"replicas": 1}})).await?;
        }
        assert_eq!(seat.ways.opened.load(Ordering::Relaxed), 0, "it was not even tried");
        assert_eq!(words(&seat.look().await?).len(), 1, "it would have been an orphan");
        Ok(())
    }

    async fn a_store_that_is_not_the_known_one_proves_nothing(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        let service = format!("/api/v1/namespaces/{}/services/t", seat.namespace);
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        patch(&seat.host, &service, json!({"metadata": {"annotations": {"v9s.io/store": NOBODY}}})).await?;
        assert_eq!(words(&seat.look().await?), Vec::<String>::new(), "its objects can be adopted back");
        // As with an official syncer, which writes none down.
        patch(&seat.host, &service, json!({"metadata": {"annotations": {"v9s.io/store": null}}})).await?;
        let name = seat.host_name("gone");
        assert_eq!(words(&seat.look().await?), [format!("ConfigMap {name}: suspect store-unproved")]);
        let alive = seat.inside("ConfigMap", "alive").await?;
        seat.put(seat.synced("ConfigMap", "alive", &alive)).await?;
        let found = seat.look().await?;
        assert_eq!(words(&found), [format!("ConfigMap {name}: orphan origin-gone")], "another object proves the store");
        let collected = seat.collect(&plan(&found, &Wish::default())).await?;
        assert_eq!((collected.deleted, collected.spared.len()), (1, 0), "{collected:?}");
        Ok(())
    }

    async fn a_control_plane_that_lost_its_labels_still_holds_everything(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        seat.put(seat.synced("ConfigMap", "web", NOBODY)).await?;
        let ns = &seat.namespace;
        let bare = json!({"metadata": {"labels": {"app": null, "release": null}}});
        let parts = [
            format!("/apis/apps/v1/namespaces/{ns}/statefulsets/t"),
            format!("/api/v1/namespaces/{ns}/services/t"),
            format!("/api/v1/namespaces/{ns}/secrets/vc-config-t"),
        ];
        for part in &parts {
            patch(&seat.host, part, bare.clone()).await?;
        }
        let expected = |word: &str| vec![format!("ConfigMap {}: {word}", seat.host_name("web"))];
        for part in &parts {
            assert_eq!(words(&seat.look().await?), expected("suspect half-deleted"), "{part} is there");
            delete(&seat.host, part).await?;
        }
        let found = seat.look().await?;
        assert_eq!(words(&found), expected("orphan vcluster-gone"));
        // It returns by its name alone before anything is deleted.
        seat.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "t", "namespace": ns}, "spec": {"ports": [{"port": 443}]}})).await?;
        let collected = seat.collect(&plan(&found, &Wish::default())).await?;
        assert_eq!((collected.deleted, collected.spared.len()), (0, 1), "{collected:?}");
        Ok(())
    }

    async fn one_that_cannot_be_asked_has_unknown_leftovers_and_not_none(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        seat.put(seat.synced("ConfigMap", "gone", NOBODY)).await?;
        seat.ways.shut.store(true, Ordering::Relaxed);
        let found = seat.look().await?;
        assert_eq!(words(&found), Vec::<String>::new());
        assert!(!found.is_whole());
        let tenant = found.tenants.values().next().unwrap();
        assert_eq!(tenant.count().why(), Some("it cannot be reached"));
        Ok(())
    }

    async fn of_one_that_is_gone_all_goes_but_its_data_and_nothing_while_something_of_it_is_left(host: Host) -> Result<()> {
        let seat = Seat::new(host).await?;
        seat.put(seat.synced("Pod", "web", NOBODY)).await?;
        seat.put(seat.synced("PersistentVolumeClaim", "disk", NOBODY)).await?;
        let labels = json!({"app": "vcluster", "release": "t"});
        let made_for = |kind: &str, name: &str, labels: &Value| {
            crate::seat::body(kind, json!({"name": name, "namespace": seat.namespace, "labels": labels}))
        };
        seat.put(made_for("PersistentVolumeClaim", "data-t-2", &labels)).await?;
        seat.put(made_for("Secret", "t-certs", &json!({"vcluster-name": "t"}))).await?;
        // Somebody's own, and another chart's of the same release.
        seat.put(made_for("ConfigMap", "mine", &json!({}))).await?;
        seat.put(made_for("ConfigMap", "others", &json!({"app": "grafana", "release": "t"}))).await?;

        let plane = format!("/apis/apps/v1/namespaces/{}/statefulsets/t", seat.namespace);
        delete(&seat.host, &plane).await?;
        let half = seat.look().await?;
        assert!(half.findings.iter().all(|finding| !finding.is_proven()), "{:?}", words(&half));
        assert_eq!(half.findings.len(), 6, "all of it is suspect, what is left of it too: {:?}", words(&half));
        for path in ["services/t", "secrets/vc-config-t"] {
            delete(&seat.host, &format!("/api/v1/namespaces/{}/{path}", seat.namespace)).await?;
        }
        let found = seat.look().await?;
        assert!(found.findings.iter().all(|finding| finding.is_proven()), "{:?}", words(&found));
        let careful = plan(&found, &Wish::default());
        let kinds = |findings: &[v9s::gc::Finding]| {
            findings.iter().map(|it| it.claim.object.resource.kind.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&careful.goes), ["Pod", "Secret"]);
        assert_eq!(kinds(&careful.stays), ["PersistentVolumeClaim", "PersistentVolumeClaim"]);
        let bold = plan(&found, &Wish { kinds: Kinds::named(["pvc", "po", "secrets"]) });
        assert_eq!(bold.reclaims.storage, 10 << 30);
        let collected = seat.collect(&careful).await?;
        assert_eq!((collected.deleted, collected.failed.len()), (2, 0), "{collected:?}");
        assert_eq!(seat.ways.opened.load(Ordering::Relaxed), 0, "there is nobody to ask");
        for stays in ["configmaps/mine", "configmaps/others", "persistentvolumeclaims/data-t-2"] {
            let path = format!("/api/v1/namespaces/{}/{stays}", seat.namespace);
            assert!(!get(&seat.host, &path).await?.is_null(), "{stays}");
        }
        Ok(())
    }
}

mod cluster_wide {
    use super::*;

    v9s_testkit::both_hosts! {
        #![needs(alone)]
        async fn cluster_scoped_leftovers_go_by_marker_and_name_together(host: Host) -> Result<()> {
            let seat = Seat::new(host).await?;
            let class = |name: &str, marker: &str, of: &str| json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                "value": 5, "metadata": {"name": name, "labels": {"vcluster.loft.sh/managed-by": marker},
                "annotations": {"vcluster.loft.sh/object-name": of, "vcluster.loft.sh/object-uid": NOBODY}}});
            let marker = seat.names.cluster_scoped_marker();
            let own = format!("vcluster-high-x-{}-x-t", seat.namespace);
            seat.put(class(&own, &marker, "high")).await?;
            seat.put(class("mine", &marker, "mine")).await?;
            seat.put(class("vcluster-high-x-elsewhere-x-gone", "elsewhere-x-gone", "high")).await?;
            let everything = || Scope { kinds: Kinds::named(["pc", "pods"]), ..Scope::default() };
            let found = seat.look_with(everything()).await?;
            let expected = [
                "PriorityClass mine: orphan contradiction".to_owned(),
                "PriorityClass vcluster-high-x-elsewhere-x-gone: orphan vcluster-gone".to_owned(),
                format!("PriorityClass {own}: orphan origin-gone"),
            ];
            assert_eq!(words(&found), expected);
            let collected = seat.collect(&plan(&found, &Wish::default())).await?;
            assert_eq!((collected.deleted, collected.spared.len()), (3, 0), "{collected:?}");
            assert_eq!(words(&seat.look_with(everything()).await?), Vec::<String>::new());
            Ok(())
        }
    }
}
