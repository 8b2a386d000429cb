//! What another limit comes to for its key. Pure.

use serde::Serialize;
use smol_str::SmolStr;

use crate::fleet::quantity::Quantity;

/// Another limit of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyChange {
    /// The key.
    pub key: SmolStr,
    /// What is used now; none where the host has not counted it.
    pub used: Option<SmolStr>,
    /// The limit as it is; none where there is none.
    pub before: Option<SmolStr>,
    /// The limit as it is to be; none where there is to be none.
    pub after: Option<SmolStr>,
}

impl KeyChange {
    /// Whether less would be allowed than is used now.
    pub fn is_below(&self) -> bool {
        match (self.parsed(&self.used), self.parsed(&self.after)) {
            (Some(used), Some(after)) => used > after,
            _ => false,
        }
    }

    /// Whether it changes anything: amounts that are only written otherwise do not.
    pub fn is_change(&self) -> bool {
        match (self.parsed(&self.before), self.parsed(&self.after)) {
            (Some(before), Some(after)) => before != after,
            _ => self.before != self.after,
        }
    }

    /// How much would be free; None without a limit, or where that cannot be told.
    pub fn free(&self) -> Option<f64> {
        let used = self.parsed(&self.used).unwrap_or(Quantity::ZERO);
        Some((self.parsed(&self.after)?.to_f64() - used.to_f64()).max(0.0))
    }

    /// The share of the new limit that is used now.
    pub fn share(&self) -> Option<f64> {
        self.parsed(&self.used)?.share_of(self.parsed(&self.after)?)
    }

    /// In a line: `requests.cpu: 10 -> 20, 9500m used`.
    pub fn line(&self) -> String {
        let or = |amount: &Option<SmolStr>, none: &str| amount.as_deref().unwrap_or(none).to_owned();
        let (before, after) = (or(&self.before, "no limit"), or(&self.after, "no limit"));
        let used = self.used.as_ref().map_or("use not counted yet".to_owned(), |used| format!("{used} used"));
        let said = format!("{}: {before} -> {after}, {used}", self.key);
        if self.is_below() {
            format!("{said}: below what is used; nothing that runs is ended, and nothing new starts")
        } else {
            said
        }
    }

    fn parsed(&self, amount: &Option<SmolStr>) -> Option<Quantity> {
        Quantity::parse(amount.as_deref()?)
    }
}

/// A limit as a person types it.
///
/// # Errors
/// A sentence: it is no amount, or less than nothing.
pub fn amount(typed: &str) -> Result<SmolStr, String> {
    let typed = typed.trim();
    match Quantity::parse(typed) {
        None => Err(format!("{typed:?} is no amount: such as 20, 500m, 1.5 or 4Gi")),
        Some(amount) if amount < Quantity::ZERO => Err(format!("{typed} is less than nothing")),
        Some(_) => Ok(typed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(used: &str, before: &str, after: &str) -> KeyChange {
        let some = |amount: &str| (!amount.is_empty()).then(|| SmolStr::from(amount));
        KeyChange { key: "requests.cpu".into(), used: some(used), before: some(before), after: some(after) }
    }

    #[test]
    fn what_a_change_comes_to_is_told_in_a_line() {
        for (used, before, after, below, changes, line) in [
            ("9500m", "10", "20", false, true, "requests.cpu: 10 -> 20, 9500m used"),
            ("9500m", "10", "9.5", false, true, "requests.cpu: 10 -> 9.5, 9500m used"),
            ("9500m", "10", "10000m", false, false, "requests.cpu: 10 -> 10000m, 9500m used"),
            ("9500m", "10", "", false, true, "requests.cpu: 10 -> no limit, 9500m used"),
            ("", "", "10", false, true, "requests.cpu: no limit -> 10, use not counted yet"),
            (
                "9500m",
                "10",
                "9",
                true,
                true,
                "requests.cpu: 10 -> 9, 9500m used: below what is used; nothing that runs is ended, and nothing new starts",
            ),
        ] {
            let change = change(used, before, after);
            assert_eq!((change.is_below(), change.is_change()), (below, changes), "{line}");
            assert_eq!(change.line(), line);
        }
        assert_eq!((change("4", "5", "10").free(), change("4", "5", "10").share()), (Some(6.0), Some(0.4)));
        assert_eq!((change("4", "5", "2").free(), change("4", "5", "").free()), (Some(0.0), None));
    }

    #[test]
    fn only_amounts_are_taken() {
        for (typed, expected) in [
            (" 20 ", Some("20")),
            ("4Gi", Some("4Gi")),
            ("0", Some("0")),
            ("-1", None),
            ("lots", None),
            ("", None),
        ] {
            assert_eq!(amount(typed).ok().as_deref(), expected, "{typed:?}");
        }
    }
}
