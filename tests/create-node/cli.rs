//! The official command line, as it is published: it lists, describes, connects to, pauses and resumes what v9s has made.

use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::watch::Receiver;
use v9s::fleet::live::{FleetOptions, HostTarget, LiveFleet};
use v9s::fleet::model::Fleet;
use v9s::fleet::state::State;
use v9s::lifecycle::Decision;
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s_testkit::kubeconfig;
use v9s_testkit::real::assets::{Assets, Program};

use crate::made::{Made, config, host, makes, volume};

/// Each of its commands.
const PATIENCE: Duration = Duration::from_secs(180);

/// The program with a home of its own.
struct Cli {
    home: tempfile::TempDir,
    program: std::path::PathBuf,
    kubectl: std::path::PathBuf,
}

impl Cli {
    async fn with(kubeconfig: String) -> Result<Cli> {
        let program = tokio::task::spawn_blocking(|| -> Result<_> {
            let program = Program::Vcluster;
            let folder = Assets::of_program(program)?;
            Ok((folder.path(program)?, Assets::find()?.path(Program::Kubectl)?))
        });
        let (program, kubectl) = program.await??;
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), kubeconfig)?;
        // It would tell its makers of every use, and look for a newer one.
        std::fs::create_dir(home.path().join(".vcluster"))?;
        std::fs::write(
            home.path().join(".vcluster/config.json"),
            r#"{"telemetryDisabled": true, "driver": {"type": "helm"}}"#,
        )?;
        Ok(Cli { home, program, kubectl })
    }

    async fn run(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("PATH", self.kubectl.parent().context("no folder")?)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output =
            tokio::time::timeout(PATIENCE, command.output()).await.with_context(|| format!("{args:?}"))??;
        ensure!(
            output.status.success(),
            "{args:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output)
    }

    /// What it lists under a name.
    async fn listed(&self, made: &Made) -> Result<Value> {
        let listed = self.run(&["list", "--output", "json", "-n", &made.request.namespace]).await?;
        let all: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
        let one = all.into_iter().find(|one| one["Name"] == made.request.name.as_str());
        one.context("it is not listed")
    }
}

makes! {
    async fn the_official_command_line_finds_describes_enters_pauses_and_resumes_what_v9s_has_made() -> Result<()> {
        let cluster = tokio::task::spawn_blocking(host).await??;
        let cli = Cli::with(cluster.kubeconfig()).await?;
        volume("theirs", ("team-theirs", "data-theirs-0")).await?;
        let made = Made::make("theirs", &config("")?).await?;
        let namespace = made.request.namespace.as_str();

        let listed = cli.listed(&made).await?;
        assert_eq!((&listed["Status"], &listed["Version"]), (&"Running".into(), &env!("CARGO_PKG_VERSION").into()), "{listed}");
        assert_eq!(listed["Namespace"], namespace);
        let described = cli.run(&["describe", "theirs", "-n", namespace, "-o", "json"]).await?;
        let described: Value = serde_json::from_slice(&described.stdout)?;
        assert_eq!((&described["name"], &described["namespace"]), (&"theirs".into(), &namespace.into()), "{described}");

        // Straight to its Service, which the certificate holds for; and through a port-forward of its own.
        let server = format!("https://{}", crate::life::address(&made).await?);
        let printed = cli.run(&["connect", "theirs", "-n", namespace, "--print", "--server", &server]).await?;
        let printed = kubeconfig::client(std::str::from_utf8(&printed.stdout)?).await?;
        assert!(Api::<Namespace>::all(printed).get_opt("kube-system").await?.is_some());
        let kubectl = cli.kubectl.display().to_string();
        let inside = ["--", kubectl.as_str(), "create", "namespace", "by-the-official-one"];
        let connect = ["connect", "theirs", "-n", namespace, "--background-proxy=false"];
        let connect: Vec<&str> = connect.into_iter().chain(inside).collect();
        cli.run(&connect).await?;
        let namespaces: Api<Namespace> = Api::all(made.inside().await?);
        assert!(namespaces.get_opt("by-the-official-one").await?.is_some());

        let fleet = LiveFleet::start(vec![HostTarget::of_cluster(made.host.clone())], FleetOptions::default());
        let mut seen = fleet.subscribe();
        shows(&mut seen, &made, State::Running).await?;
        cli.run(&["pause", "theirs", "-n", namespace]).await?;
        assert_eq!(cli.listed(&made).await?["Status"], "Paused");
        shows(&mut seen, &made, State::Paused).await?;
        let target = v9s::target::find(&made.host, Some(namespace), "theirs").await?;
        let Decision::Do(_) = resume::plan(&target, &ResumeOptions::default()) else {
            panic!("v9s would resume it, too: {target:?}")
        };
        cli.run(&["resume", "theirs", "-n", namespace]).await?;
        crate::made::carry_out(&made.host, &made.request).await?;
        assert_eq!(cli.listed(&made).await?["Status"], "Running");
        shows(&mut seen, &made, State::Running).await?;
        let namespaces: Api<Namespace> = Api::all(made.inside().await?);
        assert!(namespaces.get_opt("by-the-official-one").await?.is_some(), "what is stored stays");

        // And the other way round.
        crate::life::paused(&made).await?;
        assert_eq!(cli.listed(&made).await?["Status"], "Paused");
        crate::life::resumed(&made).await?;
        assert_eq!(cli.listed(&made).await?["Status"], "Running");
        Ok(())
    }
}

/// Waits until the dashboard's table has it so.
async fn shows(seen: &mut Receiver<Arc<Fleet>>, made: &Made, state: State) -> Result<()> {
    let name = made.request.name.as_str();
    let so =
        |fleet: &Arc<Fleet>| fleet.vclusters.iter().any(|one| one.key.name == name && one.state == state);
    let waited = tokio::time::timeout(PATIENCE, seen.wait_for(so)).await;
    waited.with_context(|| format!("v9s does not show {state:?}"))??;
    Ok(())
}
