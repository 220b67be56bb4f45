//! # hefu-tests
//!
//! Tests of the whole, and what they share: the deterministic simulator of the node's core.

pub mod sim;
