//! What a person has set: one TOML file, read only, never written.
//!
//! A mistake never keeps v9s from starting: everything that can be used is used, the rest keeps its default, and
//! every mistake is reported with file, line and reason.

mod context;
mod dirs;
mod file;
mod themes;

pub use context::{ContextRule, Tone, matches_pattern};
pub use dirs::Dirs;
pub use file::read;
pub use themes::{ThemeSource, load_theme};

use std::path::{Path, PathBuf};

use smol_str::SmolStr;
use thiserror::Error;
use v9s::health::Thresholds;

use crate::keymap::Keymap;

/// Everything that can be set, with defaults for the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// Name or path of the theme; the terminal's own colours when none is set.
    pub theme: Option<String>,
    /// Signs in ASCII only.
    pub ascii: bool,
    /// Mouse capture from the start.
    pub mouse: bool,
    /// All columns from the start.
    pub wide: bool,
    /// No header line.
    pub headless: bool,
    /// Nothing that changes a cluster.
    pub read_only: bool,
    /// Contexts to watch when the command line names none.
    pub contexts: Vec<SmolStr>,
    /// Namespaces to watch when the command line names none.
    pub namespaces: Vec<SmolStr>,
    /// What holds for contexts by their name.
    pub rules: Vec<ContextRule>,
    /// How logs are shown.
    pub logs: LogSettings,
    /// When something becomes a finding.
    pub thresholds: Thresholds,
    /// Which key does what.
    pub keymap: Keymap,
}

impl Config {
    /// The first rule whose pattern fits a context.
    pub fn rule(&self, context: &str) -> Option<&ContextRule> {
        self.rules.iter().find(|rule| matches_pattern(&rule.pattern, context))
    }

    /// Why nothing may be changed on this host, if so.
    pub fn read_only_because(&self, context: &str) -> Option<&'static str> {
        if self.read_only {
            return Some("v9s runs read-only");
        }
        self.rule(context).filter(|rule| rule.read_only).map(|_| "this context is read-only by configuration")
    }

    /// Namespaces to look into on this host when listing all of them is forbidden.
    pub fn fallback_namespaces(&self) -> Vec<SmolStr> {
        let mut all: Vec<SmolStr> =
            self.rules.iter().flat_map(|rule| rule.namespaces.iter().cloned()).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// How logs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// Lines that are kept; older ones are dropped and counted.
    pub keep: usize,
    /// Lines asked for at first.
    pub tail: u32,
    /// Long lines are broken.
    pub wrap: bool,
    /// Times are shown.
    pub timestamps: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { keep: 10_000, tail: 500, wrap: false, timestamps: false }
    }
}

/// One mistake in a file of the person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{}: {reason}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from one, if the mistake has a place.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Reads the file, if there is one; a missing file that nobody asked for is no mistake.
pub fn load(path: &Path, asked_for: bool) -> (Config, Vec<Problem>) {
    match std::fs::read_to_string(path) {
        Ok(text) => read(path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked_for => Default::default(),
        Err(error) => {
            let reason = format!("cannot be read: {error}");
            (Config::default(), vec![Problem { file: path.to_owned(), line: None, reason }])
        }
    }
}
