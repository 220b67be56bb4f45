//! Messages: bounded, verified, kept, relayed, and only then fed.
//!
//! Nothing reaches the core or the book unverified; what is known already is not verified again.
//! Relays stand before log entries in the outputs, since they do not depend on them.

use std::collections::BTreeSet;

use hefu_primitives::vote::{SignedProposal, SignedVote};
use hefu_primitives::{Block, CommitCertificate, Height, KeyId, Power, Round, VoteKind};

use super::{Phase, ROUNDS_AHEAD, Replica};
use crate::header::check_bundles;
use crate::input::{PeerKey, TimerKind};
use crate::message::{Message, PolkaCertificate};
use crate::output::{Halt, Output, PeerFault};
use crate::peers::Charge;
use crate::rotation::proposer;
use crate::signer::vote_name;
use crate::votes::{Added, Book};
use crate::wal::WalEntry;

impl Replica {
    pub(super) fn on_message(&mut self, from: PeerKey, bytes: &[u8]) -> Result<(), Halt> {
        match self.peers.charge(from, bytes.len(), self.now) {
            Charge::Paid => {}
            Charge::Exhausted => {
                self.accuse(from, PeerFault::Budget);
                return Ok(());
            }
            Charge::Refused => return Ok(()),
        }
        match Message::decode(bytes) {
            Ok(message) => self.receive(from, bytes.len(), message),
            Err(_) => {
                self.accuse(from, PeerFault::Malformed);
                Ok(())
            }
        }
    }

    /// Handles a decoded message now, keeps it for the next height, or drops it (trap 3).
    pub(super) fn receive(
        &mut self,
        from: PeerKey,
        size: usize,
        message: Message,
    ) -> Result<(), Halt> {
        if let Message::Status(status) = message {
            self.on_status(from, status);
            return Ok(());
        }
        if let Message::Evidence(evidence) = message {
            if self.pays_for_signature(from) && self.pays_for_signature(from) {
                self.out.push(Output::Heard { from, evidence });
            }
            return Ok(());
        }
        let Some((height, round)) = scope(&message) else {
            self.accuse(from, PeerFault::Malformed);
            return Ok(());
        };
        if height == self.height().next() {
            self.peers.keep(from, size, message);
            return Ok(());
        }
        let open = matches!(self.phase, Phase::Idle | Phase::Running);
        if height != self.height() || !open || round < Book::oldest(self.core.round()) {
            return Ok(());
        }
        match message {
            Message::Proposal { proposal, block } => self.on_proposal(from, proposal, block),
            Message::Votes(votes) => self.on_votes(from, &votes),
            Message::Polka(polka) => self.on_polka(from, polka),
            Message::Decided(certificate) => self.on_decided(from, certificate),
            Message::Status(_) | Message::Evidence(_) => Ok(()),
        }
    }

    fn is_near(&self, round: Round) -> bool {
        round.0 <= self.core.round().0.saturating_add(ROUNDS_AHEAD)
    }

    fn on_proposal(
        &mut self,
        from: PeerKey,
        signed: SignedProposal,
        block: Block,
    ) -> Result<(), Halt> {
        let proposal = signed.proposal;
        let known = self.book.has_proposal(&signed);
        if known || !self.is_near(proposal.round) || !self.book.has_room(&signed) {
            return Ok(());
        }
        if !self.is_well_formed(&signed, &block) {
            self.accuse(from, PeerFault::Proposal);
            return Ok(());
        }
        if !self.pays_for_signature(from) {
            return Ok(());
        }
        if !signed.verify_with(&self.config.chain, &self.validators, self.config.check) {
            self.accuse(from, PeerFault::Signature);
            return Ok(());
        }
        if proposal.proposer == self.me() && !self.core.signer().knows_proposal(&proposal) {
            let (height, round) = (proposal.height, proposal.round);
            return Err(Halt::UnknownOwnSignature { what: "proposal", height, round });
        }
        if let Added::Contradiction(evidence) = self.book.add_proposal(signed) {
            self.report(evidence);
        }
        let message = Message::Proposal { proposal: signed, block: block.clone() };
        self.relay(proposal.proposer, from, &message);
        self.wake()?;
        self.consider(signed, block, from)
    }

    /// What every honest validator has checked before it proposes or relays.
    fn is_well_formed(&self, signed: &SignedProposal, block: &Block) -> bool {
        let proposal = &signed.proposal;
        let origin = match proposal.pol_round {
            None => block.header.round == proposal.round,
            Some(pol) => pol < proposal.round && block.header.round <= pol,
        };
        origin
            && block.id() == proposal.block
            && block.header.height == proposal.height
            && check_bundles(block).is_ok()
            && proposal.proposer == proposer(&self.validators, proposal.height, proposal.round)
    }

    fn on_votes(&mut self, from: PeerKey, votes: &[SignedVote]) -> Result<(), Halt> {
        let Some(round) = votes.first().map(|vote| vote.vote.round) else { return Ok(()) };
        let mut fresh = Vec::new();
        for vote in votes {
            if self.book.needs_vote(vote) {
                if !self.accepts(from, vote)? {
                    return Ok(());
                }
                fresh.push(*vote);
            }
        }
        if !self.is_near(round) {
            return self.on_votes_far_ahead(round, &fresh);
        }
        for vote in fresh {
            if matches!(self.phase, Phase::Idle | Phase::Running) {
                self.add_vote(from, vote)?;
            }
        }
        Ok(())
    }

    /// Verifies a vote; false when the rest of the message is not worth a look.
    fn accepts(&mut self, from: PeerKey, vote: &SignedVote) -> Result<bool, Halt> {
        if !self.pays_for_signature(from) {
            return Ok(false);
        }
        if !vote.verify_with(&self.config.chain, &self.validators, self.config.check) {
            self.accuse(from, PeerFault::Signature);
            return Ok(false);
        }
        if vote.vote.validator == self.me() && !self.core.signer().knows_vote(&vote.vote) {
            let (what, height) = (vote_name(vote.vote.kind), vote.vote.height);
            return Err(Halt::UnknownOwnSignature { what, height, round: vote.vote.round });
        }
        Ok(true)
    }

    /// Votes too far ahead to be kept one by one: together they must stand for a third of the
    /// power, and then they take us to their round at once.
    fn on_votes_far_ahead(&mut self, round: Round, votes: &[SignedVote]) -> Result<(), Halt> {
        let voters: BTreeSet<KeyId> = votes.iter().map(|vote| vote.vote.validator).collect();
        let power = voters.iter().filter_map(|key| self.validators.by_key(*key));
        let power = Power(power.fold(0, |sum, (_, v)| sum.saturating_add(v.power.0)));
        if !self.book.is_more_than_a_third(power) {
            return Ok(());
        }
        self.wake()?;
        let votes: Vec<_> =
            votes.iter().filter(|v| self.book.add_vote(**v) == Added::New).copied().collect();
        let events = self.core.skip(round, &votes)?;
        self.perform(events)
    }

    /// Keeps, relays and feeds a verified vote.
    fn add_vote(&mut self, from: PeerKey, vote: SignedVote) -> Result<(), Halt> {
        let added = self.book.add_vote(vote);
        match added {
            Added::Nothing => return Ok(()),
            Added::Contradiction(evidence) => self.report(evidence),
            Added::New => {}
        }
        self.relay(vote.vote.validator, from, &Message::Votes(vec![vote]));
        self.wake()?;
        if added == Added::New && self.is_running() {
            let events = self.core.vote(&vote)?;
            self.perform(events)?;
        }
        self.after_vote(vote.vote.kind, vote.vote.round)
    }

    /// What follows from votes that the core does not see for itself: a quorum completed by a
    /// second, contradicting vote, and vouching for a block that was held back.
    fn after_vote(&mut self, kind: VoteKind, round: Round) -> Result<(), Halt> {
        if !self.is_running() {
            return Ok(());
        }
        match kind {
            VoteKind::Prevote => {
                if self.book.is_contradicted(round)
                    && let Some(polka) = self.book.polka(round)
                    && !self.core.has_polka(round, &polka.block)
                {
                    let events = self.core.entry(&WalEntry::Polka(polka))?;
                    self.perform(events)?;
                }
                self.release_held();
                Ok(())
            }
            VoteKind::Precommit => match self.book.commit(round) {
                Some(certificate) => self.on_certificate(certificate),
                None => {
                    self.end_vain_wait(round);
                    Ok(())
                }
            },
        }
    }

    /// Ends the wait for more precommits once they cannot decide anything: those for nil that rule
    /// it out take every other replica to the next round too.
    fn end_vain_wait(&mut self, round: Round) {
        let waits = self.timers.contains(&self.timer(TimerKind::Precommit, round));
        if waits && self.book.rules_out_commit(round) {
            self.set_timer(TimerKind::Precommit, round, 0);
        }
    }

    fn on_polka(&mut self, from: PeerKey, polka: PolkaCertificate) -> Result<(), Halt> {
        let round = polka.round;
        let known = self.book.polka(round).is_some_and(|known| known.block == polka.block);
        if known && self.core.has_polka(round, &polka.block) {
            return Ok(());
        }
        let Some(votes) = polka.votes(&self.validators) else {
            self.accuse(from, PeerFault::Certificate);
            return Ok(());
        };
        let power = votes.iter().filter_map(|v| self.validators.by_key(v.vote.validator));
        let power = Power(power.fold(0, |sum, (_, v)| sum.saturating_add(v.power.0)));
        if power < self.validators.quorum() {
            self.accuse(from, PeerFault::Certificate);
            return Ok(());
        }
        for vote in votes.iter() {
            if !self.book.has_vote(vote) && !self.accepts(from, vote)? {
                return Ok(());
            }
        }
        for vote in votes {
            if let Added::Contradiction(evidence) = self.book.add_vote(vote) {
                self.report(evidence);
            }
        }
        self.book.add_polka(polka.clone());
        self.wake()?;
        if self.is_running() {
            let events = self.core.entry(&WalEntry::Polka(polka))?;
            self.perform(events)?;
        }
        self.release_held();
        Ok(())
    }

    /// A peer says that our height is decided.
    fn on_decided(&mut self, from: PeerKey, certificate: CommitCertificate) -> Result<(), Halt> {
        if self.certificate.is_none() {
            for _ in &certificate.signatures {
                if !self.pays_for_signature(from) {
                    return Ok(());
                }
            }
            if certificate
                .verify_with(&self.config.chain, &self.validators, self.config.check)
                .is_err()
            {
                self.accuse(from, PeerFault::Certificate);
                return Ok(());
            }
            self.on_certificate(certificate)?;
        }
        self.fetch_from(from);
        Ok(())
    }

    fn pays_for_signature(&mut self, from: PeerKey) -> bool {
        match self.peers.charge_signature(from) {
            Charge::Paid => true,
            Charge::Exhausted => {
                self.accuse(from, PeerFault::Budget);
                false
            }
            Charge::Refused => false,
        }
    }

    fn report(&mut self, evidence: crate::evidence::Equivocation) {
        if self.book.report(&evidence) {
            self.out.push(Output::Evidence(evidence));
        }
    }

    fn relay(&mut self, author: KeyId, from: PeerKey, message: &Message) {
        for peer in self.peers.relay_to(author, from, &self.validators) {
            self.send(peer, message.clone());
        }
    }
}

/// The height and round a message is about; none for votes of more than one round or of none.
fn scope(message: &Message) -> Option<(Height, Round)> {
    match message {
        Message::Proposal { proposal, .. } => {
            Some((proposal.proposal.height, proposal.proposal.round))
        }
        Message::Votes(votes) => {
            let scope = |vote: &SignedVote| (vote.vote.height, vote.vote.round);
            let first = scope(votes.first()?);
            votes.iter().all(|vote| scope(vote) == first).then_some(first)
        }
        Message::Polka(polka) => Some((polka.height, polka.round)),
        // A decision of any round ends the height.
        Message::Decided(certificate) => Some((certificate.height, Round(u32::MAX))),
        Message::Status(_) | Message::Evidence(_) => None,
    }
}
