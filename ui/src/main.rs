//! v9s
fn main() {}
