//! An embedded Kubernetes host: an API server with just enough controllers, inside the process.
//!
//! [`store`] remembers, [`kinds`] says what the objects are; HTTP and controllers stand on both.

pub mod access;
mod bootstrap;
pub mod clock;
pub mod controllers;
mod cron;
pub mod custom;
pub mod discovery;
pub mod faults;
pub mod fields;
pub mod http;
pub mod kinds;
mod names;
pub mod node;
pub mod openapi;
pub mod patch;
pub mod runtime;
mod sandbox;
mod serve;
pub mod status;
pub mod store;
pub mod streams;
pub mod table;
pub mod tls;
pub mod webhooks;
pub mod wire;

pub use sandbox::{Options, Sandbox, StartError};
