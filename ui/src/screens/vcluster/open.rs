//! Which virtual cluster a command line means.

use std::sync::Arc;

use v9s::fleet::model::{Vcluster, VclusterKey};

use super::VclusterScreen;
use crate::app::registry::{Entry, Opened};
use crate::app::{Layer, World};

/// One virtual cluster.
pub const ENTRY: Entry = Entry {
    name: "vc",
    aliases: &["vcluster"],
    title: "one virtual cluster, and a tab of it: NAME, NAMESPACE/NAME or HOST/NAMESPACE/NAME",
    argument: "NAME TAB",
    open: |opening| {
        let (wanted, place) = split(opening.argument);
        let vcluster = find(wanted, opening.world)?;
        let mut screen = VclusterScreen::new(Arc::clone(vcluster), opening.world);
        screen.go_to(place.unwrap_or("overview"));
        Ok(Opened::Screen(Box::new(screen)))
    },
    complete: |world| {
        let all = &world.fleet.vclusters;
        all.iter().map(|vcluster| shortest(&vcluster.key, all)).collect()
    },
};

/// The places of the screen that can be named.
const PLACES: [&str; 12] = [
    "overview", "pods", "quota", "events", "logs", "previous", "config", "yaml", "sync", "orphans", "store",
    "control",
];

/// The name, and the place behind it if there is one. Names of contexts may hold spaces.
fn split(argument: &str) -> (&str, Option<&str>) {
    match argument.trim().rsplit_once(char::is_whitespace) {
        Some((name, place)) if PLACES.contains(&place) => (name.trim_end(), Some(place)),
        _ => (argument.trim(), None),
    }
}

/// The one that a name means.
pub fn find<'a>(wanted: &str, world: &'a World) -> Result<&'a Arc<Vcluster>, String> {
    if wanted.is_empty() {
        return Err("which virtual cluster? tab completes".to_owned());
    }
    let all = &world.fleet.vclusters;
    let found: Vec<&Arc<Vcluster>> = all.iter().filter(|vcluster| means(wanted, &vcluster.key)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(format!("there is no virtual cluster {wanted:?} here")),
        several => {
            let names: Vec<String> =
                several.iter().take(5).map(|vcluster| shortest(&vcluster.key, all)).collect();
            Err(format!("{} are called so: {}", several.len(), names.join(", ")))
        }
    }
}

/// Names of contexts may hold slashes: they are read from the right.
fn means(wanted: &str, key: &VclusterKey) -> bool {
    let mut parts = wanted.rsplitn(3, '/');
    let name = parts.next() == Some(key.name.as_str());
    name && parts.next().is_none_or(|namespace| namespace == key.namespace)
        && parts.next().is_none_or(|host| host == key.host)
}

/// As much of a key as it takes to tell it from all others.
fn shortest(key: &VclusterKey, all: &[Arc<Vcluster>]) -> String {
    let VclusterKey { host, namespace, name } = key;
    let ways = [name.to_string(), format!("{namespace}/{name}")];
    let alone = |way: &String| all.iter().filter(|vcluster| means(way, &vcluster.key)).count() == 1;
    ways.into_iter().find(alone).unwrap_or_else(|| format!("{host}/{namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, namespace: &str, name: &str) -> VclusterKey {
        VclusterKey { host: host.into(), namespace: namespace.into(), name: name.into() }
    }

    #[test]
    fn a_context_may_hold_slashes() {
        let key = key("arn:aws:eks:eu-west-1:1:cluster/prod", "team-a", "a");
        assert!(means("arn:aws:eks:eu-west-1:1:cluster/prod/team-a/a", &key));
        assert!(means("team-a/a", &key) && means("a", &key));
        assert!(!means("prod/team-a/a", &key) && !means("team-b/a", &key));
    }

    #[test]
    fn a_place_is_named_behind_the_name() {
        assert_eq!(split("a logs"), ("a", Some("logs")));
        assert_eq!(split("my host/ns/a pods"), ("my host/ns/a", Some("pods")));
        assert_eq!(split("my host/ns/a"), ("my host/ns/a", None));
        assert_eq!(split("logs"), ("logs", None));
    }
}
