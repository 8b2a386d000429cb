//! Services: what goes with which type, and which ports of nodes lead to them.

use crate::hosts::both;
use serde_json::{Value, json};

fn service(spec: &Value) -> Value {
    json!({"metadata": {"name": "s"}, "spec": spec})
}

both! {
    async fn a_port_over_two_protocols_is_one_port_of_nodes(host: Host) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/services", host.namespace("dnsports").await?);
        let dns = json!({"type": "NodePort", "ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}, {"name": "c", "port": 80}]});
        let made = host.post(&path, &service(&dns)).await?.expect_code(201)?;
        let of = |at: usize| made["spec"]["ports"][at]["nodePort"].as_i64().unwrap();
        assert_eq!(of(0), of(1), "{made}");
        assert_ne!(of(0), of(2), "{made}");
        Ok(())
    }

    async fn who_answers_on_its_own_node_has_a_port_for_health_checks(host: Host) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/services", host.namespace("health").await?);
        let local = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]});
        let made = host.post(&path, &service(&local)).await?.expect_code(201)?;
        let port = made["spec"]["healthCheckNodePort"].clone();
        assert!((30_000..32_768).contains(&port.as_i64().unwrap_or(0)), "{made}");
        let one = format!("{path}/s");
        let kept = host.put(&one, &service(&local)).await?.expect_code(200)?;
        assert_eq!(kept["spec"]["healthCheckNodePort"], port);
        let (code, _, message) = host.patch(&one, "merge", &json!({"spec": {"healthCheckNodePort": 30_001}})).await?.refusal();
        assert_eq!((code, message.as_str()), (422, "Service \"s\" is invalid: spec.healthCheckNodePort: Forbidden: field is immutable"));
        let open = host.patch(&one, "merge", &json!({"spec": {"externalTrafficPolicy": "Cluster"}})).await?.expect_code(200)?;
        assert_eq!(open["spec"]["healthCheckNodePort"], Value::Null);
        let again = host.patch(&one, "merge", &json!({"spec": {"externalTrafficPolicy": "Local"}})).await?.expect_code(200)?;
        assert!(again["spec"]["healthCheckNodePort"].is_i64(), "{again}");
        Ok(())
    }

    async fn a_service_that_changes_its_type_forgets_what_goes_with_the_old_one(host: Host) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/services", host.namespace("types").await?);
        let balancer = json!({"type": "LoadBalancer", "loadBalancerClass": "example.org/x", "allocateLoadBalancerNodePorts": false,
            "externalTrafficPolicy": "Local", "ports": [{"port": 80}]});
        let made = host.post(&path, &service(&balancer)).await?.expect_code(201)?;
        assert_eq!(made["spec"]["ports"][0]["nodePort"], Value::Null);
        let one = format!("{path}/s");
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.168.0.9"}]}}});
        host.patch(&format!("{one}/status"), "merge", &status).await?.expect_code(200)?;
        let inside = host.patch(&one, "merge", &json!({"spec": {"type": "ClusterIP"}})).await?.expect_code(200)?;
        let spec = &inside["spec"];
        for field in ["loadBalancerClass", "allocateLoadBalancerNodePorts", "externalTrafficPolicy", "healthCheckNodePort"] {
            assert_eq!(spec[field], Value::Null, "{field}: {inside}");
        }
        assert_eq!(inside["status"], json!({"loadBalancer": {}}));
        Ok(())
    }

    async fn what_a_service_may_not_say(host: Host) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/services", host.namespace("badservices").await?);
        let ports = json!([{"port": 80}]);
        let cases = [
            json!({"type": "Odd", "ports": ports}),
            json!({"type": "ExternalName"}),
            json!({"type": "ExternalName", "externalName": "no good"}),
            json!({"type": "ExternalName", "externalName": "a.example.org.", "clusterIP": "None"}),
            json!({"type": "NodePort", "clusterIP": "None", "ports": ports}),
            json!({"ports": []}),
            json!({"ports": [{"name": "A", "port": 0, "protocol": "ICMP", "targetPort": "no--name"}, {"port": 70000, "targetPort": 70000}]}),
            json!({"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 1}]}),
            json!({"ports": [{"port": 1, "nodePort": 30777}]}),
            json!({"ports": [{"port": 1, "appProtocol": "no good"}]}),
            json!({"ports": ports, "selector": {"a b": "c d"}}),
            json!({"ports": ports, "sessionAffinity": "Odd"}),
            json!({"ports": ports, "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 90000}}}),
            json!({"ports": ports, "externalIPs": ["x", "127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.5", "::1"]}),
            json!({"ports": ports, "loadBalancerClass": "x", "allocateLoadBalancerNodePorts": true, "loadBalancerSourceRanges": ["192.168.0.0/16"]}),
            json!({"ports": ports, "type": "LoadBalancer", "loadBalancerClass": "no good"}),
            json!({"ports": ports, "externalTrafficPolicy": "Local"}),
            json!({"ports": ports, "type": "NodePort", "externalTrafficPolicy": "Odd"}),
            json!({"ports": ports, "type": "NodePort", "healthCheckNodePort": 30778}),
            json!({"ports": ports, "internalTrafficPolicy": "Odd", "trafficDistribution": "Odd"}),
            json!({"ports": [{"port": 1, "nodePort": 80}], "type": "NodePort"}),
        ];
        let mut told = Vec::new();
        for spec in cases {
            let (code, reason, message) = host.post(&path, &service(&spec)).await?.refusal();
            told.push(format!("{code} {reason} {message}"));
        }
        let named = |name: &str| json!({"metadata": {"name": name}, "spec": {"ports": ports}});
        for name in ["1web", "a.b", "Web"] {
            let answer = host.post(&path, &named(name)).await?;
            told.push(if answer.code == 201 { "201".into() } else { answer.refusal().2 });
        }
        insta::assert_snapshot!("refused_services", told.join("\n"));
        Ok(())
    }

    async fn what_a_storage_class_may_not_say(host: Host) -> Result<()> {
        let path = "/apis/storage.k8s.io/v1/storageclasses";
        let class = |content: &Value| {
            let mut class = json!({"metadata": {"name": host.named("class")}, "provisioner": "example.org/p"});
            for (key, value) in content.as_object().into_iter().flatten() {
                class[key] = value.clone();
            }
            class
        };
        let demand = |demands: Value| json!({"allowedTopologies": [{"matchLabelExpressions": demands}]});
        let cases = [
            json!({"provisioner": "no good"}),
            json!({"provisioner": ""}),
            json!({"reclaimPolicy": "Recycle"}),
            json!({"volumeBindingMode": "Odd"}),
            json!({"volumeBindingMode": ""}),
            json!({"parameters": {"": "x"}}),
            demand(json!([{"key": "zone", "values": []}])),
            demand(json!([{"key": "zone", "values": ["a", "a"]}, {"key": "zone", "values": ["b"]}, {"key": "a b", "values": ["b"]}])),
        ];
        let mut told = Vec::new();
        for content in cases {
            let (code, reason, message) = host.post(path, &class(&content)).await?.refusal();
            told.push(format!("{code} {reason} {message}"));
        }
        host.post(path, &class(&json!({"reclaimPolicy": "", "parameters": {"a": "b"}}))).await?.expect_code(201)?;
        let one = format!("{path}/{}", host.named("class"));
        for change in [json!({"parameters": {"a": "c"}}), json!({"volumeBindingMode": "WaitForFirstConsumer"}), json!({"reclaimPolicy": "Odd"})] {
            let (code, reason, message) = host.patch(&one, "merge", &change).await?.refusal();
            told.push(format!("{code} {reason} {message}"));
        }
        host.delete(&one).await?.expect_code(200)?;
        insta::assert_snapshot!("refused_classes", told.join("\n").replace(&host.named("class"), "CLASS"));
        Ok(())
    }
}
