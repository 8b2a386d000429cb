//! Ranges of IPv4 addresses.

use std::fmt;
use std::net::Ipv4Addr;

/// A range of IPv4 addresses, such as `10.96.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet {
    base: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// The range that begins at this address and has this prefix length (0 to 32).
    pub const fn new(base: Ipv4Addr, prefix: u8) -> Self {
        Self { base, prefix }
    }

    /// The address that many after the first; the first names the range itself.
    pub fn nth(self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base.to_bits().wrapping_add(number))
    }

    /// The part of that number among the parts with this prefix length.
    pub fn part(self, number: u32, prefix: u8) -> Self {
        let size = 1_u32.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        Self::new(self.nth(number.wrapping_mul(size)), prefix)
    }

    /// An address of this range the way interfaces are given it: with the prefix length.
    pub fn interface(self, number: u32) -> String {
        format!("{}/{}", self.nth(number), self.prefix)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another() {
        let whole = Subnet::new(Ipv4Addr::new(198, 18, 0, 0), 15);
        assert_eq!(whole.part(0, 20).to_string(), "198.18.0.0/20");
        assert_eq!(whole.part(17, 20).to_string(), "198.19.16.0/20");
        assert_eq!(whole.part(17, 20).part(3, 24).interface(1), "198.19.19.1/24");
    }
}
