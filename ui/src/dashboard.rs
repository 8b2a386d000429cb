//! Starts the dashboard: first the terminal and one frame, then everything that may take its time.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use v9s::audit::AuditLog;
use v9s::fleet::live::FleetOptions;

use crate::app::State;
use crate::app::event_loop::{self, Ended};
use crate::app::messages::Level;
use crate::app::runner::{Clusters, Runner, Setup, Source};
use crate::app::world::World;
use crate::config::{self, Dirs};
use crate::screens::{self, fleet::FleetScreen};
use crate::settings::Settings;
use crate::terminal::{self, Tui};
use crate::theme::{Appearance, Depth};

/// Threads for clusters, at most; keys and frames have the main thread for themselves.
const WORKERS: usize = 2;

/// How long files that are being written are waited for in the end.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Runs the dashboard until the person leaves. Contexts come from `source`, which is asked after the first frame;
/// `filter` is typed into the fleet's filter already.
pub fn run(settings: Settings, source: Source, filter: Option<&str>) -> anyhow::Result<ExitCode> {
    terminal::check()?;
    terminal::restore_on_panic();
    let Settings { connect, session, config, mut problems, dirs, .. } = settings;
    let depth = Depth::detect(|name| std::env::var(name).ok());
    let appearance = Appearance { depth, ascii: config.ascii };
    let (theme, theme_source, mistakes) =
        config::load_theme(config.theme.as_deref(), &dirs.themes(), appearance);
    problems.extend(mistakes);

    let (fallback_namespaces, thresholds) = (config.fallback_namespaces(), config.thresholds.clone());
    let mut world = World::new(Arc::new(config), Arc::new(theme), session, Utc::now());
    world.history = history(&dirs);
    for problem in &problems {
        world.messages.add(Level::Error, problem.to_string(), world.now);
    }
    let mut fleet = FleetScreen::new();
    if let Some(filter) = filter {
        fleet.set_filter(filter);
    }
    let mut tui = Tui::enter(world.mouse)?;
    let mut state = State::new(world, Box::new(fleet), screens::REGISTRY);
    state.resize_to(tui.size()?);
    // The first frame needs no runtime, no kubeconfig and no cluster.
    tui.draw(|frame| state.draw(frame)).context("cannot paint")?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .on_thread_start(stand_back)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let setup = Setup {
        clusters: Clusters::new(source, connect, AuditLog::at(dirs.audit())),
        dirs,
        theme: theme_source,
        appearance,
        fleet: FleetOptions { fallback_namespaces, thresholds, ..FleetOptions::default() },
    };
    let ended = runtime.block_on(async {
        let runner = Runner::new(setup);
        let (connections, files) = (runner.connections(), runner.files());
        let ended = event_loop::run(&mut tui, state, runner).await;
        // A context that leads through a tunnel of this process leads nowhere from now on.
        connections.close_all();
        // A disk that hangs keeps the shell waiting no longer than this.
        files.close();
        let _ = tokio::time::timeout(LAST_WRITES, files.wait()).await;
        ended
    });
    drop(tui);
    // A plugin or a lookup that hangs must not keep the shell waiting.
    runtime.shutdown_background();
    Ok(match ended? {
        Ended::Left => ExitCode::SUCCESS,
        Ended::Signal(number) => ExitCode::from(u8::try_from(128 + number).unwrap_or(1)),
    })
}

/// One processor is left to keys and frames: a process that has used up its share of all of them waits for its turn, the thread
/// that paints as well.
fn workers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    processors.saturating_sub(1).clamp(1, WORKERS)
}

/// Lets keys and frames go before the reading of lists where cores are few. A priority belongs to a thread on Linux only;
/// elsewhere, and where it is refused, everything is as prompt as the system makes it.
fn stand_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 5);
}

/// Commands of earlier runs; none when they cannot be read.
fn history(dirs: &Dirs) -> Vec<String> {
    let text = std::fs::read_to_string(dirs.history()).unwrap_or_default();
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}
