//! `metadata.managedFields`: managers and the fields they own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::set::FieldSet;

/// How a manager writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By create, replace and every other patch.
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// Who writes: one entry of `managedFields` exists for each different value of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Name, such as `kubectl-client-side-apply`.
    pub name: SmolStr,
    /// How it writes.
    pub operation: Operation,
    /// API version it writes in, such as `apps/v1`.
    pub api_version: SmolStr,
    /// Subresource it writes to; empty for the object itself.
    pub subresource: SmolStr,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) manager: Manager,
    /// RFC 3339; empty when the server never knew it.
    pub(super) time: SmolStr,
    pub(super) fields: FieldSet,
}

/// All managers of one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Managers {
    pub(super) entries: Vec<Entry>,
}

impl Managers {
    /// Reads `metadata.managedFields`; entries that cannot be read are left out.
    pub fn from_wire(list: &Value) -> Self {
        let entries = list.as_array().into_iter().flatten().filter_map(|entry| {
            let text = |key: &str| SmolStr::new(entry[key].as_str().unwrap_or_default());
            let operation = match entry["operation"].as_str()? {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let manager = Manager {
                name: text("manager"),
                operation,
                api_version: text("apiVersion"),
                subresource: text("subresource"),
            };
            Some(Entry { manager, time: text("time"), fields: FieldSet::from_wire(&entry["fieldsV1"]) })
        });
        Managers { entries: entries.collect() }
    }

    /// Writes `metadata.managedFields`: applied entries first, each kind oldest first, as the API server sorts them.
    pub fn to_wire(&self) -> Value {
        let mut sorted: Vec<&Entry> = self.entries.iter().collect();
        sorted.sort_by(|a, b| {
            let key = |e: &Entry| (e.manager.operation, e.time.clone(), e.manager.name.clone());
            key(a).cmp(&key(b)).then_with(|| a.manager.subresource.cmp(&b.manager.subresource))
        });
        sorted
            .into_iter()
            .map(|entry| {
                let mut wire = json!({
                    "manager": entry.manager.name,
                    "operation": entry.manager.operation.as_str(),
                    "apiVersion": entry.manager.api_version,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": entry.fields.to_wire(),
                });
                if !entry.time.is_empty() {
                    wire["time"] = json!(entry.time);
                }
                if !entry.manager.subresource.is_empty() {
                    wire["subresource"] = json!(entry.manager.subresource);
                }
                wire
            })
            .collect()
    }

    /// The versions in which managers write.
    pub fn versions(&self) -> BTreeSet<SmolStr> {
        self.entries.iter().map(|entry| entry.manager.api_version.clone()).collect()
    }

    /// Whether nobody is known to own anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The fields of a manager.
    pub fn fields(&self, manager: &Manager) -> Option<&FieldSet> {
        self.entries.iter().find(|entry| entry.manager == *manager).map(|entry| &entry.fields)
    }

    /// Gives a manager these fields; its time moves when it `wrote` any, also one that it had, and when that is known (not empty).
    /// Without any field it goes.
    pub(super) fn set(&mut self, manager: &Manager, fields: FieldSet, wrote: bool, now: &str) {
        match self.entries.iter_mut().find(|entry| entry.manager == *manager) {
            Some(entry) => {
                entry.fields = fields;
                if wrote && !now.is_empty() {
                    entry.time = now.into();
                }
            }
            None => self.entries.push(Entry { manager: manager.clone(), time: now.into(), fields }),
        }
        self.entries.retain(|entry| !entry.fields.is_empty());
    }

    pub(super) fn others(&mut self, manager: &Manager) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(move |entry| entry.manager != *manager)
    }

    /// Whether both say the same of everybody's fields; times are not looked at.
    pub fn same_ownership(&self, other: &Managers) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().all(|entry| other.fields(&entry.manager) == Some(&entry.fields))
    }
}
