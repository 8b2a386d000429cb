//! What schedulers and API servers say, taken apart. Pure.

use smol_str::SmolStr;

/// Why a scheduler found no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// Nodes that it looked at.
    pub(super) nodes: u32,
    /// What it said of how many of them.
    pub(super) reasons: Vec<(u32, SmolStr)>,
}

/// Reads `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`.
pub(super) fn unfit(message: &str) -> Option<Unfit> {
    let (_, rest) = message.split_once("0/")?;
    let (nodes, rest) = rest.split_once(" nodes are available: ")?;
    let nodes = nodes.parse().ok()?;
    let ends = ["preemption:", "no new claims to deallocate"];
    let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    let said = rest.get(..end)?.trim().trim_end_matches('.');
    let mut reasons: Vec<(u32, SmolStr)> = Vec::new();
    for piece in said.split(", ") {
        match counted(piece) {
            Some((count, reason)) => reasons.push((count, reason.into())),
            // Commas stand in taints, too.
            None => match reasons.last_mut() {
                Some((_, last)) => *last = smol_str::format_smolstr!("{last}, {piece}"),
                None => reasons.push((nodes, piece.into())),
            },
        }
    }
    Some(Unfit { nodes, reasons })
}

fn counted(piece: &str) -> Option<(u32, &str)> {
    let (count, reason) = piece.split_once(' ')?;
    Some((count.parse().ok()?, reason))
}

/// What stands between two marks.
pub(super) fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(found, _)| found)
}

/// What stands in quotes behind a mark.
pub(super) fn quoted<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(after)?;
    let (before, rest) = rest.split_once('"')?;
    before.trim().is_empty().then_some(())?;
    rest.split_once('"').map(|(found, _)| found)
}

/// What stands behind a mark, to the end.
pub(super) fn behind<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest.trim())
}

/// One word of a quota's refusal: which key of which quota has how much of how much, and what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exceeded<'a> {
    pub(crate) quota: &'a str,
    pub(crate) requested: Vec<(&'a str, &'a str)>,
    pub(crate) used: Vec<(&'a str, &'a str)>,
    pub(crate) limited: Vec<(&'a str, &'a str)>,
}

/// Reads `exceeded quota: vc-a, requested: pods=1, used: pods=20, limited: pods=20`.
pub(crate) fn exceeded(message: &str) -> Option<Exceeded<'_>> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (quota, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    Some(Exceeded {
        quota,
        requested: pairs(requested),
        used: pairs(used),
        limited: pairs(limited.split_whitespace().next().unwrap_or(limited)),
    })
}

fn pairs(text: &str) -> Vec<(&str, &str)> {
    text.split(',').filter_map(|pair| pair.trim().split_once('=')).collect()
}

impl<'a> Exceeded<'a> {
    /// Each key: what is asked for, used, and allowed.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a str, &'a str)> + '_ {
        let of = |all: &[(&'a str, &'a str)], key: &str| {
            all.iter().find(|(known, _)| *known == key).map_or("?", |(_, value)| *value)
        };
        self.requested
            .iter()
            .map(move |(key, asked)| (*key, *asked, of(&self.used, key), of(&self.limited, key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scheduler_says_of_nodes_is_taken_apart() {
        type Case = (&'static str, u32, &'static [(u32, &'static str)]);
        let cases: [Case; 6] = [
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
                3,
                &[(1, "node(s) had untolerated taint {a: b}"), (2, "Insufficient cpu")],
            ),
            (
                "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
                1,
                &[(1, "Insufficient cpu"), (1, "Insufficient memory")],
            ),
            (
                "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
                2,
                &[(2, "pod has unbound immediate PersistentVolumeClaims")],
            ),
            (
                "0/1 nodes are available: persistentvolumeclaim \"data\" not found.",
                1,
                &[(1, "persistentvolumeclaim \"data\" not found")],
            ),
            (
                "0/4 nodes are available: 4 node(s) had untolerated taint {a: b, c}.",
                4,
                &[(4, "node(s) had untolerated taint {a: b, c}")],
            ),
            ("0/12 nodes are available: 12 Too many pods.", 12, &[(12, "Too many pods")]),
        ];
        for (message, nodes, reasons) in cases {
            let found = unfit(message).unwrap();
            let said: Vec<(u32, &str)> = found.reasons.iter().map(|(n, it)| (*n, it.as_str())).collect();
            assert_eq!((found.nodes, said.as_slice()), (nodes, reasons), "{message}");
        }
        assert_eq!(unfit("no nodes available to schedule pods"), None);
    }

    #[test]
    fn what_a_quota_refuses_is_taken_apart() {
        let said = "pods \"web\" is forbidden: exceeded quota: vc-a, requested: pods=1,requests.cpu=250m, used: pods=20,requests.cpu=9900m, limited: pods=20,requests.cpu=10";
        let exceeded = exceeded(said).unwrap();
        assert_eq!(exceeded.quota, "vc-a");
        let keys: Vec<_> = exceeded.keys().collect();
        assert_eq!(keys, [("pods", "1", "20", "20"), ("requests.cpu", "250m", "9900m", "10")]);
    }
}
