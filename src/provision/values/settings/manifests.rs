//! `experimental.deploy.vcluster.manifests`: objects for the virtual cluster.

use serde_json::Value;

use super::confidential::Confidential;
use crate::provision::values::view::View;

/// Objects to apply in the virtual cluster, in their order; each has `apiVersion`, `kind` and `metadata.name`.
pub type Manifests = Confidential<Vec<Value>>;

/// Reads the documents of a text; empty ones are left out.
pub(super) fn read(view: &View, dotted: &str) -> Manifests {
    let text = view.text(dotted);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|error| {
        let line =
            error.location().map_or(String::new(), |place| format!(" (line {} of them)", place.line()));
        // The words of the error are not told: they may quote a secret.
        view.complain(dotted, format!("these are no YAML documents{line}"));
        Vec::new()
    });
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    for (index, document) in documents.iter().enumerate() {
        for field in ["/apiVersion", "/kind", "/metadata/name"] {
            let there = document.pointer(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            if !there {
                let field = field.trim_start_matches('/').replace('/', ".");
                view.complain(dotted, format!("object {} of {} has no {field}", index + 1, documents.len()));
            }
        }
    }
    Confidential::new(documents)
}
