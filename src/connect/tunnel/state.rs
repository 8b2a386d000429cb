//! How a tunnel is doing, for whoever draws it.

use std::fmt;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

/// A tunnel at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelState {
    /// Whether a connection would get through now.
    pub health: Health,
    /// Connections that are open.
    pub open: usize,
    /// Connections that have got through since it began.
    pub carried: u64,
    /// Why the last connection that failed did; none after one got through.
    pub last_failure: Option<SmolStr>,
}

/// Whether a connection would get through now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is being found out which pods there are.
    Looking,
    /// It would, to this pod.
    Ready {
        /// Its name.
        pod: SmolStr,
    },
    /// No pod is ready.
    Waiting {
        /// Why.
        why: SmolStr,
    },
    /// The host's API server is lost. Connections through it may still stand.
    Lost {
        /// What was answered.
        why: SmolStr,
        /// When it is asked again.
        next_try: DateTime<Utc>,
    },
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Health::Looking => f.write_str("looking for its pods"),
            Health::Ready { pod } => write!(f, "ready, to {pod}"),
            Health::Waiting { why } => write!(f, "waiting: {why}"),
            Health::Lost { why, .. } => write!(f, "host lost: {why}"),
        }
    }
}

impl TunnelState {
    pub(super) fn new() -> Self {
        TunnelState { health: Health::Looking, open: 0, carried: 0, last_failure: None }
    }
}
