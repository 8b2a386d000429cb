//! Pods that do not start for want of room in a quota, as companions tell of them. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::code;
use crate::companion::SyncerStatus;
use crate::explain::exceeded;
use crate::fleet::model::{Finding, Severity};
use crate::fleet::quantity::Quantity;
use crate::health::Companion;

/// Companions tell no more objects than these by name.
const TOLD: usize = 20;
/// Pods that a finding names.
const NAMED: usize = 3;

/// A pod of the tenant that the host did not take for want of room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// Namespace in the virtual cluster.
    pub namespace: Option<SmolStr>,
    /// Name in the virtual cluster.
    pub name: SmolStr,
    /// Which quota has no room.
    pub quota: SmolStr,
    /// What there is too little of; what there is enough of the host does not tell.
    pub lacks: Vec<Lack>,
    /// Since when, by the companion's clock.
    pub since: DateTime<Utc>,
}

/// One key of a quota that had too little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lack {
    /// The key.
    pub key: SmolStr,
    /// What the pod asks for.
    pub asked: SmolStr,
    /// What was used when it was refused.
    pub used: SmolStr,
    /// What the limit was then.
    pub limited: SmolStr,
}

impl Blocked {
    /// `shop/web-0`, as the tenant names it.
    pub fn title(&self) -> SmolStr {
        match &self.namespace {
            Some(namespace) => format_smolstr!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// What it lacks: `requests.cpu 250m, 9900m of 10 used`.
    pub fn words(&self) -> String {
        let lack = |lack: &Lack| {
            let Lack { key, asked, used, limited } = lack;
            format!("{key} {asked}, {used} of {limited} used")
        };
        self.lacks.iter().map(lack).collect::<Vec<_>>().join("; ")
    }
}

/// The pods that a companion tells of, those that have waited longest first.
pub fn told(status: &SyncerStatus) -> Vec<Blocked> {
    let pods = status.drift.iter().flat_map(|drift| &drift.objects).filter(|object| object.kind == "pods");
    let mut blocked: Vec<Blocked> = pods
        .filter_map(|pod| {
            let refusal = exceeded(&pod.why)?;
            let lack = |(key, asked, used, limited): (&str, &str, &str, &str)| Lack {
                key: key.into(),
                asked: asked.into(),
                used: used.into(),
                limited: limited.into(),
            };
            Some(Blocked {
                namespace: pod.namespace.clone(),
                name: pod.name.clone(),
                quota: refusal.quota.into(),
                lacks: refusal.keys().map(lack).collect(),
                since: pod.since,
            })
        })
        .collect();
    blocked.sort_by(|a, b| (a.since, &a.namespace, &a.name).cmp(&(b.since, &b.namespace, &b.name)));
    blocked
}

/// What that comes to in the fleet.
pub fn finding(companion: &Companion) -> Option<Finding> {
    if companion.silent {
        return None;
    }
    let blocked = told(&companion.status);
    let oldest = blocked.first()?;
    let more = companion.status.drift.as_ref().is_some_and(|drift| drift.objects.len() >= TOLD);
    let count = match (blocked.len(), more) {
        (1, false) => "1 pod does".to_smolstr(),
        (count, false) => format_smolstr!("{count} pods do"),
        (count, true) => format_smolstr!("{count} pods or more do"),
    };
    let names: Vec<SmolStr> = blocked.iter().take(NAMED).map(Blocked::title).collect();
    let rest = if blocked.len() > NAMED { ", …" } else { "" };
    let message = format_smolstr!(
        "{count} not start: the quota {} has no room for {}{rest} ({})",
        oldest.quota,
        names.join(", "),
        oldest.words()
    );
    Some(Finding::new(Severity::Warning, code::BLOCKS, message, Some(companion.local(oldest.since))))
}

/// Which of them would start if so much were free of each key of a quota, the longest waiting first: each takes its part. What a refusal
/// does not name there was enough of.
pub fn admitted(
    blocked: &[Blocked],
    free: impl Fn(&str, &str) -> Option<Quantity>,
) -> (Vec<&Blocked>, Vec<&Blocked>) {
    let mut left: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let (mut starts, mut waits) = (Vec::new(), Vec::new());
    for pod in blocked {
        let asked: Vec<_> = pod.lacks.iter().map(|lack| (lack, Quantity::parse(&lack.asked))).collect();
        for lack in &pod.lacks {
            left.entry((pod.quota.as_str(), lack.key.as_str()))
                .or_insert_with(|| free(&pod.quota, &lack.key).map_or(f64::INFINITY, Quantity::to_f64));
        }
        let room =
            |lack: &Lack| left.get(&(pod.quota.as_str(), lack.key.as_str())).copied().unwrap_or_default();
        let fits =
            asked.iter().all(|(lack, asked)| asked.is_some_and(|asked| asked.to_f64() <= room(lack) + 1e-9));
        if !fits {
            waits.push(pod);
            continue;
        }
        for (lack, asked) in asked {
            if let Some(left) = left.get_mut(&(pod.quota.as_str(), lack.key.as_str())) {
                *left -= asked.map_or(0.0, Quantity::to_f64);
            }
        }
        starts.push(pod);
    }
    (starts, waits)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::companion::{DriftStatus, DriftedObject};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
    }

    fn refusal(requested: &str, used: &str, limited: &str) -> String {
        format!(
            "pods \"web\" is forbidden: exceeded quota: vc-shop, requested: {requested}, used: {used}, limited: {limited}"
        )
    }

    fn object(kind: &str, name: &str, since: i64, why: &str) -> DriftedObject {
        DriftedObject {
            kind: kind.into(),
            namespace: Some("web".into()),
            name: name.into(),
            since: at(since),
            why: why.into(),
            quarantined: false,
        }
    }

    fn companion(objects: Vec<DriftedObject>) -> Companion {
        let drift = DriftStatus { objects, ..DriftStatus::default() };
        let status = SyncerStatus { drift: Some(drift), ..SyncerStatus::default() };
        Companion { status: Arc::new(status), heard: at(0), silent: false }
    }

    #[test]
    fn pods_that_a_quota_refuses_are_told_and_nothing_else_is() {
        let full = refusal("pods=1", "pods=20", "pods=20");
        let one = companion(vec![
            object("pods", "late", 50, &full),
            object(
                "pods",
                "early",
                10,
                &refusal("pods=1,requests.cpu=2", "pods=20,requests.cpu=9", "pods=20,requests.cpu=10"),
            ),
            object("pods", "other", 5, "pods \"x\" is forbidden: violates PodSecurity"),
            object("services", "web", 5, &full),
        ]);
        let blocked = told(&one.status);
        assert_eq!(blocked.iter().map(Blocked::title).collect::<Vec<_>>(), ["web/early", "web/late"]);
        let found = finding(&one).map(|finding| finding.message.to_string());
        let expected = "2 pods do not start: the quota vc-shop has no room for web/early, web/late (pods 1, 20 of 20 used; requests.cpu 2, 9 of 10 used)";
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(finding(&Companion { silent: true, ..one }), None, "what a silent one told is old");
        assert_eq!(finding(&companion(vec![])), None);
    }

    #[test]
    fn many_are_counted_and_few_are_named() {
        let full = refusal("pods=1", "pods=20", "pods=20");
        let many = (0..20).map(|number| object("pods", &format!("web-{number:02}"), number, &full)).collect();
        let found = finding(&companion(many)).unwrap();
        let begins = "20 pods or more do not start: the quota vc-shop has no room for web/web-00, web/web-01, web/web-02, … (";
        assert!(found.message.starts_with(begins), "{}", found.message);
        assert_eq!((found.severity, found.code), (Severity::Warning, code::BLOCKS));
    }

    #[test]
    fn room_is_given_to_those_who_wait_longest_and_only_once() {
        let cpu =
            |asked: &str| refusal(&format!("requests.cpu={asked}"), "requests.cpu=10", "requests.cpu=10");
        let both = refusal("pods=1,requests.cpu=1", "pods=20,requests.cpu=10", "pods=20,requests.cpu=10");
        let pods = |all: &[(&str, String)]| -> Vec<Blocked> {
            let objects = all.iter().zip(0..).map(|((name, why), since)| object("pods", name, since, why));
            told(&companion(objects.collect()).status)
        };
        let blocked = pods(&[("a", cpu("1")), ("b", cpu("3")), ("c", cpu("500m")), ("d", both)]);
        for (free_cpu, free_pods, starts) in [
            ("0", "5", vec![]),
            ("1500m", "5", vec!["web/a", "web/c"]),
            ("4", "5", vec!["web/a", "web/b"]),
            ("10", "0", vec!["web/a", "web/b", "web/c"]),
            ("10", "1", vec!["web/a", "web/b", "web/c", "web/d"]),
        ] {
            let free = |_: &str, key: &str| Quantity::parse(if key == "pods" { free_pods } else { free_cpu });
            let (start, wait) = admitted(&blocked, free);
            assert_eq!(
                start.iter().map(|pod| pod.title()).collect::<Vec<_>>(),
                starts,
                "{free_cpu} {free_pods}"
            );
            assert_eq!(start.len() + wait.len(), blocked.len());
        }
        let (start, _) = admitted(&blocked, |_, _| None);
        assert_eq!(start.len(), 4, "what is not limited any more keeps nobody");
    }
}
