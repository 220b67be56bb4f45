//! # hefu-consensus
//!
//! A sans-IO BFT [`Replica`]: it is told events ([`Input`]) with the time, and returns what to do
//! ([`Output`]). It knows neither sockets, disks, clocks nor what a transaction means.
//!
//! ## Contract of the driver
//!
//! Call [`Replica::new`], feed [`Input::Start`], then every event through [`Replica::step`], one
//! at a time, and act on the outputs in their order:
//!
//! | output | the driver |
//! |---|---|
//! | `Persist` | appends to the log; durable before any later output for which [`Output::needs_durable_log`] holds; one sync for several entries is fine, and entries at the end of a list may wait for the next such output |
//! | `Broadcast`, `Send` | encodes and sends; may lose, duplicate, delay, reorder |
//! | `SetTimer`, `CancelTimer` | keeps one timer for each [`TimerId`]; feeds `Timer` when it runs out; a timer that is late, or fires after it was cancelled, does no harm |
//! | `Propose` | builds and executes a block, makes its bundles durable, answers `Proposed`; an empty block is welcome (heartbeat, or another validator's turn to record must come) |
//! | `Validate` | gets the bundles, makes them durable, executes, answers `Validated`; never answers `valid: true` before they are durable; may answer late or never |
//! | `Commit` | executes if it has not, stores block and certificate durably, answers `Committed`; other inputs may be fed in between; log entries up to this height may be dropped after the block is durable |
//! | `RequestBlocks` | asks the peer; checks that bodies are the bundles that the blocks name; answers `Blocks` (empty on failure) |
//! | `Evidence` | keeps it and has it recorded on the ledger |
//! | `Misbehaviour` | lowers the peer's score |
//! | `Halt` | stops the process with the reason; the replica gives nothing more |
//!
//! `Pending` is a level, not an edge. After a restart the driver builds a new replica from the
//! stored tip and the log. A roots mismatch while executing a `Commit` means that this machine
//! computes otherwise than two thirds of the validators: stop, never skip.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod config;
pub mod evidence;
pub mod header;
pub mod input;
pub mod message;
pub mod output;
pub mod rotation;
pub mod wal;

mod core;
mod peers;
mod replica;
mod signer;
#[cfg(test)]
mod testing;
mod votes;

pub use config::{Config, ConfigError, Timeouts};
pub use evidence::Equivocation;
pub use header::HeaderError;
pub use input::{Input, PeerKey, SyncedBlock, TimerId, TimerKind, Tip};
pub use message::{Message, PolkaCertificate, Status};
pub use output::{Halt, Output, PeerFault, StartError};
pub use replica::Replica;
pub use rotation::proposer;
pub use wal::{WaitStep, WalEntry};

/// Most blocks in one answer to a request for blocks.
pub const MAX_CATCH_UP_BLOCKS: u16 = 64;
