//! What every theme that comes with v9s must hold to: nothing left out, legible, and told apart by everybody.

use ratatui::style::{Color, Modifier, Style};

use super::*;

/// WCAG 2 level AA for text.
const TEXT: f64 = 4.5;
/// WCAG 2 for what is drawn rather than read.
const GRAPHIC: f64 = 3.0;
/// Least distance in OKLab at which two colours of small text are taken for different ones.
const APART: f64 = 0.1;

/// Decoration: nobody loses anything by not seeing it.
const DECORATION: [Slot; 2] = [Slot::Border, Slot::BarRest];
/// Drawn rather than read, or inactive, which WCAG exempts; still to be seen.
const GRAPHICS: [Slot; 4] = [Slot::BorderFocus, Slot::Bar, Slot::Spark, Slot::Disabled];

type Linear = [f64; 3];

/// Themes whose colours are known, not the terminal's own.
fn with_own_colours() -> impl Iterator<Item = Theme> {
    let themes = BUILTIN.iter().filter(|b| !matches!(b.name, "terminal" | "mono"));
    themes.map(|b| Theme::builtin(b.name, Appearance::default()).unwrap())
}

fn linear(colour: Color) -> Linear {
    let (r, g, b) = match colour {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(i) => {
            let anstyle::RgbColor(r, g, b) =
                anstyle_lossy::xterm_to_rgb(anstyle::Ansi256Color(i), anstyle_lossy::palette::VGA);
            (r, g, b)
        }
        other => panic!("{other} depends on the terminal"),
    };
    [r, g, b].map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

/// WCAG 2 contrast ratio.
fn contrast(a: Color, b: Color) -> f64 {
    let luminance = |colour| {
        let [r, g, b] = linear(colour);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// How dichromats see a colour: Machado, Oliveira and Fernandes 2009, severity 1.
fn seen_with(matrix: [[f64; 3]; 3], colour: Linear) -> Linear {
    matrix.map(|row| row.iter().zip(colour).map(|(m, c)| m * c).sum::<f64>().clamp(0.0, 1.0))
}

const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
const PROTANOPIA: [[f64; 3]; 3] =
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];

/// Distance in OKLab, in which equal distances look about equally different.
fn distance(a: Linear, b: Linear) -> f64 {
    let lab = |[r, g, b]: Linear| {
        let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
        let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
        let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
        [
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
        ]
    };
    lab(a).iter().zip(lab(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn ground(theme: &Theme, style: Style) -> Color {
    style.bg.or(theme.style(Slot::Text).bg).unwrap()
}

#[test]
fn every_slot_is_set_and_every_file_is_clean() {
    for builtin in BUILTIN {
        let read = file::read(builtin.source);
        assert_eq!(read.problems, [], "{}", builtin.name);
        for slot in Slot::ALL {
            assert!(read.slots.contains_key(slot), "{} leaves out {}", builtin.name, slot.name());
        }
    }
}

#[test]
fn every_text_is_legible_with_all_colours_and_with_256() {
    for theme in with_own_colours() {
        for depth in [Depth::True, Depth::Ansi256] {
            let theme = theme.clone().with(Appearance { depth, ascii: false });
            for &slot in Slot::ALL.iter().filter(|slot| !DECORATION.contains(slot)) {
                let style = theme.style(slot);
                let found = contrast(style.fg.unwrap(), ground(&theme, style));
                let needed = match slot {
                    slot if GRAPHICS.contains(&slot) => GRAPHIC,
                    _ if theme.name() == "high-contrast" => 7.0,
                    _ => TEXT,
                };
                assert!(found >= needed, "{} at {depth:?}: {} has {found:.2}", theme.name(), slot.name());
            }
        }
    }
}

#[test]
fn no_theme_with_its_own_colours_dims_them() {
    for theme in with_own_colours() {
        for &slot in Slot::ALL {
            let dims = theme.style(slot).add_modifier.contains(Modifier::DIM);
            assert!(!dims, "{}: {} would lose its contrast", theme.name(), slot.name());
        }
    }
}

#[test]
fn good_and_bad_are_told_apart() {
    for theme in with_own_colours() {
        let colour_blind = theme.name() == "colour-blind";
        let status =
            [Slot::Ok, Slot::Warn, Slot::Err].map(|slot| (slot, linear(theme.style(slot).fg.unwrap())));
        for (at, (a, a_colour)) in status.iter().enumerate() {
            for (b, b_colour) in &status[at + 1..] {
                let mut eyes = vec![("all receptors", distance(*a_colour, *b_colour))];
                if colour_blind {
                    for (name, matrix) in [("deuteranopia", DEUTERANOPIA), ("protanopia", PROTANOPIA)] {
                        eyes.push((
                            name,
                            distance(seen_with(matrix, *a_colour), seen_with(matrix, *b_colour)),
                        ));
                    }
                }
                for (eye, apart) in eyes {
                    let pair = (a.name(), b.name());
                    assert!(apart >= APART, "{}: {pair:?} are {apart:.3} apart with {eye}", theme.name());
                }
            }
        }
    }
}

#[test]
fn the_simulation_confuses_what_dichromats_confuse() {
    // Red and green of equal lightness: far apart for most, close for deuteranopes.
    let (red, green) = (linear(Color::Rgb(0xc8, 0x64, 0x3c)), linear(Color::Rgb(0x82, 0x8c, 0x32)));
    let plain = distance(red, green);
    let simulated = distance(seen_with(DEUTERANOPIA, red), seen_with(DEUTERANOPIA, green));
    assert!(plain > APART && simulated < plain / 2.0, "{plain:.3} becomes {simulated:.3}");
}

#[test]
fn err_alone_is_red() {
    for theme in with_own_colours().filter(|theme| theme.name() != "colour-blind") {
        let red = |slot: Slot| match theme.style(slot).fg {
            Some(Color::Rgb(r, g, b)) => f64::from(r) > 1.5 * f64::from(g.max(b)),
            _ => false,
        };
        assert!(red(Slot::Err), "{}", theme.name());
        let others = Slot::ALL.iter().filter(|slot| **slot != Slot::Err && red(**slot));
        let names: Vec<_> = others.map(|slot| slot.name()).collect();
        assert!(names.is_empty(), "{}: {names:?} look like act now", theme.name());
    }
}

#[test]
fn the_documentation_names_every_theme_and_slot_and_its_example_works() {
    let document = include_str!("../../../docs/themes.md");
    let rows: Vec<&str> = document.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    let expected: Vec<&str> =
        BUILTIN.iter().map(|b| b.name).chain(Slot::ALL.iter().map(|slot| slot.name())).collect();
    assert_eq!(rows, expected);
    let example = document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (_, problems) = parse("example", "example", example, Appearance::default(), |base| {
        Theme::builtin(base, Appearance::default())
    });
    assert_eq!(problems, []);
}
