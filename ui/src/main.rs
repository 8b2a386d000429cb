//! v9s: the dashboard and its subcommands.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use v9s_ui::app::runner::source_at_hand;
use v9s_ui::cli::{self, Cli, Command, Exit};
use v9s_ui::settings::Settings;
use v9s_ui::{dashboard, demo, logging};

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        // Standard error may be closed; there is nobody to tell then.
        let _ = writeln!(std::io::stderr(), "v9s: {error:#}");
        Exit::Error.into()
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let Cli { global, command } = Cli::parse();
    match &command {
        Some(Command::Completion { shell }) => return Ok(cli::completion(*shell)?.into()),
        Some(Command::Version) => return Ok(cli::version()?.into()),
        _ => {}
    }
    let mut settings = Settings::resolve(&global)?;
    let log = logging::start(&settings.dirs.state, global.log_level.word());
    if let Err(error) = &log {
        settings.problems.push(logging::problem(&settings.dirs.state, error));
    }
    let selector = global.scope.selector.as_ref();
    match command {
        Some(Command::List(args)) => Ok(cli::run_list(settings, &args, selector)?.into()),
        Some(Command::Check(args)) => Ok(cli::run_check(settings, &args, selector)?.into()),
        Some(Command::Export(args)) => Ok(cli::run_export(&settings, &args)?.into()),
        Some(Command::Create(args)) => cli::run_create(settings, &global, &args),
        Some(Command::Connect(args)) => cli::verbs::connect::run(&settings, &args),
        Some(Command::Disconnect(args)) => Ok(cli::verbs::disconnect::run(&settings, &args)?.into()),
        Some(Command::Kubeconfig(args)) => Ok(cli::verbs::kubeconfig::run(&settings, &args)?.into()),
        Some(Command::Pause(args)) => Ok(cli::verbs::pause::run(&settings, &args)?.into()),
        Some(Command::Resume(args)) => Ok(cli::verbs::resume::run(&settings, &args)?.into()),
        Some(Command::Restart(args)) => Ok(cli::verbs::restart::run(&settings, &args)?.into()),
        Some(Command::Observe(args)) => Ok(cli::verbs::observe::run(&settings, &args)?.into()),
        Some(Command::Protect(args)) => Ok(cli::verbs::protect::run(&settings, &args)?.into()),
        Some(Command::Certs(args)) => Ok(cli::verbs::certs::run(&settings, &args)?.into()),
        Some(Command::Edit(args)) => Ok(cli::verbs::edit::run(&settings, &args)?.into()),
        Some(Command::Quota(args)) => Ok(cli::verbs::quota::run(&settings, &args)?.into()),
        Some(Command::Extend(args)) => Ok(cli::verbs::extend::run(&settings, &args)?.into()),
        Some(Command::Reap(args)) => Ok(cli::verbs::reap::run(&settings, &args)?.into()),
        Some(Command::Delete(args)) => Ok(cli::verbs::delete::run(&settings, &args)?.into()),
        Some(Command::Store(args)) => Ok(cli::verbs::store::run(&settings, &args)?.into()),
        Some(Command::Backup(args)) => Ok(cli::verbs::backup::run(&settings, &global, &args)?.into()),
        Some(Command::Recover(args)) => Ok(cli::verbs::recover::run(&settings, &args)?.into()),
        Some(Command::Restore(args)) => Ok(cli::verbs::restore::run(&settings, &args)?.into()),
        Some(Command::Verify(args)) => Ok(cli::verbs::verify::run(&settings, &args)?.into()),
        Some(Command::Explain(args)) => Ok(cli::verbs::explain::run(&settings, &args)?.into()),
        Some(Command::Probe(args)) => Ok(cli::verbs::probe::run(&settings, &args)?.into()),
        Some(Command::Gc(args)) => Ok(cli::verbs::gc::run(&settings, &global, &args)?.into()),
        Some(Command::Demo(args)) => demo::command::demo(settings, &global, &args),
        Some(Command::Sandbox(args)) => demo::command::sandbox(&args),
        Some(Command::Completion { .. } | Command::Version) | None => {
            let source = source_at_hand(settings.kubeconfig.clone());
            let filter = selector.map(|selector| format!("-l {selector}"));
            dashboard::run(settings, source, filter.as_deref())
        }
    }
}
