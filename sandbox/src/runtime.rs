//! What runs inside the pods, as the API server sees it: logs, commands, attached terminals, open ports.
//!
//! The node simulator implements [`PodRuntime`]; the API server carries the bytes to clients.

use crate::status::Status;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use smol_str::SmolStr;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::mpsc;

/// One container of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerRef {
    /// Namespace of the pod.
    pub namespace: SmolStr,
    /// Name of the pod.
    pub pod: SmolStr,
    /// UID of the pod; a pod made anew under the same name is another one.
    pub uid: SmolStr,
    /// Name of the container; the API server has filled in the default one.
    pub container: SmolStr,
}

/// Which log lines are wanted.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// Whose log.
    pub target: ContainerRef,
    /// Stay and send new lines until the container ends.
    pub follow: bool,
    /// The log of the instance before the last restart.
    pub previous: bool,
    /// Only lines from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Only so many lines from the end (counted before following).
    pub tail_lines: Option<usize>,
}

/// A line of a log. Timestamps and byte limits are added by the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the container wrote it.
    pub time: DateTime<Utc>,
    /// The line without its end.
    pub text: Bytes,
}

/// A command to run, or a terminal to attach to when `command` is empty.
#[derive(Clone, Debug)]
pub struct ExecQuery {
    /// Where.
    pub target: ContainerRef,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether the client wants a terminal (then stderr goes to stdout).
    pub tty: bool,
}

/// Size of a client's terminal in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// The client's side of a running command. A stream that the client did not ask for is absent.
#[derive(Debug)]
pub struct ExecStreams {
    /// What the client types; end of file when it closes.
    pub stdin: Option<DuplexStream>,
    /// Where output goes.
    pub stdout: Option<DuplexStream>,
    /// Where errors go.
    pub stderr: Option<DuplexStream>,
    /// Changes of the terminal's size.
    pub resize: mpsc::Receiver<TerminalSize>,
}

/// A byte stream both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// The inside of the pods.
pub trait PodRuntime: Send + Sync + 'static {
    /// Log lines, oldest first.
    ///
    /// The future fails when there is no log to read (container not started: 400; no previous instance: 400).
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>>;

    /// Runs a command (or attaches, when the command is empty) and resolves to its exit code once it ended.
    ///
    /// The future fails when the command cannot be started; the client reads the message on the error channel.
    fn exec(&self, query: ExecQuery, streams: ExecStreams) -> BoxFuture<'static, Result<i32, Status>>;

    /// Opens a connection to a port inside the pod; the error is the sentence that the client reads
    /// (`connection refused`).
    fn connect(&self, target: ContainerRef, port: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>>;
}

/// A host without nodes: no logs, no commands, no ports.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRuntime;

impl PodRuntime for NoRuntime {
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>> {
        Box::pin(std::future::ready(Err(waiting(&query.target))))
    }

    fn exec(&self, query: ExecQuery, _: ExecStreams) -> BoxFuture<'static, Result<i32, Status>> {
        Box::pin(std::future::ready(Err(waiting(&query.target))))
    }

    fn connect(&self, target: ContainerRef, _: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(std::future::ready(Err(waiting(&target).message)))
    }
}

fn waiting(target: &ContainerRef) -> Status {
    Status::bad_request(format!(
        "container {:?} in pod {:?} is waiting to start: no node runs it",
        target.container, target.pod
    ))
}
