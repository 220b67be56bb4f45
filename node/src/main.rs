//! The `hefu` command.
fn main() {}
