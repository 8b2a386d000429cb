//! What a layer wants to happen: the only way out of `update`.

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;
use v9s::cluster::LogRequest;
use v9s::gc::Scope;

use super::connections::ConnectionId;
use super::habits::Habits;
use super::jobs::JobId;
use super::layer::Layer;
use super::messages::Level;
use super::operation::Verb;
use super::reads::{Read, Ticket};
use super::world::Session;
use crate::actions::ActionId;

/// I/O that `update` asks for; it runs on tasks and comes back as messages.
#[derive(Debug)]
pub enum Cmd {
    /// Watch these contexts instead of the present ones; fleets carry the number.
    Watch(u64, Session),
    /// End every back-off, of one host or of all.
    Retry(Option<SmolStr>),
    /// Ask for the contexts of the kubeconfig.
    Contexts,
    /// Read something; the answer carries the ticket.
    Read(Ticket, Read),
    /// Follow a log; its parts carry the ticket.
    Follow {
        /// Joins the log and its parts.
        ticket: Ticket,
        /// Kube context of the host.
        host: SmolStr,
        /// Which log.
        request: LogRequest,
    },
    /// Look for what virtual clusters have left on a host; how far that is carries the ticket.
    Look {
        /// Joins the look and what it tells.
        ticket: Ticket,
        /// Kube context of the host.
        host: SmolStr,
        /// At what.
        scope: Scope,
    },
    /// Nobody waits for the answers any more.
    Forget(Ticket),
    /// Ask what may be done in a namespace of a host.
    Access {
        /// Kube context of the host.
        host: SmolStr,
        /// Namespace there.
        namespace: SmolStr,
    },
    /// Carry out a job.
    Operate(JobId, Arc<dyn Verb>),
    /// Stop a job.
    Stop(JobId),
    /// Give the terminal to a shell in a virtual cluster until it ends.
    Shell(ConnectionId),
    /// Close a connection.
    Disconnect(ConnectionId),
    /// Put a text into the clipboard.
    Copy {
        /// The text.
        text: String,
        /// What it is, for the message afterwards.
        what: String,
    },
    /// Write a text to a file in the state directory.
    Save {
        /// Name of the file without folder.
        name: String,
        /// The text.
        text: String,
    },
    /// Show a text in the person's editor.
    Edit {
        /// Name of the file, for its ending.
        name: String,
        /// The text.
        text: String,
    },
    /// Mouse capture on or off.
    Mouse(bool),
    /// Give the terminal to the shell until it is brought back.
    Suspend,
    /// Paint everything anew.
    Repaint,
    /// See whether the theme file has changed.
    LookAtTheme,
    /// Load a theme by name.
    LoadTheme(String),
    /// Keep a command for the next run.
    Remember(String),
    /// Keep what was answered, for the next time and the next run.
    Keep(Habits),
    /// End.
    Exit,
}

/// One wish of a layer.
pub enum Effect {
    /// I/O.
    Cmd(Cmd),
    /// Open what this command line says.
    Command(String),
    /// Put a screen on top of the present one.
    Open(Box<dyn Layer>),
    /// Put a popup over everything.
    Popup(Box<dyn Layer>),
    /// Take the topmost popup away, or go one screen back.
    Close,
    /// Do an action on what lies below this popup.
    Act(ActionId),
    /// Tell the person.
    Say(Level, String),
    /// Begin a job.
    Operate(Arc<dyn Verb>),
    /// Stop a job.
    Stop(JobId),
    /// Watch something else.
    Switch(Session),
    /// Leave v9s.
    Exit,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Cmd(cmd) => write!(f, "Cmd({cmd:?})"),
            Effect::Command(line) => write!(f, "Command({line:?})"),
            Effect::Open(layer) => write!(f, "Open({})", layer.address()),
            Effect::Popup(layer) => write!(f, "Popup({})", layer.address()),
            Effect::Close => f.write_str("Close"),
            Effect::Act(id) => write!(f, "Act({id:?})"),
            Effect::Say(level, text) => write!(f, "Say({level:?}, {text:?})"),
            Effect::Operate(verb) => write!(f, "Operate({verb:?})"),
            Effect::Stop(job) => write!(f, "Stop({job:?})"),
            Effect::Switch(session) => write!(f, "Switch({session:?})"),
            Effect::Exit => f.write_str("Exit"),
        }
    }
}

/// What the layers of one update want, in order.
#[derive(Debug, Default)]
pub struct Effects {
    wanted: Vec<Effect>,
    next_ticket: u64,
}

impl Effects {
    /// Adds one wish.
    pub fn push(&mut self, effect: Effect) {
        self.wanted.push(effect);
    }

    /// Adds I/O.
    pub fn cmd(&mut self, cmd: Cmd) {
        self.push(Effect::Cmd(cmd));
    }

    /// Tells the person.
    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.push(Effect::Say(level, text.into()));
    }

    /// Asks for something; the answer carries the ticket.
    pub fn read(&mut self, read: Read) -> Ticket {
        let ticket = self.ticket();
        self.cmd(Cmd::Read(ticket, read));
        ticket
    }

    /// Follows a log; its parts carry the ticket.
    pub fn follow(&mut self, host: SmolStr, request: LogRequest) -> Ticket {
        let ticket = self.ticket();
        self.cmd(Cmd::Follow { ticket, host, request });
        ticket
    }

    /// Looks for what virtual clusters have left on a host; how far that is carries the ticket.
    pub fn look(&mut self, host: SmolStr, scope: Scope) -> Ticket {
        let ticket = self.ticket();
        self.cmd(Cmd::Look { ticket, host, scope });
        ticket
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Takes what is wanted so far.
    pub(super) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.wanted)
    }
}
