//! From tiles to SVG: one element per run of tiles that look alike.

use std::fmt::Write;

use super::colour::{GROUND, Rgb};
use super::grid::{Look, Picture, Tile};
use super::shapes::{Place, shape};

/// Size of a cell in whole units, so that grounds and lines meet without seams.
const CELL: (f64, f64) = (10.0, 20.0);
/// Where text stands in its cell, from the top.
const BASELINE: f64 = 15.0;
/// At this size the font's advance is the width of a cell: 1233 of 2048 units to the em.
const FONT_SIZE: f64 = CELL.0 * 2048.0 / 1233.0;
/// Around the screen.
const MARGIN: f64 = 12.0;

/// The font, and what a browser without it takes.
pub(super) const FONT: &str = "DejaVu Sans Mono";

impl Picture {
    /// The picture as SVG. Equal screens give equal texts.
    pub fn svg(&self) -> String {
        let (columns, rows) = self.size();
        let (width, height) = (columns as f64 * CELL.0 + 2.0 * MARGIN, rows as f64 * CELL.1 + 2.0 * MARGIN);
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{GROUND}\"/>\n\
             <g transform=\"translate({MARGIN} {MARGIN})\" font-family=\"{FONT}, monospace\" \
             font-size=\"{FONT_SIZE:.4}\" xml:space=\"preserve\">"
        );
        for (at, row) in self.rows.iter().enumerate() {
            draw_grounds(&mut out, row, at as f64 * CELL.1);
        }
        for (at, row) in self.rows.iter().enumerate() {
            draw_texts(&mut out, row, at as f64 * CELL.1);
        }
        out.push_str("</g>\n</svg>\n");
        out
    }
}

fn draw_grounds(out: &mut String, row: &[Tile], y: f64) {
    for (start, run) in runs(row, |a, b| a.look.ground == b.look.ground) {
        let ground = run.first().map_or(GROUND, |tile| tile.look.ground);
        if ground != GROUND {
            draw_rectangle(out, (start as f64 * CELL.0, y), (run.len() as f64 * CELL.0, CELL.1), ground);
        }
    }
}

fn draw_texts(out: &mut String, row: &[Tile], y: f64) {
    for (start, run) in runs(row, |a, b| kind(a) == kind(b) && alike(a.look, b.look)) {
        let Some(first) = run.first() else { continue };
        let x = start as f64 * CELL.0;
        let length = run.len() as f64 * CELL.0;
        match kind(first) {
            Kind::Nothing => {}
            Kind::Shapes => draw_shapes(out, run, (x, y)),
            Kind::Text => draw_text(out, run, (x, y + BASELINE), length),
            Kind::Wide => draw_text(out, run, (x, y + BASELINE), length + CELL.0),
        }
        if first.look.underline {
            draw_rectangle(out, (x, y + BASELINE + 2.0), (length, 1.0), first.look.text);
        }
    }
}

/// What a tile is drawn as. Spaces inside a text belong to it; a wide character stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Shapes,
    Text,
    Wide,
}

fn kind(tile: &Tile) -> Kind {
    match tile.text.chars().next() {
        None | Some(' ') => Kind::Nothing,
        _ if tile.wide => Kind::Wide,
        Some(c) if shape(c, Place { x: 0.0, y: 0.0, width: 1.0, height: 1.0 }).is_some() => Kind::Shapes,
        Some(_) => Kind::Text,
    }
}

fn alike(a: Look, b: Look) -> bool {
    Look { ground: GROUND, ..a } == Look { ground: GROUND, ..b }
}

fn draw_rectangle(out: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), fill: Rgb) {
    let _ =
        writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>");
}

fn draw_shapes(out: &mut String, run: &[Tile], (x, y): (f64, f64)) {
    let mut paths: Vec<(f64, String)> = Vec::new();
    for (at, tile) in run.iter().enumerate() {
        let place = Place { x: x + at as f64 * CELL.0, y, width: CELL.0, height: CELL.1 };
        if let Some((path, opacity)) = tile.text.chars().next().and_then(|c| shape(c, place)) {
            match paths.last_mut().filter(|(last, _)| *last == opacity) {
                Some((_, paths)) => paths.push_str(&path),
                None => paths.push((opacity, path)),
            }
        }
    }
    let fill = run.first().map_or(GROUND, |tile| tile.look.text);
    for (opacity, path) in paths {
        let opacity = if opacity < 1.0 { format!(" fill-opacity=\"{opacity}\"") } else { String::new() };
        let _ = writeln!(out, "<path d=\"{path}\" fill=\"{fill}\"{opacity}/>");
    }
}

/// The length is told, so that a viewer with another font keeps the columns.
fn draw_text(out: &mut String, run: &[Tile], (x, y): (f64, f64), length: f64) {
    let Some(look) = run.first().map(|tile| tile.look) else { return };
    let bold = if look.bold { " font-weight=\"bold\"" } else { "" };
    let italic = if look.italic { " font-style=\"italic\"" } else { "" };
    let text: String = run.iter().map(|tile| escaped(&tile.text)).collect();
    let fill = look.text;
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\" fill=\"{fill}\"{bold}{italic}>{text}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Runs of neighbours that belong together, with where they start.
fn runs(row: &[Tile], together: impl Fn(&Tile, &Tile) -> bool) -> Vec<(usize, &[Tile])> {
    let mut start = 0;
    row.chunk_by(together)
        .map(|run| {
            let at = start;
            start += run.len();
            (at, run)
        })
        .collect()
}
