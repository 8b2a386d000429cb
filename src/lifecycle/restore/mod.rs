//! Puts the state of a backup in the place of what a virtual cluster has stored.
//!
//! The backup is read to its end, and the new store made of it on this machine, before anything stops. Then the control plane is
//! stopped, a pod takes the new store to the volume beside the old one, and both change places in one step of the file system. The
//! old store is kept until the new one has proved itself; whatever fails before is undone. What ran on the host runs on: while the
//! marks of a restore are on the control plane, nobody deletes there what is missing inside.
//!
//! A mark on the control plane says what was there before. So a run that was killed is undone or begun anew by the next one.

mod adopting;
mod anew;
mod aside;
mod carry;
mod helper;
mod host;
mod keeper;
mod look;
mod made;
mod mark;
mod members;
mod place;
mod plan;
mod prepare;
mod room;
mod run;
mod see;
mod undo;
mod why;

use std::path::PathBuf;

use smol_str::SmolStr;
use thiserror::Error;

pub use adopting::{ADOPT_STEPS, Adopted, Adopting, carry_out as carry_out_adopt, start_adopt};
pub use aside::Aside;
pub use carry::{Restored, STEPS, carry_out, start};
pub use host::carried;
pub use look::{Found, look, look_lost};
pub use mark::Mark;
pub use plan::{RestorePlan, plan, plan_adopt};
pub use room::NoRoom;
pub use see::Checked;
pub use undo::{STEPS as UNDO_STEPS, start as start_undo};
pub use why::{Diagnosis, Said, diagnose};

use super::LifeError;
use crate::backup::archive::{Identities, Tenant};
use crate::backup::destination::Destination;
use crate::backup::set::{self, VerifyError};
use crate::cluster::{ReadError, WriteError};
use crate::operation::Cancelled;
use crate::store::StoreError;

/// The word for the record.
const ACTION: &str = "restore";

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the backup lies.
    pub at: Destination,
    /// Its name there.
    pub name: SmolStr,
    /// What opens it.
    pub identities: Identities,
    /// Whose it must be: its own, or that of another whose state it is to have.
    pub expected: Tenant,
    /// Where the state of now is saved before anything stops; none when somebody said that it is not wanted.
    pub safety: Option<set::Request>,
    /// Folder of this machine in which the new store is made.
    pub scratch: PathBuf,
    /// Who restores.
    pub who: SmolStr,
    /// Also when somebody who puts things back deploys it.
    pub anyway: bool,
}

/// Why nothing was restored.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The backup is not whole, or cannot be had.
    #[error("the backup cannot be used: {error}; nothing was stopped")]
    Backup {
        /// What is wrong with it.
        #[from]
        error: VerifyError,
    },
    /// The backup does not fit the virtual cluster.
    #[error("{0}; nothing was stopped")]
    Unfit(String),
    /// The state of now could not be saved.
    #[error(
        "the state of now could not be saved: {0}; nothing was stopped. Mend that, or say --no-safety-backup: the old store then stays on its volume"
    )]
    NotSafe(String),
    /// A file on this machine.
    #[error("cannot use {} on this machine: {why}", file.display())]
    Scratch {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        why: SmolStr,
    },
    /// The pod that holds a volume did not do what was asked of it.
    #[error("the pod {pod}, which holds the volume: {why}")]
    Keeper {
        /// Which pod.
        pod: SmolStr,
        /// What it said, or that it said nothing.
        why: SmolStr,
    },
    /// A volume has no room for the new store beside the old one, which was found out when it was held.
    #[error("{0}")]
    NoRoom(Box<NoRoom>),
    /// Pods, workloads.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// The store does not answer.
    #[error("{error}; {}", error.remedy())]
    Store {
        /// What came of it.
        #[from]
        error: StoreError,
    },
    /// The restored store is not what was in the backup.
    #[error("what was restored is not what is in the backup: {0}")]
    Differs(String),
    /// An unfinished restore is there, and what it left cannot be read.
    #[error(
        "an unfinished restore has left a mark that cannot be read ({0}): correct the annotation, or take it away when the store in place is the right one"
    )]
    OddMark(String),
    /// It failed, and all is as before.
    #[error("{why}. The old store is in its place again, and what ran before was started")]
    Undone {
        /// Why it failed.
        why: Box<RestoreError>,
    },
    /// It failed, and was not undone to the end.
    #[error(
        "{why}. Putting the old store back did not succeed either ({undo}): nothing is lost, the virtual cluster is stopped; `{command}` goes on with that"
    )]
    HalfWay {
        /// Why it failed.
        why: Box<RestoreError>,
        /// Why it was not undone.
        undo: Box<RestoreError>,
        /// What undoes it.
        command: String,
    },
    /// Somebody gave it up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<ReadError> for RestoreError {
    fn from(error: ReadError) -> Self {
        RestoreError::Life(error.into())
    }
}

impl From<WriteError> for RestoreError {
    fn from(error: WriteError) -> Self {
        RestoreError::Life(error.into())
    }
}
