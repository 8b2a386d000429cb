//! Questions on the terminal. Where there is none, nothing is asked and nothing is assumed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whether somebody can be asked.
pub(in crate::cli) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a `y`; anything else is a no.
pub(super) fn yes(question: &str) -> bool {
    matches!(answer(&format!("{question} [y/N] ")).as_deref(), Some("y" | "Y" | "yes"))
}

/// Asks for a word; whether it is the one.
pub(super) fn word(question: &str, word: &str) -> bool {
    answer(question).as_deref() == Some(word)
}

fn answer(question: &str) -> Option<String> {
    let mut err = io::stderr();
    write!(err, "{question}").and_then(|()| err.flush()).ok()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}

/// A line for standard error; there may be nobody to read it.
pub(super) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
