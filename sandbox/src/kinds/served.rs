//! The set of kinds that are served.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use smol_str::SmolStr;

use super::{Kind, catalog};

/// The kinds that are served. A changed set is a new value: readers keep the one they have.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    /// In the order of discovery.
    all: Vec<Arc<Kind>>,
    by_plural: HashMap<SmolStr, Vec<Arc<Kind>>>,
    by_kind: HashMap<SmolStr, Vec<Arc<Kind>>>,
    /// The versions in which custom resources are stored, by group and plural; they need not be served.
    storage: HashMap<(SmolStr, SmolStr), Arc<Kind>>,
}

impl Kinds {
    /// All stable kinds of [`KUBERNETES_VERSION`](super::KUBERNETES_VERSION). Cheap to clone where custom resources
    /// are to be added.
    pub fn builtin() -> &'static Kinds {
        static BUILT_IN: LazyLock<Kinds> = LazyLock::new(|| {
            let mut kinds = Kinds::default();
            // A test holds that every line parses.
            for kind in catalog::resources().filter_map(|line| serde_json::from_str(line).ok()) {
                kinds.insert(kind);
            }
            kinds
        });
        &BUILT_IN
    }

    /// Adds a kind, in place of one with the same group, version and plural.
    pub fn insert(&mut self, kind: Kind) {
        self.remove(&kind.group, &kind.version, &kind.plural);
        self.push(Arc::new(kind));
    }

    fn push(&mut self, kind: Arc<Kind>) {
        self.by_plural.entry(kind.plural.clone()).or_default().push(Arc::clone(&kind));
        self.by_kind.entry(kind.kind.clone()).or_default().push(Arc::clone(&kind));
        self.all.push(kind);
    }

    /// Takes a kind away; does nothing when it is not there.
    pub fn remove(&mut self, group: &str, version: &str, plural: &str) {
        self.retain(|kind| !(kind.group == group && kind.version == version && kind.plural == plural));
    }

    fn retain(&mut self, keep: impl Fn(&Arc<Kind>) -> bool) {
        self.all.retain(&keep);
        for kinds in self.by_plural.values_mut().chain(self.by_kind.values_mut()) {
            kinds.retain(&keep);
        }
    }

    /// Serves these versions of a custom resource, the preferred one first, in place of those served before;
    /// `storage` is the version in which its objects are stored. A built-in kind of the same name stays.
    pub fn set_custom(&mut self, storage: Arc<Kind>, served: Vec<Arc<Kind>>) {
        let (group, plural) = (storage.group.clone(), storage.plural.clone());
        self.remove_custom(&group, &plural);
        if self.by_resource(&group, &plural).is_some() {
            return;
        }
        let custom = |kind: &Arc<Kind>| kind.is_custom();
        let mut rest: Vec<Arc<Kind>> = self.all.iter().filter(|kind| custom(kind)).cloned().collect();
        rest.extend(served);
        // Groups and resources by name; versions of a group as they come, the preferred one first.
        rest.sort_by(|a, b| {
            a.group
                .cmp(&b.group)
                .then_with(|| crate::custom::by_priority(&a.version, &b.version))
                .then_with(|| a.plural.cmp(&b.plural))
        });
        self.retain(|kind| !custom(kind));
        rest.into_iter().for_each(|kind| self.push(kind));
        self.storage.insert((group, plural), storage);
    }

    /// Takes all versions of a custom resource away.
    pub fn remove_custom(&mut self, group: &str, plural: &str) {
        self.retain(|kind| !(kind.is_custom() && kind.group == group && kind.plural == plural));
        self.storage.remove(&(SmolStr::new(group), SmolStr::new(plural)));
    }

    /// All, in the order of discovery.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.all.iter()
    }

    /// By the segments of a path.
    pub fn by_path(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        let found = self.by_plural.get(plural)?;
        found.iter().find(|kind| kind.group == group && kind.version == version)
    }

    /// By what an object says of itself; `api_version` is `v1` or `apps/v1`.
    pub fn by_object(&self, api_version: &str, kind: &str) -> Option<&Arc<Kind>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let found = self.by_kind.get(kind)?;
        found.iter().find(|kind| kind.group == group && kind.version == version)
    }

    /// By group and plural, in the version that discovery prefers.
    pub fn by_resource(&self, group: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.by_plural.get(plural)?.iter().find(|kind| kind.group == group)
    }

    /// By group and plural, in the version in which objects are stored.
    pub fn stored(&self, group: &str, plural: &str) -> Option<&Arc<Kind>> {
        let custom = self.storage.get(&(SmolStr::new(group), SmolStr::new(plural)));
        custom.or_else(|| self.by_resource(group, plural))
    }

    /// By what a person types: plural, singular, short name or kind, any case, with or without `.group` after it.
    /// The core group comes first, then the order of discovery.
    pub fn by_word(&self, word: &str) -> Option<&Arc<Kind>> {
        let word = word.to_ascii_lowercase();
        let (name, group) = match word.split_once('.') {
            Some((name, group)) => (name, Some(group)),
            None => (word.as_str(), None),
        };
        let in_group = |kind: &&Arc<Kind>| group.is_none_or(|group| kind.group == group);
        let called = |kind: &&Arc<Kind>| {
            kind.plural == name || kind.singular == name || kind.kind.eq_ignore_ascii_case(name)
        };
        let short = |kind: &&Arc<Kind>| kind.short_names.iter().any(|short| short == name);
        let find =
            |like: &dyn Fn(&&Arc<Kind>) -> bool| self.all.iter().filter(in_group).find(|kind| like(kind));
        find(&called).or_else(|| find(&short))
    }

    /// The groups in the order of discovery, each with its versions, the preferred one first.
    pub fn groups(&self) -> Vec<(SmolStr, Vec<SmolStr>)> {
        let mut groups: Vec<(SmolStr, Vec<SmolStr>)> = Vec::new();
        for kind in &self.all {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                Some((_, versions)) if versions.contains(&kind.version) => {}
                Some((_, versions)) => versions.push(kind.version.clone()),
                None => groups.push((kind.group.clone(), vec![kind.version.clone()])),
            }
        }
        groups
    }
}
