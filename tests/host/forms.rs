//! In which forms bodies come and answers go: JSON, YAML, protobuf, indented, with fields that stand twice.

use crate::hosts::both;
use http::Method;
use serde_json::{Value, json};

const YAML: (&str, &str) = ("content-type", "application/yaml");
const JSON: (&str, &str) = ("content-type", "application/json");
const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");
const PROTOBUF: (&str, &str) = ("content-type", "application/vnd.kubernetes.protobuf");

/// A field of a protobuf message that holds bytes.
fn bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// A ConfigMap as typed Go clients send it.
fn config_map(name: &str, key: &str, value: &str) -> Vec<u8> {
    let types = [bytes(1, b"v1"), bytes(2, b"ConfigMap")].concat();
    // Name, an empty namespace, an empty creation time; then the data.
    let metadata = [bytes(1, name.as_bytes()), bytes(3, b""), bytes(8, b"")].concat();
    let entry = [bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat();
    let object = [bytes(1, &metadata), bytes(2, &entry)].concat();
    [b"k8s\0".to_vec(), bytes(1, &types), bytes(2, &object), bytes(3, b""), bytes(4, b"")].concat()
}

both! {
    async fn objects_come_in_yaml_and_protobuf_too(host: Host) -> Result<()> {
        let maps = host.config_maps("bodies").await?;
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: b\n";
        let made = host.send(Method::POST, &maps, &[YAML], text.into()).await?.expect_code(201)?;
        assert_eq!(made["data"], json!({"a": "b"}));
        let body = config_map("binary", "a", "c");
        let made = host.send(Method::POST, &maps, &[PROTOBUF], body).await?.expect_code(201)?;
        assert_eq!(made["data"], json!({"a": "c"}));
        assert_eq!(made["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:data": {".": {}, "f:a": {}}}));
        let (code, reason, _) = host.send(Method::POST, &maps, &[PROTOBUF], b"k8s\0nonsense".to_vec()).await?.refusal();
        assert_eq!((code, reason.as_str()), (400, "BadRequest"));
        let (code, reason, _) = host.send(Method::POST, &maps, &[("content-type", "text/csv")], b"a,b".to_vec()).await?.refusal();
        assert_eq!((code, reason.as_str()), (415, "UnsupportedMediaType"));
        Ok(())
    }

    async fn answers_go_in_yaml_and_indented(host: Host) -> Result<()> {
        let maps = host.config_maps("answers").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a");
        let yaml = host.get_as(&path, "application/yaml").await?;
        assert_eq!(yaml.headers["content-type"], "application/yaml");
        let read: Value = serde_saphyr::from_str(&yaml.text)?;
        assert_eq!(read, host.get(&path).await?.json());
        let missing = host.get_as(&format!("{maps}/b"), "application/yaml").await?;
        let read: Value = serde_saphyr::from_str(&missing.text)?;
        assert_eq!((missing.code, &read["reason"]), (404, &json!("NotFound")));
        let watch = host.get_as(&format!("{maps}?watch=1"), "application/yaml").await?;
        assert_eq!(watch.code, 406);
        let indented = host.get(&format!("{path}?pretty=true")).await?.text;
        assert!(indented.starts_with("{\n  \"kind\": \"ConfigMap\",\n  \"apiVersion\": \"v1\",\n"), "{indented}");
        let plain = host.send(Method::GET, &path, &[("user-agent", "curl/8")], Vec::new()).await?.text;
        assert!(plain.starts_with("{\n  \"kind\""), "{plain}");
        let plain = host.send(Method::GET, &format!("{path}?pretty=0"), &[("user-agent", "curl/8")], Vec::new()).await?.text;
        assert!(plain.starts_with("{\"kind\""), "{plain}");
        Ok(())
    }

    async fn fields_that_stand_twice_are_told_or_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("twice").await?;
        let object = r#"{"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "name": "b", "zzz": 1, "labels": {"x": "1", "x": "2"}}, "foo": 1, "data": {"k": "1", "k": "2"}}"#;
        let strict = host.send(Method::POST, &format!("{maps}?fieldValidation=Strict"), &[JSON], object.into()).await?;
        let expected = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: duplicate field \
            \"metadata.name\", unknown field \"metadata.zzz\", duplicate field \"metadata.labels.x\", unknown field \"foo\", \
            duplicate field \"data.k\"";
        assert_eq!(strict.refusal(), (400, "BadRequest".to_owned(), expected.to_owned()));
        let told = host.send(Method::POST, &maps, &[JSON], object.into()).await?;
        let warnings: Vec<_> = told.headers.get_all("warning").iter().filter_map(|v| v.to_str().ok()).collect();
        assert_eq!(warnings.len(), 5, "{warnings:?}");
        assert_eq!(warnings[0], "299 - \"duplicate field \\\"metadata.name\\\"\"");
        assert_eq!(told.expect_code(201)?["data"], json!({"k": "2"}));
        let ignored = host.send(Method::POST, &format!("{maps}?fieldValidation=Ignore&dryRun=All"), &[JSON], object.replace("\"b\"", "\"c\"").into()).await?;
        assert_eq!((ignored.code, ignored.headers.get("warning")), (201, None));
        Ok(())
    }

    async fn keys_that_stand_twice_in_yaml_are_told_with_their_lines(host: Host) -> Result<()> {
        let maps = host.config_maps("lines").await?;
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  zzz: 1\ndata:\n  k: \"1\"\n  k: \"2\"\n";
        let strict = host.send(Method::POST, &format!("{maps}?fieldValidation=Strict"), &[YAML], text.into()).await?;
        let expected = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal \
            errors:\n  line 8: key \"k\" already set in map, unknown field \"metadata.zzz\"";
        assert_eq!(strict.refusal(), (400, "BadRequest".to_owned(), expected.to_owned()));
        let told = host.send(Method::POST, &maps, &[YAML], text.into()).await?;
        assert_eq!(told.headers["warning"], "299 - \"line 8: key \\\"k\\\" already set in map\"");
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"1\"\n  k: \"2\"\n";
        let path = format!("{maps}/a?fieldManager=m&force=true&fieldValidation=Strict");
        let strict = host.send(Method::PATCH, &path, &[APPLY], text.into()).await?;
        let expected = "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key \"k\" already set in map";
        assert_eq!(strict.refusal(), (400, "BadRequest".to_owned(), expected.to_owned()));
        Ok(())
    }

    async fn patches_are_held_to_the_same(host: Host) -> Result<()> {
        let maps = host.config_maps("patches").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let path = format!("{maps}/a?fieldValidation=Strict");
        let patch = r#"{"metadata": {"labels": {"x": "1", "x": "2"}, "foo": 1}}"#;
        let strategic = ("content-type", "application/strategic-merge-patch+json");
        let (code, reason, message) = host.send(Method::PATCH, &path, &[strategic], patch.into()).await?.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert_eq!(message, " \"\" is invalid: patch: Invalid value: \"map[metadata:map[foo:1 labels:map[x:2]]]\": strict decoding \
            error: duplicate field \"metadata.labels.x\", unknown field \"metadata.foo\"");
        let json_patch = ("content-type", "application/json-patch+json");
        let patch = r#"[{"op": "add", "op": "add", "path": "/foo", "value": 1}]"#;
        let (code, _, message) = host.send(Method::PATCH, &path, &[json_patch], patch.into()).await?.refusal();
        assert_eq!(code, 422);
        assert!(message.ends_with("strict decoding error: json patch duplicate field \"[0].op\", unknown field \"foo\""), "{message}");
        let patch = r#"[{"op": "replace", "path": "/data", "value": {"a": "b"}}]"#;
        let patched = host.send(Method::PATCH, &path, &[json_patch], patch.into()).await?.expect_code(200)?;
        assert_eq!(patched["data"], json!({"a": "b"}), "the server replaces what is not there");
        Ok(())
    }

    async fn empty_fields_are_left_out_where_go_leaves_them_out(host: Host) -> Result<()> {
        let pods = format!("/api/v1/namespaces/{}/pods", host.namespace("empty").await?);
        let pod = json!({"metadata": {"name": "p", "labels": {}, "annotations": {}, "finalizers": []}, "spec": {
            "hostNetwork": false, "nodeSelector": {}, "terminationGracePeriodSeconds": 0, "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [{"name": "c", "image": "i", "command": [], "tty": false, "env": [{"name": "A", "value": ""}]}]}});
        let made = host.post(&pods, &pod).await?.expect_code(201)?;
        let spec = &made["spec"];
        for (object, field) in [(&made["metadata"], "labels"), (&made["metadata"], "finalizers"), (spec, "hostNetwork"),
            (spec, "nodeSelector"), (&spec["containers"][0], "command"), (&spec["containers"][0], "tty")] {
            assert!(object.get(field).is_none(), "{field}: {object}");
        }
        assert_eq!((&spec["terminationGracePeriodSeconds"], &spec["volumes"][0]), (&json!(0), &json!({"name": "v", "emptyDir": {}})));
        assert_eq!(spec["containers"][0]["env"], json!([{"name": "A"}]));
        // What must be there is there, but an empty list may come back as none at all.
        let roles = pods.replace("/api/v1", "/apis/rbac.authorization.k8s.io/v1").replace("/pods", "/roles");
        let made = host.post(&roles, &json!({"metadata": {"name": "r"}, "rules": []})).await?.expect_code(201)?;
        assert_eq!(made["rules"].as_array().map_or(0, Vec::len), 0);
        Ok(())
    }
}
