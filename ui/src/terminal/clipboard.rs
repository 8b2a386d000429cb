//! The clipboard of the person's own terminal, also through ssh: OSC 52.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Longest text in bytes that terminals are known to take: 100,000 bytes of sequence hold 74,994 of text.
pub const LIMIT: usize = 74_994;

/// Why a text was not copied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CopyError {
    /// More than terminals take.
    #[error("{size} bytes are more than a terminal's clipboard takes ({LIMIT}); save to a file instead")]
    TooLong {
        /// Size of the text in bytes.
        size: usize,
    },
}

/// What stands between v9s and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    /// Nothing.
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Multiplexer {
    /// Reads it from the environment.
    pub fn detect() -> Self {
        if std::env::var_os("TMUX").is_some() {
            Multiplexer::Tmux
        } else if std::env::var_os("STY").is_some() {
            Multiplexer::Screen
        } else {
            Multiplexer::None
        }
    }
}

/// The escape sequence that puts a text into the clipboard.
///
/// tmux gets it twice: bare for `set-clipboard on`, wrapped for `allow-passthrough on`. The other one is dropped there.
pub fn copy_sequence(text: &str, through: Multiplexer) -> Result<String, CopyError> {
    if text.len() > LIMIT {
        return Err(CopyError::TooLong { size: text.len() });
    }
    let bare = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    Ok(match through {
        Multiplexer::None => bare,
        Multiplexer::Tmux => {
            let wrapped = bare.replace('\x1b', "\x1b\x1b");
            format!("{bare}\x1bPtmux;{wrapped}\x1b\\")
        }
        // screen takes at most 768 bytes per string and joins what follows.
        Multiplexer::Screen => {
            let mut wrapped = String::with_capacity(bare.len() * 2);
            for part in bare.as_bytes().chunks(700) {
                wrapped.push_str("\x1bP");
                wrapped.push_str(&String::from_utf8_lossy(part));
                wrapped.push_str("\x1b\\");
            }
            wrapped
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_travels_as_base64() {
        assert_eq!(copy_sequence("team-a", Multiplexer::None).unwrap(), "\x1b]52;c;dGVhbS1h\x07");
    }

    #[test]
    fn tmux_gets_it_bare_and_wrapped() {
        let sequence = copy_sequence("team-a", Multiplexer::Tmux).unwrap();
        assert!(sequence.starts_with("\x1b]52;c;dGVhbS1h\x07"));
        assert!(sequence.ends_with("\x1bPtmux;\x1b\x1b]52;c;dGVhbS1h\x07\x1b\\"));
    }

    #[test]
    fn screen_gets_it_in_parts() {
        let sequence = copy_sequence(&"x".repeat(3000), Multiplexer::Screen).unwrap();
        assert!(sequence.split("\x1b\\").all(|part| part.len() <= 768), "{sequence:?}");
    }

    #[test]
    fn the_limit_is_the_last_size_that_is_copied() {
        assert!(copy_sequence(&"x".repeat(LIMIT), Multiplexer::None).is_ok());
        let error = copy_sequence(&"x".repeat(LIMIT + 1), Multiplexer::None).unwrap_err();
        assert_eq!(error, CopyError::TooLong { size: LIMIT + 1 });
    }
}
