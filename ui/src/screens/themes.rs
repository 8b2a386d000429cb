//! Another theme, at once.

use crate::app::registry::{Entry, Opened};
use crate::app::{Cmd, Effect};
use crate::theme;

/// Loads a theme by name or path.
pub const ENTRY: Entry = Entry {
    name: "theme",
    aliases: &["skin"],
    title: "another theme: one that comes with v9s, or a file",
    argument: "NAME",
    open: |opening| match opening.argument {
        "" => {
            let names: Vec<&str> = theme::BUILTIN.iter().map(|builtin| builtin.name).collect();
            Err(format!("which theme? there are {}", names.join(", ")))
        }
        name => Ok(Opened::Effects(vec![Effect::Cmd(Cmd::LoadTheme(name.to_owned()))])),
    },
    complete: |_| theme::BUILTIN.iter().map(|builtin| builtin.name.to_owned()).collect(),
};
