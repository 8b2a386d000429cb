//! The lists that v9s reads at its start, for the bare client to read too.

use v9s::wire;

use crate::baseline::List;

/// Objects asked for at a time, as v9s does.
pub const PAGE: u32 = 500;

const WHOLE: &str = "application/json";
/// As v9s asks for the one list that is long.
const FAST: &str = "application/vnd.kubernetes.protobuf, application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// What the table of virtual clusters is made of, without the synced pods.
pub fn fleet() -> Vec<List> {
    let control_plane = labelled(&wire::control_plane_selector());
    vec![
        list("/apis/apps/v1/statefulsets", &control_plane, WHOLE),
        list("/apis/apps/v1/deployments", &control_plane, WHOLE),
        list("/api/v1/pods", &control_plane, WHOLE),
        list("/api/v1/secrets", &labelled(&wire::config_selector()), WHOLE),
        list("/api/v1/resourcequotas", "", WHOLE),
        list("/api/v1/namespaces", "", METADATA),
    ]
}

/// The synced pods.
pub fn pods() -> Vec<List> {
    vec![list("/api/v1/pods", &labelled(wire::synced_selector()), FAST)]
}

fn list(path: &'static str, query: &str, accept: &'static str) -> List {
    List { path, query: query.to_owned(), accept }
}

fn labelled(selector: &str) -> String {
    let encoded: String = selector
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("&labelSelector={encoded}")
}
