//! Values as they come back: written canonically, decoded strictly, and some of them for good.

use crate::hosts::both;
use crate::writes::deployment;
use serde_json::json;

both! {
    async fn amounts_come_back_in_one_spelling(host: Host) -> Result<()> {
        let namespace = host.namespace("amounts").await?;
        let pod = json!({"metadata": {"name": "p"}, "spec": {"automountServiceAccountToken": false, "containers": [{"name": "c", "image": "i",
            "resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "limits": {"cpu": "1000m", "memory": "1073741824"}}}]}});
        let made = host.post(&format!("/api/v1/namespaces/{namespace}/pods"), &pod).await?.expect_code(201)?;
        assert_eq!(made["spec"]["containers"][0]["resources"], json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1073741824"}}));
        Ok(())
    }

    async fn numbers_and_percentages_stay_what_they_were(host: Host) -> Result<()> {
        let namespace = host.namespace("intorstring").await?;
        let mut object = deployment("web", 1);
        object["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "50%"}});
        let made = host.post(&format!("/apis/apps/v1/namespaces/{namespace}/deployments"), &object).await?.expect_code(201)?;
        assert_eq!(made["spec"]["strategy"]["rollingUpdate"], json!({"maxSurge": 1, "maxUnavailable": "50%"}));
        Ok(())
    }

    async fn bytes_must_be_base64(host: Host) -> Result<()> {
        let namespace = host.namespace("base64").await?;
        let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
        let (code, reason, message) = host.post(&secrets, &json!({"metadata": {"name": "s"}, "data": {"k": "not base64!"}})).await?.refusal();
        assert_eq!((code, reason.as_str()), (400, "BadRequest"));
        assert!(message.starts_with("Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 3"), "{message}");
        Ok(())
    }

    async fn a_field_said_twice_is_noticed(host: Host) -> Result<()> {
        let maps = host.config_maps("twice").await?;
        let body = r#"{"metadata": {"name": "a"}, "data": {"k": "1", "k": "2"}, "immutable": false, "immutable": true}"#;
        let json = [("content-type", "application/json")];
        let strict = host.send(http::Method::POST, &format!("{maps}?fieldValidation=Strict"), &json, body.into()).await?;
        let (code, _, message) = strict.refusal();
        assert_eq!((code, message.as_str()), (400, "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: duplicate field \"data.k\", duplicate field \"immutable\""));
        let warned = host.send(http::Method::POST, &maps, &json, body.into()).await?;
        let warnings: Vec<_> = warned.headers.get_all("warning").iter().map(|w| w.to_str().unwrap().to_owned()).collect();
        assert_eq!(warnings, ["299 - \"duplicate field \\\"data.k\\\"\"", "299 - \"duplicate field \\\"immutable\\\"\""]);
        assert_eq!(warned.expect_code(201)?["data"], json!({"k": "2"}), "the last one holds");
        Ok(())
    }

    async fn an_address_is_for_life(host: Host) -> Result<()> {
        let namespace = host.namespace("address").await?;
        let path = format!("/api/v1/namespaces/{namespace}/services");
        let made = host.post(&path, &json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})).await?.expect_code(201)?;
        let address = made["spec"]["clusterIP"].as_str().unwrap();
        assert_eq!((&made["spec"]["clusterIPs"], &made["spec"]["ipFamilies"], &made["spec"]["ipFamilyPolicy"]), (&json!([address]), &json!(["IPv4"]), &json!("SingleStack")));
        let other = json!({"spec": {"clusterIP": "10.96.0.221", "clusterIPs": ["10.96.0.221"]}});
        let (code, reason, message) = host.patch(&format!("{path}/s"), "merge", &other).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert!(message.contains("spec.clusterIPs[0]: Invalid value: [\"10.96.0.221\"]: may not change once set"), "{message}");
        let node_port = host.patch(&format!("{path}/s"), "merge", &json!({"spec": {"type": "NodePort"}})).await?.expect_code(200)?;
        assert!(node_port["spec"]["ports"][0]["nodePort"].as_u64().is_some_and(|port| (30000..=32767).contains(&port)), "{node_port}");
        Ok(())
    }

    async fn a_claim_does_not_shrink(host: Host) -> Result<()> {
        let namespace = host.namespace("shrink").await?;
        let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims");
        let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "2Gi"}}}});
        let made = host.post(&path, &claim).await?.expect_code(201)?;
        assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
        for size in ["1Gi", "3Gi"] {
            let resize = json!({"spec": {"resources": {"requests": {"storage": size}}}});
            let (code, reason, message) = host.patch(&format!("{path}/c"), "merge", &resize).await?.refusal();
            assert!(matches!((code, reason.as_str()), (422, "Invalid") | (403, "Forbidden")), "{size}: {code} {message}");
        }
        Ok(())
    }

    async fn what_a_pod_may_not_say(host: Host) -> Result<()> {
        let pods = format!("/api/v1/namespaces/{}/pods", host.namespace("badpods").await?);
        let container = |content: serde_json::Value| {
            let mut container = json!({"name": "c", "image": "i"});
            for (key, value) in content.as_object().into_iter().flatten() {
                container[key] = value.clone();
            }
            json!({"automountServiceAccountToken": false, "containers": [container]})
        };
        let with = |key: &str, value: serde_json::Value| {
            let mut spec = container(json!({}));
            spec[key] = value;
            spec
        };
        let probe = json!({"exec": {"command": ["x"]}});
        let cases = [
            container(json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}})),
            container(json!({"resources": {"requests": {"x.y/gpu": "1"}}})),
            container(json!({"resources": {"requests": {"x.y/gpu": "1"}, "limits": {"x.y/gpu": "2"}}})),
            container(json!({"resources": {"limits": {"odd": "1"}}})),
            container(json!({"resources": {"limits": {"memory": "-1Gi"}}})),
            container(json!({"imagePullPolicy": "Odd"})),
            container(json!({"terminationMessagePolicy": "Odd"})),
            container(json!({"env": [{"name": ""}]})),
            container(json!({"env": [{"name": "a=b"}]})),
            container(json!({"env": [{"name": "a", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]})),
            with("restartPolicy", json!("Odd")),
            with("dnsPolicy", json!("Odd")),
            with("activeDeadlineSeconds", json!(0)),
            with("nodeSelector", json!({"a b": "c d"})),
            with("initContainers", json!([{"name": "c", "image": "i"}])),
            with("initContainers", json!([{"name": "i", "image": "i", "livenessProbe": probe, "lifecycle": {"preStop": probe}}])),
            with("initContainers", json!([{"name": "i"}])),
        ];
        let mut told = Vec::new();
        for spec in cases {
            let (code, reason, message) = host.post(&pods, &json!({"metadata": {"name": "p"}, "spec": spec})).await?.refusal();
            told.push(format!("{code} {reason} {message}"));
        }
        insta::assert_snapshot!("refused_pods", told.join("\n"));
        Ok(())
    }
}
