//! Metrics in the text format of Prometheus, cut down to what is the tenant's and renamed. Pure functions, a line at a
//! time: a node's metrics may be larger than all the memory the syncer is to have.

use std::fmt::Write as _;

use super::own::Own;

/// Labels by which containers are known to the runtime or to the host alone.
const UIDS: [&str; 2] = ["pod_uid", "uid"];
/// Labels that name servers of the host.
const ADDRESSES: [&str; 4] = ["host", "url", "server", "address"];

/// What of a node itself a tenant sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfNode {
    /// What the host says of it: nodes of the host are shown.
    Told,
    /// Nothing but what the tenant's own pods sum up to: nodes are made up.
    Own,
}

/// Cuts metrics down, line by line.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// What is the tenant's.
    pub own: &'a Own,
    /// What is told of the node.
    pub of_node: OfNode,
}

/// What has been said of the metric to come, until one of its lines is kept.
#[derive(Debug, Default)]
pub struct Said {
    header: String,
    about: String,
}

/// A line taken apart.
struct Sample<'l> {
    name: &'l str,
    labels: Vec<(&'l str, &'l str)>,
    /// Value and time.
    rest: &'l str,
}

impl Filter<'_> {
    /// Adds what is kept of a line, given without its end, to `out`.
    pub fn line(&self, line: &str, said: &mut Said, out: &mut String) {
        if let Some(comment) = line.strip_prefix("# ") {
            let about = comment.split(' ').nth(1).unwrap_or_default();
            if said.about != about {
                *said = Said { header: String::new(), about: about.to_owned() };
            }
            said.header.push_str(line);
            said.header.push('\n');
            return;
        }
        let Some(kept) = sample(line).and_then(|sample| self.kept(sample)) else { return };
        out.push_str(&said.header);
        said.header.clear();
        out.push_str(&kept);
        out.push('\n');
    }

    fn kept(&self, sample: Sample<'_>) -> Option<String> {
        let of = |sample: &Sample<'_>, key: &str| {
            sample
                .labels
                .iter()
                .find(|(label, value)| *label == key && !value.is_empty())
                .map(|(_, value)| value.to_string())
        };
        let namespace = of(&sample, "namespace");
        let (pod, claim) = (of(&sample, "pod"), of(&sample, "persistentvolumeclaim"));
        let renamed: Vec<(&str, String)> = match (namespace, pod, claim) {
            (Some(namespace), Some(pod), _) => {
                let own = self.own.pod(&namespace, &pod)?;
                let container = of(&sample, "container").filter(|name| name != "POD");
                if container.is_some_and(|name| !own.containers.iter().any(|own| *own == name)) {
                    return None;
                }
                let uid = UIDS.into_iter().map(|label| (label, own.uid.to_string()));
                let name = own.name.namespace.as_deref().unwrap_or_default().to_owned();
                uid.chain([("namespace", name), ("pod", own.name.name.to_string())]).collect()
            }
            (Some(namespace), None, Some(claim)) => {
                let own = self.own.claim(&namespace, &claim)?;
                let name = own.namespace.as_deref().unwrap_or_default().to_owned();
                vec![("namespace", name), ("persistentvolumeclaim", own.name.to_string())]
            }
            (None, None, None) => self.of_the_node(&sample).then(Vec::new)?,
            _ => return None,
        };
        Some(written(&sample, &renamed))
    }

    /// Whether a line that is about no pod is told.
    fn of_the_node(&self, sample: &Sample<'_>) -> bool {
        let allowed = |(key, value): &(&str, &str)| match *key {
            // Control groups of the node: only the whole of it, never those of other pods and services.
            "id" => matches!(*value, "/" | ""),
            key => !ADDRESSES.contains(&key) || value.is_empty(),
        };
        sample.name == "scrape_error"
            || sample.name == "resource_scrape_error"
            || (self.of_node == OfNode::Told && sample.labels.iter().all(allowed))
    }
}

/// Takes a line apart; none when it is no sample.
fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, mut rest) = line.split_at_checked(end)?;
    let mut labels = Vec::new();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            inner = inner.trim_start_matches([',', ' ']);
            if let Some(after) = inner.strip_prefix('}') {
                rest = after;
                break;
            }
            let (key, after) = inner.split_once("=\"")?;
            let end = closing_quote(after)?;
            labels.push((key.trim(), after.get(..end)?));
            inner = after.get(end + 1..)?;
        }
    }
    let is_sample = !name.is_empty() && !rest.trim().is_empty();
    is_sample.then_some(Sample { name, labels, rest: rest.trim() })
}

/// Where a value ends whose quotes and backslashes are escaped.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// A line with some labels that have other values.
fn written(sample: &Sample<'_>, renamed: &[(&str, String)]) -> String {
    let mut line = sample.name.to_owned();
    for (at, (key, value)) in sample.labels.iter().enumerate() {
        let new = renamed.iter().find(|(renamed, _)| renamed == key);
        let value = new.map_or(*value, |(_, new)| new.as_str());
        // Writing to a string cannot fail.
        let _ = write!(line, "{}{key}=\"{value}\"", if at == 0 { '{' } else { ',' });
    }
    if !sample.labels.is_empty() {
        line.push('}');
    }
    line.push(' ');
    line.push_str(sample.rest);
    line
}

/// What the tenant's pods use of a node together, as the node's own figures: from the kept lines of
/// `/metrics/resource`.
pub fn summed(kept: &str) -> String {
    let mut told = String::new();
    for (of_node, of_pod, kind, help) in [
        (
            "node_cpu_usage_seconds_total",
            "pod_cpu_usage_seconds_total",
            "counter",
            "CPU time used by your pods on the node in core-seconds",
        ),
        (
            "node_memory_working_set_bytes",
            "pod_memory_working_set_bytes",
            "gauge",
            "Working set of your pods on the node in bytes",
        ),
    ] {
        let samples = kept.lines().filter_map(sample).filter(|sample| sample.name == of_pod);
        let values: Vec<(f64, i64)> = samples.filter_map(|sample| value(sample.rest)).collect();
        let Some(time) = values.iter().map(|(_, time)| *time).max() else { continue };
        let sum: f64 = values.iter().map(|(value, _)| value).sum();
        // Writing to a string cannot fail.
        let _ = write!(told, "# HELP {of_node} {help}\n# TYPE {of_node} {kind}\n{of_node} {sum} {time}\n");
    }
    told
}

/// Value and time in milliseconds.
fn value(rest: &str) -> Option<(f64, i64)> {
    let mut words = rest.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use smol_str::SmolStr;
    use v9s::names::VirtualName;

    use super::*;
    use crate::kubelet::own::OwnPod;

    pub fn own() -> Own {
        let pod = |name: &str, host: &str| OwnPod {
            name: VirtualName::namespaced("shop", name),
            uid: format!("v-{name}").into(),
            node: "n".into(),
            containers: vec!["c".into()],
            host_name: host.into(),
        };
        let pods = [pod("web", "web-x"), pod("db", "db-x")].map(|own| (own.host_name.clone(), own));
        let claims = [(SmolStr::from("data-x"), VirtualName::namespaced("shop", "data"))];
        Own { host_namespace: "tenants".into(), pods: pods.into(), claims: claims.into() }
    }

    fn filtered(of_node: OfNode, text: &str) -> String {
        let own = own();
        let filter = Filter { own: &own, of_node };
        let (mut said, mut out) = (Said::default(), String::new());
        text.lines().for_each(|line| filter.line(line, &mut said, &mut out));
        out
    }

    #[test]
    fn a_line_is_kept_only_when_it_is_of_the_tenant() {
        let cases = [
            // Pods and their containers, under the tenant's names.
            (r#"a{namespace="tenants",pod="web-x"} 1 7"#, Some(r#"a{namespace="shop",pod="web"} 1 7"#)),
            (
                r#"a{container="c",namespace="tenants",pod="web-x"} 1"#,
                Some(r#"a{container="c",namespace="shop",pod="web"} 1"#),
            ),
            (
                r#"a{container="POD",id="/x",namespace="tenants",pod="db-x"} 1"#,
                Some(r#"a{container="POD",id="/x",namespace="shop",pod="db"} 1"#),
            ),
            (
                r#"a{container="",namespace="tenants",pod="db-x"} 1"#,
                Some(r#"a{container="",namespace="shop",pod="db"} 1"#),
            ),
            (
                r#"a{pod_uid="h",namespace="tenants",pod="web-x",result="ok"} 1"#,
                Some(r#"a{pod_uid="v-web",namespace="shop",pod="web",result="ok"} 1"#),
            ),
            (
                r#"a{namespace="tenants",persistentvolumeclaim="data-x"} 5"#,
                Some(r#"a{namespace="shop",persistentvolumeclaim="data"} 5"#),
            ),
            // Values may hold anything.
            (
                r#"a{image="x,y}\"\\",namespace="tenants",pod="web-x"} 1"#,
                Some(r#"a{image="x,y}\"\\",namespace="shop",pod="web"} 1"#),
            ),
            (r#"a{note="pod=\"web-x\"",namespace="other",pod="web-x"} 1"#, None),
            // Other tenants, the host's own, containers that the host has added.
            (r#"a{namespace="tenants",pod="other-x"} 1"#, None),
            (r#"a{namespace="kube-system",pod="web-x"} 1"#, None),
            (r#"a{namespace="tenants",persistentvolumeclaim="other"} 5"#, None),
            (r#"a{container="sidecar",namespace="tenants",pod="web-x"} 1"#, None),
            (r#"a{namespace="tenants"} 1"#, None),
            (r#"a{pod="web-x"} 1"#, None),
            // Nodes that are made up tell nothing of the host's.
            ("node_cpu_usage_seconds_total 12.5 7", None),
            (r#"machine_cpu_cores{machine_id="m"} 64"#, None),
            ("resource_scrape_error 0", Some("resource_scrape_error 0")),
            ("nonsense", None),
            (r#"a{namespace="tenants",pod="web-x" 1"#, None),
            ("# a remark", None),
            ("", None),
        ];
        for (line, kept) in cases {
            let expected = kept.map(|kept| format!("{kept}\n")).unwrap_or_default();
            assert_eq!(filtered(OfNode::Own, line), expected, "{line}");
        }
    }

    #[test]
    fn of_nodes_that_are_shown_their_own_figures_are_told_and_nobody_elses() {
        let cases = [
            ("node_cpu_usage_seconds_total 12.5 7", true),
            (r#"a{id="/",namespace="",pod=""} 1"#, true),
            (r#"a{id="/kubepods/burstable/pod-of-somebody"} 1"#, false),
            (r#"a{id="/system.slice/sshd.service"} 1"#, false),
            (r#"rest_client_requests_total{code="200",host="192.0.2.1:6443"} 1"#, false),
            (r#"a{namespace="kube-system",pod="dns"} 1"#, false),
        ];
        for (line, kept) in cases {
            assert_eq!(!filtered(OfNode::Told, line).is_empty(), kept, "{line}");
        }
    }

    #[test]
    fn what_is_said_of_a_metric_stays_with_its_first_line_and_goes_with_its_last() {
        let text = "# HELP a An a.\n# TYPE a counter\na{namespace=\"x\",pod=\"y\"} 1\na{namespace=\"tenants\",pod=\"web-x\"} 2\na{namespace=\"tenants\",pod=\"db-x\"} 3\n# HELP b A b.\n# TYPE b gauge\nb 1\n# HELP d A d.\n# TYPE d gauge\nd{namespace=\"tenants\",pod=\"web-x\"} 4\n";
        let kept = "# HELP a An a.\n# TYPE a counter\na{namespace=\"shop\",pod=\"web\"} 2\na{namespace=\"shop\",pod=\"db\"} 3\n# HELP d A d.\n# TYPE d gauge\nd{namespace=\"shop\",pod=\"web\"} 4\n";
        assert_eq!(filtered(OfNode::Own, text), kept);
    }

    #[test]
    fn a_made_up_node_uses_what_its_pods_use() {
        let kept = "pod_cpu_usage_seconds_total{namespace=\"shop\",pod=\"web\"} 1.5 1000\npod_cpu_usage_seconds_total{namespace=\"shop\",pod=\"db\"} 2 3000\npod_memory_working_set_bytes{namespace=\"shop\",pod=\"web\"} 4096 1000\ncontainer_cpu_usage_seconds_total{namespace=\"shop\",pod=\"web\",container=\"c\"} 9 1000\n";
        let told = summed(kept);
        let samples: Vec<&str> = told.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            ["node_cpu_usage_seconds_total 3.5 3000", "node_memory_working_set_bytes 4096 1000"]
        );
        assert_eq!(summed(""), "");
    }
}
