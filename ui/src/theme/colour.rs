//! How many colours the terminal has, and the nearest colour it can show.

use anstyle_lossy::palette::VGA;
use ratatui::style::Color;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None, or the person wants none (`NO_COLOR`, `TERM=dumb`).
    None,
    /// The sixteen of ANSI.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    True,
}

impl Depth {
    /// What the environment says, by the conventions of `NO_COLOR`, `COLORTERM` and `TERM`.
    /// `var` looks up an environment variable.
    pub fn detect(var: impl Fn(&str) -> Option<String>) -> Depth {
        // no-color.org: present and not the empty string.
        if var("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Depth::None;
        }
        let term = var("TERM").unwrap_or_default();
        if term.is_empty() || term == "dumb" {
            return Depth::None;
        }
        match var("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => return Depth::True,
            _ if term.ends_with("-direct") => return Depth::True,
            _ => {}
        }
        match term.as_str() {
            "linux" | "xterm" | "screen" | "ansi" | "vt220" => Depth::Ansi16,
            _ => Depth::Ansi256,
        }
    }

    /// The nearest colour that a terminal of this depth shows.
    pub fn nearest(self, colour: Color) -> Color {
        match (self, colour) {
            (Depth::None, _) => Color::Reset,
            (Depth::Ansi256, Color::Rgb(r, g, b)) => {
                Color::Indexed(anstyle_lossy::rgb_to_xterm(anstyle::RgbColor(r, g, b)).0)
            }
            (Depth::Ansi16, Color::Rgb(r, g, b)) => {
                from_ansi(anstyle_lossy::rgb_to_ansi(anstyle::RgbColor(r, g, b), VGA))
            }
            (Depth::Ansi16, Color::Indexed(i)) => {
                from_ansi(anstyle_lossy::xterm_to_ansi(anstyle::Ansi256Color(i), VGA))
            }
            (_, colour) => colour,
        }
    }
}

fn from_ansi(colour: anstyle::AnsiColor) -> Color {
    use anstyle::AnsiColor as A;
    match colour {
        A::Black => Color::Black,
        A::Red => Color::Red,
        A::Green => Color::Green,
        A::Yellow => Color::Yellow,
        A::Blue => Color::Blue,
        A::Magenta => Color::Magenta,
        A::Cyan => Color::Cyan,
        A::White => Color::Gray,
        A::BrightBlack => Color::DarkGray,
        A::BrightRed => Color::LightRed,
        A::BrightGreen => Color::LightGreen,
        A::BrightYellow => Color::LightYellow,
        A::BrightBlue => Color::LightBlue,
        A::BrightMagenta => Color::LightMagenta,
        A::BrightCyan => Color::LightCyan,
        A::BrightWhite => Color::White,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_the_depth() {
        let cases: &[(&[(&str, &str)], Depth)] = &[
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], Depth::True),
            (&[("TERM", "xterm-direct")], Depth::True),
            (&[("TERM", "xterm-256color")], Depth::Ansi256),
            (&[("TERM", "tmux-256color"), ("COLORTERM", "yes")], Depth::Ansi256),
            (&[("TERM", "linux")], Depth::Ansi16),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Depth::None),
            (&[], Depth::None),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Depth::None),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "")], Depth::True),
        ];
        for (environment, expected) in cases {
            let var =
                |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, v)| v.to_string());
            assert_eq!(Depth::detect(var), *expected, "{environment:?}");
        }
    }

    #[test]
    fn colours_fall_back_to_the_nearest() {
        let cases = [
            (Depth::True, Color::Rgb(1, 2, 3), Color::Rgb(1, 2, 3)),
            (Depth::Ansi256, Color::Rgb(255, 0, 0), Color::Indexed(196)),
            (Depth::Ansi256, Color::Rgb(0, 0, 0), Color::Indexed(16)),
            (Depth::Ansi256, Color::Red, Color::Red),
            (Depth::Ansi16, Color::Rgb(250, 80, 80), Color::LightRed),
            (Depth::Ansi16, Color::Rgb(0, 0, 0), Color::Black),
            (Depth::Ansi16, Color::Indexed(196), Color::Red),
            (Depth::Ansi16, Color::Reset, Color::Reset),
            (Depth::None, Color::Red, Color::Reset),
        ];
        for (depth, colour, expected) in cases {
            assert_eq!(depth.nearest(colour), expected, "{colour} at {depth:?}");
        }
    }
}
