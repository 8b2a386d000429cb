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
