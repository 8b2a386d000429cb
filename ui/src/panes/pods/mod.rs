//! Pods of one virtual cluster: those of its control plane and those it synced.
//!
//! A list shows them: this is what the list needs to know, and the line above it.

pub mod columns;
mod language;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::fleet::model::{PodCounts, PodRow, Vcluster};
use v9s::known::Known;

pub use self::language::LANGUAGE;
use super::lines::Line;
use super::paint::{Pen, notice};
use crate::format::{age, count};
use crate::text::clean;
use crate::theme::{Slot, Symbols, Theme};

/// The pods to show, and a number that changes only when they do.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    control_plane: Arc<[PodRow]>,
    synced: Arc<[PodRow]>,
    revision: u64,
}

impl Pods {
    /// Takes the pods of the newest snapshot. Pods that are shared with the snapshot before are the same pods.
    pub fn update(&mut self, vcluster: &Vcluster) {
        let same = Arc::ptr_eq(&self.control_plane, &vcluster.control_plane)
            && Arc::ptr_eq(&self.synced, &vcluster.pods);
        if !same {
            self.control_plane = Arc::clone(&vcluster.control_plane);
            self.synced = Arc::clone(&vcluster.pods);
            self.revision += 1;
        }
    }

    /// All of them: those of the control plane first, the others by virtual namespace and name.
    pub fn rows(&self) -> Vec<&PodRow> {
        self.control_plane.iter().chain(self.synced.iter()).collect()
    }

    /// Equal numbers mean equal rows.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// Whether a pod is shown when only faults are: whatever does not run as it should, and has not ended well.
pub fn is_fault(pod: &PodRow) -> bool {
    columns::health(pod) != Slot::Ok
}

/// What stands instead of rows when there are none.
pub fn emptiness(vcluster: &Vcluster) -> &'static str {
    match &vcluster.synced {
        Known::Yes(_) => "no pods",
        Known::No(_) => "no pods that are known",
        Known::NotApplicable => "no pods: none can run in this state",
    }
}

/// Paints one line above the list: the tenant's pods by phase, or why they are not known.
pub fn render_head(vcluster: &Vcluster, area: Rect, buf: &mut Buffer, theme: &Theme, now: DateTime<Utc>) {
    let area = area.intersection(buf.area);
    let line = match &vcluster.synced {
        Known::Yes(pods) => phases(pods, theme.symbols()),
        Known::No(why) => {
            return notice(
                area,
                Slot::Unknown,
                &format!("synced pods not known: {}", clean(why)),
                buf,
                theme,
            );
        }
        Known::NotApplicable => Line::new(" synced pods: none can run in this state", Slot::Muted),
    };
    let line = match vcluster.stale_since {
        Some(since) => line.with(
            format!(
                " {} {} as it last was, {} ago",
                theme.symbols().dot,
                theme.symbols().stale,
                age(since, now)
            ),
            Slot::Stale,
        ),
        None => line,
    };
    line.draw(&mut Pen::at(area, 0, buf, theme));
}

/// Synced pods by phase, worst first; phases without pods are left out.
pub(super) fn phases(pods: &PodCounts, symbols: &Symbols) -> Line {
    let total = Line::new(format!(" {} synced", count(u64::from(pods.total))), Slot::Text);
    let phases = [
        (pods.failed, "failed", Slot::Err),
        (pods.unknown, "unknown", Slot::Unknown),
        (pods.pending, "pending", Slot::Pending),
        (pods.running, "running", Slot::Ok),
        (pods.succeeded, "succeeded", Slot::Muted),
    ];
    phases.into_iter().filter(|(n, ..)| *n > 0).fold(total, |line, (n, word, slot)| {
        let sign = symbols.of(slot).trim();
        let gap = if sign.is_empty() { "" } else { " " };
        line.with(format!(" {}", symbols.dot), Slot::Muted)
            .with(format!(" {sign}{gap}{} {word}", count(u64::from(n))), slot)
    })
}

#[cfg(test)]
mod tests;
