//! # hefu-primitives
//!
//! The words every other crate speaks: identifiers, hashes, keys and signatures, the one canonical
//! encoding, transactions, blocks, votes and certificates, the Merkle log and the authenticated
//! map, commitments, the evidence capsule with its offline verifier, and a light client.
//!
//! ## Rules
//!
//! 1. **One encoding.** Whatever is hashed, signed, stored or sent is deterministic CBOR
//!    (RFC 8949 §4.2) through [`codec`]; bytes that do not re-encode to themselves are refused.
//! 2. **Tagged hashes.** Every BLAKE3 digest names its purpose ([`hash::Domain`]); only the audit
//!    log uses the untagged SHA-256 of RFC 9162, so that outside tools can check it.
//! 3. **One signature predicate.** [`crypto::PublicKey::verify`] decides for single, batched, live
//!    and replayed verification alike (ZIP-215's cofactored rule).
//! 4. **Bounds.** Every limit on received bytes stands in [`bounds`].
//!
//! This crate does not know the rules of any contract, the steps of consensus, or any input and
//! output: no clock, randomness, file, socket or environment.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]
#![cfg_attr(not(test), deny(clippy::float_arithmetic))]
#![cfg_attr(test, allow(clippy::disallowed_types, clippy::disallowed_methods))] // tests measure and start processes

#[macro_use]
mod macros;

pub mod block;
pub mod bounds;
pub mod capsule;
pub mod codec;
pub mod codes;
pub mod commitment;
pub mod crypto;
pub mod evidence;
pub mod evidence_file;
pub mod hash;
pub mod ids;
pub mod light;
pub mod log;
pub mod map;
pub mod time;
pub mod transaction;
pub mod transparency;
pub mod validators;
pub mod vote;

pub use block::{Block, Bundle, Header};
pub use codec::{Canonical, CodecError};
pub use crypto::{KeyPair, PublicKey, Signature, SignatureCheck, Suite};
pub use evidence::Equivocation;
pub use hash::{Domain, H32};
pub use ids::*;
pub use transaction::{SignedTransaction, TransactionBody};
pub use validators::{Validator, ValidatorSet};
pub use vote::{CommitCertificate, Proposal, Vote, VoteKind};
