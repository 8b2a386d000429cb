//! Lists: versions, pages, selectors, forms.

use crate::hosts::{both, name, version};
use serde_json::json;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

both! {
    async fn a_list_has_the_version_of_the_store(host: Host) -> Result<()> {
        let maps = host.config_maps("listversion").await?;
        let empty = host.get(&maps).await?.expect_code(200)?;
        assert!(version(&empty) > 0, "{empty}");
        assert_eq!(empty["items"], json!([]));
        let created = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let list = host.get(&maps).await?.expect_code(200)?;
        assert!(version(&list) >= version(&created) && version(&created) > version(&empty));
        Ok(())
    }

    async fn items_of_built_in_lists_do_not_say_what_they_are(host: Host) -> Result<()> {
        let maps = host.config_maps("listitems").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        let list = host.get(&maps).await?.expect_code(200)?;
        assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("ConfigMapList"), &json!("v1")));
        assert!(list["items"][0].get("kind").is_none() && list["items"][0].get("apiVersion").is_none());
        let one = host.get(&format!("{maps}/a")).await?.expect_code(200)?;
        assert_eq!((&one["kind"], &one["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
        Ok(())
    }

    async fn pages_show_one_moment(host: Host) -> Result<()> {
        let maps = host.config_maps("pages").await?;
        for name in ["a", "b", "c", "d", "e"] {
            host.post(&maps, &json!({"metadata": {"name": name}})).await?.expect_code(201)?;
        }
        let first = host.get(&format!("{maps}?limit=2")).await?;
        assert_eq!(first.names(), ["a", "b"]);
        let first = first.json();
        assert_eq!(first["metadata"]["remainingItemCount"], 3);
        host.delete(&format!("{maps}/c")).await?.expect_code(200)?;
        host.post(&maps, &json!({"metadata": {"name": "f"}})).await?.expect_code(201)?;
        let next = first["metadata"]["continue"].as_str().unwrap().to_owned();
        let second = host.get(&format!("{maps}?limit=2&continue={next}")).await?;
        assert_eq!(second.names(), ["c", "d"]);
        let second = second.json();
        assert_eq!(version(&second), version(&first));
        assert_eq!(second["metadata"]["remainingItemCount"], 1);
        let next = second["metadata"]["continue"].as_str().unwrap().to_owned();
        let third = host.get(&format!("{maps}?limit=2&continue={next}")).await?;
        assert_eq!(third.names(), ["e"]);
        assert!(third.json()["metadata"].get("continue").is_none());
        assert!(third.json()["metadata"].get("remainingItemCount").is_none());
        Ok(())
    }

    async fn pages_of_a_selection_do_not_count_the_rest(host: Host) -> Result<()> {
        let maps = host.config_maps("selectpages").await?;
        for (name, label) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x")] {
            let object = json!({"metadata": {"name": name, "labels": {"l": label}}});
            host.post(&maps, &object).await?.expect_code(201)?;
        }
        let first = host.get(&format!("{maps}?labelSelector=l%3Dx&limit=2")).await?;
        assert_eq!(first.names(), ["a", "c"]);
        let first = first.json();
        assert!(first["metadata"].get("remainingItemCount").is_none());
        let next = first["metadata"]["continue"].as_str().unwrap().to_owned();
        let second = host.get(&format!("{maps}?labelSelector=l%3Dx&limit=2&continue={next}")).await?;
        assert_eq!(second.names(), ["d"]);
        Ok(())
    }

    async fn a_broken_page_token_is_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("badtoken").await?;
        let refused = host.get(&format!("{maps}?limit=2&continue=nonsense")).await?.refusal();
        assert_eq!((refused.0, refused.1.as_str()), (400, "BadRequest"), "{}", refused.2);
        Ok(())
    }

    async fn versions_are_any_exact_or_at_least(host: Host) -> Result<()> {
        let maps = host.config_maps("rvsemantics").await?;
        let a = host.post(&maps, &json!({"metadata": {"name": "a"}})).await?.expect_code(201)?;
        host.post(&maps, &json!({"metadata": {"name": "b"}})).await?.expect_code(201)?;
        let at_a = version(&a);
        let exact = host.get(&format!("{maps}?resourceVersion={at_a}&resourceVersionMatch=Exact")).await?;
        assert_eq!((exact.names(), version(&exact.json())), (vec!["a".to_owned()], at_a));
        let later = host.get(&format!("{maps}?resourceVersion={at_a}&resourceVersionMatch=NotOlderThan")).await?;
        assert!(later.names().contains(&"a".to_owned()) && version(&later.json()) >= at_a);
        assert_eq!(host.get(&format!("{maps}?resourceVersion=0")).await?.code, 200);
        Ok(())
    }

    async fn a_version_of_the_future_is_a_timeout(host: Host) -> Result<()> {
        let maps = host.config_maps("future").await?;
        let far = version(&host.get(&maps).await?.json()) + 1_000_000;
        let refused = host.get(&format!("{maps}?resourceVersion={far}&resourceVersionMatch=NotOlderThan")).await?;
        let json = refused.json();
        assert_eq!((refused.code, json["reason"].as_str()), (504, Some("Timeout")), "{json}");
        assert_eq!(json["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
        assert_eq!(json["details"]["causes"][0]["message"], "Too large resource version");
        Ok(())
    }

    async fn options_that_contradict_themselves_are_refused(host: Host) -> Result<()> {
        let maps = host.config_maps("badoptions").await?;
        for (query, code) in [
            ("resourceVersionMatch=Exact", 422),
            ("resourceVersion=0&resourceVersionMatch=Exact", 422),
            ("resourceVersion=5&resourceVersionMatch=Sometimes", 422),
            ("sendInitialEvents=true", 422),
            ("resourceVersion=abc", 400),
            ("limit=abc", 400),
            ("labelSelector=a%3D%3D%3Db", 400),
            ("fieldSelector=data.x%3D1", 400),
        ] {
            let answer = host.get(&format!("{maps}?{query}")).await?;
            assert_eq!(answer.code, code, "{query}: {}", answer.text);
        }
        Ok(())
    }

    async fn label_selectors_choose(host: Host) -> Result<()> {
        let maps = host.config_maps("labels").await?;
        for (name, labels) in [
            ("none", json!({})),
            ("web", json!({"app": "web", "tier": "1"})),
            ("db", json!({"app": "db"})),
            ("empty", json!({"app": ""})),
        ] {
            host.post(&maps, &json!({"metadata": {"name": name, "labels": labels}})).await?.expect_code(201)?;
        }
        let cases: [(&str, &[&str]); 8] = [
            ("app=web", &["web"]),
            ("app!=web", &["db", "empty", "none"]),
            ("app", &["db", "empty", "web"]),
            ("!app", &["none"]),
            ("app in (web, db)", &["db", "web"]),
            ("app notin (web),app", &["db", "empty"]),
            ("app=", &["empty"]),
            ("tier>0", &["web"]),
        ];
        for (selector, expected) in cases {
            let query: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
            let found = host.get(&format!("{maps}?labelSelector={query}")).await?;
            let names: Vec<_> = found.names().into_iter().filter(|n| n != "kube-root-ca.crt").collect();
            assert_eq!(names, expected, "{selector}");
        }
        Ok(())
    }

    async fn field_selectors_choose(host: Host) -> Result<()> {
        let namespace = host.namespace("fields").await?;
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        for (name, node) in [("a", "n1"), ("b", "n2"), ("c", "")] {
            let pod = json!({"metadata": {"name": name}, "spec": {"nodeName": node,
                "automountServiceAccountToken": false,
                "containers": [{"name": "c", "image": "i"}]}});
            host.post(&pods, &pod).await?.expect_code(201)?;
        }
        let cases: [(&str, &[&str]); 6] = [
            ("spec.nodeName%3Dn1", &["a"]),
            ("spec.nodeName%3D", &["c"]),
            ("spec.nodeName%21%3Dn1", &["b", "c"]),
            ("metadata.name%3Db", &["b"]),
            ("status.phase%3DPending,spec.nodeName%3D%3Dn2", &["b"]),
            ("status.phase%3DRunning", &[]),
        ];
        for (selector, expected) in cases {
            assert_eq!(host.get(&format!("{pods}?fieldSelector={selector}")).await?.names(), expected, "{selector}");
        }
        let (code, _, message) = host.get(&format!("{pods}?fieldSelector=spec.image%3Dx")).await?.refusal();
        assert_eq!((code, message.as_str()), (400, "field label not supported: spec.image"));
        Ok(())
    }

    async fn metadata_alone_can_be_asked_for(host: Host) -> Result<()> {
        let maps = host.config_maps("metaonly").await?;
        let object = json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"big": "thing"}});
        host.post(&maps, &object).await?.expect_code(201)?;
        let list = host.get_as(&maps, METADATA).await?.expect_code(200)?;
        assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("PartialObjectMetadataList"), &json!("meta.k8s.io/v1")));
        let item = list["items"].as_array().unwrap().iter().find(|i| name(i) == "a").unwrap();
        assert_eq!(item["kind"], "PartialObjectMetadata");
        assert_eq!(item["metadata"]["labels"], json!({"x": "y"}));
        assert!(item.get("data").is_none());
        let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        let one = host.get_as(&format!("{maps}/a"), accept).await?.expect_code(200)?;
        assert_eq!((&one["kind"], name(&one)), (&json!("PartialObjectMetadata"), "a".to_owned()));
        Ok(())
    }

    async fn tables_are_for_printing(host: Host) -> Result<()> {
        let maps = host.config_maps("tables").await?;
        host.post(&maps, &json!({"metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}})).await?.expect_code(201)?;
        let table = host.get_as(&maps, TABLE).await?.expect_code(200)?;
        assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
        assert!(version(&table) > 0);
        let titles: Vec<_> =
            table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(titles, ["Name", "Data", "Age"]);
        let rows = table["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["cells"][0] == "a").unwrap();
        assert_eq!(row["cells"][1], 2);
        assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
        let one = host.get_as(&format!("{maps}/a?includeObject=Object"), TABLE).await?.expect_code(200)?;
        assert_eq!(one["rows"][0]["object"]["data"], json!({"x": "1", "y": "2"}));
        let none = host.get_as(&format!("{maps}/a?includeObject=None"), TABLE).await?.expect_code(200)?;
        assert!(none["rows"][0]["object"].is_null());
        Ok(())
    }
}
