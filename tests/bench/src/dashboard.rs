//! The dashboard in a pseudo-terminal, watched from outside: when it paints what, and what it costs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use v9s_testkit::pty::{Output, Program, Terminal};
use v9s_testkit::vt100::Screen;

use crate::process::{Spent, memory};

/// Columns and rows of a person's large window.
const SIZE: (u16, u16) = (200, 50);

/// Columns of the fleet's rows that hold names only.
const NAMES: u16 = 40;

/// A way to start it: program and kubeconfig.
#[derive(Debug)]
pub struct Dashboard {
    program: PathBuf,
    kubeconfig: PathBuf,
}

/// When it was how far, from the start of the process.
#[derive(Debug, Clone, Copy)]
pub struct Startup {
    /// Anything was on the screen.
    pub first_paint: Duration,
    /// Every virtual cluster was counted.
    pub fleet: Duration,
    /// Every watch was open, the synced pods' too.
    pub live: Duration,
}

impl Dashboard {
    /// Of this program, on the current context of this kubeconfig file.
    pub fn new(program: &Path, kubeconfig: &Path) -> Self {
        Self { program: program.to_owned(), kubeconfig: kubeconfig.to_owned() }
    }

    /// Starts it.
    pub fn start(&self, args: &[&str]) -> Result<Terminal> {
        Program::new(&self.program)
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .size(SIZE.0, SIZE.1)
            .patience(Duration::from_secs(180))
            .start()
    }

    /// Starts it and follows it until it is live.
    pub fn startup(&self, vclusters: usize) -> Result<(Terminal, Startup)> {
        let terminal = self.start(&[])?;
        let count = format!("{} vclusters", grouped(vclusters));
        let since = |at: Instant| at - terminal.started_at();
        let first_paint =
            since(painted(&terminal, "the first paint", |screen| !screen.contents().trim().is_empty())?);
        let fleet =
            since(painted(&terminal, "all virtual clusters", |screen| header(screen).contains(&count))?);
        let live = since(painted(&terminal, "all pods", is_live)?);
        Ok((terminal, Startup { first_paint, fleet, live }))
    }
}

/// When the screen that fulfils the wish had arrived.
pub fn painted(terminal: &Terminal, what: &str, wish: impl Fn(&Screen) -> bool) -> Result<Instant> {
    terminal
        .wait_for_output(what, |output: &Output| wish(output.screen()).then(|| output.last_at()).flatten())
}

/// The first line.
pub fn header(screen: &Screen) -> String {
    screen.rows(0, screen.size().1.get()).next().unwrap_or_default()
}

/// Every list is whole: the header says that it is live and counts no more what it loads.
pub fn is_live(screen: &Screen) -> bool {
    let header = header(screen);
    header.contains("live") && !header.contains("loading")
}

/// Times from a key to the paint that shows its effect, sorted: the cursor moves one row at a time, while `more` of so many presses.
fn cursor_while(terminal: &Terminal, more: impl Fn(usize) -> bool) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while more(latencies.len()) {
        let press = latencies.len();
        pause(press);
        let before = selected(&terminal.screen()).context("no row is selected")?;
        // Down and up the screen, so that the table also has to scroll.
        let key = if press / 40 % 2 == 0 { "j" } else { "k" };
        let pressed = Instant::now();
        terminal.send(key)?;
        let at = painted(terminal, "the cursor to move", |screen| selected(screen) != Some(before.clone()))?;
        latencies.push(at.saturating_duration_since(pressed));
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// For so many presses.
pub fn cursor_latencies(terminal: &Terminal, presses: usize) -> Result<Vec<Duration>> {
    cursor_while(terminal, |press| press < presses)
}

/// From the moment when there are rows until the dashboard is live: the initial load keeps it busy then.
pub fn cursor_latencies_while_loading(terminal: &Terminal) -> Result<Vec<Duration>> {
    painted(terminal, "a row to be selected", |screen| selected(screen).is_some())?;
    cursor_while(terminal, |_| !is_live(&terminal.screen()))
}

/// The same for opening and closing the help, all the time until the dashboard is live: nearly every cell is painted anew.
pub fn overlay_latencies_while_loading(terminal: &Terminal) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while !is_live(&terminal.screen()) {
        for (key, open) in [("?", true), ("\x1b", false)] {
            pause(latencies.len());
            let pressed = Instant::now();
            terminal.send(key)?;
            let at = painted(terminal, "the help to open or close", |screen| has_help(screen) == open)?;
            latencies.push(at.saturating_duration_since(pressed));
        }
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// The same for a program that does nothing but paint as much ([`crate::painter`]), until `done`: what the machine takes for a key.
pub fn painter_latencies(done: impl Fn() -> bool) -> Result<Vec<Duration>> {
    let this = std::env::current_exe().context("looking for this program")?;
    let terminal = Program::new(Path::new("sh"))
        .args(["-c", "stty raw -echo && exec \"$0\" --paint"])
        .args([&this])
        .size(SIZE.0, SIZE.1)
        .start()?;
    terminal.wait_for_text("ready")?;
    let mut latencies = Vec::new();
    while !done() {
        pause(latencies.len());
        let key = if latencies.len() % 2 == 0 { "+" } else { "-" };
        let pressed = Instant::now();
        terminal.send(key)?;
        let at = painted(&terminal, "the frame", |screen| header(screen).starts_with(key))?;
        latencies.push(at.saturating_duration_since(pressed));
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// Fingers and key repeat send some thirty keys a second, never in step with frames.
fn pause(press: usize) {
    let jitter = (press * 7919 % 21) as u64;
    std::thread::sleep(Duration::from_millis(25 + jitter));
}

fn has_help(screen: &Screen) -> bool {
    screen.contents().contains("┌ help ")
}

/// What the selected row is of, and where it is: the names are in its first columns, behind them counts arrive while it loads.
fn selected(screen: &Screen) -> Option<(u16, String)> {
    let (rows, columns) = screen.size();
    (1..rows.get()).find_map(|row| {
        let marked =
            |column| screen.cell(row, column).is_some_and(|cell| cell.inverse() && cell.has_contents());
        let text = screen.rows(0, NAMES).nth(usize::from(row))?;
        (0..columns.get()).any(marked).then_some((row, text))
    })
}

/// Share of a core over a while, in percent, and the memory after it.
pub fn cost(terminal: &Terminal, over: Duration) -> Result<(f64, f64, f64)> {
    let pid = terminal.pid().context("the dashboard has ended")?;
    let before = Spent::now(pid)?;
    std::thread::sleep(over);
    let percent = Spent::now(pid)?.percent_since(before);
    let (resident, peak) = memory(pid)?;
    Ok((percent, resident, peak))
}

/// A value that this share of sorted values does not exceed.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or_default()
}

/// A count as the dashboard writes it.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
