//! What consensus itself can check of a block. The protocol version, the roots, the log size, the
//! next validators and the parameters are the application's to check.

use hefu_primitives::bounds::{MAX_BLOCK_BUNDLES, MAX_BLOCK_EVIDENCE};
use hefu_primitives::{Block, BlockId, ChainId, H32, ValidatorSet};

use crate::input::Tip;
use crate::rotation::proposer;

/// Why a block cannot be the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Another ledger.
    #[error("another chain")]
    Chain,
    /// Not the height being decided.
    #[error("another height")]
    Height,
    /// A round after that of the proposal, or another in a first proposal.
    #[error("another round")]
    Round,
    /// Not on top of our tip.
    #[error("the parent is {found}")]
    Parent {
        /// The parent it names.
        found: BlockId,
    },
    /// Not later than its parent.
    #[error("not later than its parent")]
    Time,
    /// Another validator set.
    #[error("another validator set")]
    Validators,
    /// Its proposer is no validator, or not the one whose turn it was.
    #[error("another proposer")]
    Proposer,
    /// The bundle ids or the evidence are too many or not those of the header.
    #[error("the bundle ids or the evidence are not those of the header")]
    Bundles,
}

/// Checks a block against the tip it must follow and the set that decides it. It depends on the
/// ledger alone, on no clock: the same for everyone, live, replayed or fetched.
pub(crate) fn check(
    block: &Block,
    chain: &ChainId,
    tip: &Tip,
    validators: &ValidatorSet,
    validators_hash: &H32,
) -> Result<(), HeaderError> {
    let header = &block.header;
    if header.chain != *chain {
        return Err(HeaderError::Chain);
    }
    if header.height != tip.height.next() {
        return Err(HeaderError::Height);
    }
    if header.parent != tip.block {
        return Err(HeaderError::Parent { found: header.parent });
    }
    if header.time <= tip.time {
        return Err(HeaderError::Time);
    }
    if header.validators != *validators_hash {
        return Err(HeaderError::Validators);
    }
    if header.proposer != proposer(validators, header.height, header.round) {
        return Err(HeaderError::Proposer);
    }
    check_bundles(block)
}

/// Checks that the bundle ids and the evidence belong to the header and are no more than a block
/// may name.
pub(crate) fn check_bundles(block: &Block) -> Result<(), HeaderError> {
    let fits =
        block.bundles.len() <= MAX_BLOCK_BUNDLES && block.evidence.len() <= MAX_BLOCK_EVIDENCE;
    if fits && block.contents_root() == block.header.bundles_root {
        return Ok(());
    }
    Err(HeaderError::Bundles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHAIN, block, keys, set};
    use hefu_primitives::block::bundles_root;
    use hefu_primitives::{BundleId, Height, KeyId, Millis, Round};

    #[test]
    fn names_what_is_wrong() {
        let validators = set(&keys(4));
        let hash = validators.hash();
        let tip = Tip::genesis(CHAIN, Millis(1_000));
        let good = block(&tip, &validators, Round(2), Millis(1_001), 1);
        let check = |block: &Block| check(block, &CHAIN, &tip, &validators, &hash);
        assert_eq!(check(&good), Ok(()));
        let with = |change: &dyn Fn(&mut Block)| {
            let mut block = good.clone();
            change(&mut block);
            check(&block)
        };
        assert_eq!(with(&|b| b.header.chain = ChainId([0; 32])), Err(HeaderError::Chain));
        assert_eq!(with(&|b| b.header.height = Height(2)), Err(HeaderError::Height));
        let found = BlockId([1; 32]);
        assert_eq!(with(&|b| b.header.parent = found), Err(HeaderError::Parent { found }));
        assert_eq!(with(&|b| b.header.time = Millis(1_000)), Err(HeaderError::Time));
        assert_eq!(with(&|b| b.header.validators = H32::ZERO), Err(HeaderError::Validators));
        assert_eq!(with(&|b| b.header.proposer = KeyId::ZERO), Err(HeaderError::Proposer));
        assert_eq!(with(&|b| b.header.round = Round(3)), Err(HeaderError::Proposer));
        assert_eq!(with(&|b| b.bundles.push(BundleId([0; 32]))), Err(HeaderError::Bundles));
        for (count, fits) in [(MAX_BLOCK_BUNDLES, true), (MAX_BLOCK_BUNDLES + 1, false)] {
            let many = |b: &mut Block| {
                b.bundles = vec![BundleId([7; 32]); count];
                b.header.bundles_root = bundles_root(&b.bundles);
            };
            assert_eq!(with(&many).is_ok(), fits, "{count} bundles");
        }
    }
}
