//! What CoreDNS is told.

use v9s::wire::KUBELET_DOMAIN;

/// Port on which it listens: one that needs no privilege.
pub(super) const PORT: u16 = 1053;
/// Where its configuration is.
pub(super) const FOLDER: &str = "/etc/coredns";
/// Where further server blocks (`*.server`) and plugins of the main one (`*.override`) are looked for.
pub(super) const CUSTOM_FOLDER: &str = "/etc/coredns/custom";

/// The Corefile for a cluster domain: Services and pods as in any cluster, host names of nodes lead to the virtual API
/// server, all else goes to the resolver of the node.
pub(super) fn corefile(domain: &str) -> String {
    let nodes = KUBELET_DOMAIN.replace('.', "\\.");
    format!(
        "\
.:{PORT} {{
    errors
    health {{
        lameduck 5s
    }}
    ready
    rewrite stop {{
        name regex ^[^.]+\\.{nodes}\\.$ kubernetes.default.svc.{domain}
        answer auto
    }}
    kubernetes {domain} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl 30
        fallthrough in-addr.arpa ip6.arpa
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
        max_concurrent 1000
    }}
    cache 30
    loop
    reload
    loadbalance
    import {CUSTOM_FOLDER}/*.override
}}
import {CUSTOM_FOLDER}/*.server
"
    )
}
