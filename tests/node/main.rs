//! Real nodes: what pods do and see on them. All tests share one cluster with two nodes.

mod containers;
mod explained;
mod health;
mod kubectl;
mod seat;
mod services;
mod stores;
mod streams;
mod volumes;
