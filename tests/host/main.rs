//! What any Kubernetes API server does, asked of the embedded host and of a real one by the same tests.
//! Where they disagree, the real one is right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the failure")]

mod hook;
mod hosts;

mod behaviours;
mod compaction;
mod consistency;
mod controllers;
mod conversions;
mod custom;
mod deletes;
mod endpoints;
mod ephemeral;
mod errors;
mod events;
mod faults;
mod forms;
mod granting;
mod identity;
mod jobs;
mod lists;
mod names;
mod nested;
mod parts;
mod patches;
mod quotas;
mod runtime;
mod scales;
mod schemas;
mod services;
mod streams;
mod tables;
mod values;
mod volumes;
mod watches;
mod webhooks;
mod workloads;
mod writes;
