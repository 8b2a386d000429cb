//! Nodes that are for the tenant's pods alone. Pure.

use smol_str::{SmolStr, format_smolstr};

use super::room::{Node, has, kept_away, written};
use crate::provision::values::Settings;
use crate::provision::values::settings::{NodeChoice, NodeSync};

/// What is to be said of them: what keeps pods from running, and what others may do there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dedicated {
    pub doubted: Option<SmolStr>,
    pub note: Option<SmolStr>,
}

/// Looks at the nodes that `sync.fromHost.nodes.selector.labels` means.
pub(super) fn judge(settings: &Settings, nodes: &[Node]) -> Dedicated {
    let NodeSync::Host(host) = &settings.sync.nodes else { return Dedicated::default() };
    let NodeChoice::Labels(labels) = &host.choice else { return Dedicated::default() };
    let meant: Vec<&Node> = nodes.iter().filter(|node| has(node, labels.iter())).collect();
    if meant.is_empty() {
        let wanted: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        return doubted(format_smolstr!(
            "sync.fromHost.nodes.selector.labels: no node has {}, so no pod of the tenant would run",
            wanted.join(",")
        ));
    }
    let tolerations =
        settings.sync.pods.as_ref().map(|pods| pods.enforce_tolerations.clone()).unwrap_or_default();
    if let Some(kept) = meant.iter().map(|node| kept_away(node, &tolerations)).collect::<Option<Vec<_>>>()
        && let Some(taint) = kept.first()
    {
        return doubted(format_smolstr!(
            "sync.fromHost.nodes.selector.labels: every node that is meant keeps pods away by a taint; add \"{}\" to \
             sync.toHost.pods.enforceTolerations",
            written(taint)
        ));
    }
    let shared: Vec<&str> =
        meant.iter().filter(|node| kept_away(node, &[]).is_none()).map(|node| node.name.as_str()).collect();
    let note = shared.first().map(|first| {
        format_smolstr!(
            "{} of {} nodes for the tenant have no taint, such as {first}: pods of others may run there, too",
            shared.len(),
            meant.len()
        )
    });
    Dedicated { doubted: None, note }
}

fn doubted(why: SmolStr) -> Dedicated {
    Dedicated { doubted: Some(why), note: None }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Taint;

    use super::*;
    use crate::provision::values::read;

    #[test]
    fn nodes_for_a_tenant_must_let_it_in_and_keep_others_out() {
        let node = |name: &str, labelled: bool, tainted: bool| Node {
            name: name.into(),
            labels: labelled.then(|| ("pool".to_owned(), "shop".to_owned())).into_iter().collect(),
            taints: tainted
                .then(|| Taint {
                    key: "dedicated".to_owned(),
                    value: Some("shop".to_owned()),
                    effect: "NoSchedule".to_owned(),
                    ..Taint::default()
                })
                .into_iter()
                .collect(),
            open: true,
            ..Node::default()
        };
        let config = |tolerations: &str| {
            format!(
                "sync: {{fromHost: {{nodes: {{enabled: true, selector: {{labels: {{pool: shop}}}}}}}}, \
                 toHost: {{pods: {{enforceTolerations: [{tolerations}]}}}}}}"
            )
        };
        let cases = [
            ("", vec![node("a", false, false)], Some("no node has pool=shop"), None),
            ("", vec![node("a", true, true)], Some("add \"dedicated=shop:NoSchedule\""), None),
            ("'dedicated=shop:NoSchedule'", vec![node("a", true, true)], None, None),
            ("", vec![node("a", true, true), node("b", true, false)], None, Some("1 of 2 nodes")),
            ("'*'", vec![node("a", true, false)], None, Some("such as a")),
        ];
        for (tolerations, nodes, doubted, note) in cases {
            let found = judge(&read(&config(tolerations)).unwrap(), &nodes);
            for (found, expected) in [(found.doubted, doubted), (found.note, note)] {
                assert_eq!(found.is_some(), expected.is_some(), "{tolerations}: {found:?}");
                assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{tolerations}");
            }
        }
        assert_eq!(judge(&Settings::default(), &[]), Dedicated::default());
    }
}
