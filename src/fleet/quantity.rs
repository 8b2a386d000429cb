//! Kubernetes quantities (`250m`, `1.5Gi`, `12e6`): read exactly, compared and divided.

use std::cmp::Ordering;

/// A quantity as `mantissa · 10^exponent`, exact.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    mantissa: i128,
    exponent: i32,
}

/// Digits that are read; Kubernetes itself keeps fewer.
const MAX_DIGITS: usize = 24;
/// Largest decimal exponent either way.
const MAX_EXPONENT: i32 = 30;

impl Quantity {
    /// Zero.
    pub const ZERO: Quantity = Quantity { mantissa: 0, exponent: 0 };

    /// Reads a quantity. None when it is not one.
    pub fn parse(text: &str) -> Option<Quantity> {
        let (sign, rest) = match text.as_bytes().first()? {
            b'-' => (-1, text.get(1..)?),
            b'+' => (1, text.get(1..)?),
            _ => (1, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() > MAX_DIGITS || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let digits: i128 =
            if fraction.contains('.') { None } else { format!("{whole}{fraction}").parse().ok() }?;
        let (factor, exponent) = scale(suffix)?;
        let fraction_digits = i32::try_from(fraction.len()).ok()?;
        Some(Quantity {
            mantissa: digits.checked_mul(sign)?.checked_mul(factor)?,
            exponent: exponent - fraction_digits,
        })
    }

    /// The nearest floating-point number.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 * 10f64.powi(self.exponent)
    }

    /// In thousandths, rounded up: what Kubernetes counts processors in. None when that is more than can be counted.
    pub fn thousandths(self) -> Option<i128> {
        let power = |exponent: u32| 10i128.checked_pow(exponent);
        match u32::try_from(self.exponent + 3) {
            Ok(up) => self.mantissa.checked_mul(power(up)?),
            Err(_) => {
                let divisor = power((self.exponent + 3).unsigned_abs())?;
                let whole = self.mantissa.div_euclid(divisor);
                Some(whole + i128::from(self.mantissa.rem_euclid(divisor) > 0))
            }
        }
    }

    /// How much of `limit` this is. None when the limit is zero or negative.
    pub fn share_of(self, limit: Quantity) -> Option<f64> {
        (limit.mantissa > 0).then(|| self.to_f64() / limit.to_f64())
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let shift = self.exponent.min(other.exponent);
        let scaled = |q: &Quantity| {
            let factor = 10i128.checked_pow(u32::try_from(q.exponent - shift).ok()?)?;
            q.mantissa.checked_mul(factor)
        };
        match (scaled(self), scaled(other)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            // Too far apart for whole numbers, thus far enough for floating-point ones.
            _ => self.to_f64().partial_cmp(&other.to_f64()),
        }
    }
}

/// What a suffix multiplies by: a whole factor and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            (1, (-MAX_EXPONENT..=MAX_EXPONENT).contains(&exponent).then_some(exponent)?)
        }
    })
}

/// Bytes with a binary unit, for a person: `512 B`, `1.5 KiB`, `9.8 GiB`, `412 MiB`.
pub fn binary(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024 is one of the next.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{} {}", digits.strip_suffix(".0").unwrap_or(&digits), UNITS[unit])
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_are_told_with_two_or_three_digits() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (10 << 20, "10 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            (1536 << 20, "1.5 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(super::binary(bytes), expected, "{bytes}");
        }
    }

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_notation_of_kubernetes_is_read() {
        let cases = [
            ("0", 0.0),
            ("20", 20.0),
            ("250m", 0.25),
            ("1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1500n", 1.5e-6),
            ("3u", 3e-6),
            ("12k", 12_000.0),
            ("12e3", 12_000.0),
            ("12E3", 12_000.0),
            ("1e-3", 0.001),
            ("2E", 2e18),
            ("1Ki", 1024.0),
            ("1.5Gi", 1.5 * 1024.0 * 1024.0 * 1024.0),
            ("-1Mi", -1_048_576.0),
            ("+4", 4.0),
        ];
        for (text, expected) in cases {
            let value = Quantity::parse(text).map(Quantity::to_f64);
            assert!(
                value.is_some_and(|value| (value - expected).abs() <= expected.abs() * 1e-12),
                "{text}: {value:?}"
            );
        }
    }

    #[test]
    fn thousandths_are_whole_and_never_too_few() {
        for (text, expected) in [
            ("0", 0),
            ("250m", 250),
            ("1.5", 1500),
            ("1u", 1),
            ("1Ki", 1_024_000),
            ("-1500u", -1),
            ("2k", 2_000_000),
        ] {
            assert_eq!(Quantity::parse(text).and_then(Quantity::thousandths), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "-", "abc", "1.2.3", "1 Gi", "1gi", "1KI", "e3", "Ki", ".", "1e999", "ten"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn notations_of_the_same_amount_are_equal() {
        for (one, other) in
            [("1", "1000m"), ("1Gi", "1024Mi"), ("0", "0Gi"), ("1.5k", "1500"), ("1E", "1e18")]
        {
            assert_eq!(Quantity::parse(one), Quantity::parse(other));
        }
        assert!(Quantity::parse("1G") < Quantity::parse("1Gi"));
        assert!(Quantity::parse("1n") < Quantity::parse("1Ei"));
    }

    #[test]
    fn shares_are_ratios_and_nothing_is_a_share_of_nothing() {
        let share = |used, hard| Quantity::parse(used)?.share_of(Quantity::parse(hard)?);
        assert_eq!(share("500m", "1"), Some(0.5));
        assert_eq!(share("1", "0"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,30}") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn order_is_that_of_the_numbers(a in 0u32..1_000_000, b in 0u32..1_000_000) {
            let parse = |n: u32| Quantity::parse(&format!("{n}m"));
            prop_assert_eq!(parse(a).partial_cmp(&parse(b)), a.partial_cmp(&b));
        }
    }
}
