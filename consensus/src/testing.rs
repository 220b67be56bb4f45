//! Samples for unit tests.

use hefu_primitives::block::bundles_root;
use hefu_primitives::{
    Block, BundleId, ChainId, H32, Header, KeyPair, Millis, Power, Region, Round, Validator,
    ValidatorSet,
};

use crate::input::Tip;
use crate::rotation::proposer;

pub(crate) const CHAIN: ChainId = ChainId([9; 32]);

pub(crate) fn keys(n: u8) -> Vec<KeyPair> {
    (1..=n).map(|i| KeyPair::from_secret(&[i; 32])).collect()
}

pub(crate) fn set(keys: &[KeyPair]) -> ValidatorSet {
    let validator = |(i, key): (usize, &KeyPair)| Validator {
        region: Region(110_000 + 10_000 * i as u32),
        key: key.public(),
        power: Power(1),
    };
    ValidatorSet::new(keys.iter().enumerate().map(validator).collect()).unwrap()
}

/// A block on `tip` whose contents depend on `salt`.
pub(crate) fn block(
    tip: &Tip,
    validators: &ValidatorSet,
    round: Round,
    time: Millis,
    salt: u8,
) -> Block {
    let bundles = vec![BundleId([salt; 32])];
    let header = Header {
        protocol: 1,
        chain: CHAIN,
        height: tip.height.next(),
        round,
        time,
        parent: tip.block,
        bundles_root: bundles_root(&bundles),
        outcomes_root: H32::ZERO,
        log_size: 1,
        log_root: H32::ZERO,
        state_root: H32([salt; 32]),
        validators: validators.hash(),
        next_validators: validators.hash(),
        parameters: H32::ZERO,
        proposer: proposer(validators, tip.height.next(), round),
    };
    Block { header, bundles, evidence: Vec::new() }
}
