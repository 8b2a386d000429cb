//! What clients are warned of when they use a kind at all.

use crate::kinds::Kind;

/// About using a kind at all.
pub(super) fn of_kind(kind: &Kind) -> Vec<String> {
    let text = match (kind.group.as_str(), kind.version.as_str(), kind.plural.as_str()) {
        ("", "v1", "componentstatuses") => "v1 ComponentStatus is deprecated in v1.19+",
        ("", "v1", "endpoints") => {
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
        }
        _ => return Vec::new(),
    };
    vec![text.to_owned()]
}
