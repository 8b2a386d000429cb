//! Waits for what a test wants to see, by looking again and again.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

/// What is waited for on a machine that compiles beside it.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);

/// Looks until there is something.
///
/// # Errors
/// When there is nothing within [`PATIENCE`].
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        ensure!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        sleep(LOOK).await;
    }
}
