//! Starts an embedded host, prints its kubeconfig and runs until interrupted.

use std::io::Write as _;
use v9s_sandbox::{Options, Sandbox, controllers};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map(|port| port.parse()).transpose()?;
    let sandbox = Sandbox::start(Options {
        port,
        controllers: Some(controllers::Options::default()),
        ..Options::default()
    })
    .await?;
    std::io::stdout().write_all(sandbox.kubeconfig().as_bytes())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
