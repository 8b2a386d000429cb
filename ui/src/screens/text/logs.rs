//! Logs of pods: choice of pod and container, how far back, the one before the last restart, follow.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::cluster::{ContainerInfo, LogRequest};

use super::Reader;
use crate::actions::{Action, ActionId, Scope};
use crate::app::reads::{LogPart, Read, Reply, Ticket};
use crate::app::{Address, Asked, Cmd, Effects, Input, Layer, News, Offer, World};
use crate::config::LogSettings;
use crate::panes::logs::{Limits, LogsPane, Mark, Source};

/// How far back a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// The last lines, as many as the configuration says.
    Tail,
    Minutes(u64),
    All,
}

impl Since {
    const ALL: [Since; 6] = [
        Since::Tail,
        Since::Minutes(1),
        Since::Minutes(5),
        Since::Minutes(15),
        Since::Minutes(60),
        Since::All,
    ];

    fn words(self, tail: u32) -> SmolStr {
        match self {
            Since::Tail => format!("last {tail} lines").into(),
            Since::Minutes(60) => "last 1h".into(),
            Since::Minutes(minutes) => format!("last {minutes}m").into(),
            Since::All => SmolStr::default(),
        }
    }
}

/// The log of one of several pods.
pub struct Logs {
    host: SmolStr,
    namespace: SmolStr,
    pods: Vec<SmolStr>,
    pod: usize,
    containers: Vec<ContainerInfo>,
    container: usize,
    previous: bool,
    since: Since,
    settings: LogSettings,
    /// The question which containers there are, and the stream of lines.
    asked: Asked,
    stream: Option<Ticket>,
    seen: bool,
    reader: Reader<LogsPane>,
}

impl Logs {
    /// Nothing is read yet.
    pub fn new(
        host: SmolStr,
        namespace: SmolStr,
        pods: Vec<SmolStr>,
        previous: bool,
        settings: LogSettings,
    ) -> Self {
        let limits = Limits { lines: settings.keep, ..Limits::default() };
        let mut pane = LogsPane::new(limits);
        if settings.wrap {
            pane.toggle_wrap();
        }
        if settings.timestamps {
            pane.toggle_timestamps();
        }
        Self {
            host,
            namespace,
            pods,
            pod: 0,
            containers: Vec::new(),
            container: 0,
            previous,
            since: Since::Tail,
            settings,
            asked: Asked::default(),
            stream: None,
            seen: false,
            reader: Reader::new(pane),
        }
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.reader.typing()
    }

    /// Shows the log before the last restart, or the present one.
    pub fn set_previous(&mut self, previous: bool) {
        self.previous = previous;
    }

    /// The pods there are now. The one that is read stays as long as it is there.
    pub fn set_pods(&mut self, pods: Vec<SmolStr>, out: &mut Effects) {
        if self.pods == pods {
            return;
        }
        let reading = self.pods.get(self.pod).cloned();
        self.pods = pods;
        match reading.and_then(|name| self.pods.iter().position(|pod| *pod == name)) {
            Some(at) => self.pod = at,
            None => {
                self.pod = 0;
                if self.seen {
                    self.open_pod(out);
                }
            }
        }
    }

    fn open_pod(&mut self, out: &mut Effects) {
        self.forget(out);
        self.containers.clear();
        self.container = 0;
        let Some(pod) = self.pods.get(self.pod).cloned() else { return };
        let (host, namespace) = (self.host.clone(), self.namespace.clone());
        self.asked.ask(Read::Containers { host, namespace, pod }, out);
        self.reader.pane.open(self.source());
    }

    fn open_container(&mut self, world: &World, out: &mut Effects) {
        self.forget(out);
        let Some(pod) = self.pods.get(self.pod).cloned() else { return };
        self.reader.pane.open(self.source());
        // The server refuses this with words that explain nothing.
        if self.previous && self.containers.get(self.container).is_some_and(|container| !container.restarted)
        {
            self.reader.pane.mark(Mark::Failed("this container has not restarted"), world.now);
            return;
        }
        let (tail, since) = match self.since {
            Since::Tail => (Some(self.settings.tail), None),
            Since::Minutes(minutes) => (None, Some(Duration::from_secs(minutes * 60))),
            Since::All => (None, None),
        };
        let request = LogRequest {
            namespace: self.namespace.clone(),
            pod,
            container: self.containers.get(self.container).map(|container| container.name.clone()),
            previous: self.previous,
            follow: !self.previous,
            tail,
            since,
        };
        self.stream = Some(out.follow(self.host.clone(), request));
    }

    fn source(&self) -> Source {
        let count = self.containers.len();
        Source {
            pod: self.pods.get(self.pod).cloned().unwrap_or_default(),
            container: self.containers.get(self.container).map(|c| c.name.clone()).unwrap_or_default(),
            place: (if count == 0 { 0 } else { self.container + 1 }, count),
            previous: self.previous,
            since: self.since.words(self.settings.tail),
        }
    }

    fn forget(&mut self, out: &mut Effects) {
        self.asked.forget(out);
        if let Some(stream) = self.stream.take() {
            out.cmd(Cmd::Forget(stream));
        }
    }

    /// Whether an action can be done now.
    pub fn offer(&self, action: &Action) -> Offer {
        match action.id {
            ActionId::Container if self.containers.len() < 2 => {
                Offer::Impossible("there is one container only".into())
            }
            ActionId::LogPod if self.pods.len() < 2 => Offer::Impossible("there is one pod only".into()),
            _ => Offer::Possible,
        }
    }

    /// Does an action.
    pub fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        match action {
            ActionId::Follow => self.reader.pane.toggle_follow(),
            ActionId::Timestamps => self.reader.pane.toggle_timestamps(),
            ActionId::Clear => self.reader.pane.clear(),
            ActionId::LogPod => {
                self.pod = (self.pod + 1) % self.pods.len().max(1);
                self.open_pod(out);
            }
            ActionId::Container => {
                self.container = (self.container + 1) % self.containers.len().max(1);
                self.open_container(world, out);
            }
            ActionId::Previous => {
                self.previous = !self.previous;
                self.open_container(world, out);
            }
            ActionId::Since => {
                let at = Since::ALL.iter().position(|since| *since == self.since).unwrap_or(0);
                self.since = Since::ALL[(at + 1) % Since::ALL.len()];
                self.open_container(world, out);
            }
            ActionId::Refresh => self.open_pod(out),
            _ => {
                let Source { pod, container, .. } = self.source();
                return self.reader.act(action, &format!("{pod}-{container}.log"), out);
            }
        }
        true
    }

    /// Takes what is typed, and the wheel.
    pub fn input(&mut self, input: &Input) -> bool {
        self.reader.input(input)
    }

    /// Reads while it is in view, and takes in what comes.
    pub fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match news {
            News::Entered => {
                self.seen = true;
                self.open_pod(out);
            }
            News::Left => {
                self.seen = false;
                self.forget(out);
            }
            News::Reply(ticket, Reply::Containers(told)) if self.asked.take(*ticket) => {
                // Not being allowed to look at the pod does not forbid its log.
                self.containers = told.as_ref().cloned().unwrap_or_default();
                self.container = preferred(&self.containers);
                self.open_container(world, out);
            }
            News::Reply(ticket, Reply::Log(parts)) if self.stream == Some(*ticket) => {
                for part in parts {
                    self.take(part, world);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, part: &LogPart, world: &World) {
        let pane = &mut self.reader.pane;
        match part {
            LogPart::Line { at, text } => pane.push(*at, text),
            LogPart::Lost(why) => pane.mark(Mark::Lost(why), world.now),
            LogPart::Resumed => pane.mark(Mark::Resumed, world.now),
            LogPart::Failed(why) => pane.mark(Mark::Failed(why), world.now),
            LogPart::Ended => pane.mark(Mark::Ended, world.now),
        }
    }

    /// Paints itself.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = self.reader.draw_prompt(area, buf, world);
        self.reader.pane.render(area, buf, &world.theme, world.now);
    }
}

/// The container one most likely wants: the syncer, else the first that is no init container.
fn preferred(containers: &[ContainerInfo]) -> usize {
    let syncer = containers.iter().position(|container| container.name == "syncer");
    syncer.or_else(|| containers.iter().position(|container| !container.init)).unwrap_or(0)
}

/// Logs as a screen of their own.
pub struct LogsScreen {
    logs: Logs,
}

impl LogsScreen {
    /// The log of one pod.
    pub fn new(
        host: SmolStr,
        namespace: SmolStr,
        pod: SmolStr,
        previous: bool,
        settings: LogSettings,
    ) -> Self {
        Self { logs: Logs::new(host, namespace, vec![pod], previous, settings) }
    }
}

impl Layer for LogsScreen {
    fn address(&self) -> Address {
        let Logs { host, namespace, pods, .. } = &self.logs;
        let pod = pods.first().cloned().unwrap_or_default();
        Address { screen: "logs", argument: format!("{host}/{namespace}/{pod}").into() }
    }

    fn place(&self) -> SmolStr {
        if self.logs.previous { "previous".into() } else { "present".into() }
    }

    fn go_to(&mut self, place: &str) {
        self.logs.set_previous(place == "previous");
    }

    fn title(&self, _: &World) -> String {
        format!("logs of {} @ {}", self.logs.pods.first().cloned().unwrap_or_default(), self.logs.host)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Text, Scope::Logs]
    }

    fn typing(&self) -> bool {
        self.logs.typing()
    }

    fn offer(&self, action: &Action, _: &World) -> Offer {
        self.logs.offer(action)
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        self.logs.act(action, world, out)
    }

    fn input(&mut self, input: &Input, _: &World, _: &mut Effects) -> bool {
        self.logs.input(input)
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        self.logs.news(news, world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = super::super::popup::title_line(area, buf, world, &self.title(world));
        self.logs.draw(area, buf, world);
    }
}
