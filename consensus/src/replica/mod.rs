//! The replica: one height after the other, and the state between events.
//!
//! The parts: `start` (replay), `round` (the core's wishes, proposing, timers), `receive`
//! (messages), `blocks` (what is known of proposed blocks), `status` (exchange with peers),
//! `commit` (the end of a height, catch-up). What a verified message is, `votes` knows; what a
//! peer may cost, `peers`.

mod blocks;
mod commit;
mod receive;
mod round;
mod start;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use hefu_primitives::{
    Block, BlockId, CommitCertificate, H32, Height, KeyId, Millis, Round, ValidatorSet,
};

use crate::config::Config;
use crate::core::Core;
use crate::input::{Input, PeerKey, TimerId, TimerKind, Tip};
use crate::message::Message;
use crate::output::{Halt, Output, PeerFault, StartError};
use crate::peers::Peers;
use crate::rotation::proposer;
use crate::signer::Signer;
use crate::votes::Book;
use crate::wal::WalEntry;

/// Rounds ahead of ours that single votes and proposals are accepted from, as in the core.
const ROUNDS_AHEAD: u32 = 10;

/// Where the replica is within its height.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Not started.
    New,
    /// Nothing to decide yet.
    Idle,
    /// The core runs.
    Running,
    /// Decided; the application stores the block.
    Committing(Box<(Block, CommitCertificate)>),
    /// Broken; gives nothing.
    Halted,
}

/// What is known of a proposed block.
#[derive(Clone, Debug)]
struct Known {
    block: Block,
    from: Option<PeerKey>,
    verdict: Verdict,
}

/// The application's word on a block, or why it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Its time is too far ahead of our clock.
    Held,
    /// The application is asked.
    Asked,
    /// May be voted for.
    Valid,
    /// May not.
    Invalid,
}

/// How much a replica holds; bounded, whatever comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Votes of the open height.
    pub votes: usize,
    /// Proposals of the open height.
    pub proposals: usize,
    /// Proposed blocks.
    pub blocks: usize,
    /// Bytes of messages that wait for the next height.
    pub waiting_bytes: usize,
    /// Fetched blocks that wait for their turn.
    pub fetched: usize,
    /// Timers that are set.
    pub timers: usize,
}

/// One replica of the ledger's consensus, without input and output.
#[derive(Debug)]
pub struct Replica {
    config: Config,
    tip: Tip,
    validators: ValidatorSet,
    validators_hash: H32,
    core: Core,
    book: Book,
    blocks: BTreeMap<BlockId, Known>,
    peers: Peers,
    catch_up: commit::CatchUp,
    phase: Phase,
    /// Entries to replay at the start.
    log: Vec<WalEntry>,
    /// Timers that are set.
    timers: BTreeSet<TimerId>,
    /// The application has something to record.
    pending: bool,
    /// The heartbeat is due.
    overdue: bool,
    /// The round that the core waits for a block of ours in.
    wants_block: Option<Round>,
    /// The round that the application was asked for a block for.
    asked_block: Option<Round>,
    /// Proof that the height is decided, while we lack the block.
    certificate: Option<CommitCertificate>,
    now: Millis,
    /// When the tip was stored here; 0 before anything was.
    committed_at: Millis,
    out: Vec<Output>,
}

impl Replica {
    /// A replica on top of the stored tip. `validators` decide the height after the tip; `log`
    /// holds the entries of the write-ahead log in order (those of stored heights are ignored).
    ///
    /// # Errors
    /// [`StartError`] when the parts do not fit each other.
    pub fn new(
        config: Config,
        tip: Tip,
        validators: ValidatorSet,
        log: Vec<WalEntry>,
    ) -> Result<Self, StartError> {
        config.validate()?;
        if tip.height == Height(u64::MAX) {
            return Err(StartError::LastHeight);
        }
        let fits = |c: &CommitCertificate| c.height == tip.height && c.block == tip.block;
        if !tip.certificate.as_ref().is_none_or(fits) {
            return Err(StartError::TipCertificate);
        }
        let height = tip.height.next();
        if let Some(log) = log.iter().map(WalEntry::height).max().filter(|log| *log > height) {
            return Err(StartError::LogAhead { log, tip: tip.height });
        }
        let log = log.into_iter().filter(|entry| entry.height() == height).collect();
        let signer = Signer::new(config.chain, config.key.clone(), height);
        Ok(Self {
            core: Core::new(signer, height, validators.clone()),
            book: Book::new(height, validators.clone()),
            validators_hash: validators.hash(),
            config,
            tip,
            validators,
            blocks: BTreeMap::new(),
            peers: Peers::default(),
            catch_up: commit::CatchUp::default(),
            phase: Phase::New,
            log,
            timers: BTreeSet::new(),
            pending: false,
            overdue: false,
            wants_block: None,
            asked_block: None,
            certificate: None,
            now: Millis(0),
            committed_at: Millis(0),
            out: Vec::new(),
        })
    }

    /// Advances by one event. Deterministic; `now` is the wall clock and may stand still or jump.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Output> {
        if self.phase == Phase::Halted {
            return Vec::new();
        }
        self.now = now;
        match self.dispatch(input) {
            Ok(()) => core::mem::take(&mut self.out),
            Err(halt) => {
                self.phase = Phase::Halted;
                self.out.clear();
                vec![Output::Halt(halt)]
            }
        }
    }

    /// Follows the ledger's parameters: the longest pause between blocks, and how far a proposal's
    /// time may be ahead of our clock. A pause of zero is none and is not taken.
    pub const fn set_pace(&mut self, heartbeat_ms: u64, max_clock_ahead_ms: u64) {
        if heartbeat_ms > 0 {
            self.config.heartbeat_ms = heartbeat_ms;
        }
        self.config.max_clock_ahead_ms = max_clock_ahead_ms;
    }

    /// The height being decided.
    pub const fn height(&self) -> Height {
        self.tip.height.next()
    }

    /// Its round; 0 before it has begun.
    pub fn round(&self) -> Round {
        self.core.round()
    }

    /// The stored tip.
    pub const fn tip(&self) -> &Tip {
        &self.tip
    }

    /// The validators of the height being decided.
    pub const fn validators(&self) -> &ValidatorSet {
        &self.validators
    }

    /// Whose turn it is.
    pub fn proposer(&self) -> KeyId {
        proposer(&self.validators, self.height(), self.round())
    }

    /// Whether we vote at this height.
    pub fn is_validator(&self) -> bool {
        self.validators.by_key(self.me()).is_some()
    }

    /// The highest height that any peer says it is deciding; 0 before one said so.
    pub fn highest_peer(&self) -> Height {
        self.peers.highest()
    }

    /// The validator keys that peers say they vote with, by peer.
    pub fn voters(&self) -> impl Iterator<Item = (PeerKey, KeyId)> + '_ {
        let voter = |peer: &crate::peers::Peer| peer.status.and_then(|status| status.voter);
        self.peers.iter().filter_map(move |(key, peer)| Some((key, voter(peer)?)))
    }

    /// How much it holds.
    pub fn load(&self) -> Load {
        let (votes, proposals) = self.book.size();
        Load {
            votes,
            proposals,
            blocks: self.blocks.len(),
            waiting_bytes: self.peers.waiting_bytes(),
            fetched: self.catch_up.waiting(),
            timers: self.timers.len(),
        }
    }

    /// Whether a decision is being made; otherwise there is nothing to decide, or the decision is
    /// being stored.
    pub fn is_deciding(&self) -> bool {
        self.phase == Phase::Running
    }

    fn dispatch(&mut self, input: Input) -> Result<(), Halt> {
        match (input, &self.phase) {
            (Input::Start, Phase::New) => self.on_start(),
            (Input::Start, _) => Err(Halt::Contract("started twice")),
            (_, Phase::New) => Err(Halt::Contract("the first input is not Start")),
            (Input::Timer(id), _) => self.on_timer(id),
            (Input::Message { from, bytes }, _) => self.on_message(from, &bytes),
            (Input::PeerUp { peer, validator }, _) => {
                self.on_peer_up(peer, validator);
                Ok(())
            }
            (Input::PeerDown { peer }, _) => {
                self.on_peer_down(peer);
                Ok(())
            }
            (Input::Pending(pending), _) => {
                self.pending = pending;
                self.propose_if_wanted();
                self.wake_if_due()
            }
            (Input::Proposed { height, round, block }, _) => self.on_proposed(height, round, block),
            (Input::Validated { block, valid }, _) => self.on_validated(block, valid),
            (Input::Committed { height, block, next_validators, pending }, _) => {
                self.on_committed(height, block, next_validators, pending)
            }
            (Input::Blocks { from, blocks }, _) => self.on_blocks(from, blocks),
        }
    }

    fn me(&self) -> KeyId {
        self.core.signer().id()
    }

    fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    fn is_committing(&self) -> bool {
        matches!(self.phase, Phase::Committing(_))
    }

    fn send(&mut self, peer: PeerKey, message: Message) {
        self.out.push(Output::Send(peer, message));
    }

    fn broadcast(&mut self, message: Message) {
        self.out.push(Output::Broadcast(message));
    }

    fn accuse(&mut self, peer: PeerKey, fault: PeerFault) {
        self.out.push(Output::Misbehaviour { peer, fault });
    }

    /// The name of a timer of this height, or of none for those that outlive heights.
    const fn timer(&self, kind: TimerKind, round: Round) -> TimerId {
        match kind {
            TimerKind::Status | TimerKind::CatchUp => {
                TimerId { kind, height: Height(0), round: Round(0) }
            }
            _ => TimerId { kind, height: self.height(), round },
        }
    }

    fn set_timer(&mut self, kind: TimerKind, round: Round, after_ms: u64) {
        let id = self.timer(kind, round);
        self.timers.insert(id);
        self.out.push(Output::SetTimer { id, after_ms });
    }

    fn cancel_timers(&mut self, matches: impl Fn(&TimerId) -> bool) {
        let cancelled: Vec<_> = self.timers.iter().filter(|id| matches(id)).copied().collect();
        for id in cancelled {
            self.timers.remove(&id);
            self.out.push(Output::CancelTimer(id));
        }
    }
}
