//! Events: what was said stays said in `events.k8s.io/v1`, and not in `v1`.

use crate::hosts::{Host, both};
use anyhow::Result;
use serde_json::{Value, json};

/// The events of a new namespace in both versions, with one event `e` of the new kind.
async fn with_event(host: &Host, stem: &str) -> Result<(String, String)> {
    let namespace = host.namespace(stem).await?;
    let old = format!("/api/v1/namespaces/{namespace}/events");
    let new = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    host.post(&new, &event("e", &namespace)).await?.expect_code(201)?;
    Ok((old, new))
}

fn event(name: &str, namespace: &str) -> Value {
    json!({"metadata": {"name": name}, "regarding": {"kind": "Pod", "name": "p", "namespace": namespace}, "reason": "R", "note": "M",
        "type": "Normal", "eventTime": "2026-01-01T00:00:00.000001Z", "action": "A", "reportingController": "x.y/c", "reportingInstance": "i"})
}

both! {
    async fn what_an_event_says_stays_in_the_new_version(host: Host) -> Result<()> {
        let (old, new) = with_event(&host, "saidevents").await?;
        let namespace = host.named("saidevents");
        let changes = [
            json!({"note": "N"}),
            json!({"reason": "S"}),
            json!({"type": "Warning"}),
            json!({"action": "B"}),
            json!({"reportingController": "x.y/d"}),
            json!({"reportingInstance": "j"}),
            json!({"regarding": {"name": "q"}}),
            json!({"related": {"kind": "Node", "name": "n"}}),
            json!({"deprecatedCount": 2}),
            json!({"deprecatedSource": {"component": "c"}}),
            json!({"deprecatedFirstTimestamp": "2026-01-01T00:00:00Z"}),
            json!({"eventTime": "2026-01-01T00:00:00.000002Z"}),
            json!({"note": "N", "action": "B"}),
            json!({"series": {"count": 1}}),
            json!({"reportingController": "a b"}),
        ];
        let about = |name: &str| json!({"Kind": "Pod", "Namespace": namespace, "Name": name, "UID": "", "APIVersion": "", "ResourceVersion": "", "FieldPath": ""});
        let mut told = Vec::new();
        for change in &changes {
            let (code, _, message) = host.patch(&format!("{new}/e"), "merge", change).await?.refusal();
            let message = message.strip_prefix("Event \"e\" is invalid: ").unwrap_or(&message).to_owned();
            told.push((code, message));
        }
        // The order of its fields is that of the real server's type.
        let go = |value: Value| {
            let order = ["Kind", "Namespace", "Name", "UID", "APIVersion", "ResourceVersion", "FieldPath"];
            let fields = order.map(|key| format!("{key:?}:{}", value[key]));
            format!("{{{}}}", fields.join(","))
        };
        let fixed = |field: &str, shown: &str| format!("{field}: Invalid value: {shown}: field is immutable");
        let node = json!({"Kind": "Node", "Namespace": "", "Name": "n", "UID": "", "APIVersion": "", "ResourceVersion": "", "FieldPath": ""});
        let qualified = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        let expected = [
            fixed("message", "\"N\""),
            fixed("reason", "\"S\""),
            fixed("type", "\"Warning\""),
            fixed("action", "\"B\""),
            fixed("reportingController", "\"x.y/d\""),
            fixed("reportingInstance", "\"j\""),
            fixed("involvedObject", &go(about("q"))),
            fixed("related", &go(node)),
            fixed("count", "2"),
            fixed("source", "{\"Component\":\"c\",\"Host\":\"\"}"),
            fixed("firstTimestamp", "\"2026-01-01T00:00:00Z\""),
            fixed("eventTime", "\"2026-01-01T00:00:00.000002Z\""),
            format!("[{}, {}]", fixed("message", "\"N\""), fixed("action", "\"B\"")),
            "[series.count: Invalid value: \"\": should be at least 2, series.lastObservedTime: Required value]".to_owned(),
            format!("[reportingController: Invalid value: \"a b\": {qualified}, {}]", fixed("reportingController", "\"a b\"")),
        ];
        assert_eq!(told, expected.map(|message| (422, message)));
        let series = json!({"metadata": {"labels": {"a": "b"}}, "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
        let gone_on = host.patch(&format!("{new}/e"), "merge", &series).await?.expect_code(200)?;
        assert_eq!((&gone_on["series"]["count"], &gone_on["metadata"]["labels"]["a"]), (&json!(2), &json!("b")));
        let changed = host.patch(&format!("{old}/e"), "merge", &json!({"message": "N", "count": 7, "type": "Odd"})).await?.expect_code(200)?;
        assert_eq!((&changed["message"], &changed["count"], &changed["type"]), (&json!("N"), &json!(7), &json!("Odd")));
        Ok(())
    }

    async fn an_event_of_the_new_version_is_complete(host: Host) -> Result<()> {
        let namespace = host.namespace("wholeevents").await?;
        let new = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let changes = [
            json!({"type": "Odd"}),
            json!({"deprecatedCount": 1, "deprecatedSource": {"host": "h"}, "deprecatedLastTimestamp": "2026-01-01T00:00:00Z"}),
            json!({"reportingController": null}),
            json!({"reportingInstance": null, "action": null, "reason": null}),
            json!({"series": {"count": 1, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}),
            json!({"regarding": {"namespace": null}}),
            json!({"note": "n".repeat(1025)}),
            json!({"action": "a".repeat(129)}),
            json!({"regarding": {"namespace": "other"}}),
        ];
        let mut told = Vec::new();
        for change in &changes {
            let mut event = event("e", &namespace);
            json_patch(&mut event, change);
            let (code, _, message) = host.post(&format!("{new}?dryRun=All"), &event).await?.refusal();
            let message = message.strip_prefix("Event \"e\" is invalid: ").unwrap_or(&message).to_owned();
            told.push((code, message));
        }
        let name = "name part must be non-empty";
        let form = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        let who = "reportingController";
        let expected: [(u16, String); 9] = [
            (422, "type: Invalid value: \"\": has invalid value: Odd".into()),
            (422, "[lastTimestamp: Invalid value: \"\": needs to be unset, count: Invalid value: \"\": needs to be unset, source: Invalid value: \"\": needs to be unset]".into()),
            (422, format!("[{who}: Required value, {who}: Invalid value: \"\": {name}, {who}: Invalid value: \"\": {form}]")),
            (422, "[reportingInstance: Required value, action: Required value, reason: Required value]".into()),
            (422, "series.count: Invalid value: \"\": should be at least 2".into()),
            (422, "involvedObject.namespace: Invalid value: \"\": does not match event.namespace".into()),
            (422, "message: Invalid value: \"\": can have at most 1024 characters".into()),
            (422, "action: Invalid value: \"\": can have at most 128 characters".into()),
            (201, String::new()),
        ];
        assert_eq!(told, expected);
        Ok(())
    }

    async fn an_event_of_the_old_version_with_a_time_is_complete_too(host: Host) -> Result<()> {
        let namespace = host.namespace("timedevents").await?;
        let old = format!("/api/v1/namespaces/{namespace}/events");
        let event = json!({"metadata": {"name": "e"}, "involvedObject": {"namespace": namespace}, "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingComponent": "a b", "reason": "R", "type": "Odd"});
        let (code, _, message) = host.post(&old, &event).await?.refusal();
        let form = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        let expected = format!("Event \"e\" is invalid: [reportingComponent: Invalid value: \"a b\": {form}, reportingInstance: Required value, action: Required value]");
        assert_eq!((code, message), (422, expected));
        Ok(())
    }
}

/// Lays fields over an object; null takes one away.
fn json_patch(object: &mut Value, change: &Value) {
    for (key, value) in change.as_object().into_iter().flatten() {
        match value {
            Value::Null => {
                object.as_object_mut().map(|fields| fields.remove(key));
            }
            Value::Object(_) => json_patch(&mut object[key], value),
            value => object[key] = value.clone(),
        }
    }
}
