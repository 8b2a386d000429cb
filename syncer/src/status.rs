//! Publishes how the virtual cluster is doing: one ConfigMap beside it, which dashboards watch. Of several replicas the
//! leader tells.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::json;
use smol_str::SmolStr;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, Failure, FailureKind};
use v9s::companion::{self, AT_MOST_EVERY, ApiStatus, CanaryStatus, HEARTBEAT, LagStatus, SyncerStatus};

use crate::context::Context;
use crate::engine::lag::Spread;
use crate::requests;
use crate::serve::Told;

/// Publishes until it is stopped.
pub async fn publish(ctx: Context, host: Cluster, companion: Arc<dyn Told>, stop: CancellationToken) {
    let mut last: Option<(SyncerStatus, Instant)> = None;
    loop {
        let status = companion.status();
        let stale =
            last.as_ref().is_none_or(|(before, at)| differs(before, &status) || at.elapsed() >= HEARTBEAT);
        // Who follows leaves it to the leader to tell.
        if stale && status.leader != Some(false) {
            match write(&ctx, &host, &status).await {
                Ok(()) => last = Some((status, Instant::now())),
                Err(failure) => tracing::warn!(%failure, "the status cannot be published"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(AT_MOST_EVERY) => {}
        }
    }
}

/// Whether a reader would see a difference worth a write. Times and the canary's figures change all the time and are told
/// with the heartbeat.
fn differs(before: &SyncerStatus, now: &SyncerStatus) -> bool {
    let settled = |status: &SyncerStatus| {
        let canary = status.canary.as_ref().map(|canary| CanaryStatus {
            every_seconds: canary.every_seconds,
            trouble: canary.trouble.as_ref().map(|_| SmolStr::default()),
            ..CanaryStatus::default()
        });
        let answers = |apis: &[ApiStatus; 2]| apis.clone().map(|api| api.trouble);
        let apis = status.apis.as_ref().map(answers);
        let rest = SyncerStatus {
            time: None,
            oldest_pending_seconds: None,
            trouble: status.trouble.as_deref().map(without_numbers),
            canary: None,
            apis: None,
            ..status.clone()
        };
        (rest, canary, apis)
    };
    settled(before) != settled(now)
}

/// How long something has been wrong is no news.
fn without_numbers(text: &str) -> SmolStr {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// In milliseconds.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Lag as it is published.
pub fn lag(spread: &Spread) -> LagStatus {
    LagStatus {
        count: spread.count(),
        p50_millis: spread.quantile(0.5).map(millis),
        p99_millis: spread.quantile(0.99).map(millis),
        max_millis: (spread.count() > 0).then(|| millis(spread.max)),
    }
}

async fn write(ctx: &Context, host: &Cluster, status: &SyncerStatus) -> Result<(), Failure> {
    let name = companion::config_map(&ctx.vcluster);
    let text = serde_json::to_string(status).map_err(|error| {
        Failure::new(FailureKind::Rejected, format!("the status cannot be written: {error}"))
    })?;
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {companion::KEY: text},
        "metadata": {"name": name, "labels": {companion::LABEL: ctx.vcluster}}});
    let path = format!("/api/v1/namespaces/{}/configmaps/{name}", ctx.host_namespace);
    let path = format!("{path}?fieldManager={}&force=true", requests::MANAGER);
    requests::send(host, Method::PATCH, &path, requests::APPLY_PATCH, &body).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_change_all_the_time_are_no_reason_to_write() {
        let canary = |flights, trouble: Option<&str>| SyncerStatus {
            canary: Some(CanaryStatus {
                flights,
                trouble: trouble.map(Into::into),
                ..CanaryStatus::default()
            }),
            trouble: trouble.map(Into::into),
            ..SyncerStatus::default()
        };
        assert!(!differs(&canary(1, None), &canary(2, None)));
        assert!(differs(&canary(1, None), &canary(1, Some("has not come round for 31 s"))));
        assert!(!differs(&canary(1, Some("away for 31 s")), &canary(1, Some("away for 36 s"))));
        let queued = SyncerStatus { queued: 1, ..canary(1, None) };
        assert!(differs(&canary(1, None), &queued));
    }
}
