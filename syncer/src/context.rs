//! What does not change while the process lives: who we are, and what was configured.

use smol_str::SmolStr;
use v9s::names::Translator;

/// Who we are and what was configured.
#[derive(Debug, Clone)]
pub struct Context {
    /// Names and label keys.
    pub names: Translator,
    /// The virtual cluster, which is also the name of its Service.
    pub vcluster: SmolStr,
    /// Where everything lives on the host.
    pub host_namespace: SmolStr,
    /// UID of the Service that owns what we create; none when objects are to have no owner.
    pub owner_uid: Option<SmolStr>,
    /// DNS domain of the virtual cluster, `cluster.local`.
    pub cluster_domain: SmolStr,
}
