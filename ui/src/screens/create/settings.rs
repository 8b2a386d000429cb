//! The settings of the form: where each is in `vcluster.yaml`, and what can be chosen. Pure: text in, text out.

use std::sync::LazyLock;

use v9s::provision::values::Settings;
use v9s::provision::values::edit::{EditError, Outline, Value};

/// The way to a setting.
pub type Path = &'static [&'static str];

/// One line of the form that is a setting.
#[derive(Debug)]
pub struct Setting {
    /// What stands in front of it.
    pub label: &'static str,
    /// What it is when nothing is written.
    pub default: fn() -> &'static str,
    /// How it is set.
    pub kind: Kind,
    /// Whether it is shown.
    pub shown: fn(&Outline<'_>) -> bool,
}

/// How a setting is set.
#[derive(Debug)]
pub enum Kind {
    /// Typed; where it is depends on what else is set.
    Text(fn(&Outline<'_>) -> Path),
    /// Typed, and turns something else on.
    With(Path, Path),
    /// The size of the volume, or `none`.
    Size,
    /// One of these.
    Choice(&'static [Choice]),
}

/// One thing that can be chosen: a word and what it means. None: it is not written.
#[derive(Debug)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// What is written for it.
    means: &'static [(Path, Option<&'static str>)],
}

/// Said of a combination that has no word.
pub const OWN: &str = "as written";
/// A volume that there is none of.
const NONE: &str = "none";

const VERSION: Path = &["controlPlane", "distro", "k8s", "version"];
const ETCD: Path = &["controlPlane", "backingStore", "etcd", "deploy", "enabled"];
const MEMBERS: Path =
    &["controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "highAvailability", "replicas"];
const ETCD_OUTSIDE: Path = &["controlPlane", "backingStore", "etcd", "external", "enabled"];
const ENDPOINT: Path = &["controlPlane", "backingStore", "etcd", "external", "endpoint"];
const DATABASE: Path = &["controlPlane", "backingStore", "database", "external", "enabled"];
const SOURCE: Path = &["controlPlane", "backingStore", "database", "external", "dataSource"];
const SIZE: Path = &["controlPlane", "statefulSet", "persistence", "volumeClaim", "size"];
const CLAIM: Path = &["controlPlane", "statefulSet", "persistence", "volumeClaim", "enabled"];
const ETCD_SIZE: Path =
    &["controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "persistence", "volumeClaim", "size"];
const ETCD_CLAIM: Path = &[
    "controlPlane",
    "backingStore",
    "etcd",
    "deploy",
    "statefulSet",
    "persistence",
    "volumeClaim",
    "enabled",
];
const QUOTA: Path = &["policies", "resourceQuota", "enabled"];
const CPU: Path = &["policies", "resourceQuota", "quota", "requests.cpu"];
const MEMORY: Path = &["policies", "resourceQuota", "quota", "requests.memory"];
const NETWORK: Path = &["policies", "networkPolicy", "enabled"];
const PODS: Path = &["policies", "podSecurityStandard"];
const SERVICE: Path = &["controlPlane", "service", "spec", "type"];
const INGRESS: Path = &["controlPlane", "ingress", "enabled"];
const INGRESS_HOST: Path = &["controlPlane", "ingress", "host"];

const STORES: &[Choice] = &[
    Choice {
        word: "SQLite",
        means: &[(ETCD, None), (MEMBERS, None), (ETCD_OUTSIDE, None), (DATABASE, None)],
    },
    Choice {
        word: "etcd, 1 member",
        means: &[(ETCD, Some("true")), (MEMBERS, None), (ETCD_OUTSIDE, None), (DATABASE, None)],
    },
    Choice {
        word: "etcd, 3 members",
        means: &[(ETCD, Some("true")), (MEMBERS, Some("3")), (ETCD_OUTSIDE, None), (DATABASE, None)],
    },
    Choice {
        word: "own PostgreSQL",
        means: &[(ETCD, None), (MEMBERS, None), (ETCD_OUTSIDE, None), (DATABASE, Some("true"))],
    },
    Choice {
        word: "own etcd",
        means: &[(ETCD, None), (MEMBERS, None), (ETCD_OUTSIDE, Some("true")), (DATABASE, None)],
    },
];

const QUOTAS: &[Choice] = &[
    Choice { word: "none", means: &[(QUOTA, None), (CPU, None), (MEMORY, None)] },
    Choice { word: "on", means: &[(QUOTA, Some("true"))] },
];

const ISOLATIONS: &[Choice] = &[
    Choice { word: "none", means: &[(NETWORK, None), (PODS, None)] },
    Choice { word: "network", means: &[(NETWORK, Some("true")), (PODS, None)] },
    Choice { word: "net + baseline", means: &[(NETWORK, Some("true")), (PODS, Some("baseline"))] },
    Choice { word: "net + restricted", means: &[(NETWORK, Some("true")), (PODS, Some("restricted"))] },
];

const EXPOSURES: &[Choice] = &[
    Choice { word: "no, through v9s", means: &[(SERVICE, None), (INGRESS, None)] },
    Choice { word: "NodePort", means: &[(SERVICE, Some("NodePort")), (INGRESS, None)] },
    Choice { word: "LoadBalancer", means: &[(SERVICE, Some("LoadBalancer")), (INGRESS, None)] },
    Choice { word: "Ingress", means: &[(SERVICE, None), (INGRESS, Some("true"))] },
];

/// The release that is made when none is named.
fn newest() -> &'static str {
    static NEWEST: LazyLock<String> =
        LazyLock::new(|| Settings::default().control_plane.kubernetes.version.clone());
    &NEWEST
}

fn always(_: &Outline<'_>) -> bool {
    true
}

fn is_on(outline: &Outline<'_>, path: Path) -> bool {
    outline.get(path) == Some("true")
}

/// The settings of the form, in its order. Another one is another line here.
pub static SETTINGS: [Setting; 10] = [
    Setting { label: "version", default: newest, kind: Kind::Text(|_| VERSION), shown: always },
    Setting { label: "store", default: || "SQLite", kind: Kind::Choice(STORES), shown: always },
    Setting {
        label: "  source",
        default: || "postgres://…",
        kind: Kind::Text(|_| SOURCE),
        shown: |outline| is_on(outline, DATABASE),
    },
    Setting {
        label: "  endpoint",
        default: || "host:2379",
        kind: Kind::Text(|_| ENDPOINT),
        shown: |outline| is_on(outline, ETCD_OUTSIDE),
    },
    Setting {
        label: "size",
        default: || "5Gi",
        kind: Kind::Size,
        shown: |outline| !is_on(outline, DATABASE) && !is_on(outline, ETCD_OUTSIDE),
    },
    Setting { label: "quota", default: || "none", kind: Kind::Choice(QUOTAS), shown: always },
    Setting { label: "  cpu", default: || "10", kind: Kind::With(CPU, QUOTA), shown: |it| is_on(it, QUOTA) },
    Setting {
        label: "  memory",
        default: || "20Gi",
        kind: Kind::With(MEMORY, QUOTA),
        shown: |it| is_on(it, QUOTA),
    },
    Setting { label: "isolation", default: || "none", kind: Kind::Choice(ISOLATIONS), shown: always },
    Setting { label: "expose", default: || "no, through v9s", kind: Kind::Choice(EXPOSURES), shown: always },
];

/// The host of an Ingress, shown behind the settings where one is wanted.
pub static HOST: Setting = Setting {
    label: "  host",
    default: || "my-host.com",
    kind: Kind::Text(|_| INGRESS_HOST),
    shown: |outline| is_on(outline, INGRESS),
};

/// The settings that are shown now.
pub fn shown(outline: &Outline<'_>) -> Vec<&'static Setting> {
    SETTINGS.iter().chain([&HOST]).filter(|setting| (setting.shown)(outline)).collect()
}

impl Setting {
    /// Whether it is typed; chosen otherwise.
    pub fn is_typed(&self) -> bool {
        !matches!(self.kind, Kind::Choice(_))
    }

    /// What is written, as one word; None when nothing is.
    pub fn get(&self, outline: &Outline<'_>) -> Option<String> {
        match &self.kind {
            Kind::Text(path) => outline.get(path(outline)).map(str::to_owned),
            Kind::With(path, _) => outline.get(path).map(str::to_owned),
            Kind::Size => {
                let (size, claim) = size(outline);
                if outline.get(claim) == Some("false") {
                    return Some(NONE.to_owned());
                }
                outline.get(size).map(str::to_owned)
            }
            Kind::Choice(choices) => {
                let chosen = choices.iter().find(|choice| choice.is(outline));
                Some(chosen.map_or(OWN, |choice| choice.word).to_owned())
            }
        }
    }

    /// The text with another value; an empty one takes it out.
    pub fn set(&self, text: &str, typed: &str) -> Result<String, EditError> {
        let value = (!typed.is_empty()).then(|| value(typed));
        let outline = Outline::read(text)?;
        match &self.kind {
            Kind::Text(path) => outline.with(path(&outline), value),
            Kind::With(path, on) => {
                let text = outline.with(path, value)?;
                let on = value.map(|_| (*on, Some(Value::Plain("true"))));
                on.map_or(Ok(text.clone()), |(path, value)| Outline::read(&text)?.with(path, value))
            }
            Kind::Size => {
                let (size, claim) = size(&outline);
                let none = typed == NONE;
                let text = outline.with(size, value.filter(|_| !none))?;
                Outline::read(&text)?.with(claim, none.then_some(Value::Plain("false")))
            }
            Kind::Choice(choices) => {
                let Some(choice) = choices.iter().find(|choice| choice.word == typed) else {
                    return Ok(text.to_owned());
                };
                choice.means.iter().try_fold(text.to_owned(), |text, (path, value)| {
                    Outline::read(&text)?.with(path, value.map(Value::Plain))
                })
            }
        }
    }

    /// The word before or after the present one; None where nothing is chosen from.
    pub fn next(&self, outline: &Outline<'_>, step: isize) -> Option<&'static str> {
        let Kind::Choice(choices) = &self.kind else { return None };
        let at = choices.iter().position(|choice| choice.is(outline));
        let count = isize::try_from(choices.len()).ok()?;
        let next = match at {
            Some(at) => (isize::try_from(at).ok()? + step).rem_euclid(count),
            None => 0,
        };
        choices.get(usize::try_from(next).ok()?).map(|choice| choice.word)
    }

    /// Whether a problem with this path is about it.
    pub fn is_at(&self, path: &str, outline: &Outline<'_>) -> bool {
        let own = match &self.kind {
            Kind::Text(own) => own(outline),
            Kind::With(own, _) => own,
            Kind::Size => size(outline).0,
            Kind::Choice(choices) => {
                let mut all = choices.iter().flat_map(|choice| choice.means);
                return all.any(|(own, _)| own.join(".") == path);
            }
        };
        own.join(".") == path
    }
}

impl Choice {
    /// Whether this is what is written; what is off is as good as not written.
    fn is(&self, outline: &Outline<'_>) -> bool {
        self.means.iter().all(|(path, value)| outline.get(path).filter(|it| *it != "false") == *value)
            || self.word == "on" && is_on(outline, QUOTA)
    }
}

/// Where the size of the volume is, and whether there is one.
fn size(outline: &Outline<'_>) -> (Path, Path) {
    if is_on(outline, ETCD) { (ETCD_SIZE, ETCD_CLAIM) } else { (SIZE, CLAIM) }
}

/// Quantities and versions are written as they are; all else so that it stays a text.
fn value(typed: &str) -> Value<'_> {
    let plain = typed.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let number = typed.starts_with(|c: char| c.is_ascii_digit());
    if plain && number { Value::Plain(typed) } else { Value::Text(typed) }
}

#[cfg(test)]
mod tests {
    use v9s::provision::create::Preset;
    use v9s::provision::values;

    use super::*;

    fn setting(label: &str) -> &'static Setting {
        SETTINGS.iter().chain([&HOST]).find(|it| it.label.trim() == label).unwrap()
    }

    #[test]
    fn presets_are_read_into_the_form() {
        for (preset, store, size, quota, isolation) in [
            (Preset::Dev, "SQLite", Some("1Gi"), "none", "none"),
            (Preset::Ci, "SQLite", Some("none"), "none", "none"),
            (Preset::Prod, "etcd, 3 members", None, "on", "net + baseline"),
        ] {
            let outline = Outline::read(preset.text()).unwrap();
            let get = |label: &str| setting(label).get(&outline);
            assert_eq!(get("store").as_deref(), Some(store));
            assert_eq!(get("size").as_deref(), size, "{preset:?}");
            assert_eq!(get("quota").as_deref(), Some(quota));
            assert_eq!(get("isolation").as_deref(), Some(isolation));
            assert_eq!(get("expose").as_deref(), Some("no, through v9s"));
        }
    }

    #[test]
    fn every_choice_is_written_so_that_it_is_read_again_and_can_be_created() {
        for preset in Preset::ALL {
            for setting in &SETTINGS {
                let Kind::Choice(choices) = &setting.kind else { continue };
                for choice in *choices {
                    let text = setting.set(preset.text(), choice.word).unwrap();
                    let outline = Outline::read(&text).unwrap();
                    assert_eq!(setting.get(&outline).as_deref(), Some(choice.word), "{preset:?}\n{text}");
                    // What is outside has an address, which no choice can know.
                    if !choice.word.starts_with("own ") {
                        values::read(&text).unwrap_or_else(|why| panic!("{}: {why}\n{text}", choice.word));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_typed_is_written_and_comments_stay() {
        for preset in Preset::ALL {
            let mut text = preset.text().to_owned();
            let comment = text.lines().next().unwrap().to_owned();
            for (label, typed) in [
                ("version", "v1.35.1"),
                ("size", "12Gi"),
                ("cpu", "6"),
                ("memory", "12Gi"),
                ("host", "a.example.org"),
            ] {
                text = setting(label).set(&text, typed).unwrap();
                let outline = Outline::read(&text).unwrap();
                assert_eq!(setting(label).get(&outline).as_deref(), Some(typed), "{text}");
            }
            assert!(text.starts_with(&comment));
            let settings = values::read(&text).unwrap();
            assert_eq!(settings.control_plane.kubernetes.version, "v1.35.1");
            assert_eq!(settings.policies.resource_quota.unwrap().hard["requests.cpu"].0, "6");
        }
    }

    #[test]
    fn there_and_back_leaves_the_text_as_it_was() {
        let prod = Preset::Prod.text();
        let none = setting("store").set(prod, "SQLite").unwrap();
        assert!(!none.contains("etcd:"), "{none}");
        let typed = setting("size").set(Preset::Dev.text(), "2Gi").unwrap();
        assert_eq!(setting("size").set(&typed, "1Gi").unwrap(), Preset::Dev.text());
    }
}
