//! Service accounts on the host.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::{Blueprint, Object, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::Account;
use crate::wire::App;

/// The control plane's, and the one of all pods that come from inside, which may do nothing.
pub(super) fn accounts(plan: &Blueprint) -> Vec<Object> {
    let advanced = &plan.settings.control_plane.advanced;
    let both = [
        (&advanced.service_account, plan.account(), None),
        (&advanced.workload_service_account, plan.workload_account(), Some(false)),
    ];
    let made = both.into_iter().filter(|(account, ..)| account.create);
    made.map(|(account, name, mounts)| object(plan, account, name, mounts)).collect()
}

fn object(plan: &Blueprint, account: &Account, name: String, mounts: Option<bool>) -> Object {
    let secrets = account.image_pull_secrets.clone();
    let typed = ServiceAccount {
        metadata: meta::of(plan, App::ControlPlane, name, Some(&account.metadata)),
        automount_service_account_token: mounts,
        image_pull_secrets: Some(secrets).filter(|secrets| !secrets.is_empty()),
        ..ServiceAccount::default()
    };
    Object::of(Resource::SERVICE_ACCOUNTS, &typed)
}
