//! A ledger whose state is the chain of its blocks: the state root follows from the parent and
//! the bundles, so a block with another root is refused.

use hefu_primitives::block::bundles_root;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{
    Block, BlockId, BundleId, ChainId, H32, Header, Height, KeyPair, Millis, Power, Region, Round,
    Validator, ValidatorSet,
};

pub(crate) const CHAIN: ChainId = ChainId([7; 32]);
pub(crate) const GENESIS_TIME: Millis = Millis(1_700_000_000_000);

/// The keys of `n` validators.
pub(crate) fn keys(n: usize) -> Vec<KeyPair> {
    (0..n).map(|i| KeyPair::from_secret(&[i as u8 + 1; 32])).collect()
}

/// Who votes when: everyone, or everyone but one, who changes every three heights.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) keys: Vec<KeyPair>,
    pub(crate) rotate: bool,
}

impl Membership {
    pub(crate) fn at(&self, height: Height) -> ValidatorSet {
        let out = (height.0 / 3) as usize % self.keys.len();
        let members = self.keys.iter().enumerate().filter(|(i, _)| !self.rotate || *i != out);
        let validator = |(i, key): (usize, &KeyPair)| Validator {
            region: Region(110_000 + 10_000 * i as u32),
            key: key.public(),
            power: Power(1),
        };
        ValidatorSet::new(members.map(validator).collect()).unwrap()
    }
}

fn state_root(parent: &BlockId, bundles: &[BundleId]) -> H32 {
    hash(Domain::Digest, &[parent.as_ref(), bundles_root(bundles).as_ref()])
}

/// The block that an honest proposer builds.
pub(crate) fn build(
    members: &Membership,
    height: Height,
    round: Round,
    time: Millis,
    parent: BlockId,
    bundles: Vec<BundleId>,
) -> Block {
    let validators = members.at(height);
    let header = Header {
        protocol: 1,
        chain: CHAIN,
        height,
        round,
        time,
        parent,
        bundles_root: bundles_root(&bundles),
        outcomes_root: H32::ZERO,
        log_size: height.0,
        log_root: H32::ZERO,
        state_root: state_root(&parent, &bundles),
        validators: validators.hash(),
        next_validators: members.at(height.next()).hash(),
        parameters: H32::ZERO,
        proposer: hefu_consensus::proposer(&validators, height, round),
    };
    Block { header, bundles, evidence: Vec::new() }
}

/// What execution says of a block.
pub(crate) fn is_valid(members: &Membership, block: &Block) -> bool {
    let header = &block.header;
    header.state_root == state_root(&header.parent, &block.bundles)
        && header.next_validators == members.at(header.height.next()).hash()
        && header.log_size == header.height.0
}
