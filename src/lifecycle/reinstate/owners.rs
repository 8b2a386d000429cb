//! Owners of an object that comes back: the UID of each is that of whoever has its name now. Pure.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::meta::Owner;

/// Which object an owner is, without its UID: version, kind, name.
pub(super) type Who = (SmolStr, SmolStr, SmolStr);

impl Owner {
    pub(super) fn who(&self) -> Who {
        (self.api_version.clone(), self.kind.clone(), self.name.clone())
    }
}

/// The owners that there are, with their UIDs of now, and what became of the others. An owner with a UID that nobody has would take
/// what it owns along: the collector of the control plane deletes it.
pub(super) fn living(owners: &[Owner], now: &BTreeMap<Who, SmolStr>) -> (Vec<Owner>, Vec<SmolStr>) {
    let (mut stay, mut notes) = (Vec::new(), Vec::new());
    for owner in owners {
        match now.get(&owner.who()) {
            Some(uid) => {
                if *uid != owner.uid {
                    notes.push(format_smolstr!("its owner {} {} is the one of now", owner.kind, owner.name));
                }
                stay.push(Owner { uid: uid.clone(), ..owner.clone() });
            }
            None => notes.push(format_smolstr!(
                "its owner {} {} is not there: it has that one no more",
                owner.kind,
                owner.name
            )),
        }
    }
    (stay, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_those_of_now_or_none() {
        let owner = |name: &str, uid: &str| Owner {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: name.into(),
            uid: uid.into(),
            ..Owner::default()
        };
        let now = [("same", "u1"), ("another", "u9")].map(|(name, uid)| (owner(name, "").who(), uid.into()));
        let owners = [owner("same", "u1"), owner("another", "u2"), owner("gone", "u3")];
        let (stay, notes) = living(&owners, &now.into());
        assert_eq!(stay, [owner("same", "u1"), owner("another", "u9")]);
        assert_eq!(
            notes,
            [
                "its owner Deployment another is the one of now",
                "its owner Deployment gone is not there: it has that one no more"
            ]
        );
    }
}
