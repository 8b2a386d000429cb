//! What reaches `update`.

use std::sync::Arc;

use crossterm::event::MouseEvent;
use smol_str::SmolStr;
use v9s::fleet::Fleet;

use super::connections::{Connection, ConnectionId};
use super::jobs::{JobEvent, JobId};
use super::messages::Level;
use super::reads::{Reply, Ticket};
use super::world::{Access, Contexts};
use crate::keymap::Key;
use crate::theme::Theme;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// A button was pressed or the wheel turned.
    Mouse(MouseEvent),
    /// A text was pasted.
    Paste(String),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// The terminal has the focus, or has lost it.
    Focus(bool),
    /// A second has passed.
    Tick,
    /// The fleet has changed. The number is that of the session it belongs to.
    Fleet(u64, Arc<Fleet>),
    /// The contexts of the kubeconfig.
    Contexts(Contexts),
    /// An answer, or part of one.
    Reply(Ticket, Reply),
    /// What may be done in a namespace of a host.
    Access {
        /// Kube context of the host.
        host: SmolStr,
        /// Namespace there.
        namespace: SmolStr,
        /// What is known.
        access: Access,
    },
    /// A job reports.
    Job(JobId, JobEvent),
    /// A connection is open, or doing otherwise.
    Connection(Box<Connection>),
    /// A connection is closed.
    Disconnected(ConnectionId),
    /// Something to tell the person.
    Say(Level, String),
    /// Another theme.
    Theme(Arc<Theme>),
}
