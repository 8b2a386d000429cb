//! `v9s.access`: who gets in.

use crate::provision::values::view::View;

/// Groups of people, as their certificates and tokens name them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupAccess {
    /// They may do everything inside.
    pub admins: Vec<String>,
    /// They may look at what it consists of on the host; at Secrets they may not.
    pub viewers: Vec<String>,
}

/// Groups that hold whoever comes.
const ANYBODY: [&str; 2] = ["system:unauthenticated", "system:authenticated"];

impl GroupAccess {
    pub(super) fn of(view: &View) -> GroupAccess {
        let groups = |key: &str| {
            let groups = view.texts(key);
            for group in &groups {
                if group.trim().is_empty() {
                    view.complain(key, "a group has no name");
                } else if ANYBODY.contains(&group.as_str()) {
                    view.complain(key, format!("{group} is everybody; name a group of people"));
                }
            }
            groups
        };
        GroupAccess { admins: groups("admins"), viewers: groups("viewers") }
    }
}
