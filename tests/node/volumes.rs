//! Volumes.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use v9s_testkit::kubeconfig;
use v9s_testkit::node::images::BUSYBOX;

use crate::seat::on_nodes;

on_nodes! {
    async fn containers_of_a_pod_share_its_empty_folders(seat: Seat) -> Result<()> {
        let mounts = json!([{"name": "disk", "mountPath": "/disk"}, {"name": "memory", "mountPath": "/memory"}]);
        seat.create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pair"},
            "spec": {
                "containers": [
                    {"name": "main", "image": BUSYBOX, "command": ["sleep", "100000"], "volumeMounts": mounts},
                    {"name": "other", "image": BUSYBOX, "command": ["sleep", "100000"], "volumeMounts": mounts},
                ],
                "volumes": [{"name": "disk", "emptyDir": {}}, {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
            },
        }))
        .await?;
        seat.ready("pair").await?;
        seat.sh("pair", "echo one >/disk/file; echo two >/memory/file").await?;
        let done = seat.exec("pair", "other", &["sh", "-c", "cat /disk/file /memory/file"], "").await?;
        assert_eq!(done.stdout, "one\ntwo\n");
        assert_eq!(seat.sh("pair", "awk '$2 == \"/memory\" { print $1 }' /proc/mounts").await?, "tmpfs");
        Ok(())
    }

    async fn a_folder_of_the_node_outlives_pods_and_is_not_the_machines(seat: Seat) -> Result<()> {
        let folder = "/var/lib/v9s-host-path-test";
        let spec = |node: usize| {
            let mut spec = seat.on(node);
            spec["volumes"] = json!([{"name": "node", "hostPath": {"path": folder, "type": "DirectoryOrCreate"}}]);
            spec
        };
        let mount = json!({"volumeMounts": [{"name": "node", "mountPath": "/node"}]});
        seat.idle("writer", spec(0), mount.clone()).await?;
        seat.sh("writer", "echo kept >/node/file").await?;
        seat.idle("reader", spec(0), mount.clone()).await?;
        assert_eq!(seat.sh("reader", "cat /node/file").await?, "kept");
        seat.idle("stranger", spec(1), mount).await?;
        assert_eq!(seat.sh("stranger", "ls /node").await?, "");
        assert!(!Path::new(folder).exists());
        Ok(())
    }

    async fn config_maps_secrets_and_own_fields_are_files(seat: Seat) -> Result<()> {
        seat.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "blue"}})).await?;
        seat.create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"door": "open"}})).await?;
        let spec = json!({"volumes": [
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 256}},
            {"name": "all", "projected": {"sources": [
                {"configMap": {"name": "settings", "items": [{"key": "colour", "path": "deep/colour"}]}},
                {"secret": {"name": "keys"}},
                {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            ]}},
        ]});
        let mounts = ["settings", "keys", "all"]
            .map(|name| json!({"name": name, "mountPath": format!("/{name}"), "readOnly": true}));
        let colour = json!({"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}});
        let container = json!({"volumeMounts": mounts, "env": [colour]});
        seat.idle("reader", spec, container).await?;
        assert_eq!(seat.sh("reader", "cat /settings/colour; echo; cat /keys/door; echo; echo $COLOUR").await?, "blue\nopen\nblue");
        assert_eq!(seat.sh("reader", "cat /all/deep/colour /all/door /all/name").await?, "blueopenreader");
        assert_eq!(seat.sh("reader", "stat -L -c %a /keys/door").await?, "400");
        let refused = seat.exec("reader", "main", &["touch", "/all/new"], "").await?;
        assert_eq!(refused.code, 1, "{refused:?}");
        Ok(())
    }

    async fn a_projected_token_speaks_for_the_pod(seat: Seat) -> Result<()> {
        let spec = json!({"volumes": [{"name": "token", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
        ]}}]});
        seat.idle("bearer", spec, json!({"volumeMounts": [{"name": "token", "mountPath": "/token"}]})).await?;
        let token = seat.sh("bearer", "cat /token/token").await?;
        let answer = kubeconfig::with_token(&seat.cluster.kubeconfig(), &token)?;
        let client = kubeconfig::client(&answer).await?;
        let review = v9s_testkit::objects::create(
            &client,
            &json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}),
        )
        .await?;
        let user = &review.data["status"]["userInfo"];
        assert_eq!(user["username"], format!("system:serviceaccount:{}:default", seat.namespace));
        assert_eq!(user["extra"]["authentication.kubernetes.io/pod-name"], json!(["bearer"]));
        Ok(())
    }
}
