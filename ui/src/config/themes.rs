//! Which theme file is meant, and reading it again when it changes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Problem;
use crate::theme::{self, Appearance, Theme};

/// Where a theme comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThemeSource {
    /// It comes with v9s.
    Builtin(String),
    /// A file of the person, read again when it changes.
    File {
        /// The file.
        path: PathBuf,
        /// When it was last changed, as far as the file system tells.
        changed: Option<SystemTime>,
    },
}

/// Loads a theme by name or path. A file in the person's theme folder wins over a theme of the same name that
/// comes with v9s. Mistakes are reported, and what can be used is used.
pub fn load_theme(
    name: Option<&str>,
    folder: &Path,
    appearance: Appearance,
) -> (Theme, ThemeSource, Vec<Problem>) {
    let name = name.unwrap_or(theme::DEFAULT);
    let path =
        if name.ends_with(".toml") { PathBuf::from(name) } else { folder.join(format!("{name}.toml")) };
    match std::fs::read_to_string(&path) {
        Ok(text) => from_file(name, path, &text, appearance),
        Err(error) => match Theme::builtin(name, appearance) {
            Some(theme) => (theme, ThemeSource::Builtin(name.to_owned()), Vec::new()),
            None => {
                let known: Vec<&str> = theme::BUILTIN.iter().map(|builtin| builtin.name).collect();
                let reason = format!("theme {name:?} cannot be read: {error}; v9s has {}", known.join(", "));
                let problem = Problem { file: path, line: None, reason };
                (Theme::terminal(appearance), ThemeSource::Builtin(theme::DEFAULT.to_owned()), vec![problem])
            }
        },
    }
}

fn from_file(
    name: &str,
    path: PathBuf,
    text: &str,
    appearance: Appearance,
) -> (Theme, ThemeSource, Vec<Problem>) {
    let changed = changed(&path);
    let shown = path.display().to_string();
    let (theme, problems) =
        theme::parse(name, &shown, text, appearance, |base| Theme::builtin(base, appearance));
    let problems = problems
        .into_iter()
        .map(|problem| Problem {
            file: path.clone(),
            line: Some(problem.line),
            reason: problem.reason.to_string(),
        })
        .collect();
    (theme, ThemeSource::File { path, changed }, problems)
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

impl ThemeSource {
    /// Reads the theme again if its file has changed since.
    pub fn reload(&self, appearance: Appearance) -> Option<(Theme, ThemeSource, Vec<Problem>)> {
        let ThemeSource::File { path, changed: before } = self else { return None };
        if changed(path) == *before {
            return None;
        }
        let text = std::fs::read_to_string(path).ok()?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Some(from_file(&name, path.clone(), &text, appearance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Slot;
    use ratatui::style::Color;

    #[test]
    fn a_file_of_the_person_wins_over_a_theme_of_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("terminal.toml"), "[theme]\nerr = \"#112233\"\n").unwrap();
        let (theme, source, problems) = load_theme(None, folder.path(), Appearance::default());
        assert_eq!(problems, []);
        assert!(matches!(source, ThemeSource::File { .. }));
        assert_eq!(theme.style(Slot::Err).fg, Some(Color::Rgb(0x11, 0x22, 0x33)));
    }

    #[test]
    fn a_theme_that_is_nowhere_is_reported_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let (theme, _, problems) = load_theme(Some("nowhere"), folder.path(), Appearance::default());
        assert_eq!(theme.name(), theme::DEFAULT);
        assert!(problems[0].to_string().contains(theme::DEFAULT), "{problems:?}");
    }

    #[test]
    fn a_changed_file_is_read_again_and_an_unchanged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "[theme]\nerr = \"#112233\"\n").unwrap();
        let (_, source, _) = load_theme(Some("mine"), folder.path(), Appearance::default());
        assert!(source.reload(Appearance::default()).is_none());

        std::fs::write(&path, "[theme]\nerr = \"#445566\"\n").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let (theme, _, problems) = source.reload(Appearance::default()).unwrap();
        assert_eq!(problems, []);
        assert_eq!(theme.style(Slot::Err).fg, Some(Color::Rgb(0x44, 0x55, 0x66)));
    }
}
