//! What every action is called in code.

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident),+ $(,)?) => {
        /// Names every action in code; the words are in [`ACTIONS`](super::ACTIONS).
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
    /// Changes the limits of its quota.
    Quota,
    /// Replaces the pods of the control plane.
    Restart,
    /// Replaces the pods of its etcd.
    RestartEtcd,
    /// Puts a companion beside the virtual cluster that measures, or takes it away.
    Observe,
    /// Tries whether its pods reach those of another tenant.
    Probe,
    /// Protects the virtual cluster against deletion, or no longer.
    Protect,
    /// Takes a backup of the virtual cluster.
    Backup,
    /// Reads a backup of the virtual cluster to its end.
    Verify,
    /// Puts a backup in the place of what it has stored.
    Restore,
    /// Makes another virtual cluster of a backup.
    Duplicate,
    /// Says what is wrong with its store, and what helps.
    Recover,
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
    /// The eleventh tab.
    Tab11,
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
