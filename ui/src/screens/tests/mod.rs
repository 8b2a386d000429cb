//! The real state driven by keys, and pictures of what it shows.

mod backup;
mod connect;
mod control;
mod create;
mod detail;
mod edit;
mod events;
mod explain;
mod findings;
mod fleet;
mod life;
mod orphans;
mod popups;
mod quota;
mod several;
mod stage;
mod store;
mod storm;
mod switch;
mod terms;
