//! What a colour means: the names that widgets ask for and theme files set.

use v9s::fleet::model::Severity;
use v9s::fleet::state::State;

macro_rules! slots {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A meaning that a theme gives a look. No widget names a colour.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Slot { $($(#[doc = $doc])+ $variant,)+ }

        impl Slot {
            /// Every slot, in the order of declaration.
            pub const ALL: &'static [Slot] = &[$(Slot::$variant,)+];

            /// The key in a theme file.
            pub fn name(self) -> &'static str {
                match self { $(Slot::$variant => $name,)+ }
            }
        }
    };
}

slots! {
    /// The screen itself: its background is what lies under every slot that sets none.
    Text = "text",
    /// What matters less: units, hints, separators in text.
    Muted = "muted",
    /// The one accent: what can be pressed, what is current.
    Accent = "accent",
    /// Titles of panes and dialogs.
    Title = "title",
    /// Borders and rules.
    Border = "border",
    /// Border of the pane that has the keyboard.
    BorderFocus = "border_focus",
    /// Column headings.
    Header = "header",
    /// Heading of the column that rows are sorted by.
    HeaderSorted = "header_sorted",
    /// The row under the cursor, the current tab.
    Selection = "selection",
    /// A marked row.
    Mark = "mark",
    /// Letters that a filter or search found.
    Match = "match",
    /// As it should be.
    Ok = "ok",
    /// Look at it today.
    Warn = "warn",
    /// Act now. Nothing else is red.
    Err = "err",
    /// Worth knowing.
    Info = "info",
    /// On its way.
    Pending = "pending",
    /// Stopped on purpose.
    Paused = "paused",
    /// Not known: neither good nor bad.
    Unknown = "unknown",
    /// Rows of a host that does not answer: as they last were.
    Stale = "stale",
    /// What cannot be done here and now.
    Disabled = "disabled",
    /// Badge of a production context.
    Prod = "prod",
    /// Badge of any other context, of read-only mode, of a running job.
    Badge = "badge",
    /// A key in the hint line and in help.
    Key = "key",
    /// What a person types.
    Input = "input",
    /// The used part of a bar.
    Bar = "bar",
    /// The free part of a bar.
    BarRest = "bar_rest",
    /// Sparklines.
    Spark = "spark",
}

impl Slot {
    /// The slot with this key in theme files.
    pub fn by_name(name: &str) -> Option<Slot> {
        Slot::ALL.iter().copied().find(|slot| slot.name() == name)
    }

    /// Where the slot's style lies in a theme's table.
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl From<Severity> for Slot {
    fn from(severity: Severity) -> Slot {
        match severity {
            Severity::Ok => Slot::Ok,
            Severity::Info => Slot::Info,
            Severity::Warning => Slot::Warn,
            Severity::Critical => Slot::Err,
        }
    }
}

/// A state has a slot of its own where its severity alone would say too little: paused is not merely "info".
impl From<State> for Slot {
    fn from(state: State) -> Slot {
        match state {
            State::Down | State::Degraded => Slot::Err,
            State::Unknown => Slot::Unknown,
            State::Pending | State::Terminating | State::Restoring => Slot::Pending,
            State::Lagging | State::ScaledDown => Slot::Warn,
            State::SleepingWorkloads | State::Paused => Slot::Paused,
            State::Running => Slot::Ok,
        }
    }
}
