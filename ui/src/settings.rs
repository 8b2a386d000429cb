//! What holds for this run: the command line over the configuration file over the defaults.

use std::path::PathBuf;

use smol_str::SmolStr;
use v9s::cluster::{ConnectOptions, KubeconfigSource};

use crate::app::world::Session;
use crate::cli::{ConnectArgs, GlobalArgs, ScopeArgs};
use crate::config::{self, Config, Dirs, Problem};

/// What holds for this run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration with what the command line says instead.
    pub config: Config,
    /// What is wrong with the configuration file; no reason not to start.
    pub problems: Vec<Problem>,
    /// Folders of files that are read and written.
    pub dirs: Dirs,
    /// Where contexts come from.
    pub kubeconfig: KubeconfigSource,
    /// How to connect.
    pub connect: ConnectOptions,
    /// What to watch.
    pub session: Session,
}

impl Settings {
    /// Reads the configuration file and lays the command line over it.
    pub fn resolve(args: &GlobalArgs) -> anyhow::Result<Self> {
        let dirs = Dirs::of_user()?;
        let (config, problems) = match &args.config {
            Some(path) => config::load(path, true),
            None => config::load(&dirs.config_file(), false),
        };
        Ok(Self::over(config, problems, dirs, args))
    }

    fn over(mut config: Config, problems: Vec<Problem>, dirs: Dirs, args: &GlobalArgs) -> Self {
        config.read_only |= args.read_only;
        config.ascii |= args.ascii;
        if args.theme.is_some() {
            config.theme.clone_from(&args.theme);
        }
        let session = session(&config, &args.connect, &args.scope);
        let defaults = ConnectOptions::default();
        let connect = ConnectOptions {
            impersonate: args.connect.impersonate.clone(),
            impersonate_groups: args.connect.impersonate_groups.clone(),
            request_timeout: args.connect.request_timeout.unwrap_or(defaults.request_timeout),
            ..defaults
        };
        let kubeconfig = match &args.connect.kubeconfig {
            Some(path) => KubeconfigSource::File(PathBuf::clone(path)),
            None => KubeconfigSource::Environment,
        };
        Self { config, problems, dirs, kubeconfig, connect, session }
    }
}

fn session(config: &Config, connect: &ConnectArgs, scope: &ScopeArgs) -> Session {
    let or = |wanted: &[SmolStr], else_: &[SmolStr]| {
        if wanted.is_empty() { else_.to_vec() } else { wanted.to_vec() }
    };
    Session {
        contexts: or(&connect.context, &config.contexts),
        all_contexts: connect.all_contexts,
        namespaces: if scope.all_namespaces { Vec::new() } else { or(&scope.namespace, &config.namespaces) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;
    use std::time::Duration;

    fn settings(config: Config, line: &str) -> Settings {
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let dirs = Dirs { config: "c".into(), state: "s".into() };
        Settings::over(config, Vec::new(), dirs, &cli.global)
    }

    fn configured() -> Config {
        Config { contexts: vec!["eu".into()], namespaces: vec!["team-a".into()], ..Config::default() }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let plain = settings(configured(), "v9s");
        assert_eq!(
            (plain.session.contexts, plain.session.namespaces),
            (vec!["eu".into()], vec!["team-a".into()])
        );
        let other = settings(configured(), "v9s --context us,asia -n team-b --theme dark");
        assert_eq!(other.session.contexts, ["us", "asia"]);
        assert_eq!(other.session.namespaces, ["team-b"]);
        assert_eq!(other.config.theme.as_deref(), Some("dark"));
        assert_eq!(settings(configured(), "v9s -A").session.namespaces, Vec::<String>::new());
        assert!(settings(configured(), "v9s --all-contexts").session.all_contexts);
    }

    #[test]
    fn read_only_of_the_file_cannot_be_lifted_by_leaving_the_flag_out() {
        let config = Config { read_only: true, ..Config::default() };
        assert!(settings(config, "v9s").config.read_only);
        assert!(settings(Config::default(), "v9s --read-only").config.read_only);
    }

    #[test]
    fn how_to_connect_is_what_kubectl_users_know() {
        let line = "v9s --kubeconfig k --as jane --as-group ops --as-group dev --request-timeout 5s";
        let Settings { kubeconfig, connect, .. } = settings(Config::default(), line);
        assert_eq!(kubeconfig, KubeconfigSource::File("k".into()));
        assert_eq!(connect.impersonate.as_deref(), Some("jane"));
        assert_eq!(connect.impersonate_groups, ["ops", "dev"]);
        assert_eq!(connect.request_timeout, Duration::from_secs(5));
        assert!(!connect.interactive, "nothing may ask on a terminal that is painted on");
    }
}
