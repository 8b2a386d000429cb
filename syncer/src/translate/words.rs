//! What a host says, in words that a tenant may see.

use v9s::names::VirtualName;

use crate::context::Context;
use crate::engine::key::Key;

/// A message of the host about a pair: its names there become the tenant's, the host's namespace is not told.
pub fn for_tenant(ctx: &Context, key: &Key, message: &str) -> String {
    of_object(ctx, &key.object, message)
}

/// The same about an object of the tenant.
pub fn of_object(ctx: &Context, object: &VirtualName, message: &str) -> String {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    with_names(ctx, message, namespace, [object])
}

/// The same for a message that names any object of a namespace, of which the names are known.
pub fn with_names<'a>(
    ctx: &Context,
    message: &str,
    namespace: &str,
    names: impl IntoIterator<Item = &'a VirtualName>,
) -> String {
    let mut told = message.to_owned();
    for name in names {
        told = told.replace(ctx.names.host_name(name).as_str(), &name.name);
    }
    replace_word(&told, &ctx.host_namespace, namespace)
}

/// Replaces a name where it stands alone: host namespaces may have names like `web`.
fn replace_word(text: &str, word: &str, with: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    while let Some(at) = (!word.is_empty()).then(|| rest.find(word)).flatten() {
        let (before, found) = rest.split_at(at);
        let after = found.get(word.len()..).unwrap_or_default();
        let alone = !told.chars().chain(before.chars()).next_back().is_some_and(part_of_name)
            && !after.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
        told.push_str(before);
        told.push_str(if alone { with } else { word });
        rest = after;
    }
    told.push_str(rest);
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::key::KindId;

    fn ctx() -> Context {
        Context::new("t", "tenants")
    }

    #[test]
    fn a_quota_refusal_names_the_tenants_pod_and_namespace() {
        let key = Key::new(KindId(0), VirtualName::namespaced("shop", "web-0"));
        let said = "pods \"web-0-x-shop-x-t\" is forbidden: exceeded quota: vc-t, requested: pods=1, used: pods=20, limited: pods=20";
        assert_eq!(
            for_tenant(&ctx(), &key, said),
            "pods \"web-0\" is forbidden: exceeded quota: vc-t, requested: pods=1, used: pods=20, limited: pods=20"
        );
        let said = "violates policy in namespace \"tenants\": tenants-quota";
        assert_eq!(for_tenant(&ctx(), &key, said), "violates policy in namespace \"shop\": tenants-quota");
    }
}
