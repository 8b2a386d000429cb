//! Revisions of the template of StatefulSets and DaemonSets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::workload::{hash_of, number, owner_reference};
use super::{CONTROLLER_REVISIONS, Key, World};
use crate::store::{DeleteOptions, Object};

/// The label by which pods name their revision.
pub(crate) const REVISION: &str = "controller-revision-hash";
const HASH: &str = "controller.kubernetes.io/hash";

/// A revision of the template.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(crate) name: String,
    pub(crate) number: i64,
    pub(crate) template: Value,
}

impl Revision {
    /// What follows the name of the set in that of the revision.
    pub(crate) fn hash(&self, set: &str) -> &str {
        self.name.strip_prefix(set).and_then(|rest| rest.strip_prefix('-')).unwrap_or(&self.name)
    }
}

/// All revisions of a set of this kind (`StatefulSet`), the newest last; makes one for the present template. None when
/// that is refused.
pub(crate) fn revisions(world: &World, kind: &str, object: &Object, set: &Value) -> Option<Vec<Revision>> {
    let keys = world.owners.of_kind(object.uid(), &CONTROLLER_REVISIONS);
    let mut all: Vec<Revision> = keys
        .iter()
        .filter_map(|key| world.find(&CONTROLLER_REVISIONS, key))
        .map(|object| {
            let value = object.value();
            let number = number(&value, "/revision", 0);
            let mut template = value["data"]["spec"]["template"].clone();
            template.as_object_mut().map(|fields| fields.remove("$patch"));
            Revision { name: object.name().to_owned(), number, template }
        })
        .collect();
    all.sort_by_key(|revision| revision.number);
    let template = &set["spec"]["template"];
    let last = all.last().map_or(0, |revision| revision.number);
    if let Some(index) = all.iter().position(|revision| revision.template == *template) {
        // Taken up again: it is the newest now.
        let mut revision = all.remove(index);
        if revision.number < last {
            revision.number = last + 1;
            let key = Key::new(object.namespace(), revision.name.clone());
            let _ = world.update(&CONTROLLER_REVISIONS, &key, "", |stored| {
                stored["revision"] = json!(revision.number)
            });
        }
        all.push(revision);
        return Some(all);
    }
    let name = format!("{}-{}", object.name(), hash_of(template));
    let mut data = template.clone();
    data["$patch"] = json!("replace");
    let (label, mut labels) = match kind {
        "DaemonSet" => (REVISION, template["metadata"]["labels"].clone()),
        _ => (HASH, set["spec"]["selector"]["matchLabels"].clone()),
    };
    labels[label] = json!(hash_of(template));
    let revision = json!({
        "metadata": {"name": name, "labels": labels,
            "ownerReferences": [owner_reference("apps/v1", kind, object)]},
        "revision": last + 1,
        "data": {"spec": {"template": data}},
    });
    match world.create(&CONTROLLER_REVISIONS, object.namespace(), revision) {
        Ok(_) => {}
        // The index of owners lags behind our own writes by one turn.
        Err(refusal) if refusal.is_already_exists() => {}
        Err(_) => return None,
    }
    all.push(Revision { name, number: last + 1, template: template.clone() });
    Some(all)
}

/// Deletes the oldest revisions that nothing lives by, beyond `revisionHistoryLimit`.
pub(crate) fn prune(world: &World, object: &Object, set: &Value, all: &[Revision], live: &BTreeSet<&str>) {
    let limit = usize::try_from(number(set, "/spec/revisionHistoryLimit", 10)).unwrap_or(0);
    let newest = all.last().map(|revision| revision.name.as_str());
    let history = all.iter().map(|revision| revision.name.as_str());
    let history: Vec<&str> = history.filter(|name| Some(*name) != newest && !live.contains(name)).collect();
    for name in history.iter().take(history.len().saturating_sub(limit)) {
        // Gone already is as good.
        let options = DeleteOptions::now();
        let _ = world.store.delete(&CONTROLLER_REVISIONS, Some(object.namespace()), name, &options);
    }
}
