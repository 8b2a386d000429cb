//! The rows of the table: words, keys, place and rights of every action.

use super::{Action, ActionId as A, Need, Scope as S};

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
    changing(A::Quota, "quota", "change the limits of its quota, after a look", &["Q"], PATCH_QUOTAS),
    changing(
        A::Observe,
        "observe",
        "measure its lag by a companion beside it, or take that away",
        &["o"],
        CREATE_DEPLOYMENTS,
    ),
    changing(A::Probe, "probe", "try whether its pods reach those of another tenant", &["I"], CREATE_JOBS),
    changing(A::Protect, "protect", "protect it against deletion, or no longer", &["P"], PATCH_PLANE),
    Action {
        needs: Some(Need { verb: "get", group: "", resource: "secrets" }),
        ..quiet(A::Backup, "backup", "take a backup of it", &["b"], S::Vcluster)
    },
    quiet(A::Verify, "verify", "read a backup of it to its end: is it whole?", &[], S::Vcluster),
    changing(A::Restore, "restore", "restore a backup of it", &[], CREATE_PODS),
    changing(A::Duplicate, "clone", "make another virtual cluster of a backup of it", &[], CREATE_PLANE),
    changing(A::Recover, "recover", "see what is wrong with its store", &[], CREATE_PODS),
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
    quiet(A::Tab11, "tab-11", "eleventh tab", &["i"], S::Tabs),
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

const fn quiet(
    id: A,
    name: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    scope: S,
) -> Action {
    Action { id, name, title, hint: None, keys, scope, needs: None, destructive: false }
}

const fn hinted(
    id: A,
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    keys: &'static [&'static str],
    scope: S,
) -> Action {
    Action { id, name, title, hint: Some(hint), keys, scope, needs: None, destructive: false }
}

/// A verb that changes a virtual cluster.
const fn changing(
    id: A,
    name: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    needs: Need,
) -> Action {
    Action { id, name, title, hint: None, keys, scope: S::Vcluster, needs: Some(needs), destructive: true }
}

const CREATE_PLANE: Need = Need { verb: "create", group: "apps", resource: "statefulsets" };
const CREATE_DEPLOYMENTS: Need = Need { verb: "create", group: "apps", resource: "deployments" };
const CREATE_JOBS: Need = Need { verb: "create", group: "batch", resource: "jobs" };
const PATCH_PLANE: Need = Need { verb: "patch", group: "apps", resource: "statefulsets" };
const DELETE_PLANE: Need = Need { verb: "delete", group: "apps", resource: "statefulsets" };
const CREATE_PODS: Need = Need { verb: "create", group: "", resource: "pods" };
const DELETE_PODS: Need = Need { verb: "delete", group: "", resource: "pods" };
const PATCH_QUOTAS: Need = Need { verb: "patch", group: "", resource: "resourcequotas" };
const PATCH_SECRETS: Need = Need { verb: "patch", group: "", resource: "secrets" };
