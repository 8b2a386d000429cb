//! Watching: the log of a kind, read by a cursor and sent as it grows.

use super::body::{self, Body, Torn};
use super::encode::{Encoder, error_event};
use super::read::{refuse_options, revision, selector};
use super::{Api, Call};
use crate::faults::{Cut, Matter};
use crate::status::{FieldError, Status};
use crate::store::{Change, Cursor, Event, ListQuery, Object, Selector, TooOld};
use bytes::Bytes;
use http::Response;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

/// Time between bookmarks, as the real server's.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// A last bookmark goes out this long before the end.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// Shortest life of a watch that asks for none in particular; the longest is twice that.
const SHORTEST_LIFE: u64 = 1800;
/// Objects of the initial state that are sent in one piece.
const INITIAL_BATCH: usize = 500;

/// `GET` with `watch`.
pub(super) fn watch(call: Call) -> Result<Response<Body>, Status> {
    let selector = selector(&call)?;
    let initial = check(&call)?;
    selector.check_fields()?;
    let version = revision(call.query.text("resourceVersion")).map_err(|refused| {
        // The real server takes this one for a fault of its own.
        let message = refused.message.trim_start_matches("invalid resource version: ");
        Status::new(500, "", message)
    })?;
    let seconds =
        call.query.number::<i64>("timeoutSeconds")?.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
    let life = seconds.unwrap_or_else(|| SHORTEST_LIFE + below(&call, SHORTEST_LIFE));
    let encoder = call.encoder()?;
    let state = match (initial, version) {
        (None, None | Some(0)) | (Some(true), _) => {
            let current = call.store().revision();
            if let Some(wanted) = version.filter(|wanted| *wanted > current) {
                return Ok(failed(&Status::too_large(wanted, current)));
            }
            let query = ListQuery {
                namespace: call.target.namespace.clone(),
                selector: selector.clone(),
                ..ListQuery::default()
            };
            Some(call.store().list(&call.gr, &query)?)
        }
        _ => None,
    };
    let asked = version.filter(|version| *version > 0 && state.is_none());
    if let Some(asked) = asked.filter(|asked| *asked < call.store().compacted()) {
        return Ok(failed(&Status::too_old(asked, call.store().compacted())));
    }
    if let Some((asked, Err(old))) = asked.map(|asked| (asked, call.store().events(&call.gr, asked, 0))) {
        return Ok(failed(&Status::too_old(asked, old.oldest)));
    }
    let after = match &state {
        Some(page) => page.revision,
        None => version.filter(|v| *v > 0).unwrap_or_else(|| call.store().revision()),
    };
    let end = Instant::now() + Duration::from_secs(life.min(u64::from(u32::MAX)));
    let watch = Watch {
        cursor: call.store().cursor(&call.gr, after),
        matter: call.matter(),
        cuts: call.api.faults().cuts(),
        kinds: call.store().kinds_changed(),
        namespace: call.target.namespace.clone(),
        initial: state.map(|page| page.items.into()).unwrap_or_default(),
        announce_end_of_initial: initial == Some(true) && call.query.flag("allowWatchBookmarks"),
        bookmarks: call.query.flag("allowWatchBookmarks"),
        next_bookmark: next_bookmark(Instant::now(), end),
        api: call.api,
        selector,
        encoder,
        end,
        headed: true,
        after,
        over: false,
        torn: false,
    };
    let stream = futures::stream::unfold(watch, |mut watch| async move {
        let part = watch.next().await?;
        Some((part, watch))
    });
    Ok(body::json(200, Body::breakable(stream)))
}

/// A watch that has begun and cannot go on.
fn failed(status: &Status) -> Response<Body> {
    let mut line = Vec::new();
    error_event(status, &mut line);
    body::json(200, Body::whole(line))
}

fn below(call: &Call, bound: u64) -> u64 {
    call.store().chance().below(usize::try_from(bound).unwrap_or(usize::MAX)) as u64
}

/// The rules about `sendInitialEvents`; answers what was asked for.
fn check(call: &Call) -> Result<Option<bool>, Status> {
    let initial = call.query.switch("sendInitialEvents");
    let rule = call.query.text("resourceVersionMatch");
    let mut errors = Vec::new();
    if initial.is_some() && rule != "NotOlderThan" {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden("resourceVersionMatch", detail));
    }
    if !rule.is_empty() {
        if initial.is_none() {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden("resourceVersionMatch", detail));
        }
        if rule != "NotOlderThan" {
            errors.push(FieldError::not_supported("resourceVersionMatch", rule, &["NotOlderThan"]));
        }
        if !call.query.text("continue").is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden("resourceVersionMatch", detail));
        }
    }
    refuse_options(errors)?;
    Ok(initial)
}

/// One watch under way.
struct Watch {
    api: Api,
    matter: Matter,
    cuts: broadcast::Receiver<Cut>,
    kinds: tokio::sync::watch::Receiver<()>,
    cursor: Cursor,
    selector: Selector,
    namespace: Option<String>,
    encoder: Encoder,
    /// What is left of the initial state.
    initial: VecDeque<Arc<Object>>,
    announce_end_of_initial: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    /// Whether the next table shows its columns.
    headed: bool,
    /// Events up to this revision are not for this watch.
    after: u64,
    over: bool,
    /// It does not end but is torn.
    torn: bool,
}

impl Watch {
    /// The next piece to send; none when the watch is over.
    async fn next(&mut self) -> Option<Result<Bytes, Torn>> {
        let mut out = Vec::new();
        while out.is_empty() {
            if std::mem::take(&mut self.torn) {
                // What has been said goes out first: a body that waits is flushed.
                tokio::task::yield_now().await;
                return Some(Err(Torn));
            }
            if self.over {
                return None;
            }
            if !self.initial.is_empty() || self.announce_end_of_initial {
                self.write_initial(&mut out);
                continue;
            }
            tokio::select! {
                biased;
                () = sleep_until(self.end) => return None,
                cut = self.cuts.recv() => self.cut(cut.ok(), &mut out),
                () = sleep_until(self.next_bookmark), if self.bookmarks => {
                    let events = self.cursor.take();
                    self.write_taken(events, &mut out);
                    self.write_bookmark(&mut out);
                }
                events = self.cursor.next() => {
                    if events.as_ref().is_ok_and(|events| !events.is_empty()) {
                        self.api.faults().hold_events(&self.matter).await;
                    }
                    self.write_taken(events, &mut out);
                }
                _ = self.kinds.changed(), if self.encoder.kind.is_custom() => self.over = !self.is_served(),
            }
        }
        Some(Ok(out.into()))
    }

    /// Ends the watch when it is meant; half an event and no end where the connection is to be torn.
    fn cut(&mut self, cut: Option<Cut>, out: &mut Vec<u8>) {
        let Some(cut) = cut.filter(|cut| cut.matcher.matches(&self.matter)) else { return };
        self.over = true;
        self.torn = cut.torn;
        if cut.torn {
            let kind = &self.encoder.kind.kind;
            out.extend_from_slice(
                format!("{{\"type\":\"MODIFIED\",\"object\":{{\"kind\":\"{kind}\",\"apiV").as_bytes(),
            );
        }
    }

    /// Whether the definition of a custom resource is the one that this watch began with.
    fn is_served(&self) -> bool {
        let stamp = |kind: &crate::kinds::Kind| kind.custom.as_ref().map(|custom| custom.stamp.clone());
        let kind = &self.encoder.kind;
        let kinds = self.api.store().kinds();
        let now = kinds.by_path(&kind.group, &kind.version, &kind.plural);
        now.is_some_and(|now| stamp(now) == stamp(kind))
    }

    fn write_initial(&mut self, out: &mut Vec<u8>) {
        let count = self.initial.len().min(INITIAL_BATCH);
        for object in self.initial.drain(..count).collect::<Vec<_>>() {
            self.write(Change::Added, &object, out);
        }
        if self.initial.is_empty() && self.announce_end_of_initial {
            self.announce_end_of_initial = false;
            self.encoder.bookmark(self.cursor.position(), true, self.headed, out);
            self.headed = false;
        }
    }

    fn write_taken(&mut self, taken: Result<Vec<Event>, TooOld>, out: &mut Vec<u8>) {
        match taken {
            Ok(events) => self.write_events(&events, out),
            // Who reads too slowly is let go, and learns when it comes back whether it has missed something.
            Err(TooOld { .. }) => self.over = true,
        }
    }

    fn write_events(&mut self, events: &[Event], out: &mut Vec<u8>) {
        for event in events {
            if event.revision <= self.after || !self.in_namespace(&event.object) {
                continue;
            }
            let now = event.change != Change::Deleted && self.selector.matches(&event.object);
            let before = event.previous.as_deref().filter(|previous| self.selector.matches(previous));
            match (before, now) {
                (None, true) => self.write(Change::Added, &event.object, out),
                (Some(_), true) => self.write(Change::Modified, &event.object, out),
                // An object that leaves the selection is shown as it was, at the revision of the change.
                (Some(_), false) if event.change == Change::Deleted => {
                    self.write(Change::Deleted, &event.object, out);
                }
                (Some(previous), false) => {
                    let last = previous.at_revision(event.revision);
                    self.write(Change::Deleted, &last, out);
                }
                (None, false) => {}
            }
        }
    }

    fn write(&mut self, change: Change, object: &Object, out: &mut Vec<u8>) {
        self.encoder.event(change, object, self.headed, out);
        self.headed = false;
    }

    fn write_bookmark(&mut self, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        self.encoder.bookmark(self.cursor.position(), false, self.headed, out);
        self.headed = false;
        self.next_bookmark = next_bookmark(Instant::now(), self.end);
    }

    fn in_namespace(&self, object: &Object) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| namespace == object.namespace())
    }
}

/// Every minute, and once shortly before the end.
fn next_bookmark(now: Instant, end: Instant) -> Instant {
    let regular = now + BOOKMARK_EVERY;
    match end.checked_sub(BOOKMARK_BEFORE_END) {
        Some(last) if last > now => regular.min(last),
        _ => regular,
    }
}
