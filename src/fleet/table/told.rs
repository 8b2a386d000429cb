//! What companions told, policies, and since when a finding has stood.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;

use super::{Table, Tenant};
use crate::cluster::watch::Key;
use crate::fleet::few::Few;
use crate::fleet::model::{Finding, Vcluster};
use crate::fleet::rows::StatusRow;
use crate::fleet::source::{Kind, LOADING, Source};
use crate::fleet::told::Told;
use crate::health::Isolation;
use crate::health::isolation::Policy;
use crate::health::sync::code;
use crate::known::Known;

impl Table {
    /// Takes in how far the host's clock is ahead of ours.
    pub(in crate::fleet) fn set_ahead(&mut self, ahead: Option<TimeDelta>) {
        if self.ahead != ahead {
            self.ahead = ahead;
            self.touch_where(None);
        }
    }

    pub(super) fn status(&mut self, key: Key, row: Option<StatusRow>, now: DateTime<Utc>) {
        let vcluster = row.as_ref().map(|row| row.vcluster.clone());
        let id = (Kind::Statuses, key);
        if let Some(parts) = self.refile(&id, vcluster.as_ref()) {
            parts.told = None;
        }
        if let Some((row, vcluster)) = row.zip(vcluster) {
            let told = &mut self.file(&id, vcluster).told;
            match told {
                Some(told) => told.again(row, now),
                None => *told = Some(Told::first(row, now)),
            }
        }
    }

    pub(super) fn policy(&mut self, key: Key, row: Option<Policy>) {
        let here = self.policies.entry(key.namespace.clone()).or_default();
        let changed = match row {
            Some(row) => here.insert(key.name, row.clone()) != Some(row),
            None => here.remove(&key.name).is_some(),
        };
        if here.is_empty() {
            self.policies.remove(&key.namespace);
        }
        if changed {
            self.touch_where(Some(key.namespace));
        }
    }

    pub(super) fn policies_of(&self, (namespace, name): &Tenant) -> Known<Arc<Isolation>> {
        let policies = self.policies.get(namespace).into_iter().flat_map(Few::values);
        self.known(Kind::Policies, namespace, Arc::new(Isolation::of(name, policies)))
    }

    /// Until when a word of a companion in this namespace would have reached us.
    pub(super) fn hears_until(&self, namespace: &SmolStr, now: DateTime<Utc>) -> DateTime<Utc> {
        let here = Source { kind: Kind::Statuses, namespace: Some(namespace.clone()) };
        let all = Source { kind: Kind::Statuses, namespace: None };
        let health = self.sources.get(&here).or_else(|| self.sources.get(&all));
        health.map_or(now, |health| health.hears_until(now))
    }
}

/// Findings of what is measured continuously: since when each stands is known by having seen it begin.
const MEASURED: [&str; 6] =
    [code::LAG, code::API, code::API_SLOW, code::THROTTLED, code::TROUBLE, code::UNREADABLE];

/// The row with what is known of since when its findings stand.
pub(super) fn since(mut row: Vcluster, before: Option<&Vcluster>, now: DateTime<Utc>) -> Vcluster {
    let Some(before) = before.filter(|before| before.companion.why() != Some(LOADING)) else { return row };
    let same = |a: &Finding, b: &Finding| {
        a.code == b.code && a.message.split(' ').nth(1) == b.message.split(' ').nth(1)
    };
    for finding in row.findings.iter_mut().filter(|one| MEASURED.contains(&one.code) && one.since.is_none()) {
        finding.since = match before.findings.iter().find(|one| same(one, finding)) {
            Some(stood) => stood.since,
            None => Some(now),
        };
    }
    row
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
