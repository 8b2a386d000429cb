//! What an API server counts of the requests that it has answered, out of the text format of Prometheus. Pure.

use std::time::Duration;

use smol_str::SmolStr;

use crate::health::Histogram;

/// Fewer requests than this say nothing about one in a hundred.
pub const ENOUGH: u64 = 50;

/// Requests by code.
const TOTAL: &str = "apiserver_request_total{";
/// How long they took.
const DURATION: &str = "apiserver_request_duration_seconds_bucket{";
/// When the process began.
const STARTED: &str = "process_start_time_seconds ";
/// What goes on for as long as somebody looks: how long that takes says nothing.
const LONG_VERBS: [&str; 3] = ["WATCH", "WATCHLIST", "CONNECT"];
/// The same of parts of objects.
const LONG_PARTS: [&str; 5] = ["log", "exec", "attach", "portforward", "proxy"];

/// What one has counted since it began.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Requests {
    /// When it began, as it says it: another word is another process.
    started: SmolStr,
    /// All that were answered.
    answered: u64,
    /// Those of which it was asked for patience: 429.
    throttled: u64,
    /// Those in which it failed: 5xx.
    failed: u64,
    /// How long they took, but for those that go on and on.
    took: Histogram,
}

/// What came to one lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Requests that were answered.
    pub answered: u64,
    /// Those that were put off (429).
    pub throttled: u64,
    /// Those that failed on its side (5xx).
    pub failed: u64,
    /// What one in a hundred took longer than; none without requests.
    pub p99: Option<Duration>,
    /// Whether this is between two looks; otherwise it is all since it began.
    pub lately: bool,
}

impl Requests {
    /// Takes in a line of its metrics; those that tell of something else are passed over.
    pub fn take(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix(TOTAL) {
            if let Some((labels, count)) = sample(rest) {
                self.count(value(labels, "code").unwrap_or_default(), count);
            }
        } else if let Some(rest) = line.strip_prefix(DURATION) {
            if let Some((labels, count)) = sample(rest).filter(|(labels, _)| !goes_on(labels)) {
                let length = value(labels, "le").and_then(length);
                if let Some(length) = length {
                    self.took.add(length, count);
                }
            }
        } else if let Some(rest) = line.strip_prefix(STARTED) {
            self.started = rest.trim().into();
        }
    }

    /// Whether it has told anything of requests.
    pub fn is_told(&self) -> bool {
        self.answered > 0
    }

    fn count(&mut self, code: &str, count: u64) {
        self.answered = self.answered.saturating_add(count);
        if code == "429" {
            self.throttled = self.throttled.saturating_add(count);
        } else if code.starts_with('5') {
            self.failed = self.failed.saturating_add(count);
        }
    }

    /// What came since an earlier look at the same process, where there was enough to tell; else all since it began.
    pub fn traffic(&self, before: Option<&Requests>) -> Traffic {
        let same = before.filter(|before| before.started == self.started && before.answered <= self.answered);
        let lately = same.map(|before| Traffic {
            answered: self.answered - before.answered,
            throttled: self.throttled.saturating_sub(before.throttled),
            failed: self.failed.saturating_sub(before.failed),
            p99: self.took.since(&before.took).quantile(0.99),
            lately: true,
        });
        lately.filter(|lately| lately.answered >= ENOUGH).unwrap_or(Traffic {
            answered: self.answered,
            throttled: self.throttled,
            failed: self.failed,
            p99: self.took.quantile(0.99),
            lately: false,
        })
    }
}

impl Traffic {
    /// Which share of the requests so many are, 0 to 1.
    pub fn share(&self, of: u64) -> f64 {
        of as f64 / self.answered.max(1) as f64
    }
}

/// `a="b",c="d"} 12` as labels and number.
fn sample(rest: &str) -> Option<(&str, u64)> {
    let (labels, number) = rest.rsplit_once('}')?;
    let number = number.split_whitespace().next()?.parse::<f64>().ok()?;
    (number.is_finite() && number >= 0.0).then_some((labels, number as u64))
}

/// Of these labels no value holds a quote.
fn value<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split("\",").find_map(|label| {
        let (key, value) = label.split_once("=\"")?;
        (key == name).then(|| value.trim_end_matches('"'))
    })
}

fn goes_on(labels: &str) -> bool {
    value(labels, "verb").is_some_and(|verb| LONG_VERBS.contains(&verb))
        || value(labels, "subresource").is_some_and(|part| LONG_PARTS.contains(&part))
}

fn length(le: &str) -> Option<f64> {
    if le == "+Inf" { Some(f64::INFINITY) } else { le.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[String]) -> Requests {
        let mut requests = Requests::default();
        lines.iter().for_each(|line| requests.take(line));
        requests
    }

    fn total(verb: &str, code: &str, count: u64) -> String {
        format!(
            "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",group=\"\",resource=\"pods\",verb=\"{verb}\",version=\"v1\"}} {count}"
        )
    }

    fn took(verb: &str, part: &str, counts: [u64; 3]) -> Vec<String> {
        let line = |(le, count): (&str, u64)| {
            format!(
                "apiserver_request_duration_seconds_bucket{{component=\"apiserver\",resource=\"pods\",subresource=\"{part}\",verb=\"{verb}\",le=\"{le}\"}} {count}"
            )
        };
        ["0.1", "1", "+Inf"].into_iter().zip(counts).map(line).collect()
    }

    fn at(ok: u64, busy: u64, broken: u64, counts: [u64; 3]) -> Requests {
        let mut lines = vec![
            "# HELP apiserver_request_total Counter".to_owned(),
            "process_start_time_seconds 1.79e+09".to_owned(),
            total("GET", "200", ok),
            total("LIST", "429", busy),
            total("POST", "500", broken),
            "apiserver_request_total_other{code=\"500\"} 9".to_owned(),
        ];
        lines.extend(took("GET", "", counts));
        read(&lines)
    }

    #[test]
    fn what_was_answered_is_counted_by_what_became_of_it_over_all_kinds() {
        let lines = [
            total("GET", "200", 90),
            total("LIST", "200", 5),
            total("GET", "504", 3),
            total("GET", "429", 2),
        ];
        let traffic = read(&lines).traffic(None);
        assert_eq!((traffic.answered, traffic.failed, traffic.throttled), (100, 3, 2));
        assert_eq!(traffic.share(traffic.failed), 0.03);
        assert!(!traffic.lately);
    }

    #[test]
    fn what_goes_on_and_on_has_no_part_in_how_long_things_take() {
        let mut lines = took("GET", "", [100, 100, 100]);
        lines.extend(took("LIST", "", [100, 100, 100]));
        for (verb, part) in [("WATCH", ""), ("CONNECT", "exec"), ("GET", "log")] {
            lines.extend(took(verb, part, [0, 0, 1000]));
        }
        assert_eq!(read(&lines).traffic(None).p99, Some(Duration::from_millis(99)));
    }

    #[test]
    fn lately_is_between_two_looks_at_one_process_with_enough_in_between() {
        let before = at(1000, 0, 0, [1000, 1000, 1000]);
        let now = at(1090, 6, 4, [1000, 1090, 1100]);
        let lately = now.traffic(Some(&before));
        assert_eq!((lately.answered, lately.throttled, lately.failed, lately.lately), (100, 6, 4, true));
        assert_eq!(lately.p99, Some(Duration::from_secs(1)), "the last length that is known");
        let few = at(1010, 0, 0, [1000, 1010, 1010]).traffic(Some(&before));
        assert_eq!((few.answered, few.lately), (1010, false));
        let mut other = before.clone();
        other.started = "1.8e+09".into();
        assert!(!now.traffic(Some(&other)).lately, "it began anew in between");
    }

    #[test]
    fn nonsense_counts_nothing() {
        let lines = [
            "apiserver_request_total{code=\"200\"} NaN",
            "apiserver_request_total{",
            "apiserver_request_total{} -1",
            "",
        ];
        assert!(!read(&lines.map(str::to_owned)).is_told());
    }
}
