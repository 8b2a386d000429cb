//! From SVG to PNG, with a font that comes with a crate.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{FontResolver, Options, Tree, fontdb::Database};

use super::Picture;
use super::svg::FONT;

/// Pixels per unit: sharp on dense screens.
const SCALE: f32 = 2.0;

impl Picture {
    /// The picture as PNG. A character that the font does not have is an error: a box in its place would look like a
    /// fault of the pictured program.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        let missing = Arc::new(Mutex::new(BTreeSet::new()));
        let tree =
            Tree::from_str(&self.svg(), &options(missing.clone())).context("cannot read our own SVG")?;
        let missing = missing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !missing.is_empty() {
            bail!("{FONT} has no glyph for {missing:?}");
        }
        let size = tree.size().to_int_size().scale_by(SCALE).context("the picture has no size")?;
        let mut pixels = Pixmap::new(size.width(), size.height()).context("the picture has no size")?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
        pixels.encode_png().context("cannot encode PNG")
    }
}

/// Only our font, and a note of every character that it does not have.
fn options(missing: Arc<Mutex<BTreeSet<char>>>) -> Options<'static> {
    let mut fonts = Database::new();
    for data in [
        dejavu::sans_mono::regular(),
        dejavu::sans_mono::bold(),
        dejavu::sans_mono::oblique(),
        dejavu::sans_mono::bold_oblique(),
    ] {
        fonts.load_font_data(data.to_vec());
    }
    fonts.set_monospace_family(FONT);
    Options {
        font_family: FONT.to_owned(),
        fontdb: Arc::new(fonts),
        font_resolver: FontResolver {
            select_font: FontResolver::default_font_selector(),
            select_fallback: Box::new(move |character, _, _| {
                missing.lock().unwrap_or_else(PoisonError::into_inner).insert(character);
                None
            }),
        },
        ..Options::default()
    }
}
