//! The loop of a watch: list, follow, resume, wait, start over.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use kube::api::WatchParams;
use kube::client::Body;
use kube::core::Request;
use rand::RngExt;
use smol_str::SmolStr;
use tokio::sync::watch as latest;
use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::{Backoff, HEALTHY};
use super::decode::{self, Line};
use super::fold::Fold;
use super::intake::{Intake, Taken};
use super::known::Known;
use super::pages::Pages;
use super::{BATCH_DELAY, Event, MAX_BATCH, Outlet, POLL_EVERY, Phase, Signal, Target};
use crate::cluster::http::unbuildable;
use crate::cluster::lines::Lines;
use crate::cluster::{Cluster, Failure, FailureKind};

/// How long the server is asked to keep a watch open, in seconds: this bounds how long a dead connection goes
/// unnoticed. Spread so that the watches of one host do not come back all at once.
const WATCH_SECONDS: std::ops::Range<u32> = 40..55;
/// How much longer than that we wait for the server to close it.
const GRACE: Duration = Duration::from_secs(5);
/// A watch that ends sooner than this without an event is not doing its job.
const TOO_SHORT: Duration = Duration::from_secs(1);

/// What the owner of a watch can change while it runs.
#[derive(Debug, Clone)]
pub struct Controls {
    /// The cluster; a new one, with new credentials perhaps, is used from the next request on.
    pub cluster: latest::Receiver<Cluster>,
    /// Any change ends a wait for the next try.
    pub nudge: latest::Receiver<u64>,
}

/// Watches until nobody receives any more. Dropping the future ends it at once.
pub async fn watch<F: Fold, O: Outlet<F::Row>>(target: Target, controls: Controls, fold: F, outlet: O) {
    let engine = Engine {
        controls,
        outlet,
        backoff: Backoff::default(),
        intake: Intake { fold, known: Known::default(), batch: Vec::new(), oldest: None },
        in_pages: !target.streamed,
        target,
    };
    engine.run().await;
}

/// Why the loop leaves what it was doing.
pub(super) enum Break {
    /// Nobody receives any more.
    Closed,
    /// It did not work; the revision to resume from is kept.
    Failed(Failure),
    /// The revision is too old, or not to be trusted: list again.
    Relist(Failure),
    /// We may not watch.
    Unwatchable,
}

pub(super) type Step<T> = Result<T, Break>;

/// A watch that is open.
struct Opened {
    lines: Lines<Body>,
    began: Instant,
    /// When the server should long have ended it.
    deadline: Instant,
}

struct Engine<F: Fold, O> {
    target: Target,
    controls: Controls,
    outlet: O,
    backoff: Backoff,
    intake: Intake<F>,
    /// Lists come in pages: it is wanted so, or the server does not do it otherwise.
    in_pages: bool,
}

impl<F: Fold, O: Outlet<F::Row>> Engine<F, O> {
    async fn run(mut self) {
        let mut revision: Option<SmolStr> = None;
        let mut relists_in_a_row = 0;
        loop {
            let began = Instant::now();
            let step = match &mut revision {
                None if self.in_pages => match self.list().await {
                    Ok(listed) => {
                        revision = Some(listed);
                        continue;
                    }
                    Err(reason) => Err(reason),
                },
                None => self.list_and_follow(&mut revision).await,
                Some(revision) => self.follow(revision).await,
            };
            if began.elapsed() >= HEALTHY {
                self.backoff.reset();
                relists_in_a_row = 0;
            }
            let failure = match step {
                Ok(()) => continue,
                Err(Break::Closed) => return,
                Err(Break::Failed(failure)) => failure,
                Err(Break::Unwatchable) => {
                    revision = None;
                    if !self.wait_for_poll().await {
                        return;
                    }
                    continue;
                }
                Err(Break::Relist(failure)) => {
                    revision = None;
                    relists_in_a_row += 1;
                    // The first time is ordinary after a long sleep; a server that keeps saying it needs a pause.
                    if relists_in_a_row == 1 {
                        continue;
                    }
                    failure
                }
            };
            if !self.wait(failure).await {
                return;
            }
        }
    }

    /// Lists everything and tells what differs from what was told before. Returns the list's revision.
    async fn list(&mut self) -> Step<SmolStr> {
        self.tell(Signal::Phase(Phase::Listing)).await?;
        match self.list_in_pages(Some(self.target.page_size)).await {
            // The snapshot behind the pages grew too old while we read: take it in one piece.
            Err(Break::Relist(_)) => self.list_in_pages(None).await,
            other => other,
        }
    }

    async fn list_in_pages(&mut self, limit: Option<u32>) -> Step<SmolStr> {
        self.intake.known.begin_list();
        let cluster = self.controls.cluster.borrow_and_update().clone();
        let mut pages = Pages::start(cluster, self.target.clone(), limit);
        let mut revision = SmolStr::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(classify)?;
            let (head, skipped) = decode::page::<F>(&page.bytes, self.target.protobuf, &mut self.intake)
                .map_err(Break::Failed)?;
            drop(page);
            revision = head.revision;
            self.tell_skipped(skipped).await?;
            self.flush().await?;
        }
        self.tell_what_is_gone();
        self.flush().await?;
        Ok(revision)
    }

    /// A list has ended: what it did not mention is gone.
    fn tell_what_is_gone(&mut self) {
        for key in self.intake.known.sweep() {
            self.intake.push(Event::Gone(key, None));
        }
        self.intake.push(Event::Synced);
    }

    /// Lists everything as the beginning of a watch and goes on with that watch. The revision is set once the list is
    /// whole. A server that does not do it, or breaks off, is asked for pages from then on.
    async fn list_and_follow(&mut self, revision: &mut Option<SmolStr>) -> Step<()> {
        self.tell(Signal::Phase(Phase::Listing)).await?;
        self.intake.known.begin_list();
        let (mut stream, mut at) = match self.open("", true).await {
            Ok(stream) => (stream, SmolStr::default()),
            Err(Failure { kind: FailureKind::Rejected | FailureKind::Forbidden, .. }) => {
                self.in_pages = true;
                return Ok(());
            }
            Err(failure) => return Err(classify(failure)),
        };
        self.in_pages = true;
        loop {
            let Some(line) = self.next_line(&mut stream).await? else {
                return Err(Break::Failed(Failure::new(FailureKind::Cut, "the server broke a list off")));
            };
            if let Taken::Bookmark(true) = self.take_line(&line, &mut at).await? {
                break;
            }
        }
        self.in_pages = false;
        self.tell_what_is_gone();
        self.flush().await?;
        let at = revision.insert(at);
        self.read_on(stream, at).await
    }

    /// Follows the changes from a revision on and moves it along. Ends well when the server ends the watch.
    async fn follow(&mut self, revision: &mut SmolStr) -> Step<()> {
        let stream = self.open(revision, false).await.map_err(|failure| match failure.kind {
            FailureKind::Forbidden => Break::Unwatchable,
            _ => classify(failure),
        })?;
        self.read_on(stream, revision).await
    }

    async fn open(&mut self, revision: &str, with_list: bool) -> Result<Opened, Failure> {
        let seconds = rand::rng().random_range(WATCH_SECONDS);
        let cluster = self.controls.cluster.borrow_and_update().clone();
        let request = self.watch_request(seconds, revision, with_list)?;
        let began = Instant::now();
        let deadline = began + Duration::from_secs(u64::from(seconds)) + GRACE;
        Ok(Opened { lines: Lines::of_events(cluster.stream(request).await?), began, deadline })
    }

    async fn read_on(&mut self, mut stream: Opened, revision: &mut SmolStr) -> Step<()> {
        self.tell(Signal::Phase(Phase::Live)).await?;
        let mut heard = false;
        let ended = loop {
            let line = match self.next_line(&mut stream).await {
                Ok(Some(line)) => line,
                Ok(None) => break Ok(()),
                Err(reason) => break Err(reason),
            };
            heard = true;
            match self.take_line(&line, revision).await {
                Ok(Taken::Bookmark(_)) => self.tell(Signal::Phase(Phase::Live)).await?,
                Ok(_) => {}
                Err(reason) => break Err(reason),
            }
        };
        self.flush().await?;
        ended?;
        if let Ok(Line::<F::Object<'_>>::Error(status)) = decode::line(&stream.lines.rest()) {
            return Err(classify(Failure::from_status(&status)));
        }
        if !heard && stream.began.elapsed() < TOO_SHORT {
            return Err(Break::Failed(Failure::new(FailureKind::Cut, "the server ended the watch at once")));
        }
        Ok(())
    }

    /// The next line; passes waiting events on when none comes soon.
    async fn next_line(&mut self, stream: &mut Opened) -> Step<Option<Bytes>> {
        let Opened { lines, deadline, .. } = stream;
        if let Some(oldest) = self.intake.oldest {
            match timeout_at(oldest + BATCH_DELAY, lines.next(*deadline)).await {
                Ok(line) => return line.map_err(Break::Failed),
                Err(_) => self.flush().await?,
            }
        }
        lines.next(*deadline).await.map_err(Break::Failed)
    }

    async fn take_line(&mut self, line: &[u8], revision: &mut SmolStr) -> Step<Taken> {
        let taken = self.intake.take_line(line, revision)?;
        match taken {
            Taken::InBatch => {}
            Taken::Bookmark(_) => self.flush().await?,
            // The others go on; the next list counts it again.
            Taken::Unreadable => self.tell_skipped(1).await?,
        }
        let due = self.intake.oldest.is_some_and(|oldest| oldest.elapsed() >= BATCH_DELAY);
        if due || self.intake.batch.len() >= MAX_BATCH {
            self.flush().await?;
        }
        Ok(taken)
    }

    fn watch_request(
        &self,
        seconds: u32,
        revision: &str,
        with_list: bool,
    ) -> Result<http::Request<Vec<u8>>, Failure> {
        let params = WatchParams {
            label_selector: self.target.labels.clone(),
            field_selector: self.target.fields.clone(),
            timeout: Some(seconds),
            bookmarks: true,
            send_initial_events: with_list,
        };
        let request = Request::new(self.target.path());
        let built = if self.target.metadata_only {
            request.watch_metadata(&params, revision)
        } else {
            request.watch(&params, revision)
        };
        built.map_err(|error| unbuildable(&error))
    }

    /// Waits before the next try. False when nobody receives any more.
    async fn wait(&mut self, failure: Failure) -> bool {
        let pause = self.backoff.next(&failure);
        let next_try = Utc::now() + pause;
        self.pause(Phase::Broken { failure, next_try }, pause).await
    }

    /// Waits before the list is taken again where watching is forbidden. False when nobody receives any more.
    async fn wait_for_poll(&mut self) -> bool {
        self.pause(Phase::Polled, POLL_EVERY).await
    }

    async fn pause(&mut self, phase: Phase, pause: Duration) -> bool {
        self.controls.nudge.mark_unchanged();
        if self.tell(Signal::Phase(phase)).await.is_err() {
            return false;
        }
        // A closed control never fires again; only its value matters.
        tokio::select! {
            () = sleep(pause) => {}
            Ok(()) = self.controls.nudge.changed() => self.backoff.reset(),
            Ok(()) = self.controls.cluster.changed() => {}
        }
        true
    }

    async fn tell_skipped(&mut self, skipped: usize) -> Step<()> {
        if skipped == 0 {
            return Ok(());
        }
        tracing::warn!(path = %self.target.path(), skipped, "objects that cannot be read");
        self.tell(Signal::Unreadable(skipped)).await
    }

    /// Passes on what has been gathered.
    async fn flush(&mut self) -> Step<()> {
        self.intake.oldest = None;
        while !self.intake.batch.is_empty() {
            let rest = self.intake.batch.split_off(self.intake.batch.len().min(MAX_BATCH));
            let batch = std::mem::replace(&mut self.intake.batch, rest);
            self.tell(Signal::Events(batch)).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, signal: Signal<F::Row>) -> Step<()> {
        if self.outlet.send(signal).await { Ok(()) } else { Err(Break::Closed) }
    }
}

/// What an answer that is not a success means for the loop.
fn classify(failure: Failure) -> Break {
    match failure.kind {
        FailureKind::Gone => Break::Relist(failure),
        _ => Break::Failed(failure),
    }
}
