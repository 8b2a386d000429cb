//! Names, labels and annotations.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{Blueprint, Object};
use crate::cluster::Resource;
use crate::provision::values::settings::Metadata;
use crate::wire::{App, HERITAGE, annotation, label};

pub(super) type Labels = BTreeMap<String, String>;

/// Labels of everything, and what selects pods is the first two of them.
pub(super) fn labels(plan: &Blueprint, app: App) -> Labels {
    let mut labels = selector(plan, app);
    labels.insert(label::CHART.to_owned(), format!("v9s-{}", env!("CARGO_PKG_VERSION")));
    labels.insert(label::HERITAGE.to_owned(), HERITAGE.to_owned());
    labels
}

/// Labels by which pods are found.
pub(super) fn selector(plan: &Blueprint, app: App) -> Labels {
    [(label::APP, app.value()), (label::RELEASE, plan.name)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

pub(super) fn matching(plan: &Blueprint, app: App) -> LabelSelector {
    LabelSelector { match_labels: Some(selector(plan, app)), ..LabelSelector::default() }
}

/// Metadata of an object in the namespace, with what the settings add. What selects pods cannot be changed by them.
pub(super) fn of(plan: &Blueprint, app: App, name: String, added: Option<&Metadata>) -> ObjectMeta {
    let own = labels(plan, app);
    let more = added.map(|added| added.labels.clone()).unwrap_or_default();
    let mut annotations = plan.settings.control_plane.advanced.global_annotations.clone();
    annotations.extend(added.map(|added| added.annotations.clone()).unwrap_or_default());
    ObjectMeta {
        name: Some(name),
        namespace: Some(plan.namespace.to_owned()),
        labels: Some(more.into_iter().chain(own).collect()),
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    }
}

/// Metadata of pods: just the labels that select them, and what the settings add.
pub(super) fn of_pods(
    plan: &Blueprint,
    app: App,
    added: &Metadata,
    annotations: Option<(&str, String)>,
) -> ObjectMeta {
    let mut all = plan.settings.control_plane.advanced.global_annotations.clone();
    all.extend(added.annotations.clone());
    all.extend(annotations.map(|(key, value)| (key.to_owned(), value)));
    ObjectMeta {
        labels: Some(added.labels.clone().into_iter().chain(selector(plan, app)).collect()),
        annotations: Some(all).filter(|all| !all.is_empty()),
        ..ObjectMeta::default()
    }
}

pub(super) fn namespace(plan: &Blueprint) -> Object {
    let made = [(annotation::CREATED.to_owned(), "true".to_owned())];
    let metadata = ObjectMeta {
        name: Some(plan.namespace.to_owned()),
        annotations: Some(made.into()),
        ..ObjectMeta::default()
    };
    Object::of(Resource::NAMESPACES, &Namespace { metadata, ..Namespace::default() })
}
