//! The state of the connection to one host, from the states of its watches. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};

use crate::cluster::watch::POLL_EVERY;
use crate::fleet::model::{Host, Link};
use crate::fleet::source::{Broken, Health, Kind, Source};

/// A sign of life that changes nothing else is worth a snapshot only after this long.
const SIGN_OF_LIFE: TimeDelta = TimeDelta::seconds(5);

/// What the link is judged by.
pub(super) struct Signs<'a> {
    pub(super) sources: &'a BTreeMap<Source, Health>,
    /// Objects received so far.
    pub(super) objects: u64,
    /// When the server last sent anything.
    pub(super) last_seen: Option<DateTime<Utc>>,
    /// Whether it is still being found out where else to look.
    pub(super) resolving: bool,
}

/// The state of the connection.
pub(super) fn link(signs: &Signs<'_>) -> Link {
    let wanted = || signs.sources.iter().filter(|(_, health)| !health.denied());
    let broken: Vec<&Broken> = wanted().filter_map(|(_, health)| health.broken.as_ref()).collect();
    let answered =
        signs.last_seen.is_some() || signs.sources.values().any(|health| health.synced || health.denied());
    if let Some(worst) = broken.iter().min_by_key(|broken| broken.since) {
        let next_try = broken.iter().map(|broken| broken.next_try).min().unwrap_or(worst.next_try);
        let error = format_smolstr!("{}", worst.failure);
        if answered {
            return Link::Stale { since: worst.since, next_try, error };
        }
        if broken.len() == wanted().count() {
            return Link::Unreachable { next_try, error };
        }
    }
    let mut pending: Vec<SmolStr> =
        wanted().filter(|(_, health)| !health.synced).map(|(source, _)| word(source.kind)).collect();
    pending.dedup();
    match signs.last_seen {
        Some(last_seen) if pending.is_empty() && !signs.resolving => Link::Live { last_seen },
        None if pending.is_empty() && !signs.resolving => Link::Live { last_seen: Utc::now() },
        _ => Link::Loading { objects: signs.objects, pending },
    }
}

fn word(kind: Kind) -> SmolStr {
    match kind {
        Kind::ControlPods => SmolStr::new_static("control-plane pods"),
        other => other.resource().plural,
    }
}

/// The line that says what may be listed and not watched.
pub(super) fn polled(sources: &BTreeMap<Source, Health>) -> Option<SmolStr> {
    let mut plurals: Vec<SmolStr> = sources
        .iter()
        .filter(|(_, health)| health.polled)
        .map(|(source, _)| source.kind.resource().plural)
        .collect();
    plurals.dedup();
    let every = POLL_EVERY.as_secs();
    let all = plurals.join(", ");
    (!plurals.is_empty())
        .then(|| format_smolstr!("forbidden: cannot watch {all}; listed every {every} s instead"))
}

/// Whether two pictures of a host differ in nothing but a recent sign of life.
pub(super) fn same_but_for_life(before: &Host, after: &Host) -> bool {
    let (Link::Live { last_seen: old }, Link::Live { last_seen: new }) = (&before.link, &after.link) else {
        return before == after;
    };
    *new - *old < SIGN_OF_LIFE && *before == Host { link: before.link.clone(), ..after.clone() }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::cluster::watch::Phase;
    use crate::cluster::{Failure, FailureKind};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn fails(kind: FailureKind, next: i64) -> Phase {
        Phase::Broken { failure: Failure::new(kind, "words"), next_try: at(next) }
    }

    /// Sources with what happened to each; `synced` first where it says so.
    fn sources(states: &[(Kind, bool, Option<Phase>)]) -> BTreeMap<Source, Health> {
        let health = |synced: bool, phase: &Option<Phase>| {
            let mut health = Health::default();
            health.synced = synced;
            if synced {
                health.on_phase(Phase::Live, at(10));
            }
            if let Some(phase) = phase {
                health.on_phase(phase.clone(), at(20));
            }
            health
        };
        states
            .iter()
            .map(|(kind, synced, phase)| (Source { kind: *kind, namespace: None }, health(*synced, phase)))
            .collect()
    }

    fn judge(states: &[(Kind, bool, Option<Phase>)], last_seen: Option<i64>, resolving: bool) -> Link {
        let sources = sources(states);
        link(&Signs { sources: &sources, objects: 7, last_seen: last_seen.map(at), resolving })
    }

    #[test]
    fn a_host_is_live_when_every_watch_it_may_have_is() {
        let states = [
            (Kind::StatefulSets, true, None),
            (Kind::Configs, false, Some(fails(FailureKind::Forbidden, 80))),
        ];
        assert_eq!(judge(&states, Some(15), false), Link::Live { last_seen: at(15) });
        assert_eq!(judge(&states, Some(15), true), Link::Loading { objects: 7, pending: vec![] });
    }

    #[test]
    fn what_is_not_listed_whole_is_named() {
        let states = [
            (Kind::StatefulSets, true, None),
            (Kind::ControlPods, false, None),
            (Kind::SyncedPods, false, None),
        ];
        let pending = vec!["control-plane pods".into(), "pods".into()];
        assert_eq!(judge(&states, Some(15), false), Link::Loading { objects: 7, pending });
    }

    #[test]
    fn one_broken_watch_makes_the_picture_stale_since_it_was_last_right() {
        let states =
            [(Kind::StatefulSets, true, None), (Kind::SyncedPods, true, Some(fails(FailureKind::Cut, 21)))];
        let Link::Stale { since, next_try, error } = judge(&states, Some(15), false) else {
            panic!("not stale")
        };
        assert_eq!((since, next_try), (at(10), at(21)));
        assert_eq!(error, "connection lost: words");
    }

    #[test]
    fn a_host_that_never_answered_is_unreachable_once_every_try_has_failed() {
        let one = (Kind::StatefulSets, false, Some(fails(FailureKind::Refused, 21)));
        let other = (Kind::Deployments, false, None);
        assert!(matches!(judge(&[one.clone(), other], None, false), Link::Loading { .. }));
        assert!(matches!(judge(&[one], None, false), Link::Unreachable { .. }));
    }
}
