//! What is known of proposed blocks, from proposal to verdict.

use hefu_primitives::vote::SignedProposal;
use hefu_primitives::{Block, BlockId, CommitCertificate, Millis};

use super::{Known, Replica, Verdict};
use crate::input::PeerKey;
use crate::output::{Halt, Output};
use crate::wal::WalEntry;

impl Replica {
    /// A verified proposal came: judge its block, or tell the core if it is judged already.
    pub(super) fn consider(
        &mut self,
        signed: SignedProposal,
        block: Block,
        from: PeerKey,
    ) -> Result<(), Halt> {
        let id = signed.proposal.block;
        if !self.blocks.contains_key(&id) {
            let right = self.check_header(&block).is_ok();
            let verdict = Verdict::Held;
            self.blocks.insert(id, Known { block, from: Some(from), verdict });
            if !right {
                return self.judge(id, false);
            }
        }
        match self.blocks.get(&id).map(|known| known.verdict) {
            Some(Verdict::Held) => {
                if self.is_due(&id) {
                    self.ask_about(id);
                }
                Ok(())
            }
            Some(Verdict::Valid | Verdict::Invalid) => self.give_proposals(id),
            Some(Verdict::Asked) | None => Ok(()),
        }
    }

    /// Whether a block is to be executed: it is proposed in a round that has begun, so that nobody
    /// makes us execute now what it may propose later; and its time is not too far ahead of our
    /// clock, or it is proposed again: only its proposer's clock gives a block its time, and once
    /// a quorum has accepted it, no clock matters any more. At any time, if others vouch for it.
    fn is_due(&self, id: &BlockId) -> bool {
        let Some(known) = self.blocks.get(id) else { return false };
        let header = &known.block.header;
        let decided = self.certificate.as_ref().is_some_and(|decided| decided.block == *id);
        if decided || self.book.is_vouched(header.round, id) {
            return true;
        }
        let latest = Millis(self.now.0.saturating_add(self.config.max_clock_ahead_ms));
        let round = self.core.round();
        self.book
            .proposals_for(*id)
            .filter(|signed| signed.proposal.round <= round)
            .any(|signed| header.time <= latest || signed.proposal.pol_round.is_some())
    }

    /// Asks the application about held blocks whose time has come.
    pub(super) fn release_held(&mut self) {
        let held = self.blocks.iter().filter(|(_, known)| known.verdict == Verdict::Held);
        let due: Vec<_> = held.map(|(id, _)| *id).filter(|id| self.is_due(id)).collect();
        due.into_iter().for_each(|id| self.ask_about(id));
    }

    fn ask_about(&mut self, id: BlockId) {
        if let Some(known) = self.blocks.get_mut(&id) {
            known.verdict = Verdict::Asked;
            let (block, from) = (known.block.clone(), known.from);
            self.out.push(Output::Validate { block, from });
        }
    }

    /// The application's answer; late ones, for blocks of another height, find nothing.
    pub(super) fn on_validated(&mut self, id: BlockId, valid: bool) -> Result<(), Halt> {
        let asked = self.blocks.get(&id).is_some_and(|known| known.verdict == Verdict::Asked);
        if asked && self.is_running() { self.judge(id, valid) } else { Ok(()) }
    }

    /// Records a verdict and tells the core: first the block, then its proposals (trap 8).
    fn judge(&mut self, id: BlockId, valid: bool) -> Result<(), Halt> {
        let Some(proposal) = self.book.first_proposal_for(id) else { return Ok(()) };
        let Some(known) = self.blocks.get_mut(&id) else { return Ok(()) };
        known.verdict = if valid { Verdict::Valid } else { Verdict::Invalid };
        let entry = WalEntry::Block {
            round: proposal.proposal.round,
            proposer: proposal.proposal.proposer,
            valid,
            block: known.block.clone(),
        };
        self.out.push(Output::Persist(entry.clone()));
        let events = self.core.entry(&entry)?;
        self.perform(events)?;
        self.give_proposals(id)?;
        match self.certificate.take_if(|certificate| certificate.block == id) {
            Some(certificate) if self.is_running() => self.on_certificate(certificate),
            _ => Ok(()),
        }
    }

    fn give_proposals(&mut self, id: BlockId) -> Result<(), Halt> {
        for proposal in self.book.give(id) {
            if self.is_running() {
                let events = self.core.proposal(&proposal)?;
                self.perform(events)?;
            }
        }
        Ok(())
    }

    /// A verified certificate of this height: commit if the block is here and executed, else
    /// remember that there is something to fetch.
    pub(super) fn on_certificate(&mut self, certificate: CommitCertificate) -> Result<(), Halt> {
        if self.is_committing() {
            return Ok(());
        }
        let known = self.blocks.get(&certificate.block);
        match known.filter(|known| known.verdict == Verdict::Valid) {
            Some(known) => {
                let block = known.block.clone();
                self.commit(block, certificate, None);
            }
            None => {
                self.certificate = Some(certificate);
                self.release_held();
            }
        }
        Ok(())
    }
}
