//! Pods. The test is the scheduler and the kubelet of the host, so that every step is its own.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use v9s_syncer::context::PodSecurity;

use crate::pair::{Pair, both, create, delete, delete_with, get, patch, send};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// A pod as a tenant writes it.
pub fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "c", "image": "registry.example/shop:1"}]}});
    for (field, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][field] = value.clone();
    }
    pod
}

/// A tenant with DNS, which pods wait for, and accounts.
pub async fn furnish(pair: &Pair) -> Result<()> {
    let dns = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns"},
        "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}]}});
    create(&pair.tenant, "/api/v1/namespaces/kube-system/services", &dns).await?;
    for (at, namespace, name) in
        [(&pair.tenant, "default", "shop"), (&pair.host, pair.namespace.as_str(), "vc-workload-t")]
    {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        create(at, &format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account).await?;
    }
    Ok(())
}

/// Creates a pod and waits for the host's.
pub async fn mirrored(pair: &Pair, pod: &Value) -> Result<Value> {
    create(&pair.tenant, PODS, pod).await?;
    let name = pod["metadata"]["name"].as_str().context("it has a name")?;
    pair.until(&pair.host, &on_host(pair, name), |h| !h.is_null()).await
}

pub fn on_host(pair: &Pair, name: &str) -> String {
    pair.on_host("pods", "default", name)
}

pub fn in_tenant(name: &str) -> String {
    format!("{PODS}/{name}")
}

/// The host's scheduler decides, and its kubelet reports.
pub async fn run(pair: &Pair, name: &str, node: &str) -> Result<()> {
    let path = on_host(pair, name);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pair.host_name("default", name)},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
    create(&pair.host, &format!("{path}/binding"), &binding).await?;
    report(
        pair,
        name,
        json!({"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}],
        "startTime": "2026-01-01T00:00:00Z", "hostIP": "192.0.2.1",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"}]}),
    )
    .await
}

async fn report(pair: &Pair, name: &str, status: Value) -> Result<()> {
    patch(&pair.host, &format!("{}/status", on_host(pair, name)), &json!({"status": status})).await.map(drop)
}

/// The host's kubelet has stopped the containers.
pub async fn stopped(pair: &Pair, name: &str) -> Result<()> {
    delete_with(&pair.host, &on_host(pair, name), &json!({"gracePeriodSeconds": 0})).await.map(drop)
}

fn variables(pod: &Value) -> Vec<&str> {
    let env = pod["spec"]["containers"][0]["env"].as_array().into_iter().flatten();
    env.filter_map(|variable| variable["name"].as_str()).collect()
}

both! {
    async fn a_pod_runs_on_the_host_and_what_is_reported_comes_back(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let h = mirrored(&pair, &pod("web", json!({"schedulerName": "custom"}))).await?;
        assert_eq!(h["spec"]["schedulerName"], "custom");
        assert_eq!(h["spec"]["serviceAccountName"], "vc-workload-t");
        pair.quiet().await?;
        let before = pair.engine().counts().writes[1];
        run(&pair, "web", "worker-1").await?;
        let v = pair.until(&pair.tenant, &in_tenant("web"), |v| v["status"]["phase"] == "Running").await?;
        assert_eq!((&v["spec"]["nodeName"], &v["status"]["podIP"]), (&json!("worker-1"), &json!("10.1.2.3")));
        let ready = v["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "Ready");
        assert_eq!(ready.map(|ready| &ready["status"]), Some(&json!("True")));
        let node = get(&pair.tenant, "/api/v1/nodes/worker-1").await?;
        assert_eq!(node["metadata"]["annotations"]["vcluster.loft.sh/fake-node"], "true");
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes[1], before, "running costs the host no write");
        let before = pair.engine().counts().writes;
        pair.engine().look_at_everything();
        pair.quiet().await?;
        assert_eq!(pair.engine().counts().writes, before, "both sides agree");
        delete(&pair.tenant, &in_tenant("web")).await?;
        stopped(&pair, "web").await?;
        pair.until(&pair.tenant, "/api/v1/nodes/worker-1", Value::is_null).await?;
        Ok(())
    }

    async fn conditions_of_readiness_gates_travel_to_the_host_and_the_result_returns(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let gate = "example.com/open";
        mirrored(&pair, &pod("web", json!({"readinessGates": [{"conditionType": gate}]}))).await?;
        run(&pair, "web", "worker-1").await?;
        let v = pair.until(&pair.tenant, &in_tenant("web"), |v| v["status"]["phase"] == "Running").await?;
        let mut conditions = v["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.push(json!({"type": gate, "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"}));
        patch(&pair.tenant, &format!("{}/status", in_tenant("web")), &json!({"status": {"conditions": conditions}})).await?;
        let is_open = |pod: &Value| pod["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["type"] == gate && c["status"] == "True");
        pair.until(&pair.host, &on_host(&pair, "web"), is_open).await?;
        pair.quiet().await?;
        assert!(is_open(&get(&pair.tenant, &in_tenant("web")).await?));
        Ok(())
    }

    async fn tokens_are_of_the_tenants_server_for_whom_the_pod_asked_and_not_in_annotations(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let token = json!({"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 1200}});
        let spec = json!({"serviceAccountName": "shop", "volumes": [{"name": "t", "projected": {"sources": [token]}}]});
        let h = mirrored(&pair, &pod("web", spec)).await?;
        let source = &h["spec"]["volumes"][0]["projected"]["sources"][0]["secret"];
        let name = source["name"].as_str().context("a Secret is named")?;
        assert_eq!(source["items"], json!([{"key": "token-0", "path": "token"}]));
        let path = format!("/api/v1/namespaces/{}/secrets/{name}", pair.namespace);
        let secret = pair.until(&pair.host, &path, |secret| !secret.is_null()).await?;
        assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], h["metadata"]["uid"]);
        let given = get_token(&secret)?;
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": given, "audiences": ["vault"]}});
        let review = create(&pair.tenant, "/apis/authentication.k8s.io/v1/tokenreviews", &review).await?;
        assert_eq!(review["status"]["user"]["username"], "system:serviceaccount:default:shop", "{review}");
        assert_eq!(review["status"]["user"]["extra"]["authentication.kubernetes.io/pod-name"], json!(["web"]), "{review}");
        assert!(!h["metadata"]["annotations"].to_string().contains("token"), "{h}");
        Ok(())
    }

    async fn containers_find_the_api_server_and_their_own_variables_come_last(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let env = json!([{"name": "URL", "value": "https://$(KUBERNETES_SERVICE_HOST)"}, {"name": "A", "value": "1"}]);
        let containers = json!([{"name": "c", "image": "i", "env": env}]);
        let h = mirrored(&pair, &pod("web", json!({"containers": containers, "enableServiceLinks": false}))).await?;
        let names = variables(&h);
        assert_eq!(names.len(), 10, "{names:?}");
        assert!(names[..8].is_sorted() && names[..8].iter().all(|name| name.starts_with("KUBERNETES_")), "{names:?}");
        assert_eq!(&names[8..], ["URL", "A"]);
        Ok(())
    }

    async fn the_downward_api_shows_what_the_tenant_calls_it(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let field = |path: &str| json!({"name": "V", "valueFrom": {"fieldRef": {"fieldPath": path}}});
        let containers = json!([{"name": "c", "image": "i", "env": [field("metadata.name")]}]);
        let h = mirrored(&pair, &pod("web", json!({"containers": containers, "serviceAccountName": "shop"}))).await?;
        let last = h["spec"]["containers"][0]["env"].as_array().and_then(|env| env.last()).context("it has variables")?;
        assert_eq!(last["valueFrom"]["fieldRef"]["fieldPath"], "metadata.annotations['vcluster.loft.sh/name']");
        let v = get(&pair.tenant, &in_tenant("web")).await?;
        let notes = &h["metadata"]["annotations"];
        assert_eq!((&notes["vcluster.loft.sh/name"], &notes["vcluster.loft.sh/namespace"]), (&json!("web"), &json!("default")));
        assert_eq!((&notes["vcluster.loft.sh/uid"], &notes["vcluster.loft.sh/labels"]), (&v["metadata"]["uid"], &json!("app=\"shop\"")));
        assert_eq!(notes["vcluster.loft.sh/service-account-name"], "shop");
        Ok(())
    }

    async fn labels_of_the_namespace_are_on_its_pods_and_kept_current(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let h = mirrored(&pair, &pod("web", json!({}))).await?;
        let labels = |pod: &Value| -> Vec<String> {
            let of = pod["metadata"]["labels"].as_object().into_iter().flatten();
            of.filter(|(key, _)| key.starts_with("vcluster.loft.sh/ns-label-t-x-")).map(|(_, value)| value.as_str().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(labels(&h), ["default"], "the name of the namespace");
        patch(&pair.tenant, "/api/v1/namespaces/default", &json!({"metadata": {"labels": {"team": "blue"}}})).await?;
        pair.until(&pair.host, &on_host(&pair, "web"), |h| labels(h).contains(&"blue".to_owned())).await?;
        patch(&pair.tenant, "/api/v1/namespaces/default", &json!({"metadata": {"labels": {"team": null}}})).await?;
        pair.until(&pair.host, &on_host(&pair, "web"), |h| labels(h) == ["default"]).await?;
        Ok(())
    }

    async fn labels_and_annotations_go_both_ways(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let h = mirrored(&pair, &pod("web", json!({}))).await?;
        assert_eq!(h["metadata"]["annotations"]["vcluster.loft.sh/managed-labels"], "app");
        patch(&pair.host, &on_host(&pair, "web"), &json!({"metadata": {"labels": {"mesh": "on"}, "annotations": {"cni": "10.1.2.3"}}})).await?;
        let v = pair.until(&pair.tenant, &in_tenant("web"), |v| v["metadata"]["labels"]["mesh"] == "on").await?;
        assert_eq!(v["metadata"]["annotations"]["cni"], "10.1.2.3");
        patch(&pair.tenant, &in_tenant("web"), &json!({"metadata": {"labels": {"app": null, "mesh": "off"}, "annotations": {"note": "n"}}})).await?;
        let h = pair.until(&pair.host, &on_host(&pair, "web"), |h| h["metadata"]["annotations"]["note"] == "n").await?;
        assert_eq!((&h["metadata"]["labels"]["app"], &h["metadata"]["labels"]["mesh"]), (&Value::Null, &json!("off")));
        assert_eq!(h["metadata"]["labels"]["vcluster.loft.sh/managed-by"], "t");
        pair.quiet().await?;
        Ok(())
    }

    async fn a_toleration_is_added_once_and_the_hosts_own_stay(pair: Pair) -> Result<()> {
        pair.configure(|ctx| ctx.pods.tolerations = vec![json!({"key": "tenants", "operator": "Exists"})]);
        furnish(&pair).await?;
        let h = mirrored(&pair, &pod("web", json!({}))).await?;
        let has = |pod: &Value, key: &str| pod["spec"]["tolerations"].as_array().into_iter().flatten().filter(|t| t["key"] == key).count();
        assert_eq!(has(&h, "tenants"), 1);
        let generation = h["metadata"]["generation"].as_i64().context("pods have generations")?;
        let v = get(&pair.tenant, &in_tenant("web")).await?;
        let mut all = v["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
        all.push(json!({"key": "more", "operator": "Exists", "effect": "NoSchedule"}));
        patch(&pair.tenant, &in_tenant("web"), &json!({"spec": {"tolerations": all}})).await?;
        pair.until(&pair.host, &on_host(&pair, "web"), |h| has(h, "more") == 1).await?;
        pair.quiet().await?;
        let h = get(&pair.host, &on_host(&pair, "web")).await?;
        assert_eq!((has(&h, "tenants"), has(&h, "more")), (1, 1));
        assert_eq!(h["metadata"]["generation"], generation + 1, "one write");
        Ok(())
    }

    async fn the_class_of_service_is_what_the_tenants_server_made_it(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        mirrored(&pair, &pod("web", json!({}))).await?;
        run(&pair, "web", "worker-1").await?;
        // As where the host's admission has added limits.
        report(&pair, "web", json!({"message": "reported"})).await?;
        let v = pair.until(&pair.tenant, &in_tenant("web"), |v| v["status"]["message"] == "reported").await?;
        assert_eq!(v["status"]["qosClass"], "BestEffort");
        Ok(())
    }

    async fn an_image_update_leaves_a_container_alone_that_the_host_has_added(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        mirrored(&pair, &pod("web", json!({}))).await?;
        // As a registry mirror of the host does it.
        let image = |image: &str| json!({"spec": {"containers": [{"name": "c", "image": image}]}});
        let before = get(&pair.host, &on_host(&pair, "web")).await?;
        let mut containers = before["spec"]["containers"].clone();
        containers[0]["image"] = json!("mirror.example/shop:1");
        patch(&pair.host, &on_host(&pair, "web"), &json!({"spec": {"containers": containers}})).await?;
        pair.quiet().await?;
        assert_eq!(get(&pair.host, &on_host(&pair, "web")).await?["spec"]["containers"][0]["image"], "mirror.example/shop:1", "it stands");
        strategic(&pair, &in_tenant("web"), &image("registry.example/shop:2")).await?;
        pair.until(&pair.host, &on_host(&pair, "web"), |h| h["spec"]["containers"][0]["image"] == "registry.example/shop:2").await?;
        Ok(())
    }

    async fn a_deleted_pod_stops_in_its_own_time_and_how_it_ended_is_told(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        mirrored(&pair, &pod("web", json!({}))).await?;
        run(&pair, "web", "worker-1").await?;
        pair.until(&pair.tenant, &in_tenant("web"), |v| v["status"]["phase"] == "Running").await?;
        delete_with(&pair.tenant, &in_tenant("web"), &json!({"gracePeriodSeconds": 17})).await?;
        let h = pair.until(&pair.host, &on_host(&pair, "web"), |h| h["metadata"]["deletionTimestamp"].is_string()).await?;
        assert_eq!(h["metadata"]["deletionGracePeriodSeconds"], 17);
        report(&pair, "web", json!({"phase": "Succeeded"})).await?;
        pair.until(&pair.tenant, &in_tenant("web"), |v| v["status"]["phase"] == "Succeeded").await?;
        stopped(&pair, "web").await?;
        pair.until(&pair.tenant, &in_tenant("web"), Value::is_null).await?;
        Ok(())
    }

    async fn a_pod_that_the_host_deletes_is_deleted_and_none_that_ran_comes_again(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        mirrored(&pair, &pod("evicted", json!({}))).await?;
        run(&pair, "evicted", "worker-1").await?;
        pair.until(&pair.tenant, &in_tenant("evicted"), |v| v["status"]["phase"] == "Running").await?;
        delete_with(&pair.host, &on_host(&pair, "evicted"), &json!({"gracePeriodSeconds": 9})).await?;
        let v = pair.until(&pair.tenant, &in_tenant("evicted"), |v| v["metadata"]["deletionTimestamp"].is_string()).await?;
        assert_eq!(v["metadata"]["deletionGracePeriodSeconds"], 9);
        stopped(&pair, "evicted").await?;
        pair.until(&pair.tenant, &in_tenant("evicted"), Value::is_null).await?;

        mirrored(&pair, &pod("lost", json!({}))).await?;
        run(&pair, "lost", "worker-1").await?;
        pair.until(&pair.tenant, &in_tenant("lost"), |v| v["status"]["startTime"].is_string()).await?;
        pair.quiet().await?;
        pair.stop().await;
        stopped(&pair, "lost").await?;
        pair.start();
        pair.until(&pair.tenant, &in_tenant("lost"), Value::is_null).await?;
        pair.quiet().await?;
        assert_eq!(get(&pair.host, &on_host(&pair, "lost")).await?, Value::Null);
        Ok(())
    }

    async fn a_new_pod_of_the_same_name_replaces_the_one_on_the_host(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let first = mirrored(&pair, &pod("web", json!({}))).await?;
        pair.quiet().await?;
        pair.stop().await;
        delete_with(&pair.tenant, &in_tenant("web"), &json!({"gracePeriodSeconds": 0})).await?;
        let second = create(&pair.tenant, PODS, &pod("web", json!({}))).await?;
        pair.start();
        let is_of = |h: &Value| h["metadata"]["annotations"]["vcluster.loft.sh/object-uid"] == second["metadata"]["uid"];
        let h = pair.until(&pair.host, &on_host(&pair, "web"), is_of).await?;
        assert_ne!(h["metadata"]["uid"], first["metadata"]["uid"]);
        pair.quiet().await?;
        assert_eq!(get(&pair.tenant, &in_tenant("web")).await?["metadata"]["uid"], second["metadata"]["uid"], "it is not taken for one that ran");
        Ok(())
    }

    async fn long_names_are_cut_and_found_again_by_their_annotations(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let name = format!("{}.{}", "a".repeat(60), "b".repeat(100));
        let h = mirrored(&pair, &pod(&name, json!({}))).await?;
        assert_eq!(h["metadata"]["name"].as_str().map(str::len), Some(63));
        assert_eq!(h["metadata"]["annotations"]["vcluster.loft.sh/object-name"], name);
        run(&pair, &name, "worker-1").await?;
        pair.until(&pair.tenant, &in_tenant(&name), |v| v["status"]["phase"] == "Running").await?;
        Ok(())
    }

    async fn affinities_look_at_the_tenants_own_pods_only(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "shop"}}});
        let spread = json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "shop"}}}]);
        let spec = json!({"affinity": {"podAntiAffinity": {required: [term]}}, "topologySpreadConstraints": spread});
        let h = mirrored(&pair, &pod("web", spec)).await?;
        let confined = json!({"app": "shop", "vcluster.loft.sh/managed-by": "t", "vcluster.loft.sh/namespace": "default"});
        assert_eq!(h["spec"]["affinity"]["podAntiAffinity"][required][0]["labelSelector"]["matchLabels"], confined);
        assert_eq!(h["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"], confined);
        Ok(())
    }

    async fn a_pod_against_the_security_standard_stays_and_its_owner_is_told(pair: Pair) -> Result<()> {
        // It is there before the standard is: the tenant's own API server would refuse it once its namespace is labelled.
        pair.stop().await;
        furnish(&pair).await?;
        create(&pair.tenant, PODS, &pod("bad", json!({"hostNetwork": true}))).await?;
        pair.configure(|ctx| ctx.pods.security = PodSecurity::Baseline);
        mirrored(&pair, &pod("good", json!({}))).await?;
        let of_bad = |events: &Value| -> bool {
            let items = events["items"].as_array().into_iter().flatten();
            items.filter(|event| event["involvedObject"]["name"] == "bad").any(|event| {
                event["reason"] == "Forbidden" && event["message"].as_str().is_some_and(|told| told.contains("hostNetwork"))
            })
        };
        pair.until(&pair.tenant, "/api/v1/namespaces/default/events", of_bad).await?;
        assert_eq!(get(&pair.host, &on_host(&pair, "bad")).await?, Value::Null);
        let enforced = |namespace: &Value| namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline";
        pair.until(&pair.tenant, "/api/v1/namespaces/default", enforced).await?;
        let late = create(&pair.tenant, PODS, &pod("late", json!({"hostNetwork": true}))).await;
        if pair.tenant.is_real() {
            let refused = late.expect_err("its own API server knows the standard, too");
            assert!(format!("{refused:#}").contains("violates PodSecurity"), "{refused:#}");
        }
        Ok(())
    }

    async fn a_quota_of_the_host_is_told_in_words_of_the_tenant(pair: Pair) -> Result<()> {
        furnish(&pair).await?;
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"},
            "spec": {"hard": {"requests.cpu": "1"}}, "status": {"hard": {"requests.cpu": "1"}, "used": {"requests.cpu": "0"}}});
        pair.host.seed(&[{
            let mut quota = quota;
            quota["metadata"]["namespace"] = json!(pair.namespace);
            quota
        }])
        .await?;
        let containers = json!([{"name": "c", "image": "i", "resources": {"requests": {"cpu": "4"}}}]);
        create(&pair.tenant, PODS, &pod("big", json!({"containers": containers}))).await?;
        let told = |events: &Value| -> Option<String> {
            let items = events["items"].as_array().into_iter().flatten();
            items.filter(|event| event["involvedObject"]["name"] == "big").find_map(|event| event["message"].as_str().map(str::to_owned))
        };
        let events = pair.until(&pair.tenant, "/api/v1/namespaces/default/events", |events| told(events).is_some()).await?;
        let told = told(&events).context("it is told")?;
        assert!(told.contains("exceeded quota") && told.contains("requests.cpu=4") && told.contains("requests.cpu=1"), "{told}");
        assert!(!told.contains("-x-") && !told.contains(&pair.namespace), "no name of the host: {told}");
        Ok(())
    }
}

fn get_token(secret: &Value) -> Result<String> {
    let text = secret["data"]["token-0"].as_str().context("the Secret holds a token")?;
    Ok(String::from_utf8(STANDARD.decode(text)?)?)
}

async fn strategic(pair: &Pair, path: &str, change: &Value) -> Result<Value> {
    send(&pair.tenant, "PATCH", path, "application/strategic-merge-patch+json", change).await
}
