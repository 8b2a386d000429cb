//! Where files live: the XDG folders on every system, as for other terminal tools.

use std::path::PathBuf;

use anyhow::Context;
use etcetera::base_strategy::{BaseStrategy, Xdg};

/// The folders of v9s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// What the person writes and v9s only reads: `config.toml`, `themes/`.
    pub config: PathBuf,
    /// What v9s writes: logs, history, the audit log.
    pub state: PathBuf,
}

impl Dirs {
    /// Reads the environment: `XDG_CONFIG_HOME` and `XDG_STATE_HOME`, else the folders below the home.
    pub fn of_user() -> anyhow::Result<Self> {
        let base = Xdg::new()
            .context("cannot tell the home folder: set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME")?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir()).join("v9s");
        Ok(Self { config: base.config_dir().join("v9s"), state })
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The person's own themes, `NAME.toml`.
    pub fn themes(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// The person's own beginnings for `v9s create`, `NAME.yaml`.
    pub fn presets(&self) -> PathBuf {
        self.config.join("presets")
    }

    /// Commands typed earlier, one per line.
    pub fn history(&self) -> PathBuf {
        self.state.join("history")
    }

    /// What was answered last in forms of the dashboard.
    pub fn habits(&self) -> PathBuf {
        self.state.join("habits.json")
    }

    /// One line for every change that v9s makes.
    pub fn audit(&self) -> PathBuf {
        self.state.join("audit.jsonl")
    }

    /// Where backups go unless another place is named.
    pub fn backups(&self) -> PathBuf {
        self.state.join("backups")
    }

    /// Where stores are made of backups before they are sent to their host; each for the time of its restore.
    pub fn restores(&self) -> PathBuf {
        self.state.join("restores")
    }

    /// Where texts are saved: logs, YAML.
    pub fn saved(&self) -> PathBuf {
        self.state.join("saved")
    }
}
