//! What `kubectl get` is told to show: the columns of every built-in kind, and the rows of those that are rarely looked at.

use crate::hosts::{Host, both};
use anyhow::Result;
use serde_json::{Value, json};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The paths of all built-in kinds that can be listed, by group and plural.
async fn kinds(host: &Host) -> Result<Vec<(String, String)>> {
    let mut versions = vec!["/api/v1".to_owned()];
    for group in host.get("/apis").await?.json()["groups"].as_array().into_iter().flatten() {
        let name = group["name"].as_str().unwrap_or_default();
        // Definitions of other tests are no built-in kinds.
        if name.ends_with(".k8s.io") || !name.contains('.') {
            versions.push(format!(
                "/apis/{}",
                group["preferredVersion"]["groupVersion"].as_str().unwrap_or_default()
            ));
        }
    }
    let mut kinds = Vec::new();
    for version in versions {
        for resource in host.get(&version).await?.json()["resources"].as_array().into_iter().flatten() {
            let name = resource["name"].as_str().unwrap_or_default();
            let listed = resource["verbs"].as_array().is_some_and(|verbs| verbs.contains(&json!("list")));
            if listed && !name.contains('/') {
                kinds.push((format!("{version}/{name}"), name.to_owned()));
            }
        }
    }
    kinds.sort();
    Ok(kinds)
}

/// Objects of rare kinds, and the paths of their collections.
fn rare(name: &str, namespace: &str) -> Vec<(String, Value)> {
    let of = |path: &str, mut object: Value| {
        object["metadata"] = json!({"name": name});
        (path.replace("NAMESPACE", namespace), object)
    };
    vec![
        of(
            "/apis/storage.k8s.io/v1/volumeattributesclasses",
            json!({"driverName": "d.example.org", "parameters": {"a": "b"}}),
        ),
        of(
            "/apis/storage.k8s.io/v1/namespaces/NAMESPACE/csistoragecapacities",
            json!({"storageClassName": "c", "capacity": "1024Mi"}),
        ),
        of(
            "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
            json!({"spec": {"type": "Limited", "limited": {
            "nominalConcurrencyShares": 7, "limitResponse": {"type": "Queue", "queuing": {"queues": 8, "handSize": 2, "queueLengthLimit": 9}}}}}),
        ),
        of("/apis/resource.k8s.io/v1/deviceclasses", json!({"spec": {}})),
        of("/apis/resource.k8s.io/v1/namespaces/NAMESPACE/resourceclaims", json!({"spec": {}})),
        of(
            "/apis/resource.k8s.io/v1/namespaces/NAMESPACE/resourceclaimtemplates",
            json!({"spec": {"spec": {}}}),
        ),
        of(
            "/apis/resource.k8s.io/v1/resourceslices",
            json!({"spec": {"driver": "d.example.org", "nodeName": "n",
            "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1}}}),
        ),
        of(
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            json!({"spec": {"signerName": "example.org/s", "usages": ["client auth"],
            "expirationSeconds": 3600, "request": REQUEST}}),
        ),
        of("/apis/networking.k8s.io/v1/servicecidrs", json!({"spec": {"cidrs": ["10.250.0.0/24"]}})),
    ]
}

/// A certificate signing request in PEM, in base64.
const REQUEST: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISE1HNENBUUF3RERFS01BZ0dBMVVFQXd3QmVEQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCRGJEblNKc1htU0NySktGR1ZaRndVVmZIWTZyR0RuN1VQZi9DNHV0YkNuR2tUd2xXNDlOdkVVZ1ZGamZEN3lXCmRRa2lZN3Bla0ZnTHkwS0xyUEc5UnVDZ0FEQUtCZ2dxaGtqT1BRUURBZ05KQURCR0FpRUFtTG9hd0YvNmQ2VTYKL21wZ09nWE0yWkFzNFNnREFqbUsxaTAySENNbXpZTUNJUURCMUtacXFSc0Z6QVpoYUNEVlVtUDlNZXE3WXphdwppNUV3OHVBcEFYWEFLZz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

both! {
    async fn every_kind_has_its_columns(host: Host) -> Result<()> {
        let mut lines = String::new();
        for (path, _) in kinds(&host).await? {
            let table = host.get_as(&format!("{path}?limit=1"), TABLE).await?.expect_code(200)?;
            let columns = table["columnDefinitions"].as_array().into_iter().flatten().map(|column| {
                let text = |key: &str| column[key].as_str().unwrap_or_default();
                let mark = |mark: &str, on: bool| if on { mark.to_owned() } else { String::new() };
                let kind = mark(&format!(":{}", text("type")), text("type") != "string");
                let format = mark(&format!(":{}", text("format")), !text("format").is_empty());
                format!("{}{kind}{format}{}", text("name"), mark(":wide", column["priority"] != 0))
            });
            lines.push_str(&format!("{path}: {}\n", columns.collect::<Vec<_>>().join(", ")));
        }
        insta::assert_snapshot!("columns", lines);
        Ok(())
    }

    async fn rare_kinds_have_their_rows(host: Host) -> Result<()> {
        let namespace = host.namespace("place").await?;
        let name = host.named("rare");
        let mut lines = String::new();
        for (path, object) in rare(&name, &namespace) {
            let made = host.post(&path, &object).await?;
            if made.code != 201 {
                lines.push_str(&format!("{path}: {}\n", made.refusal().2));
                continue;
            }
            let table = host.get_as(&format!("{path}/{name}"), TABLE).await?.expect_code(200)?;
            let cells = table["rows"][0]["cells"].to_string();
            host.delete(&format!("{path}/{name}")).await?;
            lines.push_str(&format!("{path}: {cells}\n"));
        }
        let ages = regex::Regex::new("\"([0-9]+s|[0-9]{4}-[0-9-]+T[0-9:]+Z)\"")?;
        let mut masked = ages.replace_all(&lines, "\"AGE\"").into_owned();
        for (found, shown) in [(namespace.as_str(), "NAMESPACE"), (&name, "NAME"), ("kubernetes-admin", "ADMIN"), ("sandbox-admin", "ADMIN")] {
            masked = masked.replace(found, shown);
        }
        insta::assert_snapshot!("rows", masked);
        Ok(())
    }

    async fn a_bookmark_is_a_row_of_what_was_asked_for(host: Host) -> Result<()> {
        let mut lines = String::new();
        let namespace = host.namespace("bookmarks").await?;
        for kind in ["configmaps", "pods", "events", "resourcequotas"] {
            for include in ["None", "Metadata", "Object"] {
                let query = "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=60";
                let path = format!("/api/v1/namespaces/{namespace}/{kind}?{query}&includeObject={include}");
                let mut watch = host.watch_as(&path, TABLE).await?;
                // A new namespace gets an object or two of its own where controllers run.
                let event = loop {
                    let event = watch.event().await?;
                    if event["type"] == "BOOKMARK" {
                        break event;
                    }
                };
                let version = event["object"]["metadata"]["resourceVersion"].as_str().unwrap_or_default();
                // What columns say is prose.
                let mut event = event.clone();
                for column in event["object"]["columnDefinitions"].as_array_mut().into_iter().flatten() {
                    *column = column["name"].clone();
                }
                let text = event.to_string().replace(&format!("\"{version}\""), "\"VERSION\"");
                lines.push_str(&format!("{kind} {include}: {text}\n"));
            }
        }
        insta::assert_snapshot!("bookmarks", lines);
        Ok(())
    }
}
