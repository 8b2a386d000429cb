//! ResourceQuota use as the fleet shows it: every key, the worst first.

use serde::Serialize;
use smol_str::SmolStr;

use crate::fleet::quantity::Quantity;

/// Use of all ResourceQuotas of one host namespace.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Quota {
    /// Every key of every quota, fullest first.
    pub entries: Vec<QuotaEntry>,
}

/// One key of one ResourceQuota.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuotaEntry {
    /// Name of the ResourceQuota.
    pub quota: SmolStr,
    /// Key, such as `requests.cpu`.
    pub resource: SmolStr,
    /// `status.used` as the server wrote it.
    pub used: SmolStr,
    /// `status.hard` as the server wrote it.
    pub hard: SmolStr,
    /// `used / hard`; with a limit of zero, 1 when something is used and 0 when nothing is. None when a quantity
    /// cannot be read.
    pub ratio: Option<f64>,
}

impl Quota {
    /// The fullest key, if any can be compared.
    pub fn worst(&self) -> Option<&QuotaEntry> {
        self.entries.iter().find(|e| e.ratio.is_some())
    }
}

impl QuotaEntry {
    /// An entry with its ratio worked out.
    pub fn new(quota: SmolStr, resource: SmolStr, used: SmolStr, hard: SmolStr) -> Self {
        let ratio = ratio(&used, &hard);
        QuotaEntry { quota, resource, used, hard, ratio }
    }
}

impl FromIterator<QuotaEntry> for Quota {
    /// Sorts the fullest first; what cannot be compared comes last.
    fn from_iter<I: IntoIterator<Item = QuotaEntry>>(entries: I) -> Self {
        let mut entries: Vec<QuotaEntry> = entries.into_iter().collect();
        entries.sort_by(|a, b| {
            let fullest = match (a.ratio, b.ratio) {
                (Some(a), Some(b)) => b.total_cmp(&a),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            fullest.then_with(|| (&a.quota, &a.resource).cmp(&(&b.quota, &b.resource)))
        });
        entries.shrink_to_fit();
        Quota { entries }
    }
}

/// A limit of zero is a ban (`services.nodeports: 0` in the official default): no pressure until something breaks it.
fn ratio(used: &str, hard: &str) -> Option<f64> {
    let (used, hard) = (Quantity::parse(used)?, Quantity::parse(hard)?);
    match used.share_of(hard) {
        Some(share) => Some(share),
        None if used.is_zero() => Some(0.0),
        None => Some(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(resource: &str, used: &str, hard: &str) -> QuotaEntry {
        QuotaEntry::new("vc-team-a".into(), resource.into(), used.into(), hard.into())
    }

    #[test]
    fn ratios_divide_quantities_of_any_notation() {
        let cases = [
            ("5", "10", Some(0.5)),
            ("9500m", "10", Some(0.95)),
            ("512Mi", "1Gi", Some(0.5)),
            ("12", "10", Some(1.2)),
            ("0", "0", Some(0.0)),
            ("1", "0", Some(1.0)),
            ("?", "10", None),
            ("1", "much", None),
        ];
        for (used, hard, expected) in cases {
            assert_eq!(entry("requests.cpu", used, hard).ratio, expected, "{used} of {hard}");
        }
    }

    #[test]
    fn the_fullest_comes_first_and_the_unreadable_last() {
        let quota: Quota =
            [entry("a", "?", "10"), entry("b", "1", "10"), entry("c", "9", "10"), entry("d", "1", "10")]
                .into_iter()
                .collect();
        let order: Vec<_> = quota.entries.iter().map(|entry| entry.resource.as_str()).collect();
        assert_eq!(order, ["c", "b", "d", "a"]);
        assert_eq!(quota.worst().map(|entry| entry.resource.as_str()), Some("c"));
    }
}
