//! When something may be deleted: never on a partial view, never in bulk without a person's word.

use std::collections::VecDeque;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::plan::Absence;

/// How far back the brake looks.
const WINDOW: Duration = Duration::from_secs(600);
/// So many deletions without having seen the partner's are always let through.
const ALWAYS: usize = 5;
/// The share of a kind's objects above which a person is asked.
const SHARE: f64 = 0.2;

/// Whether the tenant's store is the one we knew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StoreIdentity {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// The `kube-system` UID is the one that is remembered on the host.
    Known,
    /// It is another: nothing on the host is deleted, everything there can be adopted back.
    Replaced {
        /// UID of `kube-system` as remembered.
        remembered: SmolStr,
        /// As found.
        found: SmolStr,
    },
}

/// How far one kind can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Listed whole on both sides since the process began.
    pub whole: bool,
    /// Both watches are live.
    pub live: bool,
}

/// Why nothing is deleted now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// Not everything has been listed yet.
    #[error("not everything has been listed yet")]
    Partial,
    /// A watch is broken.
    #[error("one of the API servers cannot be watched")]
    Blind,
    /// The virtual cluster is paused or being restored.
    #[error("the virtual cluster is {0}")]
    Suspended(SmolStr),
    /// Not looked at yet.
    #[error("the identity of the virtual store is not known yet")]
    StoreUnknown,
    /// Another store.
    #[error(
        "the virtual store is another than before (kube-system {found}, remembered {remembered}): its objects on the host are kept; without the annotation v9s.io/store on the Service of the virtual cluster they are taken for those of the new store"
    )]
    StoreReplaced {
        /// UID of `kube-system` as remembered.
        remembered: SmolStr,
        /// As found.
        found: SmolStr,
    },
    /// Too many at once.
    #[error(
        "{asked} of {of} objects would be deleted because they are missing on the other side; somebody has to allow it"
    )]
    Brake {
        /// Deletions within the window, this one among them.
        asked: usize,
        /// Objects of the kind.
        of: usize,
    },
}

/// Decides about deletions of one kind.
#[derive(Debug, Default)]
pub struct Brake {
    /// When something was deleted without its partner's deletion having been seen.
    recent: VecDeque<Instant>,
    /// A person has allowed more.
    released_until: Option<Instant>,
}

impl Brake {
    /// Whether one more object may be deleted of `of` there are.
    ///
    /// # Errors
    /// Why not.
    pub fn ask(&mut self, because: Absence, of: usize, now: Instant) -> Result<(), Held> {
        if matches!(because, Absence::Seen | Absence::Unwanted | Absence::Replaced) {
            return Ok(());
        }
        while self.recent.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            self.recent.pop_front();
        }
        let asked = self.recent.len() + 1;
        // Those that went are part of the whole.
        let of = of + self.recent.len();
        let released = self.released_until.is_some_and(|until| now < until);
        if !released && asked > ALWAYS && asked as f64 > SHARE * of as f64 {
            return Err(Held::Brake { asked, of });
        }
        self.recent.push_back(now);
        Ok(())
    }

    /// A person allows all deletions for a while.
    pub fn release(&mut self, until: Instant) {
        self.released_until = Some(until);
    }
}

/// Whether anything of a kind may be deleted at all.
///
/// # Errors
/// Why not.
pub fn may_delete(sight: Sight, store: &StoreIdentity, suspended: Option<&SmolStr>) -> Result<(), Held> {
    if let Some(how) = suspended {
        return Err(Held::Suspended(how.clone()));
    }
    if !sight.whole {
        return Err(Held::Partial);
    }
    if !sight.live {
        return Err(Held::Blind);
    }
    match store {
        StoreIdentity::Known => Ok(()),
        StoreIdentity::Unknown => Err(Held::StoreUnknown),
        StoreIdentity::Replaced { remembered, found } => {
            Err(Held::StoreReplaced { remembered: remembered.clone(), found: found.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_deleted_on_a_partial_view() {
        let all = Sight { whole: true, live: true };
        let known = StoreIdentity::Known;
        assert_eq!(may_delete(all, &known, None), Ok(()));
        assert_eq!(may_delete(Sight { whole: false, ..all }, &known, None), Err(Held::Partial));
        assert_eq!(may_delete(Sight { live: false, ..all }, &known, None), Err(Held::Blind));
        assert_eq!(may_delete(all, &StoreIdentity::Unknown, None), Err(Held::StoreUnknown));
        let paused = SmolStr::new("paused");
        assert_eq!(may_delete(all, &known, Some(&paused)), Err(Held::Suspended(paused)));
        let replaced = StoreIdentity::Replaced { remembered: "a".into(), found: "b".into() };
        assert!(matches!(may_delete(all, &replaced, None), Err(Held::StoreReplaced { .. })));
    }

    #[test]
    fn the_brake_stops_at_a_share_of_what_is_missing_and_not_at_what_was_seen() {
        let mut brake = Brake::default();
        let now = Instant::now();
        for _ in 0..100 {
            assert_eq!(brake.ask(Absence::Seen, 100, now), Ok(()));
        }
        let let_through =
            (0..100).take_while(|gone| brake.ask(Absence::Missing, 100 - gone, now).is_ok()).count();
        assert_eq!(let_through, 20);
        assert!(matches!(brake.ask(Absence::Missing, 80, now), Err(Held::Brake { asked: 21, of: 100 })));
        brake.release(now + Duration::from_secs(60));
        assert_eq!(brake.ask(Absence::Missing, 80, now), Ok(()));
        let later = now + WINDOW + Duration::from_secs(61);
        assert_eq!(brake.ask(Absence::Missing, 79, later), Ok(()), "what is long ago counts no more");
    }

    #[test]
    fn a_handful_is_always_let_through() {
        let mut brake = Brake::default();
        let now = Instant::now();
        for gone in 0..5 {
            assert_eq!(brake.ask(Absence::Missing, 5 - gone, now), Ok(()));
        }
    }
}
