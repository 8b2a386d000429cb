//! Pods.

pub mod columns;
