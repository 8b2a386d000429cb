//! The columns of pods: the same in the tab and in the overview.

use v9s::fleet::model::{Phase, PodRow};

use crate::columns::{Cell, Column, Cut, Direction, Value};
use crate::format;
use crate::text::Align;
use crate::theme::Slot;

/// All columns, in the order they stand in.
pub static COLUMNS: &[Column<PodRow>] = &[
    Column {
        cell: |pod, _| Cell::foreign(name(pod), Slot::Text),
        value: |pod| Value::Text(name(pod)),
        preferred: 32,
        grow: 40,
        ..column("name", "NAME", 16, 0)
    },
    Column {
        cell: |pod, look| match &pod.virtual_namespace {
            Some(namespace) => Cell::foreign(namespace, Slot::Text),
            None => Cell::not_applicable(look),
        },
        value: |pod| pod.virtual_namespace.as_deref().map_or(Value::NotApplicable, Value::Text),
        preferred: 18,
        grow: 20,
        ..column("namespace", "NAMESPACE", 10, 3)
    },
    STATUS,
    Column { align: Align::Right, first: Direction::Up, ..READY },
    RESTARTS,
    AGE,
    NODE,
    Column {
        cell: |pod, _| Cell::foreign(&pod.name, Slot::Muted),
        value: |pod| Value::Text(&pod.name),
        preferred: 30,
        grow: 60,
        ..column("host-name", "NAME ON HOST", 16, 5)
    },
];

const STATUS: Column<PodRow> = Column {
    cell: |pod, look| Cell::status(crate::text::clean(&pod.status), health(pod), look),
    value: |pod| Value::Number(f64::from(urgency(pod))),
    grow: 12,
    cut: Cut::End,
    ..column("status", "STATUS", 18, 0)
};

const READY: Column<PodRow> = Column {
    cell: |pod, _| {
        let slot = if health(pod) == Slot::Warn { Slot::Warn } else { Slot::Text };
        Cell::new(format!("{}/{}", pod.ready, pod.containers), slot)
    },
    value: |pod| Value::Number(f64::from(pod.ready) - f64::from(pod.containers)),
    ..column("ready", "READY", 5, 1)
};

const RESTARTS: Column<PodRow> = Column {
    cell: |pod, _| {
        let slot = if pod.restarts > 0 { Slot::Text } else { Slot::Muted };
        Cell::new(format::count(u64::from(pod.restarts)), slot)
    },
    value: |pod| Value::Number(f64::from(pod.restarts)),
    align: Align::Right,
    first: Direction::Down,
    ..column("restarts", "RESTARTS", 8, 2)
};

const AGE: Column<PodRow> = Column {
    cell: |pod, look| match pod.created {
        Some(created) => Cell::new(format::age(created, look.now), Slot::Muted),
        None => Cell::unknown(look),
    },
    value: |pod| Value::age(pod.created),
    align: Align::Right,
    ..column("age", "AGE", 5, 2)
};

const NODE: Column<PodRow> = Column {
    cell: |pod, look| match &pod.node {
        Some(node) => Cell::foreign(node, Slot::Muted),
        None => Cell::not_applicable(look),
    },
    value: |pod| pod.node.as_deref().map_or(Value::NotApplicable, Value::Text),
    preferred: 18,
    grow: 20,
    ..column("node", "NODE", 10, 4)
};

const fn column(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<PodRow> {
    Column::words(id, title, width, drop, Cut::Middle)
}

/// The columns that say something of a control-plane pod: it has no name inside.
pub(in crate::panes) static CONTROL_PLANE: &[Column<PodRow>] = &[
    Column {
        cell: |pod, _| Cell::foreign(&pod.name, Slot::Text),
        value: |pod| Value::Text(&pod.name),
        preferred: 30,
        grow: 20,
        ..column("host-name", "POD", 16, 0)
    },
    STATUS,
    READY,
    RESTARTS,
    AGE,
    NODE,
];

/// The name inside, or the host's where there is none.
pub(in crate::panes) fn name(pod: &PodRow) -> &str {
    pod.virtual_name.as_deref().unwrap_or(&pod.name)
}

/// What the status of a pod means.
pub(in crate::panes) fn health(pod: &PodRow) -> Slot {
    let waits = ["ContainerCreating", "PodInitializing", "Terminating", "NotReady", "SchedulingGated"];
    match (pod.phase, pod.status.as_str()) {
        (Phase::Running, "Running") if pod.ready < pod.containers => Slot::Warn,
        (Phase::Running, "Running") => Slot::Ok,
        (Phase::Succeeded, _) => Slot::Ok,
        (Phase::Failed, _) => Slot::Err,
        (_, "Unknown") | (Phase::Unknown, _) => Slot::Unknown,
        (_, "Pending") => Slot::Pending,
        (_, status) if waits.contains(&status) || is_init_progress(status) => Slot::Pending,
        // What is left are reasons why a container waits or ended: CrashLoopBackOff, ImagePullBackOff, Error.
        _ => Slot::Err,
    }
}

/// `Init:1/2`: init containers run as they should.
fn is_init_progress(status: &str) -> bool {
    status.strip_prefix("Init:").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Worst first.
fn urgency(pod: &PodRow) -> u8 {
    match health(pod) {
        Slot::Err => 0,
        Slot::Unknown => 1,
        Slot::Warn => 2,
        Slot::Pending => 3,
        _ if pod.phase == Phase::Succeeded => 5,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panes::testing::pod;

    #[test]
    fn the_status_of_a_pod_means_what_it_says() {
        for (phase, status, ready, expected) in [
            (Phase::Running, "Running", (2, 2), Slot::Ok),
            (Phase::Running, "Running", (1, 2), Slot::Warn),
            (Phase::Running, "CrashLoopBackOff", (0, 1), Slot::Err),
            (Phase::Running, "Terminating", (1, 1), Slot::Pending),
            (Phase::Pending, "Pending", (0, 1), Slot::Pending),
            (Phase::Pending, "ContainerCreating", (0, 1), Slot::Pending),
            (Phase::Pending, "Init:1/2", (0, 1), Slot::Pending),
            (Phase::Pending, "Init:CrashLoopBackOff", (0, 1), Slot::Err),
            (Phase::Pending, "ImagePullBackOff", (0, 1), Slot::Err),
            (Phase::Succeeded, "Completed", (0, 1), Slot::Ok),
            (Phase::Failed, "Evicted", (0, 1), Slot::Err),
            (Phase::Unknown, "Whatever", (0, 1), Slot::Unknown),
            (Phase::Running, "Unknown", (1, 1), Slot::Unknown),
        ] {
            let mut pod = pod("web");
            (pod.phase, pod.status) = (phase, status.into());
            (pod.ready, pod.containers) = ready;
            assert_eq!(health(&pod), expected, "{phase:?} {status} {ready:?}");
        }
    }
}
