//! From one side's words to the other's: metadata, selectors, references, messages. Pure functions.

pub mod applied;
pub mod diff;
pub mod meta;
pub mod owned;
pub mod selector;
pub mod words;
