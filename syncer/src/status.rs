//! Publishes how the virtual cluster is doing: one ConfigMap beside it, which dashboards watch.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use http::Method;
use serde_json::json;
use smol_str::{SmolStr, format_smolstr};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, Failure, FailureKind};
use v9s::companion::{self, AT_MOST_EVERY, HEARTBEAT, LagStatus, Mode, SyncerStatus};

use crate::context::Context;
use crate::engine::Engine;
use crate::engine::lag::Spread;
use crate::{requests, serve};

/// Publishes until it is stopped.
pub async fn publish(
    ctx: Context,
    host: Cluster,
    engine: Arc<Engine>,
    identity: SmolStr,
    stop: CancellationToken,
) {
    let mut last: Option<(SyncerStatus, Instant)> = None;
    loop {
        let status = of(&engine, &identity);
        let stale =
            last.as_ref().is_none_or(|(before, at)| differs(before, &status) || at.elapsed() >= HEARTBEAT);
        if stale {
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

/// How the virtual cluster is doing now.
pub fn of(engine: &Engine, identity: &SmolStr) -> SyncerStatus {
    let report = engine.report();
    let troubles = serve::troubles(engine);
    let trouble = troubles
        .iter()
        .find_map(|(what, trouble)| trouble.as_ref().map(|why| format_smolstr!("{what}: {why}")));
    SyncerStatus {
        version: companion::VERSION,
        syncer: env!("CARGO_PKG_VERSION").into(),
        mode: Mode::Sync,
        identity: identity.clone(),
        time: Some(Utc::now()),
        synced: report.partial.is_empty() && report.blind.is_empty(),
        trouble,
        oldest_pending_seconds: report.oldest_pending.map(|oldest| oldest.as_secs()),
        queued: u32::try_from(report.queued).unwrap_or(u32::MAX),
        to_host: lag(&report.to_host),
        to_virtual: lag(&report.to_virtual),
        reasons: report.reasons,
        pending: report.pending,
    }
}

/// Whether a reader would see a difference worth a write; times alone are none.
fn differs(before: &SyncerStatus, now: &SyncerStatus) -> bool {
    let settled =
        |status: &SyncerStatus| SyncerStatus { time: None, oldest_pending_seconds: None, ..status.clone() };
    settled(before) != settled(now)
}

fn lag(spread: &Spread) -> LagStatus {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
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
