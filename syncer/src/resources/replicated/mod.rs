//! Services that stand for others on the other side, by `networking.replicateServices`.

mod from_host;
mod gone;
#[cfg(test)]
mod tests;
mod to_host;

use smol_str::SmolStr;

pub(super) use from_host::{Addresses, Family, HeadlessAddresses, Replica};
pub(super) use gone::{GoneFromHost, GoneToHost};
pub(super) use to_host::ToHost;

/// One line of `fromHost`: a Service of the host, and the tenant's that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromHostLine {
    /// Namespace on the host; none for the virtual cluster's own.
    pub namespace: Option<SmolStr>,
    /// Name on the host.
    pub name: SmolStr,
    /// Namespace for the tenant; it is made when it is missing.
    pub to_namespace: SmolStr,
    /// Name for the tenant.
    pub to_name: SmolStr,
}

/// One line of `toHost`: a Service of the tenant, and the name under which the host's namespace has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToHostLine {
    /// Namespace of the tenant's.
    pub namespace: SmolStr,
    /// Name of the tenant's.
    pub name: SmolStr,
    /// Name on the host.
    pub to_name: SmolStr,
}

/// Value of the label by which both kinds of replicas are known.
const CONTROLLER: &str = "vcluster";
