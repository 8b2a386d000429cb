//! What etcd counts of itself, out of the text format of Prometheus. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::health::histogram::Histogram;

/// Fewer observations than this say nothing about one in a hundred.
const ENOUGH: u64 = 50;

/// What one member counts of itself since it began.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// How long it took to have a write-ahead log on the disk.
    pub fsync: Histogram,
    /// How long it took to have the database on the disk.
    pub commit: Histogram,
    /// How often it saw another leader.
    pub leader_changes: Option<u64>,
    /// When it began, by its clock.
    pub started: Option<DateTime<Utc>>,
    /// The most bytes that its file may have.
    pub quota: Option<u64>,
}

impl Figures {
    /// Reads them; what is not there stays empty.
    pub fn read(text: &str) -> Figures {
        let mut figures = Figures::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.trim_end().rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            match name {
                "etcd_server_leader_changes_seen_total" => figures.leader_changes = whole(value),
                "etcd_server_quota_backend_bytes" => figures.quota = whole(value).filter(|quota| *quota > 0),
                "process_start_time_seconds" => {
                    figures.started =
                        whole(value).and_then(|at| DateTime::from_timestamp(i64::try_from(at).ok()?, 0));
                }
                _ => {
                    bucket(
                        &mut figures.fsync,
                        name,
                        "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"",
                        value,
                    );
                    bucket(
                        &mut figures.commit,
                        name,
                        "etcd_disk_backend_commit_duration_seconds_bucket{le=\"",
                        value,
                    );
                }
            }
        }
        figures
    }

    /// What one in a hundred takes longer than, to have the log and the database on the disk: since the earlier figures where
    /// enough has happened, else since it began.
    pub fn p99(&self, before: Option<&Figures>) -> [Option<Duration>; 2] {
        let before = before.filter(|before| before.started == self.started);
        let of = |now: &Histogram, then: Option<&Histogram>| {
            let lately = then.map(|then| now.since(then)).filter(|lately| lately.count() >= ENOUGH);
            lately.as_ref().unwrap_or(now).quantile(0.99)
        };
        [of(&self.fsync, before.map(|it| &it.fsync)), of(&self.commit, before.map(|it| &it.commit))]
    }

    /// How often an hour it has seen another leader: since the earlier figures if those are of this hour, else on average since
    /// it began, where it counts all of its first hour.
    pub fn leader_changes_an_hour(
        &self,
        now: DateTime<Utc>,
        before: Option<(&Figures, DateTime<Utc>)>,
    ) -> Option<f64> {
        let all = self.leader_changes?;
        let since_start = now.signed_duration_since(self.started?).num_seconds().max(0) as f64 / 3600.0;
        // It learns of its first leader when it begins: that is no change.
        let average = all.saturating_sub(1) as f64 / since_start.max(1.0);
        let lately = before
            .filter(|(then, at)| then.started == self.started && (now - *at).num_minutes() <= 60)
            .and_then(|(then, _)| Some(all.saturating_sub(then.leader_changes?) as f64));
        Some(lately.map_or(average, |lately| lately.max(average)))
    }
}

fn bucket(histogram: &mut Histogram, name: &str, prefix: &str, count: f64) {
    let Some(length) = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("\"}")) else { return };
    let length = if length == "+Inf" { Some(f64::INFINITY) } else { length.parse().ok() };
    if let (Some(length), Some(count)) = (length, whole(count)) {
        histogram.add(length, count);
    }
}

fn whole(value: f64) -> Option<u64> {
    (value.is_finite() && value >= 0.0).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn text(counts: [u64; 4], changes: u64) -> String {
        let lengths = ["0.001", "0.01", "0.1", "+Inf"];
        let buckets: String = lengths
            .iter()
            .zip(counts)
            .map(|(length, count)| {
                format!("etcd_disk_wal_fsync_duration_seconds_bucket{{le=\"{length}\"}} {count}\n")
            })
            .collect();
        format!(
            "# HELP x\n{buckets}etcd_disk_wal_fsync_duration_seconds_sum 3\netcd_server_leader_changes_seen_total {changes}\n\
             etcd_server_quota_backend_bytes 2.147483648e+09\nprocess_start_time_seconds 1.8e+09\nother{{a=\"b c\"}} 1\n"
        )
    }

    #[test]
    fn quantiles_are_read_within_a_bucket_and_never_beyond_the_last() {
        let millis = |counts| Figures::read(&text(counts, 0)).p99(None)[0].map(|p99| p99.as_micros());
        for (counts, expected) in [
            ([0, 0, 0, 0], None),
            ([100, 100, 100, 100], Some(990)),
            ([0, 100, 100, 100], Some(9_910)),
            ([98, 98, 100, 100], Some(55_000)),
            ([0, 0, 0, 100], Some(100_000)),
        ] {
            assert_eq!(millis(counts), expected, "{counts:?}");
        }
        assert_eq!(Figures::read(&text([0; 4], 0)).quota, Some(2 << 30));
        assert_eq!(Figures::read("nonsense\n\u{0}").p99(None), [None, None]);
    }

    #[test]
    fn what_happened_lately_counts_once_there_is_enough_of_it() {
        let before = Figures::read(&text([1000, 1000, 1000, 1000], 1));
        let few = Figures::read(&text([1000, 1000, 1040, 1040], 1));
        assert!(few.p99(Some(&before))[0] < Some(Duration::from_millis(100)), "{few:?}");
        let many = Figures::read(&text([1000, 1000, 1100, 1100], 1));
        assert!(many.p99(Some(&before))[0] > Some(Duration::from_millis(90)), "{many:?}");
        let mut again = before.clone();
        again.started = None;
        assert_eq!(many.p99(Some(&again)), many.p99(None), "it began anew in between");
    }

    #[test]
    fn changes_of_the_leader_are_told_by_the_hour() {
        let figures = |changes| Figures::read(&text([0; 4], changes));
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |minutes| start + TimeDelta::minutes(minutes);
        assert_eq!(figures(1).leader_changes_an_hour(after(5), None), Some(0.0));
        assert_eq!(figures(5).leader_changes_an_hour(after(5), None), Some(4.0));
        assert_eq!(figures(5).leader_changes_an_hour(after(240), None), Some(1.0));
        let before = (&figures(1), after(200));
        assert_eq!(figures(6).leader_changes_an_hour(after(240), Some(before)), Some(5.0));
        let long_ago = (&figures(1), after(100));
        assert_eq!(figures(6).leader_changes_an_hour(after(240), Some(long_ago)), Some(1.25));
    }
}
