//! As much of each kind as the fleet looks at, borrowed from the answer's bytes and gone with them.

mod status;

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::cluster::watch::{Identified, Identity, Text};
use crate::health::isolation;
use crate::time;

pub(super) use status::StatusView;

/// `metadata`, with the labels and annotations that the kind's rows need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, L: Deserialize<'de>, A: Deserialize<'de>"))]
pub(super) struct Meta<'a, L, A> {
    #[serde(default)]
    namespace: Text<'a>,
    name: Text<'a>,
    #[serde(default)]
    uid: Text<'a>,
    #[serde(default)]
    resource_version: Text<'a>,
    #[serde(default)]
    pub(super) generation: Option<i64>,
    creation_timestamp: Option<Text<'a>>,
    deletion_timestamp: Option<Text<'a>>,
    labels: Option<L>,
    annotations: Option<A>,
}

impl<L, A> Meta<'_, L, A> {
    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.uid,
            resource_version: &self.resource_version,
        }
    }

    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    pub(super) fn created(&self) -> Option<DateTime<Utc>> {
        instant(self.creation_timestamp.as_ref())
    }

    pub(super) fn deleted(&self) -> Option<DateTime<Utc>> {
        instant(self.deletion_timestamp.as_ref())
    }

    pub(super) fn labels(&self) -> Option<&L> {
        self.labels.as_ref()
    }

    pub(super) fn annotations(&self) -> Option<&A> {
        self.annotations.as_ref()
    }
}

/// A time, none when absent or not a time.
pub(super) fn instant(text: Option<&Text<'_>>) -> Option<DateTime<Utc>> {
    time::parse(text?)
}

/// Declares a view: an object with metadata and more.
macro_rules! view {
    ($(#[$doc:meta])* $name:ident { labels: $labels:ty, annotations: $annotations:ty, $($field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "'de: 'a"))]
        pub(super) struct $name<'a> {
            pub(super) metadata: Meta<'a, $labels, $annotations>,
            $(#[serde(default)] pub(super) $field: $type,)*
        }

        impl Identified for $name<'_> {
            fn identity(&self) -> Identity<'_> {
                self.metadata.identity()
            }
        }
    };
}

view! {
    /// A StatefulSet or Deployment.
    WorkloadView { labels: Pairs<'a>, annotations: WorkloadAnnotations<'a>, spec: WorkloadSpec<'a>, status: Option<WorkloadStatus<'a>> }
}
view! {
    /// A pod.
    PodView { labels: PodLabels<'a>, annotations: PodAnnotations<'a>, spec: PodSpec<'a>, status: PodStatus<'a> }
}
view! {
    /// The Secret with the configuration.
    ConfigView { labels: ConfigLabels<'a>, annotations: ConfigAnnotations<'a>, data: Option<ConfigData<'a>> }
}
view! {
    /// A ResourceQuota.
    QuotaView { labels: IgnoredAny, annotations: IgnoredAny, spec: QuotaSpec<'a>, status: QuotaStatus<'a> }
}
view! {
    /// A NetworkPolicy.
    PolicyView { labels: IgnoredAny, annotations: IgnoredAny, spec: isolation::Spec }
}
view! {
    /// A namespace, of which metadata is enough.
    NamespaceView { labels: NamespaceLabels<'a>, annotations: IgnoredAny, }
}

#[derive(Deserialize)]
pub(super) struct WorkloadAnnotations<'a> {
    #[serde(borrow, rename = "loft.sh/paused")]
    pub(super) paused: Option<Text<'a>>,
    #[serde(borrow, rename = "loft.sh/paused-date")]
    pub(super) paused_date: Option<Text<'a>>,
    #[serde(borrow, rename = "loft.sh/restoring")]
    pub(super) restoring: Option<Text<'a>>,
    #[serde(borrow, rename = "v9s.io/expires")]
    pub(super) expires: Option<Text<'a>>,
    #[serde(borrow, rename = "v9s.io/owner")]
    pub(super) owner: Option<Text<'a>>,
    #[serde(borrow, rename = "v9s.io/certificates-end")]
    pub(super) certificates_end: Option<Text<'a>>,
    #[serde(borrow, rename = "v9s.io/backup")]
    pub(super) backup: Option<Text<'a>>,
    #[serde(borrow, rename = "v9s.io/backup-missed")]
    pub(super) backup_missed: Option<Text<'a>>,
    #[serde(borrow, rename = "v9s.io/backup-objective")]
    pub(super) backup_objective: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WorkloadSpec<'a> {
    pub(super) replicas: Option<u32>,
    #[serde(borrow)]
    pub(super) template: Template<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Template<'a> {
    #[serde(borrow)]
    pub(super) spec: TemplateSpec<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TemplateSpec<'a> {
    #[serde(borrow)]
    pub(super) containers: Option<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub(super) init_containers: Option<Vec<Container<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Container<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) image: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WorkloadStatus<'a> {
    pub(super) ready_replicas: Option<u32>,
    pub(super) updated_replicas: Option<u32>,
    pub(super) observed_generation: Option<i64>,
    #[serde(borrow)]
    pub(super) conditions: Option<Vec<Condition<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct PodLabels<'a> {
    #[serde(borrow)]
    pub(super) app: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) release: Option<Text<'a>>,
    #[serde(borrow, rename = "vcluster.loft.sh/managed-by")]
    pub(super) managed_by: Option<Text<'a>>,
    #[serde(borrow, rename = "vcluster.loft.sh/controlled-by")]
    pub(super) controlled_by: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct PodAnnotations<'a> {
    #[serde(borrow, rename = "vcluster.loft.sh/object-name")]
    pub(super) virtual_name: Option<Text<'a>>,
    #[serde(borrow, rename = "vcluster.loft.sh/object-namespace")]
    pub(super) virtual_namespace: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec<'a> {
    #[serde(borrow)]
    pub(super) node_name: Option<Text<'a>>,
    pub(super) containers: Count,
    #[serde(borrow)]
    pub(super) init_containers: Option<Vec<InitContainer<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct InitContainer<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) restart_policy: Option<Text<'a>>,
}

impl InitContainer<'_> {
    /// Whether it keeps running beside the others.
    pub(super) fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodStatus<'a> {
    #[serde(borrow)]
    pub(super) phase: Text<'a>,
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    #[serde(borrow)]
    pub(super) container_statuses: Option<Vec<ContainerStatus<'a>>>,
    #[serde(borrow)]
    pub(super) init_container_statuses: Option<Vec<ContainerStatus<'a>>>,
    #[serde(borrow)]
    pub(super) conditions: Option<Vec<Condition<'a>>>,
}

impl<'a> PodStatus<'a> {
    pub(super) fn condition(&self, kind: &str) -> Option<&Condition<'a>> {
        self.conditions.as_ref()?.iter().find(|condition| condition.kind.as_str() == kind)
    }

    pub(super) fn is_true(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status.as_str() == "True")
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ContainerStatus<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) ready: bool,
    pub(super) started: Option<bool>,
    pub(super) restart_count: u32,
    #[serde(borrow)]
    pub(super) state: ContainerState<'a>,
    #[serde(borrow)]
    pub(super) last_state: ContainerState<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ContainerState<'a> {
    #[serde(borrow)]
    pub(super) waiting: Option<Waiting<'a>>,
    pub(super) running: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) terminated: Option<Terminated<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Waiting<'a> {
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Terminated<'a> {
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    pub(super) exit_code: i64,
    pub(super) signal: Option<i64>,
    #[serde(borrow)]
    pub(super) finished_at: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Condition<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) last_transition_time: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ConfigLabels<'a> {
    #[serde(borrow)]
    pub(super) release: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ConfigAnnotations<'a> {
    #[serde(borrow, rename = "sleepmode.loft.sh/sleep-type")]
    pub(super) sleep_type: Option<Text<'a>>,
    #[serde(borrow, rename = "sleepmode.loft.sh/sleeping-since")]
    pub(super) sleeping_since: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ConfigData<'a> {
    #[serde(borrow, rename = "config.yaml")]
    pub(super) config: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct QuotaSpec<'a> {
    #[serde(borrow)]
    pub(super) hard: Option<Pairs<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct QuotaStatus<'a> {
    #[serde(borrow)]
    pub(super) hard: Option<Pairs<'a>>,
    #[serde(borrow)]
    pub(super) used: Option<Pairs<'a>>,
}

#[derive(Deserialize)]
pub(super) struct NamespaceLabels<'a> {
    #[serde(borrow, rename = "vcluster.loft.sh/vcluster-name")]
    pub(super) vcluster: Option<Text<'a>>,
    #[serde(borrow, rename = "vcluster.loft.sh/vcluster-namespace")]
    pub(super) vcluster_namespace: Option<Text<'a>>,
}

/// A map of text in the order it came.
#[derive(Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Text<'a>, Text<'a>)>);

impl Pairs<'_> {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value.as_str())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for PairsVisitor<'a> {
            type Value = Pairs<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'a>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

/// How many items a list has; the items are not looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count(pub(super) usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;
        impl<'de> Visitor<'de> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E>(self) -> Result<Count, E> {
                Ok(Count(0))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_any(CountVisitor)
    }
}
