//! What a kubelet says about a pod.

/// One thing said, to become an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// The container it is about; empty for the whole pod.
    pub(super) container: String,
    pub(super) warning: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Note {
    pub(super) fn normal(container: &str, reason: &'static str, message: String) -> Self {
        Note { container: container.to_owned(), warning: false, reason, message }
    }

    pub(super) fn warning(container: &str, reason: &'static str, message: String) -> Self {
        Note { container: container.to_owned(), warning: true, reason, message }
    }
}
