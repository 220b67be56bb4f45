//! The end of a height, and catching up with peers who are further.
//!
//! A decided block, whether the core decided or a peer sent it with its certificate, takes one
//! path: [`Output::Commit`], then the application's answer, then the next height with its
//! validators. Fetched blocks are verified one at a time against the set that the commit before
//! them gave.

use std::collections::VecDeque;

use hefu_primitives::{Block, BlockId, CommitCertificate, Height, Round, ValidatorSet};

use super::{Phase, Replica};
use crate::MAX_CATCH_UP_BLOCKS;
use crate::input::{PeerKey, SyncedBlock, TimerKind, Tip};
use crate::output::{Halt, Output, PeerFault};
use crate::votes::Book;

/// Status intervals that a replica one height behind waits for the votes on their way before it
/// asks for the block.
const PATIENT_TICKS: u32 = 2;

/// The state of catch-up.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// Whom we asked.
    asked: Option<PeerKey>,
    /// What came, lowest height first, and from whom.
    queue: VecDeque<SyncedBlock>,
    source: Option<PeerKey>,
    /// Status intervals for which a peer has been ahead.
    behind: u32,
}

impl CatchUp {
    /// Blocks that came and wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Replica {
    /// Hands a decided block to the application.
    pub(super) fn commit(
        &mut self,
        block: Block,
        certificate: CommitCertificate,
        body: Option<Vec<u8>>,
    ) {
        debug_assert!(!self.is_committing());
        self.cancel_timers(|id| !matches!(id.kind, TimerKind::Status | TimerKind::CatchUp));
        self.wants_block = None;
        self.asked_block = None;
        self.certificate = None;
        self.phase = Phase::Committing(Box::new((block.clone(), certificate.clone())));
        self.out.push(Output::Commit { block, certificate, body });
    }

    pub(super) fn on_committed(
        &mut self,
        height: Height,
        id: BlockId,
        next_validators: ValidatorSet,
        pending: bool,
    ) -> Result<(), Halt> {
        let Phase::Committing(decision) = core::mem::replace(&mut self.phase, Phase::Idle) else {
            return Err(Halt::Contract("committed what was not decided"));
        };
        let (block, certificate) = *decision;
        if height != block.header.height || id != certificate.block {
            return Err(Halt::Contract("committed another block than the one decided"));
        }
        if next_validators.hash() != block.header.next_validators {
            return Err(Halt::NextValidators { height });
        }
        let time = block.header.time;
        self.tip = Tip { height, block: id, time, certificate: Some(certificate) };
        if height == Height(u64::MAX) {
            return Err(crate::output::StartError::LastHeight.into());
        }
        (self.pending, self.committed_at) = (pending, self.now);
        self.begin_height(next_validators);
        self.next_queued();
        let waiting = self.peers.take_waiting();
        for (from, size, message) in waiting {
            self.receive(from, size, message)?;
        }
        self.catch_up();
        self.wake_if_due()
    }

    /// Everything of the height before is forgotten.
    fn begin_height(&mut self, validators: ValidatorSet) {
        let height = self.height();
        self.validators_hash = validators.hash();
        self.core.begin(height, validators.clone());
        self.book = Book::new(height, validators.clone());
        self.validators = validators;
        self.blocks.clear();
        self.certificate = None;
        self.overdue = false;
        self.catch_up.behind = 0;
        self.set_heartbeat();
    }

    /// Whether a peer that has not failed us is fetching blocks for us.
    pub(super) fn is_catching_up(&self) -> bool {
        let asked = self.catch_up.asked;
        self.peers.iter().any(|(key, peer)| Some(key) == asked && peer.failures == 0)
    }

    pub(super) fn count_tick_behind(&mut self) {
        let behind = self.peers.highest() > self.height();
        self.catch_up.behind = if behind { self.catch_up.behind.saturating_add(1) } else { 0 };
    }

    /// Asks for blocks if a peer has them and votes on their way will not do.
    pub(super) fn catch_up(&mut self) {
        let highest = self.peers.highest();
        let ahead = highest.0.saturating_sub(self.height().0);
        let soon = ahead == 1 && self.certificate.is_none() && self.catch_up.behind < PATIENT_TICKS;
        if ahead == 0 || soon || !self.may_ask() {
            return;
        }
        if let Some(peer) = self.peers.server(self.height()) {
            self.ask(peer, ahead);
        }
    }

    /// Asks the peer that told us of a decision for its block, unless we can commit without.
    pub(super) fn fetch_from(&mut self, peer: PeerKey) {
        if self.certificate.is_some() && self.may_ask() {
            self.ask(peer, 1);
        }
    }

    fn may_ask(&self) -> bool {
        self.catch_up.asked.is_none() && self.catch_up.queue.is_empty() && !self.is_committing()
    }

    fn ask(&mut self, peer: PeerKey, ahead: u64) {
        let Some(known) = self.peers.get_mut(peer) else { return };
        known.asked = known.asked.saturating_add(1);
        let limit = self.config.catch_up_blocks;
        let count = u16::try_from(ahead).unwrap_or(limit).min(limit);
        self.catch_up.asked = Some(peer);
        self.out.push(Output::RequestBlocks { peer, from: self.height(), count });
        self.set_timer(TimerKind::CatchUp, Round(0), self.config.catch_up_timeout_ms);
    }

    pub(super) fn forget_request(&mut self, peer: PeerKey) -> bool {
        let asked = self.catch_up.asked.take_if(|asked| *asked == peer).is_some();
        if asked {
            self.cancel_timers(|id| id.kind == TimerKind::CatchUp);
        }
        asked
    }

    fn blame(&mut self, peer: PeerKey, fault: PeerFault) {
        if let Some(known) = self.peers.get_mut(peer) {
            known.failures = known.failures.saturating_add(1);
        }
        self.accuse(peer, fault);
    }

    /// Nobody answered: ask somebody else.
    pub(super) fn on_catch_up_timer(&mut self) {
        if let Some(peer) = self.catch_up.asked.take() {
            self.blame(peer, PeerFault::Silent);
        }
        self.catch_up();
    }

    /// The answer to a request. Unasked ones are dropped; after an empty one the next status
    /// interval asks again, so that a peer without blocks cannot make us ask in a loop.
    pub(super) fn on_blocks(
        &mut self,
        from: PeerKey,
        blocks: Vec<SyncedBlock>,
    ) -> Result<(), Halt> {
        if !self.forget_request(from) {
            return Ok(());
        }
        if blocks.is_empty() {
            self.blame(from, PeerFault::Silent);
            return Ok(());
        }
        self.catch_up.source = Some(from);
        self.catch_up.queue = blocks.into_iter().take(usize::from(MAX_CATCH_UP_BLOCKS)).collect();
        self.next_queued();
        Ok(())
    }

    /// Commits the next fetched block if it is what it says.
    fn next_queued(&mut self) {
        if self.is_committing() {
            return;
        }
        while let Some(fetched) = self.catch_up.queue.pop_front() {
            if fetched.block.header.height < self.height() {
                continue;
            }
            if self.is_proven(&fetched) {
                self.commit(fetched.block, fetched.certificate, Some(fetched.body));
            } else {
                self.catch_up.queue.clear();
                if let Some(source) = self.catch_up.source {
                    self.blame(source, PeerFault::Blocks);
                }
                self.catch_up();
            }
            return;
        }
    }

    fn is_proven(&self, fetched: &SyncedBlock) -> bool {
        let certificate = &fetched.certificate;
        self.check_header(&fetched.block).is_ok()
            && certificate.height == self.height()
            && certificate.block == fetched.block.id()
            && certificate
                .verify_with(&self.config.chain, &self.validators, self.config.check)
                .is_ok()
    }
}
