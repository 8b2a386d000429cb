//! Requests that read: one object, a list, a watch.

use proptest::prelude::*;
use proptest::sample::select;

use super::{name, one, with_query};
use crate::objects::Kind;
use crate::script::Step;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

pub fn get(kind: &'static Kind) -> BoxedStrategy<Step> {
    let accept = select(vec!["", TABLE, METADATA]);
    let part = if kind.status.is_some() { select(vec!["", "", "/status"]) } else { select(vec![""]) };
    let query = prop_oneof![
        6 => Just(None), 1 => Just(Some("resourceVersion=0")), 1 => Just(Some("includeObject=Object")), 1 => Just(Some("includeObject=None")),
    ];
    (name(), accept, part, query)
        .prop_map(|(name, accept, part, query)| {
            Step::new("GET", with_query(one(kind, name) + part, vec![query])).accept(accept)
        })
        .boxed()
}

/// What a list or watch selects. A watch or list of a cluster-wide kind sees the objects of other scripts unless it
/// selects by name.
pub fn selector(kind: &'static Kind) -> BoxedStrategy<Option<String>> {
    let own = |name: &str| format!("fieldSelector=metadata.name%3D{}", kind.name(name));
    if !kind.namespaced {
        return select(vec![Some(own("a")), Some(own("b"))]).boxed();
    }
    let all = [
        "labelSelector=l",
        "labelSelector=l%3Dx",
        "labelSelector=l!%3Dx",
        "labelSelector=!l",
        "labelSelector=l+in+(x,y),m",
        "labelSelector=l+notin+(x)",
        "labelSelector=m%3D",
        "fieldSelector=metadata.name!%3Da",
        "fieldSelector=metadata.namespace%3D$NS",
        "fieldSelector=metadata.name%3Da,metadata.namespace%3D$NS",
        "fieldSelector=status.phase%3DRunning",
        "fieldSelector=spec.nodeName!%3D",
        "fieldSelector=type%3DOpaque",
        "fieldSelector=spec.type%3DClusterIP",
        "fieldSelector=reason%3DKilling",
        "labelSelector=l%3D%3D%3Dx",
        "labelSelector=l+in+()",
        "labelSelector=,",
        "fieldSelector=nothing%3Da",
        "labelSelector=-l",
        "fieldSelector=metadata.name",
        "labelSelector=l%3Dx,l%3Dy",
        "labelSelector=l%3E1",
    ];
    let odd = select(all.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>());
    prop_oneof![4 => Just(None), 1 => Just(Some(own("a"))), 4 => odd].boxed()
}

pub fn list(kind: &'static Kind) -> BoxedStrategy<Step> {
    let accept = select(vec!["", "", TABLE, METADATA_LIST]);
    let key = format!("{}/a", kind.plural);
    let version = select(vec![
        None,
        None,
        None,
        None,
        Some("resourceVersion=0".to_owned()),
        Some(format!("resourceVersion=$RV({key})&resourceVersionMatch=Exact")),
        Some(format!("resourceVersion=$OLD({key})&resourceVersionMatch=NotOlderThan")),
        Some(format!("resourceVersion=$OLD({key})")),
        Some("resourceVersionMatch=Exact".to_owned()),
        Some("resourceVersion=x".to_owned()),
        Some("resourceVersion=0&resourceVersionMatch=Exact".to_owned()),
    ]);
    let page = select(vec![
        None,
        None,
        None,
        Some("limit=1"),
        Some("limit=1&continue=$NEXT"),
        Some("limit=x"),
        Some("limit=-1"),
    ]);
    (selector(kind), version, page, accept)
        .prop_map(|(selector, version, page, accept)| {
            let parts = vec![selector.as_deref(), version.as_deref(), page];
            Step::new("GET", with_query(kind.path(), parts)).accept(accept)
        })
        .boxed()
}

pub fn watch(kind: &'static Kind) -> BoxedStrategy<Step> {
    let accept = select(vec!["", "", "", TABLE, METADATA]);
    let key = format!("{}/a", kind.plural);
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let version = select(vec![
        String::new(),
        format!("&resourceVersion=$OLD({key})"),
        format!("&resourceVersion=$RV({key})"),
        format!("&{initial}"),
        format!("&{initial}&allowWatchBookmarks=true"),
        format!("&{initial}&allowWatchBookmarks=true&resourceVersion=$RV({key})"),
        "&resourceVersion=x".into(),
        "&sendInitialEvents=true".into(),
        "&resourceVersionMatch=NotOlderThan".into(),
    ]);
    (selector(kind), version, accept)
        .prop_map(|(selector, version, accept)| {
            let selector = selector.map(|s| format!("&{s}")).unwrap_or_default();
            Step::new("WATCH", format!("{}?watch=true{version}{selector}", kind.path())).accept(accept)
        })
        .boxed()
}
