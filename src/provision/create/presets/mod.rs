//! Beginnings for `vcluster.yaml`: those of v9s, and a person's own.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::provision::values::Layer;

/// A beginning that v9s has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// For one person: SQLite on a small volume.
    Dev,
    /// For a run of tests: nothing outlives the pod.
    Ci,
    /// For a team: etcd with three members, quota, limits, network policies, pod security.
    Prod,
}

/// A preset that cannot be used.
#[derive(Debug, Error)]
pub enum PresetError {
    /// There is none of this name.
    #[error("there is no preset {name}: it is one of dev, ci and prod, or a file {place}")]
    Unknown {
        /// Its name.
        name: String,
        /// Where a person's own would be.
        place: PathBuf,
    },
    /// Its file cannot be read.
    #[error("cannot read the preset {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 3] = [Preset::Dev, Preset::Ci, Preset::Prod];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Dev => "dev",
            Preset::Ci => "ci",
            Preset::Prod => "prod",
        }
    }

    /// Its settings, YAML.
    pub fn text(self) -> &'static str {
        match self {
            Preset::Dev => include_str!("dev.yaml"),
            Preset::Ci => include_str!("ci.yaml"),
            Preset::Prod => include_str!("prod.yaml"),
        }
    }

    /// The preset of this name: a person's own `NAME.yaml` in `folder` comes before one of v9s.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn layer(name: &str, folder: &Path) -> Result<Layer, PresetError> {
        let path = folder.join(format!("{name}.yaml"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let own = Preset::ALL.into_iter().find(|preset| preset.name() == name);
                let Some(own) = own else {
                    return Err(PresetError::Unknown { name: name.to_owned(), place: path });
                };
                own.text().to_owned()
            }
            Err(error) => return Err(PresetError::Unreadable { path, error }),
        };
        Ok(Layer { name: format!("preset {name}"), text })
    }
}
