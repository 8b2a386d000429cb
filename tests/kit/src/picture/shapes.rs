//! Characters that must meet their neighbours: drawn as shapes, not as text.

use std::fmt::Write;

/// A rectangle in a cell of width and height 1.
struct Part {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Where a cell is and how large.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// The path of a character that is drawn, and how opaque it is; none for characters that are text.
pub(super) fn shape(character: char, place: Place) -> Option<(String, f64)> {
    let opaque = |path| Some((path, 1.0));
    match character {
        '▀' => opaque(rectangles(place, &[Part { x: 0.0, y: 0.0, width: 1.0, height: 0.5 }])),
        '▁'..='█' => {
            let height = f64::from(character as u32 - 0x2580) / 8.0;
            opaque(rectangles(place, &[Part { x: 0.0, y: 1.0 - height, width: 1.0, height }]))
        }
        '▉'..='▏' => {
            let width = f64::from(0x2590 - character as u32) / 8.0;
            opaque(rectangles(place, &[Part { x: 0.0, y: 0.0, width, height: 1.0 }]))
        }
        '▐' => opaque(rectangles(place, &[Part { x: 0.5, y: 0.0, width: 0.5, height: 1.0 }])),
        '░' | '▒' | '▓' => {
            let full = Part { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
            Some((rectangles(place, &[full]), f64::from(character as u32 - 0x2590) / 4.0))
        }
        '\u{2800}'..='\u{28ff}' => opaque(dots(place, character as u32 - 0x2800)),
        _ => opaque(lines(place, arms(character)?)),
    }
}

fn rectangles(place: Place, parts: &[Part]) -> String {
    let mut path = String::new();
    for part in parts {
        let (x, y) = (place.x + part.x * place.width, place.y + part.y * place.height);
        let (width, height) = (part.width * place.width, part.height * place.height);
        let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
    }
    path
}

/// To which sides a light box line goes from the middle: left, right, up, down.
fn arms(character: char) -> Option<[bool; 4]> {
    let sides = match character {
        '─' => "lr",
        '│' => "ud",
        '┌' | '╭' => "rd",
        '┐' | '╮' => "ld",
        '└' | '╰' => "ru",
        '┘' | '╯' => "lu",
        '├' => "rud",
        '┤' => "lud",
        '┬' => "lrd",
        '┴' => "lru",
        '┼' => "lrud",
        _ => return None,
    };
    Some(['l', 'r', 'u', 'd'].map(|side| sides.contains(side)))
}

fn lines(place: Place, [left, right, up, down]: [bool; 4]) -> String {
    // One unit thick, centred on whole units: crisp at every whole scale.
    let (across, along) = (1.0 / place.width, 1.0 / place.height);
    let (x, y) = (0.5 - across / 2.0, 0.5 - along / 2.0);
    let mut parts = Vec::new();
    if left || right {
        let begin = if left { 0.0 } else { x };
        let end = if right { 1.0 } else { x + across };
        parts.push(Part { x: begin, y, width: end - begin, height: along });
    }
    if up || down {
        let begin = if up { 0.0 } else { y };
        let end = if down { 1.0 } else { y + along };
        parts.push(Part { x, y: begin, width: across, height: end - begin });
    }
    rectangles(place, &parts)
}

/// Braille: two columns of four dots, numbered by Unicode down the left, down the right, then the lowest two.
fn dots(place: Place, bits: u32) -> String {
    const AT: [(f64, f64); 8] =
        [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 3.0), (1.0, 3.0)];
    let size = place.width * 0.22;
    let mut path = String::new();
    for (bit, (column, row)) in AT.iter().enumerate() {
        if bits >> bit & 1 == 1 {
            let x = place.x + place.width * (0.25 + 0.5 * column) - size / 2.0;
            let y = place.y + place.height * (0.2 + 0.2 * row) - size / 2.0;
            let _ = write!(path, "M{x:.2} {y:.2}h{size:.2}v{size:.2}h-{size:.2}z");
        }
    }
    path
}
