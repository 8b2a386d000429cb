//! What verbs work with: clusters, and the ways into virtual clusters that stay open.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use v9s::connect::kubeconfig::{Change, Document, Entry, Written, change, default_path};
use v9s::connect::tunnel::Tunnel;
use v9s::connect::{Connected, Reached};
use v9s::fleet::model::VclusterKey;

use super::Clusters;
use crate::app::connections::{Connection, ConnectionId, Way};
use crate::app::msg::Msg;
use crate::cli::verbs::disconnect::leave;
use crate::cli::verbs::session::{Seat, own_shell};

/// What a verb works with. Cheap to clone.
#[derive(Clone)]
pub struct Hands {
    /// How hosts are reached.
    pub clusters: Clusters,
    /// Ways into virtual clusters.
    pub open: Open,
}

/// Ways into virtual clusters that stay open until they are closed. Cheap to clone.
#[derive(Clone)]
pub struct Open {
    held: Arc<Mutex<Held>>,
    to: mpsc::UnboundedSender<Msg>,
}

#[derive(Default)]
struct Held {
    next: u64,
    all: BTreeMap<ConnectionId, One>,
}

struct One {
    known: Connection,
    entry: Entry,
    seat: Seat,
    /// The tunnel, and who follows it; nothing where there is a straight way.
    _tunnel: Option<(Tunnel, AbortOnDropHandle<()>)>,
}

impl Open {
    /// None is open yet.
    pub fn new(to: mpsc::UnboundedSender<Msg>) -> Self {
        Open { held: Arc::default(), to }
    }

    /// Keeps a way open, with a kubeconfig of its own.
    ///
    /// # Errors
    /// When that kubeconfig cannot be written.
    pub fn hold(&self, key: VclusterKey, connected: Connected) -> Result<Connection, String> {
        let Connected { entry, reached, .. } = connected;
        let seat = Seat::new(&entry).map_err(|error| format!("{error:#}"))?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let id = ConnectionId(held.next);
        held.next += 1;
        let (way, tunnel) = match reached {
            Reached::Straight(by) => (Way::Straight(by.to_string().into()), None),
            Reached::Tunnel(tunnel) => (Way::Tunnel(tunnel.state().borrow().clone()), Some(tunnel)),
        };
        let known = Connection {
            id,
            key,
            server: entry.server.as_str().into(),
            way,
            file: seat.kubeconfig(),
            merged: None,
            since: Utc::now(),
        };
        let tunnel = tunnel.map(|tunnel| {
            let follower = self.follow(id, &tunnel);
            (tunnel, follower)
        });
        held.all.insert(id, One { known: known.clone(), entry, seat, _tunnel: tunnel });
        drop(held);
        self.tell(Msg::Connection(Box::new(known.clone())));
        Ok(known)
    }

    /// Tells how a tunnel is doing, as long as it is held.
    fn follow(&self, id: ConnectionId, tunnel: &Tunnel) -> AbortOnDropHandle<()> {
        let (mut states, open) = (tunnel.state(), self.clone());
        AbortOnDropHandle::new(tokio::spawn(async move {
            while states.changed().await.is_ok() {
                let state = states.borrow_and_update().clone();
                open.change(id, |known| known.way = Way::Tunnel(state));
            }
        }))
    }

    fn change(&self, id: ConnectionId, change: impl FnOnce(&mut Connection)) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = held.all.get_mut(&id) {
            change(&mut one.known);
            let known = one.known.clone();
            drop(held);
            self.tell(Msg::Connection(Box::new(known)));
        }
    }

    fn tell(&self, msg: Msg) {
        // Nobody listens any more only when v9s ends.
        let _ = self.to.send(msg);
    }

    /// Puts the context of a connection into the person's own kubeconfig and makes it the current one. Blocks for the disk.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be changed.
    pub fn merge(&self, id: ConnectionId) -> Result<Merged, String> {
        let path = own_file().ok_or("there is no home folder in which a kubeconfig could be")?;
        let mut entry = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.all.get(&id).ok_or("it is closed already")?.entry.clone()
        };
        let written = change(&path, |document| {
            if let Some(origin) = &mut entry.origin {
                let current = document.current().filter(|current| *current != entry.name);
                origin.previous = current.map(SmolStr::from);
            }
            document.with(&Change::put(&entry, true))
        });
        let backup = match written.map_err(|error| error.to_string())? {
            Written::Changed { backup } => backup,
            Written::Unchanged => None,
        };
        self.change(id, |known| known.merged = Some(path.clone()));
        Ok(Merged { path, context: entry.name, backup })
    }

    /// Closes a connection. A context that leads through its tunnel is taken out of the person's kubeconfig again. Blocks for
    /// the disk. Answers what went wrong with that.
    pub fn close(&self, id: ConnectionId) -> Result<(), String> {
        let one = self.held.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&id);
        self.tell(Msg::Disconnected(id));
        let Some(One { known, entry, .. }) = one else { return Ok(()) };
        match (known.merged, known.way) {
            (Some(path), Way::Tunnel(_)) => take_out(&path, &entry.name),
            _ => Ok(()),
        }
    }

    /// Closes all of them: v9s ends, and with it every tunnel.
    pub fn close_all(&self) {
        let all: Vec<ConnectionId> =
            self.held.lock().unwrap_or_else(PoisonError::into_inner).all.keys().copied().collect();
        for id in all {
            if let Err(why) = self.close(id) {
                tracing::warn!(why, "a context stays behind");
            }
        }
    }

    /// The person's shell, in which everything talks to the virtual cluster of a connection.
    ///
    /// # Errors
    /// When it is closed already, or the files of the shell cannot be written.
    pub fn shell(&self, id: ConnectionId) -> Result<(tokio::process::Command, String), String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let one = held.all.get(&id).ok_or("it is closed already")?;
        let tenant = format!("{}/{}", one.known.key.namespace, one.known.key.name);
        let command = one.seat.shell(&own_shell(), &tenant).map_err(|error| format!("{error:#}"))?;
        Ok((command, tenant))
    }
}

/// What became of a person's own kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The file.
    pub path: PathBuf,
    /// The context that is current now.
    pub context: SmolStr,
    /// What was there before.
    pub backup: Option<PathBuf>,
}

/// The file that kubectl would change.
pub fn own_file() -> Option<PathBuf> {
    default_path(None, std::env::var_os("KUBECONFIG"), std::env::home_dir())
}

fn take_out(path: &std::path::Path, context: &SmolStr) -> Result<(), String> {
    let changed = change(path, |document: &Document| {
        let back = leave(document, context);
        document.with(&back.and_remove(document, std::slice::from_ref(context)))
    });
    changed.map(drop).map_err(|error| error.to_string())
}
