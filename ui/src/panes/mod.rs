//! The contents of the detail tabs: each a state, methods that move through it, and a way to paint it.
//!
//! No keys, no I/O and no clock: who owns a pane maps actions to its methods and hands in data and the present.
//! Every pane cleans what a cluster sent, paints only the rows that are seen and survives any size.

pub mod control;
pub mod events;
pub mod explain;
#[cfg(test)]
mod laws;
pub mod leftovers;
mod lines;
pub mod logs;
pub mod overview;
mod page;
mod paint;
pub mod pattern;
pub mod pods;
pub mod quota;
mod scroll;
mod search;
pub mod store;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod text;
mod wrap;

/// A step through the contents of a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// To the left, where something is wider than the pane.
    Left,
    /// To the right.
    Right,
}
