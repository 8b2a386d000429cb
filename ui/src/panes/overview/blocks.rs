//! The parts of the page. Every fact that is not known says why.

use chrono::{DateTime, Utc};
use v9s::fleet::model::{Restarts, Store, Vcluster, Workload};
use v9s::fleet::quota::QuotaEntry;
use v9s::health::certificates::Standing;
use v9s::health::sync::{code, total};
use v9s::known::Known;
use v9s::lifecycle::certs::days_left;

use super::super::lines::{Line, broken};
use super::super::pods::columns::CONTROL_PLANE;
use super::super::pods::phases;
use super::super::quota::{fullness, share_bar};
use super::{Keys, Remedy};
use crate::columns::Look;
use crate::columns::fleet::severity_of;
use crate::format::{age, count, measured, percent, quantity, sparkline};
use crate::text::{Align, clean, cut_end, width};
use crate::theme::{Slot, Symbols};
use crate::widgets::table::{Claim, Layout, layout};

/// One part of the page.
pub(super) struct Block {
    pub title: String,
    pub lines: Vec<Line>,
}

/// What all parts are made from.
pub(super) struct Context<'a> {
    pub vcluster: &'a Vcluster,
    pub keys: Keys<'a>,
    pub symbols: &'static Symbols,
    pub now: DateTime<Utc>,
}

/// Columns for the names of facts.
const LABEL: usize = 14;
/// Columns of a bar.
const BAR: usize = 10;
/// Top of the chart of lags in milliseconds; the same as in the fleet, so that both look alike.
const TREND_TOP: u32 = 2_000;
/// So many control-plane pods are listed; the others are in the tab.
const MOST_PODS: usize = 12;
/// So many keys of the quota are listed.
const WORST_KEYS: usize = 3;

impl Context<'_> {
    /// A sign and words.
    pub fn signed(&self, slot: Slot, words: &str, columns: usize) -> Vec<Line> {
        let texts = broken(words, columns.saturating_sub(3)).into_iter().enumerate();
        texts
            .map(|(at, text)| {
                let sign = if at == 0 { self.symbols.of(slot) } else { " " };
                Line::new(format!(" {sign} {text}"), slot)
            })
            .collect()
    }

    /// The pods that run the control plane.
    pub fn control_plane(&self, columns: usize) -> Block {
        let pods = &self.vcluster.control_plane;
        let replicas = self.vcluster.replicas;
        let title = format!("Control plane {} of {} ready", replicas.ready, replicas.desired);
        if pods.is_empty() {
            let why = self.vcluster.restarts.why().map(|why| clean(why).into_owned());
            let lines = match why {
                Some(why) => self.signed(Slot::Unknown, &format!("pods not known: {why}"), columns),
                None => self.signed(Slot::Info, "no pods", columns),
            };
            return Block { title, lines };
        }
        let longest = pods.iter().map(|pod| width(&pod.name)).max().unwrap_or(0);
        let longest = u16::try_from(longest).unwrap_or(u16::MAX);
        let claims: Vec<Claim> = CONTROL_PLANE
            .iter()
            .map(Claim::from)
            .enumerate()
            .map(|(at, claim)| {
                if at == 0 {
                    Claim { preferred: longest.clamp(claim.min, 60), grow: 0, ..claim }
                } else {
                    claim
                }
            })
            .collect();
        let space = u16::try_from(columns.saturating_sub(2)).unwrap_or(u16::MAX);
        let layout = layout(&claims, space, 0);
        let mut lines = vec![headings(&layout)];
        let look = Look { now: self.now, symbols: self.symbols, plain: false };
        for pod in pods.iter().take(MOST_PODS) {
            let mut line = Line::default();
            for (column, placed) in columns_of(&layout) {
                let blank = usize::from(placed.x + 1).saturating_sub(line.width());
                let cell = (column.cell)(pod, &look).fit(
                    usize::from(placed.width),
                    column.cut,
                    self.symbols.ellipsis,
                );
                line = line.with(" ".repeat(blank), Slot::Text).cell(
                    cell,
                    usize::from(placed.width),
                    column.align,
                );
            }
            lines.push(line);
        }
        if pods.len() > MOST_PODS {
            lines.push(Line::new(
                format!(" and {} more", count((pods.len() - MOST_PODS) as u64)),
                Slot::Muted,
            ));
        }
        Block { title, lines }
    }

    /// Pods of the tenant by phase.
    pub fn synced(&self, columns: usize) -> Block {
        let lines = match &self.vcluster.synced {
            Known::Yes(pods) => vec![phases(pods, self.symbols)],
            Known::No(why) => self.signed(Slot::Unknown, &format!("not known: {}", clean(why)), columns),
            Known::NotApplicable => self.signed(Slot::Info, "none can run in this state", columns),
        };
        Block { title: "Synced pods".to_owned(), lines }
    }

    /// The fullest keys of the quota.
    pub fn quota(&self, columns: usize) -> Block {
        let mut lines = match &self.vcluster.quota {
            Known::Yes(quota) if quota.entries.is_empty() => {
                self.signed(Slot::Info, "its ResourceQuotas limit nothing", columns)
            }
            Known::Yes(quota) => quota
                .entries
                .iter()
                .take(WORST_KEYS)
                .map(|entry| quota_line(entry, columns, self.symbols))
                .collect(),
            Known::No(why) => self.signed(Slot::Unknown, &format!("not known: {}", clean(why)), columns),
            Known::NotApplicable => self.signed(Slot::Info, "no ResourceQuota in its namespace", columns),
        };
        let keys = self.vcluster.quota.get().map_or(0, |quota| quota.entries.len());
        if keys > WORST_KEYS {
            let press = (self.keys)(Remedy::Quota).map_or_else(Line::default, |key| {
                Line::new(format!(" [{key}]"), Slot::Key).with(" quota", Slot::Muted)
            });
            lines.push(
                Line::new(format!(" and {} more", count((keys - WORST_KEYS) as u64)), Slot::Muted).and(press),
            );
        }
        Block { title: "Quota".to_owned(), lines }
    }

    /// Sync lag, orphans, store.
    pub fn health(&self, columns: usize) -> Block {
        let v = self.vcluster;
        let mut lines = self.fact("sync lag p99", &v.lag, columns, |lag| {
            let slot = Slot::from(severity_of(v, code::LAG));
            let trend = sparkline(&lag.history, TREND_TOP, lag.history.len().min(24), self.symbols);
            Line::new(format!("{} {}", self.symbols.of(slot), measured(lag.p99)), slot)
                .with(format!("  {trend}"), Slot::Spark)
        });
        if let Some(companion) = v.companion.get().filter(|companion| !companion.silent) {
            let drift = companion.status.drift.as_ref().map_or_else(
                || Known::unknown("not everything has been listed"),
                |drift| Known::Yes((total(drift), drift.quarantined)),
            );
            lines.extend(self.fact("apart", &drift, columns, |&(apart, quarantined)| {
                let slot = if apart > 0 { Slot::Warn } else { Slot::Ok };
                let words =
                    if quarantined > 0 { format!(", {quarantined} left alone") } else { String::new() };
                Line::new(format!("{} {}{words}", self.symbols.of(slot), count(u64::from(apart))), slot)
            }));
        }
        lines.extend(self.fact("orphans", &v.orphans, columns, |&orphans| {
            let slot = if orphans > 0 { Slot::Warn } else { Slot::Ok };
            Line::new(format!("{} {}", self.symbols.of(slot), count(u64::from(orphans))), slot)
        }));
        lines.extend(self.fact("store", &v.store_health, columns, |health| {
            let slot = Slot::from(health.severity);
            let used = health.used.map_or_else(String::new, |used| format!(" {} used", percent(used)));
            let summary = clean(&health.summary);
            let words = format!("{}{used} {summary}", self.symbols.of(slot));
            Line::new(words.trim_end(), slot)
        }));
        lines.extend(self.backup(columns));
        lines.extend(self.certificates(columns));
        Block { title: "Sync and store".to_owned(), lines }
    }

    /// The last good backup, and where it lies.
    fn backup(&self, columns: usize) -> Vec<Line> {
        let backups = &self.vcluster.backups;
        let standing = backups.standing.get();
        let late = standing.is_some_and(|standing| standing.late);
        let slot = match (late, standing) {
            (true, _) => Slot::Warn,
            (false, Some(_)) => Slot::Ok,
            (false, None) => Slot::Info,
        };
        let aim = standing.map_or_else(String::new, |standing| {
            format!(", {}none older than {}", if late { "late: " } else { "" }, standing.objective)
        });
        let mut lines = self.fact("backup", &backups.good, columns, |good| {
            let age = good
                .as_ref()
                .map_or_else(|| "none is known".to_owned(), |good| format!("{} ago", age(good.at, self.now)));
            Line::new(format!("{} {age}{aim}", self.symbols.of(slot)), slot)
        });
        if let Known::Yes(Some(good)) = &backups.good {
            lines.extend(self.labelled(
                "",
                &format!("{} in {}", clean(&good.file), clean(&good.to)),
                Slot::Muted,
                columns,
            ));
        }
        lines
    }

    /// When the first of its certificates ends.
    fn certificates(&self, columns: usize) -> Vec<Line> {
        self.fact("certificates", &self.vcluster.certificates, columns, |certificates| {
            let slot = Slot::from(certificates.standing.severity());
            let day = certificates.end.format("%Y-%m-%d");
            let words = match certificates.standing {
                Standing::Ended => format!("the first ended on {day}"),
                _ => format!("{} days left, until {day}", days_left(certificates.end, self.now)),
            };
            Line::new(format!("{} {words}", self.symbols.of(slot)), slot)
        })
    }

    /// What it is.
    pub fn identity(&self, columns: usize) -> Block {
        let v = self.vcluster;
        let kind = match v.workload {
            Workload::StatefulSet => "StatefulSet",
            Workload::Deployment => "Deployment",
        };
        let place = format!("{kind} {}/{}", clean(&v.key.namespace), clean(&v.key.name));
        let mut lines = self.words("workload", &place, columns);
        lines.extend(self.words("host", &clean(&v.key.host), columns));
        let plain = |text: &str| Line::new(clean(text), Slot::Text);
        lines.extend(self.fact("version", &v.version, columns, |version| plain(version)));
        lines.extend(self.fact("kubernetes", &v.kubernetes, columns, |version| plain(version)));
        lines.extend(self.fact("distro", &v.distro, columns, |distro| plain(distro)));
        lines.extend(self.fact("store", &v.store, columns, |store| plain(store_words(*store))));
        lines.extend(self.fact("restarts", &v.restarts, columns, |restarts| self.restarts(restarts)));
        let created = match v.created {
            Some(created) => format!("{} ({})", age(created, self.now), created.format("%Y-%m-%d %H:%MZ")),
            None => format!("{} not known", self.symbols.unknown),
        };
        lines.extend(self.words("age", &created, columns));
        let labels: Vec<String> =
            v.labels.iter().map(|(key, value)| format!("{}={}", clean(key), clean(value))).collect();
        lines.extend(self.words("labels", &labels.join(" "), columns));
        Block { title: "Identity".to_owned(), lines }
    }

    fn restarts(&self, restarts: &Restarts) -> Line {
        let slot = if restarts.last_reason.as_deref() == Some("OOMKilled") { Slot::Warn } else { Slot::Text };
        let line = Line::new(count(u64::from(restarts.count)), slot);
        let when = restarts.last_at.map(|at| format!("{} ago", age(at, self.now)));
        match (&restarts.last_reason, when) {
            (None, None) => line,
            (reason, when) => {
                let reason = reason.as_deref().map(|reason| clean(reason).into_owned());
                let last: Vec<String> =
                    [Some("last".to_owned()), reason, when].into_iter().flatten().collect();
                line.with(format!(", {}", last.join(" ")), slot)
            }
        }
    }

    /// The name of a fact and the fact, or why it is not known.
    pub(super) fn fact<T>(
        &self,
        name: &str,
        fact: &Known<T>,
        columns: usize,
        show: impl FnOnce(&T) -> Line,
    ) -> Vec<Line> {
        match fact {
            Known::Yes(value) => vec![label(name).and(show(value))],
            Known::No(why) => {
                let words = format!("{} not known: {}", self.symbols.unknown, clean(why));
                self.labelled(name, &words, Slot::Unknown, columns)
            }
            Known::NotApplicable => {
                vec![
                    label(name)
                        .with(format!("{} does not apply now", self.symbols.not_applicable), Slot::Muted),
                ]
            }
        }
    }

    fn words(&self, name: &str, words: &str, columns: usize) -> Vec<Line> {
        self.labelled(name, words, Slot::Text, columns)
    }

    pub(super) fn labelled(&self, name: &str, words: &str, slot: Slot, columns: usize) -> Vec<Line> {
        let texts = broken(words, columns.saturating_sub(LABEL + 1)).into_iter().enumerate();
        texts.map(|(at, text)| label(if at == 0 { name } else { "" }).with(text, slot)).collect()
    }
}

fn label(name: &str) -> Line {
    Line::new(" ", Slot::Text).field(name, LABEL, Align::Left, Slot::Muted)
}

fn columns_of(
    layout: &Layout,
) -> impl Iterator<
    Item = (&'static crate::columns::Column<v9s::fleet::model::PodRow>, crate::widgets::table::Placed),
> {
    layout.placed.iter().filter_map(|placed| Some((CONTROL_PLANE.get(placed.column)?, *placed)))
}

fn headings(layout: &Layout) -> Line {
    columns_of(layout).fold(Line::default(), |line, (column, placed)| {
        let blank = usize::from(placed.x + 1).saturating_sub(line.width());
        let title = cut_end(column.title, usize::from(placed.width), "");
        line.with(" ".repeat(blank), Slot::Text).field(
            &title,
            usize::from(placed.width),
            column.align,
            Slot::Header,
        )
    })
}

/// `requests.cpu  ████████░░  83%  8300m of 10`.
fn quota_line(entry: &QuotaEntry, columns: usize, symbols: &Symbols) -> Line {
    let slot = fullness(entry.ratio);
    let (used, free) = share_bar(entry.ratio, BAR, symbols);
    let share = entry.ratio.map_or_else(|| symbols.unknown.to_owned(), percent);
    let numbers =
        format!("  {} of {}", quantity(&entry.resource, &entry.used), quantity(&entry.resource, &entry.hard));
    let fixed = 3 + 2 + BAR + 6 + width(&numbers);
    let key = clean(&entry.resource);
    let key_columns = columns.saturating_sub(fixed).clamp(8, 30);
    Line::new(format!(" {} ", symbols.of(slot)), slot)
        .field(&cut_end(&key, key_columns, symbols.ellipsis), key_columns, Align::Left, Slot::Text)
        .with("  ", Slot::Text)
        .with(used, if slot == Slot::Text { Slot::Bar } else { slot })
        .with(free, Slot::BarRest)
        .with(format!(" {share:>5}"), slot)
        .with(numbers, Slot::Muted)
}

fn store_words(store: Store) -> &'static str {
    match store {
        Store::EmbeddedEtcd => "embedded etcd",
        Store::ExternalEtcd => "external etcd",
        Store::DeployedEtcd => "deployed etcd (StatefulSet)",
        Store::ExternalDatabase => "external database",
        Store::EmbeddedDatabase => "embedded database (SQLite)",
    }
}
