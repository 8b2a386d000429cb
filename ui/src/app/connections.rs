//! Ways into virtual clusters that are open: what is known of each.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use v9s::connect::tunnel::{Health, TunnelState};
use v9s::fleet::model::VclusterKey;

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// How a connection leads into its virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// At an address of its own, such as that of a load balancer.
    Straight(SmolStr),
    /// Through a tunnel, which is as good as this.
    Tunnel(TunnelState),
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Which one.
    pub id: ConnectionId,
    /// The virtual cluster.
    pub key: VclusterKey,
    /// URL of its API server from here.
    pub server: SmolStr,
    /// How it leads there.
    pub way: Way,
    /// A kubeconfig for it, which only this person can read.
    pub file: PathBuf,
    /// A kubeconfig of the person's own that it was put into.
    pub merged: Option<PathBuf>,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Connection {
    /// Whether something would get through now.
    pub fn is_ready(&self) -> bool {
        match &self.way {
            Way::Straight(_) => true,
            Way::Tunnel(state) => matches!(state.health, Health::Ready { .. }),
        }
    }

    /// How it is, in words.
    pub fn state(&self) -> String {
        match &self.way {
            Way::Straight(by) => format!("straight, {by}"),
            Way::Tunnel(state) => state.health.to_string(),
        }
    }
}

/// All of them, and a number that grows with every change.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    all: Vec<Connection>,
    revision: u64,
}

impl Connections {
    /// All of them, in the order in which they were opened.
    pub fn all(&self) -> &[Connection] {
        &self.all
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One of them.
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.all.iter().find(|one| one.id == id)
    }

    /// One into this virtual cluster.
    pub fn leading_to(&self, key: &VclusterKey) -> Option<&Connection> {
        self.all.iter().find(|one| one.key == *key)
    }

    /// It is new, or has changed.
    pub fn put(&mut self, connection: Connection) {
        self.revision += 1;
        match self.all.iter_mut().find(|one| one.id == connection.id) {
            Some(known) => *known = connection,
            None => self.all.push(connection),
        }
    }

    /// It is closed.
    pub fn remove(&mut self, id: ConnectionId) {
        self.revision += 1;
        self.all.retain(|one| one.id != id);
    }
}
