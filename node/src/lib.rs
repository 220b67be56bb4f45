//! # hefu-node
//!
//! Everything that touches the world: files, sockets, clocks, terminals. It adds no rule of its
//! own; the pure crates decide. ARCHITECTURE.md says what each module does and does not know.

pub mod api;
pub mod audit;
pub mod bench;
pub mod cli;
pub mod config;
pub mod core;
pub mod cosign;
pub mod demo;
pub mod keystore;
pub mod network;
pub mod reads;
pub mod recheck;
pub mod runtime;
pub mod store;
pub mod text;
pub mod vault;
pub mod webhook;
