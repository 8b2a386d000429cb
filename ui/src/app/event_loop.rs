//! The loop: signals, keys, fleets, answers and the clock go in, frames and commands come out.

use std::future::ready;
use std::time::Duration;

use chrono::Utc;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseEventKind};
use futures::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::connections::ConnectionId;
use super::effect::Cmd;
use super::messages::Level;
use super::msg::Msg;
use super::runner::Runner;
use super::state::State;
use crate::cli::verbs::session;
use crate::keymap::Key;
use crate::terminal::{self, Multiplexer, Signal, Signals, Tui};

/// Shortest time between two frames that nobody asked for: 60 a second.
const FRAME: Duration = Duration::from_millis(16);
/// How often ages are painted anew for somebody who works with it.
const TICK: Duration = Duration::from_secs(1);
/// How often for somebody who only looks: half of what an idle dashboard costs is this.
const SLOW_TICK: Duration = Duration::from_secs(2);
/// Who has not pressed anything for so long only looks.
const LOOKS: Duration = Duration::from_secs(10);
/// Most messages taken in before the next frame.
const BATCH: usize = 256;

/// How the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The person left.
    Left,
    /// A signal with this number.
    Signal(i32),
}

/// Runs the dashboard until the person leaves or a signal comes. The first frame has been painted.
pub async fn run(tui: &mut Tui, state: State, runner: Runner) -> anyhow::Result<Ended> {
    let signals = Signals::listen()?;
    let mut app = Loop {
        tui,
        state,
        runner,
        signals,
        events: Some(EventStream::new()),
        ticked: Instant::now(),
        touched: Instant::now(),
        painted: Instant::now(),
        wanted: false,
        asked: false,
    };
    let first = app.state.begin(Utc::now());
    if let Some(ended) = app.carry_out(first).await? {
        return Ok(ended);
    }
    app.run().await
}

struct Loop<'a> {
    tui: &'a mut Tui,
    state: State,
    runner: Runner,
    signals: Signals,
    /// None while another program has the terminal.
    events: Option<EventStream>,
    /// When ages were counted on last.
    ticked: Instant,
    /// When a person pressed something last.
    touched: Instant,
    painted: Instant,
    /// Something to show has changed since the last frame.
    wanted: bool,
    /// A person pressed something since the last frame: it is painted once no more input waits, or when a frame is due.
    asked: bool,
}

/// What one turn of the loop took in.
enum Turn {
    Signal(Signal),
    Input(Option<std::io::Result<Event>>),
    Msg(Msg),
    Tick,
    Paint,
}

impl Turn {
    fn kind(&self) -> &'static str {
        match self {
            Turn::Signal(_) => "signal",
            Turn::Input(_) => "input",
            Turn::Msg(_) => "message",
            Turn::Tick => "tick",
            Turn::Paint => "paint",
        }
    }
}

impl Loop<'_> {
    async fn run(&mut self) -> anyhow::Result<Ended> {
        loop {
            self.wanted |= self.state.take_dirty();
            if self.wanted && self.painted.elapsed() >= FRAME {
                self.paint()?;
            }
            let turn = self.turn().await;
            let (kind, began) = (turn.kind(), Instant::now());
            let cmds = match turn {
                Turn::Signal(Signal::End(number)) => return Ok(Ended::Signal(number)),
                Turn::Signal(Signal::Continued) => {
                    self.tui.reenter()?;
                    self.wanted = true;
                    Vec::new()
                }
                // The terminal is gone.
                Turn::Input(None | Some(Err(_))) => return Ok(Ended::Signal(1)),
                Turn::Input(Some(Ok(event))) => {
                    self.asked = true;
                    self.touched = Instant::now();
                    self.input(event)
                }
                Turn::Msg(msg) => self.messages(msg),
                Turn::Tick => {
                    self.ticked = Instant::now();
                    self.state.update(Msg::Tick, Utc::now())
                }
                Turn::Paint => {
                    self.paint()?;
                    Vec::new()
                }
            };
            if let Some(ended) = self.carry_out(cmds).await? {
                return Ok(ended);
            }
            // A key that comes meanwhile has to wait: this is what a person feels.
            if began.elapsed() > FRAME {
                tracing::debug!(kind, took = ?began.elapsed(), "a turn that was longer than a frame");
            }
        }
    }

    async fn turn(&mut self) -> Turn {
        let focused = self.state.focused();
        let tick = if self.touched.elapsed() < LOOKS { TICK } else { SLOW_TICK };
        let events = self.events.get_or_insert_with(EventStream::new);
        tokio::select! {
            biased;
            signal = self.signals.next() => Turn::Signal(signal),
            event = events.next() => Turn::Input(event),
            // No timer: they fire late while all workers are reading lists.
            () = ready(()), if self.wanted && self.asked => Turn::Paint,
            () = sleep_until(self.painted + FRAME), if self.wanted => Turn::Paint,
            msg = self.runner.next() => Turn::Msg(msg),
            () = sleep_until(self.ticked + tick), if focused => Turn::Tick,
        }
    }

    fn input(&mut self, event: Event) -> Vec<Cmd> {
        let msg = match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => return Vec::new(),
            Event::Key(key) => Msg::Key(Key::from_event(key)),
            Event::Mouse(event) if matches!(event.kind, MouseEventKind::Moved | MouseEventKind::Drag(_)) => {
                return Vec::new();
            }
            Event::Mouse(event) => Msg::Mouse(event),
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize(width, height) => Msg::Resize(width, height),
            Event::FocusGained => Msg::Focus(true),
            Event::FocusLost => Msg::Focus(false),
        };
        self.state.update(msg, Utc::now())
    }

    /// Takes in a message and those that are waiting behind it, up to a bound: one frame shows them all.
    fn messages(&mut self, first: Msg) -> Vec<Cmd> {
        let mut cmds = self.state.update(first, Utc::now());
        for _ in 1..BATCH {
            let Some(msg) = self.runner.waiting() else { break };
            cmds.extend(self.state.update(msg, Utc::now()));
        }
        cmds
    }

    fn paint(&mut self) -> anyhow::Result<()> {
        self.state.world.now = Utc::now();
        self.tui.draw(|frame| self.state.draw(frame))?;
        self.painted = Instant::now();
        self.wanted = false;
        self.asked = false;
        Ok(())
    }

    /// Carries out what concerns the terminal here, and leaves the rest to the runner.
    async fn carry_out(&mut self, cmds: Vec<Cmd>) -> anyhow::Result<Option<Ended>> {
        for cmd in cmds {
            match cmd {
                Cmd::Exit => return Ok(Some(Ended::Left)),
                Cmd::Mouse(on) => self.tui.set_mouse(on)?,
                Cmd::Repaint => {
                    self.tui.clear()?;
                    self.wanted = true;
                }
                Cmd::Suspend => self.suspend()?,
                Cmd::Copy { text, what } => self.copy(&text, &what)?,
                Cmd::Shell(id) => self.shell(id).await?,
                Cmd::Edit { name, text } => self.edit(&name, &text).await?,
                other => self.runner.start(other),
            }
        }
        Ok(None)
    }

    fn copy(&mut self, text: &str, what: &str) -> anyhow::Result<()> {
        let (level, said) = match terminal::copy_sequence(text, Multiplexer::detect()) {
            Ok(sequence) => {
                self.tui.write(&sequence)?;
                (Level::Info, format!("copied {what}"))
            }
            Err(error) => (Level::Warning, format!("{what} not copied: {error}")),
        };
        self.state.update(Msg::Say(level, said), Utc::now());
        Ok(())
    }

    fn suspend(&mut self) -> anyhow::Result<()> {
        self.hand_over();
        let stopped = terminal::stop_until_continued();
        self.take_back()?;
        if let Err(error) = stopped {
            self.state.update(Msg::Say(Level::Error, format!("cannot suspend: {error}")), Utc::now());
        }
        Ok(())
    }

    async fn edit(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let said = match terminal::write_private(name, text) {
            Ok(file) => {
                self.hand_over();
                let ended = terminal::run_editor(&file).await;
                self.take_back()?;
                // The copy may hold what should not lie around.
                let removed = std::fs::remove_file(&file);
                match (ended, removed) {
                    (Ok(status), Ok(())) if status.success() => None,
                    (Ok(status), Ok(())) => Some(format!("the editor ended with {status}")),
                    (Err(error), _) => Some(format!("cannot start the editor: {error}")),
                    (_, Err(error)) => Some(format!("cannot remove {}: {error}", file.display())),
                }
            }
            Err(error) => Some(format!("cannot write a copy for the editor: {error}")),
        };
        if let Some(said) = said {
            self.state.update(Msg::Say(Level::Warning, said), Utc::now());
        }
        Ok(())
    }

    /// A shell in a virtual cluster has the terminal until it ends.
    async fn shell(&mut self, id: ConnectionId) -> anyhow::Result<()> {
        let said = match self.runner.connections().shell(id) {
            Ok((command, tenant)) => {
                self.hand_over();
                let ended = session::run_for(command, &tenant).await;
                // What interrupts a shell is not meant for the dashboard.
                self.signals.forget_interrupts()?;
                self.take_back()?;
                ended.err().map(|error| format!("the shell: {error:#}"))
            }
            Err(why) => Some(why),
        };
        if let Some(said) = said {
            self.state.update(Msg::Say(Level::Warning, said), Utc::now());
        }
        Ok(())
    }

    /// Nobody but the other program may read keys: the reader ends first.
    fn hand_over(&mut self) {
        self.events = None;
        // Ending the reader leaves its wake-up call behind when no read was under way. Found later together with
        // a key, it would hide the key until the next one (the poll is edge-triggered): it is taken out here.
        // What this poll finds of keys it keeps.
        if let Err(error) = crossterm::event::poll(Duration::ZERO) {
            tracing::warn!(%error, "cannot poll the terminal before handing it over");
        }
        self.tui.leave();
    }

    fn take_back(&mut self) -> anyhow::Result<()> {
        self.tui.reenter()?;
        self.state.resize_to(self.tui.size()?);
        self.events = Some(EventStream::new());
        self.wanted = true;
        Ok(())
    }
}
