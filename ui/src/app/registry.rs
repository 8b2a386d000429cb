//! Which screens there are: the command line, its completion and the global keys look here.

use super::effect::Effect;
use super::layer::{Layer, Offer};
use super::world::World;
use crate::actions::{Action, Scope};

/// What a screen is opened with.
pub struct Opening<'a> {
    /// What stands after its name in the command line.
    pub argument: &'a str,
    /// What there is to look at.
    pub world: &'a World,
    /// What can be done on the layer below, in the order of the action table.
    pub offers: &'a [(&'static Action, Offer)],
    /// The scopes of the layer below.
    pub scopes: &'a [Scope],
    /// All screens.
    pub registry: Registry,
}

/// What opening leads to.
pub enum Opened {
    /// A screen in place of the present one.
    Screen(Box<dyn Layer>),
    /// Something over it.
    Popup(Box<dyn Layer>),
    /// No screen: these things happen.
    Effects(Vec<Effect>),
}

/// One command: a screen, or something that happens.
pub struct Entry {
    /// Its name in the command line.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// What it is, for completion and help.
    pub title: &'static str,
    /// What may follow the name, such as `NAME`; empty when nothing does.
    pub argument: &'static str,
    /// Opens it; the error is a sentence for the person.
    pub open: fn(&Opening<'_>) -> Result<Opened, String>,
    /// What may follow the name now.
    pub complete: fn(&World) -> Vec<String>,
}

/// All commands. The first one is the root: the screen one starts with.
pub type Registry = &'static [Entry];

/// Nothing may follow.
pub fn no_completion(_: &World) -> Vec<String> {
    Vec::new()
}

/// The entry with this name or alias.
pub fn find(registry: Registry, name: &str) -> Option<&'static Entry> {
    registry.iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
}

/// Opens what a command line says: `NAME ARGUMENT`.
pub fn open(line: &str, world: &World, below: Below<'_>, registry: Registry) -> Result<Opened, String> {
    let line = line.trim().trim_start_matches(':');
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let Some(entry) = find(registry, name) else {
        return Err(format!("there is no command {name:?}; tab completes, ? shows all"));
    };
    if entry.argument.is_empty() && !argument.trim().is_empty() {
        return Err(format!("{} takes nothing after it", entry.name));
    }
    let opening =
        Opening { argument: argument.trim(), world, offers: below.offers, scopes: below.scopes, registry };
    (entry.open)(&opening)
}

/// What lies below something that is being opened.
#[derive(Clone, Copy)]
pub struct Below<'a> {
    /// What can be done there.
    pub offers: &'a [(&'static Action, Offer)],
    /// Its scopes.
    pub scopes: &'a [Scope],
}
