//! Programs that end when the test process ends, however it ends.
//!
//! The parent-death signal needs unsafe code and follows the *thread* that spawned, which for a test is short-lived.
//! Here a small shell watches a pipe instead: the test process tells it each program it started, the kernel closes
//! the pipe when the process is gone, and the shell then ends those programs and removes their folder.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Reads "pid path" lines until the pipe closes. A pid is signalled only while it still runs that path; the test
/// process reaps a program after this script is done with it, so its pid cannot belong to anybody else before.
const WATCH: &str = r#"
folder=$1
started=
while read -r pid path; do started="$pid:$path
$started"; done
running() { [ "$(readlink "/proc/$1/exe" 2>/dev/null || ps -o comm= -p "$1" 2>/dev/null)" = "$2" ]; }
printf %s "$started" | while IFS=: read -r pid path; do
  running "$pid" "$path" && kill -KILL "$pid"
done
rm -rf "$folder"
"#;

/// Ends the programs that were started through it, and removes the folder, when dropped or when this process dies.
#[derive(Debug)]
pub struct Guard {
    watcher: Child,
    pipe: Option<ChildStdin>,
    folder: PathBuf,
}

impl Guard {
    /// Takes over the folder: the watcher removes it.
    pub fn start(folder: TempDir) -> Result<Self> {
        let mut watcher = Command::new("sh")
            .args(["-c", WATCH, "v9s-test-guard"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // An interrupt from the terminal is for the tests; the watcher must outlive it.
            .process_group(0)
            .spawn()
            .context("starting the shell that watches over test programs")?;
        let pipe = watcher.stdin.take();
        Ok(Self { watcher, pipe, folder: folder.keep() })
    }

    /// Where the programs keep their data and logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program whose output goes to a log file in the folder. The command names it by its whole path, or by
    /// way of a shell that becomes it.
    pub fn spawn(&mut self, path: &Path, command: &mut Command) -> Result<Running> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let running = Running::start(&name, command, &self.folder)?;
        if let Some(pipe) = &mut self.pipe {
            writeln!(pipe, "{} {}", running.pid(), path.display()).context("telling the watcher")?;
        }
        Ok(running)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // The shell only kills and removes; there is nothing to do about a failure here.
        let _ = self.watcher.wait();
    }
}

/// A program that something else ends, such as a [`Guard`]. Dropping it after that reaps it.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it in a process group of its own, with its output in `NAME.log` of a folder.
    ///
    /// # Errors
    /// When the log cannot be written or the program cannot be started.
    pub fn start(name: &str, command: &mut Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the last log lines when the program has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(Some(status)) => bail!("{} ended with {status}\n{}", self.name, self.last_lines()),
            Ok(None) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("looking after {}", self.name)),
        }
    }

    /// The end of its log, for people.
    pub fn last_lines(&self) -> String {
        const KEEP: usize = 20;
        let lines: Vec<String> = fs::File::open(&self.log)
            .map(|file| BufReader::new(file).lines().map_while(Result::ok).collect())
            .unwrap_or_default();
        let tail = lines.get(lines.len().saturating_sub(KEEP)..).unwrap_or_default();
        format!("last lines of {}:\n{}", self.name, tail.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.wait();
    }
}
