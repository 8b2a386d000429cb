//! What a screen or popup is to the rest: something that lies on a stack, takes keys and paints itself.

use std::fmt;

use crossterm::event::MouseEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use super::effect::Effects;
use super::reads::{Reply, Ticket};
use super::world::World;
use crate::actions::{Action, ActionId, Scope};
use crate::keymap::Key;

/// Where one is: the name of a screen and what it was opened with, as in the command line (`vc team-a`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Name in the registry of screens.
    pub screen: &'static str,
    /// What it was opened with; empty for most.
    pub argument: SmolStr,
}

impl Address {
    /// A screen without argument.
    pub const fn of(screen: &'static str) -> Self {
        Self { screen, argument: SmolStr::new_static("") }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument.as_str() {
            "" => f.write_str(self.screen),
            argument => write!(f, "{} {argument}", self.screen),
        }
    }
}

/// Whether an action can be done on a layer now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It can.
    Possible,
    /// It cannot, and why: shown greyed.
    Impossible(SmolStr),
    /// It has no place here.
    Absent,
}

/// What comes from the terminal to a layer that takes it raw.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// A pasted text.
    Paste(String),
    /// A press or the wheel.
    Mouse(MouseEvent),
}

/// What happened outside.
#[derive(Debug, Clone)]
pub enum News {
    /// The layer has come to the top of its stack.
    Entered,
    /// The layer is no longer seen; it may come back.
    Left,
    /// There is a new snapshot of the fleet.
    Fleet,
    /// A second has passed and the person is looking.
    Tick,
    /// Connections have changed.
    Connections,
    /// What one may do somewhere is known now.
    Access,
    /// An answer, or part of one.
    Reply(Ticket, Reply),
}

/// A screen or popup.
pub trait Layer: Send {
    /// Where one is.
    fn address(&self) -> Address;

    /// Where in the screen one is, such as a tab.
    fn place(&self) -> SmolStr {
        SmolStr::default()
    }

    /// Goes to a place in the screen; one that it does not know changes nothing.
    fn go_to(&mut self, place: &str) {
        let _ = place;
    }

    /// What the person calls it, for the frame and the help.
    fn title(&self, world: &World) -> String;

    /// Which actions exist here, besides those that exist everywhere.
    fn scopes(&self) -> &'static [Scope];

    /// Whether keys are text now: they come as [`Layer::input`] before any action.
    fn typing(&self) -> bool {
        false
    }

    /// Whether an action can be done now. Only asked for actions of the scopes of this layer.
    fn offer(&self, action: &Action, world: &World) -> Offer {
        let _ = (action, world);
        Offer::Possible
    }

    /// Does an action. False when it means nothing here.
    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool;

    /// Takes what the terminal sent. False when it means nothing here.
    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let _ = (input, world, out);
        false
    }

    /// Takes in what happened outside.
    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        let _ = (news, world, out);
    }

    /// Keys that are fixed here and what they do, in place of the actions in the hint line.
    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Paints itself.
    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World);
}
