//! How things look: semantic slots, TOML themes, and what the terminal can show of them.
//!
//! ```
//! use v9s_ui::theme::{Appearance, Slot, Theme};
//! let theme = Theme::terminal(Appearance::default());
//! let style = theme.style(Slot::Err);
//! let sign = theme.symbols().of(Slot::Err);
//! assert_eq!(sign, "✗");
//! # let _ = style;
//! ```

mod builtin;
mod colour;
mod file;
#[cfg(test)]
mod lint;
mod slot;
mod symbols;

pub use builtin::{BUILTIN, DEFAULT};
pub use colour::Depth;
pub use file::{ThemeProblem, parse};
pub use slot::Slot;
pub use symbols::{ASCII, Symbols, UNICODE};

use ratatui::style::{Color, Modifier, Style};
use smol_str::SmolStr;

/// What the terminal can show, apart from the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appearance {
    /// How many colours.
    pub depth: Depth,
    /// Whether signs outside ASCII are to be left out.
    pub ascii: bool,
}

impl Default for Appearance {
    /// All colours and Unicode.
    fn default() -> Self {
        Appearance { depth: Depth::True, ascii: false }
    }
}

/// A look for every slot, ready to draw with.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: SmolStr,
    /// As the file says, by `Slot::index`.
    written: Vec<Style>,
    /// What this terminal can show of it.
    shown: Vec<Style>,
    appearance: Appearance,
}

impl Theme {
    /// A theme from the styles of its file; slots beyond the end of the table look like plain text.
    fn new(name: impl Into<SmolStr>, written: Vec<Style>, appearance: Appearance) -> Theme {
        let mut theme = Theme { name: name.into(), written, shown: Vec::new(), appearance };
        theme.show();
        theme
    }

    /// The theme that takes the terminal's own colours.
    pub fn terminal(appearance: Appearance) -> Theme {
        builtin::load(DEFAULT).unwrap_or_else(|| Theme::new(DEFAULT, Vec::new(), appearance)).with(appearance)
    }

    /// A theme that comes with v9s: one of [`BUILTIN`].
    pub fn builtin(name: &str, appearance: Appearance) -> Option<Theme> {
        builtin::load(name).map(|theme| theme.with(appearance))
    }

    /// The name it is chosen by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the terminal can show.
    pub fn appearance(&self) -> Appearance {
        self.appearance
    }

    /// The same theme for another terminal.
    pub fn with(mut self, appearance: Appearance) -> Theme {
        self.appearance = appearance;
        self.show();
        self
    }

    /// The style of a slot. Draw [`Slot::Text`] over the whole screen first: it has the background.
    pub fn style(&self, slot: Slot) -> Style {
        self.shown.get(slot.index()).copied().unwrap_or_default()
    }

    /// The style of a slot before the terminal's limits are taken into account.
    pub fn written(&self, slot: Slot) -> Style {
        self.written.get(slot.index()).copied().unwrap_or_default()
    }

    /// The set of signs.
    pub fn symbols(&self) -> &'static Symbols {
        if self.appearance.ascii { &ASCII } else { &UNICODE }
    }

    fn show(&mut self) {
        let ground = self.written(Slot::Text);
        self.shown = Slot::ALL
            .iter()
            .map(|&slot| {
                let style = self.written(slot);
                let own_ground = slot != Slot::Text && style.bg.is_some() && style.bg != ground.bg;
                limit(style, own_ground, self.appearance.depth)
            })
            .collect();
    }
}

impl Default for Theme {
    fn default() -> Self {
        Theme::terminal(Appearance::default())
    }
}

/// What a terminal of this depth can show of a style. Without colours, a background of its own becomes
/// reverse video, so that the selection and the badges do not vanish.
fn limit(style: Style, own_ground: bool, depth: Depth) -> Style {
    if depth == Depth::None {
        let plain = Style {
            fg: style.fg.map(|_| Color::Reset),
            bg: style.bg.map(|_| Color::Reset),
            underline_color: None,
            ..style
        };
        return if own_ground { plain.add_modifier(Modifier::REVERSED) } else { plain };
    }
    Style {
        fg: style.fg.map(|c| depth.nearest(c)),
        bg: style.bg.map(|c| depth.nearest(c)),
        underline_color: style.underline_color.map(|c| depth.nearest(c)),
        ..style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_modifiers_stay_and_the_selection_shows() {
        for name in BUILTIN.iter().map(|b| b.name) {
            let theme = Theme::builtin(name, Appearance { depth: Depth::None, ascii: false }).unwrap();
            for &slot in Slot::ALL {
                let style = theme.style(slot);
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert_eq!(colour, Color::Reset, "{name}: {}", slot.name());
                }
                let kept = theme.written(slot).add_modifier;
                assert!(style.add_modifier.contains(kept), "{name}: {}", slot.name());
            }
            let selection = theme.style(Slot::Selection).add_modifier;
            assert!(selection.contains(Modifier::REVERSED), "{name}: selection invisible without colour");
        }
    }
}
