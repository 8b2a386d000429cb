//! The ranges that Services get their addresses from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::super::family::Family;

/// A range of IPv6 addresses for Services, beside the one of IPv4 addresses that every host has (`10.96.0.0/16`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Range {
    network: Ipv6Addr,
    prefix: u8,
}

impl Ipv6Range {
    /// `network/prefix`; none unless the prefix is one from 64 to 112 and all bits behind it are zero.
    pub fn new(network: Ipv6Addr, prefix: u8) -> Option<Self> {
        let inside = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
        ((64..=112).contains(&prefix) && network.to_bits() & inside == 0).then_some(Self { network, prefix })
    }
}

/// The first few addresses of a range are for those who want a certain one, such as DNS.
const RESERVED: u128 = 256;
/// Of a large range only so many are given out.
const MOST: u128 = 0x1_0000;

/// The ranges of a host.
#[derive(Clone, Debug)]
pub(crate) struct Ranges {
    v6: Option<Ipv6Range>,
}

impl Ranges {
    pub(crate) fn new(v6: Option<Ipv6Range>) -> Self {
        Ranges { v6 }
    }

    /// Whether Services can have addresses of a family.
    pub(super) fn has(&self, family: Family) -> bool {
        family == Family::V4 || self.v6.is_some()
    }

    pub(super) fn are_dual(&self) -> bool {
        self.v6.is_some()
    }

    /// First address and size of a family's range.
    fn bounds(&self, family: Family) -> Option<(u128, u128)> {
        match (family, self.v6) {
            (Family::V4, _) => Some((u128::from(Ipv4Addr::new(10, 96, 0, 0).to_bits()), 0x1_0000)),
            (Family::V6, Some(range)) => {
                Some((range.network.to_bits(), 1 << (128 - u32::from(range.prefix))))
            }
            (Family::V6, None) => None,
        }
    }

    /// Whether an address is in the range of its family.
    pub(super) fn hold(&self, address: IpAddr) -> bool {
        let number = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        self.bounds(Family::of(address)).is_some_and(|(first, size)| (first..first + size).contains(&number))
    }

    /// The addresses that are given out to those who want any, from one of them on; `start` is below [`Self::span`].
    pub(super) fn candidates(&self, family: Family, start: usize) -> impl Iterator<Item = IpAddr> {
        let (first, _) = self.bounds(family).unwrap_or_default();
        let span = self.span(family);
        (0..span).map(move |step| {
            let number = first + RESERVED + ((start + step) % span.max(1)) as u128;
            match family {
                Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap_or_default())),
                Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
            }
        })
    }

    /// How many addresses are given out to those who want any.
    pub(super) fn span(&self, family: Family) -> usize {
        let (_, size) = self.bounds(family).unwrap_or_default();
        usize::try_from(size.min(MOST).saturating_sub(RESERVED + 1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_begins_where_its_prefix_ends() {
        let range = |text: &str, prefix: u8| Ipv6Range::new(text.parse().expect("an address"), prefix);
        assert!(range("fd00:96::", 108).is_some() && range("fd00:96::", 112).is_some());
        assert!(
            range("fd00:96::1", 108).is_none()
                && range("fd00:96::", 128).is_none()
                && range("fd00::", 8).is_none()
        );
    }

    #[test]
    fn addresses_of_both_families_are_given_out() {
        let ranges = Ranges::new(Ipv6Range::new("fd00:96::".parse().expect("an address"), 112));
        let first = |family: Family| ranges.candidates(family, 0).next().map(|address| address.to_string());
        assert_eq!(
            (first(Family::V4), first(Family::V6)),
            (Some("10.96.1.0".into()), Some("fd00:96::100".into()))
        );
        for (address, held) in
            [("10.96.255.255", true), ("10.97.0.0", false), ("fd00:96::ffff", true), ("fd00:96::1:0", false)]
        {
            assert_eq!(ranges.hold(address.parse().expect("an address")), held, "{address}");
        }
        let single = Ranges::new(None);
        assert!(!single.hold("fd00:96::1".parse().expect("an address")) && !single.has(Family::V6));
    }
}
