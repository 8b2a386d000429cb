//! Quantities such as `500m` and `1Gi`: exact arithmetic and the canonical form in which the API server writes them.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::Value;

const NANOS: i128 = 1_000_000_000;
/// The greatest magnitude: 2^63-1 units.
const MAX: i128 = i64::MAX as i128 * NANOS;

/// Digits that are read; the greatest quantity in nanos has no more.
const DIGITS: i128 = 10i128.pow(28);

/// How a quantity was written; sums keep the form of their left side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    /// `m`, none, `k`, `M`, …
    #[default]
    Decimal,
    /// `Ki`, `Mi`, …
    Binary,
    /// `e3`.
    Exponent,
}

/// A fixed-point number with nine decimal places.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

/// Text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
pub struct NotAQuantity;

const DECIMAL: [(i32, &str); 10] =
    [(-9, "n"), (-6, "u"), (-3, "m"), (0, ""), (3, "k"), (6, "M"), (9, "G"), (12, "T"), (15, "P"), (18, "E")];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity { nanos: 0, form: Form::Decimal };

    /// A whole number.
    pub fn units(units: i64) -> Self {
        Quantity { nanos: i128::from(units) * NANOS, form: Form::Decimal }
    }

    /// A number of bytes, written with binary suffixes.
    pub fn bytes(bytes: i64) -> Self {
        Quantity { nanos: i128::from(bytes) * NANOS, form: Form::Binary }
    }

    /// Thousandths.
    pub fn millis(millis: i64) -> Self {
        Quantity { nanos: i128::from(millis) * (NANOS / 1000), form: Form::Decimal }
    }

    /// From JSON: text or a number.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether it is more than nothing.
    pub fn is_positive(&self) -> bool {
        self.nanos > 0
    }

    /// The number of thousandths, rounded up.
    pub fn as_millis(&self) -> i64 {
        clamp(divide_up(self.nanos, NANOS / 1000))
    }

    /// The whole number, rounded up.
    pub fn as_units(&self) -> i64 {
        clamp(divide_up(self.nanos, NANOS))
    }

    /// Rounded up to thousandths, as the API server stores lists of resources.
    pub fn rounded_to_millis(self) -> Self {
        let unit = NANOS / 1000;
        Quantity { nanos: divide_up(self.nanos, unit) * unit, form: self.form }
    }
}

fn clamp(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// Division that rounds away from zero.
fn divide_up(number: i128, by: i128) -> i128 {
    let (whole, rest) = (number / by, number % by);
    if rest == 0 { whole } else { whole + rest.signum() }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}
impl Eq for Quantity {}
impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Quantity {
    /// A zero on the left takes the form of what is added to it.
    fn form_with(&self, other: &Self) -> Form {
        if self.nanos == 0 { other.form } else { self.form }
    }
}
impl Add for Quantity {
    type Output = Quantity;
    fn add(self, other: Self) -> Self {
        let nanos = (self.nanos + other.nanos).clamp(-MAX, MAX);
        Quantity { nanos, form: self.form_with(&other) }
    }
}
impl Sub for Quantity {
    type Output = Quantity;
    fn sub(self, other: Self) -> Self {
        let nanos = (self.nanos - other.nanos).clamp(-MAX, MAX);
        Quantity { nanos, form: self.form_with(&other) }
    }
}
impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return Err(NotAQuantity);
        }
        let (scale, form) = scale(suffix)?;
        let magnitude = magnitude(whole, fraction, scale).min(MAX);
        Ok(Quantity { nanos: if negative { -magnitude } else { magnitude }, form })
    }
}

/// From text or a number.
impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E>(self, units: i64) -> Result<Quantity, E> {
                Ok(Quantity::units(units))
            }

            fn visit_u64<E>(self, units: u64) -> Result<Quantity, E> {
                Ok(Quantity::units(i64::try_from(units).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Quantity, E> {
                number.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// What one unit of the suffix is: a power of ten, or a power of 1024.
enum Scale {
    Ten(i32),
    Binary(u32),
}

fn scale(suffix: &str) -> Result<(Scale, Form), NotAQuantity> {
    if let Some((power, _)) = DECIMAL.iter().find(|(_, known)| *known == suffix) {
        return Ok((Scale::Ten(*power), Form::Decimal));
    }
    if let Some(power) = BINARY.iter().position(|known| *known == suffix) {
        return Ok((Scale::Binary(power as u32), Form::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(NotAQuantity)?;
    let exponent: i32 = exponent.parse().map_err(|_| NotAQuantity)?;
    Ok((Scale::Ten(exponent), Form::Exponent))
}

/// In nanos, rounded up beyond nine places; beyond the greatest quantity: just more than that.
fn magnitude(whole: &str, fraction: &str, scale: Scale) -> i128 {
    let mut mantissa: i128 = 0;
    let mut dropped_whole = 0i32;
    let mut places = 0i32;
    let mut inexact = false;
    for digit in whole.bytes().map(|byte| i128::from(byte - b'0')) {
        if mantissa < DIGITS {
            mantissa = mantissa * 10 + digit;
        } else {
            dropped_whole += 1;
        }
    }
    for digit in fraction.bytes().map(|byte| i128::from(byte - b'0')) {
        if mantissa < DIGITS && dropped_whole == 0 {
            mantissa = mantissa * 10 + digit;
            places += 1;
        } else {
            inexact |= digit != 0;
        }
    }
    let (power, factor) = match scale {
        Scale::Ten(power) => (power, 1),
        Scale::Binary(power) => (0, 1i128 << (10 * power)),
    };
    let power = power.saturating_add(9 + dropped_whole - places);
    let Some(scaled) = mantissa.checked_mul(factor) else { return MAX };
    let ten = |power: u32| 10i128.checked_pow(power);
    if power >= 0 {
        return match ten(power.unsigned_abs()).and_then(|ten| scaled.checked_mul(ten)) {
            Some(nanos) => nanos + i128::from(inexact),
            None if scaled == 0 => 0,
            None => MAX,
        };
    }
    match ten(power.unsigned_abs()) {
        Some(ten) => divide_up(scaled, ten),
        None => i128::from(scaled != 0),
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let whole = self.nanos % NANOS == 0;
        if self.form == Form::Binary && whole && self.nanos.abs() >= 1024 * NANOS {
            let mut number = self.nanos / NANOS;
            let mut power = 0;
            while number % 1024 == 0 && power + 1 < BINARY.len() {
                number /= 1024;
                power += 1;
            }
            return write!(f, "{number}{}", BINARY.get(power).copied().unwrap_or_default());
        }
        let mut number = self.nanos;
        let mut index = 0;
        while number % 1000 == 0 && index + 1 < DECIMAL.len() {
            number /= 1000;
            index += 1;
        }
        let (power, suffix) = DECIMAL.get(index).copied().unwrap_or_default();
        match self.form {
            Form::Exponent if power != 0 => write!(f, "{number}e{power}"),
            _ => write!(f, "{number}{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        text.parse::<Quantity>().map_or_else(|_| "invalid".to_owned(), |quantity| quantity.to_string())
    }

    #[test]
    fn quantities_are_written_canonically() {
        let cases = [
            ("0", "0"),
            ("0Gi", "0"),
            ("1", "1"),
            ("1000m", "1"),
            ("1.5", "1500m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("+5", "5"),
            ("-1500m", "-1500m"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1024Mi", "1Gi"),
            ("0.5Gi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("1000Mi", "1000Mi"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("12e5", "1200e3"),
            ("1E", "1E"),
            ("100E2", "10e3"),
            ("0.1n", "1n"),
            ("9223372036854775808", "9223372036854775807"),
            ("1000000000000000000000000000000000000", "9223372036854775807"),
            ("1e999999999", "9223372036854775807e0"),
            ("", "invalid"),
            (".", "invalid"),
            ("1.2.3", "invalid"),
            ("1 Gi", "invalid"),
            ("1ki", "invalid"),
            ("e3", "invalid"),
        ];
        for (text, expected) in cases {
            let expected = expected.strip_suffix("e0").unwrap_or(expected);
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn sums_keep_the_form_of_their_left_side() {
        let quantity = |text: &str| text.parse::<Quantity>().expect("a quantity");
        assert_eq!((quantity("1Gi") + quantity("1024M")).to_string(), "2048576Ki");
        assert_eq!((Quantity::ZERO + quantity("64Mi")).to_string(), "64Mi");
        assert_eq!((quantity("2") - quantity("500m")).to_string(), "1500m");
        assert_eq!(quantity("1Gi").max(quantity("2G")).to_string(), "2G");
        assert_eq!(quantity("0.1m").rounded_to_millis().to_string(), "1m");
        assert_eq!(quantity("100u").as_millis(), 1);
        assert_eq!(quantity("1500m").as_units(), 2);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(nanos in -MAX..MAX, binary: bool) {
            let form = if binary { Form::Binary } else { Form::Decimal };
            let quantity = Quantity { nanos, form };
            prop_assert_eq!(quantity.to_string().parse::<Quantity>(), Ok(quantity));
        }

        #[test]
        fn no_text_can_make_it_panic(text in "[-+]?[0-9.]{0,40}[a-zA-Z]{0,2}[-+]?[0-9]{0,12}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
