//! The files in which the AWS command line keeps profiles: `[name]`, and `key = value` below it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::Environment;

/// What a profile says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    values: BTreeMap<String, String>,
}

impl Profile {
    /// The profile of this name, else the one that the environment names, else `default`. Files that are not there say nothing.
    pub(super) fn read(named: Option<&str>, environment: &Environment) -> Self {
        let name = named.or_else(|| environment.get("AWS_PROFILE")).unwrap_or("default");
        let file = |variable: &str, usual: &str| {
            let named = environment.get(variable).map(PathBuf::from);
            let path = named.or_else(|| Some(environment.home()?.join(".aws").join(usual)))?;
            std::fs::read_to_string(path).ok()
        };
        let mut profile = Profile::default();
        if let Some(text) = file("AWS_CONFIG_FILE", "config") {
            // There, all but the default have a word before their name.
            let section = if name == "default" { name.to_owned() } else { format!("profile {name}") };
            profile.take(&text, &section);
        }
        if let Some(text) = file("AWS_SHARED_CREDENTIALS_FILE", "credentials") {
            profile.take(&text, name);
        }
        profile
    }

    /// What it says of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    fn take(&mut self, text: &str, section: &str) {
        let mut inside = false;
        for line in text.lines() {
            // A line that begins with blanks belongs to a nested setting.
            let nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                inside = name.split_whitespace().eq(section.split_whitespace());
            } else if inside
                && !nested
                && let Some((key, value)) = line.split_once('=')
            {
                self.values.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }
}
