//! Exit codes, the same for every subcommand; documented in `docs/list.md`.

use std::process::ExitCode;

/// How a subcommand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for was done.
    Ok,
    /// Nothing could be done.
    Error,
    /// The command line makes no sense. The argument parser uses the same number.
    Usage,
    /// Part of the answer is missing, or something is left: a host or a lookup failed.
    Partial,
    /// It was not done, on purpose: protected, paused, deployed by somebody else, not confirmed.
    Refused,
    /// It was looked, and something is to be looked at today.
    Warning,
    /// It was looked, and something is to be done now.
    Critical,
}

impl Exit {
    /// All of them.
    pub const ALL: [Exit; 7] =
        [Exit::Ok, Exit::Error, Exit::Usage, Exit::Partial, Exit::Refused, Exit::Warning, Exit::Critical];

    /// The number for the shell.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Error => 1,
            Exit::Usage => 2,
            Exit::Partial => 3,
            Exit::Refused => 4,
            Exit::Warning => 5,
            Exit::Critical => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
