//! Namespaces that are going and do not go: their own conditions say why. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::{Fix, Stuck, is_late};
use crate::cluster::{ObjectRef, Resource};

/// A condition of an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Condition {
    /// Such as `NamespaceContentRemaining`.
    pub(super) r#type: SmolStr,
    /// `True`, `False` or `Unknown`.
    pub(super) status: SmolStr,
    /// What it is about.
    #[serde(default)]
    pub(super) message: SmolStr,
}

/// Why a namespace that is going is still there. None while it has time left. What its objects wait for, they say themselves.
pub(super) fn stuck_space(
    name: &SmolStr,
    going: DateTime<Utc>,
    now: DateTime<Utc>,
    conditions: &[Condition],
    late: Duration,
) -> Option<Stuck> {
    if !is_late(going, now, late) {
        return None;
    }
    let mut because = Vec::new();
    let mut fixes = Vec::new();
    let of = |kind: &str| conditions.iter().find(|it| it.r#type == kind && it.status == "True");
    if let Some(found) = of("NamespaceDeletionDiscoveryFailure") {
        because.push(format_smolstr!(
            "an API server beside the host's does not answer, so that nobody can say what is left: {}",
            found.message
        ));
        fixes.push(
            Fix::safe("bring that API server back; everything else goes by itself then")
                .by("kubectl get apiservices"),
        );
    }
    for kind in ["NamespaceDeletionGroupVersionParsingFailure", "NamespaceDeletionContentFailure"] {
        if let Some(found) = of(kind) {
            because.push(format_smolstr!("its content could not be deleted: {}", found.message));
            fixes.push(
                Fix::safe("look what refuses the deletion, such as a webhook")
                    .by("kubectl get validatingwebhookconfigurations"),
            );
        }
    }
    if let Some(found) = of("NamespaceFinalizersRemaining") {
        because.push(format_smolstr!("finalizers hold what is in it: {}", found.message));
        fixes.push(
            Fix::safe("let those who put them there take them away, object by object").by(everything(name)),
        );
    } else if let Some(found) = of("NamespaceContentRemaining") {
        because.push(format_smolstr!("something is left in it: {}", found.message));
        fixes.push(Fix::safe("look why that does not go").by(everything(name)));
    }
    if because.is_empty() {
        because.push(
            "nothing on it says what holds it: the host's namespace controller is behind or does not run"
                .into(),
        );
        fixes.push(super::fixes::controller_manager());
    }
    let object = ObjectRef::cluster_scoped(Resource::NAMESPACES, name.clone());
    Some(Stuck { object, place: None, since: going, because, fixes })
}

fn everything(name: &str) -> SmolStr {
    format_smolstr!(
        "kubectl api-resources --verbs=list --namespaced -o name | xargs -n1 kubectl get -n {name} --ignore-not-found --show-kind"
    )
}
