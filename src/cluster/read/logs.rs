//! The log of a container, followed through lost connections without a line twice.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use kube::client::Body;
use serde::Deserialize;
use smol_str::SmolStr;
use tokio::time::{Instant, sleep};

use super::ReadError;
use crate::cluster::lines::Lines;
use crate::cluster::{Cluster, Failure, FailureKind, ObjectRef, Resource};
use crate::time;

/// Longest line; longer ones come in pieces.
const MAX_LINE: usize = 256 * 1024;
/// A followed log that says nothing for this long is asked for again: the connection may be dead.
const SILENCE: Duration = Duration::from_secs(300);
/// First and longest wait before connecting again.
const WAITS: (Duration, Duration) = (Duration::from_millis(800), Duration::from_secs(15));

/// Which log, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRequest {
    /// Namespace of the pod.
    pub namespace: SmolStr,
    /// Name of the pod.
    pub pod: SmolStr,
    /// Name of the container; needed when the pod has several.
    pub container: Option<SmolStr>,
    /// The log before the last restart.
    pub previous: bool,
    /// Go on with what comes.
    pub follow: bool,
    /// Only this many of the last lines.
    pub tail: Option<u32>,
    /// Only what is younger than this.
    pub since: Option<Duration>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the container wrote it, by the node's clock.
    pub at: Option<DateTime<Utc>>,
    /// What it wrote, without the line end; not cleaned.
    pub text: String,
}

/// What a log tells.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    /// A line.
    Line(LogLine),
    /// The connection broke; it is tried again.
    Lost(Failure),
    /// Connected again, after the last line that was told.
    Resumed,
}

impl Cluster {
    /// The log of a container. Ends when there is nothing more to come; a followed log goes on through restarts of the
    /// container and lost connections until its pod has ended or is gone.
    ///
    /// An error is the last item: the log cannot be read.
    pub fn logs(
        &self,
        request: LogRequest,
    ) -> impl Stream<Item = Result<LogEvent, ReadError>> + Send + use<> {
        let follower = Follower {
            cluster: self.clone(),
            request,
            lines: None,
            resume: Resume::default(),
            queue: VecDeque::new(),
            wait: WAITS.0,
            connected: false,
            lost: false,
            ended: false,
        };
        futures::stream::unfold(follower, |mut follower| async move {
            let item = follower.next().await?;
            Some((item, follower))
        })
    }
}

/// After which line to go on.
#[derive(Debug, Default)]
struct Resume {
    /// Time of the last line, as the server wrote it, and how many lines with that time were told.
    last: Option<(String, usize)>,
    /// Lines with that time that still have to be passed over.
    skip: usize,
}

impl Resume {
    /// Takes a line in. None when it was told before.
    fn take(&mut self, line: &str) -> Option<LogLine> {
        let (stamp, text) = match line.split_once(' ') {
            Some((stamp, text)) if time::parse(stamp).is_some() => (Some(stamp), text),
            _ if time::parse(line).is_some() => (Some(line), ""),
            _ => (None, line),
        };
        if let Some(stamp) = stamp {
            let at = time::parse(stamp);
            match &mut self.last {
                Some((last, told)) if last == stamp => {
                    if self.skip > 0 {
                        self.skip -= 1;
                        return None;
                    }
                    *told += 1;
                }
                // `sinceTime` is cut to whole seconds, so lines of that second come again.
                Some((last, _)) if self.skip > 0 && at < time::parse(last) => return None,
                _ => {
                    self.skip = 0;
                    self.last = Some((stamp.to_owned(), 1));
                }
            }
        }
        Some(LogLine { at: stamp.and_then(time::parse), text: text.to_owned() })
    }

    /// A new connection begins before the last line.
    fn restart(&mut self) {
        self.skip = self.last.as_ref().map_or(0, |(_, told)| *told);
    }

    fn since(&self) -> Option<DateTime<Utc>> {
        self.last.as_ref().and_then(|(stamp, _)| time::parse(stamp))
    }
}

struct Follower {
    cluster: Cluster,
    request: LogRequest,
    lines: Option<Lines<Body>>,
    resume: Resume,
    queue: VecDeque<LogEvent>,
    wait: Duration,
    /// Whether it has been connected before.
    connected: bool,
    /// Whether it has been told that the connection is lost.
    lost: bool,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<LogEvent, ReadError>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            let step = match self.lines.take() {
                None => self.connect().await,
                Some(lines) => self.read(lines).await,
            };
            if let Err(failure) = step {
                self.ended = true;
                let LogRequest { namespace, pod, .. } = &self.request;
                return Some(Err(self.cluster.error(format!("read the log of {namespace}/{pod}"), failure)));
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let sent = match self.build() {
            Ok(request) => self.cluster.stream(request).await,
            Err(failure) => return Err(failure),
        };
        match sent {
            Ok(body) => {
                self.resume.restart();
                if std::mem::take(&mut self.lost) {
                    self.queue.push_back(LogEvent::Resumed);
                }
                self.connected = true;
                self.lines = Some(Lines::splitting(body, MAX_LINE));
                Ok(())
            }
            // The container has not started yet, or is between two lives.
            Err(failure) if self.request.follow && failure.kind == FailureKind::Rejected => {
                self.pause().await
            }
            Err(failure) if self.connected && is_passing(&failure) => {
                self.tell_lost(failure);
                self.pause().await
            }
            Err(failure) if self.connected && failure.kind == FailureKind::NotFound => {
                self.ended = true;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn read(&mut self, mut lines: Lines<Body>) -> Result<(), Failure> {
        match lines.next(Instant::now() + SILENCE).await {
            Ok(Some(line)) => {
                self.take(&line);
                self.lines = Some(lines);
                Ok(())
            }
            Ok(None) => {
                let rest = lines.rest();
                if !rest.is_empty() {
                    self.take(&rest);
                }
                self.after_end().await
            }
            Err(failure) if self.request.follow => {
                // Silence is no loss; what was missed, if anything, comes with the next connection.
                if failure.kind != FailureKind::Timeout {
                    self.tell_lost(failure);
                }
                self.pause().await
            }
            Err(failure) => Err(failure),
        }
    }

    fn take(&mut self, line: &[u8]) {
        if let Some(line) = self.resume.take(&String::from_utf8_lossy(line)) {
            self.wait = WAITS.0;
            self.queue.push_back(LogEvent::Line(line));
        }
    }

    /// The server has closed a log: it is whole, or its container has ended and may start again.
    async fn after_end(&mut self) -> Result<(), Failure> {
        if !self.request.follow || self.request.previous || self.pod_is_over().await {
            self.ended = true;
            return Ok(());
        }
        self.pause().await
    }

    /// Tells once that the connection is lost, however many tries it takes.
    fn tell_lost(&mut self, failure: Failure) {
        if !std::mem::replace(&mut self.lost, true) {
            self.queue.push_back(LogEvent::Lost(failure));
        }
    }

    async fn pod_is_over(&mut self) -> bool {
        #[derive(Deserialize)]
        struct Pod {
            #[serde(default)]
            status: Status,
        }
        #[derive(Deserialize, Default)]
        struct Status {
            #[serde(default)]
            phase: SmolStr,
        }
        let LogRequest { namespace, pod, .. } = &self.request;
        let object = ObjectRef::namespaced(Resource::PODS, namespace.clone(), pod.clone());
        match self.cluster.get::<Pod>(&object).await {
            Ok(pod) => matches!(pod.status.phase.as_str(), "Succeeded" | "Failed"),
            Err(failure) => !is_passing(&failure),
        }
    }

    async fn pause(&mut self) -> Result<(), Failure> {
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(WAITS.1);
        Ok(())
    }

    fn build(&self) -> Result<http::Request<Vec<u8>>, Failure> {
        let LogRequest { namespace, pod, container, previous, follow, tail, since } = &self.request;
        let path = ObjectRef::namespaced(Resource::PODS, namespace.clone(), pod.clone()).path();
        let mut query = vec!["timestamps=true".to_owned()];
        query.extend(container.as_ref().map(|container| format!("container={container}")));
        query.extend(previous.then(|| "previous=true".to_owned()));
        query.extend(follow.then(|| "follow=true".to_owned()));
        match self.resume.since() {
            Some(last) => {
                query.push(format!("sinceTime={}", last.to_rfc3339_opts(SecondsFormat::Secs, true)))
            }
            None => {
                query.extend(tail.map(|lines| format!("tailLines={lines}")));
                query.extend(since.map(|age| format!("sinceSeconds={}", age.as_secs().max(1))));
            }
        }
        http::Request::get(format!("{path}/log?{}", query.join("&")))
            .body(Vec::new())
            .map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))
    }
}

/// Whether trying again makes sense.
fn is_passing(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Busy { .. }
            | FailureKind::Server
            | FailureKind::Timeout
            | FailureKind::Refused
            | FailureKind::NameResolution
            | FailureKind::Unreachable
            | FailureKind::Cut
            | FailureKind::Unauthorized
    )
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::cluster::script::{Reply, Server, error};

    async fn told(replies: Vec<Reply>, request: LogRequest) -> (Vec<String>, Vec<String>) {
        let server = Server::new(replies);
        let request = LogRequest { namespace: "ns".into(), pod: "p".into(), ..request };
        let items: Vec<_> = server.cluster().logs(request).collect().await;
        let word = |item: Result<LogEvent, ReadError>| match item {
            Ok(LogEvent::Line(line)) => line.text,
            Ok(LogEvent::Lost(failure)) => format!("lost {:?}", failure.kind),
            Ok(LogEvent::Resumed) => "resumed".to_owned(),
            Err(error) => format!("failed {:?}", error.failure.kind),
        };
        (items.into_iter().map(word).collect(), server.asked())
    }

    fn follow() -> LogRequest {
        LogRequest { follow: true, container: Some("syncer".into()), tail: Some(10), ..LogRequest::default() }
    }

    fn pod(phase: &str) -> Reply {
        Reply::ok(format!("{{\"status\":{{\"phase\":\"{phase}\"}}}}"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_not_followed_is_read_to_its_end() {
        let text =
            "2026-11-20T10:00:00.1Z one\n2026-11-20T10:00:00.2Z \n2026-11-20T10:00:00.3Z last without end";
        let (lines, asked) = told(vec![Reply::ok(text.into())], LogRequest::default()).await;
        assert_eq!(lines, ["one", "", "last without end"]);
        assert_eq!(asked, ["/api/v1/namespaces/ns/pods/p/log?timestamps=true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_connection_goes_on_after_the_last_line() {
        let first = "2026-11-20T10:00:00.1Z a\n2026-11-20T10:00:00.5Z b\n2026-11-20T10:00:00.5Z c\n";
        let again = format!("{first}2026-11-20T10:00:00.5Z d\n2026-11-20T10:00:01Z e\n");
        let replies = vec![Reply::cut(first.into()), Reply::ok(again), pod("Succeeded")];
        let (lines, asked) = told(replies, follow()).await;
        assert_eq!(lines, ["a", "b", "c", "lost Cut", "resumed", "d", "e"]);
        assert!(asked[0].contains("tailLines=10"), "{asked:?}");
        assert!(
            asked[1].contains("sinceTime=2026-11-20T10:00:00Z") && !asked[1].contains("tailLines"),
            "{asked:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_followed_log_waits_for_its_container_and_goes_on_with_its_next_life() {
        let replies = vec![
            Reply::status(400, error(400, "BadRequest")),
            Reply::ok("2026-11-20T10:00:00Z first life\n".into()),
            pod("Running"),
            Reply::ok("2026-11-20T10:00:00Z first life\n2026-11-20T10:01:00Z second life\n".into()),
            pod("Failed"),
        ];
        let (lines, _) = told(replies, follow()).await;
        assert_eq!(lines, ["first life", "second life"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_fails_once_and_for_all() {
        let (lines, _) = told(vec![Reply::status(403, error(403, "Forbidden"))], follow()).await;
        assert_eq!(lines, ["failed Forbidden"]);
        let (lines, _) =
            told(vec![Reply::status(400, error(400, "BadRequest"))], LogRequest::default()).await;
        assert_eq!(lines, ["failed Rejected"]);
    }
}
