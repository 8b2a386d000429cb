//! The one table of actions: it drives keys, the hint line, help, palette, menu and remapping.

mod id;
mod scope;
mod table;

pub use id::ActionId;
pub use scope::Scope;
pub use table::ACTIONS;

/// What the API server must permit for an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Verb, such as `delete`.
    pub verb: &'static str,
    /// API group, empty for the core.
    pub group: &'static str,
    /// Resource in the plural, such as `pods`.
    pub resource: &'static str,
}

impl Need {
    /// The same right on Deployments, where it is one on StatefulSets: control planes are either.
    pub fn of_deployments(self) -> Need {
        let resource = if self.resource == "statefulsets" { "deployments" } else { self.resource };
        Need { resource, ..self }
    }
}

/// One thing a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// Which one.
    pub id: ActionId,
    /// Its name in the configuration, such as `delete-pod`.
    pub name: &'static str,
    /// What it does, for help, menu and palette.
    pub title: &'static str,
    /// One or two words for the hint line; none keeps it out of there.
    pub hint: Option<&'static str>,
    /// Default keys.
    pub keys: &'static [&'static str],
    /// Where it exists.
    pub scope: Scope,
    /// What the API server must permit.
    pub needs: Option<Need>,
    /// Whether it changes something on a cluster: absent in read-only mode.
    pub destructive: bool,
}

/// The action with this id. Every id has its row: a test holds that.
pub fn action(id: ActionId) -> &'static Action {
    ACTIONS.iter().find(|action| action.id == id).unwrap_or(&ACTIONS[0])
}

/// The action with this configuration name.
pub fn by_name(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_exactly_one_row() {
        for id in ActionId::ALL {
            assert_eq!(ACTIONS.iter().filter(|action| action.id == *id).count(), 1, "{id:?}");
            assert_eq!(action(*id).id, *id);
        }
        assert_eq!(ACTIONS.len(), ActionId::ALL.len());
    }

    #[test]
    fn names_are_unique_and_fit_a_configuration_file() {
        for action in ACTIONS {
            assert_eq!(by_name(action.name).map(|found| found.id), Some(action.id));
            assert!(action.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }

    #[test]
    fn every_scope_is_active_somewhere() {
        for action in ACTIONS {
            assert!(action.scope.meets(action.scope), "{} is in a scope that is never active", action.name);
        }
    }

    #[test]
    fn what_changes_a_cluster_says_what_it_needs() {
        for action in ACTIONS.iter().filter(|action| action.destructive) {
            assert!(action.needs.is_some(), "{}", action.name);
        }
    }
}
