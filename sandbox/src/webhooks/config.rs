//! Configurations as they stand in the store.

use crate::store::{Gr, Store};
use serde::Deserialize;
use serde_json::Value;

/// One webhook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Hook {
    pub(super) name: String,
    pub(super) client_config: ClientConfig,
    pub(super) rules: Vec<Rule>,
    pub(super) failure_policy: String,
    pub(super) match_policy: String,
    pub(super) namespace_selector: Value,
    pub(super) object_selector: Value,
    pub(super) side_effects: String,
    pub(super) timeout_seconds: u64,
    pub(super) admission_review_versions: Vec<String>,
    pub(super) reinvocation_policy: String,
    pub(super) match_conditions: Vec<Condition>,
}

/// Where a webhook is served.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClientConfig {
    pub(super) url: Option<String>,
    pub(super) service: Option<Service>,
    /// PEM in base64.
    pub(super) ca_bundle: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) path: Option<String>,
    pub(super) port: Option<u16>,
}

/// What a webhook wants to see.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    pub(super) operations: Vec<String>,
    pub(super) api_groups: Vec<String>,
    pub(super) api_versions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) scope: String,
}

/// A condition in the Common Expression Language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) expression: String,
}

impl Hook {
    /// Whether a webhook that cannot be asked counts as one that agrees.
    pub(super) fn ignores_failure(&self) -> bool {
        self.failure_policy == "Ignore"
    }
}

/// All webhooks of one kind of configuration, in the order in which they are called.
pub(super) fn hooks(store: &Store, gr: &Gr) -> Vec<Hook> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Configuration {
        webhooks: Vec<Hook>,
    }
    let all = store.all(gr, None);
    all.iter().filter_map(|object| object.parse::<Configuration>()).flat_map(|c| c.webhooks).collect()
}
