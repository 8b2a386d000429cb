//! One host's task: opens the cluster, starts its watches, gathers what they tell and leaves the picture on the board.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::{mpsc, watch as latest};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::clock::ahead;
use super::link::{Signs, link, polled, same_but_for_life};
use super::places::{Found, Places, Search, search};
use super::publish::{PACE, Picture, Slot, Urgency};
use super::start::{Message, Tagged, start};
use super::{FleetOptions, HostTarget};
use crate::cluster::watch::{Controls, Phase};
use crate::cluster::{Cluster, ReadError};
use crate::fleet::model::{Host, Link, Scope};
use crate::fleet::source::{Health, Kind, Source};
use crate::fleet::table::Table;
use crate::known::Known;

/// Batches between the watches and this task.
const WAITING_BATCHES: usize = 16;
/// Batches that are taken in before anything else is looked at.
const BATCHES_AT_ONCE: usize = 32;
/// How long opening may take: a credential plugin may ask a server of its own.
const OPEN_PATIENCE: Duration = Duration::from_secs(60);
/// First and longest wait between two tries to open.
const OPEN_WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Shortest time between two tries to get new credentials.
const REOPEN_PACE: Duration = Duration::from_secs(20);

/// Watches a host until the task is dropped.
pub(super) async fn run(
    target: HostTarget,
    options: Arc<FleetOptions>,
    slot: Slot,
    mut nudged: latest::Receiver<u64>,
) {
    let cluster = open_patiently(&target, &slot, &mut nudged).await;
    HostTask::new(target, options, slot, nudged, cluster).run().await;
}

/// Opens the cluster, however long it takes, and tells how it goes.
async fn open_patiently(target: &HostTarget, slot: &Slot, nudged: &mut latest::Receiver<u64>) -> Cluster {
    let mut wait = OPEN_WAITS.0;
    loop {
        let error = match timeout(OPEN_PATIENCE, (target.open)()).await {
            Ok(Ok(cluster)) => return cluster,
            Ok(Err(error)) => format_smolstr!("{error} ({})", error.remedy()),
            Err(_) => format_smolstr!("opening the context took longer than {} s", OPEN_PATIENCE.as_secs()),
        };
        tracing::info!(context = %target.context, %error, "cannot open");
        let link = Link::Unreachable { next_try: Utc::now() + wait, error: error.clone() };
        let host = Host {
            context: target.context.clone(),
            server: SmolStr::default(),
            version: Known::No(error),
            link,
            scope: Scope::All,
            notes: Vec::new(),
        };
        nudged.mark_unchanged();
        slot.put(Picture { host: Arc::new(host), rows: Arc::new([]) }, Urgency::AtOnce);
        tokio::select! {
            () = sleep(wait) => wait = (wait * 2).min(OPEN_WAITS.1),
            Ok(()) = nudged.changed() => wait = OPEN_WAITS.0,
        }
    }
}

/// What a job of the host's task came back with.
enum Done {
    Version(Result<SmolStr, ReadError>, Option<TimeDelta>),
    Found(Found),
    Reopened(Option<Cluster>),
}

struct HostTask {
    target: HostTarget,
    options: Arc<FleetOptions>,
    slot: Slot,
    nudged: latest::Receiver<u64>,
    cluster: latest::Sender<Cluster>,
    table: Table,
    watches: HashMap<Source, AbortOnDropHandle<()>>,
    messages: (mpsc::Sender<Tagged>, mpsc::Receiver<Tagged>),
    jobs: JoinSet<Done>,
    version: Known<SmolStr>,
    asking_version: bool,
    /// Whether an answer about version and clock has come, even if it is that there is none.
    asked_version: bool,
    places: Places,
    reopened: Option<Instant>,
    unreadable: BTreeMap<Kind, usize>,
    last_seen: Option<DateTime<Utc>>,
    /// The picture that was left last.
    left: Option<Picture>,
    /// When that was; none when the next one is urgent.
    left_at: Option<Instant>,
    changed: bool,
    revisit: Option<DateTime<Utc>>,
    /// Cancelled once everything but the synced pods has been listed: only then does the server get those to do.
    settled: CancellationToken,
}

impl HostTask {
    fn new(
        target: HostTarget,
        options: Arc<FleetOptions>,
        slot: Slot,
        nudged: latest::Receiver<u64>,
        cluster: Cluster,
    ) -> Self {
        let table = Table::new(target.context.clone(), options.thresholds.clone());
        HostTask {
            target,
            options,
            slot,
            nudged,
            cluster: latest::Sender::new(cluster),
            table,
            watches: HashMap::new(),
            messages: mpsc::channel(WAITING_BATCHES),
            jobs: JoinSet::new(),
            version: Known::unknown("loading"),
            asking_version: false,
            asked_version: false,
            places: Places::default(),
            reopened: None,
            unreadable: BTreeMap::new(),
            last_seen: None,
            left: None,
            left_at: None,
            changed: true,
            revisit: None,
            settled: CancellationToken::new(),
        }
    }

    async fn run(mut self) {
        self.start_watches();
        self.ask_version();
        loop {
            let flush_at = self.left_at.map_or_else(Instant::now, |at| at + PACE);
            let revisit_at = self.revisit.map(instant_of);
            tokio::select! {
                biased;
                () = sleep_until(flush_at), if self.changed => self.flush(),
                Some(message) = self.messages.1.recv() => self.take_in(message),
                Some(done) = self.jobs.join_next() => self.on_done(done.ok()),
                Ok(()) = self.nudged.changed() => self.on_nudge(),
                () = sleep_until(self.places.due()), if self.places.may_ask() => self.look_where_due(),
                () = sleep_until(revisit_at.unwrap_or_else(Instant::now)), if revisit_at.is_some() => {
                    self.revisit = None;
                    self.changed = true;
                }
            }
        }
    }

    fn start_watches(&mut self) {
        let chosen = self.options.namespaces.clone();
        for kind in Kind::ALL {
            let places: Vec<Option<SmolStr>> = if chosen.is_empty() || kind == Kind::Namespaces {
                vec![None]
            } else {
                chosen.iter().cloned().map(Some).collect()
            };
            for namespace in places {
                self.start_watch(Source { kind, namespace });
            }
        }
    }

    fn start_watch(&mut self, source: Source) {
        if self.watches.contains_key(&source) {
            return;
        }
        self.table.sources.entry(source.clone()).or_default();
        let controls = Controls { cluster: self.cluster.subscribe(), nudge: self.nudged.clone() };
        let handle = start(source.clone(), controls, self.messages.0.clone(), self.settled.clone());
        self.watches.insert(source, handle);
        self.changed = true;
    }

    fn stop_watch(&mut self, source: &Source) {
        self.watches.remove(source);
        self.table.sources.remove(source);
    }

    /// Takes in a message and those that wait behind it.
    fn take_in(&mut self, first: Tagged) {
        let mut next = Some(first);
        for _ in 0..BATCHES_AT_ONCE {
            let Some((source, message)) = next.take() else { break };
            self.on_message(&source, message);
            next = self.messages.1.try_recv().ok();
        }
        if let Some((source, message)) = next {
            self.on_message(&source, message);
        }
        self.changed = true;
        self.notice_denied();
        let settled = |(source, health): (&Source, &Health)| {
            source.kind == Kind::SyncedPods || health.synced || health.denied()
        };
        if self.table.sources.iter().all(settled) {
            self.settled.cancel();
        }
    }

    fn on_message(&mut self, source: &Source, message: Message) {
        // What a stopped watch had left behind does not count any more.
        if !self.watches.contains_key(source) {
            return;
        }
        let now = Utc::now();
        match message {
            Message::Rows(rows) => {
                self.last_seen = Some(now);
                if self.table.apply(source, rows, now) {
                    // A whole list is what people wait for: it does not wait for its turn.
                    self.left_at = None;
                }
            }
            Message::Unreadable(count) => *self.unreadable.entry(source.kind).or_default() += count,
            Message::Phase(phase) => {
                match &phase {
                    Phase::Live | Phase::Polled => {
                        self.last_seen = Some(now);
                        if !self.version.is_known() {
                            self.ask_version();
                        }
                    }
                    Phase::Broken { failure, .. } if failure.wants_credentials() => self.reopen(),
                    Phase::Broken { .. } | Phase::Listing => {}
                }
                self.table.on_phase(source, phase, now);
            }
        }
    }

    /// Notices kinds that may not be watched everywhere, and looks where they may once it is told which virtual
    /// clusters there are to see.
    fn notice_denied(&mut self) {
        let new = self.places.notice(&self.table.sources);
        if self.places.wants_first_search(&self.table.sources) {
            self.look_everywhere();
        } else if new {
            self.watch_where_granted();
        }
    }

    fn look_everywhere(&mut self) {
        let own = self.cluster.borrow().default_namespace.clone();
        let named: BTreeSet<SmolStr> =
            self.options.fallback_namespaces.iter().cloned().chain([own]).collect();
        if let Some(search) = self.places.begin(named, &self.table) {
            self.spawn_search(search);
        }
    }

    fn look_where_due(&mut self) {
        if let Some(search) = self.places.begin_due(&self.table) {
            self.spawn_search(search);
        }
    }

    fn spawn_search(&mut self, places: Search) {
        let cluster = self.cluster.borrow().clone();
        self.jobs.spawn(async move { Done::Found(search(cluster, places).await) });
        self.changed = true;
    }

    /// Watches each denied kind where it is granted, and no longer everywhere in vain.
    fn watch_where_granted(&mut self) {
        for (kind, namespace) in self.places.granted() {
            self.start_watch(Source { kind, namespace: Some(namespace) });
            self.stop_watch(&Source { kind, namespace: None });
        }
        self.changed = true;
    }

    fn on_done(&mut self, done: Option<Done>) {
        match done {
            Some(Done::Version(version, ahead)) => {
                (self.asking_version, self.asked_version) = (false, true);
                self.table.set_ahead(ahead);
                self.version = match version {
                    Ok(version) => Known::Yes(version),
                    Err(error) => Known::No(format_smolstr!("{}", error.failure)),
                };
            }
            Some(Done::Found(found)) => {
                self.places.take(found);
                self.watch_where_granted();
            }
            Some(Done::Reopened(Some(cluster))) => {
                self.cluster.send_replace(cluster);
            }
            Some(Done::Reopened(None)) | None => {}
        }
        self.changed = true;
    }

    fn on_nudge(&mut self) {
        self.look_everywhere();
        self.reopened = None;
    }

    fn ask_version(&mut self) {
        if self.asking_version {
            return;
        }
        self.asking_version = true;
        let cluster = self.cluster.borrow().clone();
        self.jobs.spawn(async move {
            let version = cluster.version().await;
            Done::Version(version, ahead(&cluster).await)
        });
    }

    /// Gets new credentials: tokens and certificates of plugins expire.
    fn reopen(&mut self) {
        if self.reopened.is_some_and(|at| at.elapsed() < REOPEN_PACE) {
            return;
        }
        self.reopened = Some(Instant::now());
        let open = self.target.open.clone();
        self.jobs.spawn(async move {
            let opened = timeout(OPEN_PATIENCE, open()).await;
            Done::Reopened(opened.ok().and_then(Result::ok))
        });
    }

    /// Leaves the picture on the board, if it is another than the last.
    fn flush(&mut self) {
        self.changed = false;
        let urgency = if self.left_at.is_none() { Urgency::AtOnce } else { Urgency::InTurn };
        self.left_at = Some(Instant::now());
        let now = Utc::now();
        let link = link(&Signs {
            sources: &self.table.sources,
            objects: self.table.objects,
            last_seen: self.last_seen,
            resolving: self.places.is_searching_first() || !self.asked_version,
        });
        self.table.set_stale(match &link {
            Link::Stale { since, .. } => Some(*since),
            Link::Loading { .. } | Link::Live { .. } | Link::Unreachable { .. } => None,
        });
        let next = self.table.pass_time(now);
        let rows_changed = self.table.rebuild(now);
        self.revisit = next.into_iter().chain(self.table.pass_time(now)).min();
        let host = self.host(link);
        let rows = match &self.left {
            Some(left) if !rows_changed => {
                if same_but_for_life(&left.host, &host) {
                    return;
                }
                left.rows.clone()
            }
            _ => self.table.rows().into(),
        };
        let picture = Picture { host: Arc::new(host), rows };
        self.slot.put(picture.clone(), urgency);
        self.left = Some(picture);
    }

    fn host(&self, link: Link) -> Host {
        let cluster = self.cluster.borrow();
        let watched = self.places.watched(&self.table.sources);
        let mut notes: Vec<SmolStr> = self.places.note(&watched).into_iter().collect();
        notes.extend(polled(&self.table.sources));
        notes.extend(self.unreadable.iter().map(|(kind, count)| {
            format_smolstr!("{count} {} cannot be read and are missing", kind.resource().plural)
        }));
        Host {
            context: self.target.context.clone(),
            server: cluster.server.clone(),
            version: self.version.clone(),
            link,
            scope: self.places.scope(&self.options.namespaces, watched),
            notes,
        }
    }
}

fn instant_of(time: DateTime<Utc>) -> Instant {
    Instant::now() + (time - Utc::now()).to_std().unwrap_or_default()
}
