//! Blocks of addresses.

use std::fmt;
use std::net::IpAddr;

/// A block of addresses, such as `10.96.0.0/12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads a block; bits behind the prefix are dropped, as Kubernetes does. None when it is not one.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = digits.then(|| prefix.parse().ok())??;
        let address = match address {
            IpAddr::V4(v4) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4((u32::from(v4) & mask).into())
            }
            IpAddr::V6(v6) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
            _ => return None,
        };
        Some(Cidr { address, prefix })
    }

    /// Nothing, one block, or one of each family, with a comma between (dual stack).
    pub(super) fn parse_some(text: &str) -> Option<Vec<Cidr>> {
        if text.trim().is_empty() {
            return Some(Vec::new());
        }
        let blocks: Vec<Cidr> =
            text.split(',').map(|block| Cidr::parse(block.trim())).collect::<Option<_>>()?;
        let families =
            blocks.first().zip(blocks.get(1)).is_none_or(|(a, b)| a.address.is_ipv4() != b.address.is_ipv4());
        (blocks.len() <= 2 && families).then_some(blocks)
    }

    /// Whether an address lies in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && Cidr::around(address, self.prefix).is_some_and(|block| block == *self)
    }

    /// Whether all addresses of another block lie in it.
    pub fn covers(&self, other: &Cidr) -> bool {
        self.prefix <= other.prefix && self.holds(other.address)
    }

    /// The block of this size that an address lies in; None when no address has so many bits.
    pub fn around(address: IpAddr, prefix: u8) -> Option<Cidr> {
        Cidr::parse(&format!("{address}/{prefix}"))
    }

    /// The address behind the first one and the one before the last: the outermost that a server gives to anybody. None
    /// for a block of less than four.
    pub fn outermost(&self) -> Option<[IpAddr; 2]> {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        let behind = u32::from(bits - self.prefix);
        (behind >= 2).then(|| match self.address {
            IpAddr::V4(v4) => {
                let (first, size) = (u32::from(v4), u32::MAX.checked_shr(32 - behind).unwrap_or(0));
                [IpAddr::V4((first + 1).into()), IpAddr::V4((first + (size - 1)).into())]
            }
            IpAddr::V6(v6) => {
                let (first, size) = (u128::from(v6), u128::MAX.checked_shr(128 - behind).unwrap_or(0));
                [IpAddr::V6((first + 1).into()), IpAddr::V6((first + (size - 1)).into())]
            }
        })
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits all addresses have in common.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_kubernetes_reads_them() {
        let cases = [
            ("10.96.0.0/12", Some("10.96.0.0/12")),
            ("10.97.1.2/12", Some("10.96.0.0/12")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("1.2.3.4/32", Some("1.2.3.4/32")),
            ("fd00::1/64", Some("fd00::/64")),
            ("::/0", Some("::/0")),
            ("10.0.0.0/33", None),
            ("10.0.0.0/+8", None),
            ("10.0.0.0", None),
            ("10.0.0/8", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Cidr::parse(text).map(|cidr| cidr.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_block_holds_its_addresses_and_smaller_blocks() {
        let block = |text: &str| Cidr::parse(text).expect("a block");
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (outer, address, holds) in [
            ("10.96.0.0/16", "10.96.255.255", true),
            ("10.96.0.0/16", "10.97.0.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("10.96.0.0/16", "fd00::1", false),
            ("fd00:96::/108", "fd00:96::f:ffff", true),
            ("fd00:96::/108", "fd00:96::10:0", false),
        ] {
            assert_eq!(block(outer).holds(ip(address)), holds, "{address} in {outer}");
        }
        assert!(block("10.96.0.0/12").covers(&block("10.97.0.0/16")));
        assert!(!block("10.97.0.0/16").covers(&block("10.96.0.0/12")));
    }

    #[test]
    fn the_outermost_addresses_that_anybody_gets_are_inside() {
        let outermost = |text: &str| {
            let addresses = Cidr::parse(text).expect("a block").outermost();
            addresses.map(|[first, last]| format!("{first} {last}"))
        };
        assert_eq!(outermost("10.96.0.0/16").as_deref(), Some("10.96.0.1 10.96.255.254"));
        assert_eq!(outermost("10.96.0.8/30").as_deref(), Some("10.96.0.9 10.96.0.10"));
        assert_eq!(outermost("0.0.0.0/0").as_deref(), Some("0.0.0.1 255.255.255.254"));
        assert_eq!(outermost("10.96.0.8/31"), None);
        assert_eq!(outermost("fd00:96::/112").as_deref(), Some("fd00:96::1 fd00:96::fffe"));
        assert_eq!(outermost("::/0").map(|text| text.len() > 10), Some(true));
    }

    #[test]
    fn two_blocks_are_of_two_families() {
        let count = |text: &str| Cidr::parse_some(text).map(|blocks| blocks.len());
        assert_eq!(count(""), Some(0));
        assert_eq!(count("10.0.0.0/8"), Some(1));
        assert_eq!(count("10.0.0.0/8, fd00::/64"), Some(2));
        assert_eq!(count("10.0.0.0/8,11.0.0.0/8"), None);
        assert_eq!(count("10.0.0.0/8,"), None);
        assert_eq!(count("10.0.0.0/8,fd00::/64,fd01::/64"), None);
    }
}
