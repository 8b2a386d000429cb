//! Every cause there is, in the order of the ranking: a family is one file and one line here.

mod ending;
mod images;
mod refused;
mod running;
mod scheduling;
mod starting;
mod tenant;
mod volumes;

use super::facts::Facts;
use super::verdict::Cause;

/// One cause: its code, and whether and how the facts show it.
pub(super) struct Line {
    pub(super) code: &'static str,
    pub(super) why: fn(&Facts) -> Option<Cause>,
}

/// The families. What ends a pod goes before what keeps it from beginning, and that in the order in which it happens.
pub(super) const FAMILIES: &[&[Line]] = &[
    tenant::FIRST,
    ending::LINES,
    tenant::LINES,
    refused::LINES,
    volumes::LINES,
    scheduling::BEFORE,
    scheduling::LINES,
    starting::LINES,
    images::LINES,
    running::LINES,
];

/// The codes of all causes, in the order of the ranking.
pub fn codes() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|lines| lines.iter()).map(|line| line.code)
}
