//! The configuration, and what confines the virtual cluster in its namespace.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{Blueprint, Object, meta};
use crate::cluster::Resource;
use crate::provision::values::settings::{LimitRange, ResourceQuota};
use crate::wire::{App, CONFIG_KEY, name};

/// The Secret with the configuration, a quota and limits.
pub(super) fn confines(plan: &Blueprint) -> Vec<Object> {
    let policies = &plan.settings.policies;
    let mut objects = vec![config(plan)];
    objects.extend(policies.resource_quota.as_ref().map(|quota| of_quota(plan, quota)));
    objects.extend(policies.limit_range.as_ref().map(|limits| of_limits(plan, limits)));
    objects
}

fn config(plan: &Blueprint) -> Object {
    let data = [(CONFIG_KEY.to_owned(), ByteString(plan.config.as_bytes().to_vec()))];
    let secret = core::Secret {
        metadata: meta::of(plan, App::ControlPlane, name::config_secret(plan.name), None),
        data: Some(data.into()),
        type_: Some("Opaque".to_owned()),
        ..core::Secret::default()
    };
    Object::of(Resource::SECRETS, &secret)
}

fn of_quota(plan: &Blueprint, quota: &ResourceQuota) -> Object {
    let spec = core::ResourceQuotaSpec {
        hard: Some(quota.hard.clone()),
        scope_selector: quota.scope_selector.clone(),
        scopes: Some(quota.scopes.clone()).filter(|scopes| !scopes.is_empty()),
    };
    let object = core::ResourceQuota {
        metadata: meta::of(plan, App::ControlPlane, name::policy(plan.name), Some(&quota.metadata)),
        spec: Some(spec),
        ..core::ResourceQuota::default()
    };
    Object::of(Resource::RESOURCE_QUOTAS, &object)
}

fn of_limits(plan: &Blueprint, limits: &LimitRange) -> Object {
    let some =
        |amounts: &BTreeMap<String, Quantity>| Some(amounts.clone()).filter(|amounts| !amounts.is_empty());
    let item = core::LimitRangeItem {
        type_: "Container".to_owned(),
        default: some(&limits.default),
        default_request: some(&limits.default_request),
        min: some(&limits.min),
        max: some(&limits.max),
        ..core::LimitRangeItem::default()
    };
    let object = core::LimitRange {
        metadata: meta::of(plan, App::ControlPlane, name::policy(plan.name), Some(&limits.metadata)),
        spec: Some(core::LimitRangeSpec { limits: vec![item] }),
    };
    Object::of(Resource::LIMIT_RANGES, &object)
}
