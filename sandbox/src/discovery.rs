//! Discovery: what is served, in the old form (a document per group version) and the aggregated one.

use serde_json::{Value, json};

use crate::kinds::{Kind, Kinds, Subresource};

/// The media type parameters of aggregated discovery in version `v2` or `v2beta1`.
pub fn aggregated_media_type(version: &str) -> String {
    format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList")
}

/// `/api`: the versions of the core group. `address` is where clients reach the server.
pub fn core_versions(kinds: &Kinds, address: &str) -> Value {
    let groups = kinds.groups();
    let versions = groups.iter().find(|(group, _)| group.is_empty()).map(|(_, versions)| versions.clone());
    json!({
        "kind": "APIVersions",
        "versions": versions.unwrap_or_default(),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`: all groups but the core one.
pub fn groups(kinds: &Kinds) -> Value {
    let groups = kinds.groups();
    let named = groups.iter().filter(|(group, _)| !group.is_empty());
    let list: Vec<Value> = named.map(|(group, versions)| group_entry(group, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})
}

/// `/apis/GROUP`; none when the group is not served.
pub fn group(kinds: &Kinds, name: &str) -> Option<Value> {
    let groups = kinds.groups();
    let (group, versions) = groups.iter().find(|(group, _)| group == name && !group.is_empty())?;
    let mut entry = group_entry(group, versions);
    entry["kind"] = json!("APIGroup");
    entry["apiVersion"] = json!("v1");
    Some(entry)
}

fn group_entry(group: &str, versions: &[smol_str::SmolStr]) -> Value {
    let version = |version: &smol_str::SmolStr| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({
        "name": group,
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(version),
    })
}

/// `/api/v1` and `/apis/GROUP/VERSION`: the resources of one group version; none when it is not served.
pub fn resources(kinds: &Kinds, group: &str, version: &str) -> Option<Value> {
    let mut list = Vec::new();
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        list.push(resource_entry(kind));
        list.extend(kind.subresources.iter().map(|sub| subresource_entry(kind, sub)));
    }
    if list.is_empty() {
        return None;
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut document = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list});
    if !group.is_empty() {
        // The core group's document has none, and clients compare.
        document["apiVersion"] = json!("v1");
    }
    Some(document)
}

fn resource_entry(kind: &Kind) -> Value {
    let mut entry = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
        "kind": kind.kind, "verbs": kind.verbs,
    });
    words(&mut entry, kind);
    if let Some(hash) = &kind.storage_version_hash {
        entry["storageVersionHash"] = json!(hash);
    }
    entry
}

fn words(entry: &mut Value, kind: &Kind) {
    if !kind.short_names.is_empty() {
        entry["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
}

fn subresource_entry(kind: &Kind, sub: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", kind.plural, sub.name), "singularName": "", "namespaced": kind.namespaced,
        "kind": sub.kind, "verbs": sub.verbs,
    });
    for (key, value) in [("group", &sub.group), ("version", &sub.version)] {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    entry
}

/// `/api` (`core`) or `/apis` in the aggregated form; `version` is `v2` or `v2beta1`.
pub fn aggregated(kinds: &Kinds, core: bool, version: &str) -> Value {
    let groups = kinds.groups();
    let wanted = groups.iter().filter(|(group, _)| group.is_empty() == core);
    let items: Vec<Value> = wanted
        .map(|(group, versions)| {
            let metadata = if core { json!({}) } else { json!({"name": group}) };
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let of_version = kinds.iter().filter(|k| k.group == *group && k.version == *version);
                    let resources: Vec<Value> = of_version.map(|kind| aggregated_entry(kind)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items,
    })
}

fn aggregated_entry(kind: &Kind) -> Value {
    let mut entry = json!({
        "resource": kind.plural,
        "responseKind": {"group": "", "version": "", "kind": kind.kind},
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": kind.verbs,
    });
    words(&mut entry, kind);
    if !kind.subresources.is_empty() {
        let subresources: Vec<Value> = kind
            .subresources
            .iter()
            .map(|sub| {
                let group = sub.group.as_deref().unwrap_or_default();
                let version = sub.version.as_deref().unwrap_or_default();
                json!({
                    "subresource": sub.name,
                    "responseKind": {"group": group, "version": version, "kind": sub.kind},
                    "verbs": sub.verbs,
                })
            })
            .collect();
        entry["subresources"] = json!(subresources);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_group_stands_apart() {
        let kinds = Kinds::builtin();
        assert_eq!(core_versions(kinds, "127.0.0.1:1")["versions"], json!(["v1"]));
        let groups = groups(kinds);
        let names: Vec<&str> =
            groups["groups"].as_array().into_iter().flatten().filter_map(|g| g["name"].as_str()).collect();
        assert!(names.contains(&"apps") && !names.contains(&""), "{names:?}");
        assert_eq!(group(kinds, "apps").map(|g| g["preferredVersion"]["version"].clone()), Some(json!("v1")));
        assert_eq!(group(kinds, "nowhere.example"), None);
    }

    #[test]
    fn both_forms_name_the_same_resources() {
        let kinds = Kinds::builtin();
        for (core, group, version) in [(true, "", "v1"), (false, "apps", "v1"), (false, "batch", "v1")] {
            let old = resources(kinds, group, version).expect("served");
            let old: Vec<String> = old["resources"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|r| r["name"].as_str().map(str::to_owned))
                .collect();
            let new = aggregated(kinds, core, "v2");
            let item = new["items"].as_array().into_iter().flatten();
            let mut item = item.filter(|item| core || item["metadata"]["name"] == group);
            let found = item.next().expect("the group");
            let mut names = Vec::new();
            for resource in found["versions"][0]["resources"].as_array().into_iter().flatten() {
                let name = resource["resource"].as_str().unwrap_or_default().to_owned();
                let subs = resource["subresources"].as_array().cloned().unwrap_or_default();
                names.push(name.clone());
                names.extend(
                    subs.iter().filter_map(|s| s["subresource"].as_str()).map(|s| format!("{name}/{s}")),
                );
            }
            assert_eq!(names, old, "{group}/{version}");
        }
        assert_eq!(resources(kinds, "apps", "v9"), None);
    }

    #[test]
    fn a_subresource_of_another_group_says_so() {
        let apps = resources(Kinds::builtin(), "apps", "v1").expect("served");
        let list = apps["resources"].as_array().cloned().unwrap_or_default();
        let scale = list.iter().find(|r| r["name"] == "deployments/scale").expect("scale");
        assert_eq!((&scale["group"], &scale["kind"]), (&json!("autoscaling"), &json!("Scale")));
    }
}
