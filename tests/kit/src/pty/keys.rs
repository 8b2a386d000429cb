//! Keys and mouse as the bytes that a terminal sends for them.

use anyhow::{Result, bail};

/// What a terminal sends for a key: one character as itself, `space`, `enter`, `esc`, `tab`, `shift-tab`, `backspace`,
/// `delete`, `up`, `down`, `left`, `right`, `home`, `end`, `pgup`, `pgdn`, `f1` to `f12`, and `ctrl-` or `alt-` before a
/// character.
///
/// # Errors
/// When it is spelled otherwise.
pub fn key(name: &str) -> Result<String> {
    if name.chars().count() == 1 {
        return Ok(name.to_owned());
    }
    if let Some(letter) = name.strip_prefix("ctrl-") {
        return match letter.as_bytes() {
            [letter @ (b'a'..=b'z' | b'[' | b'\\' | b']' | b'^' | b'_')] => {
                Ok(char::from(letter & 0x1f).to_string())
            }
            _ => bail!("no terminal sends {name:?}"),
        };
    }
    if let Some(rest) = name.strip_prefix("alt-") {
        return Ok(format!("\x1b{}", key(rest)?));
    }
    Ok(match name {
        "space" => " ",
        "enter" => "\r",
        "esc" => "\x1b",
        "tab" => "\t",
        "shift-tab" => "\x1b[Z",
        "backspace" => "\x7f",
        "delete" => "\x1b[3~",
        "up" => "\x1b[A",
        "down" => "\x1b[B",
        "right" => "\x1b[C",
        "left" => "\x1b[D",
        "home" => "\x1b[H",
        "end" => "\x1b[F",
        "pgup" => "\x1b[5~",
        "pgdn" => "\x1b[6~",
        "f1" => "\x1bOP",
        "f2" => "\x1bOQ",
        "f3" => "\x1bOR",
        "f4" => "\x1bOS",
        "f5" => "\x1b[15~",
        "f6" => "\x1b[17~",
        "f7" => "\x1b[18~",
        "f8" => "\x1b[19~",
        "f9" => "\x1b[20~",
        "f10" => "\x1b[21~",
        "f11" => "\x1b[23~",
        "f12" => "\x1b[24~",
        _ => bail!("no key is spelled {name:?}"),
    }
    .to_owned())
}

/// What a person does with the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// Press and release the left button.
    Left,
    /// Press and release the right button.
    Right,
    /// Turn the wheel up by one.
    WheelUp,
    /// Turn the wheel down by one.
    WheelDown,
}

impl Button {
    /// The report (SGR encoding) for a cell, counted from 0.
    pub(super) fn report(self, column: u16, row: u16) -> String {
        let (column, row) = (u32::from(column) + 1, u32::from(row) + 1);
        match self {
            Self::Left => format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"),
            Self::Right => format!("\x1b[<2;{column};{row}M\x1b[<2;{column};{row}m"),
            Self::WheelUp => format!("\x1b[<64;{column};{row}M"),
            Self::WheelDown => format!("\x1b[<65;{column};{row}M"),
        }
    }
}
