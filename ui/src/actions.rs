//! The one table of actions: it drives keys, the hint line, help, palette, menu and remapping.

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
pub const STACKS: [&[Scope]; 13] = [
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

/// What the API server must permit for an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Verb, such as `delete`.
    pub verb: &'static str,
    /// API group, empty for the core.
    pub group: &'static str,
    /// Resource in the plural, such as `pods`.
    pub resource: &'static str,
}

impl Need {
    /// The same right on Deployments, where it is one on StatefulSets: control planes are either.
    pub fn of_deployments(self) -> Need {
        let resource = if self.resource == "statefulsets" { "deployments" } else { self.resource };
        Need { resource, ..self }
    }
}

/// One thing a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// Which one.
    pub id: ActionId,
    /// Its name in the configuration, such as `delete-pod`.
    pub name: &'static str,
    /// What it does, for help, menu and palette.
    pub title: &'static str,
    /// One or two words for the hint line; none keeps it out of there.
    pub hint: Option<&'static str>,
    /// Default keys.
    pub keys: &'static [&'static str],
    /// Where it exists.
    pub scope: Scope,
    /// What the API server must permit.
    pub needs: Option<Need>,
    /// Whether it changes something on a cluster: absent in read-only mode.
    pub destructive: bool,
}

/// The action with this id. Every id has its row: a test holds that.
pub fn action(id: ActionId) -> &'static Action {
    ACTIONS.iter().find(|action| action.id == id).unwrap_or(&ACTIONS[0])
}

/// The action with this configuration name.
pub fn by_name(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

const fn quiet(
    id: ActionId,
    name: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> Action {
    Action { id, name, title, hint: None, keys, scope, needs: None, destructive: false }
}

const fn hinted(
    id: ActionId,
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> Action {
    Action { id, name, title, hint: Some(hint), keys, scope, needs: None, destructive: false }
}

/// A verb that changes a virtual cluster.
const fn changing(
    id: ActionId,
    name: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    needs: Need,
) -> Action {
    Action { id, name, title, hint: None, keys, scope: S::Vcluster, needs: Some(needs), destructive: true }
}

const CREATE_PLANE: Need = Need { verb: "create", group: "apps", resource: "statefulsets" };
const PATCH_PLANE: Need = Need { verb: "patch", group: "apps", resource: "statefulsets" };
const DELETE_PLANE: Need = Need { verb: "delete", group: "apps", resource: "statefulsets" };
const DELETE_PODS: Need = Need { verb: "delete", group: "", resource: "pods" };
const PATCH_SECRETS: Need = Need { verb: "patch", group: "", resource: "secrets" };

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident),+ $(,)?) => {
        /// Names every action in code; the words are in [`ACTIONS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ActionId { $($(#[$doc])* $id),+ }

        impl ActionId {
            /// All of them.
            pub const ALL: &'static [ActionId] = &[$(ActionId::$id),+];
        }
    };
}

ids! {
    /// Opens what is selected.
    Open,
    /// Overview of the virtual cluster.
    Describe,
    /// YAML of the selected object.
    Yaml,
    /// Logs of the selected object.
    Logs,
    /// Logs of the container before its last restart.
    PreviousLogs,
    /// Says why a pod is not what it should be.
    Explain,
    /// Deletes the selected or marked pods.
    DeletePod,
    /// Pauses the virtual cluster, or resumes it.
    Pause,
    /// Opens the form for a new virtual cluster.
    Create,
    /// Gets into the virtual cluster.
    Connect,
    /// Ways into virtual clusters that are open.
    Connections,
    /// A shell in the virtual cluster of a connection.
    Shell,
    /// Copies the path of a connection's kubeconfig.
    CopyPath,
    /// Closes a connection.
    CloseConnection,
    /// Leaves the context of a virtual cluster.
    Disconnect,
    /// Tells when certificates end.
    Certificates,
    /// Makes certificates anew.
    Rotate,
    /// Changes the configuration of the virtual cluster.
    Edit,
    /// Says how long the virtual cluster is to live, and whose it is.
    Extend,
    /// Replaces the pods of the control plane.
    Restart,
    /// Replaces the pods of its etcd.
    RestartEtcd,
    /// Protects the virtual cluster against deletion, or no longer.
    Protect,
    /// Deletes the virtual cluster.
    Delete,
    /// Shows what virtual clusters have left.
    Orphans,
    /// Collects the chosen leftovers.
    Collect,
    /// Marks every leftover that is proven.
    MarkProven,
    /// Recovers space in the store.
    RecoverSpace,
    /// Every verb for the selection.
    Menu,
    /// Narrows a list.
    Filter,
    /// Asks for a command.
    Command,
    /// Shows the keys.
    Help,
    /// One step back.
    Back,
    /// Closes the screen; asks at the root.
    Quit,
    /// Leaves v9s.
    Exit,
    /// Reads again, ends back-offs.
    Refresh,
    /// Paints everything anew.
    Redraw,
    /// Hands the terminal to the shell.
    Suspend,
    /// Jobs and messages.
    Activity,
    /// Every action by name.
    Palette,
    /// Shows or hides the header.
    Header,
    /// Turns mouse capture on or off.
    Mouse,
    /// Screen before, in the jump list.
    JumpBack,
    /// Screen after, in the jump list.
    JumpForward,
    /// The screen that was open last.
    JumpLast,
    /// One up.
    Up,
    /// One down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the top.
    Top,
    /// To the bottom.
    Bottom,
    /// Columns to the left.
    ColumnsLeft,
    /// Columns to the right.
    ColumnsRight,
    /// Sorts by the column before.
    SortPrevious,
    /// Sorts by the next column.
    SortNext,
    /// Turns the order round.
    SortReverse,
    /// Marks one row.
    Mark,
    /// Marks from the last mark to here.
    MarkRange,
    /// Takes all marks away.
    MarkClear,
    /// Copies the name.
    CopyName,
    /// Copies the row.
    CopyRow,
    /// All columns.
    Wide,
    /// Only what is not well.
    Faults,
    /// Next tab.
    TabNext,
    /// Tab before.
    TabPrevious,
    /// Tab 1.
    Tab1,
    /// Tab 2.
    Tab2,
    /// Tab 3.
    Tab3,
    /// Tab 4.
    Tab4,
    /// Tab 5.
    Tab5,
    /// Tab 6.
    Tab6,
    /// Tab 7.
    Tab7,
    /// Tab 8.
    Tab8,
    /// Tab 9.
    Tab9,
    /// The tenth tab.
    Tab10,
    /// Looks for text.
    Search,
    /// Next place.
    SearchNext,
    /// Place before.
    SearchPrevious,
    /// Text to the left.
    PanLeft,
    /// Text to the right.
    PanRight,
    /// Breaks long lines.
    Wrap,
    /// Copies the text.
    CopyText,
    /// Writes the text to a file.
    Save,
    /// Opens the text in the person's own editor.
    Editor,
    /// Shows managed fields.
    ManagedFields,
    /// Follows new lines.
    Follow,
    /// Shows times.
    Timestamps,
    /// Chooses container.
    Container,
    /// Chooses pod.
    LogPod,
    /// Switches to the log before the last restart.
    Previous,
    /// How far back.
    Since,
    /// Only lines that match.
    LogFilter,
    /// Empties what is shown.
    Clear,
    /// Stops a job.
    CancelJob,
}

use ActionId as A;
use Scope as S;

/// Every action, in the order of menus and help.
pub const ACTIONS: &[Action] = &[
    hinted(A::Open, "open", "open what is selected", "open", &["enter"], S::List),
    quiet(A::Describe, "describe", "overview of the virtual cluster", &["d"], S::Object),
    quiet(A::Yaml, "yaml", "YAML of the selected object", &["y"], S::Object),
    hinted(A::Logs, "logs", "logs of the selected object", "logs", &["l"], S::Object),
    hinted(
        A::Explain,
        "explain",
        "why it is not what it should be, and what to do",
        "explain",
        &["e"],
        S::Object,
    ),
    quiet(A::PreviousLogs, "previous-logs", "logs before the last restart", &["p"], S::Object),
    Action {
        hint: Some("create"),
        scope: S::Fleet,
        ..changing(A::Create, "create", "make a virtual cluster", &["n"], CREATE_PLANE)
    },
    Action {
        needs: Some(Need { verb: "get", group: "", resource: "secrets" }),
        ..hinted(
            A::Connect,
            "connect",
            "get into it: a shell, a kubeconfig, a context",
            "connect",
            &["C"],
            S::Vcluster,
        )
    },
    Action {
        needs: Some(Need { verb: "get", group: "", resource: "secrets" }),
        ..quiet(A::Certificates, "certificates", "when its certificates end", &["K"], S::Vcluster)
    },
    quiet(A::Connections, "connections", "ways into virtual clusters that are open", &["f"], S::Object),
    changing(A::Pause, "pause", "pause the virtual cluster, or resume a paused one", &["z"], PATCH_PLANE),
    changing(
        A::Restart,
        "restart",
        "restart its control plane, with the syncer, pod by pod",
        &["r"],
        DELETE_PODS,
    ),
    changing(A::RestartEtcd, "restart-etcd", "restart its etcd, pod by pod", &[], DELETE_PODS),
    changing(
        A::Rotate,
        "rotate",
        "make its certificates anew, and restart what uses them",
        &[],
        PATCH_SECRETS,
    ),
    changing(A::Edit, "edit-config", "change its vcluster.yaml", &["E"], PATCH_PLANE),
    changing(A::Extend, "extend", "say how long it is to live, and whose it is", &["L"], PATCH_PLANE),
    changing(A::Protect, "protect", "protect it against deletion, or no longer", &["P"], PATCH_PLANE),
    Action {
        scope: S::Whole,
        ..changing(
            A::Delete,
            "delete",
            "delete it, and everything that was made for it",
            &["ctrl-d"],
            DELETE_PLANE,
        )
    },
    Action {
        id: A::DeletePod,
        name: "delete-pod",
        title: "delete the selected or marked pods",
        hint: Some("delete"),
        keys: &["ctrl-d"],
        scope: S::Pods,
        needs: Some(DELETE_PODS),
        destructive: true,
    },
    Action {
        id: A::Collect,
        name: "collect",
        title: "collect the selected or marked leftovers, after a plan",
        hint: Some("collect"),
        keys: &["x"],
        scope: S::Orphans,
        needs: Some(DELETE_PODS),
        destructive: true,
    },
    Action {
        id: A::RecoverSpace,
        name: "recover-space",
        title: "recover space in its store, member by member, after a plan",
        hint: Some("recover space"),
        keys: &["x"],
        scope: S::Store,
        needs: Some(Need { verb: "get", group: "", resource: "secrets" }),
        destructive: true,
    },
    hinted(
        A::MarkProven,
        "mark-proven",
        "mark every proven leftover but what holds data",
        "mark proven",
        &["a"],
        S::Orphans,
    ),
    hinted(A::Menu, "menu", "every verb for the selection", "menu", &["m"], S::Everywhere),
    hinted(A::Filter, "filter", "narrow the list: text, !text, -l label=value", "filter", &["/"], S::List),
    hinted(
        A::Orphans,
        "orphans",
        "what virtual clusters have left, with proof",
        "orphans",
        &["x"],
        S::Residue,
    ),
    quiet(A::Faults, "faults", "only what is not well", &["!"], S::List),
    quiet(A::Wide, "wide", "all columns, or those that fit", &["ctrl-w"], S::List),
    quiet(A::SortNext, "sort-next", "sort by the next column", &[">", "shift-right"], S::List),
    quiet(A::SortPrevious, "sort-previous", "sort by the column before", &["<", "shift-left"], S::List),
    quiet(A::SortReverse, "sort-reverse", "turn the order round", &["O"], S::List),
    quiet(A::Mark, "mark", "mark the row", &["space"], S::List),
    quiet(A::MarkRange, "mark-range", "mark from the last mark to here", &["ctrl-space"], S::List),
    quiet(A::MarkClear, "mark-clear", "take all marks away", &["ctrl-\\"], S::List),
    quiet(A::CopyName, "copy-name", "copy the name", &["c"], S::List),
    quiet(A::CopyRow, "copy-row", "copy the row", &["Y"], S::List),
    quiet(A::ColumnsLeft, "columns-left", "columns to the left", &["left"], S::List),
    quiet(A::ColumnsRight, "columns-right", "columns to the right; the name stays", &["right"], S::List),
    hinted(A::Search, "search", "look for text", "search", &["/"], S::Text),
    quiet(A::SearchNext, "search-next", "next place", &["n"], S::Text),
    quiet(A::SearchPrevious, "search-previous", "place before", &["N"], S::Text),
    hinted(A::Wrap, "wrap", "break long lines", "wrap", &["w"], S::Text),
    quiet(A::CopyText, "copy-text", "copy the text", &["c"], S::Text),
    hinted(A::Save, "save", "write the text to a file", "save", &["S"], S::Text),
    quiet(A::Editor, "editor", "open a copy of the text in $EDITOR", &["e"], S::Text),
    quiet(A::PanLeft, "pan-left", "to the left", &["left", "h"], S::Text),
    quiet(A::PanRight, "pan-right", "to the right", &["right", "l"], S::Text),
    hinted(A::ManagedFields, "managed-fields", "show or hide managed fields", "fields", &["f"], S::Yaml),
    hinted(A::Follow, "follow", "follow new lines", "follow", &["s"], S::Logs),
    hinted(A::Container, "container", "next container", "container", &["a"], S::Logs),
    quiet(A::LogPod, "log-pod", "next pod", &["A"], S::Logs),
    hinted(
        A::Previous,
        "previous",
        "the log before the last restart, or the present one",
        "previous",
        &["p"],
        S::Logs,
    ),
    quiet(A::Timestamps, "timestamps", "show or hide times", &["t"], S::Logs),
    quiet(A::Since, "since", "how far back: tail, 1m, 5m, 15m, 1h, all", &["T"], S::Logs),
    hinted(
        A::LogFilter,
        "log-filter",
        "only lines that match; !text for those that do not",
        "only",
        &["&"],
        S::Logs,
    ),
    quiet(A::Clear, "clear", "empty what is shown", &["x"], S::Logs),
    hinted(A::TabNext, "tab-next", "next tab", "tabs", &["tab"], S::Tabs),
    quiet(A::TabPrevious, "tab-previous", "tab before", &["shift-tab"], S::Tabs),
    quiet(A::Tab1, "tab-1", "first tab", &["1"], S::Tabs),
    quiet(A::Tab2, "tab-2", "second tab", &["2"], S::Tabs),
    quiet(A::Tab3, "tab-3", "third tab", &["3"], S::Tabs),
    quiet(A::Tab4, "tab-4", "fourth tab", &["4"], S::Tabs),
    quiet(A::Tab5, "tab-5", "fifth tab", &["5"], S::Tabs),
    quiet(A::Tab6, "tab-6", "sixth tab", &["6"], S::Tabs),
    quiet(A::Tab7, "tab-7", "seventh tab", &["7"], S::Tabs),
    quiet(A::Tab8, "tab-8", "eighth tab", &["8"], S::Tabs),
    quiet(A::Tab9, "tab-9", "ninth tab", &["9"], S::Tabs),
    quiet(A::Tab10, "tab-10", "tenth tab", &["0"], S::Tabs),
    hinted(A::Shell, "shell", "a shell in its virtual cluster", "shell", &["s"], S::Connections),
    hinted(A::CopyPath, "copy-path", "copy the path of its kubeconfig", "kubeconfig", &["p"], S::Connections),
    hinted(A::CloseConnection, "close", "close the connection", "close", &["ctrl-d"], S::Connections),
    hinted(
        A::Disconnect,
        "leave-context",
        "leave its context in your kubeconfig; take stale ones out",
        "disconnect",
        &["D"],
        S::Connections,
    ),
    hinted(A::CancelJob, "cancel-job", "stop the selected job", "stop", &["x"], S::Jobs),
    quiet(A::Up, "up", "up", &["up", "k"], S::Moving),
    quiet(A::Down, "down", "down", &["down", "j"], S::Moving),
    quiet(A::PageUp, "page-up", "one page up", &["pgup", "ctrl-b"], S::Moving),
    quiet(A::PageDown, "page-down", "one page down", &["pgdn", "ctrl-f"], S::Moving),
    quiet(A::Top, "top", "to the top", &["home", "g"], S::Moving),
    quiet(A::Bottom, "bottom", "to the bottom", &["end", "G"], S::Moving),
    hinted(
        A::Command,
        "command",
        "type a command: a screen, a virtual cluster, q",
        "command",
        &[":"],
        S::Everywhere,
    ),
    hinted(A::Help, "help", "the keys of this screen", "help", &["?"], S::Everywhere),
    quiet(A::Palette, "palette", "every action by name", &["ctrl-p"], S::Everywhere),
    quiet(A::Activity, "activity", "jobs and messages", &["ctrl-o"], S::Everywhere),
    quiet(A::Back, "back", "one step back: filter, popup, screen", &["esc"], S::Everywhere),
    quiet(A::Quit, "quit", "close this screen; asks at the fleet", &["q"], S::Everywhere),
    quiet(A::Exit, "exit", "leave v9s; asks", &["ctrl-c"], S::Everywhere),
    quiet(A::JumpBack, "jump-back", "the screen before", &["["], S::Everywhere),
    quiet(A::JumpForward, "jump-forward", "the screen after", &["]"], S::Everywhere),
    quiet(A::JumpLast, "jump-last", "to and fro between two screens", &["-"], S::Everywhere),
    quiet(A::Refresh, "refresh", "read again now; ends every back-off", &["ctrl-r"], S::Everywhere),
    quiet(A::Redraw, "redraw", "paint everything anew", &["ctrl-l"], S::Everywhere),
    quiet(A::Header, "header", "show or hide the header", &["ctrl-e"], S::Everywhere),
    quiet(
        A::Mouse,
        "mouse",
        "mouse on or off; hold shift to select text while it is on",
        &["M"],
        S::Everywhere,
    ),
    quiet(A::Suspend, "suspend", "to the shell; fg brings v9s back", &["ctrl-z"], S::Everywhere),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_exactly_one_row() {
        for id in ActionId::ALL {
            assert_eq!(ACTIONS.iter().filter(|action| action.id == *id).count(), 1, "{id:?}");
            assert_eq!(action(*id).id, *id);
        }
        assert_eq!(ACTIONS.len(), ActionId::ALL.len());
    }

    #[test]
    fn names_are_unique_and_fit_a_configuration_file() {
        for action in ACTIONS {
            assert_eq!(by_name(action.name).map(|found| found.id), Some(action.id));
            assert!(action.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }

    #[test]
    fn every_scope_is_active_somewhere() {
        for action in ACTIONS {
            assert!(action.scope.meets(action.scope), "{} is in a scope that is never active", action.name);
        }
    }

    #[test]
    fn what_changes_a_cluster_says_what_it_needs() {
        for action in ACTIONS.iter().filter(|action| action.destructive) {
            assert!(action.needs.is_some(), "{}", action.name);
        }
    }
}
