//! hefu-node

pub mod network;
pub mod store;
