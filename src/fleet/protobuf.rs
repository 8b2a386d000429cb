//! The fields of pods that [`PodView`](super::views::PodView) looks at, by their numbers in protobuf
//! (`generated.proto` of `k8s.io/api/core/v1` and `k8s.io/apimachinery/pkg/apis/meta/v1`).

use crate::cluster::watch::protobuf::{Field, Of};

/// A pod.
pub(super) static POD: &[Field] = &[
    Field::new(1, "metadata", Of::Message(META)),
    Field::new(2, "spec", Of::Message(SPEC)),
    Field::new(3, "status", Of::Message(STATUS)),
];

static META: &[Field] = &[
    Field::new(1, "name", Of::Text),
    Field::new(3, "namespace", Of::Text),
    Field::new(5, "uid", Of::Text),
    Field::new(6, "resourceVersion", Of::Text),
    Field::new(7, "generation", Of::Integer),
    Field::new(8, "creationTimestamp", Of::Time),
    Field::new(9, "deletionTimestamp", Of::Time),
    Field::new(11, "labels", Of::TextMap),
    Field::new(12, "annotations", Of::TextMap),
];

static SPEC: &[Field] = &[
    Field::new(2, "containers", Of::List(&[])),
    Field::new(10, "nodeName", Of::Text),
    Field::new(20, "initContainers", Of::List(INIT_CONTAINER)),
];

static INIT_CONTAINER: &[Field] =
    &[Field::new(1, "name", Of::Text), Field::new(24, "restartPolicy", Of::Text)];

static STATUS: &[Field] = &[
    Field::new(1, "phase", Of::Text),
    Field::new(2, "conditions", Of::List(CONDITION)),
    Field::new(4, "reason", Of::Text),
    Field::new(8, "containerStatuses", Of::List(CONTAINER_STATUS)),
    Field::new(10, "initContainerStatuses", Of::List(CONTAINER_STATUS)),
];

static CONDITION: &[Field] = &[
    Field::new(1, "type", Of::Text),
    Field::new(2, "status", Of::Text),
    Field::new(4, "lastTransitionTime", Of::Time),
    Field::new(5, "reason", Of::Text),
    Field::new(6, "message", Of::Text),
];

static CONTAINER_STATUS: &[Field] = &[
    Field::new(1, "name", Of::Text),
    Field::new(2, "state", Of::Message(STATE)),
    Field::new(3, "lastState", Of::Message(STATE)),
    Field::new(4, "ready", Of::Truth),
    Field::new(5, "restartCount", Of::Integer),
    Field::new(9, "started", Of::OptionalTruth),
];

static STATE: &[Field] = &[
    Field::new(1, "waiting", Of::Message(WAITING)),
    Field::new(2, "running", Of::Message(&[])),
    Field::new(3, "terminated", Of::Message(TERMINATED)),
];

static WAITING: &[Field] = &[Field::new(1, "reason", Of::Text), Field::new(2, "message", Of::Text)];

static TERMINATED: &[Field] = &[
    Field::new(1, "exitCode", Of::Integer),
    Field::new(2, "signal", Of::Integer),
    Field::new(3, "reason", Of::Text),
    Field::new(6, "finishedAt", Of::Time),
];
