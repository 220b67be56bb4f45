//! The start: replaying the log.
//!
//! Every entry goes through the core in its order. What the core then wants sent has been sent
//! before, or will be found missing; only what the latest round needs is sent again (trap 6).
//! What it wants logged is in the log already, except what the crash cut off: that is logged now.

use std::collections::BTreeSet;

use hefu_primitives::{Canonical, CommitCertificate, Round, VoteKind};

use super::{Known, Phase, Replica, Verdict};
use crate::core::Event;
use crate::input::{TimerId, TimerKind};
use crate::message::Message;
use crate::output::{Halt, Output};
use crate::wal::{WaitStep, WalEntry};

/// What a replay gathers.
#[derive(Default)]
struct Replay {
    logged: BTreeSet<Vec<u8>>,
    decided: Option<CommitCertificate>,
}

impl Replica {
    pub(super) fn on_start(&mut self) -> Result<(), Halt> {
        self.phase = Phase::Idle;
        let log = core::mem::take(&mut self.log);
        if log.is_empty() {
            self.set_heartbeat();
        } else {
            self.replay(&log)?;
        }
        self.tick_status();
        self.wake_if_due()
    }

    fn replay(&mut self, log: &[WalEntry]) -> Result<(), Halt> {
        self.phase = Phase::Running;
        for entry in log {
            self.core.signer_mut().recall(entry)?;
        }
        let logged = log.iter().map(Canonical::to_bytes).collect();
        let mut replay = Replay { logged, decided: None };
        self.core.begin_replay(log);
        let events = self.core.start()?;
        self.absorb(events, &mut replay);
        for entry in log {
            self.recollect(entry);
            let events = self.core.entry(entry)?;
            self.absorb(events, &mut replay);
        }
        self.core.end_replay();
        match replay.decided {
            Some(certificate) => self.on_decided_by_core(certificate),
            None => {
                self.prune(self.core.round());
                self.resume()
            }
        }
    }

    /// Keeps what the core wants while it replays.
    fn absorb(&mut self, events: Vec<Event>, replay: &mut Replay) {
        for event in events {
            match event {
                Event::Round(_) => self.wants_block = None,
                Event::Persist(entry) => {
                    if replay.logged.insert(entry.to_bytes()) {
                        self.out.push(Output::Persist(entry));
                    }
                }
                Event::Vote(vote) => {
                    self.book.add_vote(vote);
                }
                Event::Proposal(proposal) => {
                    self.book.add_proposal(proposal);
                }
                Event::Polka(polka) => self.book.add_polka(polka),
                Event::RoundVotes(_) => {}
                Event::Wait(step, round) => {
                    self.timers.insert(self.timer(step.timer(), round));
                }
                Event::StopWaiting(step, round) => {
                    self.timers.remove(&self.timer(step.timer(), round));
                }
                Event::StopAllWaiting => self.timers.clear(),
                Event::NeedBlock(round) => self.wants_block = Some(round),
                Event::Decided(certificate) => replay.decided = Some(certificate),
            }
        }
    }

    /// Puts an entry where it was when it was logged.
    fn recollect(&mut self, entry: &WalEntry) {
        match entry {
            WalEntry::Vote(vote) => {
                self.book.add_vote(*vote);
            }
            WalEntry::Proposal(proposal) => {
                self.book.add_proposal(*proposal);
                self.book.give(proposal.proposal.block);
            }
            WalEntry::Block { valid, block, .. } => {
                let verdict = if *valid { Verdict::Valid } else { Verdict::Invalid };
                let known = Known { block: block.clone(), from: None, verdict };
                self.blocks.insert(block.id(), known);
            }
            WalEntry::Polka(polka) => self.book.add_polka(polka.clone()),
            WalEntry::Timeout { .. } => {}
        }
    }

    /// Goes on where the log ends: our latest messages again, timers from their beginning.
    fn resume(&mut self) -> Result<(), Halt> {
        let (me, round) = (self.me(), self.core.round());
        let mine = |proposal: &&_| is_by(proposal, me);
        if let Some(proposal) = self.book.proposals(round).iter().find(mine).copied() {
            self.publish_proposal(proposal)?;
        }
        for kind in [VoteKind::Prevote, VoteKind::Precommit] {
            let votes = self.book.beyond(kind, round, 0);
            if let Some(vote) = votes.into_iter().find(|vote| vote.vote.validator == me) {
                self.broadcast(Message::Votes(vec![vote]));
            }
        }
        let timers: Vec<TimerId> = self.timers.iter().copied().collect();
        for id in timers {
            let after_ms = self.wait_ms(id.kind, id.round);
            self.out.push(Output::SetTimer { id, after_ms });
        }
        self.propose_if_wanted();
        Ok(())
    }
}

fn is_by(proposal: &hefu_primitives::vote::SignedProposal, author: hefu_primitives::KeyId) -> bool {
    proposal.proposal.proposer == author
}

impl WaitStep {
    pub(super) const fn timer(self) -> TimerKind {
        match self {
            Self::Propose => TimerKind::Propose,
            Self::Prevote => TimerKind::Prevote,
            Self::Precommit => TimerKind::Precommit,
        }
    }
}

impl Replica {
    /// How long a step of a round waits.
    pub(super) fn wait_ms(&self, kind: TimerKind, round: Round) -> u64 {
        let t = &self.config.timeouts;
        let (base, delta) = match kind {
            TimerKind::Prevote => (t.prevote_ms, t.prevote_delta_ms),
            TimerKind::Precommit => (t.precommit_ms, t.precommit_delta_ms),
            _ => (t.propose_ms, t.propose_delta_ms),
        };
        base.saturating_add(delta.saturating_mul(u64::from(round.0))).min(t.cap_ms)
    }
}
