//! Who is behind a Service, as EndpointSlices and Endpoints say it. The tests write the status of pods: no node runs any.

use crate::hosts::{Host, gone, until};
use anyhow::Result;
use serde_json::{Value, json};

/// A namespace with a node of the test's own.
struct Stage {
    host: Host,
    namespace: String,
    node: String,
}

impl Stage {
    async fn set(kit: v9s_testkit::host::Host, stem: &str) -> Result<Self> {
        let host = crate::hosts::Host::of(kit).await?;
        let namespace = host.furnished(stem).await?;
        let node = host.named(stem);
        let labels = json!({"topology.kubernetes.io/zone": "z"});
        host.post("/api/v1/nodes", &json!({"metadata": {"name": node, "labels": labels}}))
            .await?
            .expect_code(201)?;
        Ok(Self { host, namespace, node })
    }

    fn path(&self, plural: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}", self.namespace)
    }

    fn slices(&self) -> String {
        format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", self.namespace)
    }

    async fn service(&self, spec: Value) -> Result<Value> {
        let mut service = json!({"metadata": {"name": "web", "labels": {"l": "v"}}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}});
        for (key, value) in spec.as_object().into_iter().flatten() {
            service["spec"][key] = value.clone();
        }
        self.host.post(&self.path("services"), &service).await?.expect_code(201)
    }

    /// A pod on a node, with an address.
    async fn pod(&self, name: &str, node: &str, address: &str, ready: bool) -> Result<()> {
        let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}, "finalizers": ["example.org/hold"]}, "spec": {"nodeName": node, "hostname": name, "subdomain": "web",
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "i:1", "ports": [{"name": "http", "containerPort": 8080}]}]}});
        self.host.post(&self.path("pods"), &pod).await?.expect_code(201)?;
        let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}});
        self.host
            .patch(&format!("{}/{name}/status", self.path("pods")), "strategic", &status)
            .await?
            .expect_code(200)?;
        Ok(())
    }

    /// Lets go of a pod and of the node.
    async fn strike(&self, pods: &[&str]) -> Result<()> {
        for name in pods {
            let path = format!("{}/{name}", self.path("pods"));
            self.host.patch(&path, "merge", &json!({"metadata": {"finalizers": null}})).await?;
            self.host.delete(&format!("{path}?gracePeriodSeconds=0")).await?;
            gone(&self.host, &path).await?;
        }
        self.host.delete(&format!("/api/v1/nodes/{}", self.node)).await?;
        Ok(())
    }
}

/// The endpoints of a list of slices by the name of their pod: name, whether ready, serving and terminating.
fn endpoints(list: &Value) -> Vec<(String, [bool; 3])> {
    let slices = list["items"].as_array().cloned().unwrap_or_default();
    let all = slices.iter().flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
    let mut found: Vec<_> = all
        .map(|endpoint| {
            let is = |key: &str| endpoint["conditions"][key] == true;
            (
                endpoint["targetRef"]["name"].as_str().unwrap_or_default().to_owned(),
                ["ready", "serving", "terminating"].map(is),
            )
        })
        .collect();
    found.sort();
    found
}

/// The names behind an older Endpoints: ready ones and others.
fn behind(endpoints: &Value) -> [Vec<String>; 2] {
    ["addresses", "notReadyAddresses"].map(|list| {
        let subsets = endpoints["subsets"].as_array().cloned().unwrap_or_default();
        let all = subsets.iter().flat_map(|subset| subset[list].as_array().cloned().unwrap_or_default());
        let mut names: Vec<String> =
            all.map(|address| address["targetRef"]["name"].as_str().unwrap_or_default().to_owned()).collect();
        names.sort();
        names
    })
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn ready_ones_others_and_those_that_go_are_told_apart(kit: Host) -> anyhow::Result<()> {
        let stage = Stage::set(kit, "behind").await?;
        stage.service(json!({})).await?;
        stage.pod("a", &stage.node, "10.9.0.1", true).await?;
        stage.pod("b", &stage.node, "10.9.0.2", false).await?;
        stage.pod("c", &stage.node, "10.9.0.3", true).await?;
        stage.host.delete(&format!("{}/c", stage.path("pods"))).await?.expect_code(200)?;
        let expected = [("a", [true, true, false]), ("b", [false, false, false]), ("c", [false, true, true])].map(|(name, is)| (name.to_owned(), is));
        let list = until(&stage.host, &stage.slices(), |list| endpoints(list) == expected).await?;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
        let slice = &list["items"][0];
        assert_eq!((&slice["addressType"], &slice["ports"]), (&json!("IPv4"), &json!([{"name": "", "port": 8080, "protocol": "TCP"}])));
        let labels = json!({"l": "v", "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"});
        assert_eq!(slice["metadata"]["labels"], labels);
        let a = slice["endpoints"].as_array().into_iter().flatten().find(|endpoint| endpoint["targetRef"]["name"] == "a").cloned().unwrap_or_default();
        assert_eq!((&a["zone"], &a["nodeName"], &a["hostname"], &a["addresses"]), (&json!("z"), &json!(stage.node), &json!("a"), &json!(["10.9.0.1"])));
        let older = until(&stage.host, &format!("{}/web", stage.path("endpoints")), |found| behind(found) == [named(&["a"]), named(&["b"])]).await?;
        assert_eq!(older["metadata"]["labels"], json!({"l": "v", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}));
        let address = &older["subsets"][0]["addresses"][0];
        assert_eq!((&address["ip"], &address["nodeName"], &address["hostname"]), (&json!("10.9.0.1"), &json!(stage.node), &json!("a")));
        assert_eq!(older["subsets"][0]["ports"], json!([{"port": 8080, "protocol": "TCP"}]));
        stage.strike(&["a", "b", "c"]).await
    }

    async fn who_need_not_be_ready_is_told_as_ready(kit: Host) -> anyhow::Result<()> {
        let stage = Stage::set(kit, "early").await?;
        stage.service(json!({"publishNotReadyAddresses": true, "clusterIP": "None"})).await?;
        stage.pod("a", &stage.node, "10.9.1.1", false).await?;
        stage.pod("b", "nowhere", "10.9.1.2", false).await?;
        stage.pod("c", &stage.node, "10.9.1.3", true).await?;
        stage.host.delete(&format!("{}/c", stage.path("pods"))).await?.expect_code(200)?;
        let expected = [("a", [true, false, false]), ("b", [true, false, false]), ("c", [true, true, true])].map(|(name, is)| (name.to_owned(), is));
        let list = until(&stage.host, &stage.slices(), |list| endpoints(list) == expected).await?;
        assert_eq!(list["items"][0]["metadata"]["labels"]["service.kubernetes.io/headless"], "");
        let older = until(&stage.host, &format!("{}/web", stage.path("endpoints")), |found| behind(found) == [named(&["a", "b", "c"]), Vec::new()]).await?;
        assert_eq!(older["metadata"]["labels"]["service.kubernetes.io/headless"], "");
        stage.strike(&["a", "b", "c"]).await
    }

    async fn whose_node_does_not_exist_is_left_out(kit: Host) -> anyhow::Result<()> {
        let stage = Stage::set(kit, "stray").await?;
        stage.service(json!({})).await?;
        stage.pod("a", &stage.node, "10.9.2.1", true).await?;
        let later = stage.host.named("later");
        stage.pod("b", &later, "10.9.2.2", true).await?;
        let said = |list: &Value| list["items"].as_array().into_iter().flatten().any(|event| event["reason"] == "FailedToUpdateEndpointSlices");
        let events = until(&stage.host, &stage.path("events"), said).await?;
        let event = events["items"].as_array().into_iter().flatten().find(|event| event["reason"] == "FailedToUpdateEndpointSlices").cloned().unwrap_or_default();
        let message = format!("Error updating Endpoint Slices for Service {0}/web: skipping Pod b for Service {0}/web: Node {later} Not Found", stage.namespace);
        assert_eq!((&event["message"], &event["source"]["component"]), (&json!(message), &json!("endpoint-slice-controller")));
        let only = [("a".to_owned(), [true, true, false])];
        until(&stage.host, &stage.slices(), |list| endpoints(list) == only).await?;
        // The older object asks nobody for nodes.
        until(&stage.host, &format!("{}/web", stage.path("endpoints")), |found| behind(found) == [named(&["a", "b"]), Vec::new()]).await?;
        stage.host.post("/api/v1/nodes", &json!({"metadata": {"name": later}})).await?.expect_code(201)?;
        until(&stage.host, &stage.slices(), |list| endpoints(list).len() == 2).await?;
        stage.host.delete(&format!("/api/v1/nodes/{later}")).await?.expect_code(200)?;
        stage.strike(&["a", "b"]).await
    }

    async fn a_service_with_nobody_behind_it_says_so(kit: Host) -> anyhow::Result<()> {
        let stage = Stage::set(kit, "nobody").await?;
        stage.service(json!({})).await?;
        let empty = |list: &Value| list["items"].as_array().is_some_and(|items| items.len() == 1 && items[0]["endpoints"].is_null());
        let list = until(&stage.host, &stage.slices(), empty).await?;
        assert_eq!(list["items"][0]["ports"], Value::Null);
        let older = until(&stage.host, &format!("{}/web", stage.path("endpoints")), |_| true).await?;
        assert_eq!(older.get("subsets"), None);
        stage.pod("a", &stage.node, "10.9.3.1", true).await?;
        let full = until(&stage.host, &stage.slices(), |list| endpoints(list).len() == 1).await?;
        assert_eq!(full["items"][0]["metadata"]["uid"], list["items"][0]["metadata"]["uid"], "the slice is the same, filled");
        stage.strike(&["a"]).await?;
        until(&stage.host, &stage.slices(), empty).await?;
        Ok(())
    }
}

v9s_testkit::both_hosts! {
    #![needs(controllers, dual_stack)]

    async fn a_service_of_both_families_has_slices_of_both(kit: Host) -> anyhow::Result<()> {
        let stage = Stage::set(kit, "families").await?;
        let made = stage.service(json!({"ipFamilyPolicy": "PreferDualStack"})).await?;
        assert_eq!(made["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
        stage.pod("a", &stage.node, "10.9.4.1", true).await?;
        let both = json!({"status": {"podIPs": [{"ip": "10.9.4.1"}, {"ip": "fd00:9::1"}]}});
        stage.host.patch(&format!("{}/a/status", stage.path("pods")), "merge", &both).await?.expect_code(200)?;
        let addresses = |list: &Value| -> Vec<(String, String)> {
            let slices = list["items"].as_array().cloned().unwrap_or_default();
            let mut all: Vec<_> = slices.iter().map(|slice| (slice["addressType"].as_str().unwrap_or_default().to_owned(), slice["endpoints"][0]["addresses"].to_string())).collect();
            all.sort();
            all
        };
        let expected = [("IPv4", "[\"10.9.4.1\"]"), ("IPv6", "[\"fd00:9::1\"]")].map(|(family, list)| (family.to_owned(), list.to_owned()));
        until(&stage.host, &stage.slices(), |list| addresses(list) == expected).await?;
        // The older object knows one family only: that of the address.
        let older = until(&stage.host, &format!("{}/web", stage.path("endpoints")), |found| behind(found)[0].len() == 1).await?;
        assert_eq!(older["subsets"][0]["addresses"][0]["ip"], "10.9.4.1");
        let single = json!({"spec": {"ipFamilyPolicy": "SingleStack"}});
        let changed = stage.host.patch(&format!("{}/web", stage.path("services")), "merge", &single).await?.expect_code(200)?;
        assert_eq!((&changed["spec"]["ipFamilies"], changed["spec"]["clusterIPs"].as_array().map(Vec::len)), (&json!(["IPv4"]), Some(1)));
        until(&stage.host, &stage.slices(), |list| addresses(list) == expected[..1]).await?;
        stage.strike(&["a"]).await
    }

    async fn families_and_addresses_go_together(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let services = format!("/api/v1/namespaces/{}/services", host.namespace("policies").await?);
        let mut lines = String::new();
        let cases = [
            json!({}),
            json!({"ipFamilyPolicy": "PreferDualStack"}),
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}),
            json!({"ipFamilies": ["IPv6"]}),
            json!({"ipFamilies": ["IPv6", "IPv4"]}),
            json!({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}),
            json!({"ipFamilies": ["IPv4", "IPv4"]}),
            json!({"ipFamilies": ["IPv5"]}),
            json!({"ipFamilyPolicy": "Odd"}),
            json!({"clusterIP": "fd00:96::77"}),
            json!({"clusterIP": "fd00:96::78", "ipFamilies": ["IPv4"]}),
            json!({"clusterIP": "10.96.0.201", "clusterIPs": ["10.96.0.201", "fd00:96::79"]}),
            json!({"clusterIP": "10.96.0.202", "clusterIPs": ["10.96.0.202", "fd00:96::7a"], "ipFamilyPolicy": "PreferDualStack"}),
            json!({"clusterIP": "10.96.0.203", "clusterIPs": ["10.96.0.203", "10.96.0.204"], "ipFamilyPolicy": "PreferDualStack"}),
            json!({"clusterIP": "10.96.0.205", "clusterIPs": ["10.96.0.206"]}),
            json!({"clusterIPs": ["10.96.0.207"]}),
            json!({"clusterIP": "None", "clusterIPs": ["None", "10.96.0.208"]}),
            json!({"clusterIP": "None"}),
            json!({"clusterIP": "None", "ipFamilyPolicy": "PreferDualStack"}),
            json!({"clusterIP": "None", "selector": null}),
            json!({"clusterIP": "None", "selector": null, "ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}),
            json!({"clusterIP": "fd01::1"}),
            json!({"clusterIP": "192.168.0.1"}),
            json!({"clusterIP": "nonsense"}),
        ];
        for case in cases {
            let mut service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}});
            for (key, value) in case.as_object().into_iter().flatten() {
                service["spec"][key] = value.clone();
            }
            let answer = host.post(&services, &service).await?;
            lines.push_str(&format!("{case}\n    {}\n", told(&answer)));
            host.delete(&format!("{services}/s")).await?;
        }
        insta::assert_snapshot!("families", lines);
        Ok(())
    }

    async fn families_come_and_go(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let services = format!("/api/v1/namespaces/{}/services", host.namespace("changes").await?);
        let mut lines = String::new();
        let paths: [(Value, &[Value]); 4] = [
            (json!({}), &[
                json!({"ipFamilyPolicy": "PreferDualStack"}),
                json!({"ipFamilyPolicy": "RequireDualStack"}),
                json!({"ipFamilies": ["IPv4"]}),
                json!({"ipFamilies": ["IPv6", "IPv4"]}),
                json!({"ipFamilyPolicy": "SingleStack"}),
                json!({"type": "ExternalName", "externalName": "x.example.org"}),
                json!({"type": "ClusterIP", "externalName": null}),
            ]),
            (json!({"ipFamilyPolicy": "RequireDualStack"}), &[
                json!({"clusterIP": "10.96.0.209"}),
                json!({"clusterIP": "10.96.0.209", "clusterIPs": ["10.96.0.209", "fd00:96::99"]}),
                json!({"ipFamilyPolicy": "PreferDualStack"}),
                json!({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}),
                json!({"ports": [{"port": 81}]}),
            ]),
            (json!({"clusterIP": "None"}), &[
                json!({"ipFamilyPolicy": "PreferDualStack"}),
                json!({"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}),
            ]),
            (json!({"type": "NodePort"}), &[
                json!({"ports": [{"port": 80, "protocol": "TCP"}, {"port": 81, "name": "b", "protocol": "TCP"}]}),
                json!({"type": "ClusterIP"}),
            ]),
        ];
        for (start, changes) in paths {
            let mut service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}});
            for (key, value) in start.as_object().into_iter().flatten() {
                service["spec"][key] = value.clone();
            }
            lines.push_str(&format!("{start}\n    {}\n", told(&host.post(&services, &service).await?)));
            for change in changes {
                let answer = host.patch(&format!("{services}/s"), "merge", &json!({"spec": change})).await?;
                lines.push_str(&format!("  {change}\n    {}\n", told(&answer)));
            }
            host.delete(&format!("{services}/s")).await?;
        }
        insta::assert_snapshot!("changes", lines);
        Ok(())
    }
}

/// The families and addresses of a Service, or why it was refused. Addresses that were chosen are not told.
fn told(answer: &crate::hosts::Answer) -> String {
    if answer.code >= 300 {
        let message = answer.refusal().2;
        let chosen = regex::Regex::new("10\\.96\\.[0-9.]+|fd00:96::[0-9a-f:]+").map(|chosen| {
            chosen
                .replace_all(&message, |found: &regex::Captures<'_>| chosen_or_given(&found[0]))
                .into_owned()
        });
        return format!("{} {}", answer.code, chosen.unwrap_or(message));
    }
    let service = answer.json();
    let spec = &service["spec"];
    let shown: Vec<String> = spec["clusterIPs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|ip| chosen_or_given(ip.as_str().unwrap_or_default()))
        .collect();
    let first = spec["clusterIP"].as_str().map(chosen_or_given);
    let ports: Vec<bool> =
        spec["ports"].as_array().into_iter().flatten().map(|port| port["nodePort"].is_i64()).collect();
    format!("{} {} {first:?} {shown:?} node ports {ports:?}", spec["ipFamilies"], spec["ipFamilyPolicy"])
}

/// An address that a test gave is shown, any other by its family.
fn chosen_or_given(address: &str) -> String {
    // All are of the lowest 256 of their range, from which none is drawn by chance.
    let exact = ["fd00:96::77", "fd00:96::78", "fd00:96::79", "fd00:96::7a", "fd00:96::99", "None"];
    let given = exact.contains(&address) || address.starts_with("10.96.0.20");
    match (given, address.contains(':')) {
        (true, _) => address.to_owned(),
        (false, true) => "an IPv6 address".to_owned(),
        (false, false) => "an IPv4 address".to_owned(),
    }
}
