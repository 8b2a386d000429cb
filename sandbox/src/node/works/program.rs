//! Programs of the embedding one that run in containers: what they are given, and what they leave.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Works;
use crate::Sandbox;
use crate::clock::Clock;
use crate::runtime::LogLine;

/// Most lines of an instance's log that are kept.
const KEPT: usize = 10_000;

type Entry = Arc<dyn Fn(Process) -> BoxFuture<'static, i64> + Send + Sync>;

/// An asynchronous program that a container runs. Cheap to clone.
#[derive(Clone)]
pub struct Program(Entry);

impl Program {
    /// A program: it resolves to its exit code. It should do so soon after its stop token is cancelled; it is dropped
    /// where it stands when its pod's grace is over.
    pub fn new<F>(entry: impl Fn(Process) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = i64> + Send + 'static,
    {
        Program(Arc::new(move |process| Box::pin(entry(process))))
    }

    pub(super) fn start(&self, process: Process) -> BoxFuture<'static, i64> {
        (self.0)(process)
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Program {}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

/// How a program reaches the API of its host: as the service account of its pod.
#[derive(Clone)]
pub struct Access {
    /// The token of the account.
    pub token: String,
    /// A kubeconfig (YAML) that uses it.
    pub kubeconfig: String,
}

impl fmt::Debug for Access {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

/// What a program is given. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Process {
    /// The pod as it was when the container started.
    pub pod: Arc<Value>,
    /// Name of the container.
    pub container: String,
    /// How often the container was restarted before.
    pub restarts: i64,
    /// `command` and `args` of the container.
    pub arguments: Vec<String>,
    /// The environment, references resolved.
    pub environment: BTreeMap<String, String>,
    /// Access to the API of the host; none on a host without an API server.
    pub access: Option<Access>,
    /// Cancelled when the container is to stop.
    pub stop: CancellationToken,
    pub(super) output: Output,
    pub(super) works: Works,
}

impl Process {
    fn text(&self, key: &str) -> &str {
        self.pod["metadata"][key].as_str().unwrap_or_default()
    }

    /// Namespace of the pod.
    pub fn namespace(&self) -> &str {
        self.text("namespace")
    }

    /// Name of the pod.
    pub fn pod_name(&self) -> &str {
        self.text("name")
    }

    /// Writes lines to the log of the container.
    pub fn log(&self, text: impl AsRef<str>) {
        text.as_ref().lines().for_each(|line| self.output.write(line));
    }

    /// Says whether the container is ready, from now on in place of its behaviour.
    pub fn set_ready(&self, ready: bool) {
        self.works.set_ready(self, ready);
    }

    /// The nested API server that runs in another container of the same pod, which shares its network.
    pub fn control_plane(&self) -> Option<Arc<Sandbox>> {
        self.works.nested(self.namespace(), self.pod_name())
    }

    /// The nested API server behind the Service with this address, where one runs in a pod that it selects.
    pub fn control_plane_at(&self, address: &str) -> Option<Arc<Sandbox>> {
        self.works.behind(address)
    }

    /// What a file of the container says that comes from a Secret or a ConfigMap; None where there is none.
    pub fn file(&self, path: &str) -> Option<String> {
        self.works.file(&self.pod, &self.container, path)
    }

    pub(super) fn uid(&self) -> &str {
        self.text("uid")
    }
}

/// The log of one instance of a container. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Output {
    clock: Clock,
    shared: Arc<Shared>,
}

struct Shared {
    lines: Mutex<VecDeque<LogLine>>,
    /// How many lines there have been; closed by the end of the instance.
    written: watch::Sender<Written>,
}

#[derive(Clone, Copy, Default)]
struct Written {
    count: usize,
    ended: bool,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({} lines)", self.shared.written.borrow().count)
    }
}

impl Output {
    pub(super) fn new(clock: Clock) -> Self {
        let shared = Shared { lines: Mutex::default(), written: watch::Sender::new(Written::default()) };
        Output { clock, shared: Arc::new(shared) }
    }

    pub(super) fn write(&self, text: &str) {
        let line = LogLine { time: self.clock.now(), text: Bytes::copy_from_slice(text.as_bytes()) };
        let mut lines = self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
        self.shared.written.send_modify(|written| written.count += 1);
    }

    pub(super) fn end(&self) {
        self.shared.written.send_modify(|written| written.ended = true);
    }

    /// The lines after the first `from` ones, and how many there have been.
    fn after(&self, from: usize) -> (Vec<LogLine>, usize) {
        let lines = self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.shared.written.borrow().count;
        let skip = from.saturating_sub(count - lines.len());
        (lines.iter().skip(skip).cloned().collect(), count)
    }

    /// What has been written: the last `tail` lines of what came from `since` on; with `follow` also what is to come.
    pub(crate) fn read(
        &self,
        tail: Option<usize>,
        since: Option<DateTime<Utc>>,
        follow: bool,
    ) -> BoxStream<'static, LogLine> {
        let (mut lines, count) = self.after(0);
        lines.retain(|line| since.is_none_or(|since| line.time >= since));
        lines.drain(..lines.len().saturating_sub(tail.unwrap_or(usize::MAX)));
        let past = stream::iter(lines);
        if !follow {
            return past.boxed();
        }
        let state = (self.clone(), self.shared.written.subscribe(), count);
        let coming = stream::unfold(state, |(output, mut written, from)| async move {
            let now = *written.wait_for(|now| now.count > from || now.ended).await.ok()?;
            let (lines, count) = output.after(from);
            (now.count > from).then(|| (stream::iter(lines), (output, written, count)))
        });
        past.chain(coming.flatten()).boxed()
    }
}
