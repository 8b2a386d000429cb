//! Deletions, of one object and of many.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{name, one, read::selector, with_query};
use crate::objects::Kind;
use crate::script::Step;

/// Options of a delete, in the body or the query.
fn delete_options(kind: &'static Kind) -> BoxedStrategy<(Option<&'static str>, Option<Value>)> {
    let key = format!("{}/a", kind.plural);
    let bodies = vec![
        json!({"gracePeriodSeconds": 0}),
        json!({"gracePeriodSeconds": 7}),
        json!({"gracePeriodSeconds": -3}),
        json!({"propagationPolicy": "Foreground"}),
        json!({"propagationPolicy": "Orphan"}),
        json!({"propagationPolicy": "Background"}),
        json!({"orphanDependents": true}),
        json!({"propagationPolicy": "Nonsense"}),
        json!({"propagationPolicy": "Orphan", "orphanDependents": false}),
        json!({"preconditions": {"resourceVersion": format!("$OLD({key})")}}),
        json!({"preconditions": {"uid": format!("$UID({key})")}}),
        json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}),
        json!({"dryRun": ["All"]}),
        json!({"dryRun": ["Some"]}),
        json!({"kind": "DeleteOptions", "apiVersion": "v1"}),
        json!({"unknown": 1}),
        json!({"gracePeriodSeconds": "x"}),
        json!({}),
    ];
    let queries = vec![
        "gracePeriodSeconds=0",
        "gracePeriodSeconds=3",
        "propagationPolicy=Foreground",
        "propagationPolicy=Orphan",
        "dryRun=All",
        "orphanDependents=true",
        "propagationPolicy=Nonsense",
        "gracePeriodSeconds=x",
    ];
    prop_oneof![
        3 => Just((None, None)),
        3 => select(bodies).prop_map(|body| (None, Some(body))),
        2 => select(queries).prop_map(|query| (Some(query), None)),
    ]
    .boxed()
}

pub fn delete(kind: &'static Kind) -> BoxedStrategy<Step> {
    (name(), delete_options(kind))
        .prop_map(|(name, (query, body))| Step {
            body,
            ..Step::new("DELETE", with_query(one(kind, name), vec![query]))
        })
        .boxed()
}

pub fn delete_collection(kind: &'static Kind) -> BoxedStrategy<Step> {
    if !kind.namespaced {
        return delete(kind);
    }
    (selector(kind), delete_options(kind))
        .prop_map(|(selector, (query, body))| Step {
            body,
            ..Step::new("DELETE", with_query(kind.path(), vec![selector.as_deref(), query]))
        })
        .boxed()
}
