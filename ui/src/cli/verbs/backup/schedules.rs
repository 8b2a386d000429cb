//! `v9s backup schedules`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use v9s::backup::schedule::{Listed, list};

use super::super::ResultFormat;
use super::super::ask::note;
use super::super::host::{block_on, clusters};
use crate::cli::{Exit, print};
use crate::settings::Settings;
use crate::text;

/// Flags of `v9s backup schedules`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SchedulesArgs {
    /// How it is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ResultFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OnHost {
    context: String,
    #[serde(flatten)]
    schedule: Listed,
}

/// Lists the schedules on the hosts. [`Exit::Partial`] when some could not be looked for.
pub(super) fn run(settings: &Settings, args: &SchedulesArgs) -> anyhow::Result<Exit> {
    block_on(async {
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        let wanted: Vec<Option<&str>> = match settings.session.namespaces.as_slice() {
            [] => vec![None],
            some => some.iter().map(|namespace| Some(namespace.as_str())).collect(),
        };
        for cluster in clusters(settings).await? {
            for namespace in &wanted {
                match list(&cluster, *namespace).await {
                    Ok(all) => found.extend(
                        all.into_iter()
                            .map(|schedule| OnHost { context: cluster.context.to_string(), schedule }),
                    ),
                    Err(error) => notes.push(format!("{error}; {}", error.remedy())),
                }
            }
        }
        let text = match args.output {
            ResultFormat::Json => serde_json::to_string_pretty(&found)? + "\n",
            ResultFormat::Text if found.is_empty() => "no schedules\n".to_owned(),
            ResultFormat::Text => found.iter().map(|one| line(&one.schedule, Utc::now())).collect(),
        };
        print(text.as_bytes())?;
        notes.iter().for_each(|line| note(line));
        Ok(match (notes.is_empty(), found.is_empty()) {
            (true, _) => Exit::Ok,
            (false, true) => Exit::Error,
            (false, false) => Exit::Partial,
        })
    })
}

fn line(one: &Listed, now: DateTime<Utc>) -> String {
    let ago = |time: Option<DateTime<Utc>>| {
        time.map_or_else(|| "never".to_owned(), |time| format!("{} ago", crate::format::age(time, now)))
    };
    let zone = one.time_zone.as_deref().map(|zone| format!(" {zone}")).unwrap_or_default();
    let suspended = if one.suspended { "  suspended" } else { "" };
    let text = format!(
        "{}/{}  {}{zone}{suspended}  ran {}, well {}  v9s {}",
        one.namespace,
        one.name,
        one.schedule,
        ago(one.last_run),
        ago(one.last_success),
        one.words.join(" ")
    );
    text::clean(&text).into_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_line_that_says_when_it_ran_well() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let one = Listed {
            namespace: "team".into(),
            name: "v9s-backup-shop".into(),
            schedule: "0 3 * * *".into(),
            time_zone: Some("Europe/Berlin".into()),
            suspended: false,
            words: vec!["backup".into(), "shop\x1b[31m".into()],
            last_run: Some(now - chrono::TimeDelta::hours(3)),
            last_success: None,
        };
        assert_eq!(
            line(&one, now),
            "team/v9s-backup-shop  0 3 * * * Europe/Berlin  ran 3h ago, well never  v9s backup shop\n"
        );
        let suspended = line(&Listed { suspended: true, time_zone: None, ..one }, now);
        assert!(suspended.contains("0 3 * * *  suspended  ran"), "{suspended}");
    }
}
