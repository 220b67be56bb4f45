//! Within a round: doing what the core wants, proposing, waking, timers.

use hefu_primitives::vote::{SignedProposal, SignedVote};
use hefu_primitives::{Block, CommitCertificate, Height, Millis, Round};

use super::{Known, Phase, Replica, Verdict};
use crate::core::Event;
use crate::header::{self, HeaderError};
use crate::input::{TimerId, TimerKind};
use crate::message::Message;
use crate::output::{Halt, Output};
use crate::wal::{WaitStep, WalEntry};

impl Replica {
    /// Does what the core wants, in its order: log entries stand before what depends on them.
    pub(super) fn perform(&mut self, events: Vec<Event>) -> Result<(), Halt> {
        for event in events {
            match event {
                Event::Round(round) => self.enter(round),
                Event::Persist(entry) => self.out.push(Output::Persist(entry)),
                Event::Vote(vote) => {
                    self.book.add_vote(vote);
                    self.broadcast(Message::Votes(vec![vote]));
                }
                Event::Proposal(proposal) => {
                    self.book.add_proposal(proposal);
                    self.book.give(proposal.proposal.block);
                    self.publish_proposal(proposal)?;
                }
                Event::Polka(polka) => {
                    self.book.add_polka(polka.clone());
                    self.broadcast(Message::Polka(polka));
                }
                Event::RoundVotes(votes) => self.broadcast(Message::Votes(votes)),
                Event::Wait(step, round) => {
                    let kind = step.timer();
                    let is_vain = step == WaitStep::Precommit && self.book.rules_out_commit(round);
                    let after_ms = if is_vain { 0 } else { self.wait_ms(kind, round) };
                    self.set_timer(kind, round, after_ms);
                }
                Event::StopWaiting(step, round) => {
                    let id = self.timer(step.timer(), round);
                    self.cancel_timers(|timer| *timer == id);
                }
                Event::StopAllWaiting => self.cancel_timers(|id| wait_step(id.kind).is_some()),
                Event::NeedBlock(round) => {
                    self.wants_block = Some(round);
                    self.propose_if_wanted();
                }
                Event::Decided(certificate) => self.on_decided_by_core(certificate)?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, round: Round) {
        self.wants_block = None;
        self.asked_block = None;
        self.cancel_timers(|id| id.kind == TimerKind::Patience);
        self.prune(round);
        self.release_held();
    }

    /// Drops what belongs to rounds far behind. A block outlives them if the core would propose it
    /// again; what a certificate proves decided but is not here any more is fetched.
    pub(super) fn prune(&mut self, round: Round) {
        self.book.prune(round);
        let valid = self.core.valid_block();
        self.blocks.retain(|id, _| self.book.is_proposed(id) || valid == Some(*id));
    }

    /// Broadcasts a proposal with its block.
    pub(super) fn publish_proposal(&mut self, proposal: SignedProposal) -> Result<(), Halt> {
        let known = self.blocks.get(&proposal.proposal.block);
        let block = known.ok_or(Halt::MissingBlock { height: self.height() })?.block.clone();
        self.broadcast(Message::Proposal { proposal, block });
        Ok(())
    }

    /// The core decided; the certificate is made of precommits that were verified when they came.
    pub(super) fn on_decided_by_core(
        &mut self,
        certificate: CommitCertificate,
    ) -> Result<(), Halt> {
        let height = self.height();
        certificate
            .verify_votes(&self.validators, |vote| self.is_good(vote))
            .map_err(|error| Halt::Certificate { height, error })?;
        let known = self.blocks.get(&certificate.block).filter(|k| k.verdict == Verdict::Valid);
        let block = known.ok_or(Halt::MissingBlock { height })?.block.clone();
        self.commit(block, certificate, None);
        Ok(())
    }

    /// Whether a vote is one that was verified, or is good.
    pub(super) fn is_good(&self, vote: &SignedVote) -> bool {
        let verify = || vote.verify_with(&self.config.chain, &self.validators, self.config.check);
        self.book.has_vote(vote) || verify()
    }

    /// Begins the height if it has not begun.
    pub(super) fn wake(&mut self) -> Result<(), Halt> {
        if self.phase != Phase::Idle {
            return Ok(());
        }
        self.phase = Phase::Running;
        self.cancel_timers(|id| id.kind == TimerKind::Heartbeat);
        self.set_timer(TimerKind::Status, Round(0), self.config.resend_every_ms);
        let events = self.core.start()?;
        self.perform(events)
    }

    /// Begins the height if there is a reason to: something to record, or the heartbeat. Not
    /// while a peer that has not failed us is fetching blocks for us.
    pub(super) fn wake_if_due(&mut self) -> Result<(), Halt> {
        if (self.pending || self.overdue) && !self.is_catching_up() {
            return self.wake();
        }
        Ok(())
    }

    /// Arms the heartbeat: from the time of the tip, but at most one interval from now, however
    /// clocks differ.
    pub(super) fn set_heartbeat(&mut self) {
        let interval = self.config.heartbeat_ms;
        let due = self.tip.time.0.saturating_add(interval);
        let after_ms = due.saturating_sub(self.now.0).min(interval);
        self.set_timer(TimerKind::Heartbeat, Round(0), after_ms);
    }

    /// Asks the application for a block if the core waits for one and there is a reason to have
    /// one. A proposer with nothing to record, woken by others who have, waits half the proposal
    /// timeout for their bundles to arrive; this also bounds how fast a faulty validator can make
    /// the others produce empty blocks.
    pub(super) fn propose_if_wanted(&mut self) {
        let Some(round) = self.wants_block else { return };
        let me = self.me();
        let done = self.book.proposals(round).iter().any(|p| p.proposal.proposer == me);
        if done || self.asked_block == Some(round) || !self.is_running() {
            return;
        }
        if self.pending || self.overdue {
            let gathering = self.gathering_ms(round);
            if gathering > 0 {
                self.set_timer(TimerKind::Patience, round, gathering);
                return;
            }
            self.cancel_timers(|id| id.kind == TimerKind::Patience);
            self.ask_for_block(round);
        } else if !self.timers.contains(&self.timer(TimerKind::Patience, round)) {
            let half = self.wait_ms(TimerKind::Propose, round).saturating_div(2);
            self.set_timer(TimerKind::Patience, round, half);
        }
    }

    /// How long a proposer still waits for what the others hand over with a commit; later rounds
    /// have waited enough.
    fn gathering_ms(&self, round: Round) -> u64 {
        let waited = self.now.0.saturating_sub(self.committed_at.0);
        if round > Round(0) { 0 } else { self.config.gather_ms.saturating_sub(waited) }
    }

    fn ask_for_block(&mut self, round: Round) {
        self.asked_block = Some(round);
        let time = Millis(self.now.0.max(self.tip.time.0.saturating_add(1)));
        self.out.push(Output::Propose { height: self.height(), round, time });
    }

    /// The application's block for a round; late answers are dropped.
    pub(super) fn on_proposed(
        &mut self,
        height: Height,
        round: Round,
        block: Option<Block>,
    ) -> Result<(), Halt> {
        let awaited = height == self.height()
            && self.is_running()
            && self.wants_block == Some(round)
            && self.asked_block == Some(round);
        let Some(block) = block.filter(|_| awaited) else { return Ok(()) };
        self.check_header(&block)
            .and_then(|()| {
                let ours = block.header.round == round;
                if ours { Ok(()) } else { Err(HeaderError::Round) }
            })
            .map_err(|error| Halt::OwnBlock { height, error })?;
        self.wants_block = None;
        let (id, proposer) = (block.id(), self.me());
        let known = Known { block: block.clone(), from: None, verdict: Verdict::Valid };
        self.blocks.insert(id, known);
        self.out.push(Output::Persist(WalEntry::Block { round, proposer, valid: true, block }));
        let events = self.core.propose(round, id)?;
        self.perform(events)
    }

    /// Checks what consensus knows of the next block.
    pub(super) fn check_header(&self, block: &Block) -> Result<(), HeaderError> {
        let chain = &self.config.chain;
        header::check(block, chain, &self.tip, &self.validators, &self.validators_hash)
    }

    pub(super) fn on_timer(&mut self, id: TimerId) -> Result<(), Halt> {
        // Timers of another height, and those cancelled, are not in the set (trap 5).
        if !self.timers.remove(&id) {
            return Ok(());
        }
        match (id.kind, wait_step(id.kind)) {
            (_, Some(step)) if self.is_running() => {
                let events = self.core.timeout(step, id.round)?;
                self.perform(events)
            }
            (TimerKind::Patience, _) => {
                if self.wants_block == Some(id.round) && self.asked_block.is_none() {
                    self.ask_for_block(id.round);
                }
                Ok(())
            }
            (TimerKind::Heartbeat, _) => {
                self.overdue = true;
                self.wake_if_due()
            }
            (TimerKind::Status, _) => self.on_status_timer(),
            (TimerKind::CatchUp, _) => {
                self.on_catch_up_timer();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The step that a timer ends, if it is the core's.
const fn wait_step(kind: TimerKind) -> Option<WaitStep> {
    match kind {
        TimerKind::Propose => Some(WaitStep::Propose),
        TimerKind::Prevote => Some(WaitStep::Prevote),
        TimerKind::Precommit => Some(WaitStep::Precommit),
        _ => None,
    }
}
