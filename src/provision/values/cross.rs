//! Settings that are right one by one and wrong together.

use super::view::{Switch, View};

/// Tells the view about all of them that are not told where the settings are read.
pub(super) fn check(view: &View) {
    classes(view);
    scheduler(view);
    stores(view);
    nodes(view);
}

/// The same classes cannot come from both sides.
fn classes(view: &View) {
    for classes in ["storageClasses", "priorityClasses"] {
        let (to, from) = (view.at("sync.toHost").at(classes), view.at("sync.fromHost").at(classes));
        if to.flag("enabled") && from.switch("enabled") == Switch::On {
            to.contradict("enabled", "classes come from one side only", &from, "enabled");
        }
    }
}

/// Who schedules must know the nodes.
fn scheduler(view: &View) {
    let schedulers = [
        "controlPlane.advanced.virtualScheduler.enabled",
        "controlPlane.distro.k8s.scheduler.enabled",
        "sync.toHost.pods.hybridScheduling.enabled",
    ];
    for switch in schedulers {
        if view.flag(switch) && !view.flag("sync.fromHost.nodes.enabled") {
            let what = "a scheduler of the virtual cluster needs the nodes of the host";
            view.contradict(switch, what, view, "sync.fromHost.nodes.enabled");
        }
    }
}

/// The embedded database is one file of one process.
fn stores(view: &View) {
    let others = ["etcd.embedded", "etcd.external", "etcd.deploy", "database.external"];
    let store = view.at("controlPlane.backingStore");
    let embedded = others.iter().all(|other| !store.at(other).flag("enabled"));
    let replicas: u32 = view.number("controlPlane.statefulSet.highAvailability.replicas");
    if embedded && replicas > 1 {
        view.contradict(
            "controlPlane.statefulSet.highAvailability.replicas",
            "the embedded database has one replica; choose another store for more",
            &store,
            "database.embedded.enabled",
        );
    }
}

/// All nodes cannot be chosen by labels.
fn nodes(view: &View) {
    let nodes = view.at("sync.fromHost.nodes");
    if nodes.flag("enabled") && nodes.flag("selector.all") && !nodes.map("selector.labels").is_empty() {
        nodes.contradict(
            "selector.labels",
            "all nodes are chosen, whatever their labels",
            &nodes,
            "selector.all",
        );
    }
}
