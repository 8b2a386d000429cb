//! Other programs in the foreground: the shell after ctrl-z, the person's editor.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Stops this process and its group as ctrl-z in a shell would; returns when it runs again.
///
/// The terminal must have been given back. Where no shell does job control the kernel ignores the signal and
/// this returns at once.
#[cfg(unix)]
pub fn stop_until_continued() -> io::Result<()> {
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    Ok(())
}

/// There is no job control here: nothing happens.
#[cfg(not(unix))]
pub fn stop_until_continued() -> io::Result<()> {
    Ok(())
}

/// Opens a file in the person's editor (`VISUAL`, `EDITOR`, else `vi`) and waits for its end.
///
/// The terminal must have been given back and nobody else may read from it. The variable may hold arguments, as
/// git reads it: the shell splits it.
pub async fn run_editor(file: &Path) -> io::Result<ExitStatus> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    tokio::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(&editor)
        .arg(file)
        .status()
        .await
}

/// Writes a text to a new file that only this person can read, with an ending the editor knows.
pub fn write_private(name: &str, text: &str) -> io::Result<PathBuf> {
    use std::io::Write;
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let path = std::env::temp_dir().join(format!("v9s-{}-{safe}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path)?.write_all(text.as_bytes())?;
    Ok(path)
}
