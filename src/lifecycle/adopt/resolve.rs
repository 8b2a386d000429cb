//! From names on the host to names inside. A name proves nothing: annotations do, and the name that follows from them.

use std::collections::BTreeMap;

use serde_json::Value;
use smol_str::SmolStr;

use super::Pair;
use crate::cluster::Resource;
use crate::names::{Translator, VirtualName};
use crate::wire::{annotation, label};

/// What an object of the host stands for inside, none where it is no copy of one.
pub(super) fn origin(names: &Translator, resource: &Resource, host: &Value) -> Option<VirtualName> {
    let meta = &host["metadata"];
    let says = |key: &str| meta["annotations"][key].as_str().filter(|value| !value.is_empty());
    let ours = meta["labels"][label::MANAGED_BY] == names.marker()
        && meta["labels"][label::CONTROLLED_BY].is_null()
        && says(annotation::OBJECT_KIND).is_none_or(|kind| kind == resource.kind_mark())
        && says(annotation::OBJECT_HOST_NAME).is_none_or(|name| meta["name"] == name)
        && says(annotation::OBJECT_HOST_NAMESPACE).is_none_or(|namespace| meta["namespace"] == namespace);
    let of = VirtualName::namespaced(says(annotation::OBJECT_NAMESPACE)?, says(annotation::OBJECT_NAME)?);
    (ours && meta["name"] == names.host_name(&of).as_str()).then_some(of)
}

/// The names of what is there, and how to guess others.
pub(super) struct Names<'a> {
    pub(super) translator: &'a Translator,
    known: BTreeMap<(SmolStr, String), VirtualName>,
}

impl<'a> Names<'a> {
    pub(super) fn of(translator: &'a Translator, pairs: &[Pair<'_>]) -> Self {
        let key =
            |pair: &Pair<'_>| (pair.resource.plural.clone(), translator.host_name(&pair.of).to_string());
        Names { translator, known: pairs.iter().map(|pair| (key(pair), pair.of.clone())).collect() }
    }

    /// What an object of this kind is called inside, in a namespace there. A name that was too long for the host is only known where its
    /// object is there.
    pub(super) fn inside(&self, plural: &str, host: &str, namespace: &str) -> Option<SmolStr> {
        if let Some(of) = self.known.get(&(SmolStr::new(plural), host.to_owned())) {
            return (of.namespace.as_deref() == Some(namespace)).then(|| of.name.clone());
        }
        let name = host.strip_suffix(&format!("-x-{namespace}-x-{}", self.translator.marker()))?;
        let of = VirtualName::namespaced(namespace, name);
        (self.translator.host_name(&of).as_str() == host).then_some(of.name)
    }
}
