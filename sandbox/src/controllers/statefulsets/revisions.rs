//! Revisions of the template of a StatefulSet.

use serde_json::{Value, json};

use super::super::workload::{hash_of, number, owner_reference};
use super::super::{CONTROLLER_REVISIONS, Key, World};
use crate::store::Object;

/// A revision of the template.
pub(super) struct Revision {
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) template: Value,
}

/// All revisions, the newest last; makes one for the present template. None when that is refused.
pub(super) fn revisions(world: &World, object: &Object, set: &Value) -> Option<Vec<Revision>> {
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
    let mut labels = set["spec"]["selector"]["matchLabels"].clone();
    labels["controller.kubernetes.io/hash"] = json!(hash_of(template));
    let revision = json!({
        "metadata": {"name": name, "labels": labels,
            "ownerReferences": [owner_reference("apps/v1", "StatefulSet", object)]},
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
