//! A believable fleet of virtual clusters for `v9s demo`, for tests and for benchmarks.
//!
//! [`spec`] describes tenants, [`objects`] spells them as the objects that the official chart and its syncer leave on
//! a host, [`fleet`] makes fleets of any size, [`install`] puts them on any API server.

pub mod address;
pub mod catalogue;
mod chaos;
pub mod command;
pub mod company;
pub mod fleet;
pub mod hand;
pub mod hosts;
pub mod images;
pub mod install;
pub mod life;
pub mod objects;
pub mod seed;
pub mod spec;
pub mod works;
