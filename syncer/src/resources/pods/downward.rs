//! The downward API: containers see what the tenant sees, not what the host calls it.

use serde_json::{Value, json};
use v9s::wire::annotation;

use super::refs::items_mut;
use crate::context::Context;

/// Rewrites one `fieldPath` in place.
pub(super) fn rewrite(ctx: &Context, path: &mut Value) {
    let Some(field) = path.as_str() else { return };
    let annotation = match field {
        "metadata.name" => annotation::POD_NAME,
        "metadata.namespace" => annotation::POD_NAMESPACE,
        "metadata.uid" => annotation::POD_UID,
        "metadata.labels" => annotation::POD_LABELS,
        "spec.serviceAccountName" => annotation::POD_SERVICE_ACCOUNT,
        other => {
            if let Some(key) =
                other.strip_prefix("metadata.labels['").and_then(|rest| rest.strip_suffix("']"))
            {
                *path = json!(format!("metadata.labels['{}']", ctx.names.label_key(key)));
            }
            return;
        }
    };
    *path = json!(format!("metadata.annotations['{annotation}']"));
}

/// Rewrites the files of a `downwardAPI` volume or source.
pub(super) fn rewrite_files(ctx: &Context, source: &mut Value) {
    for item in items_mut(source, "items") {
        if let Some(path) = item.pointer_mut("/fieldRef/fieldPath") {
            rewrite(ctx, path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_annotations_and_everything_else_from_where_it_was() {
        let cases = [
            ("metadata.name", "metadata.annotations['vcluster.loft.sh/name']"),
            ("metadata.namespace", "metadata.annotations['vcluster.loft.sh/namespace']"),
            ("metadata.uid", "metadata.annotations['vcluster.loft.sh/uid']"),
            ("metadata.labels", "metadata.annotations['vcluster.loft.sh/labels']"),
            ("spec.serviceAccountName", "metadata.annotations['vcluster.loft.sh/service-account-name']"),
            ("metadata.labels['app']", "metadata.labels['app']"),
            ("metadata.labels['release']", "metadata.labels['vcluster.loft.sh/label-suffix-x-a4d451ec23']"),
            ("metadata.annotations['note']", "metadata.annotations['note']"),
            ("metadata.annotations", "metadata.annotations"),
            ("status.podIP", "status.podIP"),
            ("spec.nodeName", "spec.nodeName"),
        ];
        let ctx = Context::new("suffix", "host");
        for (virtual_path, host_path) in cases {
            let mut source = json!({"items": [{"path": "f", "fieldRef": {"fieldPath": virtual_path}},
                {"path": "cpu", "resourceFieldRef": {"resource": "limits.cpu"}}]});
            rewrite_files(&ctx, &mut source);
            assert_eq!(source["items"][0]["fieldRef"]["fieldPath"], host_path);
        }
    }
}
