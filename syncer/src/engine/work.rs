//! From the queue to the API servers: one pair at a time is planned, its writes are carried out, their answers taken in.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use smol_str::{SmolStr, format_smolstr};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use v9s::cluster::Failure;
use v9s::cluster::lean::Lean;

use super::gate::{Held, may_delete};
use super::index::Told;
use super::intake::{are_partners, forget, take};
use super::key::{Key, Side};
use super::mirror::{At, Origin, Teller};
use super::plan::{Absence, Note, Plan, Write};
use super::queue::Turn;
use super::state::{Awaited, Flips, State};
use super::tally::Outcome;
use super::writer::{Done, Next, next};
use super::{OF_ONE_NAMESPACE, Shared, UNDER_WAY};

/// Writes of one pair in a row, without a change of the tenant's, that make it a fight with somebody.
const FIGHT: u32 = 12;
/// In this time.
const FIGHT_WINDOW: Duration = Duration::from_secs(60);
/// How long such a pair is left alone.
const QUARANTINE: Duration = Duration::from_secs(300);
/// How soon a deletion that is held back is asked for again.
const HELD: Duration = Duration::from_secs(10);
/// How long a watch may take to tell of a write whose answer did not show the object.
const UNSEEN: Duration = Duration::from_secs(3);
/// A foreign object is not looked at more often than this.
const FOREIGN: Duration = Duration::from_secs(30);

/// Works until it is stopped.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let wake = shared.wake.notified();
        let (turn, due) = {
            let mut state = shared.lock();
            let room = state.queue.under_way() < UNDER_WAY && !stop.is_cancelled();
            let turn = if room { state.queue.next(OF_ONE_NAMESPACE, Instant::now()) } else { None };
            if turn.is_none() && state.queue.under_way() == 0 {
                state.give_back();
            }
            (turn, state.queue.next_due().filter(|_| room))
        };
        if let Some(turn) = turn {
            work_on(&shared, turn);
            // Watches and answers have their turn, too.
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = wake => {}
            () = sleep_until(due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))) => {}
        }
    }
}

/// Decides about a pair; what is to be written is written on a task of its own.
fn work_on(shared: &Arc<Shared>, turn: Turn) {
    let mut state = shared.lock();
    let state = &mut *state;
    state.counts.plans += 1;
    let plan = decide(shared, state, &turn.key);
    if let Some(told) = &plan.note {
        note(shared, state, &turn.key, told);
    }
    match &plan.waits_for {
        Some(why) => state.set_pending(&turn.key, why.clone(), turn.since),
        None if plan.writes.is_empty() => drop(state.pending.remove(&turn.key)),
        None => {}
    }
    if plan.writes.is_empty() {
        let now = Instant::now();
        state.index.rest(&turn.key);
        state.queue.done(&turn.key, now);
        if let Some(wait) = plan.again {
            state.queue.add_after(turn.key, wait, now);
        }
        return;
    }
    tokio::spawn(write(Arc::clone(shared), turn, plan));
}

fn decide(shared: &Shared, state: &mut State, key: &Key) -> Plan {
    if let Some(why) = &state.suspended {
        return Plan::wait(format!("the virtual cluster is {why}"));
    }
    let Some(mirror) = shared.mirror(key.kind) else { return Plan::nothing() };
    let sight = state.sight(shared, key.kind);
    if !sight.whole {
        // A partner that is not listed yet is not missing.
        return Plan::nothing();
    }
    let at = at(shared, state, key);
    let revision = at.v.map(|v| v.metadata.resource_version.clone()).unwrap_or_default();
    if let Some(awaited) = state.awaited.get(key) {
        let left = awaited.until.saturating_duration_since(Instant::now());
        if awaited.revision == revision && !left.is_zero() {
            return Plan::nothing().again_after(left);
        }
    }
    let mut plan = mirror.plan(&at);
    let held = plan.writes.iter().find_map(|write| match write {
        Write::Delete { side, because, .. } => hold(shared, state, key, *side, *because).err(),
        _ => None,
    });
    if let Some(held) = held {
        state.counts.held += 1;
        let why = SmolStr::from(held.to_string());
        return Plan { writes: Vec::new(), waits_for: Some(why), again: Some(HELD), ..plan };
    }
    state.awaited.remove(key);
    if !plan.writes.is_empty() && is_fight(state, key, &revision) {
        state.counts.quarantines += 1;
        let what = super::drift::contested(&plan);
        plan.writes.clear();
        let why = format_smolstr!("somebody keeps undoing what is written ({what}): left alone for a while");
        plan.waits_for = Some(why);
        plan.again = Some(QUARANTINE);
    }
    plan
}

/// A pair as plans see it now.
fn at<'a>(shared: &'a Shared, state: &'a State, key: &'a Key) -> At<'a> {
    let pair = state.index.pair(key);
    let seen = state.seen_gone.contains_key(key);
    At {
        key,
        v: pair.and_then(|pair| pair.v.as_deref()),
        h: pair.and_then(|pair| pair.h.as_deref()),
        absence: if seen { Absence::Seen } else { Absence::Missing },
        view: state.index.view(),
        kinds: shared,
        ctx: &shared.ctx,
        now: Utc::now(),
    }
}

/// What a kind would do about a pair, without doing anything about it.
pub(super) fn plan_of(shared: &Shared, state: &State, key: &Key) -> Option<Plan> {
    shared.mirror(key.kind).map(|mirror| mirror.plan(&at(shared, state, key)))
}

/// Whether this deletion must wait.
fn hold(shared: &Shared, state: &mut State, key: &Key, side: Side, because: Absence) -> Result<(), Held> {
    may_delete(state.sight(shared, key.kind), &state.store, state.suspended.as_ref())?;
    // That nothing uses it is only known when all that could has been listed.
    if because == Absence::Unwanted && !shared.kind_ids().all(|kind| state.sight(shared, kind).whole) {
        return Err(Held::Partial);
    }
    let of = state.index.count(key.kind, side);
    state.brakes.entry(key.kind).or_default().ask(because, of, Instant::now())
}

/// Whether a pair has been written too often with the tenant's object unchanged. What was tried and refused is no sign of
/// a fight: while a watch is away, every try meets a conflict.
fn is_fight(state: &State, key: &Key, revision: &SmolStr) -> bool {
    let flips = state.flips.get(key);
    flips.is_some_and(|flips| flips.is_fight() && flips.is_of(revision, Instant::now()))
}

impl State {
    /// A pair was written while the tenant's object was in this state.
    fn count_flip(&mut self, key: &Key, revision: &SmolStr, now: Instant) {
        match self.flips.get_mut(key) {
            Some(flips) if flips.is_of(revision, now) => flips.writes += 1,
            _ => drop(self.flips.insert(key.clone(), Flips::first(revision.clone(), now))),
        }
    }

    /// Writes so long ago are no sign of a fight.
    pub(super) fn forget_old_flips(&mut self, now: Instant) {
        self.flips.retain(|_, flips| now.duration_since(flips.since) <= FIGHT_WINDOW || flips.is_fight());
    }
}

impl Flips {
    /// One that is written first now.
    fn first(revision: SmolStr, now: Instant) -> Self {
        Flips { writes: 1, since: now, virtual_revision: revision }
    }

    /// Whether they are of this state of the tenant's object, and not too long ago.
    fn is_of(&self, revision: &SmolStr, now: Instant) -> bool {
        self.virtual_revision == *revision && now.duration_since(self.since) <= FIGHT_WINDOW
    }

    /// Whether these are too many.
    pub(super) fn is_fight(&self) -> bool {
        self.writes >= FIGHT
    }
}

/// Carries out a plan's writes in order; the first that fails ends it.
async fn write(shared: Arc<Shared>, turn: Turn, plan: Plan) {
    let key = &turn.key;
    for (nth, write) in plan.writes.iter().enumerate() {
        let before = revision_of_virtual(&shared, key);
        let answered = shared.writer.carry_out(write).await;
        let mut state = shared.lock();
        let state = &mut *state;
        match answered {
            Ok(done) => {
                let now = Instant::now();
                let since = state.pending.get(key).map_or(turn.since, |pending| pending.since);
                state.counts.writes[write.side() as usize] += 1;
                state.tally.add(key.kind, write, Outcome::Ok, now);
                if nth == 0 {
                    state.count_flip(key, &before, now);
                }
                state.lags.add(key.kind, write.side(), now.duration_since(since), now);
                if let Some(wait) = took(&shared, state, key, write, done, before) {
                    state.queue.failed(key, Some(wait), Instant::now());
                    shared.wake.notify_one();
                    return;
                }
            }
            Err(failure) => {
                state.counts.failures += 1;
                state.tally.add(key.kind, write, Outcome::of(&failure), Instant::now());
                failed(&shared, state, &turn, write, &failure);
                shared.wake.notify_one();
                return;
            }
        }
    }
    let mut state = shared.lock();
    let now = Instant::now();
    state.pending.remove(key);
    state.queue.done(key, now);
    // What was written may call for more: plans see the answer at once.
    state.queue.add(key.clone(), super::queue::Urgency::Now, now);
    if let Some(wait) = plan.again {
        state.queue.add_after(key.clone(), wait, now);
    }
    drop(state);
    shared.wake.notify_one();
}

fn revision_of_virtual(shared: &Shared, key: &Key) -> SmolStr {
    let state = shared.lock();
    let seen = state.index.pair(key).and_then(|pair| pair.v.as_ref());
    seen.map(|v| v.metadata.resource_version.clone()).unwrap_or_default()
}

/// Takes the answer in. With a wait when the pair cannot go on for now.
fn took(
    shared: &Shared,
    state: &mut State,
    key: &Key,
    write: &Write,
    done: Done,
    before: SmolStr,
) -> Option<Duration> {
    match done {
        Done::Aside => None,
        Done::Blind => {
            let awaited = Awaited { revision: before, until: Instant::now() + UNSEEN };
            state.awaited.insert(key.clone(), awaited);
            None
        }
        Done::Gone(side) => {
            let partners = are_partners(state, key);
            if let Write::Delete { uid, .. } = write
                && state.index.remove(side, key, Some(uid)) == Told::Gone
            {
                forget(shared, state, side, key, partners);
            }
            None
        }
        Done::Object(side, object) if state.queue.has_ended(key, side, &object.metadata.uid) => None,
        Done::Object(side, object) => {
            let object = kept(shared, key, side, *object);
            if let Some(mirror) = shared.mirror(key.kind) {
                mirror.told(side, &object, Teller::Answer);
            }
            take(shared, state, side, key, object, false);
            None
        }
        Done::Exists(side, object) => exists(shared, state, key, side, *object),
    }
}

/// Something of the wanted name is there: ours, whose creation was answered into the void, or a stranger's.
fn exists(shared: &Shared, state: &mut State, key: &Key, side: Side, object: Lean) -> Option<Duration> {
    let ours = match (side, shared.mirror(key.kind)) {
        (Side::Virtual, _) | (_, None) => true,
        (Side::Host, Some(mirror)) => mirror.origin(&shared.ctx, &object) == Origin::Ours(key.object.clone()),
    };
    if ours {
        let object = kept(shared, key, side, object);
        take(shared, state, side, key, object, false);
        return None;
    }
    let why = "an object of the name that is needed on the host belongs to somebody else; it is left alone";
    note(shared, state, key, &Note::error(why));
    state.set_pending(key, why, Instant::now());
    Some(FOREIGN)
}

fn kept(shared: &Shared, key: &Key, side: Side, object: Lean) -> Arc<Lean> {
    Arc::new(match shared.mirror(key.kind) {
        Some(mirror) => mirror.keep(side, object),
        None => object,
    })
}

fn failed(shared: &Shared, state: &mut State, turn: &Turn, write: &Write, failure: &Failure) {
    let now = Instant::now();
    let key = &turn.key;
    let target = write.target();
    let kind = shared.kind_name(key.kind);
    state.set_pending(key, failure.message.clone(), turn.since);
    match next(failure) {
        Next::Again => {
            tracing::debug!(kind, object = %key.object, %failure, "something else was faster");
            state.queue.failed(key, None, now);
        }
        Next::Vanished => {
            tracing::debug!(kind, object = %key.object, %failure, "it is not there any more");
            if let Write::Patch { side, .. } | Write::Delete { side, .. } = write {
                state.index.remove(*side, key, None);
                forget(shared, state, *side, key, false);
            }
            state.queue.failed(key, None, now);
        }
        Next::Refused => {
            tracing::warn!(kind, object = %key.object, %target, %failure, "refused");
            if write.side() == Side::Host {
                let said = crate::translate::words::for_tenant(&shared.ctx, key, &failure.message);
                note(shared, state, key, &Note::error(said));
            }
            state.queue.failed(key, Some(Duration::from_secs(1)), now);
        }
        Next::Later(wait) => {
            tracing::warn!(kind, object = %key.object, %target, %failure, "cannot be written now");
            state.queue.failed(key, wait, now);
        }
    }
}

fn note(shared: &Shared, state: &State, key: &Key, note: &Note) {
    let source = shared.source(key.kind, Side::Virtual);
    if let Some(object) = state.index.pair(key).and_then(|pair| pair.v.clone()) {
        shared.notes.tell(source, &object, note);
    }
}
