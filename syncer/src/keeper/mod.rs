//! Holds the volume of a store while the virtual cluster is restored: takes the new store, puts it in the place of the old one, and
//! puts the old one back.
//!
//! It runs in a pod of its own, from the companion's image: images of stores have no shell. What it speaks is
//! [`v9s::store::keeper`].

mod frame;
mod serve;
mod volume;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use v9s::store::keeper::{Kept, PORT};

use volume::Volume;

/// What lies on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    /// kine's SQLite
    Sqlite,
    /// A member of etcd
    Etcd,
}

impl From<Store> for Kept {
    fn from(store: Store) -> Kept {
        match store {
            Store::Sqlite => Kept::Sqlite,
            Store::Etcd => Kept::Etcd,
        }
    }
}

/// Hold the volume of a store that nobody runs on, for a restore
#[derive(Debug, Parser)]
#[command(name = "v9s-syncer keep-store", version)]
pub struct Options {
    /// Which store it is
    #[arg(long, value_enum)]
    store: Store,
    /// Where its volume is mounted
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Port on the loopback interface
    #[arg(long, default_value_t = PORT)]
    port: u16,
}

/// Serves until it is told to end. One after the other: nothing of it may happen at the same time.
///
/// # Errors
/// When the port cannot be had, or the folder is none.
pub fn run(options: &Options) -> Result<()> {
    let volume = Volume::open(&options.folder, options.store.into())
        .with_context(|| format!("cannot use the volume at {}", options.folder.display()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
        .with_context(|| format!("cannot listen on port {} of the loopback interface", options.port))?;
    serve::until_told(&listener, &volume);
    Ok(())
}
