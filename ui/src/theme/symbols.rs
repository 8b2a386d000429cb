//! The signs of the screen, in Unicode and in ASCII. Every sign is one column wide unless it says otherwise.

use ratatui::symbols::border;

use super::Slot;

/// One set of signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// Whether every sign is ASCII.
    pub ascii: bool,
    /// As it should be.
    pub ok: &'static str,
    /// Look at it today.
    pub warn: &'static str,
    /// Act now.
    pub err: &'static str,
    /// Worth knowing.
    pub info: &'static str,
    /// On its way.
    pub pending: &'static str,
    /// Stopped on purpose.
    pub paused: &'static str,
    /// Not known.
    pub unknown: &'static str,
    /// The question does not arise.
    pub not_applicable: &'static str,
    /// Connection is live.
    pub live: &'static str,
    /// Connection is stale.
    pub stale: &'static str,
    /// In front of a marked row.
    pub mark: &'static str,
    /// In front of the row under the cursor, so that it shows without any colour.
    pub cursor: &'static str,
    /// Sorted upwards.
    pub sort_up: &'static str,
    /// Sorted downwards.
    pub sort_down: &'static str,
    /// More columns lie to the left.
    pub more_left: &'static str,
    /// More columns lie to the right.
    pub more_right: &'static str,
    /// Stands for what was cut out.
    pub ellipsis: &'static str,
    /// Used part of a bar, per column.
    pub bar: &'static str,
    /// Free part of a bar, per column.
    pub bar_rest: &'static str,
    /// Heights of a sparkline, lowest first.
    pub spark: [&'static str; 8],
    /// Frames of a spinner.
    pub spinner: &'static [&'static str],
    /// Current step of a job, opened branch.
    pub step: &'static str,
    /// Step that has not begun, separator between facts in a line.
    pub dot: &'static str,
    /// Between tabs.
    pub tab: &'static str,
    /// Horizontal rule.
    pub rule: &'static str,
    /// The enter key in hints; up to five columns in ASCII.
    pub enter: &'static str,
    /// From one value to another; two columns in ASCII.
    pub arrow: &'static str,
    /// Track of a scroll bar.
    pub scroll_track: &'static str,
    /// Thumb of a scroll bar.
    pub scroll_thumb: &'static str,
    /// Frames of panes.
    pub border: border::Set<'static>,
}

/// For every terminal of the last twenty years.
pub static UNICODE: Symbols = Symbols {
    ascii: false,
    ok: "✓",
    warn: "!",
    err: "✗",
    info: "i",
    pending: "…",
    paused: "‖",
    unknown: "?",
    not_applicable: "–",
    live: "●",
    stale: "◌",
    mark: "◆",
    cursor: "▌",
    sort_up: "▲",
    sort_down: "▼",
    more_left: "◂",
    more_right: "▸",
    ellipsis: "…",
    bar: "█",
    bar_rest: "░",
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
    step: "▸",
    dot: "·",
    tab: "│",
    rule: "─",
    enter: "⏎",
    arrow: "→",
    scroll_track: "│",
    scroll_thumb: "█",
    border: border::PLAIN,
};

/// For serial consoles, odd fonts and `--ascii`.
pub static ASCII: Symbols = Symbols {
    ascii: true,
    ok: "+",
    warn: "!",
    err: "x",
    info: "i",
    pending: "~",
    paused: "=",
    unknown: "?",
    not_applicable: "-",
    live: "*",
    stale: "o",
    mark: "*",
    cursor: ">",
    sort_up: "^",
    sort_down: "v",
    more_left: "<",
    more_right: ">",
    ellipsis: "~",
    bar: "#",
    bar_rest: ".",
    spark: ["_", "_", ".", ".", "-", "-", "^", "^"],
    spinner: &["|", "/", "-", "\\"],
    step: ">",
    dot: "-",
    tab: "|",
    rule: "-",
    enter: "enter",
    arrow: "->",
    scroll_track: "|",
    scroll_thumb: "#",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Symbols {
    /// The sign of a status slot; a space for slots that are no status.
    pub fn of(&self, slot: Slot) -> &'static str {
        match slot {
            Slot::Ok => self.ok,
            Slot::Warn => self.warn,
            Slot::Err => self.err,
            Slot::Info => self.info,
            Slot::Pending => self.pending,
            Slot::Paused => self.paused,
            Slot::Unknown => self.unknown,
            Slot::Stale => self.stale,
            _ => " ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn status_signs(set: &Symbols) -> Vec<&'static str> {
        [Slot::Ok, Slot::Warn, Slot::Err, Slot::Info, Slot::Pending, Slot::Paused, Slot::Unknown, Slot::Stale]
            .map(|slot| set.of(slot))
            .to_vec()
    }

    #[test]
    fn every_status_has_a_sign_of_its_own_one_column_wide() {
        for set in [&UNICODE, &ASCII] {
            let signs = status_signs(set);
            for (at, sign) in signs.iter().enumerate() {
                assert_eq!(sign.width(), 1, "{sign:?}");
                assert!(!signs[..at].contains(sign), "{sign:?} stands for two statuses");
            }
        }
    }

    #[test]
    fn the_ascii_set_is_ascii() {
        let all = format!("{ASCII:?}");
        assert!(all.is_ascii(), "{all}");
    }
}
