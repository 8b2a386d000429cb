//! Events of a namespace, the newest first.

use chrono::{DateTime, Utc};
use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};

use super::{Continue, ReadError};
use crate::cluster::http::unbuildable;
use crate::cluster::{Cluster, Failure, Resource};
use crate::time;

/// Events that are read at most; servers keep them for an hour.
const MOST: usize = 5000;

/// Type of an event. Whatever is no warning is normal, as `kubectl` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Somebody should look.
    Warning,
    /// For the record.
    Normal,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its own UID.
    pub uid: SmolStr,
    /// Its type.
    pub kind: EventKind,
    /// One word, such as `FailedScheduling`.
    pub reason: SmolStr,
    /// Kind and name of what it is about: `Pod/web-0`.
    pub object: SmolStr,
    /// What happened, as the reporter wrote it.
    pub message: SmolStr,
    /// How often.
    pub count: u32,
    /// When it happened first.
    pub first: Option<DateTime<Utc>>,
    /// When it happened last.
    pub last: Option<DateTime<Utc>>,
    /// Who says so.
    pub source: SmolStr,
}

impl Cluster {
    /// The events of a namespace, the newest first.
    ///
    /// # Errors
    /// When they may not be listed, or the server cannot be reached.
    pub async fn events(&self, namespace: &str) -> Result<Vec<EventRow>, ReadError> {
        let read = self.read_events(namespace, None).await;
        read.map_err(|failure| self.error(format!("list events in {namespace}"), failure))
    }

    /// The events about the object with this UID, the newest first.
    ///
    /// # Errors
    /// When they may not be listed, or the server cannot be reached.
    pub async fn events_of(&self, namespace: &str, uid: &str) -> Result<Vec<EventRow>, ReadError> {
        let read = self.read_events(namespace, Some(uid)).await;
        read.map_err(|failure| self.error(format!("list the events of {uid} in {namespace}"), failure))
    }

    async fn read_events(&self, namespace: &str, uid: Option<&str>) -> Result<Vec<EventRow>, Failure> {
        let mut rows = Vec::new();
        let mut params = ListParams::default().limit(500);
        if let Some(uid) = uid {
            params = params.fields(&format!("involvedObject.uid={uid}"));
        }
        loop {
            let request = Request::new(Resource::EVENTS.path(Some(namespace))).list(&params);
            let page: EventList = self.json(request.map_err(|error| unbuildable(&error))?).await?;
            rows.extend(page.items.into_iter().map(EventRow::from));
            match page.metadata.next.filter(|token| !token.is_empty()) {
                Some(token) if rows.len() < MOST => params.continue_token = Some(token),
                _ => break,
            }
        }
        rows.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.uid.cmp(&b.uid)));
        Ok(rows)
    }
}

#[derive(Deserialize)]
struct EventList {
    metadata: Continue,
    #[serde(default)]
    items: Vec<Event>,
}

/// An event as either of the two API groups writes it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    metadata: EventMeta,
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<SmolStr>,
    message: Option<SmolStr>,
    involved_object: Involved,
    count: Option<u32>,
    first_timestamp: Option<String>,
    last_timestamp: Option<String>,
    event_time: Option<String>,
    series: Option<Series>,
    source: Source,
    reporting_component: Option<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct EventMeta {
    uid: SmolStr,
    creation_timestamp: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Involved {
    kind: Option<SmolStr>,
    name: Option<SmolStr>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    count: Option<u32>,
    last_observed_time: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Source {
    component: Option<SmolStr>,
}

impl From<Event> for EventRow {
    fn from(event: Event) -> Self {
        let at = |text: &Option<String>| text.as_deref().and_then(time::parse);
        let created = at(&event.metadata.creation_timestamp);
        let series = event.series.unwrap_or_default();
        let last = at(&series.last_observed_time).or(at(&event.last_timestamp)).or(at(&event.event_time));
        EventRow {
            uid: event.metadata.uid,
            kind: match event.kind.as_deref() {
                Some("Warning") => EventKind::Warning,
                _ => EventKind::Normal,
            },
            reason: event.reason.unwrap_or_default(),
            object: format_smolstr!(
                "{}/{}",
                event.involved_object.kind.unwrap_or_default(),
                event.involved_object.name.unwrap_or_default()
            ),
            message: event.message.unwrap_or_default(),
            count: series.count.or(event.count).unwrap_or(1).max(1),
            first: at(&event.first_timestamp).or(at(&event.event_time)).or(created),
            last: last.or(created),
            source: event
                .source
                .component
                .filter(|component| !component.is_empty())
                .or(event.reporting_component)
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event: serde_json::Value) -> EventRow {
        serde_json::from_value::<Event>(event).unwrap().into()
    }

    #[test]
    fn both_generations_of_events_are_read() {
        let old = row(serde_json::json!({
            "metadata": {"uid": "u1", "creationTimestamp": "2026-11-20T10:00:00Z"},
            "type": "Warning", "reason": "BackOff", "message": "Back-off restarting",
            "involvedObject": {"kind": "Pod", "name": "web-0"}, "count": 7,
            "firstTimestamp": "2026-11-20T10:00:00Z", "lastTimestamp": "2026-11-20T10:05:00Z",
            "eventTime": null, "source": {"component": "kubelet"}, "reportingComponent": "kubelet",
        }));
        assert_eq!((old.kind, old.count, old.object.as_str()), (EventKind::Warning, 7, "Pod/web-0"));
        assert_eq!(old.last, time::parse("2026-11-20T10:05:00Z"));
        let new = row(serde_json::json!({
            "metadata": {"uid": "u2"}, "type": "Normal", "reason": "Scheduled",
            "involvedObject": {"kind": "Pod", "name": "web-0"}, "firstTimestamp": null, "lastTimestamp": null,
            "eventTime": "2026-11-20T10:01:00.123456Z", "source": {}, "reportingComponent": "default-scheduler",
            "series": {"count": 3, "lastObservedTime": "2026-11-20T10:09:00.000000Z"},
        }));
        assert_eq!((new.kind, new.count, new.source.as_str()), (EventKind::Normal, 3, "default-scheduler"));
        assert_eq!(new.first, time::parse("2026-11-20T10:01:00.123456Z"));
        assert_eq!(new.last, time::parse("2026-11-20T10:09:00Z"));
        let bare = row(serde_json::json!({"metadata": {"creationTimestamp": "2026-11-20T10:00:00Z"}}));
        assert_eq!((bare.count, bare.last), (1, time::parse("2026-11-20T10:00:00Z")));
    }
}
