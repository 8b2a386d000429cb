//! Files in the state directory: saved texts and the history of commands.

use std::path::PathBuf;

use smol_str::SmolStr;
use tokio::io::AsyncWriteExt;

use crate::app::habits::Habits;
use crate::app::messages::Level;

/// Most commands kept.
const KEPT: usize = 500;

/// Writes a text to a new file and says where it is.
pub async fn save(folder: PathBuf, name: String, text: String) -> Option<(Level, String)> {
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let path = folder.join(format!("{stamp}-{safe}"));
    let written = async {
        tokio::fs::create_dir_all(&folder).await?;
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        // Logs and configurations are nobody else's business.
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&path).await?;
        file.write_all(text.as_bytes()).await?;
        file.flush().await
    };
    Some(match written.await {
        Ok(()) => (Level::Info, format!("saved as {}", path.display())),
        Err(error) => (Level::Error, format!("cannot save as {}: {error}", path.display())),
    })
}

/// A person's own presets by name, with their texts. What cannot be read is none.
pub async fn presets(folder: PathBuf) -> Vec<(SmolStr, String)> {
    let mut presets = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir(&folder).await else { return presets };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let path = entry.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).map(SmolStr::from);
        let yaml = path.extension().is_some_and(|ending| ending == "yaml");
        if let (Some(name), true) = (name, yaml)
            && let Ok(text) = tokio::fs::read_to_string(&path).await
        {
            presets.push((name, text));
        }
    }
    presets.sort();
    presets
}

/// Adds a command to the history. A history that cannot be written is nobody's trouble.
pub async fn remember(path: PathBuf, line: String) -> Option<(Level, String)> {
    let written = async {
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let before = tokio::fs::read_to_string(&path).await.unwrap_or_default();
        let kept = with_line(&before, &line);
        // Written aside and moved: two v9s at once lose a line at most, never the file.
        let aside = path.with_extension(format!("{}", std::process::id()));
        tokio::fs::write(&aside, kept).await?;
        tokio::fs::rename(&aside, &path).await
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, path = %path.display(), "cannot write the history");
    }
    None
}

/// Keeps what was answered beside what was before. What cannot be kept is asked for again, which is nobody's trouble.
pub async fn keep(path: PathBuf, now: Habits) -> Option<(Level, String)> {
    let written = async {
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let before = tokio::fs::read(&path).await.unwrap_or_default();
        let before: Habits = serde_json::from_slice(&before).unwrap_or_default();
        let text = serde_json::to_vec_pretty(&before.with(&now))?;
        let aside = path.with_extension(format!("{}", std::process::id()));
        tokio::fs::write(&aside, text).await?;
        tokio::fs::rename(&aside, &path).await
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, path = %path.display(), "cannot keep what was answered");
    }
    None
}

/// The history with one more line; a line that was there moves to the end.
fn with_line(before: &str, line: &str) -> String {
    let mut lines: Vec<&str> = before.lines().filter(|old| !old.trim().is_empty() && *old != line).collect();
    lines.push(line);
    let skip = lines.len().saturating_sub(KEPT);
    let mut text = lines.split_off(skip).join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_has_each_command_once_and_the_newest_last() {
        assert_eq!(with_line("a\nb\n", "a"), "b\na\n");
        assert_eq!(with_line("", "a"), "a\n");
        let long: String = (0..2 * KEPT).map(|n| format!("{n}\n")).collect();
        assert_eq!(with_line(&long, "x").lines().count(), KEPT);
    }

    #[tokio::test]
    async fn a_saved_text_is_a_new_file_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let (level, said) =
            save(folder.path().join("saved"), "team a/logs.txt".into(), "x\n".into()).await.unwrap();
        assert_eq!(level, Level::Info, "{said}");
        let path = PathBuf::from(said.strip_prefix("saved as ").unwrap());
        assert!(path.to_string_lossy().ends_with("-team_a_logs.txt"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
