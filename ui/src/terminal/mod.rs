//! The terminal: entering and leaving it, whatever happens; suspend, clipboard, hand-over to other programs.

mod clipboard;
mod foreground;
mod signals;

pub use clipboard::{CopyError, LIMIT as CLIPBOARD_LIMIT, Multiplexer, copy_sequence};
pub use foreground::{run_editor, stop_until_continued, write_private};
pub use signals::{Signal, Signals};

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Frame, Terminal};
use thiserror::Error;

/// Whether the terminal is ours at this moment; [`restore`] acts once per entering.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Button presses and wheel with coordinates beyond column 223, and no motion: `CSI ? 1000 h`, `CSI ? 1006 h`.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// The reverse of [`MOUSE_ON`].
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Why the dashboard cannot start here.
#[derive(Debug, Error)]
pub enum TerminalError {
    /// Input or output is not a terminal.
    #[error("{0} is not a terminal; `v9s list` prints the same fleet for pipes and scripts")]
    NotATerminal(&'static str),
    /// The terminal cannot move the cursor.
    #[error("TERM={0} cannot show a dashboard; `v9s list` prints the same fleet as plain text")]
    Dumb(String),
    /// The terminal refused.
    #[error("cannot set up the terminal: {0}")]
    Io(#[from] io::Error),
}

/// Whether a dashboard can be shown here: both ends are a terminal, and not a dumb one.
pub fn check() -> Result<(), TerminalError> {
    if !io::stdin().is_terminal() {
        return Err(TerminalError::NotATerminal("standard input"));
    }
    if !io::stdout().is_terminal() {
        return Err(TerminalError::NotATerminal("standard output"));
    }
    match std::env::var("TERM") {
        Ok(term) if term == "dumb" => Err(TerminalError::Dumb(term)),
        _ => Ok(()),
    }
}

/// The terminal while it is ours. Dropping it gives the terminal back.
pub struct Tui {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
}

impl Tui {
    /// Takes the terminal: raw mode, alternate screen, no cursor.
    pub fn enter(mouse: bool) -> Result<Self, TerminalError> {
        // The backend would write full resets in place of colours when NO_COLOR is set and so lose bold and
        // reverse; the theme takes the colours out instead.
        crossterm::style::force_color_output(true);
        take(mouse)?;
        // One write per frame in nearly all cases.
        let out = BufWriter::with_capacity(64 * 1024, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| restore())?;
        Ok(Self { terminal, mouse })
    }

    /// Paints one frame; the terminal shows it at once, not in parts.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(paint)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that the next frame is painted whole.
    pub fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        // Unlike clearing, this does not ask the terminal where its cursor is, and so needs no answer.
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// How many columns and rows there are now.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Turns mouse capture on or off.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        self.write(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Writes an escape sequence that paints nothing.
    pub fn write(&mut self, sequence: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), Print(sequence))
    }

    /// Gives the terminal back for a while.
    pub fn leave(&mut self) {
        restore();
    }

    /// Takes the terminal again after [`Tui::leave`], or after somebody else changed it.
    pub fn reenter(&mut self) -> Result<(), TerminalError> {
        if ENTERED.load(Ordering::SeqCst) {
            // A shell may have changed the mode behind our back, and raw mode is only set where it is thought unset.
            disable_raw_mode()?;
        }
        take(self.mouse)?;
        self.clear()?;
        Ok(())
    }
}

impl Drop for Tui {
    fn drop(&mut self) {
        restore();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    let entered = execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        Hide,
        Print(if mouse { MOUSE_ON } else { "" })
    );
    entered.inspect_err(|_| restore())
}

/// Gives the terminal back as it was. Does nothing when it is not ours; never fails, since nobody could help.
pub fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        Print(MOUSE_OFF),
        DisableFocusChange,
        DisableBracketedPaste,
        ResetColor,
        LeaveAlternateScreen,
        Show
    );
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// A panic on this thread gives the terminal back before it is reported; one on any other thread goes to the
/// log, since the dashboard lives on and the task that failed is reported there.
pub fn restore_on_panic() {
    let ui = std::thread::current().id();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == ui {
            restore();
            report(info);
        } else {
            let trace = std::backtrace::Backtrace::force_capture();
            tracing::error!(panic = %info, backtrace = %trace, "a background task panicked");
        }
    }));
}
