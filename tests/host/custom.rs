//! Custom resource definitions and the resources they make.

use crate::hosts::{Host, both};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::time::Duration;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A definition with one version, in a group that no other test uses.
pub fn definition(host: &Host, stem: &str, schema: &Value) -> Value {
    let group = format!("{}.example.org", host.named(stem));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}}}]},
    })
}

/// The schema of most tests.
fn sized() -> Value {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
            "colour": {"type": "string", "enum": ["red", "green"]},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true},
            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"],
                    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}}}},
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}})
}

/// Creates a definition, waits until it is served and answers the path of its resource in a new namespace.
pub async fn served(host: &Host, stem: &str, definition: &Value) -> Result<String> {
    host.post(DEFINITIONS, definition).await?.expect_code(201)?;
    let spec = &definition["spec"];
    let (group, plural) =
        (spec["group"].as_str().unwrap_or(""), spec["names"]["plural"].as_str().unwrap_or(""));
    let version = spec["versions"][0]["name"].as_str().unwrap_or("");
    let everywhere = format!("/apis/{group}/{version}/{plural}");
    until(|| async { Ok(host.get(&everywhere).await?.code == 200) }).await.context("it is not served")?;
    // A real server goes on answering for a moment from what it knew before.
    until(|| async { Ok(discovered(host, &format!("/apis/{group}/{version}"), plural).await) }).await?;
    Ok(format!("/apis/{group}/{version}/namespaces/{}/{plural}", host.namespace(stem).await?))
}

async fn discovered(host: &Host, path: &str, plural: &str) -> bool {
    let Ok(answer) = host.get(path).await else { return false };
    answer.json()["resources"].as_array().into_iter().flatten().any(|resource| resource["name"] == plural)
}

/// Asks until the answer is yes; nobody waits that long unless something is wrong.
pub async fn until<F: Future<Output = Result<bool>>>(ask: impl Fn() -> F) -> Result<()> {
    let asking = async {
        while !ask().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.context("it never came true")?
}

fn widget(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

/// An object of the kind with its type, as real servers want it.
fn typed(path: &str, mut object: Value) -> Value {
    let mut parts = path.split('/').skip(2);
    object["apiVersion"] = json!(format!("{}/{}", parts.next().unwrap_or(""), parts.next().unwrap_or("")));
    object["kind"] = json!("Widget");
    object
}

both! {
    async fn a_definition_is_accepted_established_and_served(host: Host) -> Result<()> {
        let definition = definition(&host, "served", &sized());
        let made = host.post(DEFINITIONS, &definition).await?.expect_code(201)?;
        assert_eq!(made["spec"]["names"]["singular"], "widget");
        assert_eq!(made["spec"]["names"]["listKind"], "WidgetList");
        assert_eq!(made["spec"]["conversion"], json!({"strategy": "None"}));
        assert_eq!(made["status"], json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": null, "storedVersions": ["v1"]}));
        let path = format!("{DEFINITIONS}/{}", definition["metadata"]["name"].as_str().unwrap());
        until(|| async {
            let now = host.get(&path).await?.json();
            let conditions = now["status"]["conditions"].as_array().cloned().unwrap_or_default();
            Ok(conditions.iter().any(|c| c["type"] == "Established" && c["status"] == "True"))
        }).await?;
        let status = host.get(&path).await?.json()["status"].take();
        let told: Vec<Vec<&str>> = status["conditions"].as_array().unwrap().iter()
            .map(|c| ["type", "status", "reason", "message"].map(|k| c[k].as_str().unwrap()).to_vec()).collect();
        assert_eq!(told, [
            ["NamesAccepted", "True", "NoConflicts", "no conflicts found"],
            ["Established", "True", "InitialNamesAccepted", "the initial names have been accepted"],
        ]);
        assert_eq!(status["acceptedNames"], made["spec"]["names"]);
        let group = definition["spec"]["group"].as_str().unwrap();
        until(|| async { Ok(discovered(&host, &format!("/apis/{group}/v1"), "widgets").await) }).await?;
        let found = host.get(&format!("/apis/{group}/v1")).await?.json();
        let resource = |name: &str| found["resources"].as_array().unwrap().iter().find(|r| r["name"] == name).cloned().unwrap();
        let mut widgets = resource("widgets");
        assert!(widgets["storageVersionHash"].is_string());
        widgets.as_object_mut().unwrap().remove("storageVersionHash");
        assert_eq!(widgets, json!({"name": "widgets", "singularName": "widget", "namespaced": true, "kind": "Widget",
            "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
            "shortNames": ["wd"], "categories": ["all"]}));
        assert_eq!(resource("widgets/status"), json!({"name": "widgets/status", "singularName": "", "namespaced": true,
            "kind": "Widget", "verbs": ["get", "patch", "update"]}));
        let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        until(|| async { Ok(host.get_as("/apis", aggregated).await?.text.contains(group)) }).await?;
        Ok(())
    }

    async fn custom_objects_are_pruned_filled_in_and_counted(host: Host) -> Result<()> {
        let path = served(&host, "prune", &definition(&host, "prune", &sized())).await?;
        let body = typed(&path, json!({"metadata": {"name": "a"}, "extra": 1, "status": {"ready": true},
            "spec": {"colour": "red", "unknown": 1, "free": {"any": {"thing": [1]}}, "port": "http"}}));
        let answer = host.post(&path, &body).await?;
        let warnings: Vec<&str> = answer.headers.get_all("warning").iter().filter_map(|w| w.to_str().ok()).collect();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let made = answer.expect_code(201)?;
        assert_eq!(made["spec"], json!({"colour": "red", "free": {"any": {"thing": [1]}}, "port": "http", "size": 3}));
        assert!(made.get("extra").is_none() && made.get("status").is_none(), "{made}");
        assert_eq!(made["metadata"]["generation"], 1);
        let strict = host.post(&format!("{path}?fieldValidation=Strict"), &typed(&path, widget("b", json!({"unknown": 1})))).await?;
        let (code, reason, message) = strict.refusal();
        assert_eq!((code, reason.as_str()), (400, "BadRequest"));
        assert_eq!(message, "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.unknown\"");
        let patched = host.patch(&format!("{path}/a"), "merge", &json!({"spec": {"size": 4}})).await?.expect_code(200)?;
        assert_eq!(patched["metadata"]["generation"], 2);
        let status = host.patch(&format!("{path}/a/status"), "merge", &json!({"spec": {"size": 9}, "status": {"ready": true}})).await?.expect_code(200)?;
        assert_eq!((&status["metadata"]["generation"], &status["spec"]["size"], &status["status"]["ready"]), (&json!(2), &json!(4), &json!(true)));
        let main = host.patch(&format!("{path}/a"), "merge", &json!({"status": {"ready": false}})).await?.expect_code(200)?;
        assert_eq!((&main["metadata"]["generation"], &main["status"]["ready"]), (&json!(2), &json!(true)));
        let relabelled = host.patch(&format!("{path}/a"), "merge", &json!({"metadata": {"labels": {"x": "y"}}})).await?.expect_code(200)?;
        assert_eq!(relabelled["metadata"]["generation"], 2);
        Ok(())
    }

    async fn custom_objects_that_break_their_schema_are_refused(host: Host) -> Result<()> {
        let path = served(&host, "schema", &definition(&host, "schema", &sized())).await?;
        let group = path.split('/').nth(2).unwrap();
        let cases = [
            (json!({"size": 11}), "FieldValueInvalid", "spec.size", "Invalid value: 11: spec.size in body should be less than or equal to 10"),
            (json!({"size": 0}), "FieldValueInvalid", "spec.size", "Invalid value: 0: spec.size in body should be greater than or equal to 1"),
            (json!({"size": "x"}), "FieldValueTypeInvalid", "spec.size", "Invalid value: \"string\": spec.size in body must be of type integer: \"string\""),
            (json!({"colour": "blue"}), "FieldValueNotSupported", "spec.colour", "Unsupported value: \"blue\": supported values: \"red\", \"green\""),
            (json!({"parts": [{"count": 1}]}), "FieldValueRequired", "spec.parts[0].name", "Required value"),
            (json!({"tags": ["a", "a"]}), "FieldValueDuplicate", "spec.tags[1]", "Duplicate value: \"a\""),
            (json!({"parts": [{"name": "p"}, {"name": "p"}]}), "FieldValueDuplicate", "spec.parts[1]", "Duplicate value: {\"name\":\"p\"}"),
        ];
        for (spec, reason, field, message) in cases {
            let answer = host.post(&path, &typed(&path, widget("bad", spec.clone()))).await?;
            let status = answer.expect_code(422)?;
            assert_eq!(status["details"]["causes"], json!([{"reason": reason, "message": message, "field": field}]), "{spec}");
            assert_eq!(status["message"], format!("Widget.{group} \"bad\" is invalid: {field}: {message}"));
            assert_eq!(status["details"]["kind"], "Widget");
        }
        Ok(())
    }

    async fn custom_objects_are_written_by_the_rules_of_all_objects(host: Host) -> Result<()> {
        let path = served(&host, "writes", &definition(&host, "writes", &sized())).await?;
        let group = path.split('/').nth(2).unwrap().to_owned();
        let made = host.post(&path, &typed(&path, widget("a", json!({"size": 1})))).await?.expect_code(201)?;
        let one = format!("{path}/a");
        let mut blind = made.clone();
        blind["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        let (code, _, message) = host.put(&one, &blind).await?.refusal();
        assert_eq!(code, 422);
        assert_eq!(message, format!("widgets.{group} \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"));
        let (code, reason, _) = host.patch(&one, "strategic", &json!({"spec": {"size": 2}})).await?.refusal();
        assert_eq!((code, reason.as_str()), (415, "UnsupportedMediaType"));
        let mut newer = made;
        newer["spec"]["size"] = json!(2);
        let replaced = host.put(&one, &newer).await?.expect_code(200)?;
        assert_eq!(replaced["metadata"]["generation"], 2);
        let (code, reason, message) = host.put(&one, &newer).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"), "{message}");
        let listed = host.get(&path).await?.json();
        assert_eq!((&listed["kind"], &listed["items"][0]["kind"]), (&json!("WidgetList"), &json!("Widget")));
        assert_eq!(listed["items"][0]["apiVersion"], format!("{group}/v1"));
        host.delete(&path).await?.expect_code(200)?;
        assert_eq!(host.get(&path).await?.names(), Vec::<String>::new());
        Ok(())
    }

    async fn custom_objects_are_applied_by_their_schema(host: Host) -> Result<()> {
        let path = served(&host, "apply", &definition(&host, "apply", &sized())).await?;
        let one = format!("{path}/a");
        let by = |manager: &str| format!("{one}?fieldManager={manager}");
        let body = |spec: Value| typed(&path, json!({"metadata": {"name": "a"}, "spec": spec}));
        host.patch(&by("first"), "apply", &body(json!({"parts": [{"name": "x", "count": 1}], "tags": ["t"]}))).await?.expect_code(201)?;
        let second = host.patch(&by("second"), "apply", &body(json!({"parts": [{"name": "y"}], "tags": ["u"]}))).await?.expect_code(200)?;
        assert_eq!(second["spec"]["parts"], json!([{"name": "x", "count": 1}, {"name": "y"}]));
        assert_eq!(second["spec"]["tags"], json!(["t", "u"]));
        let owned = second["metadata"]["managedFields"].as_array().unwrap().iter().find(|m| m["manager"] == "second").unwrap().clone();
        assert_eq!(owned["fieldsV1"], json!({"f:spec": {"f:parts": {"k:{\"name\":\"y\"}": {".": {}, "f:name": {}}}, "f:tags": {"v:\"u\"": {}}}}));
        let (code, reason, message) = host.patch(&by("second"), "apply", &body(json!({"parts": [{"name": "x", "count": 2}]}))).await?.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"));
        assert_eq!(message, "Apply failed with 1 conflict: conflict with \"first\": .spec.parts[name=\"x\"].count");
        let (code, _, message) = host.patch(&by("third"), "apply", &body(json!({"nonsense": 1}))).await?.refusal();
        assert_eq!(code, 500);
        assert!(message.ends_with(".spec.nonsense: field not declared in schema"), "{message}");
        Ok(())
    }

    async fn rules_of_a_definition_are_evaluated(host: Host) -> Result<()> {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object",
            "required": ["min", "max"],
            "properties": {"min": {"type": "integer"}, "max": {"type": "integer"}},
            "x-kubernetes-validations": [
                {"rule": "self.min <= self.max", "message": "min must not be above max"},
                {"rule": "self.max >= oldSelf.max", "messageExpression": "'max may ' + 'only grow'", "reason": "FieldValueForbidden"}]}}});
        let path = served(&host, "cel", &definition(&host, "cel", &schema)).await?;
        let status = host.post(&path, &typed(&path, widget("a", json!({"min": 3, "max": 2})))).await?.expect_code(422)?;
        let cause = &status["details"]["causes"][0];
        assert_eq!((&cause["reason"], &cause["field"]), (&json!("FieldValueInvalid"), &json!("spec")));
        assert!(cause["message"].as_str().unwrap().ends_with(": min must not be above max"), "{cause}");
        host.post(&path, &typed(&path, widget("a", json!({"min": 1, "max": 2})))).await?.expect_code(201)?;
        host.patch(&format!("{path}/a"), "merge", &json!({"spec": {"max": 5}})).await?.expect_code(200)?;
        let status = host.patch(&format!("{path}/a"), "merge", &json!({"spec": {"max": 4}})).await?.expect_code(422)?;
        assert_eq!(status["details"]["causes"][0], json!({"reason": "FieldValueForbidden", "message": "Forbidden: max may only grow", "field": "spec"}));
        Ok(())
    }

    async fn custom_objects_scale_where_their_definition_says(host: Host) -> Result<()> {
        let mut definition = definition(&host, "scale", &json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
            "status": {"type": "object", "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}}}}}));
        definition["spec"]["versions"][0]["subresources"]["scale"] =
            json!({"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.selector"});
        let path = served(&host, "scale", &definition).await?;
        host.post(&path, &typed(&path, widget("a", json!({"size": 2})))).await?.expect_code(201)?;
        host.patch(&format!("{path}/a/status"), "merge", &json!({"status": {"size": 1, "selector": "app=a"}})).await?.expect_code(200)?;
        let scale = host.get(&format!("{path}/a/scale")).await?.expect_code(200)?;
        assert_eq!((&scale["kind"], &scale["apiVersion"]), (&json!("Scale"), &json!("autoscaling/v1")));
        assert_eq!((&scale["spec"], &scale["status"]), (&json!({"replicas": 2}), &json!({"replicas": 1, "selector": "app=a"})));
        let scaled = host.patch(&format!("{path}/a/scale"), "merge", &json!({"spec": {"replicas": 5}})).await?.expect_code(200)?;
        assert_eq!(scaled["spec"]["replicas"], 5);
        let now = host.get(&format!("{path}/a")).await?.json();
        assert_eq!((&now["spec"]["size"], &now["metadata"]["generation"]), (&json!(5), &json!(2)));
        host.post(&path, &typed(&path, widget("none", json!({})))).await?.expect_code(201)?;
        let (code, _, message) = host.get(&format!("{path}/none/scale")).await?.refusal();
        assert_eq!((code, message.as_str()), (500, "Internal error occurred: the spec replicas field \".spec.size\" does not exist"));
        Ok(())
    }

    async fn tables_of_custom_objects_have_the_columns_of_their_definition(host: Host) -> Result<()> {
        let mut definition = definition(&host, "columns", &sized());
        definition["spec"]["versions"][0]["additionalPrinterColumns"] = json!([
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "description": "How big"},
            {"name": "First", "type": "string", "jsonPath": ".spec.parts[0].name", "priority": 1},
            {"name": "Ready", "type": "boolean", "jsonPath": ".status.ready"}]);
        let path = served(&host, "columns", &definition).await?;
        host.post(&path, &typed(&path, widget("a", json!({"size": 2, "parts": [{"name": "p"}]})))).await?.expect_code(201)?;
        let table = host.get_as(&path, "application/json;as=Table;v=v1;g=meta.k8s.io").await?.expect_code(200)?;
        let columns: Vec<(&str, &str, i64)> = table["columnDefinitions"].as_array().unwrap().iter()
            .map(|c| (c["name"].as_str().unwrap(), c["type"].as_str().unwrap(), c["priority"].as_i64().unwrap())).collect();
        assert_eq!(columns, [("Name", "string", 0), ("Size", "integer", 0), ("First", "string", 1), ("Ready", "boolean", 0)]);
        assert_eq!(table["rows"][0]["cells"], json!(["a", 2, "p", null]));
        Ok(())
    }

    async fn versions_without_conversion_show_the_same_object(host: Host) -> Result<()> {
        let mut definition = definition(&host, "versions", &sized());
        let mut old = definition["spec"]["versions"][0].clone();
        old["name"] = json!("v1beta1");
        old["storage"] = json!(false);
        old["deprecated"] = json!(true);
        definition["spec"]["versions"].as_array_mut().unwrap().push(old);
        let path = served(&host, "versions", &definition).await?;
        let group = path.split('/').nth(2).unwrap();
        host.post(&path, &typed(&path, widget("a", json!({"size": 2})))).await?.expect_code(201)?;
        let beta = path.replace("/v1/", "/v1beta1/");
        let answer = host.get(&format!("{beta}/a")).await?;
        let warning = answer.headers.get("warning").and_then(|w| w.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!(warning, format!("299 - \"{group}/v1beta1 Widget is deprecated; use {group}/v1 Widget\""));
        let shown = answer.expect_code(200)?;
        assert_eq!((&shown["apiVersion"], &shown["spec"]["size"]), (&json!(format!("{group}/v1beta1")), &json!(2)));
        let patched = host.patch(&format!("{beta}/a"), "merge", &json!({"spec": {"size": 3}})).await?.expect_code(200)?;
        assert_eq!(patched["apiVersion"], format!("{group}/v1beta1"));
        assert_eq!(host.get(&format!("{path}/a")).await?.json()["spec"]["size"], 3);
        let groups = host.get(&format!("/apis/{group}")).await?.json();
        assert_eq!(groups["preferredVersion"]["version"], "v1");
        Ok(())
    }

    async fn a_definition_goes_with_its_objects(host: Host) -> Result<()> {
        let definition = definition(&host, "gone", &sized());
        let path = served(&host, "gone", &definition).await?;
        let own = format!("{DEFINITIONS}/{}", definition["metadata"]["name"].as_str().unwrap());
        let group = definition["spec"]["group"].as_str().unwrap();
        let mut held = typed(&path, widget("held", json!({})));
        held["metadata"]["finalizers"] = json!(["example.org/hold"]);
        host.post(&path, &held).await?.expect_code(201)?;
        host.post(&path, &typed(&path, widget("loose", json!({})))).await?.expect_code(201)?;
        let mut watch = host.watch(&format!("{path}?watch=true&resourceVersion=0")).await?;
        watch.seen(2).await?;
        let marked = host.delete(&own).await?.expect_code(200)?;
        assert!(marked["metadata"]["deletionTimestamp"].is_string(), "{marked}");
        assert_eq!(marked["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
        until(|| async { Ok(host.get(&path).await?.names() == ["held"]) }).await?;
        let (code, _, message) = host.post(&path, &typed(&path, widget("late", json!({})))).await?.refusal();
        let why = "create not allowed while custom resource definition is terminating";
        assert_eq!((code, message), (403, format!("widgets.{group} \"late\" is forbidden: {why}")));
        host.patch(&format!("{path}/held"), "merge", &json!({"metadata": {"finalizers": null}})).await?.expect_code(200)?;
        until(|| async { Ok(host.get(&own).await?.code == 404) }).await?;
        until(|| async { Ok(host.get(&path).await?.code == 404) }).await?;
        let mut types = Vec::new();
        while let Some(event) = watch.next().await? {
            types.push(event["type"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(types.iter().filter(|t| *t == "DELETED").count(), 2, "{types:?}");
        Ok(())
    }

    async fn definitions_that_make_no_sense_are_refused(host: Host) -> Result<()> {
        let sound = definition(&host, "broken", &sized());
        let name = sound["metadata"]["name"].as_str().unwrap().to_owned();
        let schema = |schema: Value| move |d: &mut Value| d["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema.clone();
        type Change = Box<dyn Fn(&mut Value) + Send + Sync>;
        let cases: Vec<(Change, &str, &str)> = vec![
            (Box::new(|d| d["metadata"]["name"] = json!("x.example.org")), "metadata.name", "Invalid value: \"x.example.org\": must be spec.names.plural+\".\"+spec.group"),
            (Box::new(|d| d["spec"]["scope"] = json!("World")), "spec.scope", "Unsupported value: \"World\": supported values: \"Cluster\", \"Namespaced\""),
            (Box::new(|d| d["spec"]["versions"][0]["schema"] = json!(null)), "spec.versions[0].schema.openAPIV3Schema", "Required value"),
            (Box::new(schema(json!({"type": "object", "properties": {"a": {}}}))), "spec.validation.openAPIV3Schema.properties[a].type", "Required value: must not be empty for specified object fields"),
            (Box::new(schema(json!({"type": "object", "properties": {"a": {"type": "array"}}}))), "spec.validation.openAPIV3Schema.properties[a].items", "Required value: must be specified"),
            (Box::new(schema(json!({"type": "string"}))), "spec.validation.openAPIV3Schema.type", "Invalid value: \"string\": must be object at the root"),
        ];
        for (change, field, message) in cases {
            let mut broken = sound.clone();
            change(&mut broken);
            let status = host.post(DEFINITIONS, &broken).await?.expect_code(422)?;
            let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
            assert!(causes.iter().any(|c| c["field"] == field && c["message"] == message), "{name}: {field}: {causes:#?}");
        }
        Ok(())
    }
}
