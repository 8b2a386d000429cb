//! A screen as tiles with their final looks.

use vt100::{Cell, Screen};

use super::colour::{GROUND, Rgb, TEXT};

/// How a tile looks, after reverse video and dimming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour of the text.
    pub text: Rgb,
    /// Colour under it.
    pub ground: Rgb,
    /// Heavy.
    pub bold: bool,
    /// Slanted.
    pub italic: bool,
    /// With a line below.
    pub underline: bool,
}

/// What stands in one cell; a wide character stands in its first, the cell it covers is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// One grapheme, or nothing.
    pub text: String,
    /// Whether it covers the next cell too.
    pub wide: bool,
    /// How it looks.
    pub look: Look,
}

/// A screen, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Rows of tiles, all equally long.
    pub(super) rows: Vec<Vec<Tile>>,
}

impl Picture {
    /// What a terminal shows now.
    pub fn of(screen: &Screen) -> Picture {
        let (rows, columns) = screen.size();
        let row = |row| (0..columns.get()).filter_map(|column| screen.cell(row, column)).map(tile).collect();
        Picture { rows: (0..rows.get()).map(row).collect() }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.rows.first().map_or(0, Vec::len), self.rows.len())
    }
}

fn tile(cell: &Cell) -> Tile {
    let (text, ground) = (Rgb::of(cell.fgcolor(), TEXT), Rgb::of(cell.bgcolor(), GROUND));
    let (text, ground) = if cell.inverse() { (ground, text) } else { (text, ground) };
    let text = if cell.dim() { text.towards(ground) } else { text };
    Tile {
        text: cell.contents().to_owned(),
        wide: cell.is_wide(),
        look: Look { text, ground, bold: cell.bold(), italic: cell.italic(), underline: cell.underline() },
    }
}
