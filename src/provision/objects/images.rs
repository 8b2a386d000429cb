//! Which images run.

use super::Blueprint;
use crate::provision::values::settings::{DeployedEtcd, Image};

/// kine, which speaks etcd's language to SQLite and to databases. One before 0.17 may tell an API server that it has seen
/// everything while an event is still on its way; what its cache has missed by that it misses for good (kine, issue 731).
const KINE: (&str, &str) = ("rancher/kine", "v0.17.5");

/// The image of the syncer: that of this v9s unless another is named.
pub(super) fn syncer(plan: &Blueprint) -> String {
    let own = Image { registry: None, repository: "v9s-syncer".to_owned(), tag: None };
    let image = plan.settings.control_plane.workload.image.as_ref().unwrap_or(&own);
    image.reference(registry(plan), env!("CARGO_PKG_VERSION"))
}

/// A program of Kubernetes: from the image that is named, else from the one that Kubernetes publishes for it.
pub(super) fn kubernetes(plan: &Blueprint, program: &str) -> String {
    let kubernetes = &plan.settings.control_plane.kubernetes;
    let published = Image {
        registry: Some("registry.k8s.io".to_owned()),
        repository: program.to_owned(),
        tag: Some(kubernetes.version.clone()),
    };
    kubernetes.image.as_ref().unwrap_or(&published).reference(registry(plan), &kubernetes.version)
}

pub(super) fn kine(plan: &Blueprint) -> String {
    let (repository, tag) = KINE;
    let image =
        Image { registry: Some("docker.io".to_owned()), repository: repository.to_owned(), tag: None };
    image.reference(registry(plan), tag)
}

pub(super) fn etcd(plan: &Blueprint, etcd: &DeployedEtcd) -> String {
    etcd.image.reference(registry(plan), "latest")
}

fn registry<'a>(plan: &Blueprint<'a>) -> Option<&'a str> {
    plan.settings.control_plane.advanced.default_image_registry.as_deref()
}
