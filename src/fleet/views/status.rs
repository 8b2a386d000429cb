//! The ConfigMap of a companion.

use serde::Deserialize;

use crate::cluster::watch::{Identified, Identity, Text};

/// The ConfigMap of a companion.
#[derive(Deserialize)]
pub(in crate::fleet) struct StatusView<'a> {
    #[serde(borrow)]
    pub(in crate::fleet) metadata: StatusMeta<'a>,
    #[serde(borrow)]
    pub(in crate::fleet) data: Option<StatusData<'a>>,
}

/// `metadata`, with who wrote when.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::fleet) struct StatusMeta<'a> {
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default)]
    uid: Text<'a>,
    #[serde(borrow, default)]
    resource_version: Text<'a>,
    #[serde(borrow)]
    pub(in crate::fleet) labels: Option<StatusLabels<'a>>,
    #[serde(borrow)]
    pub(in crate::fleet) managed_fields: Option<Vec<Managed<'a>>>,
}

#[derive(Deserialize)]
pub(in crate::fleet) struct StatusLabels<'a> {
    #[serde(borrow, rename = "v9s.io/status-of")]
    pub(in crate::fleet) of: Option<Text<'a>>,
    #[serde(borrow, rename = "vcluster.loft.sh/managed-by")]
    pub(in crate::fleet) managed_by: Option<Text<'a>>,
}

/// One writer.
#[derive(Deserialize)]
pub(in crate::fleet) struct Managed<'a> {
    #[serde(borrow)]
    pub(in crate::fleet) time: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::fleet) struct StatusData<'a> {
    #[serde(borrow, rename = "status.json")]
    pub(in crate::fleet) status: Option<Text<'a>>,
}

impl Identified for StatusView<'_> {
    fn identity(&self) -> Identity<'_> {
        let StatusMeta { namespace, name, uid, resource_version, .. } = &self.metadata;
        Identity { namespace, name, uid, resource_version }
    }
}
