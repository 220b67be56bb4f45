//! # hefu-contracts
//!
//! Native, deterministic contracts: what an act means, who may do it, and what it changes.
//!
//! ## Rules
//!
//! 1. **Refuse what is malformed or unauthorised; record and flag what really happened.** A wrong
//!    refusal or a use over its cap is a fact that auditors want: it is stored with a
//!    deterministic flag, not rejected.
//! 2. **All or nothing.** The acts of one transaction apply together or not at all; a refused
//!    transaction leaves an outcome with a stable code and no other trace.
//! 3. **Only block time.** Deadlines and expiry are derived from the header's time and the voted
//!    work calendar; nothing here reads a clock.
//! 4. **No personal data.** Every free or serial text passes the guard of `primitives::codes`.
//! 5. **Records carry their own history** where a rule looks back (bi-temporal status, mandates,
//!    keys), so that execution never depends on how much history a node keeps.
//!
//! Governors act two of three: each signs and submits the *same act* in a transaction of its own;
//! the act applies with the last signature needed ([`identity::endorse`]).
//!
//! This crate does not know storage engines, the network, consensus or wall clocks.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]
#![cfg_attr(not(test), deny(clippy::float_arithmetic))]
#![cfg_attr(test, allow(clippy::disallowed_types, clippy::disallowed_methods))] // tests measure and start processes

pub mod act;
pub mod certificate;
pub mod clock;
pub mod code;
pub mod common;
#[cfg(test)]
mod described;
pub mod dispute;
pub mod equivocation;
pub mod event;
pub mod evidence;
pub mod exec;
pub mod genesis_state;
pub mod identity;
pub mod leaf;
pub mod oversight;
pub mod recognition;
pub mod screen;
pub mod service;
pub mod sharing;
pub mod signatures;
pub mod state;
#[cfg(any(test, feature = "testkit"))]
#[doc(hidden)]
pub mod testkit;

#[cfg(test)]
mod tests;

pub use act::Act;
pub use code::Code;
pub use common::{EvidenceRef, Stamp};
pub use event::Event;
pub use exec::{BlockInfo, Execution, Verifier, execute, execute_block};
pub use genesis_state::InitialState;
pub use screen::screen;
pub use state::{State, StateView, Table, Writes};
