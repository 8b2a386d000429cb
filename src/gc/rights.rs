//! What the server would refuse of collecting, asked before anybody tries.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::survey::Finding;
use crate::cluster::access::Asked;
use crate::cluster::{Cluster, Failure, Resource};

/// Which kinds of proven leftovers may not be deleted, and in which namespaces. Who may delete a kind everywhere is asked once
/// for it; who may not, in each namespace that has some.
///
/// # Errors
/// When the server does not review access: it will refuse by itself.
pub(super) async fn forbidden(host: &Cluster, findings: &[Finding]) -> Result<Vec<Asked>, Failure> {
    let mut kinds: BTreeMap<String, (Resource, BTreeSet<SmolStr>)> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.is_proven()) {
        let object = &finding.claim.object;
        let entry = kinds.entry(object.resource.path(None));
        let (_, namespaces) = entry.or_insert_with(|| (object.resource.clone(), BTreeSet::new()));
        namespaces.extend(object.namespace.clone());
    }
    let asked =
        |resource: &Resource, namespace| Asked { verb: "delete", resource: resource.clone(), namespace };
    let everywhere = kinds.values().map(|(resource, _)| asked(resource, None)).collect();
    let (narrower, mut missing): (Vec<Asked>, Vec<Asked>) =
        host.not_allowed(everywhere).await?.into_iter().partition(|asked| asked.resource.namespaced);
    let narrower = narrower.iter().filter_map(|it| kinds.get(&it.resource.path(None)));
    let each = narrower.flat_map(|(resource, namespaces)| {
        namespaces.iter().map(move |namespace| asked(resource, Some(namespace.clone())))
    });
    missing.extend(host.not_allowed(each.collect()).await?);
    Ok(missing)
}
