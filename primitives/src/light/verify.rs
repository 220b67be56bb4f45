//! One step: from a header that is believed to a later one.

use super::LightBlock;
use crate::capsule::{CertifiedHeader, GenesisAnchor};
use crate::hash::H32;
use crate::ids::{BlockId, ChainId, Height, Millis, Power};
use crate::validators::ValidatorSet;
use crate::vote::CertificateError;

/// How far ahead of the reader's clock a header may be, in milliseconds: clocks differ.
pub const MAX_CLOCK_DRIFT_MS: u64 = 60_000;

/// How far one step may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Through every change of the validator set.
    Whole,
    /// Over changes of the set that more than a third of the known power survives, as long as what
    /// is believed is younger than `period`.
    Third {
        /// The trusting period.
        period: Millis,
    },
}

/// What is believed: a header, or the genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    chain: ChainId,
    height: Height,
    id: BlockId,
    time: Millis,
    log_size: u64,
    next: ValidatorSet,
}

/// Why a header is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// Of another ledger.
    #[error("the header is of ledger {0}")]
    Chain(ChainId),
    /// Not newer than what is believed.
    #[error("height {found} is not after height {trusted}, which is known")]
    Stale {
        /// Height of what is believed.
        trusted: Height,
        /// Height of the header.
        found: Height,
    },
    /// Another height than the one asked for.
    #[error("height {wanted} was asked for, the answer is of height {found}")]
    Unasked {
        /// The height asked for.
        wanted: Height,
        /// The height of the answer.
        found: Height,
    },
    /// Header, certificate and sets do not belong together.
    #[error("header {0}: certificate or validator set is of something else")]
    Forged(Height),
    /// The certificate proves nothing.
    #[error("header {height}: {error}")]
    Certificate {
        /// Height of the header.
        height: Height,
        /// Why.
        error: CertificateError,
    },
    /// Its time is not after that of an earlier header.
    #[error("header {height}: its time is not after that of the header before")]
    Time {
        /// Height of the header.
        height: Height,
    },
    /// Its time is further ahead of the reader's clock than clocks differ.
    #[error("header {height}: its time is {ahead_ms} ms ahead of this computer's clock")]
    Future {
        /// Height of the header.
        height: Height,
        /// How far.
        ahead_ms: u64,
    },
    /// Its log has fewer leaves than an earlier header's.
    #[error("header {height}: its log has {found} leaves, an earlier one had {known}")]
    Log {
        /// Height of the header.
        height: Height,
        /// Leaves it says.
        found: u64,
        /// Leaves there were.
        known: u64,
    },
    /// The set of the next height is not the one that the header before names.
    #[error("header {height}: decided by another validator set than the header before names")]
    Handover {
        /// Height of the header.
        height: Height,
        /// Hash of the set that was named.
        named: H32,
        /// Hash of the set that decided.
        found: H32,
    },
    /// The next header continues another block than the one that is believed: there are two.
    #[error("header {0}: continues another block than the one known")]
    Parent(Height),
    /// Too far for one step: too little of the known power signed.
    #[error("header {height}: {found} of the known power signed; {needed} are needed for a step")]
    Overlap {
        /// Height of the header.
        height: Height,
        /// Power needed.
        needed: Power,
        /// Power found.
        found: Power,
    },
    /// Too far for one step: what is believed is older than the trusting period.
    #[error("header {0} is too old to step over a change of validators from it")]
    Expired(Height),
}

impl Trusted {
    /// The genesis, as something to go on from.
    pub fn genesis(anchor: &GenesisAnchor) -> Self {
        let chain = anchor.chain();
        Self {
            chain,
            height: Height(0),
            id: BlockId(chain.0),
            time: anchor.created,
            // Leaf 0 is the anchor itself.
            log_size: 1,
            next: anchor.validators.clone(),
        }
    }

    /// What a verified block makes believed.
    pub(super) fn of(block: &LightBlock) -> Self {
        let header = &block.certified.header;
        Self {
            chain: header.chain,
            height: header.height,
            id: header.id(),
            time: header.time,
            log_size: header.log_size,
            next: block.next_validators().clone(),
        }
    }

    /// The ledger.
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The height; 0 is the genesis.
    pub const fn height(&self) -> Height {
        self.height
    }

    /// The block's id.
    pub const fn id(&self) -> BlockId {
        self.id
    }

    /// Who decides the next height.
    pub const fn next(&self) -> &ValidatorSet {
        &self.next
    }
}

/// Whether a block is believed because of what is, and what is believed then. `now` is the reader's
/// clock.
///
/// # Errors
/// [`LightError`] names what is missing. After [`LightError::Overlap`] and [`LightError::Expired`]
/// the block may still be reached over one in between.
pub fn verify(
    trusted: &Trusted,
    block: &LightBlock,
    rule: Rule,
    now: Millis,
) -> Result<Trusted, LightError> {
    let header = &block.certified.header;
    let height = header.height;
    if height <= trusted.height {
        return Err(LightError::Stale { trusted: trusted.height, found: height });
    }
    check_parts(block, trusted.chain)?;
    check_order(trusted, block, now)?;
    check_step(trusted, block, rule, now)?;
    check_certificate(block)?;
    Ok(Trusted::of(block))
}

/// That the parts of a block are about one thing, signatures apart.
pub(super) fn check_parts(block: &LightBlock, chain: ChainId) -> Result<(), LightError> {
    let CertifiedHeader { header, certificate } = &block.certified;
    if header.chain != chain {
        return Err(LightError::Chain(header.chain));
    }
    let belongs = header.validators == block.validators.hash()
        && header.next_validators == block.next_validators().hash()
        && certificate.height == header.height
        && certificate.block == header.id();
    if belongs { Ok(()) } else { Err(LightError::Forged(header.height)) }
}

/// That more than two thirds of the set it names signed it.
pub(super) fn check_certificate(block: &LightBlock) -> Result<(), LightError> {
    let CertifiedHeader { header, certificate } = &block.certified;
    certificate
        .verify(&header.chain, &block.validators)
        .map_err(|error| LightError::Certificate { height: header.height, error })
}

/// What grows from header to header.
fn check_order(trusted: &Trusted, block: &LightBlock, now: Millis) -> Result<(), LightError> {
    let header = &block.certified.header;
    let height = header.height;
    if header.time <= trusted.time {
        return Err(LightError::Time { height });
    }
    let ahead_ms = header.time.0.saturating_sub(now.0);
    if ahead_ms > MAX_CLOCK_DRIFT_MS {
        return Err(LightError::Future { height, ahead_ms });
    }
    if header.log_size < trusted.log_size {
        let (found, known) = (header.log_size, trusted.log_size);
        return Err(LightError::Log { height, found, known });
    }
    Ok(())
}

/// That the set which decided may be believed from here.
fn check_step(
    trusted: &Trusted,
    block: &LightBlock,
    rule: Rule,
    now: Millis,
) -> Result<(), LightError> {
    let header = &block.certified.header;
    let (height, same) = (header.height, block.validators == trusted.next);
    if height == trusted.height.next() {
        return match (same, header.parent == trusted.id) {
            (true, true) => Ok(()),
            (true, false) => Err(LightError::Parent(height)),
            (false, _) => {
                let (named, found) = (trusted.next.hash(), header.validators);
                Err(LightError::Handover { height, named, found })
            }
        };
    }
    match rule {
        _ if same => Ok(()),
        Rule::Whole => Err(LightError::Overlap {
            height,
            needed: trusted.next.quorum(),
            found: overlap(block, &trusted.next),
        }),
        Rule::Third { period } if now.0 > trusted.time.0.saturating_add(period.0) => {
            Err(LightError::Expired(trusted.height))
        }
        Rule::Third { .. } => {
            let (needed, found) = (more_than_a_third(&trusted.next), overlap(block, &trusted.next));
            if found < needed {
                return Err(LightError::Overlap { height, needed, found });
            }
            Ok(())
        }
    }
}

/// The least power that is more than a third.
pub(super) fn more_than_a_third(set: &ValidatorSet) -> Power {
    Power(set.total_power().0.checked_div(3).unwrap_or(0).saturating_add(1))
}

/// The power, in `known`, of those whose signatures the certificate of `block` holds: by key, since
/// a place in the list means another validator in another set.
pub(super) fn overlap(block: &LightBlock, known: &ValidatorSet) -> Power {
    let power = signers(block)
        .filter_map(|key| known.by_key(key))
        .fold(0u64, |sum, (_, validator)| sum.saturating_add(validator.power.0));
    Power(power)
}

/// The keys of those whose signatures a certificate holds.
pub(super) fn signers(block: &LightBlock) -> impl Iterator<Item = crate::ids::KeyId> + '_ {
    let signatures = block.certified.certificate.signatures.iter();
    // Each once, whatever an unverified list says.
    let places: std::collections::BTreeSet<u16> = signatures.map(|entry| entry.index).collect();
    places.into_iter().filter_map(|place| block.validators.ids().get(usize::from(place)).copied())
}
