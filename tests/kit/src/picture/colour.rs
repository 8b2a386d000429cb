//! The colours of the pictured terminal.

use vt100::Color;

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Ground of the terminal.
pub(super) const GROUND: Rgb = Rgb(0x11, 0x14, 0x19);
/// Text of the terminal.
pub(super) const TEXT: Rgb = Rgb(0xdd, 0xe1, 0xe8);

/// The sixteen of ANSI as this terminal has them.
const ANSI: [Rgb; 16] = [
    Rgb(0x1c, 0x20, 0x26),
    Rgb(0xff, 0x76, 0x70),
    Rgb(0x67, 0xd2, 0x83),
    Rgb(0xf1, 0xc9, 0x55),
    Rgb(0x82, 0xb9, 0xf2),
    Rgb(0xce, 0x9c, 0xf2),
    Rgb(0x6b, 0xd8, 0xde),
    Rgb(0xc8, 0xcd, 0xd6),
    Rgb(0x6b, 0x74, 0x82),
    Rgb(0xff, 0x9a, 0x94),
    Rgb(0x8f, 0xe3, 0xa5),
    Rgb(0xff, 0xdc, 0x7a),
    Rgb(0xa5, 0xcd, 0xf7),
    Rgb(0xde, 0xba, 0xf7),
    Rgb(0x97, 0xe6, 0xea),
    Rgb(0xff, 0xff, 0xff),
];

impl Rgb {
    /// What a program asked for; `otherwise` is the terminal's own.
    pub(super) fn of(colour: Color, otherwise: Rgb) -> Rgb {
        match colour {
            Color::Default => otherwise,
            Color::Rgb(red, green, blue) => Rgb(red, green, blue),
            Color::Idx(index) => indexed(index),
        }
    }

    /// The colour in the middle between two, for dimmed text.
    pub(super) fn towards(self, other: Rgb) -> Rgb {
        let mean = |a: u8, b: u8| u8::midpoint(a, b);
        Rgb(mean(self.0, other.0), mean(self.1, other.1), mean(self.2, other.2))
    }
}

/// xterm's 256: sixteen, a cube of 6 × 6 × 6, and greys.
fn indexed(index: u8) -> Rgb {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..16 => ANSI[usize::from(index)],
        16..232 => {
            let index = usize::from(index) - 16;
            Rgb(STEPS[index / 36], STEPS[index / 6 % 6], STEPS[index % 6])
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            Rgb(grey, grey, grey)
        }
    }
}

impl std::fmt::Display for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
