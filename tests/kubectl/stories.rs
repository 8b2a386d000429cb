//! The stories. Each is a test that plays it on both hosts; without a real API server they are ignored.

use crate::story::play;
use anyhow::Result;
use v9s_testkit::host::Needs;

/// `stories/NAME.txt`, played on hosts that have what stands behind the name.
macro_rules! stories {
    ($($(#[$meta:meta])* $name:ident $(needs $need:ident)?;)*) => {
        $(v9s_testkit::real_test! {
            $(#[$meta])*
            fn $name() -> Result<()> {
                let text = include_str!(concat!("stories/", stringify!($name), ".txt"));
                let needs = Needs::NONE$(.$need())?;
                v9s_testkit::attempts::twice_named(stringify!($name), |name| play(name, text, needs))
            }
        })*
    };
}

stories! {
    access;
    applying;
    creating;
    customs;
    deleting;
    describing;
    discovery;
    editing;
    errors;
    exposing;
    getting;
    kustomizing;
    pruning;
    rarities;
    changing;
    nodes;
    scaling;
    signing;
    telling;
    waiting;
    watching;
    living needs scheduler;
    rolling needs scheduler;
    workloads needs scheduler;
}
