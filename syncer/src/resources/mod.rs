//! The kinds that are mirrored: one file each, and one line in the registry.

mod config_maps;
mod content;
mod life;
mod namespaces;
mod nodes;
mod pods;
mod secrets;
#[cfg(test)]
mod testing;
mod tokens;

use std::sync::Arc;

use crate::engine::Registered;
use crate::engine::mirror::Mirror;

pub use life::HostDeletion;

/// All kinds that are on, in the order in which they are looked at.
pub fn registry() -> Vec<Registered> {
    let recreate = HostDeletion::Recreate;
    let kinds: Vec<(&str, Arc<dyn Mirror>)> = vec![
        ("namespaces", Arc::new(namespaces::Namespaces)),
        ("configmaps", Arc::new(config_maps::ConfigMaps { all: false, host_deletion: recreate })),
        ("secrets", Arc::new(secrets::Secrets { all: false, host_deletion: recreate })),
        ("nodes", Arc::new(nodes::Nodes)),
        ("pods", Arc::new(pods::Pods)),
        ("tokens", Arc::new(tokens::Tokens)),
    ];
    kinds.into_iter().map(|(name, mirror)| Registered { name: name.into(), mirror }).collect()
}
