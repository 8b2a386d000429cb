//! Runs a program in a pseudo-terminal, as a person would: keys in, a screen out.
//!
//! ```text
//! let mut terminal = Program::new(env!("CARGO_BIN_EXE_v9s")).args(["demo"]).size(120, 40).start()?;
//! terminal.wait_for_text("team-alpha")?;
//! terminal.press(&["ctrl-z"])?;
//! ```
//!
//! The program sees a home folder of its own, an English UTF-8 locale and UTC, whatever the machine has. Waiting is
//! on what the screen shows; the patience is a guard against waiting for ever and not a measure.

mod keys;
mod screen;

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

pub use keys::{Button, key};
use screen::Shared;
pub use screen::{Output, styles};

/// A program to be run in a pseudo-terminal.
#[derive(Debug)]
pub struct Program {
    command: CommandBuilder,
    size: (u16, u16),
    patience: Duration,
}

impl Program {
    /// A program by its path, 80 columns by 24 rows.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let mut command = CommandBuilder::new(path);
        command.env_clear();
        let inherited = ["PATH", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"];
        for (name, value) in inherited.iter().filter_map(|name| Some((name, std::env::var_os(name)?))) {
            command.env(name, value);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("TZ", "UTC")] {
            command.env(name, value);
        }
        Self { command, size: (80, 24), patience: Duration::from_secs(60) }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets columns and rows.
    #[must_use]
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    /// How long a wait may take before it is a failure.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it. `HOME` and the working folder are a new empty folder unless `HOME` was set.
    ///
    /// # Errors
    /// When there is no pseudo-terminal or no such program.
    pub fn start(mut self) -> Result<Terminal> {
        let home = TempDir::with_prefix("v9s-home-").context("making a home folder")?;
        if self.command.get_env("HOME").is_none() {
            self.command.env("HOME", home.path());
        }
        self.command.cwd(home.path());
        let pair = native_pty_system().openpty(pty_size(self.size)).context("opening a pseudo-terminal")?;
        let name = self.command.get_argv().first().cloned().unwrap_or_default();
        let started_at = Instant::now();
        let child =
            pair.slave.spawn_command(self.command).with_context(|| format!("starting {}", name.display()))?;
        // The reader sees the end only when nobody but the program holds the other side.
        drop(pair.slave);
        let shared = Arc::new(Shared::new(self.size, pair.master.take_writer()?));
        let reader = pair.master.try_clone_reader()?;
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || read_all(reader, &shared)
        });
        Ok(Terminal { shared, child, master: pair.master, home, patience: self.patience, started_at, name })
    }
}

fn read_all(mut reader: Box<dyn Read + Send>, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    // Linux reports the end of a pseudo-terminal as an error.
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        shared.feed(buffer.get(..length).unwrap_or_default(), Instant::now());
    }
    shared.close();
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// A running program and what it has painted. Dropping it kills the program.
pub struct Terminal {
    shared: Arc<Shared>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    home: TempDir,
    patience: Duration,
    started_at: Instant,
    name: OsString,
}

impl Terminal {
    /// Sends characters as they are.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn send(&self, text: &str) -> Result<()> {
        self.shared.write(text.as_bytes()).with_context(|| format!("sending {text:?}"))
    }

    /// Presses keys in turn, each spelled as in [`key`].
    ///
    /// # Errors
    /// When a key has another spelling, or the terminal is gone.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        keys.iter().try_for_each(|name| self.send(&key(name)?))
    }

    /// Presses or turns something of the mouse at a cell, counted from 0.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn mouse(&self, button: Button, column: u16, row: u16) -> Result<()> {
        self.send(&button.report(column, row))
    }

    /// Waits until the screen is as wished, and returns it. Half-painted frames (between the marks of synchronized
    /// output) are not looked at.
    ///
    /// # Errors
    /// When the program ends or patience ends before; with the screen, so that the failure tells what was there.
    pub fn wait_for(&self, what: &str, wish: impl Fn(&vt100::Screen) -> bool) -> Result<vt100::Screen> {
        self.shared.wait(self.patience, |output| wish(output.screen())).map_or_else(
            |why| bail!("waiting for {what}: {why}; the screen was\n{}", self.text()),
            |output| Ok(output.screen().clone()),
        )
    }

    /// Waits until the text is on the screen, in one row.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub fn wait_for_text(&self, text: &str) -> Result<vt100::Screen> {
        self.wait_for(&format!("{text:?}"), |screen| screen.contents().contains(text))
    }

    /// Waits until the text is nowhere on the screen.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub fn wait_until_gone(&self, text: &str) -> Result<vt100::Screen> {
        self.wait_for(&format!("{text:?} to go"), |screen| !screen.contents().contains(text))
    }

    /// Waits until everything it sent so far is as wished: raw bytes, clipboard, title.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub fn wait_for_output<T>(&self, what: &str, wish: impl Fn(&Output) -> Option<T>) -> Result<T> {
        let waited = self.shared.wait(self.patience, |output| wish(output).is_some());
        let found = waited.as_ref().ok().and_then(|output| wish(output));
        let why = waited.err().unwrap_or("it was there, and went");
        found.with_context(|| format!("waiting for {what}: {why}; the screen was\n{}", self.text()))
    }

    /// The screen as it is now.
    pub fn screen(&self) -> vt100::Screen {
        self.shared.lock().screen().clone()
    }

    /// The screen's text as it is now, one line per row, without trailing blanks.
    pub fn text(&self) -> String {
        self.screen().contents()
    }

    /// Every byte it has sent so far.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.lock().raw().to_vec()
    }

    /// The texts it has put on the clipboard so far (OSC 52), decoded.
    pub fn clipboard(&self) -> Vec<String> {
        self.shared.lock().clipboard().to_vec()
    }

    /// Changes the size of the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        self.shared.lock().resize((columns, rows));
        self.master.resize(pty_size((columns, rows))).context("resizing the terminal")
    }

    /// Whether keys reach the program one by one and unechoed: what a program that ended must have undone.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn is_raw(&self) -> Result<bool> {
        use rustix::termios::LocalModes;
        let modes = self.master.tty_name().context("the terminal has no name")?;
        let tty = std::fs::File::open(&modes).with_context(|| format!("opening {}", modes.display()))?;
        let local = rustix::termios::tcgetattr(&tty).context("asking for the terminal's modes")?.local_modes;
        Ok(!local.intersects(LocalModes::ICANON | LocalModes::ECHO))
    }

    /// Sends the program a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid =
            self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())).context("it has no process id")?;
        kill_process(pid, signal).with_context(|| format!("signalling {}", self.name.display()))
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// Its home folder.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// When it was started.
    pub fn started_at(&self) -> Instant {
        self.started_at
    }

    /// Waits until it has ended by itself and everything it sent has arrived.
    ///
    /// # Errors
    /// When it still runs at the end of patience.
    pub fn wait_for_exit(&mut self) -> Result<ExitStatus> {
        if !self.shared.wait_closed(self.patience) {
            bail!("{} still runs; the screen was\n{}", self.name.display(), self.text());
        }
        self.child.wait().with_context(|| format!("waiting for {}", self.name.display()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
