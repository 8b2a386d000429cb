//! A program that paints a frame for every key and does nothing else: what a pseudo-terminal and the machine take for one.

use std::io::{Read as _, Write as _};

use anyhow::Result;

/// As many bytes as the dashboard writes to open its help at 200 by 50 cells.
const FRAME: usize = 10_000;
/// Cells of a line.
const WIDTH: usize = 200;

/// Paints until its input ends. The key is the last cell that is painted, at home.
pub fn paint() -> Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    output.write_all(b"ready")?;
    output.flush()?;
    let mut key = [0];
    for letter in (b'a'..=b'z').cycle() {
        if input.read(&mut key)? == 0 {
            break;
        }
        let mut frame = Vec::with_capacity(FRAME + 64);
        for line in 0..(FRAME / WIDTH - 1) {
            write!(frame, "\x1b[{};1H", line + 2)?;
            // Other text than before, as unchanged cells are not written by anybody.
            frame.resize(frame.len() + WIDTH - 8, letter);
        }
        frame.extend([b"\x1b[H", key.as_slice()].concat());
        output.write_all(&frame)?;
        output.flush()?;
    }
    Ok(())
}
