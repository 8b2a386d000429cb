//! A dashboard without terminal, cluster or clock.

use std::sync::Arc;
use std::time::Instant;

use chrono::{TimeDelta, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::fleet::Fleet;
use v9s::fleet::model::{Host, Link, Scope, Vcluster};
use v9s::known::Known;
use v9s::operation::{OperationState, Step, StepState};

use crate::app::jobs::JobEvent;
use crate::app::world::{ContextRow, Contexts, Session, World};
use crate::app::{Cmd, Msg, State};
use crate::config::Config;
use crate::fixture;
use crate::screens;
use crate::theme::{Appearance, Depth, Theme};

/// The state, and what it has asked for so far.
pub struct Stage {
    pub state: State,
    pub cmds: Vec<Cmd>,
    size: (u16, u16),
    now: chrono::DateTime<Utc>,
}

impl Stage {
    /// Nothing has arrived yet.
    pub fn empty(config: Config, appearance: Appearance) -> Self {
        Self::themed(config, Theme::terminal(appearance))
    }

    /// The same in another theme.
    pub fn themed(config: Config, theme: Theme) -> Self {
        let now = fixture::now();
        let theme = Arc::new(theme);
        let world = World::new(Arc::new(config), theme, Session::default(), now);
        let root = Box::new(screens::fleet::FleetScreen::new());
        let mut state = State::new(world, root, screens::REGISTRY);
        let cmds = state.begin(now);
        let mut stage = Self { state, cmds, size: (0, 0), now };
        stage.resize(80, 24);
        stage
    }

    /// A fleet with one of every kind of trouble.
    pub fn with_fleet(config: Config, appearance: Appearance) -> Self {
        let mut stage = Self::empty(config, appearance);
        stage.tell(Msg::Contexts(contexts()));
        stage.fleet(fleet(fixture::fleet()));
        stage
    }

    /// The same with all defaults.
    pub fn new() -> Self {
        Self::with_fleet(Config::default(), Appearance::default())
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        self.tell(Msg::Resize(width, height));
    }

    pub fn tell(&mut self, msg: Msg) {
        let cmds = self.state.update(msg, self.now);
        self.cmds.extend(cmds);
    }

    pub fn fleet(&mut self, fleet: Fleet) {
        let session = self.state.session();
        self.tell(Msg::Fleet(session, Arc::new(fleet)));
    }

    /// Presses keys, apart by spaces.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            // The table remembers what it drew: pages and places of the mouse.
            self.draw();
            self.tell(Msg::Key(key.parse().unwrap()));
        }
        self
    }

    /// Types a text, letter by letter.
    pub fn typing(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.tell(Msg::Key(crate::keymap::Key::char(c)));
        }
        self
    }

    /// Moves the clock on.
    pub fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.tell(Msg::Tick);
    }

    pub fn draw(&mut self) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buf = Buffer::empty(area);
        self.state.paint(area, &mut buf);
        buf
    }

    pub fn text(&mut self) -> String {
        fixture::text_of(&self.draw())
    }

    pub fn text_at(&mut self, width: u16, height: u16) -> String {
        self.resize(width, height);
        self.text()
    }

    /// The line with the cursor.
    pub fn selected(&mut self) -> String {
        let text = self.text();
        let cursor = self.state.world.theme.symbols().cursor;
        text.lines().find(|line| line.starts_with(cursor)).unwrap_or_default().to_owned()
    }

    pub fn says(&mut self) -> String {
        self.state.world.messages.current(self.now).map(|message| message.text.clone()).unwrap_or_default()
    }

    pub fn asked<T>(&self, find: impl FnMut(&Cmd) -> Option<T>) -> Option<T> {
        self.cmds.iter().rev().find_map(find)
    }
}

/// What a job tells when its steps are so far.
pub fn state<const N: usize>(titles: &[&str; N], states: [StepState; N]) -> JobEvent {
    let steps = titles.iter().zip(states);
    let steps = steps.map(|(title, state)| Step { title: (*title).into(), state }).collect();
    JobEvent::State(Arc::new(OperationState { title: "t".into(), steps, since: Instant::now(), end: None }))
}

pub fn no_colour() -> Appearance {
    Appearance { depth: Depth::None, ascii: false }
}

pub fn ascii() -> Appearance {
    Appearance { depth: Depth::True, ascii: true }
}

/// One live host with these virtual clusters.
pub fn fleet(mut vclusters: Vec<Vcluster>) -> Fleet {
    vclusters.sort_by(|a, b| a.key.cmp(&b.key));
    Fleet {
        epoch: 1,
        hosts: vec![Arc::new(host("eu-west-1"))],
        vclusters: vclusters.into_iter().map(Arc::new).collect(),
    }
}

pub fn host(context: &str) -> Host {
    Host {
        context: context.into(),
        server: "https://10.0.0.1:6443".into(),
        version: Known::Yes("v1.36.2".into()),
        link: Link::Live { last_seen: fixture::now() },
        scope: Scope::All,
        notes: Vec::new(),
    }
}

pub fn contexts() -> Contexts {
    let row = |name: &str, current| ContextRow {
        name: name.into(),
        server: "https://10.0.0.1:6443".into(),
        namespace: SmolStr::new("default"),
        current,
    };
    Contexts::Read(vec![row("eu-west-1", true), row("us-east-1", false), row("prod-1", false)])
}
