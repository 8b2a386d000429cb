use crate::hosts::both;
use serde_json::json;
both! {
    async fn probe(host: Host) -> Result<()> {
        for path in ["/api/v1/nothings", "/apis/no.such/v1/things", "/apis/apps/v7/deployments", "/apis/apps/v1/nothings", "/apis/apiextensions.k8s.io/v1/nothings", "/apis/example.org/v1/x", "/api/v1/namespaces/default/nodes", "/api/v1/pods/a", "/api/v1/namespaces/default/configmaps/a/status", "/api/v2/pods", "/nothing", "/api/v1/namespaces/default/pods/a/nothing", "/apis/apps/v7", "/apis/none", "/livez/none", "/openapi", "/"] {
            let answer = host.get(path).await?;
            eprintln!("{path}: {} {:?} {}", answer.code, answer.headers.get("content-type"), answer.text);
        }
        let a = host.get_as("/api/v1/namespaces/default/configmaps", "text/html").await?;
        eprintln!("406: {:?} {}", a.headers, a.text);
        for (t, b) in [("application/json", "{}"), ("text/plain", "{}"), ("application/apply-patch+cbor", "{}")] {
        let answer = host.send(http::Method::PATCH, "/api/v1/namespaces/default/configmaps/a", &[("content-type", t)], b.into()).await?;
        eprintln!("{t} {answer:?}"); }
        let maps = host.config_maps("probe").await?;
        for (kind, api_version) in [("Pod", "v1"), ("Deployment", "apps/v1"), ("Nothing", "v1"), ("ConfigMap", "apps/v1"), ("", "v1"), ("ConfigMap", ""), ("Pod", "")] {
            let object = json!({"kind": kind, "apiVersion": api_version, "metadata": {"name": "a"}});
            eprintln!("{kind} {api_version}: {}", host.post(&maps, &object).await?.text);
        }
        for body in ["", "nonsense", "[]", "{\"metadata\":{\"name\":7}}", "{\"data\":{\"a\":1}}", "{\"data\":[]}", "{\"metadata\":7}", "{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":null}},\"data\":{\"b\":null}}"] {
            let answer = host.send(http::Method::POST, &maps, &[("content-type", "application/json")], body.into()).await?;
            eprintln!("{body:?} {}", answer.text);
        }
        let answer = host.send(http::Method::POST, &maps, &[("content-type", "text/plain")], b"{}".to_vec()).await?;
        eprintln!("text/plain {answer:?}");
        eprintln!("{}", host.patch(&format!("{maps}/b?fieldManager=me"), "apply", &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})).await?.text);
        eprintln!("nokind {}", host.patch(&format!("{maps}/b?fieldManager=me"), "apply", &json!({"metadata": {"name": "b"}})).await?.text);
        eprintln!("badkind {}", host.patch(&format!("{maps}/b?fieldManager=me"), "apply", &json!({"apiVersion": "v1", "kind": "Pod","metadata": {"name": "b"}})).await?.text);
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?;
        eprintln!("rename {}", host.patch(&format!("{maps}/a"), "merge", &json!({"metadata": {"name": "b"}})).await?.text);
        eprintln!("badpatch {}", host.patch(&format!("{maps}/a"), "merge", &json!([])).await?.text);
        eprintln!("badpatch {}", host.patch(&format!("{maps}/a"), "merge", &json!({"data": {"x": 1}})).await?.text);
        eprintln!("badpatch {}", host.patch(&format!("{maps}/a"), "json", &json!({"a": "list"})).await?.text);
        eprintln!("badpatch {}", host.patch(&format!("{maps}/a"), "json", &json!([{"op": "test", "path": "/data/x", "value": "1"}])).await?.text);
        eprintln!("badpatch {}", host.patch(&format!("{maps}/a"), "json", &json!([{"op": "add", "path": "/nothing/x", "value": "1"}])).await?.text);
        eprintln!("badpatch {}", host.patch(&format!("{maps}/a"), "strategic", &json!({"data": {"$patch": "x"}})).await?.text);
        for q in ["limit=abc", "limit=-1", "continue=nonsense", "labelSelector=a%3D%3D%3Db", "labelSelector=a%3Dx%20y", "fieldSelector=x", "timeoutSeconds=x", "resourceVersion=abc", "resourceVersionMatch=Exact", "resourceVersion=1&resourceVersionMatch=Exact"] {
            eprintln!("{q} {}", host.get(&format!("{maps}?{q}")).await?.text);
        }
        eprintln!("watch old {}", host.get(&format!("{maps}?watch=1&resourceVersion=1&timeoutSeconds=1")).await?.text);
        eprintln!("get rv {}", host.get(&format!("{maps}/a?resourceVersion=99999999")).await?.text);
        eprintln!("lab {}", host.post(&maps, &json!({"metadata": {"name": "a", "labels": {"x": "-", "-": "a"}, "finalizers": ["nodomain"], "ownerReferences": [{"name": "x"}]}})).await?.text);
        eprintln!("evict {}", host.post(&format!("{}/pods/x/eviction", maps.trim_end_matches("/configmaps")), &json!({})).await?.text);
        eprintln!("head {:?}", host.send(http::Method::HEAD, &maps, &[], vec![]).await?);
        eprintln!("options {:?}", host.send(http::Method::OPTIONS, &maps, &[], vec![]).await?);
        eprintln!("getheaders {:?}", host.get(&maps).await?.headers);
        Ok(())
    }
}
