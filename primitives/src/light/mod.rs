//! # A light client: the ledger's headers, believed on signatures alone
//!
//! It knows the genesis hash, keeps one header, and moves forward. Whom it asks need not be trusted.
//!
//! ## Rules
//!
//! 1. **A header is final** when more than two thirds of the power of the set of its height signed
//!    it ([`verify`]). Which set that is follows from the header believed before: `next_validators`
//!    of height `h` decides `h + 1`. (A membership act in block `h` shows in the header of `h + 1`
//!    and decides from `h + 2`; nothing here depends on which act it was.)
//! 2. **Steps.** From a header believed at `h`, one believes another at
//!    * `h + 1`: its set is the one that `h` names, and its parent is `h`;
//!    * any later height decided by that same set;
//!    * with [`Rule::Third`] only: any later height where more than a third of the power of the set
//!      that `h` names signed as well, as long as `h` is younger than the trusting period.
//! 3. **Halves.** What is too far for a step is reached over a header in between ([`Follower`]):
//!    neighbours always suffice, so this ends, after about `log2(distance)` headers for each change
//!    of the set.
//! 4. **Refused**: other ledgers, what is not signed enough, what does not continue, what is not
//!    newer, times that do not grow or lie ahead of the reader's clock, logs that shrink. Each has
//!    its own [`LightError`].
//! 5. **Forks are proof.** Two certified blocks of one height are kept as a [`ForkProof`]: who
//!    signed both in one round lied, and everybody can check it with the genesis hash.
//!
//! ## Which rule when
//!
//! [`Rule::Whole`] passes through every change of the set, and each of them is signed by more than
//! two thirds of the set before: it is as strong as an evidence capsule, asks nothing of clocks, and
//! never expires, like everything on this ledger. It is the rule of `hefu light`.
//!
//! [`Rule::Third`] needs fewer headers where the set changes often, and assumes more: that less than
//! a third of a set that may have left *would sign a forgery today*. Keys of validators that left
//! are retired, but somebody has to have destroyed them; so this rule has a trusting period, counted
//! from the time of the believed header, after which a step over a change is refused
//! ([`LightError::Expired`]) and the way leads through every change again. Because of that there is
//! no header too old to start from.
//!
//! This module does not know where headers come from, what time it is, or what a record means.

mod follow;
mod fork;
mod state;
#[cfg(test)]
mod tests;
mod verify;

pub use follow::{Followed, Follower};
pub use fork::{ForkError, ForkProof, ForkSigner, ProvenFork, Signed};
pub use state::{LightState, StateError};
pub use verify::{LightError, MAX_CLOCK_DRIFT_MS, Rule, Trusted, verify};

use minicbor::{Decode, Encode};

use crate::bounds::MAX_LIGHT_BLOCK_BYTES;
use crate::capsule::CertifiedHeader;
use crate::codec::{Canonical, CodecError};
use crate::ids::Height;
use crate::validators::ValidatorSet;

/// What a node gives a light client of a height: header, certificate and the sets around it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LightBlock {
    /// Header and certificate.
    #[n(0)]
    pub certified: CertifiedHeader,
    /// The set that decided it.
    #[n(1)]
    pub validators: ValidatorSet,
    /// The set that decides the next height; none when it is the same.
    #[n(2)]
    pub next: Option<ValidatorSet>,
}

impl LightBlock {
    /// Puts the parts together.
    pub fn new(certified: CertifiedHeader, validators: ValidatorSet, next: ValidatorSet) -> Self {
        let next = (next != validators).then_some(next);
        Self { certified, validators, next }
    }

    /// Decodes a block; verify it before believing it.
    ///
    /// # Errors
    /// [`CodecError`]; also when a set is named again as the next one.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let block = Self::from_bytes(bytes, MAX_LIGHT_BLOCK_BYTES)?;
        if block.next.as_ref() == Some(&block.validators) {
            return Err(CodecError::NotCanonical);
        }
        Ok(block)
    }

    /// Its height, as it says itself.
    pub const fn height(&self) -> Height {
        self.certified.header.height
    }

    /// The set that decides the next height.
    pub fn next_validators(&self) -> &ValidatorSet {
        self.next.as_ref().unwrap_or(&self.validators)
    }
}
