//! No false accusation: an honest machine is only ever called silent, and evidence of a
//! contradiction holds and is against a liar.

use hefu_consensus::PeerFault;
use hefu_primitives::{ChainId, KeyId};

use super::{Checker, Fact};

pub(super) struct Accusation {
    chain: ChainId,
    liars: Vec<KeyId>,
}

impl Accusation {
    pub(super) const fn new(chain: ChainId, liars: Vec<KeyId>) -> Self {
        Self { chain, liars }
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
            Fact::Evidence { node, evidence, validators } => {
                let holds = |set| evidence.verify(&self.chain, set).is_ok();
                if validators.is_some_and(holds) && self.liars.contains(&evidence.validator()) {
                    return Ok(());
                }
                let (height, round) = (evidence.height(), evidence.round());
                let who = node.map_or("the ledger".into(), |node| format!("n{node}"));
                Err(format!("{who} has evidence that is none, at {height}, round {round}"))
            }
            _ => Ok(()),
        }
    }
}
