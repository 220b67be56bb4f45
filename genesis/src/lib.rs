//! # hefu-genesis
//!
//! The document a ledger begins with, its validation and its hash, which is the ledger's name;
//! the ceremony in which provinces make it together; and the sample network of demonstrations.
//!
//! ## Rules
//!
//! 1. **The chain id is the hash of the anchor**: the hash of the document's canonical bytes, the
//!    root of the state it begins with, and the first validators. An evidence capsule carries the
//!    anchor and not the document. JSON is how people keep and read the document: neither its
//!    spaces nor the order of its keys and lists change the chain id.
//! 2. **A [`Genesis`] is valid.** Nothing makes one but [`Genesis::new`] and what goes through it,
//!    so every holder of one may rely on every rule of [`validate`].
//! 3. **Fictitious and real never mix.** A production ledger refuses credit codes made up for
//!    samples; a demonstration refuses all others.
//! 4. **Nobody founds for another.** In the ceremony every key proves that its owner has it, over
//!    the agreed draft and the whole seed of the member; governors then sign the result.
//! 5. **No private key** is part of any document here.
//!
//! This crate does not know files, randomness or clocks, nor how a node runs.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]
#![cfg_attr(not(test), deny(clippy::float_arithmetic))]
#![cfg_attr(test, allow(clippy::disallowed_types, clippy::disallowed_methods))] // tests measure and start processes

pub mod ceremony;
mod document;
mod error;
mod file;
mod genesis;
pub mod sample;
mod state;
#[cfg(test)]
mod testing;
pub mod validate;

pub use ceremony::{Draft, GenesisSignature, MemberFile, SignedGenesis, assemble};
pub use document::*;
pub use error::{AuthorityFault, CeremonyError, CharterFault, GenesisError, KeyUse, MemberFault};
pub use genesis::Genesis;
