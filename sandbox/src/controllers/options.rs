//! How the controllers are set up.

use std::time::Duration;

use smol_str::SmolStr;

use super::Ipv6Range;
use crate::node::{Images, Machines};

/// How the controllers are set up. The default is what tests want.
#[derive(Debug, Clone)]
pub struct Options {
    /// PEM of the certificate authority that `kube-root-ca.crt` hands to pods.
    pub ca: String,
    /// Whether events are written.
    pub events: bool,
    /// How long after their last time events are kept.
    pub events_kept: Duration,
    /// The nodes that are made.
    pub machines: Machines,
    /// What images do when they run.
    pub images: Images,
    /// The provisioners that this host plays, as patterns in which `*` stands for any text: claims of their classes get
    /// volumes. Claims of other classes wait.
    pub provisioners: Vec<String>,
    /// Factor on the time that pulling, starting and stopping take: 1 is real time, 0 at once. What images do by
    /// themselves, and how long kubelets wait between restarts, follows the clock alone.
    pub pace: f64,
    /// The range of IPv6 addresses that Services can have beside their IPv4 addresses, and pods have then, too; None:
    /// there is IPv4 alone.
    pub ipv6_services: Option<Ipv6Range>,
    /// How often nodes renew their leases; None: never.
    pub heartbeat: Option<Duration>,
    /// Names of the controllers that are frozen from the start; see [`Controllers::freeze`].
    pub frozen: Vec<SmolStr>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ca: String::new(),
            events: true,
            events_kept: Duration::from_secs(3600),
            machines: Machines::default(),
            images: Images::default(),
            provisioners: vec!["*".to_owned()],
            pace: 0.0,
            ipv6_services: None,
            heartbeat: None,
            frozen: Vec::new(),
        }
    }
}
