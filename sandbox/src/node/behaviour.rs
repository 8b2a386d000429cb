//! What images do when they run: registered by the embedding program, by the name of the image.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use super::log::Log;
use super::ports::Ports;
use super::works::{ControlPlane, Program};

/// A container, as a rule sees it before deciding what it does.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Name of the pod.
    pub pod: &'a str,
    /// UID of the pod.
    pub uid: &'a str,
    /// Labels of the pod.
    pub labels: &'a [(SmolStr, SmolStr)],
    /// Name of the container.
    pub name: &'a str,
    /// Its image, as the pod names it.
    pub image: &'a str,
    /// Whether it is an init container that has to end before others start.
    pub init: bool,
    /// Whether its pod is meant to end (its restart policy is not `Always`).
    pub once: bool,
    /// How often it was restarted.
    pub restarts: i64,
}

impl Container<'_> {
    /// A label of the pod.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// What a container does. The default starts within seconds, becomes ready, runs for ever and stops when told to.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// How the image comes to the node.
    pub pull: Pull,
    /// From the image being there to the container running.
    pub start: Duration,
    /// From running to being ready; None: never ready.
    pub ready: Option<Duration>,
    /// What it does once it runs.
    pub run: Run,
    /// From being told to stop to having stopped. Longer than the pod's grace: it is killed.
    pub stop: Duration,
    /// What it writes.
    pub log: Log,
    /// What answers on its ports.
    pub ports: Ports,
    /// Files that `cat` and `ls` show, beside those that every container has.
    pub files: Vec<(String, String)>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            pull: Pull::Takes(Duration::from_millis(1500)),
            start: Duration::from_millis(400),
            ready: Some(Duration::from_secs(1)),
            run: Run::Forever,
            stop: Duration::from_millis(500),
            log: Log::default(),
            ports: Ports::default(),
            files: Vec::new(),
        }
    }
}

impl Behaviour {
    /// What an image without a rule does: what is meant to end ends well after a while.
    pub fn unknown(container: &Container<'_>) -> Self {
        let exits = |after| Run::Exits { after, exit: Exit::code(0) };
        let run = match (container.init, container.once) {
            (true, _) => exits(Duration::from_secs(1)),
            (_, true) => exits(Duration::from_secs(10)),
            _ => Run::Forever,
        };
        Behaviour { run, ..Behaviour::default() }
    }
}

/// How an image comes to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pull {
    /// It is there already.
    Cached,
    /// It is pulled in this time.
    Takes(Duration),
    /// It cannot be pulled; what the registry says.
    Fails(String),
}

/// What a container does once it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// It goes on.
    Forever,
    /// It ends by itself.
    Exits {
        /// After this time.
        after: Duration,
        /// How.
        exit: Exit,
    },
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; 0 for success.
    pub code: i64,
    /// `Completed`, `Error`, `OOMKilled`.
    pub reason: SmolStr,
    /// What it left in its termination message; usually nothing.
    pub message: String,
}

impl Exit {
    /// Ended by itself with an exit code.
    pub fn code(code: i64) -> Self {
        let reason = if code == 0 { "Completed" } else { "Error" };
        Exit { code, reason: SmolStr::new_static(reason), message: String::new() }
    }

    /// Killed by a signal that cannot be caught.
    pub fn killed() -> Self {
        Exit::code(137)
    }

    /// Lost with the power of its node.
    pub fn lost() -> Self {
        Exit { code: 255, reason: SmolStr::new_static("Unknown"), message: String::new() }
    }

    /// Killed for using more memory than its limit.
    pub fn out_of_memory() -> Self {
        Exit { code: 137, reason: SmolStr::new_static("OOMKilled"), message: String::new() }
    }
}

/// What a rule answers for a container; None leaves the status of its pod to others.
type Rule = Arc<dyn Fn(&Container<'_>) -> Option<Behaviour> + Send + Sync>;

/// What really runs in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A program of the embedding one.
    Program(Program),
    /// An API server with a store of its own.
    ControlPlane(ControlPlane),
}

/// What a rule answers for a container that really runs something.
type WorkRule = Arc<dyn Fn(&Container<'_>) -> Work + Send + Sync>;

#[derive(Clone)]
struct Entry {
    pattern: String,
    rule: Rule,
    work: Option<WorkRule>,
}

/// The rules by image. Cheap to clone.
#[derive(Clone, Default)]
pub struct Images(Vec<Entry>);

impl Images {
    /// Adds a rule for the images that match a pattern, in which `*` stands for any text. The first rule that
    /// matches counts. The rule is asked again and again while a container lives, so that it may look at something
    /// that changes: a container that is no longer ready becomes so without a restart.
    #[must_use]
    pub fn on(
        mut self,
        pattern: &str,
        rule: impl Fn(&Container<'_>) -> Behaviour + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Entry {
            pattern: pattern.to_owned(),
            rule: Arc::new(move |c: &Container<'_>| Some(rule(c))),
            work: None,
        });
        self
    }

    /// As [`Images::on`] for images that really run something: it is started when the container does, and the container
    /// ends when it ends. What the behaviour says of the time of running and of the log is not looked at then; nor is
    /// when it becomes ready, as soon as the program says so itself.
    #[must_use]
    pub fn run(
        mut self,
        pattern: &str,
        rule: impl Fn(&Container<'_>) -> Behaviour + Send + Sync + 'static,
        work: impl Fn(&Container<'_>) -> Work + Send + Sync + 'static,
    ) -> Self {
        let rule: Rule = Arc::new(move |c: &Container<'_>| Some(Behaviour { run: Run::Forever, ..rule(c) }));
        self.0.push(Entry { pattern: pattern.to_owned(), rule, work: Some(Arc::new(work)) });
        self
    }

    /// Leaves the status of pods with such an image to whoever writes it: the node only ends them when they are
    /// deleted.
    #[must_use]
    pub fn leave_alone(mut self, pattern: &str) -> Self {
        self.0.push(Entry {
            pattern: pattern.to_owned(),
            rule: Arc::new(|_: &Container<'_>| None),
            work: None,
        });
        self
    }

    /// What a container does; None when its pod's status is left alone.
    pub(crate) fn behaviour(&self, container: &Container<'_>) -> Option<Behaviour> {
        match self.entry(container.image) {
            Some(entry) => (entry.rule)(container),
            None => Some(Behaviour::unknown(container)),
        }
    }

    fn entry(&self, image: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| matches(&entry.pattern, image))
    }

    /// What a container really runs.
    pub(crate) fn work(&self, container: &Container<'_>) -> Option<Work> {
        self.entry(container.image).and_then(|entry| entry.work.as_ref()).map(|work| work(container))
    }

    /// Whether an image really runs something.
    pub(crate) fn is_lively(&self, image: &str) -> bool {
        self.entry(image).is_some_and(|entry| entry.work.is_some())
    }

    /// Whether any image does.
    pub(crate) fn has_programs(&self) -> bool {
        self.0.iter().any(|entry| entry.work.is_some())
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| &entry.pattern)).finish()
    }
}

/// Whether a text has the form of a pattern, in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_with_stars() {
        let cases = [
            ("nginx", "nginx", true),
            ("nginx", "nginx:1", false),
            ("nginx*", "nginx:1", true),
            ("*/vcluster*", "ghcr.io/loft-sh/vcluster-pro:0.30", true),
            ("*/vcluster:*", "ghcr.io/loft-sh/vcluster-pro:0.30", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*", "", true),
            ("ab*b", "ab", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let images = Images::default()
            .on("app:bad", |_| Behaviour {
                run: Run::Exits { after: Duration::ZERO, exit: Exit::code(1) },
                ..Behaviour::default()
            })
            .leave_alone("app:*");
        let of = |image: &str| {
            images.behaviour(&Container {
                namespace: "n",
                pod: "p",
                uid: "u",
                labels: &[],
                name: "c",
                image,
                init: false,
                once: false,
                restarts: 0,
            })
        };
        assert!(matches!(of("app:bad").map(|b| b.run), Some(Run::Exits { .. })));
        assert!(of("app:good").is_none());
        assert_eq!(of("other").map(|b| b.run), Some(Run::Forever));
    }
}
