//! What a container is told: settings, secrets, itself, and who it is.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use v9s_testkit::{kubeconfig, objects};

use crate::tenant::tenants;

tenants! {
    async fn settings_and_secrets_come_by_every_way_and_files_follow_them(tenant: Tenant) -> Result<()> {
        tenant.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"COLOUR": "blue"}})).await?;
        tenant.create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"DOOR": "open"}})).await?;
        tenant.create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "aside"}, "stringData": {"a": "b"}})).await?;
        let volumes = json!({"volumes": [
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "keys", "secret": {"secretName": "keys"}},
            {"name": "all", "projected": {"sources": [
                {"configMap": {"name": "settings", "items": [{"key": "COLOUR", "path": "deep/colour"}]}},
                {"secret": {"name": "keys"}},
            ]}},
        ]});
        let mounts = ["settings", "keys", "all"].map(|name| json!({"name": name, "mountPath": format!("/{name}")}));
        let one = json!([
            {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
            {"name": "TWO", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "DOOR"}}},
        ]);
        let every = json!([{"configMapRef": {"name": "settings"}}, {"prefix": "MY_", "secretRef": {"name": "keys"}}]);
        tenant.idle("reader", volumes, json!({"volumeMounts": mounts, "env": one, "envFrom": every})).await?;
        assert_eq!(tenant.sh("reader", "echo $ONE $TWO $COLOUR $MY_DOOR").await?, "blue open blue open");
        let files = "cat /settings/COLOUR /keys/DOOR /all/deep/colour /all/DOOR";
        assert_eq!(tenant.sh("reader", files).await?, "blueopenblueopen");
        assert!(tenant.outside.api::<Secret>().get_opt(&tenant.outside_name("aside")).await?.is_none(), "nobody uses it");

        let change = |data| Patch::Merge(json!({"data": data}));
        tenant.api::<ConfigMap>().patch("settings", &PatchParams::default(), &change(json!({"COLOUR": "green"}))).await?;
        let shut = Patch::Merge(json!({"stringData": {"DOOR": "shut"}}));
        tenant.api::<Secret>().patch("keys", &PatchParams::default(), &shut).await?;
        tenant.sh_until("reader", files, |said| said == "greenshutgreenshut").await?;
        assert_eq!(tenant.sh("reader", "echo $COLOUR $TWO").await?, "blue open", "what it was started with stays");
        Ok(())
    }

    async fn a_pod_knows_itself_by_what_its_tenant_calls_it(tenant: Tenant) -> Result<()> {
        let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
        let env = json!([field("NAME", "metadata.name"), field("NAMESPACE", "metadata.namespace"), field("UID_", "metadata.uid"),
            field("ACCOUNT", "spec.serviceAccountName"), field("ADDRESS", "status.podIP")]);
        let files = json!({"volumes": [{"name": "me", "downwardAPI": {"items": [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
            {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
        ]}}]});
        let pod = tenant.idle("self", files, json!({"env": env, "volumeMounts": [{"name": "me", "mountPath": "/me"}]})).await?;
        let said = tenant.sh("self", "echo $NAME $NAMESPACE $UID_ $ACCOUNT $ADDRESS; hostname; cat /me/name; echo; cat /me/labels").await?;
        let (uid, ip) = (pod.metadata.uid.context("no UID")?, pod.status.and_then(|status| status.pod_ip).context("no address")?);
        assert_eq!(said, format!("self {} {uid} default {ip}\nself\nself\napp=\"self\"", tenant.namespace));
        Ok(())
    }

    async fn the_token_in_a_pod_speaks_for_it_to_its_own_api_server(tenant: Tenant) -> Result<()> {
        tenant.create(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "clerk"}})).await?;
        let own = json!({"volumes": [{"name": "vault", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 1200}}]}}], "serviceAccountName": "clerk"});
        tenant.idle("bearer", own, json!({"volumeMounts": [{"name": "vault", "mountPath": "/vault"}]})).await?;
        let home = "/var/run/secrets/kubernetes.io/serviceaccount";
        let token = tenant.sh("bearer", &format!("cat {home}/token")).await?;
        assert_eq!(tenant.sh("bearer", &format!("cat {home}/ca.crt")).await?, tenant.tenancy.authority().trim());
        assert_eq!(tenant.sh("bearer", &format!("cat {home}/namespace")).await?, tenant.namespace);
        // The address is the host's Service, whose nodes lead this machine there too.
        let url = tenant.sh("bearer", "echo https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT").await?;
        let there = kubeconfig::altered(&kubeconfig::with_token(&tenant.tenancy.kubeconfig(), &token)?, None, Some(&url))?;
        let client = kubeconfig::client(&there).await?;
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}});
        let user = &objects::create(&client, &review).await?.data["status"]["userInfo"];
        assert_eq!(user["username"], format!("system:serviceaccount:{}:clerk", tenant.namespace));
        assert_eq!(user["extra"]["authentication.kubernetes.io/pod-name"], json!(["bearer"]));
        // The pod reaches it there as well: it is told that this is no way to ask.
        let asked = tenant.run("bearer", &format!("wget -q -O - {}", url.replace("https", "http"))).await?;
        assert!(asked.code != 0 && asked.stderr.contains("400 Bad Request"), "{asked:?}");

        let vault = tenant.sh("bearer", "cat /vault/token").await?;
        let review = |audience: &str| json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
            "spec": {"token": vault, "audiences": [audience]}});
        let reviewed = objects::create(&tenant.client, &review("vault")).await?;
        assert_eq!(reviewed.data["status"]["authenticated"], true, "{reviewed:?}");
        let elsewhere = objects::create(&tenant.client, &review("bank")).await?;
        assert_ne!(elsewhere.data["status"]["authenticated"], true, "{elsewhere:?}");
        let host = tenant.outside.api::<Pod>().get(&tenant.outside_name("bearer")).await?;
        assert!(!format!("{:?}", host.metadata.annotations).contains(&token), "no token in annotations");
        Ok(())
    }
}
