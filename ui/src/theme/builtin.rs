//! The themes that come with v9s.

use super::{Appearance, Theme, file};

/// A theme that comes with v9s.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// The name it is chosen by.
    pub name: &'static str,
    /// Its TOML, worth copying as a start for one's own.
    pub source: &'static str,
}

/// The theme when none is chosen: takes the terminal's own colours.
pub const DEFAULT: &str = "terminal";

/// All of them.
pub const BUILTIN: &[Builtin] = &[
    Builtin { name: DEFAULT, source: include_str!("../../../themes/terminal.toml") },
    Builtin { name: "dark", source: include_str!("../../../themes/dark.toml") },
    Builtin { name: "light", source: include_str!("../../../themes/light.toml") },
    Builtin { name: "high-contrast", source: include_str!("../../../themes/high-contrast.toml") },
    Builtin { name: "colour-blind", source: include_str!("../../../themes/colour-blind.toml") },
    Builtin { name: "mono", source: include_str!("../../../themes/mono.toml") },
];

/// The built-in theme of that name. What its file leaves out looks like plain text; a test keeps that from happening.
pub(super) fn load(name: &str) -> Option<Theme> {
    let builtin = BUILTIN.iter().find(|b| b.name == name)?;
    let read = file::read(builtin.source);
    Some(Theme::new(builtin.name, read.over(&[]), Appearance::default()))
}
