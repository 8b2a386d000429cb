//! Which servers are reached without the proxy that the environment names.
//!
//! Go clients (kubectl, the official CLI) never send loopback through a proxy and compare `NO_PROXY` with the
//! server; kube 5 compares it with the proxy itself. What works with kubectl has to work here.

use std::net::IpAddr;

/// Whether the host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether `NO_PROXY` exempts the host: `*`, a name, a domain (with or without leading dot), an address or a CIDR block.
pub(super) fn is_exempt(host: &str, no_proxy: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    no_proxy.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(
        |entry| {
            if entry == "*" {
                return true;
            }
            match address {
                Some(address) => in_block(address, &entry),
                None => {
                    let domain = entry.trim_start_matches("*.").trim_start_matches('.');
                    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
                }
            }
        },
    )
}

fn in_block(address: IpAddr, entry: &str) -> bool {
    let (base, bits) = match entry.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (entry, Some(128)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else { return false };
    match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            same_prefix(a.to_bits().into(), b.to_bits().into(), bits.min(32), 32)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => same_prefix(a.to_bits(), b.to_bits(), bits.min(128), 128),
        _ => false,
    }
}

fn same_prefix(a: u128, b: u128, bits: u32, width: u32) -> bool {
    bits == 0 || (a ^ b) >> (width - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_in_every_spelling() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example", "::2", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn no_proxy_speaks_of_the_server() {
        let cases = [
            ("api.corp.example", "corp.example", true),
            ("api.corp.example", ".corp.example", true),
            ("api.corp.example", "*.corp.example", true),
            ("corp.example", "corp.example", true),
            ("evilcorp.example", "corp.example", false),
            ("api.corp.example", "*", true),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.4", "10.1.2.3", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("[fd00::1]", "fd00::/8", true),
            ("10.1.2.3", "", false),
            ("10.1.2.3", "10.0.0.0/x, ,", false),
        ];
        for (host, list, expected) in cases {
            assert_eq!(is_exempt(host, list), expected, "{host} in {list:?}");
        }
    }
}
