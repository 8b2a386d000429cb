//! What is to be done about a pair: data, so that it can be tested, counted, held back and carried out elsewhere.

use std::time::Duration;

use serde_json::Value;
use smol_str::SmolStr;
use v9s::cluster::ObjectRef;
use v9s::cluster::lean::Lean;

use super::key::Side;

/// The decision about one pair. The default decides that both sides agree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// At most one write for each side, in order; the next one is only begun when the one before has succeeded.
    pub writes: Vec<Write>,
    /// What the tenant is told by an event on the virtual object.
    pub note: Option<Note>,
    /// When to look again although nothing has changed.
    pub again: Option<Duration>,
    /// Why nothing more can be done now, for status and logs; the pair counts as pending.
    pub waits_for: Option<SmolStr>,
}

impl Plan {
    /// Both sides agree.
    pub fn nothing() -> Self {
        Plan::default()
    }

    /// One write.
    pub fn write(write: Write) -> Self {
        Plan { writes: vec![write], ..Plan::default() }
    }

    /// Nothing can be done until something else has changed.
    pub fn wait(why: impl Into<SmolStr>) -> Self {
        Plan { waits_for: Some(why.into()), ..Plan::default() }
    }

    /// The tenant's object is refused, with the reason in words a tenant may see.
    pub fn refuse(note: Note) -> Self {
        Plan { waits_for: Some(note.message.as_str().into()), note: Some(note), ..Plan::default() }
    }

    /// The same, looked at again after a while.
    pub fn again_after(self, wait: Duration) -> Self {
        Plan { again: Some(wait), ..self }
    }
}

/// An event on the virtual object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note {
    /// `Warning` rather than `Normal`.
    pub warning: bool,
    /// Why, in one word: `SyncError`, `SyncWarning`, `Forbidden`.
    pub reason: &'static str,
    /// What the tenant can do something about; no host names.
    pub message: String,
}

impl Note {
    /// Something failed.
    pub fn error(message: impl Into<String>) -> Self {
        Note { warning: true, reason: "SyncError", message: message.into() }
    }

    /// Something is refused until the tenant changes it.
    pub fn warning(message: impl Into<String>) -> Self {
        Note { warning: true, reason: "SyncWarning", message: message.into() }
    }
}

/// Which part of an object a patch goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The object itself.
    Main,
    /// `/status`.
    Status,
    /// `/resize`, of pods.
    Resize,
    /// `/ephemeralcontainers`, of pods.
    EphemeralContainers,
}

impl Part {
    /// The subresource in the path, none for the object itself.
    pub fn path(self) -> Option<&'static str> {
        match self {
            Part::Main => None,
            Part::Status => Some("status"),
            Part::Resize => Some("resize"),
            Part::EphemeralContainers => Some("ephemeralcontainers"),
        }
    }
}

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatchKind {
    /// JSON merge patch.
    Merge,
    /// Strategic merge patch, where lists have keys.
    Strategic,
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// `POST`. That it exists already is decided by what is there: ours, or somebody else's.
    Create {
        /// Where.
        side: Side,
        /// What.
        target: ObjectRef,
        /// The whole object.
        body: Value,
    },
    /// `POST` of another object that the pair needs, such as its namespace. That it exists already is as good.
    Ensure {
        /// Where.
        side: Side,
        /// What.
        target: ObjectRef,
        /// The whole object.
        body: Value,
    },
    /// `PATCH`, valid for this revision only: another one is a conflict, after which the pair is looked at again.
    Patch {
        /// Where.
        side: Side,
        /// What.
        target: ObjectRef,
        /// Which part of it.
        part: Part,
        /// How `change` is to be read.
        kind: PatchKind,
        /// The difference, without the revision.
        change: Value,
        /// The revision that was looked at.
        revision: SmolStr,
    },
    /// `DELETE`, of this very object only.
    Delete {
        /// Where.
        side: Side,
        /// What.
        target: ObjectRef,
        /// Its UID.
        uid: SmolStr,
        /// The revision that was looked at; none where only the identity matters, such as for a pod whose status goes on changing.
        revision: Option<SmolStr>,
        /// Seconds to stop in; none leaves it to the object.
        grace: Option<u32>,
        /// How it is known that the partner is gone.
        because: Absence,
    },
    /// Binds a virtual pod to the node that the host chose.
    Bind {
        /// The virtual pod.
        target: ObjectRef,
        /// Its UID.
        uid: SmolStr,
        /// Name of the virtual node.
        node: SmolStr,
    },
    /// Asks the virtual API server for tokens and puts them into a Secret on the host.
    Tokens(Box<TokenWrite>),
}

impl Write {
    /// The merge patch of an object in the state that was looked at.
    pub fn merge(side: Side, target: ObjectRef, of: &Lean, part: Part, change: Value) -> Write {
        let revision = of.metadata.resource_version.clone();
        Write::Patch { side, target, part, kind: PatchKind::Merge, change, revision }
    }

    /// The deletion of an object in the state that was looked at.
    pub fn delete(side: Side, target: ObjectRef, of: &Lean, because: Absence) -> Write {
        let (uid, revision) = (of.metadata.uid.clone(), Some(of.metadata.resource_version.clone()));
        Write::Delete { side, target, uid, revision, grace: None, because }
    }

    /// The side that it changes.
    pub fn side(&self) -> Side {
        match self {
            Write::Create { side, .. }
            | Write::Ensure { side, .. }
            | Write::Patch { side, .. }
            | Write::Delete { side, .. } => *side,
            Write::Bind { .. } => Side::Virtual,
            Write::Tokens(_) => Side::Host,
        }
    }

    /// What it changes.
    pub fn target(&self) -> &ObjectRef {
        match self {
            Write::Create { target, .. }
            | Write::Ensure { target, .. }
            | Write::Patch { target, .. }
            | Write::Delete { target, .. }
            | Write::Bind { target, .. } => target,
            Write::Tokens(tokens) => &tokens.secret,
        }
    }
}

/// How it is known that the other side of a pair is gone: the brake asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absence {
    /// The deletion itself was seen, or is under way.
    Seen,
    /// It was missing in a whole list.
    Missing,
    /// It is there, with another UID.
    Replaced,
    /// The tenant or the configuration no longer wants it there.
    Unwanted,
}

/// Tokens of the virtual API server, for the files of one pod.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenWrite {
    /// Namespace of the pod in the virtual cluster.
    pub namespace: SmolStr,
    /// The service account.
    pub account: SmolStr,
    /// The virtual pod the tokens are bound to.
    pub pod: SmolStr,
    /// Its UID.
    pub pod_uid: SmolStr,
    /// One for each file.
    pub claims: Vec<TokenClaim>,
    /// The Secret on the host.
    pub secret: ObjectRef,
    /// The Secret without its data; `metadata` holds labels, annotations and the owner.
    pub body: Value,
    /// Revision of the Secret that is replaced; none when there is none yet.
    pub revision: Option<SmolStr>,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClaim {
    /// Key in the Secret.
    pub key: SmolStr,
    /// Audiences as the pod asked; empty for those of the API server.
    pub audiences: Vec<SmolStr>,
    /// Life in seconds as the pod asked.
    pub seconds: u64,
}
