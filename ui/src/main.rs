//! v9s
use std::process::ExitCode;
use std::sync::Arc;

use v9s_ui::app::State;
use v9s_ui::app::event_loop::{self, Ended};
use v9s_ui::app::runner::Runner;
use v9s_ui::app::world::{Session, World};
use v9s_ui::config::Config;
use v9s_ui::screens;
use v9s_ui::terminal::{self, Tui};
use v9s_ui::theme::Theme;

fn main() -> anyhow::Result<ExitCode> {
    terminal::check()?;
    let config = Arc::new(Config::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    terminal::restore_on_panic();
    let mut tui = Tui::enter(config.mouse)?;
    let world = World::new(config, Arc::new(Theme::default()), Session::default(), chrono::Utc::now());
    let state = State::new(world, Box::new(screens::fleet::FleetScreen::new()), screens::REGISTRY);
    let ended = runtime.block_on(event_loop::run(&mut tui, state, Runner::default()))?;
    drop(tui);
    Ok(match ended {
        Ended::Left => ExitCode::SUCCESS,
        Ended::Signal(number) => ExitCode::from(u8::try_from(128 + number).unwrap_or(1)),
    })
}
