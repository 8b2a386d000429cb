//! Verbs that make no sense for a virtual cluster as it is, by what the fleet shows of it: they are greyed with the reason.

use smol_str::SmolStr;
use v9s::fleet::model::{Severity, Store, Vcluster};
use v9s::fleet::state::State;

use super::observe;
use crate::actions::ActionId;

/// Why a verb has nothing to do there; None where it may have, which a look finds out.
pub fn out_of_place(action: ActionId, vcluster: &Vcluster) -> Option<SmolStr> {
    match action {
        ActionId::Backup => resting(vcluster).map(|how| format!("it {how}: its store does not run").into()),
        ActionId::Observe => observe::impossible(vcluster).map(SmolStr::new_static),
        ActionId::Restore => elsewhere(vcluster).or_else(|| asleep(vcluster)),
        ActionId::Recover => elsewhere(vcluster).or_else(|| asleep(vcluster)).or_else(|| well(vcluster)),
        _ => None,
    }
}

/// How its store does not run.
fn resting(vcluster: &Vcluster) -> Option<&'static str> {
    match vcluster.state {
        State::Paused => Some("is paused"),
        State::ScaledDown => Some("is scaled to nothing"),
        State::Restoring => Some("is being restored"),
        State::Terminating => Some("is being deleted"),
        _ => None,
    }
}

/// What is restored is seen to run. One that is being restored may be one whose restore was killed.
fn asleep(vcluster: &Vcluster) -> Option<SmolStr> {
    let how = resting(vcluster).filter(|_| vcluster.state != State::Restoring)?;
    Some(format!("it {how}: start it first").into())
}

/// Its store is not on a volume of its own.
fn elsewhere(vcluster: &Vcluster) -> Option<SmolStr> {
    match vcluster.store.get()? {
        Store::ExternalEtcd | Store::ExternalDatabase => Some("somebody else runs its store".into()),
        Store::EmbeddedEtcd | Store::DeployedEtcd | Store::EmbeddedDatabase => None,
    }
}

/// Nothing shows that its store is broken.
fn well(vcluster: &Vcluster) -> Option<SmolStr> {
    let well = vcluster.store_health.get().is_some_and(|health| health.severity == Severity::Ok);
    (well && vcluster.state == State::Running).then(|| "its store answers, and is well".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{store, vcluster};
    use v9s::known::Known;

    #[test]
    fn what_has_nothing_to_do_says_why() {
        let well = vcluster("team", "shop");
        let full = Vcluster { store_health: store(Severity::Critical, 1.0), ..well.clone() };
        let external = Vcluster { store: Known::Yes(Store::ExternalDatabase), ..full.clone() };
        let paused = Vcluster { state: State::Paused, ..full.clone() };
        let halfway = Vcluster { state: State::Restoring, ..full.clone() };
        for (action, one, says) in [
            (ActionId::Backup, &well, None),
            (ActionId::Backup, &external, None),
            (ActionId::Backup, &paused, Some("is paused")),
            (ActionId::Backup, &halfway, Some("is being restored")),
            (ActionId::Restore, &well, None),
            (ActionId::Restore, &halfway, None),
            (ActionId::Restore, &paused, Some("is paused")),
            (ActionId::Restore, &external, Some("somebody else")),
            (ActionId::Recover, &well, Some("is well")),
            (ActionId::Recover, &full, None),
            (ActionId::Recover, &halfway, None),
            (ActionId::Recover, &external, Some("somebody else")),
            (ActionId::Verify, &paused, None),
            (ActionId::Duplicate, &paused, None),
        ] {
            let why = out_of_place(action, one);
            match says {
                None => assert_eq!(why, None, "{action:?}"),
                Some(says) => {
                    assert!(why.clone().is_some_and(|why| why.contains(says)), "{action:?}: {why:?}")
                }
            }
        }
    }
}
