//! Pictures of terminal screens: SVG, the same for the same screen on every machine, and PNG made from it.
//!
//! Blocks, box lines and braille are drawn as shapes, so that they meet without seams; everything else is text in a
//! font that comes with a crate, so that a fresh machine needs none.

mod colour;
mod grid;
mod png;
mod shapes;
mod svg;

pub use colour::Rgb;
pub use grid::{Look, Picture, Tile};

use std::path::{Path, PathBuf};

use anyhow::Context;

impl Picture {
    /// Writes `NAME.svg` and `NAME.png` into a folder. Files that show the same already are left alone, so that they
    /// change only when the screen does.
    pub fn save(&self, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
        let (svg_file, png_file) = (folder.join(format!("{name}.svg")), folder.join(format!("{name}.png")));
        let svg = self.svg();
        let known = std::fs::read_to_string(&svg_file).is_ok_and(|old| old == svg);
        if !(known && png_file.exists()) {
            let png = self.png()?;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            std::fs::write(&png_file, png).with_context(|| format!("cannot write {}", png_file.display()))?;
            std::fs::write(&svg_file, svg).with_context(|| format!("cannot write {}", svg_file.display()))?;
        }
        Ok(png_file)
    }
}

#[cfg(test)]
mod tests;
