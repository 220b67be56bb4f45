//! hefu-node

pub mod network;
