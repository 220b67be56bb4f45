//! The exchange of status: every interval each replica says what it holds, and whoever holds more
//! sends what is missing. This is the only resending there is (trap 2); it needs no memory of
//! what was sent, works across any connected graph, and costs nothing where nothing is lost.

use hefu_primitives::{KeyId, Round, VoteKind};

use super::{Phase, Replica};
use crate::input::{PeerKey, TimerKind};
use crate::message::{MAX_VOTES_IN_MESSAGE, Message, Status};
use crate::output::Halt;
use crate::votes::bit;

impl Replica {
    fn status(&self) -> Status {
        let round = self.core.round();
        Status {
            height: self.height(),
            round,
            prevotes: self.book.bits(VoteKind::Prevote, round),
            precommits: self.book.bits(VoteKind::Precommit, round),
            links: self.peers.links(&self.validators),
            proposal: !self.book.proposals(round).is_empty(),
            polka: self.book.polka(round).is_some(),
            voter: self.is_validator().then(|| self.me()),
        }
    }

    /// Says where we stand, and arms the next time.
    pub(super) fn tick_status(&mut self) {
        self.broadcast(Message::Status(self.status()));
        let after_ms = match self.phase {
            Phase::Idle => self.config.idle_status_every_ms,
            _ => self.config.resend_every_ms,
        };
        self.set_timer(TimerKind::Status, Round(0), after_ms);
    }

    /// Whose proposal is missing, while a height is being decided: asked when the interval of status
    /// is over, this says that it is missing since the height began.
    pub fn awaits_proposal_of(&self) -> Option<KeyId> {
        let missing = self.is_running() && self.book.proposals(self.core.round()).is_empty();
        Some(self.proposer()).filter(|turn| missing && *turn != self.me())
    }

    pub(super) fn on_status_timer(&mut self) -> Result<(), Halt> {
        self.tick_status();
        if self.is_running() {
            self.release_held();
        }
        self.count_tick_behind();
        self.catch_up();
        self.wake_if_due()
    }

    pub(super) fn on_peer_up(&mut self, peer: PeerKey, validator: Option<KeyId>) {
        if self.peers.up(peer, validator, self.now) {
            self.send(peer, Message::Status(self.status()));
        }
    }

    pub(super) fn on_peer_down(&mut self, peer: PeerKey) {
        self.peers.down(peer);
        self.forget_request(peer);
        self.catch_up();
    }

    pub(super) fn on_status(&mut self, from: PeerKey, status: Status) {
        let Some(peer) = self.peers.get_mut(from) else { return };
        peer.status = Some(status);
        if status.height > self.height() {
            self.catch_up();
        } else if status.height == self.height() {
            self.help(from, &status);
        } else if status.height == self.tip.height
            && let Some(certificate) = self.tip.certificate.clone()
        {
            self.send(from, Message::Decided(certificate));
        } else {
            // It learns that it is behind.
            self.send(from, Message::Status(self.status()));
        }
    }

    /// Sends a peer at our height what it lacks.
    fn help(&mut self, peer: PeerKey, status: &Status) {
        let round = status.round;
        let mut votes = self.book.beyond(VoteKind::Prevote, round, status.prevotes);
        votes.extend(self.book.beyond(VoteKind::Precommit, round, status.precommits));
        if !votes.is_empty() {
            self.send(peer, Message::Votes(votes));
        }
        self.help_with_proposal(peer, status);
        self.help_with_polka(peer, status);
        if round < self.core.round() {
            self.help_to_our_round(peer);
        }
    }

    fn help_with_proposal(&mut self, peer: PeerKey, status: &Status) {
        let Some(proposal) = self.book.proposals(status.round).first().copied() else { return };
        if !status.proposal
            && let Some(known) = self.blocks.get(&proposal.proposal.block)
        {
            let block = known.block.clone();
            self.send(peer, Message::Proposal { proposal, block });
        }
        // A block proposed again needs the quorum that allows it.
        if !status.polka
            && let Some(polka) = proposal.proposal.pol_round.and_then(|pol| self.book.polka(pol))
        {
            self.send(peer, Message::Polka(polka));
        }
    }

    /// A peer that holds the votes of a quorum, but not the quorum, holds other votes of somebody
    /// who contradicted itself: only the certificate helps.
    fn help_with_polka(&mut self, peer: PeerKey, status: &Status) {
        if status.polka {
            return;
        }
        let Some(polka) = self.book.polka(status.round) else { return };
        let places = polka.signatures.iter().map(|entry| usize::from(entry.index));
        if places.fold(0, |bits, place| bits | bit(place)) & !status.prevotes == 0 {
            if let Some(proposal) = self.book.first_proposal_for(polka.block)
                && let Some(known) = self.blocks.get(&polka.block)
            {
                let block = known.block.clone();
                self.send(peer, Message::Proposal { proposal, block });
            }
            self.send(peer, Message::Polka(polka));
        }
    }

    /// The votes of our round if they are enough to skip to it, else those that ended the round
    /// before.
    fn help_to_our_round(&mut self, peer: PeerKey) {
        let round = self.core.round();
        let mut votes = self.book.beyond(VoteKind::Prevote, round, 0);
        votes.extend(self.book.beyond(VoteKind::Precommit, round, 0));
        if !self.book.is_more_than_a_third(self.book.power(round)) {
            votes = self.book.beyond(VoteKind::Precommit, round.previous(), 0);
        }
        votes.truncate(MAX_VOTES_IN_MESSAGE);
        if !votes.is_empty() {
            self.send(peer, Message::Votes(votes));
        }
    }
}
