//! `rbac`.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::provision::values::view::{Switch, View};

/// What the syncer may do on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Rbac {
    /// Rules of the Role in its namespace; None when v9s makes none.
    pub role: Option<Rules>,
    /// The ClusterRole.
    pub cluster_role: ClusterRole,
}

/// Rules, against those that v9s finds out from the settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Rules {
    /// Those of v9s and these.
    Added(Vec<PolicyRule>),
    /// Only these; never empty.
    Instead(Vec<PolicyRule>),
}

/// Whether there is a ClusterRole.
#[derive(Debug, Clone, PartialEq)]
pub enum ClusterRole {
    /// None, whatever the settings need.
    Never,
    /// If a setting needs it.
    AsNeeded(Rules),
    /// Always.
    Always(Rules),
}

impl Rbac {
    pub(super) fn of(view: &View) -> Rbac {
        let role = Rules::of(&view.at("role"));
        let cluster = Rules::of(&view.at("clusterRole"));
        Rbac {
            role: view.flag("role.enabled").then_some(role),
            cluster_role: match view.switch("clusterRole.enabled") {
                Switch::Off => ClusterRole::Never,
                Switch::Auto => ClusterRole::AsNeeded(cluster),
                Switch::On => ClusterRole::Always(cluster),
            },
        }
    }
}

impl Rules {
    fn of(view: &View) -> Rules {
        let extra: Vec<PolicyRule> = view.typed("extraRules");
        let instead: Vec<PolicyRule> = view.typed("overwriteRules");
        if !extra.is_empty() && !instead.is_empty() {
            view.contradict(
                "extraRules",
                "nothing is added to rules that replace all",
                view,
                "overwriteRules",
            );
        }
        if instead.is_empty() { Rules::Added(extra) } else { Rules::Instead(instead) }
    }
}
