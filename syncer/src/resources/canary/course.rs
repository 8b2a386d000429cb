//! How the canary's turns went.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::RngExt;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};
use tokio::time::Instant;
use v9s::cluster::lean::Lean;

use crate::engine::key::Side;
use crate::engine::lag::Spread;
use crate::engine::mirror::{Teller, field};

/// So many intervals without a turn that came home are trouble.
const MISSED: u32 = 3;

/// What an object of the canary says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Which turn.
    pub number: u64,
    /// When it was decided upon, by the clock of the one who did.
    pub begun: DateTime<Utc>,
    /// Which process that was.
    pub by: SmolStr,
}

impl Turn {
    /// Reads it; none of what the canary did not write.
    pub fn of(object: &Lean) -> Option<Turn> {
        let data = field(Some(object), "data");
        let text = |key: &str| data.get(key).and_then(Value::as_str);
        let begun = DateTime::parse_from_rfc3339(text("begun")?).ok()?.with_timezone(&Utc);
        Some(Turn { number: text("turn")?.parse().ok()?, begun, by: text("by")?.into() })
    }
}

/// Times of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// From the decision until the host's watch told of it.
    pub round_trip: Duration,
    /// Until the write to the tenant's object was answered.
    pub to_virtual: Duration,
    /// From there until the write to the host's was answered.
    pub to_host: Duration,
}

/// The record of all turns.
#[derive(Debug)]
pub struct Course {
    /// What this process calls itself in the objects: only what it has begun itself can be timed by its own clock.
    pub by: SmolStr,
    every: Option<Duration>,
    record: Mutex<Record>,
}

/// What is known of the canary.
#[derive(Debug, Clone)]
pub struct Record {
    /// Turns of this process that came home.
    pub flights: u64,
    /// The last of them.
    pub last: Option<Flight>,
    /// When anybody's turn came home last; before the first one, when the process began.
    pub home: Instant,
    /// Whether any came home.
    pub seen: bool,
    /// All round trips.
    pub round_trips: Spread,
    /// The first legs of all.
    pub to_virtual: Spread,
    /// The second legs of all.
    pub to_host: Spread,
    /// The turn that the host's watch told of last.
    told: Option<(SmolStr, u64)>,
    under_way: Option<UnderWay>,
}

/// A turn that has not come home yet.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    number: u64,
    /// How long its first write took.
    to_virtual: Duration,
    /// When that was answered.
    there: DateTime<Utc>,
    /// How long it took from there until its second write was answered.
    to_host: Option<Duration>,
}

impl Record {
    /// A turn of this process is home. A watch may tell of it before its write is answered.
    fn came_home(&mut self, number: u64, round_trip: Duration) {
        let Some(leg) = self.under_way.take().filter(|leg| leg.number == number) else { return };
        let to_virtual = leg.to_virtual;
        let to_host = leg.to_host.unwrap_or_else(|| round_trip.saturating_sub(to_virtual));
        self.flights += 1;
        self.round_trips.add(round_trip);
        self.to_virtual.add(to_virtual);
        self.to_host.add(to_host);
        self.last = Some(Flight { round_trip, to_virtual, to_host });
    }
}

impl Course {
    /// An empty record; without an interval the canary stays at home.
    pub fn new(every: Option<Duration>) -> Self {
        let by = format_smolstr!("{:016x}", rand::rng().random::<u64>());
        let record = Record {
            flights: 0,
            last: None,
            home: Instant::now(),
            seen: false,
            round_trips: Spread::default(),
            to_virtual: Spread::default(),
            to_host: Spread::default(),
            told: None,
            under_way: None,
        };
        Course { by, every, record: Mutex::new(record) }
    }

    /// How often it flies; none when it does not.
    pub fn every(&self) -> Option<Duration> {
        self.every
    }

    /// What is known now.
    pub fn record(&self) -> Record {
        self.lock().clone()
    }

    /// Somebody has told of a turn at this time.
    pub(super) fn told(&self, side: Side, turn: &Turn, by: Teller, now: DateTime<Utc>) {
        let mut record = self.lock();
        // The clock may have been set back meanwhile.
        let since = |then: DateTime<Utc>| (now - then).to_std().unwrap_or_default();
        let own = turn.by == self.by;
        match (side, by) {
            (Side::Virtual, Teller::Answer) if own => {
                record.under_way = Some(UnderWay {
                    number: turn.number,
                    to_virtual: since(turn.begun),
                    there: now,
                    to_host: None,
                });
            }
            (Side::Host, Teller::Answer) if own => {
                let under_way = record.under_way.as_mut().filter(|leg| leg.number == turn.number);
                if let Some(leg) = under_way {
                    leg.to_host = Some(since(leg.there));
                }
            }
            (Side::Host, Teller::Watch) => {
                let told = Some((turn.by.clone(), turn.number));
                if std::mem::replace(&mut record.told, told.clone()) == told {
                    return;
                }
                record.home = Instant::now();
                record.seen = true;
                if own {
                    record.came_home(turn.number, since(turn.begun));
                }
            }
            _ => {}
        }
    }

    /// Why it is not coming round, if it is not; it never is in trouble when it does not fly.
    pub fn trouble(&self) -> Option<String> {
        let every = self.every?;
        let record = self.lock();
        let away = record.home.elapsed();
        if !record.seen {
            return Some(format!("has not come round in the {} s since the start", away.as_secs()));
        }
        (away > every * MISSED).then(|| format!("has not come round for {} s", away.as_secs()))
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
