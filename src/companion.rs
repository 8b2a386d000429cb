//! What the companion of a virtual cluster tells about it: one small ConfigMap beside it.
//!
//! Only the inside of a virtual cluster knows how far its host lags behind. The companion publishes it where one watch
//! of the host sees all of them: on change at most every [`AT_MOST_EVERY`], and every [`HEARTBEAT`] in any case.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Changes are not published more often than this.
pub const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// Without a change it is published this often: older than three of them means that the companion is gone.
pub const HEARTBEAT: Duration = Duration::from_secs(30);
/// Key in the ConfigMap.
pub const KEY: &str = "status.json";
/// Label of the ConfigMap, with the name of the virtual cluster.
pub const LABEL: &str = "v9s.io/status-of";
/// The version of this format; readers take any version up to theirs.
pub const VERSION: u32 = 1;

/// Name of the ConfigMap.
pub fn config_map(vcluster: &str) -> String {
    crate::names::safe_concat(&["vc-status", vcluster])
}

/// What a companion tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncerStatus {
    /// The format's version.
    pub version: u32,
    /// Version of the companion.
    pub syncer: SmolStr,
    /// Whether it writes, or only measures.
    pub mode: Mode,
    /// Which replica tells.
    pub identity: SmolStr,
    /// When this was true.
    pub time: Option<DateTime<Utc>>,
    /// Both sides were listed whole and can be watched.
    pub synced: bool,
    /// Why the whole is not working, if it is not: in one sentence.
    pub trouble: Option<SmolStr>,
    /// Pairs that are not in agreement, by kind.
    pub pending: BTreeMap<SmolStr, u32>,
    /// Seconds since the oldest of them was to be written.
    pub oldest_pending_seconds: Option<u64>,
    /// Work items that wait for their turn.
    pub queued: u32,
    /// Lag of the last minute or two: what the tenant did until it was on the host.
    pub to_host: LagStatus,
    /// The other way.
    pub to_virtual: LagStatus,
    /// Why pairs are not in agreement: the first few reasons, each once.
    pub reasons: Vec<SmolStr>,
    /// What the health of the whole cannot be judged by, in sentences: neither good nor bad.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<SmolStr>,
    /// Lag of the last minute or two by kind, of those that had any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<SmolStr, KindLag>,
    /// Whether this replica writes; none where there is one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
    /// A small object that goes round, so that an idle virtual cluster has a lag too; none when it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStatus>,
    /// Pairs that have disagreed for long; none while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftStatus>,
    /// How the API servers answer: the virtual cluster's, and the host's; none before they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apis: Option<[ApiStatus; 2]>,
    /// Objects on the host whose virtual object is not there, and has not been for long; none while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphans: Option<DriftStatus>,
    /// How the writes of the last minute or two were answered, virtual and host; none where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<[WriteStatus; 2]>,
}

/// How the writes on one side were answered lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WriteStatus {
    /// All of them.
    pub answered: u64,
    /// 429: the server asked for patience.
    pub throttled: u64,
    /// 409: somebody was faster.
    pub conflicts: u64,
    /// 401, 403, 422 and the like.
    pub refused: u64,
    /// The server failed or could not be reached.
    pub failed: u64,
    /// How many may be under way at once now.
    pub limit: u32,
}

/// How the canary flies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatus {
    /// A turn begins this often.
    pub every_seconds: u64,
    /// Turns that came home since the companion began.
    pub flights: u64,
    /// When the last one came home.
    pub home: Option<DateTime<Utc>>,
    /// How long the last one took, through both API servers.
    pub round_trip_millis: Option<u64>,
    /// Its first leg, until the write to the virtual cluster was answered.
    pub to_virtual_millis: Option<u64>,
    /// Its second leg, until the write to the host was answered.
    pub to_host_millis: Option<u64>,
    /// Why it does not come round.
    pub trouble: Option<SmolStr>,
}

/// Lag of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KindLag {
    /// What the tenant did until it was on the host.
    pub to_host: LagStatus,
    /// The other way.
    pub to_virtual: LagStatus,
}

/// Pairs that have disagreed for longer than a minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftStatus {
    /// How many, by kind.
    pub counts: BTreeMap<SmolStr, u32>,
    /// How many of them are left alone because somebody keeps undoing what is written.
    pub quarantined: u32,
    /// The oldest of them; not all when there are many.
    pub objects: Vec<DriftedObject>,
}

/// One of them, as the tenant names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftedObject {
    /// `pods`, `ingresses.networking.k8s.io`.
    pub kind: SmolStr,
    /// Namespace in the virtual cluster.
    pub namespace: Option<SmolStr>,
    /// Name in the virtual cluster.
    pub name: SmolStr,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is in the way.
    pub why: SmolStr,
    /// Somebody keeps undoing what is written.
    pub quarantined: bool,
}

/// How an API server answered last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiStatus {
    /// How long its answer took, when it said that it is ready.
    pub answered_millis: Option<u64>,
    /// What it said instead.
    pub trouble: Option<SmolStr>,
}

/// Whether a companion writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It mirrors objects.
    #[default]
    Sync,
    /// It stands beside another syncer and measures.
    Observe,
}

/// Lag in one direction, in milliseconds; none where nothing was written lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LagStatus {
    /// How many changes.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50_millis: Option<u64>,
    /// Of a hundred, 99 took at most this long.
    pub p99_millis: Option<u64>,
    /// The longest.
    pub max_millis: Option<u64>,
}

/// Reads what a companion has published.
///
/// # Errors
/// When it is not of a version that we know, in one sentence.
pub fn read(text: &str) -> Result<SyncerStatus, SmolStr> {
    let status: SyncerStatus = serde_json::from_str(text)
        .map_err(|_| SmolStr::new_static("the status of the companion cannot be read"))?;
    match status.version {
        1..=VERSION => Ok(status),
        newer => Err(smol_str::format_smolstr!(
            "the companion speaks version {newer} of its status, v9s up to {VERSION}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_can_be_read_and_a_newer_format_says_so() {
        let status =
            SyncerStatus { version: VERSION, syncer: "0.1.0".into(), queued: 3, ..SyncerStatus::default() };
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(read(&text), Ok(status));
        assert!(!text.contains("canary"), "what is not known takes no room: {text}");
        let full = SyncerStatus {
            version: VERSION,
            canary: Some(CanaryStatus { flights: 7, ..CanaryStatus::default() }),
            drift: Some(DriftStatus { objects: vec![DriftedObject::default()], ..DriftStatus::default() }),
            apis: Some(<[ApiStatus; 2]>::default()),
            writes: Some(<[WriteStatus; 2]>::default()),
            ..SyncerStatus::default()
        };
        assert_eq!(read(&serde_json::to_string(&full).unwrap()), Ok(full));
        assert_eq!(read(r#"{"version": 1, "ofTheFuture": true}"#).map(|status| status.queued), Ok(0));
        assert!(read(r#"{"version": 9}"#).unwrap_err().contains("version 9"));
        assert!(read("{}").is_err() && read("secret").unwrap_err().ends_with("cannot be read"));
    }
}
