//! Where actions exist, and which of these places are there together.

use std::fmt;

/// Where an action exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// On every screen.
    Everywhere,
    /// On every screen where something can be moved through: lists, texts, help.
    Moving,
    /// In the table of all virtual clusters.
    Fleet,
    /// In every list.
    List,
    /// On a row that stands for an object: a virtual cluster or a pod.
    Object,
    /// Where one virtual cluster is selected or open.
    Vcluster,
    /// The same, where nothing smaller is selected.
    Whole,
    /// Where one can go on to what virtual clusters have left.
    Residue,
    /// In the list of what virtual clusters have left.
    Orphans,
    /// Where the store of one virtual cluster is shown.
    Store,
    /// On screens with tabs.
    Tabs,
    /// In the pods of one virtual cluster.
    Pods,
    /// In every text.
    Text,
    /// In an object's YAML.
    Yaml,
    /// In logs.
    Logs,
    /// In the list of connections.
    Connections,
    /// In the list of jobs.
    Jobs,
}

/// The combinations of scopes that are active together; a key means one thing in each of them.
const STACKS: [&[Scope]; 13] = [
    &[
        Scope::Everywhere,
        Scope::Moving,
        Scope::Fleet,
        Scope::List,
        Scope::Object,
        Scope::Vcluster,
        Scope::Whole,
        Scope::Residue,
    ],
    &[
        Scope::Everywhere,
        Scope::Moving,
        Scope::Tabs,
        Scope::List,
        Scope::Object,
        Scope::Vcluster,
        Scope::Whole,
        Scope::Residue,
    ],
    &[
        Scope::Everywhere,
        Scope::Moving,
        Scope::Tabs,
        Scope::List,
        Scope::Object,
        Scope::Vcluster,
        Scope::Pods,
        Scope::Residue,
    ],
    &[
        Scope::Everywhere,
        Scope::Moving,
        Scope::Tabs,
        Scope::List,
        Scope::Object,
        Scope::Vcluster,
        Scope::Whole,
        Scope::Orphans,
    ],
    &[
        Scope::Everywhere,
        Scope::Moving,
        Scope::Tabs,
        Scope::List,
        Scope::Object,
        Scope::Vcluster,
        Scope::Whole,
        Scope::Store,
    ],
    &[Scope::Everywhere, Scope::Moving, Scope::List, Scope::Object, Scope::Orphans],
    &[Scope::Everywhere, Scope::Moving, Scope::Tabs, Scope::Text, Scope::Logs, Scope::Vcluster, Scope::Whole],
    &[Scope::Everywhere, Scope::Moving, Scope::Tabs, Scope::Text, Scope::Yaml, Scope::Vcluster, Scope::Whole],
    &[Scope::Everywhere, Scope::Moving, Scope::Tabs, Scope::Text, Scope::Vcluster, Scope::Whole],
    &[Scope::Everywhere, Scope::Moving, Scope::Tabs, Scope::List, Scope::Jobs],
    &[Scope::Everywhere, Scope::Moving, Scope::List],
    &[Scope::Everywhere, Scope::Moving, Scope::List, Scope::Connections],
    &[Scope::Everywhere, Scope::Moving, Scope::Jobs],
];

impl Scope {
    /// Whether both are ever active together.
    pub fn meets(self, other: Scope) -> bool {
        STACKS.iter().any(|stack| stack.contains(&self) && stack.contains(&other))
    }

    /// The heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Scope::Everywhere => "Everywhere",
            Scope::Moving => "Moving",
            Scope::Fleet => "Fleet",
            Scope::List => "Lists",
            Scope::Object => "Virtual clusters and pods",
            Scope::Vcluster => "Virtual clusters",
            Scope::Whole => "Virtual clusters as a whole",
            Scope::Residue => "Leftovers",
            Scope::Orphans => "Orphans",
            Scope::Store => "Store",
            Scope::Tabs => "Tabs",
            Scope::Pods => "Pods",
            Scope::Text => "Texts",
            Scope::Yaml => "YAML",
            Scope::Logs => "Logs",
            Scope::Connections => "Connections",
            Scope::Jobs => "Jobs",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Everywhere => "everywhere",
            Scope::Moving => "moving",
            Scope::Fleet => "the fleet",
            Scope::List => "lists",
            Scope::Object => "objects",
            Scope::Vcluster => "virtual clusters",
            Scope::Whole => "whole virtual clusters",
            Scope::Residue => "leftovers",
            Scope::Orphans => "orphans",
            Scope::Store => "store",
            Scope::Tabs => "tabs",
            Scope::Pods => "pods",
            Scope::Text => "texts",
            Scope::Yaml => "yaml",
            Scope::Logs => "logs",
            Scope::Connections => "connections",
            Scope::Jobs => "jobs",
        })
    }
}
