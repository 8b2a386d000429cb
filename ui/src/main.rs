//! v9s
use std::process::ExitCode;

use v9s::cluster::{ConnectOptions, KubeconfigSource};
use v9s_ui::app::runner::source_at_hand;
use v9s_ui::app::world::Session;
use v9s_ui::config::{self, Dirs};
use v9s_ui::dashboard::{self, Start};
use v9s_ui::logging;

fn main() -> anyhow::Result<ExitCode> {
    let dirs = Dirs::of_user()?;
    let (config, problems) = config::load(&dirs.config_file(), false);
    let _log = logging::start(&dirs.state, "info")?;
    dashboard::run(Start {
        source: source_at_hand(KubeconfigSource::Environment),
        connect: ConnectOptions::default(),
        session: Session {
            contexts: config.contexts.clone(),
            all_contexts: false,
            namespaces: config.namespaces.clone(),
        },
        filter: None,
        config,
        problems,
        dirs,
    })
}
