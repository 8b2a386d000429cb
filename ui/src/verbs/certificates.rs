//! When the certificates of a virtual cluster end.

use chrono::{DateTime, Utc};
use v9s::cluster::Cluster;
use v9s::lifecycle::certs::{CertificateInfo, check};
use v9s::target::Target;

use super::Looked;

/// Days before its end from which a certificate is told in another colour.
const SOON: i64 = 30;

/// Reads them. Nothing that is watched knows them: their Secret is read when somebody asks.
pub(super) async fn look(cluster: &Cluster, target: &Target) -> Result<Looked, String> {
    let all = check(cluster, &target.namespace, &target.name)
        .await
        .map_err(|error| format!("{error}; {}", error.remedy()))?;
    Ok(told(&all, Utc::now()))
}

fn told(all: &[CertificateInfo], now: DateTime<Utc>) -> Looked {
    let (mut ending, mut rest) = (Vec::new(), Vec::new());
    for one in all {
        let days = one.days_left(now);
        let subject = if one.subject.is_empty() { String::new() } else { format!(" ({})", one.subject) };
        let line = match (days, one.ends) {
            (Some(days), Some(ends)) => {
                let left = if days < 0 { "ended".to_owned() } else { format!("{days} days left") };
                format!("{left}, {}: {}{subject}", ends.format("%Y-%m-%d"), one.file)
            }
            _ => format!("cannot be read: {}{subject}", one.file),
        };
        if days.is_none_or(|days| days < SOON) { ending.push(line) } else { rest.push(line) }
    }
    let warns = !ending.is_empty();
    let facts = [("soon", ending), ("later", rest)];
    Looked::Told { facts: facts.into_iter().filter(|(_, lines)| !lines.is_empty()).collect(), warns }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_ends_soon_or_cannot_be_read_is_told_first_and_warns() {
        let now = crate::fixture::now();
        let one = |file: &str, days: Option<i64>| CertificateInfo {
            file: file.into(),
            subject: "x".into(),
            authority: false,
            ends: days.map(|days| now + TimeDelta::days(days) + TimeDelta::hours(1)),
        };
        let Looked::Told { facts, warns } =
            told(&[one("a", None), one("b", Some(-2)), one("c", Some(200))], now)
        else {
            panic!("nothing is told");
        };
        assert!(warns);
        assert_eq!(facts[0].1.len(), 2);
        assert!(facts[0].1[1].starts_with("ended, "), "{facts:?}");
        assert!(facts[1].1[0].starts_with("200 days left, "), "{facts:?}");
        assert!(matches!(told(&[one("c", Some(31))], now), Looked::Told { warns: false, .. }));
    }
}
