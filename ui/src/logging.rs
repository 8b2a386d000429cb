//! The log of v9s itself: rotating files in the state directory, never the screen.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

use crate::config::Problem;

/// Environment variable with a filter that wins over `--log-level`, such as `v9s=debug,kube_client=info`.
pub const FILTER_VARIABLE: &str = "V9S_LOG";

/// How many daily files are kept.
const KEPT: usize = 7;
/// Lines that may wait for a slow disk. The room is taken at the start, before the first frame.
const WAITING_LINES: usize = 4096;

/// The running log. Dropping it writes what is left.
pub struct Log {
    /// The folder of the files.
    pub folder: PathBuf,
    _worker: WorkerGuard,
}

/// The filter that is used: the variable if it is set and readable, else the level for v9s.
///
/// The HTTP layer logs whole requests below `error`; they may hold what nobody should find in a file.
pub fn filter(level: &str, variable: Option<&str>) -> EnvFilter {
    let default = || {
        EnvFilter::new(format!(
            "warn,v9s={level},v9s_ui={level},v9s_sandbox={level},kube_client=error,kube_runtime=error"
        ))
    };
    match variable.filter(|text| !text.trim().is_empty()) {
        Some(text) => EnvFilter::try_new(text).unwrap_or_else(|_| default()),
        None => default(),
    }
}

/// Starts the log in `STATE/logs`.
pub fn start(state_dir: &Path, level: &str) -> anyhow::Result<Log> {
    let folder = state_dir.join("logs");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the log folder {}", folder.display()))?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("v9s")
        .filename_suffix("log")
        .max_log_files(KEPT)
        .build(&folder)
        .with_context(|| format!("cannot write logs in {}", folder.display()))?;
    let (writer, worker) = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).finish(files);
    tracing_subscriber::fmt()
        .with_env_filter(filter(level, std::env::var(FILTER_VARIABLE).ok().as_deref()))
        .with_ansi(false)
        .with_writer(writer)
        .try_init()
        .map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    Ok(Log { folder, _worker: worker })
}

/// A log that cannot be written is no reason not to start: the person is told.
pub fn problem(state_dir: &Path, error: &anyhow::Error) -> Problem {
    Problem { file: state_dir.join("logs"), line: None, reason: format!("v9s runs without a log: {error:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_layer_stays_quiet_unless_asked_for_by_name() {
        assert!(filter("debug", None).to_string().contains("kube_client=error"));
        assert_eq!(filter("info", Some("kube_client=trace")).to_string(), "kube_client=trace");
    }

    #[test]
    fn an_unreadable_filter_falls_back_to_the_level() {
        assert!(filter("info", Some("=====")).to_string().contains("v9s=info"));
        assert!(filter("info", Some(" ")).to_string().contains("v9s=info"));
    }
}
