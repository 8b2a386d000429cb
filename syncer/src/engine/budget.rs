//! How many writes may be under way on one server: as many as it takes, fewer when it says so.
//!
//! Additive increase, multiplicative decrease, steered by the server's own 429s (priority and fairness): a fixed rate is
//! either too slow for a strong server or too fast for a busy one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Fewest writes under way.
const LEAST: f64 = 1.0;
/// Pause after a 429 that names none.
const PAUSE: Duration = Duration::from_millis(500);

/// The budget of one server.
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    freed: Notify,
    most: f64,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: usize,
    /// No write begins before this.
    paused_until: Option<Instant>,
}

/// The right to have one write under way; given back when dropped.
#[derive(Debug)]
pub struct Permit<'a>(&'a Budget);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
        self.0.freed.notify_one();
    }
}

impl Budget {
    /// A budget that begins with half of `most` and never exceeds it.
    pub fn new(most: usize) -> Self {
        let most = (most as f64).max(LEAST);
        let state = State { limit: (most / 2.0).max(LEAST), under_way: 0, paused_until: None };
        Budget { state: Mutex::new(state), freed: Notify::new(), most }
    }

    /// Waits for the right to begin a write.
    pub async fn begin(&self) -> Permit<'_> {
        loop {
            let freed = self.freed.notified();
            let paused = {
                let mut state = self.lock();
                let now = Instant::now();
                let paused = state.paused_until.filter(|until| *until > now);
                if paused.is_none() && (state.under_way as f64) < state.limit.floor().max(LEAST) {
                    state.under_way += 1;
                    return Permit(self);
                }
                paused
            };
            match paused {
                Some(until) => sleep_until(until).await,
                None => freed.await,
            }
        }
    }

    /// The server did what was asked.
    pub fn succeeded(&self) {
        let mut state = self.lock();
        state.limit = (state.limit + 1.0 / state.limit).min(self.most);
        drop(state);
        self.freed.notify_one();
    }

    /// The server asked for patience.
    pub fn refused(&self, retry_after: Option<Duration>) {
        let mut state = self.lock();
        let until = Instant::now() + retry_after.unwrap_or(PAUSE);
        // Refusals that were under way together are one sign, not many.
        if state.paused_until.is_none_or(|before| before < Instant::now()) {
            state.limit = (state.limit / 2.0).max(LEAST);
        }
        state.paused_until = Some(state.paused_until.map_or(until, |before| before.max(until)));
    }

    /// How many writes may be under way now.
    pub fn limit(&self) -> usize {
        self.lock().limit as usize
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_halves_it_once_and_pauses_it_and_success_opens_it_slowly() {
        let budget = Budget::new(64);
        assert_eq!(budget.limit(), 32);
        budget.refused(Some(Duration::from_secs(3)));
        budget.refused(Some(Duration::from_secs(1)));
        assert_eq!(budget.limit(), 16);
        let began = Instant::now();
        drop(budget.begin().await);
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        for _ in 0..16 {
            budget.succeeded();
        }
        assert_eq!(budget.limit(), 16);
        for _ in 0..10_000 {
            budget.succeeded();
        }
        assert_eq!(budget.limit(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_are_under_way() {
        let budget = Budget::new(4);
        let (first, _second) = (budget.begin().await, budget.begin().await);
        assert!(tokio::time::timeout(Duration::from_secs(1), budget.begin()).await.is_err());
        drop(first);
        let _third = budget.begin().await;
    }
}
