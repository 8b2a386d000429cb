//! What a refusal says of the range, and the bisection where it says nothing. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::provision::values::Cidr;

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Family; 2] = [Family::V4, Family::V6];

    pub(super) fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// As Services name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    /// An address that no cluster gives to Services: one for documentation (RFC 5737, RFC 3849).
    pub(super) fn impossible(self) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        }
    }
}

/// What a server says of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It is in the range.
    Inside,
    /// It is not.
    Outside,
    /// It is not, and these blocks are the range.
    Blocks(Vec<Cidr>),
}

/// What the refusal of a Service with a certain address says; None when it is about something else.
pub(super) fn read(message: &str) -> Option<Said> {
    const NAMED: &str = "The range of valid IPs is ";
    if message.contains("already allocated") {
        return Some(Said::Inside);
    }
    if let Some((_, rest)) = message.split_once(NAMED) {
        let blocks: Vec<Cidr> = rest
            .split([',', ' ', '"', ']', ')'])
            .map(|word| word.trim_end_matches('.'))
            .map_while(|word| if word.is_empty() { None } else { Cidr::parse(word) })
            .collect();
        return Some(if blocks.is_empty() { Said::Outside } else { Said::Blocks(blocks) });
    }
    let outside = ["does not match the current range", "not in the valid range", "is not in range"];
    outside.iter().any(|words| message.contains(words)).then_some(Said::Outside)
}

/// Looks for the largest block around an address that is in the range, by asking about the outermost addresses of blocks.
#[derive(Debug)]
pub(super) struct Search {
    seed: IpAddr,
    /// The shortest prefix that is known to be inside; none yet.
    inside: Option<u8>,
    /// No prefix below this one is possible.
    from: u8,
    /// No prefix from this one on is to be asked about any more.
    until: u8,
}

impl Search {
    /// Begins at an address of the range.
    pub(super) fn new(seed: IpAddr) -> Self {
        // Blocks of less than four addresses have no room for a cluster; no server takes a larger one for IPv6 than /64.
        let (from, until) = if seed.is_ipv4() { (1, 31) } else { (64, 127) };
        Search { seed, inside: None, from, until }
    }

    fn middle(&self) -> Option<u8> {
        (self.from < self.until).then(|| self.from + (self.until - self.from) / 2)
    }

    /// The addresses to ask about; None when the block is found.
    pub(super) fn next(&self) -> Option<[IpAddr; 2]> {
        Cidr::around(self.seed, self.middle()?)?.outermost()
    }

    /// Whether all of them are in the range.
    pub(super) fn learn(&mut self, inside: bool) {
        let Some(middle) = self.middle() else { return };
        match inside {
            true => (self.inside, self.until) = (Some(middle), middle),
            false => self.from = middle + 1,
        }
    }

    /// The block, once there is nothing more to ask.
    pub(super) fn found(&self) -> Option<Cidr> {
        Cidr::around(self.seed, self.inside?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_old_and_new_servers_are_understood() {
        let blocks = |text: &str| Said::Blocks(vec![Cidr::parse(text).expect("a block")]);
        let invalid = |why: &str| {
            format!(
                "Service \"x\" is invalid: spec.clusterIPs: Invalid value: [\"192.0.2.1\"]: failed to allocate IP 192.0.2.1: {why}"
            )
        };
        let cases = [
            (invalid("the provided network does not match the current range"), Some(Said::Outside)),
            (invalid("provided IP is already allocated"), Some(Said::Inside)),
            (
                invalid(
                    "the provided IP (192.0.2.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16",
                ),
                Some(blocks("10.96.0.0/16")),
            ),
            (
                invalid("provided IP is not in the valid range. The range of valid IPs is fd00:96::/112."),
                Some(blocks("fd00:96::/112")),
            ),
            (invalid("provided IP is not in the valid range"), Some(Said::Outside)),
            ("services is forbidden: exceeded quota".into(), None),
        ];
        for (message, expected) in cases {
            assert_eq!(read(&message), expected, "{message}");
        }
    }

    #[test]
    fn every_block_is_found_from_any_of_its_addresses_in_a_few_steps() {
        for (block, seeds) in [
            ("10.96.0.0/16", ["10.96.0.1", "10.96.255.254"]),
            ("10.96.0.0/12", ["10.96.0.0", "10.111.7.7"]),
            ("172.20.4.0/22", ["172.20.4.1", "172.20.7.200"]),
            ("10.0.0.8/30", ["10.0.0.9", "10.0.0.10"]),
            ("128.0.0.0/1", ["200.1.1.1", "128.0.0.1"]),
            ("fd00:96::/112", ["fd00:96::1", "fd00:96::fffe"]),
            ("fd00:96::/64", ["fd00:96::1", "fd00:96::ffff:1"]),
        ] {
            let range = Cidr::parse(block).expect("a block");
            // A server gives nobody the first address of its range, nor of IPv4 the last one.
            let given = |address: &IpAddr| range.holds(*address) && *address != range.address();
            for seed in seeds {
                let mut search = Search::new(seed.parse().expect("an address"));
                let mut steps = 0;
                while let Some(addresses) = search.next() {
                    search.learn(addresses.iter().all(given));
                    steps += 1;
                    assert!(steps < 9, "{block} from {seed}");
                }
                assert_eq!(search.found(), Some(range), "from {seed}");
            }
        }
    }

    #[test]
    fn a_server_that_refuses_every_address_has_no_range() {
        let mut search = Search::new("10.96.0.1".parse().expect("an address"));
        while search.next().is_some() {
            search.learn(false);
        }
        assert_eq!(search.found(), None);
    }
}
