//! Whether the tenant's controllers are at work: their manager renews its Lease.
//!
//! Clocks are not compared: what counts is for how long *we* have seen the Lease unchanged. Only of the first look, when
//! there is nothing to compare with, the server's own time (the `Date` of its answer) says how old the renewal is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::serve::checks::Health;

/// Term of a Lease that names none: the default of Kubernetes' own components.
const TERM: Duration = Duration::from_secs(15);

/// What a Lease says.
#[derive(Debug, Clone, Deserialize)]
pub struct Lease {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: SmolStr,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    lease_duration_seconds: Option<u64>,
    renew_time: Option<DateTime<Utc>>,
}

/// What has been seen of the Lease.
#[derive(Debug, Clone, Default)]
pub enum Sight {
    /// Nobody has looked yet, or it could not be read.
    #[default]
    Unseen,
    /// There is none, and never was while we looked.
    Absent,
    /// It was renewed while we looked, and is gone.
    Gone,
    /// It is there.
    There {
        /// Its revision.
        revision: SmolStr,
        /// When it was renewed last, as far as we can tell; none when that is too long ago to be told.
        renewed: Option<Instant>,
        /// For how long a renewal is good.
        term: Duration,
        /// We have seen it being renewed.
        lively: bool,
    },
}

impl Sight {
    /// What is known after this look at the Lease; `server` is the time by the clock of the server that has answered.
    pub fn after(self, lease: Option<&Lease>, server: Option<DateTime<Utc>>, now: Instant) -> Sight {
        let Some(lease) = lease else {
            return match self {
                Sight::There { lively: true, .. } | Sight::Gone => Sight::Gone,
                _ => Sight::Absent,
            };
        };
        let revision = lease.metadata.resource_version.clone();
        let term =
            lease.spec.lease_duration_seconds.map_or(TERM, Duration::from_secs).max(Duration::from_secs(1));
        match self {
            Sight::There { revision: before, renewed, lively, .. } if before == revision => {
                Sight::There { revision, renewed, term, lively }
            }
            Sight::There { .. } | Sight::Gone | Sight::Absent => {
                Sight::There { revision, renewed: Some(now), term, lively: true }
            }
            Sight::Unseen => {
                let age = lease.spec.renew_time.zip(server).map(|(renewed, server)| server - renewed);
                // A renewal in the future is as fresh as can be.
                let age = age.map(|age| age.to_std().unwrap_or_default());
                let renewed = age.and_then(|age| now.checked_sub(age));
                Sight::There { revision, renewed, term, lively: false }
            }
        }
    }

    /// How old the last renewal is; none when that is not known.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        match self {
            Sight::There { renewed, .. } => renewed.map(|renewed| now.duration_since(renewed)),
            _ => None,
        }
    }

    /// How the tenant's controllers are. A Lease that was old before we came may be left by one who elects no leader any
    /// more: that says nothing.
    pub fn health(&self, now: Instant) -> Health {
        let unknown = |why: &str| Health::Unknown(why.to_owned());
        match self {
            Sight::Unseen => unknown("its Lease was not read yet"),
            Sight::Absent => unknown("it has no Lease: it elects no leader, or has never run"),
            Sight::Gone => Health::Bad("its Lease is gone".to_owned()),
            Sight::There { term, lively, .. } => match self.age(now) {
                Some(age) if age <= *term * 2 => Health::Good,
                Some(age) if *lively => {
                    Health::Bad(format!("its Lease has not been renewed for {} s", age.as_secs()))
                }
                _ => unknown("its Lease had run out before we looked: it elects no leader, or does not run"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use serde_json::json;

    const SERVER: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

    fn lease(revision: u32, age: i64) -> Lease {
        let renewed = (SERVER + TimeDelta::days(1) - TimeDelta::seconds(age)).to_rfc3339();
        let lease = json!({"metadata": {"resourceVersion": revision.to_string()},
            "spec": {"leaseDurationSeconds": 15, "renewTime": renewed}});
        serde_json::from_value(lease).expect("a Lease")
    }

    fn first(age: i64, now: Instant) -> Sight {
        Sight::default().after(Some(&lease(1, age)), Some(SERVER + TimeDelta::days(1)), now)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_look_judges_by_the_servers_time_and_all_others_by_our_own_watch() {
        let now = Instant::now() + seconds(100_000);
        assert_eq!(first(5, now).health(now), Health::Good);
        assert_eq!(first(-7200, now).health(now), Health::Good, "its clock is ahead of the server's");
        assert!(
            matches!(first(3600, now).health(now), Health::Unknown(why) if why.contains("before we looked"))
        );
        // Its clock is an hour behind: the renewal that we see counts, not the time it writes.
        let later = now + seconds(10);
        let renewed = first(3600, now).after(Some(&lease(2, 3600)), None, later);
        assert_eq!(renewed.health(later), Health::Good);
        let unchanged = renewed.after(Some(&lease(2, 3600)), None, later + seconds(31));
        assert_eq!(
            unchanged.health(later + seconds(31)),
            Health::Bad("its Lease has not been renewed for 31 s".into())
        );
    }

    #[test]
    fn that_there_is_none_says_nothing_unless_there_was_a_lively_one() {
        let now = Instant::now() + seconds(100_000);
        let absent = Sight::default().after(None, None, now);
        assert!(matches!(absent.health(now), Health::Unknown(_)));
        let born = absent.after(Some(&lease(1, 0)), None, now);
        assert_eq!(born.health(now), Health::Good);
        let gone = born.after(None, None, now);
        assert!(matches!(gone.health(now), Health::Bad(_)));
        assert!(matches!(first(3600, now).after(None, None, now).health(now), Health::Unknown(_)));
    }
}
