//! ResourceQuota use as the fleet shows it: every key, the worst first.

use serde::Serialize;
use smol_str::SmolStr;

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
    /// `used / hard`; 1 when the limit is zero and nothing more fits, none when a quantity cannot be read.
    pub ratio: Option<f64>,
}

impl Quota {
    /// The fullest key, if any can be compared.
    pub fn worst(&self) -> Option<&QuotaEntry> {
        self.entries.iter().find(|e| e.ratio.is_some())
    }
}
