//! The format of the configuration file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use smol_str::SmolStr;
use toml::Spanned;
use v9s::health::Thresholds;

use super::{Config, ContextRule, LogSettings, Problem, Tone};
use crate::actions::{self, ACTIONS};
use crate::keymap::{Key, Keymap};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    theme: Option<String>,
    ascii: bool,
    mouse: bool,
    wide: bool,
    headless: bool,
    read_only: bool,
    contexts: Vec<SmolStr>,
    namespaces: Vec<SmolStr>,
    context: Vec<ContextEntry>,
    logs: LogsEntry,
    thresholds: Thresholds,
    keys: BTreeMap<Spanned<String>, Spanned<Keys>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ContextEntry {
    #[serde(rename = "match")]
    pattern: String,
    badge: Option<SmolStr>,
    #[serde(default)]
    tone: ToneEntry,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    namespaces: Vec<SmolStr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ToneEntry {
    #[default]
    Plain,
    Prod,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct LogsEntry {
    keep: usize,
    tail: u32,
    wrap: bool,
    timestamps: bool,
}

impl Default for LogsEntry {
    fn default() -> Self {
        let LogSettings { keep, tail, wrap, timestamps } = LogSettings::default();
        Self { keep, tail, wrap, timestamps }
    }
}

/// `"q"`, `["q", "ctrl-q"]`, or nothing: `[]`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a key such as \"ctrl-d\", or a list of keys")]
enum Keys {
    One(String),
    Many(Vec<String>),
}

/// Reads the text of a configuration file. What cannot be used keeps its default and is reported.
pub fn read(path: &Path, text: &str) -> (Config, Vec<Problem>) {
    let mut problems = Problems { path, text, found: Vec::new() };
    let file = match toml::from_str::<File>(text) {
        Ok(file) => file,
        Err(error) => {
            problems.add(error.span().map(|span| span.start), error.message().to_owned());
            return (Config::default(), problems.found);
        }
    };
    let keymap = keymap(&file.keys, &mut problems);
    let thresholds = thresholds(file.thresholds, &mut problems);
    let LogsEntry { keep, tail, wrap, timestamps } = file.logs;
    let config = Config {
        theme: file.theme,
        ascii: file.ascii,
        mouse: file.mouse,
        wide: file.wide,
        headless: file.headless,
        read_only: file.read_only,
        contexts: file.contexts,
        namespaces: file.namespaces,
        rules: file.context.into_iter().map(rule).collect(),
        logs: LogSettings { keep: keep.max(100), tail, wrap, timestamps },
        thresholds,
        keymap,
    };
    (config, problems.found)
}

struct Problems<'a> {
    path: &'a Path,
    text: &'a str,
    found: Vec<Problem>,
}

impl Problems<'_> {
    fn add(&mut self, at: Option<usize>, reason: String) {
        let line = at.map(|at| self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1);
        self.found.push(Problem { file: self.path.to_owned(), line, reason });
    }
}

fn rule(entry: ContextEntry) -> ContextRule {
    ContextRule {
        pattern: entry.pattern,
        badge: entry.badge,
        tone: match entry.tone {
            ToneEntry::Plain => Tone::Plain,
            ToneEntry::Prod => Tone::Prod,
        },
        read_only: entry.read_only,
        namespaces: entry.namespaces,
    }
}

/// Thresholds that contradict each other keep their defaults, all of them: half of them would be worse than none.
fn thresholds(entries: Thresholds, problems: &mut Problems<'_>) -> Thresholds {
    match entries.check() {
        Ok(()) => entries,
        Err(reason) => {
            let at = problems.text.find("[thresholds]");
            problems.add(at, format!("thresholds: {reason}; all of them keep their defaults"));
            Thresholds::default()
        }
    }
}

/// The keys of the file over the defaults. When two actions then share a key on one screen, the defaults stay:
/// half a keymap would be worse than the one in the help.
fn keymap(entries: &BTreeMap<Spanned<String>, Spanned<Keys>>, problems: &mut Problems<'_>) -> Keymap {
    let mut keymap = Keymap::default();
    for (name, keys) in entries {
        let Some(action) = actions::by_name(name.get_ref()) else {
            problems.add(Some(name.span().start), unknown_action(name.get_ref()));
            continue;
        };
        let texts = match keys.get_ref() {
            Keys::One(text) => std::slice::from_ref(text),
            Keys::Many(texts) => texts.as_slice(),
        };
        match texts.iter().map(|text| text.parse()).collect::<Result<Vec<Key>, _>>() {
            Ok(keys) => keymap.rebind(action.id, keys),
            Err(error) => problems.add(Some(keys.span().start), error.to_string()),
        }
    }
    let clashes = keymap.clashes();
    if clashes.is_empty() {
        return keymap;
    }
    for clash in clashes {
        // The line of whichever of the two the file sets; the later one is the newcomer.
        let at = entries
            .keys()
            .filter(|name| [clash.first, clash.second].contains(&name.get_ref().as_str()))
            .map(|name| name.span().start)
            .max();
        problems.add(at, format!("{clash}; all keys keep their defaults until one of them has another key"));
    }
    Keymap::default()
}

fn unknown_action(name: &str) -> String {
    let near = ACTIONS
        .iter()
        .map(|action| action.name)
        .filter(|known| known.contains(name) || name.contains(known))
        .collect::<Vec<_>>();
    match near.as_slice() {
        [] => format!("there is no action {name:?}; `v9s` shows the names of all actions with ctrl-p"),
        near => format!("there is no action {name:?}; near: {}", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::{ActionId, Scope};
    use proptest::prelude::*;

    fn read_text(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = read(Path::new("config.toml"), text);
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn everything_that_can_be_set_is_read() {
        let (config, problems) = read_text(
            r#"
theme = "dark"
ascii = true
mouse = true
wide = true
headless = true
read-only = true
contexts = ["eu", "us"]
namespaces = ["team-a"]

[logs]
keep = 5000
tail = 100
wrap = true
timestamps = true

[thresholds]
lag-warning-seconds = 3
silent-seconds = 120

[[context]]
match = "*prod*"
badge = "PROD"
tone = "prod"
read-only = true
namespaces = ["team-a", "team-b"]

[keys]
delete-pod = "ctrl-x"
mouse = []
help = ["?", "f1"]
"#,
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(config.theme.as_deref(), Some("dark"));
        assert!(config.ascii && config.mouse && config.wide && config.headless && config.read_only);
        assert_eq!(config.contexts, ["eu", "us"]);
        assert_eq!(config.logs, LogSettings { keep: 5000, tail: 100, wrap: true, timestamps: true });
        let expected = Thresholds { lag_warning_seconds: 3.0, silent_seconds: 120, ..Thresholds::default() };
        assert_eq!(config.thresholds, expected);
        assert_eq!(config.rule("eu-PROD-1").unwrap().badge.as_deref(), Some("PROD"));
        assert_eq!(config.keymap.label(ActionId::DeletePod), "ctrl-x");
        assert_eq!(config.keymap.label(ActionId::Mouse), "");
        let help = config.keymap.find("f1".parse().unwrap(), &[Scope::Everywhere]).unwrap();
        assert_eq!(help.id, ActionId::Help);
    }

    #[test]
    fn a_mistake_names_file_line_and_reason_and_the_defaults_stay() {
        for (text, line, reason) in [
            ("theme = \"dark\"\nmause = true\n", 2, "mause"),
            ("theme = 3\n", 1, "invalid type"),
            ("theme = \"dark\n", 1, "string"),
            ("\n[[context]]\nbadge = \"X\"\n", 2, "match"),
        ] {
            let (config, problems) = read_text(text);
            assert_eq!(config, Config::default(), "{text}");
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].starts_with(&format!("config.toml:{line}: ")), "{problems:?}");
            assert!(problems[0].contains(reason), "{problems:?}");
        }
    }

    #[test]
    fn thresholds_that_contradict_each_other_keep_their_defaults() {
        let (config, problems) = read_text("wide = true\n[thresholds]\nlag-warning-seconds = 60\n");
        assert!(config.wide && config.thresholds == Thresholds::default());
        assert!(
            problems[0].starts_with("config.toml:2: thresholds: lag-warning-seconds (60)"),
            "{problems:?}"
        );
        let (config, problems) = read_text("[thresholds]\nlag-warning = 60\n");
        assert_eq!(config, Config::default());
        assert!(problems[0].contains("lag-warning"), "an unknown name is no threshold: {problems:?}");
    }

    #[test]
    fn a_wrong_key_leaves_the_rest_of_the_file_in_force() {
        let (config, problems) = read_text("wide = true\n[keys]\nhelp = \"hyper-x\"\nfilters = \"f\"\n");
        assert!(config.wide);
        assert_eq!(config.keymap, Keymap::default());
        assert_eq!(problems.len(), 2);
        assert!(
            problems.iter().any(|p| p.starts_with("config.toml:3: \"hyper-x\" is not a key")),
            "{problems:?}"
        );
        assert!(
            problems.iter().any(|p| p.starts_with("config.toml:4: ") && p.contains("near: filter")),
            "{problems:?}"
        );
    }

    #[test]
    fn a_clash_is_reported_where_it_was_written_and_the_default_keys_stay() {
        let (config, problems) = read_text("[keys]\nwrap = \"u\"\nhelp = \"q\"\n");
        assert_eq!(config.keymap, Keymap::default());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("config.toml:3: the key q would be both"), "{problems:?}");
    }

    #[test]
    fn moving_a_key_from_one_action_to_another_is_no_clash() {
        let (config, problems) = read_text("[keys]\nquit = []\nhelp = \"q\"\n");
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(config.keymap.label(ActionId::Help), "q");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            read(Path::new("config.toml"), &text);
        }
    }
}
