//! Amounts of resources: added and compared, never rounded down. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use smol_str::{SmolStr, format_smolstr};

use crate::fleet::quantity::Quantity;

/// Amounts by resource, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Amounts(BTreeMap<SmolStr, i128>);

impl Amounts {
    /// What is written in an object. What is no quantity is left out, as nothing can be said of it.
    pub fn of(written: &BTreeMap<String, Written>) -> Amounts {
        let each = |(name, amount): (&String, &Written)| Some((SmolStr::new(name), thousandths(amount)?));
        Amounts(written.iter().filter_map(each).collect())
    }

    /// How much of a resource; None where it is not named.
    pub fn get(&self, resource: &str) -> Option<i128> {
        self.0.get(resource).copied()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&SmolStr, i128)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    /// Names a resource that is not named yet.
    pub fn fill(&mut self, resource: &str, amount: i128) {
        self.0.entry(resource.into()).or_insert(amount);
    }

    /// Adds others.
    pub fn add(&mut self, others: &Amounts) {
        for (name, amount) in others.iter() {
            *self.0.entry(name.clone()).or_default() += amount;
        }
    }

    /// Takes others away; what is not named here is not taken from.
    pub fn take(&mut self, others: &Amounts) {
        for (name, amount) in &mut self.0 {
            *amount -= others.get(name).unwrap_or_default();
        }
    }

    /// The larger of both, resource by resource.
    pub fn raise(&mut self, others: &Amounts) {
        for (name, amount) in others.iter() {
            let own = self.0.entry(name.clone()).or_default();
            *own = amount.max(*own);
        }
    }

    /// The first resource of which there is less here than is asked for; what is not named here is not there.
    pub fn short_of(&self, asked: &Amounts) -> Option<SmolStr> {
        let lacks = |(name, amount): &(&SmolStr, i128)| *amount > self.get(name).unwrap_or_default();
        asked.iter().find(lacks).map(|(name, _)| name.clone())
    }
}

/// In thousandths; None when it is no quantity.
pub(crate) fn thousandths(written: &Written) -> Option<i128> {
    Quantity::parse(&written.0)?.thousandths()
}

/// As a person writes it: `290m` and `2` of processors, `320Mi` and `1.5Gi` of bytes, `3` of anything else.
pub(crate) fn shown(resource: &str, thousandths: i128) -> SmolStr {
    const MI: i128 = 1024 * 1024 * 1000;
    const GI: i128 = 1024 * MI;
    let bytes = ["memory", "storage"].iter().any(|kind| resource.ends_with(kind));
    match thousandths {
        amount if bytes && amount % GI == 0 => format_smolstr!("{}Gi", amount / GI),
        amount if bytes && amount.abs() >= 10 * GI => format_smolstr!("{:.1}Gi", amount as f64 / GI as f64),
        amount if bytes => {
            format_smolstr!("{}Mi", amount.div_euclid(MI) + i128::from(amount.rem_euclid(MI) > 0))
        }
        amount if amount % 1000 == 0 => format_smolstr!("{}", amount / 1000),
        amount => format_smolstr!("{amount}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_write_them() {
        for (resource, amount, expected) in [
            ("requests.cpu", "290m", "290m"),
            ("cpu", "2", "2"),
            ("memory", "320Mi", "320Mi"),
            ("limits.memory", "4Gi", "4Gi"),
            ("requests.storage", "1500Mi", "1500Mi"),
            ("memory", "1500Gi", "1500Gi"),
            ("memory", "31.5Gi", "31.5Gi"),
            ("memory", "1", "1Mi"),
            ("count/pods", "3", "3"),
            ("memory", "0", "0Gi"),
        ] {
            let amount = thousandths(&Written(amount.to_owned())).unwrap();
            assert_eq!(shown(resource, amount), expected);
        }
    }
}
