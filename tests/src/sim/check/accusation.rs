//! No false accusation: an honest machine is only ever called silent, and evidence of a
//! contradiction holds and is against a liar.

use std::sync::Arc;

use hefu_consensus::PeerFault;
use hefu_primitives::{ChainId, KeyId};

use super::{Checker, Fact};
use crate::sim::founders::Founders;

pub(super) struct Accusation {
    chain: ChainId,
    founders: Arc<Founders>,
    liars: Vec<KeyId>,
}

impl Accusation {
    pub(super) const fn new(chain: ChainId, founders: Arc<Founders>, liars: Vec<KeyId>) -> Self {
        Self { chain, founders, liars }
    }
}

impl Checker for Accusation {
    fn name(&self) -> &'static str {
        "accusation"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Accused { node, of, honest: true, fault } if *fault != PeerFault::Silent => {
                Err(format!("n{node} accuses n{of}: {fault}"))
            }
            Fact::Evidence { node, evidence } => {
                let holds = evidence.verify(&self.chain, self.founders.genesis.validators());
                if holds.is_ok() && self.liars.contains(&evidence.validator()) {
                    return Ok(());
                }
                let (height, round) = (evidence.height(), evidence.round());
                Err(format!("n{node} has evidence that is none, at {height}, round {round}"))
            }
            _ => Ok(()),
        }
    }
}
