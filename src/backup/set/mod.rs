//! A backup set: everything of a virtual cluster that is not data of its volumes, taken at one revision of its store.
//!
//! What goes in is looked at first ([`look`]), then the state is streamed through the archive to its destination ([`take`]), read back, and
//! only then is the card put beside it that says it is good.

mod card;
mod configured;
mod error;
mod look;
mod note;
mod pages;
mod plan;
mod retain;
mod shelf;
mod stream;
mod take;
#[cfg(test)]
mod tests;
mod verify;

pub use card::{Card, CardError, archive_name, card_name};
pub use configured::{Config, Configured, configured};
pub use error::{BackupError, VerifyError};
pub(crate) use look::kubernetes;
pub use look::{Gathered, Mirrored, VolumeClaim, look};
pub use note::{Aim, NOTED_STEPS, NotedBackup, aim_at, carry_out as carry_out_noted, missed, start_noted};
pub use plan::{BackupPlan, Protection, plan};
pub use retain::{Keep, to_remove};
pub use shelf::{Shelf, Slot, browse, prune, prune_of};
pub use take::{Request, STEPS, Source, Taken, carry_out, from, passed_over, start};
pub use verify::{Beside, Verified, shown, verify};
