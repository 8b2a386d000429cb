//! Nodes that have no room.

use k8s_openapi::api::core::v1::{Node, Pod};
use smol_str::format_smolstr;

use super::{reason, waiting};
use crate::explain::facts::Facts;
use crate::explain::verdict::Cause;
use crate::fleet::quantity::Quantity;

/// How much of something all containers of a pod ask for, in thousandths. Init containers do not run beside the others.
fn asks(pod: &Pod, resource: &str) -> Option<i128> {
    let spec = pod.spec.as_ref()?;
    let of = |container: &k8s_openapi::api::core::v1::Container| {
        let requests = container.resources.as_ref()?.requests.as_ref()?;
        Quantity::parse(&requests.get(resource)?.0)?.thousandths()
    };
    let main: i128 = spec.containers.iter().filter_map(of).sum();
    let init = spec.init_containers.iter().flatten().filter_map(of).max().unwrap_or_default();
    Some(main.max(init)).filter(|asked| *asked > 0)
}

/// An amount as a person writes it.
fn amount(resource: &str, thousandths: i128) -> String {
    if resource == "cpu" {
        return if thousandths % 1000 == 0 {
            format!("{}", thousandths / 1000)
        } else {
            format!("{thousandths}m")
        };
    }
    let whole = thousandths / 1000;
    let units = [("Gi", 1i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let fits = units.into_iter().find(|(_, unit)| whole >= *unit);
    match fits {
        Some((unit, size)) if whole % size == 0 => format!("{}{unit}", whole / size),
        Some((unit, size)) => format!("{:.1}{unit}", whole as f64 / size as f64),
        None => format!("{whole}"),
    }
}

/// The most that any node can give.
fn largest(facts: &Facts, resource: &str) -> Option<i128> {
    let of = |node: &Node| {
        let allocatable = node.status.as_ref()?.allocatable.as_ref()?;
        Quantity::parse(&allocatable.get(resource)?.0)?.thousandths()
    };
    facts.nodes.get()?.iter().filter_map(of).max()
}

pub(super) fn insufficient(facts: &Facts, resource: &str) -> Option<Cause> {
    let wanted = format!("Insufficient {resource}");
    let reason = reason(facts, |says| says == wanted)?;
    let asked = asks(waiting(facts)?, resource);
    let asks = asked.map(|asked| format!(": it asks for {}", amount(resource, asked))).unwrap_or_default();
    let largest = largest(facts, resource);
    if let Some((_, most)) = asked.zip(largest).filter(|(asked, most)| asked > most) {
        let most = amount(resource, most);
        return Some(
            reason
                .cause(format_smolstr!(
                    "no node is large enough{asks} of {resource}, and the largest can give {most}"
                ))
                .fix(format_smolstr!("ask for less {resource} than {most}, or add a larger node")),
        );
    }
    Some(
        reason
            .cause(format_smolstr!("no node has enough {resource} free{asks}"))
            .fix(format_smolstr!("lower its request of {resource}, or add a node with room"))
            .fix("end pods that are not needed, or that ask for much more than they use"),
    )
}

pub(super) fn insufficient_other(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| {
        let what = says.strip_prefix("Insufficient ");
        what.is_some_and(|what| !matches!(what, "cpu" | "memory" | "ephemeral-storage"))
    })?;
    let what = reason.says.trim_start_matches("Insufficient ").to_owned();
    let none = facts.nodes.get().is_some() && largest(facts, &what).unwrap_or_default() == 0;
    let because =
        if none { format!("no node has any {what}") } else { format!("no node has enough {what} free") };
    Some(
        reason
            .cause(because)
            .fix(format_smolstr!("add a node with {what}, or look why its device plugin does not offer it")),
    )
}

pub(super) fn too_many_pods(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says == "Too many pods")?;
    Some(
        reason
            .cause("the nodes have as many pods as they may have")
            .fix("add a node, or raise maxPods of the kubelets"),
    )
}

pub(super) fn host_port(facts: &Facts) -> Option<Cause> {
    let reason = reason(facts, |says| says.contains("didn't have free ports"))?;
    let containers = waiting(facts)?.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let ports: Vec<String> = containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten())
        .filter_map(|port| port.host_port.filter(|port| *port > 0).map(|port| port.to_string()))
        .collect();
    Some(
        reason
            .cause(format_smolstr!("its hostPort {} is taken on every node", ports.join(", ")))
            .fix("use a Service in place of hostPort, or another port")
            .fix("run no more of such pods than there are nodes"),
    )
}
