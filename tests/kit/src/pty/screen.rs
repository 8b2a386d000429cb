//! What came out of a pseudo-terminal, as bytes and as the screen they painted.

use std::io::{self, Write};
use std::num::NonZeroU16;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vt100::{Callbacks, Color, Parser, Screen};

/// Everything a program has sent to its terminal.
pub struct Output {
    parser: Parser<Answers>,
    raw: Vec<u8>,
    last_at: Option<Instant>,
    ended: bool,
}

impl Output {
    /// The screen as painted.
    pub fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// Every byte.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The texts put on the clipboard (OSC 52), decoded.
    pub fn clipboard(&self) -> &[String] {
        &self.parser.callbacks().clipboard
    }

    /// When the newest bytes arrived.
    pub fn last_at(&self) -> Option<Instant> {
        self.last_at
    }

    /// Tells the screen model of a new size.
    pub(super) fn resize(&mut self, size: (u16, u16)) {
        let (rows, columns) = grid(size);
        self.parser.set_size(rows, columns);
    }
}

/// What a terminal does beside painting: it answers questions, keeps the clipboard, and marks frames.
#[derive(Default)]
struct Answers {
    reply: Vec<u8>,
    clipboard: Vec<String>,
    in_frame: bool,
}

impl Callbacks for Answers {
    fn copy_to_clipboard(&mut self, _: &mut Screen, _kind: &[u8], data: &[u8]) {
        let text = STANDARD.decode(data).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.clipboard.extend(text);
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let param = params.first().and_then(|values| values.first()).copied().unwrap_or_default();
        match (first, last, param) {
            (Some(b'?'), 'h', 2026) => self.in_frame = true,
            (Some(b'?'), 'l', 2026) => self.in_frame = false,
            // Programs ask what the terminal can do and wait for this answer: a VT220 with colours.
            (None, 'c', 0) => self.reply.extend_from_slice(b"\x1b[?62;22c"),
            (None, 'n', 5) => self.reply.extend_from_slice(b"\x1b[0n"),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                self.reply.extend_from_slice(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
            }
            _ => {}
        }
    }
}

/// Rows and columns of a size in columns and rows; a screen has at least one cell.
fn grid((columns, rows): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    let at_least_one = |count| NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN);
    (at_least_one(rows), at_least_one(columns))
}

/// Output that one thread fills and others wait on.
pub(super) struct Shared {
    output: Mutex<Output>,
    changed: Condvar,
    writer: Mutex<Box<dyn Write + Send>>,
}

impl Shared {
    pub fn new(size: (u16, u16), writer: Box<dyn Write + Send>) -> Self {
        let (rows, columns) = grid(size);
        let parser = Parser::new_with_callbacks(rows, columns, 0, Answers::default());
        let output = Output { parser, raw: Vec::new(), last_at: None, ended: false };
        Self { output: Mutex::new(output), changed: Condvar::new(), writer: Mutex::new(writer) }
    }

    pub fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(bytes)?;
        writer.flush()
    }

    pub fn feed(&self, bytes: &[u8], at: Instant) {
        let reply = {
            let mut output = self.lock();
            output.raw.extend_from_slice(bytes);
            output.parser.process(bytes);
            output.last_at = Some(at);
            std::mem::take(&mut output.parser.callbacks_mut().reply)
        };
        self.changed.notify_all();
        if !reply.is_empty() {
            // The program may be gone already and not care.
            let _ = self.write(&reply);
        }
    }

    pub fn close(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for a whole frame that is as wished.
    pub fn wait(
        &self,
        patience: Duration,
        wish: impl Fn(&Output) -> bool,
    ) -> Result<MutexGuard<'_, Output>, &'static str> {
        let done = |output: &Output| !output.parser.callbacks().in_frame && wish(output);
        let go_on = |output: &mut Output| !done(output) && !output.ended;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, go_on);
        let (output, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if done(&output) {
            Ok(output)
        } else if output.ended {
            Err("the program ended")
        } else {
            Err("patience ended")
        }
    }

    pub fn wait_closed(&self, patience: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |output| !output.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

/// How a text on the screen is styled, for assertions: `bold`, `dim`, `italic`, `underline`, `inverse`, and colours as
/// `fg:1` (palette) or `fg:#rrggbb`; of the first cell of its first occurrence. `None` when it is nowhere.
pub fn styles(screen: &Screen, text: &str) -> Option<Vec<String>> {
    let (_, columns) = screen.size();
    let row = screen.rows(0, columns.get()).position(|row| row.contains(text))?;
    let row = u16::try_from(row).ok()?;
    let begins = |column: &u16| {
        let cells = (*column..columns.get()).filter_map(|at| screen.cell(row, at));
        let rest: String =
            cells.map(|cell| if cell.has_contents() { cell.contents() } else { " " }).collect();
        rest.starts_with(text)
    };
    let cell = screen.cell(row, (0..columns.get()).find(begins)?)?;
    let flags = [
        (cell.bold(), "bold"),
        (cell.dim(), "dim"),
        (cell.italic(), "italic"),
        (cell.underline(), "underline"),
        (cell.inverse(), "inverse"),
    ];
    let flags = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned());
    let colours = [("fg", cell.fgcolor()), ("bg", cell.bgcolor())];
    let colours = colours.into_iter().filter_map(|(ground, colour)| match colour {
        Color::Default => None,
        Color::Idx(index) => Some(format!("{ground}:{index}")),
        Color::Rgb(red, green, blue) => Some(format!("{ground}:#{red:02x}{green:02x}{blue:02x}")),
    });
    Some(flags.chain(colours).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_frame_is_not_looked_at() {
        let shared = Shared::new((80, 24), Box::new(io::sink()));
        let painted =
            |text: &str| shared.wait(Duration::ZERO, |output| output.screen().contents() == text).is_ok();
        shared.feed(b"one", Instant::now());
        assert!(painted("one"));
        shared.feed(b"\x1b[?2026h two", Instant::now());
        assert!(!painted("one two"));
        shared.feed(b"\x1b[?2026l", Instant::now());
        assert!(painted("one two"));
    }
}
