//! What two calls come to. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::health::isolation::Way;

/// What a caller has heard: what it writes as the last word of its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "heard", rename_all = "kebab-case")]
pub enum Heard {
    /// The word that only the listener knows.
    Word,
    /// Nothing at all, until its time was over.
    Silence,
    /// Somebody refused, on the way or at the end of it; in the system's words.
    Refused {
        /// What the system said.
        why: SmolStr,
    },
    /// Somebody took the call and was not the listener.
    Stranger,
}

/// What came of one call: what was heard, or why none was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was heard.
    pub heard: Result<Heard, SmolStr>,
    /// The node from which it was made.
    pub node: Option<SmolStr>,
}

/// Whether one tenant's pods reach another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They do not, while others do.
    Isolated {
        /// What became of the call.
        how: SmolStr,
    },
    /// They do.
    Open,
    /// It cannot be told.
    Unknown {
        /// Why.
        why: SmolStr,
    },
}

impl Heard {
    /// How it ended without the listener's word; None with it.
    fn lack(&self) -> Option<SmolStr> {
        match self {
            Heard::Word => None,
            Heard::Silence => Some("nobody answered".into()),
            Heard::Refused { why } => Some(format_smolstr!("it was refused ({why})")),
            Heard::Stranger => Some("somebody else took the call".into()),
        }
    }
}

/// What the call of the other tenant and the one from beside the listener come to.
pub fn verdict(call: &Call, control: &Call) -> Verdict {
    let unknown = |why| Verdict::Unknown { why };
    let heard = match &call.heard {
        Ok(heard) => heard,
        Err(why) => return unknown(format_smolstr!("no call was made: {why}")),
    };
    let how = match heard {
        // That it got through is certain, whatever the other one did.
        Heard::Word => return Verdict::Open,
        Heard::Stranger => {
            return unknown(
                "somebody in between took the call, such as a proxy of a service mesh, and passed nothing on"
                    .into(),
            );
        }
        Heard::Silence | Heard::Refused { .. } => heard.lack().unwrap_or_default(),
    };
    match &control.heard {
        Ok(Heard::Word) => Verdict::Isolated { how },
        Ok(other) => unknown(format_smolstr!(
            "{how}, and of a call from the same namespace {}: either nothing may pass there at all, or the network does not work",
            other.lack().unwrap_or_default()
        )),
        Err(why) => unknown(format_smolstr!("{how}, and from the same namespace no call was made: {why}")),
    }
}

impl Verdict {
    /// For scripts.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Isolated { .. } => "isolated",
            Verdict::Open => "open",
            Verdict::Unknown { .. } => "unknown",
        }
    }

    /// What the policies of the listener's namespace say to that, where they say anything.
    pub fn beside(&self, ingress: Option<Way>) -> Option<&'static str> {
        match (self, ingress?) {
            (Verdict::Open, Way::Nothing) => {
                Some("its policies let nothing in: the network of this host does not enforce NetworkPolicies")
            }
            (Verdict::Open, Way::Listed) => Some(
                "its policies let in what they list: either this is on the list, or the network of this host does not enforce them",
            ),
            (Verdict::Open, Way::Everything | Way::Unconfined) => Some("no policy keeps anything out"),
            (Verdict::Isolated { .. }, Way::Everything | Way::Unconfined) => Some(
                "no NetworkPolicy of its namespace does that: something else does, such as a policy on the caller's side",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Isolated { how } => {
                write!(f, "isolated: {how}, while a call from the same namespace got through")
            }
            Verdict::Open => f.write_str("open: the call got through"),
            Verdict::Unknown { why } => write!(f, "not known: {why}"),
        }
    }
}
