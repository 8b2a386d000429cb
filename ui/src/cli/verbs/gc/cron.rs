//! A CronJob that collects leftovers, with an account that may do no more than that takes.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::Value;
use smol_str::SmolStr;
use v9s::cronjob::{CronJob, Reach, rule};

use super::GcArgs;
use crate::cli::verbs::cron::yaml;

/// Its name, and that of its account.
const NAME: &str = "v9s-gc";

/// Kinds that syncers put on a host, by group. What else there is has to be named.
const KINDS: [(&str, &str, bool); 13] = [
    ("", "pods", true),
    ("", "services", true),
    ("", "configmaps", true),
    ("", "secrets", true),
    ("", "serviceaccounts", true),
    ("networking.k8s.io", "ingresses", true),
    ("networking.k8s.io", "networkpolicies", true),
    ("policy", "poddisruptionbudgets", true),
    ("discovery.k8s.io", "endpointslices", true),
    ("", "persistentvolumeclaims", true),
    ("", "persistentvolumes", false),
    ("scheduling.k8s.io", "priorityclasses", false),
    ("storage.k8s.io", "storageclasses", false),
];

/// The objects, YAML.
pub(super) fn manifest(args: &GcArgs, namespaces: &[SmolStr]) -> anyhow::Result<String> {
    let image = args.image.as_deref().unwrap_or_default();
    if image.trim().is_empty() {
        bail!("--image is empty");
    }
    let reach = match namespaces {
        [] => Reach::Everywhere,
        [one] => Reach::Namespace(one.clone()),
        _ => bail!("name one namespace, or -A"),
    };
    let everywhere = reach == Reach::Everywhere;
    let kinds = kinds(args, everywhere)?;
    let job = CronJob {
        name: NAME.into(),
        labels: Vec::new(),
        rules: rules(&kinds, everywhere),
        words: words(args, &kinds, &reach),
        reach,
        schedule: args.schedule.as_str().into(),
        zone: None,
        starting_deadline: 300,
        deadline: 1800,
        image: image.into(),
        credentials: None,
        claim: None,
        memory: "512Mi",
    };
    yaml(&job)
}

fn kinds(args: &GcArgs, everywhere: bool) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let wanted = v9s::gc::Kinds::named(&args.kinds);
    let is_wanted = |group: &str, plural: &str| {
        let name = |named: &SmolStr| named == plural || *named == format!("{plural}.{group}");
        match wanted.is_named() {
            true => wanted.names().iter().any(name),
            // They go only when they are named.
            false => !plural.starts_with("persistentvolume"),
        }
    };
    let found: Vec<(&str, &str)> = KINDS
        .into_iter()
        .filter(|(group, plural, namespaced)| (*namespaced || everywhere) && is_wanted(group, plural))
        .map(|(group, plural, _)| (group, plural))
        .collect();
    if found.is_empty() {
        bail!("none of these kinds is one that a CronJob is printed for; write its rights by hand");
    }
    Ok(found)
}

fn rules(kinds: &[(&str, &str)], everywhere: bool) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, plural) in kinds {
        groups.entry(group).or_default().push(plural);
    }
    // What is collected.
    let mut rules: Vec<Value> =
        groups.iter().map(|(group, plurals)| rule(group, plurals, &["get", "list", "delete"])).collect();
    // Which virtual clusters there are.
    rules.push(rule("apps", &["statefulsets", "deployments"], &["get", "list"]));
    rules.push(rule("", &["services", "secrets"], &["get", "list"]));
    // The way in: their credentials, and a tunnel.
    rules.push(rule("networking.k8s.io", &["ingresses"], &["get"]));
    rules.push(rule("", &["pods"], &["get", "list", "watch"]));
    rules.push(rule("", &["pods/portforward"], &["get", "create"]));
    if everywhere {
        rules.push(rule("", &["namespaces", "nodes"], &["get", "list"]));
    }
    rules
}

/// What the program is told.
fn words(args: &GcArgs, kinds: &[(&str, &str)], reach: &Reach) -> Vec<String> {
    let plurals: Vec<&str> = kinds.iter().map(|(_, plural)| *plural).collect();
    let mut words = vec!["gc".to_owned()];
    words.extend(args.name.as_ref().map(ToString::to_string));
    words.extend(match reach {
        Reach::Namespace(namespace) => vec!["-n".to_owned(), namespace.to_string()],
        Reach::Everywhere => vec!["-A".to_owned()],
    });
    words.extend(["--yes".to_owned(), "--older-than".to_owned(), format!("{}s", args.older_than.as_secs())]);
    words.extend(["--kinds".to_owned(), plurals.join(","), "-o".to_owned(), "json".to_owned()]);
    if args.allow_mass {
        words.push("--allow-mass".to_owned());
    }
    if let Some(grace) = args.grace {
        words.extend(["--grace".to_owned(), grace.to_string()]);
    }
    words
}
