//! Carries out commands: the only place where the dashboard reaches clusters and files.

mod clusters;
mod files;
mod hands;
mod reads;
mod session;

pub use clusters::{Clusters, Source, source_at_hand};
pub use hands::{Hands, Merged, Open, own_file};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use v9s::cluster::access::Permission;
use v9s::cluster::{Cluster, LogRequest, Resource};
use v9s::fleet::Fleet;
use v9s::fleet::live::FleetOptions;

use self::session::Watching;
use super::connections::ConnectionId;
use super::effect::Cmd;
use super::jobs::{Ended, JobEvent, JobId, Outcome};
use super::messages::Level;
use super::msg::Msg;
use super::operation::{Begun, Verb};
use super::reads::{Read, Ticket};
use super::world::{Access, Session, right};
use crate::actions::{ACTIONS, Need};
use crate::config::{self, Dirs, ThemeSource};
use crate::theme::Appearance;

/// What the runner needs to know from the start.
pub struct Setup {
    /// How clusters are reached.
    pub clusters: Clusters,
    /// Folders of files that are read and written.
    pub dirs: Dirs,
    /// Where the theme comes from.
    pub theme: ThemeSource,
    /// What the terminal can show of it.
    pub appearance: Appearance,
    /// Where to look when all namespaces cannot be listed, and when something is a finding.
    pub fleet: FleetOptions,
}

/// Batches of log lines that may wait.
const LINE_BATCHES: usize = 4;

/// Carries out commands on tasks and hands back what they tell.
pub struct Runner {
    to: mpsc::UnboundedSender<Msg>,
    from: mpsc::UnboundedReceiver<Msg>,
    /// Log lines have a narrow way of their own: whoever writes faster than is read waits.
    lines: mpsc::Sender<Msg>,
    lines_from: mpsc::Receiver<Msg>,
    /// The newest fleet and its session: older ones are never waited for.
    fleets: watch::Sender<(u64, Arc<Fleet>)>,
    newest: watch::Receiver<(u64, Arc<Fleet>)>,
    clusters: Clusters,
    open: Open,
    dirs: Dirs,
    theme: Arc<Mutex<ThemeSource>>,
    appearance: Appearance,
    options: FleetOptions,
    watching: Option<Watching>,
    reads: HashMap<Ticket, AbortOnDropHandle<()>>,
    jobs: HashMap<JobId, CancellationToken>,
    /// Files that are being written.
    files: TaskTracker,
}

impl Runner {
    /// A runner with nothing to do yet.
    pub fn new(setup: Setup) -> Self {
        let (to, from) = mpsc::unbounded_channel();
        let (lines, lines_from) = mpsc::channel(LINE_BATCHES);
        let (fleets, newest) = watch::channel((0, Arc::default()));
        let Setup { clusters, dirs, theme, appearance, fleet } = setup;
        Self {
            open: Open::new(to.clone()),
            to,
            from,
            lines,
            lines_from,
            fleets,
            newest,
            clusters,
            dirs,
            theme: Arc::new(Mutex::new(theme)),
            appearance,
            options: fleet,
            watching: None,
            reads: HashMap::new(),
            jobs: HashMap::new(),
            files: TaskTracker::new(),
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Msg {
        tokio::select! {
            biased;
            Ok(()) = self.newest.changed() => {
                let (session, fleet) = self.newest.borrow_and_update().clone();
                Msg::Fleet(session, fleet)
            }
            Some(msg) = self.from.recv() => msg,
            Some(msg) = self.lines_from.recv() => msg,
            else => std::future::pending().await,
        }
    }

    /// A message that is there already.
    pub fn waiting(&mut self) -> Option<Msg> {
        self.from.try_recv().ok()
    }

    /// Begins to carry out a command. Never waits.
    pub fn start(&mut self, cmd: Cmd) {
        match cmd {
            Cmd::Watch(number, session) => self.watch(number, session),
            Cmd::Retry(host) => self.retry(host.as_ref()),
            Cmd::Contexts => {
                let (clusters, to) = (self.clusters.clone(), self.to.clone());
                tokio::spawn(async move { to.send(Msg::Contexts(clusters.contexts().await)) });
            }
            Cmd::Read(ticket, read) => self.read(ticket, read),
            Cmd::Follow { ticket, host, request } => self.follow(ticket, host, request),
            Cmd::Look { ticket, host, scope } => {
                let (clusters, to) = (self.clusters.clone(), self.to.clone());
                self.reading(ticket, async move { reads::look(ticket, &clusters, &host, scope, to).await });
            }
            Cmd::Forget(ticket) => drop(self.reads.remove(&ticket)),
            Cmd::Access { host, namespace } => self.access(host, namespace),
            Cmd::Operate(job, verb) => self.operate(job, verb.as_ref()),
            Cmd::Stop(job) => {
                if let Some(stop) = self.jobs.get(&job) {
                    stop.cancel();
                }
            }
            Cmd::Disconnect(id) => self.disconnect(id),
            Cmd::Save { name, text } => self.file(files::save(self.dirs.saved(), name, text)),
            Cmd::Remember(line) => self.file(files::remember(self.dirs.history(), line)),
            Cmd::Keep(habits) => self.file(files::keep(self.dirs.habits(), habits)),
            Cmd::LookAtTheme => self.theme(None),
            Cmd::LoadTheme(name) => self.theme(Some(name)),
            // The loop has the terminal and carries these out itself.
            Cmd::Copy { .. }
            | Cmd::Edit { .. }
            | Cmd::Shell(_)
            | Cmd::Mouse(_)
            | Cmd::Suspend
            | Cmd::Repaint
            | Cmd::Exit => {}
        }
    }

    /// Reads a theme, or the present one again if its file has changed. Files may be slow.
    fn theme(&self, name: Option<String>) {
        let (held, appearance) = (self.theme.clone(), self.appearance);
        let (folder, to) = (self.dirs.themes(), self.to.clone());
        tokio::task::spawn_blocking(move || {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            let read = match &name {
                Some(name) => Some(config::load_theme(Some(name), &folder, appearance)),
                None => held.reload(appearance),
            };
            let Some((theme, source, problems)) = read else { return };
            *held = source;
            let said = match problems.as_slice() {
                [] => vec![(Level::Info, format!("theme {}", theme.name()))],
                problems => problems.iter().map(|problem| (Level::Error, problem.to_string())).collect(),
            };
            let _ = to.send(Msg::Theme(Arc::new(theme)));
            for (level, text) in said {
                let _ = to.send(Msg::Say(level, text));
            }
        });
    }

    /// Whatever was watched before ends with its handle, in the background: leaving never waits for a dead host.
    fn watch(&mut self, number: u64, session: Session) {
        let options = FleetOptions { namespaces: session.namespaces.clone(), ..self.options.clone() };
        let clusters = self.clusters.clone();
        self.watching =
            Some(Watching::start(number, session, clusters, options, self.fleets.clone(), self.to.clone()));
    }

    fn retry(&mut self, host: Option<&SmolStr>) {
        self.clusters.forget();
        if let Some(watching) = &self.watching {
            watching.retry(host.cloned());
        }
    }

    fn read(&mut self, ticket: Ticket, read: Read) {
        let (clusters, dirs, to) = (self.clusters.clone(), self.dirs.clone(), self.to.clone());
        self.reading(ticket, async move {
            let reply = reads::answer(&clusters, &dirs, read).await;
            drop(to.send(Msg::Reply(ticket, reply)));
        });
    }

    fn follow(&mut self, ticket: Ticket, host: SmolStr, request: LogRequest) {
        let (clusters, lines) = (self.clusters.clone(), self.lines.clone());
        self.reading(ticket, async move { reads::follow(ticket, &clusters, &host, request, lines).await });
    }

    fn reading(&mut self, ticket: Ticket, work: impl Future<Output = ()> + Send + 'static) {
        self.reads.retain(|_, task| !task.is_finished());
        self.reads.insert(ticket, AbortOnDropHandle::new(tokio::spawn(work)));
    }

    fn access(&self, host: SmolStr, namespace: SmolStr) {
        let (clusters, to) = (self.clusters.clone(), self.to.clone());
        tokio::spawn(async move {
            let access = match clusters.open(&host).await {
                Ok(cluster) => rights(&cluster, &namespace).await,
                Err(why) => Access::Failed(why.into()),
            };
            to.send(Msg::Access { host, namespace, access })
        });
    }

    fn operate(&mut self, job: JobId, verb: &dyn Verb) {
        let hands = Hands { clusters: self.clusters.clone(), open: self.open.clone() };
        let Begun { mut states, cancel, outcome } = verb.begin(&hands);
        self.jobs.insert(job, cancel);
        let to = self.to.clone();
        tokio::spawn(async move {
            loop {
                let state = states.borrow_and_update().clone();
                // Nobody listens any more only when v9s ends.
                let _ = to.send(Msg::Job(job, JobEvent::State(state)));
                if states.changed().await.is_err() {
                    break;
                }
            }
            // A task of its own: whatever happens in there, the job ends.
            let outcome = tokio::spawn(outcome).await.unwrap_or_else(|error| {
                tracing::error!(%error, "an operation ended badly");
                Outcome::new(Ended::Failed, "a mistake in v9s itself; its log has more")
            });
            to.send(Msg::Job(job, JobEvent::Ended(outcome)))
        });
    }

    /// Ways into virtual clusters.
    pub fn connections(&self) -> Open {
        self.open.clone()
    }

    fn disconnect(&self, id: ConnectionId) {
        let (open, to) = (self.open.clone(), self.to.clone());
        // Files block.
        tokio::task::spawn_blocking(move || {
            let (level, said) = match open.close(id) {
                Ok(()) => (Level::Info, "closed".to_owned()),
                Err(why) => {
                    (Level::Error, format!("closed, and its context is still in your kubeconfig: {why}"))
                }
            };
            to.send(Msg::Say(level, said))
        });
    }

    /// What is being written to files, to be waited for before everything ends.
    pub fn files(&self) -> TaskTracker {
        self.files.clone()
    }

    fn file(&self, work: impl Future<Output = Option<(Level, String)>> + Send + 'static) {
        let to = self.to.clone();
        self.files.spawn(async move {
            if let Some((level, said)) = work.await {
                let _ = to.send(Msg::Say(level, said));
            }
        });
    }
}

/// The resources that actions need rights on.
const NEEDED: [Resource; 6] = [
    Resource::PODS,
    Resource::STATEFUL_SETS,
    Resource::DEPLOYMENTS,
    Resource::SECRETS,
    Resource::JOBS,
    Resource::RESOURCE_QUOTAS,
];

fn resource_of(need: &Need) -> Option<Resource> {
    NEEDED.into_iter().find(|resource| resource.plural == need.resource && resource.group == need.group)
}

/// Which of the rights that actions need are missing in a namespace.
async fn rights(cluster: &Cluster, namespace: &SmolStr) -> Access {
    let access = match cluster.access(Some(namespace)).await {
        Ok(access) => access,
        Err(error) => return Access::Failed(error.to_string().into()),
    };
    let missing = |need: &Need| {
        let resource = resource_of(need);
        resource.is_some_and(|resource| access.may(need.verb, &resource, None) == Permission::Missing)
    };
    let needs = ACTIONS.iter().filter_map(|action| action.needs);
    let mut forbidden: Vec<SmolStr> =
        needs.flat_map(|need| [need, need.of_deployments()]).filter(missing).map(right).collect();
    forbidden.sort();
    forbidden.dedup();
    Access::Known { forbidden }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_that_an_action_needs_is_asked_for() {
        for need in ACTIONS.iter().filter_map(|action| action.needs) {
            for need in [need, need.of_deployments()] {
                assert!(resource_of(&need).is_some(), "{need:?}");
            }
        }
    }
}
