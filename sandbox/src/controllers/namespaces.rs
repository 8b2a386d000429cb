//! Namespaces: the ones that always exist, what each one holds from the start, and their end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::queue::Queue;
use super::{CONFIG_MAPS, Controller, Key, NAMESPACES, PODS, SERVICE_ACCOUNTS, Seen, World};
use crate::clock::stamp;
use crate::store::{Change, DeleteOptions, Gr, Object};

const ALWAYS: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const FINALIZER: &str = "kubernetes";
const ROOT_CA: &str = "kube-root-ca.crt";

/// The controller.
#[derive(Debug)]
pub(crate) struct Namespaces {
    ca: String,
    queue: Queue<SmolStr>,
    started: bool,
}

/// What is left in a namespace that is going away.
#[derive(Debug, Default)]
struct Left {
    by_resource: BTreeMap<String, usize>,
    by_finalizer: BTreeMap<SmolStr, usize>,
}

impl Namespaces {
    pub(crate) fn new(ca: String) -> Self {
        Namespaces { ca, queue: Queue::default(), started: false }
    }

    fn reconcile(&mut self, world: &mut World, name: &SmolStr) {
        let key = Key::new("", name.clone());
        let Some(namespace) = world.find(&NAMESPACES, &key) else { return };
        if namespace.deleting() {
            finish(world, &key, &namespace);
        } else {
            self.furnish(world, name);
        }
    }

    /// The default service account and the root certificate. Refusals mean that the namespace is going away.
    fn furnish(&self, world: &World, name: &str) {
        let has = |gr: &Gr, object: &str| world.find(gr, &Key::new(name, object)).is_some();
        if !has(&SERVICE_ACCOUNTS, "default") {
            let _ = world.create(&SERVICE_ACCOUNTS, name, json!({"metadata": {"name": "default"}}));
        }
        if !has(&CONFIG_MAPS, ROOT_CA) {
            let why = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed \
                across distributions of Kubernetes clusters.";
            let object = json!({
                "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": why}},
                "data": {"ca.crt": self.ca},
            });
            let _ = world.create(&CONFIG_MAPS, name, object);
        }
    }
}

/// Deletes what is inside, pods first; when nothing is left, lets the namespace go.
fn finish(world: &World, key: &Key, namespace: &Object) {
    let mut left = Left::default();
    empty(world, &PODS, &key.name, &mut left);
    if left.by_resource.is_empty() {
        for gr in namespaced(world).into_iter().filter(|gr| *gr != PODS) {
            empty(world, &gr, &key.name, &mut left);
        }
    }
    let now = stamp(world.now());
    let conditions = conditions(&left, &namespace.value()["status"]["conditions"], &now);
    // Both may come second to somebody else's write; the event of that write brings us back.
    let _ = world.update(&NAMESPACES, key, "status", |namespace| {
        namespace["status"]["conditions"] = conditions.clone();
    });
    if left.by_resource.is_empty() {
        let _ = world.update(&NAMESPACES, key, "finalize", |namespace| {
            if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
                finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
        });
    }
}

/// Every kind of object that lives in namespaces and can be deleted.
fn namespaced(world: &World) -> Vec<Gr> {
    let kinds = world.store.kinds();
    let deletable = kinds.iter().filter(|kind| kind.namespaced && kind.allows("delete"));
    let mut all: Vec<Gr> = deletable.map(|kind| kind.stored_as()).collect();
    all.sort();
    all.dedup();
    all
}

/// Deletes all objects of one kind and counts those that stay for now.
fn empty(world: &World, gr: &Gr, namespace: &str, left: &mut Left) {
    for object in world.store.all(gr, Some(namespace)) {
        if !object.deleting() {
            // Who was faster is as welcome.
            let options = DeleteOptions::default().uid(object.uid());
            let _ = world.store.delete(gr, Some(namespace), object.name(), &options);
        }
    }
    let remaining = world.store.all(gr, Some(namespace));
    if !remaining.is_empty() {
        left.by_resource.insert(format!("{}.{}", gr.plural, gr.group), remaining.len());
    }
    for finalizer in remaining.iter().flat_map(|object| object.meta().finalizers) {
        *left.by_finalizer.entry(finalizer).or_default() += 1;
    }
}

/// The conditions by which a person sees what holds a namespace up.
fn conditions(left: &Left, old: &Value, now: &str) -> Value {
    let list = |parts: Vec<String>| parts.join(", ");
    let resources =
        list(left.by_resource.iter().map(|(r, n)| format!("{r} has {n} resource instances")).collect());
    let finalizers =
        list(left.by_finalizer.iter().map(|(f, n)| format!("{f} in {n} resource instances")).collect());
    let condition = |kind: &str, problem: Option<(&str, String)>, fine: (&str, &str)| {
        let bad = problem.is_some();
        let (reason, message) = problem.unwrap_or((fine.0, fine.1.to_owned()));
        let status = if bad { "True" } else { "False" };
        let since =
            old.as_array().into_iter().flatten().find(|old| old["type"] == kind && old["status"] == status);
        let since = since.and_then(|old| old["lastTransitionTime"].as_str()).unwrap_or(now);
        json!({"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message})
    };
    let remaining = (!resources.is_empty())
        .then(|| ("SomeResourcesRemain", format!("Some resources are remaining: {resources}")));
    let held = (!finalizers.is_empty()).then(|| {
        let message = format!("Some content in the namespace has finalizers remaining: {finalizers}");
        ("SomeFinalizersRemain", message)
    });
    json!([
        condition(
            "NamespaceDeletionDiscoveryFailure",
            None,
            ("ResourcesDiscovered", "All resources successfully discovered")
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            None,
            ("ParsedGroupVersions", "All legacy kube types successfully parsed")
        ),
        condition(
            "NamespaceDeletionContentFailure",
            None,
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization")
        ),
        condition(
            "NamespaceContentRemaining",
            remaining,
            ("ContentRemoved", "All content successfully removed")
        ),
        condition(
            "NamespaceFinalizersRemaining",
            held,
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished")
        ),
    ])
}

impl Controller for Namespaces {
    fn name(&self) -> &'static str {
        "namespaces"
    }

    fn observe(&mut self, world: &World, seen: &Seen<'_>) {
        if *seen.gr == NAMESPACES {
            if seen.change != Change::Deleted {
                self.queue.add(seen.object.name().into());
            }
            return;
        }
        // Something left: refill a living namespace, or go on with one that is going away.
        if seen.change == Change::Deleted && !seen.object.namespace().is_empty() {
            let furniture = *seen.gr == SERVICE_ACCOUNTS || *seen.gr == CONFIG_MAPS;
            let namespace = || world.store.find(&NAMESPACES, None, seen.object.namespace());
            if furniture || namespace().is_some_and(|namespace| namespace.deleting()) {
                self.queue.add(seen.object.namespace().into());
            }
        }
    }

    fn work(&mut self, world: &mut World) {
        if !self.started {
            self.started = true;
            for name in ALWAYS {
                // Exists already is as good.
                let _ = world.create(&NAMESPACES, "", json!({"metadata": {"name": name}}));
            }
        }
        while let Some(name) = self.queue.pop(world.now()) {
            self.reconcile(world, &name);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        if self.started { self.queue.next() } else { Some(DateTime::UNIX_EPOCH) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testing::host;

    #[test]
    fn a_new_host_has_its_namespaces_and_they_are_furnished() {
        let host = host();
        for name in ALWAYS {
            let namespace = host.find("ns", name).expect(name);
            assert_eq!(namespace["status"]["phase"], "Active");
            assert_eq!(namespace["metadata"]["labels"]["kubernetes.io/metadata.name"], name);
            assert!(host.find_in(name, "sa", "default").is_some());
            assert_eq!(host.find_in(name, "cm", ROOT_CA).expect("a map")["data"]["ca.crt"], "CA");
        }
    }

    #[test]
    fn what_every_namespace_holds_comes_back() {
        let mut host = host();
        host.delete("sa", "default");
        host.delete("cm", ROOT_CA);
        host.settle();
        assert!(host.find("sa", "default").is_some());
        assert!(host.find("cm", ROOT_CA).is_some());
    }

    #[test]
    fn a_namespace_goes_with_everything_in_it() {
        let mut host = host();
        host.create("ns", json!({"metadata": {"name": "blue"}}));
        host.create_in("blue", "secrets", json!({"metadata": {"name": "s"}}));
        host.create_in("blue", "roles", json!({"metadata": {"name": "r"}}));
        host.settle();
        host.delete("ns", "blue");
        host.settle();
        assert!(host.find("ns", "blue").is_none());
        assert!(host.find_in("blue", "secrets", "s").is_none());
        assert!(host.find_in("blue", "roles", "r").is_none());
    }

    #[test]
    fn a_finalizer_holds_the_namespace_and_says_so() {
        let mut host = host();
        host.create("ns", json!({"metadata": {"name": "blue"}}));
        host.create_in(
            "blue",
            "cm",
            json!({"metadata": {"name": "held", "finalizers": ["example.org/hold"]}}),
        );
        host.settle();
        host.delete("ns", "blue");
        host.settle();
        let namespace = host.find("ns", "blue").expect("still there");
        assert_eq!(namespace["status"]["phase"], "Terminating");
        let condition = |kind: &str| {
            let all = namespace["status"]["conditions"].as_array().expect("conditions");
            all.iter().find(|condition| condition["type"] == kind).expect("a condition").clone()
        };
        let remaining = condition("NamespaceContentRemaining");
        assert_eq!(
            remaining["message"],
            "Some resources are remaining: configmaps. has 1 resource instances"
        );
        assert_eq!(condition("NamespaceFinalizersRemaining")["status"], "True");
        assert_eq!(condition("NamespaceDeletionDiscoveryFailure")["status"], "False");
        let refused =
            host.try_create_in("blue", "cm", json!({"metadata": {"name": "late"}})).expect_err("refused");
        assert_eq!(refused.code, 403);
        host.update_in("blue", "cm", "held", |object| object["metadata"]["finalizers"] = json!([]));
        host.settle();
        assert!(host.find("ns", "blue").is_none());
    }
}
