//! What screens ask clusters for on demand, as data; the runner carries it out.

use smol_str::SmolStr;

/// Joins a question and its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One question to one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// All namespaces that may be listed.
    Namespaces {
        /// Kube context of the host.
        host: SmolStr,
    },
}

/// One answer, or one part of it. An error is a whole sentence for the person.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To [`Read::Namespaces`].
    Namespaces(Result<Vec<SmolStr>, String>),
}
