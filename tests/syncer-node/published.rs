//! The objects of docs/syncer-deploy.yaml.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;
use v9s_syncer::context::Context;
use v9s_syncer::engine::key::Side;
use v9s_syncer::resources::{Settings, registry};

/// For a virtual cluster of this name in the namespace `team-NAME`.
pub fn objects(name: &str) -> Result<Vec<Value>> {
    let text = include_str!("../../docs/syncer-deploy.yaml").replace("shop", name);
    let read = |document: &str| serde_saphyr::from_str(document).context("reading docs/syncer-deploy.yaml");
    text.split("\n---\n").map(read).collect()
}

#[test]
fn the_role_lets_it_watch_what_is_mirrored_by_default_and_nothing_else() -> Result<()> {
    let objects = objects("shop")?;
    let role = objects.iter().find(|object| object["kind"] == "Role").context("there is no Role")?;
    assert!(
        objects.iter().all(|object| object["metadata"]["namespace"] == "team-shop"),
        "nothing is beyond its namespace"
    );
    let words = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        let verbs = words(&rule["verbs"]);
        assert!(!verbs.iter().any(|verb| verb == "*"), "{rule}");
        assert_eq!(verbs.contains(&"list".to_owned()), verbs.contains(&"watch".to_owned()), "{rule}");
        if verbs.contains(&"watch".to_owned()) {
            let groups = words(&rule["apiGroups"]);
            let all = words(&rule["resources"])
                .into_iter()
                .flat_map(|plural| groups.iter().map(move |group| (group.clone(), plural.clone())));
            granted.extend(all);
        }
    }
    let ctx = Context::new("shop", "team-shop");
    let sources =
        registry(&Settings::default()).into_iter().filter_map(|kind| kind.mirror.source(Side::Host, &ctx));
    let mut watched = BTreeSet::new();
    for source in sources {
        assert_eq!(source.namespace.as_deref(), Some("team-shop"), "{}", source.resource.plural);
        watched.insert((source.resource.group.to_string(), source.resource.plural.to_string()));
    }
    assert_eq!(granted, watched);
    Ok(())
}
