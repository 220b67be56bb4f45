//! How provinces make a genesis together, without anyone who collects their secrets.
//!
//! 1. Everyone gets the same [`Draft`] and compares its hash by telephone.
//! 2. Each invited province writes its [`MemberFile`]: its seed, and a proof of possession by
//!    every key in it. Files can be collected by anyone, in any order.
//! 3. [`assemble`] makes the genesis; whoever does it gets the same bytes.
//! 4. Governors of each member look at the result and sign its chain id ([`SignedGenesis`]).
//!    Copies with different signatures are merged.
//!
//! What is signed begins with a byte of its own for each purpose, under one domain.

mod draft;
mod member;
mod signed;

pub use draft::{Draft, assemble};
pub(crate) use member::keys_of;
pub use member::{MemberFile, Proof};
pub use signed::{GenesisSignature, MemberSignatures, SignatureReport, SignedGenesis};

/// The hash of a draft.
const PURPOSE_DRAFT: u8 = 0;
/// A member's key proves possession.
const PURPOSE_MEMBER: u8 = 1;
/// A governor signs the genesis.
const PURPOSE_GENESIS: u8 = 2;

#[cfg(test)]
mod tests;
