//! A command that runs while others do, such as `get --watch`.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader, Read};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use v9s_testkit::seat::{Said, Seat, words};

/// Nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running command.
pub struct Beside {
    child: Child,
    /// Its output, line by line; closed when it ends.
    lines: Receiver<String>,
    errors: Receiver<String>,
    out: String,
    /// When this has been said, all has been said.
    last: String,
}

impl Beside {
    /// Starts a command and waits until it has said something, so that it sees what happens from here on.
    ///
    /// # Errors
    /// When it cannot be started or says nothing.
    pub fn start(seat: &Seat, line: &str, last: &str) -> Result<Self> {
        let mut child = seat.command(&words(line)).spawn().context("starting kubectl")?;
        let lines = read(child.stdout.take().context("a pipe")?);
        let errors = read(child.stderr.take().context("a pipe")?);
        let mut beside = Self { child, lines, errors, out: String::new(), last: last.to_owned() };
        beside.listen(Instant::now() + PATIENCE).context("it says nothing")?;
        Ok(beside)
    }

    /// Takes one more line; none when it has ended.
    fn listen(&mut self, deadline: Instant) -> Result<Option<()>> {
        match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.out += &line;
                Ok(Some(()))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("it never said {:?}, but:\n{}", self.last, self.out),
        }
    }

    /// Waits for the last word, stops the command and tells what it said.
    ///
    /// # Errors
    /// When the last word does not come.
    pub fn end(mut self) -> Result<Said> {
        let deadline = Instant::now() + PATIENCE;
        while !self.out.lines().next_back().unwrap_or_default().contains(&self.last) {
            if self.listen(deadline)?.is_none() {
                break;
            }
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(Said { code: None, out: std::mem::take(&mut self.out), err: self.errors.iter().collect() })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Where the story failed before its end; a second time it does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line + "\n").is_err() {
                break;
            }
        }
    });
    lines
}
