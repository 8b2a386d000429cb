//! The dashboard's heart: a state, messages that change it, commands that reach out, and the loop between them.
//!
//! [`State::update`] is synchronous and free of I/O; the clock is handed in. It knows no screen by name: screens
//! come from a registry.

pub mod asked;
pub mod certificates;
pub mod connections;
pub mod effect;
pub mod event_loop;
pub mod habits;
pub mod jobs;
pub mod layer;
pub mod line;
pub mod messages;
pub mod msg;
pub mod operation;
pub mod planes;
pub mod quotas;
pub mod reads;
pub mod registry;
pub mod runner;
pub mod stack;
mod state;
pub mod stores;
mod view;
pub mod world;

pub use asked::Asked;
pub use effect::{Cmd, Effect, Effects};
pub use habits::Habits;
pub use layer::{Address, Input, Layer, News, Offer};
pub use msg::Msg;
pub use state::State;
pub use world::World;
