//! Where a cluster's Services get their addresses from.
//!
//! A virtual API server must be started with the range of its host (`--service-cluster-ip-range`): its Services bear the
//! host's addresses. Servers since 1.33 say it in ServiceCIDR objects, which a namespaced Role may not read. All others
//! are asked by dry runs: a Service with an address that cannot be is refused, by older servers with the range in the
//! refusal; what newer ones leave unsaid is found by bisection. Nothing is ever created.

mod ask;
mod probe;

use std::fmt;
use std::net::IpAddr;

use crate::cluster::{Cluster, Failure, FailureKind};
use crate::provision::values::Cidr;
use ask::Asked;
use probe::{Family, Said, Search};

/// The blocks that a cluster's Services get their addresses from, the primary family first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceRange {
    /// The blocks; more than one of a family where somebody has added to them.
    pub blocks: Vec<Cidr>,
}

impl ServiceRange {
    /// Reads `10.96.0.0/16` or `10.96.0.0/16,fd00:96::/112`; None when it is not that.
    pub fn parse(text: &str) -> Option<ServiceRange> {
        let blocks = text.split(',').map(|block| Cidr::parse(block.trim())).collect::<Option<Vec<_>>>()?;
        Some(ServiceRange { blocks })
    }

    /// What `--service-cluster-ip-range` takes: the first block of each family.
    pub fn flag(&self) -> String {
        let mut first: Vec<&Cidr> = Vec::new();
        for block in &self.blocks {
            if !first.iter().any(|other| other.address().is_ipv4() == block.address().is_ipv4()) {
                first.push(block);
            }
        }
        ServiceRange { blocks: first.into_iter().copied().collect() }.to_string()
    }

    /// Whether an address is one of it.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.holds(address))
    }

    /// The blocks of another range that are not in this one: addresses of theirs would be refused here.
    pub fn lacks(&self, other: &ServiceRange) -> Vec<Cidr> {
        let covered = |block: &&Cidr| self.blocks.iter().any(|own| own.covers(block));
        other.blocks.iter().filter(|block| !covered(block)).copied().collect()
    }

    /// The same without blocks of families that this one does not have at all.
    pub fn of_families_in(self, other: &ServiceRange) -> ServiceRange {
        let known = |block: &Cidr| {
            other.blocks.iter().any(|own| own.address().is_ipv4() == block.address().is_ipv4())
        };
        ServiceRange { blocks: self.blocks.into_iter().filter(known).collect() }
    }
}

impl fmt::Display for ServiceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, block) in self.blocks.iter().enumerate() {
            let between = if at == 0 { "" } else { "," };
            write!(f, "{between}{block}")?;
        }
        Ok(())
    }
}

/// Finds the range of a cluster. It needs either `list` on `servicecidrs.networking.k8s.io`, or `create` on Services of
/// this namespace, and creates none. `known` are addresses of Services that are there, as far as one knows any: a
/// namespace whose quota is used up gives no others. `remembered` is what dry runs have found before.
///
/// # Errors
/// What the server said instead.
pub async fn find(
    cluster: &Cluster,
    namespace: &str,
    known: &[IpAddr],
    remembered: Option<ServiceRange>,
) -> Result<ServiceRange, Failure> {
    match ask::objects(cluster).await {
        Ok(blocks) if !blocks.is_empty() => return Ok(ServiceRange { blocks }),
        Ok(_) => {}
        // An older server, or none of our business.
        Err(failure) if matches!(failure.kind, FailureKind::NotFound | FailureKind::Forbidden) => {}
        Err(failure) => return Err(failure),
    }
    if let Some(remembered) = remembered {
        return Ok(remembered);
    }
    let mut found: Vec<(Family, Vec<Cidr>)> = Vec::new();
    let mut primary = None;
    for family in Family::BOTH {
        let known = known.iter().copied().find(|address| Family::of(*address) == family);
        let (seed, is_primary) = match (known, ask::any(cluster, namespace, family).await?) {
            (_, Asked::Address { address, usual }) => (address, usual),
            (Some(known), Asked::Unavailable(_)) => (known, false),
            (None, Asked::Unavailable(failure)) => {
                // There may be no such family; that is said before anything else is refused.
                match ask::about(cluster, namespace, family.impossible()).await {
                    Err(refused) if refused.kind == FailureKind::Rejected => continue,
                    _ => return Err(failure),
                }
            }
            (_, Asked::NoSuchFamily) => continue,
        };
        if is_primary {
            primary = Some(family);
        }
        found.push((family, of_family(cluster, namespace, family, seed).await?));
    }
    found.sort_by_key(|(family, _)| Some(*family) != primary);
    Ok(ServiceRange { blocks: found.into_iter().flat_map(|(_, blocks)| blocks).collect() })
}

/// The blocks of one family, one address of which is known.
async fn of_family(
    cluster: &Cluster,
    namespace: &str,
    family: Family,
    seed: IpAddr,
) -> Result<Vec<Cidr>, Failure> {
    // A dry run gives the first address of the range, which no Service can have: that refusal names the range.
    for address in [seed, family.impossible()] {
        if let Said::Blocks(blocks) = ask::about(cluster, namespace, address).await? {
            return Ok(blocks);
        }
    }
    let mut search = Search::new(seed);
    while let Some(addresses) = search.next() {
        let mut all_inside = true;
        for address in addresses {
            all_inside &= ask::about(cluster, namespace, address).await? == Said::Inside;
            if !all_inside {
                break;
            }
        }
        search.learn(all_inside);
    }
    Ok(search.found().into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> ServiceRange {
        ServiceRange::parse(text).expect("a range")
    }

    #[test]
    fn the_flag_has_one_block_of_each_family_the_primary_one_first() {
        for (blocks, flag) in [
            ("10.96.0.0/16", "10.96.0.0/16"),
            ("fd00:96::/112,10.96.0.0/16,10.200.0.0/24", "fd00:96::/112,10.96.0.0/16"),
        ] {
            assert_eq!(range(blocks).flag(), flag);
        }
        assert_eq!(ServiceRange::parse("10.96.0.0"), None);
    }

    #[test]
    fn what_a_range_lacks_of_another_is_told_by_block() {
        let lacks = |own: &str, other: &str| -> Vec<String> {
            range(own).lacks(&range(other)).iter().map(ToString::to_string).collect()
        };
        assert!(lacks("10.96.0.0/16", "10.96.0.0/16").is_empty());
        assert!(lacks("10.96.0.0/12", "10.96.0.0/16").is_empty());
        assert_eq!(lacks("10.96.0.0/16", "10.96.0.0/12"), ["10.96.0.0/12"]);
        assert_eq!(lacks("10.96.0.0/16", "10.96.0.0/16,fd00:96::/112"), ["fd00:96::/112"]);
        let host = range("10.96.0.0/16,fd00:96::/112").of_families_in(&range("10.0.0.0/8"));
        assert_eq!(host.to_string(), "10.96.0.0/16");
    }
}
