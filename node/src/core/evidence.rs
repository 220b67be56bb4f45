//! Contradictions of validators that this node knows and the ledger does not have yet.
//!
//! 1. What the replica detects, and what a peer hands on and holds, is in the log and synced before
//!    anything is made of it; a log that begins anew takes along what still waits.
//! 2. Each piece is handed on once, to every peer, and to a peer that connects later.
//! 3. A proposer puts what waits into its block; with the block that records it, it is dropped.
//! 4. Bounded: so many pieces of one validator, so many in all, one for each height.

use std::collections::BTreeMap;

use hefu_consensus::{Message, PeerFault, PeerKey};
use hefu_contracts::StateView;
use hefu_contracts::equivocation::{self, Refusal};
use hefu_primitives::bounds::MAX_BLOCK_EVIDENCE;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Equivocation, Height, KeyId};

use super::{Core, CoreError, CoreOutput, ENTRY_EVIDENCE};
use crate::store::{Disk, StoreError};

/// Most pieces of one validator that wait: more than a block takes, and recorded within rounds.
const MAX_OF_A_KEY: usize = 8;
/// Most pieces that wait: 64 validators' 8 pieces of 512 bytes are 256 KiB.
const MAX_WAITING: usize = 512;
/// Most pieces a new peer is sent at once; what it lacks it finds in blocks.
const MAX_HANDED_ON: usize = 16;

/// Evidence that waits to be recorded, in the order of its records.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<(KeyId, Height), Equivocation>);

impl Waiting {
    /// Whether there is room, and no piece for the same record.
    fn wants(&self, evidence: &Equivocation) -> bool {
        let (validator, height) = equivocation::record_key(evidence);
        let of_key = self.0.range((validator, Height(0))..=(validator, Height(u64::MAX))).count();
        self.0.len() < MAX_WAITING
            && of_key < MAX_OF_A_KEY
            && !self.0.contains_key(&(validator, height))
    }

    /// Keeps a piece that holds.
    pub(super) fn keep(&mut self, evidence: Equivocation) {
        if self.wants(&evidence) {
            self.0.insert(equivocation::record_key(&evidence), evidence);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Equivocation> {
        self.0.values()
    }

    /// What goes into the next block.
    pub(super) fn proposal(&self) -> Vec<Equivocation> {
        self.0.values().take(MAX_BLOCK_EVIDENCE).copied().collect()
    }

    /// Drops what the ledger has, or has enough of.
    pub(super) fn settle(&mut self, view: &dyn StateView) {
        self.0.retain(|_, evidence| equivocation::is_settled(evidence, view).is_none());
    }
}

impl<D: Disk> Core<D> {
    /// Evidence that waits to be recorded.
    pub fn waiting_evidence(&self) -> impl Iterator<Item = &Equivocation> {
        self.evidence.iter()
    }

    /// Keeps and hands on a contradiction that holds, if it is new.
    pub(super) fn take_evidence(
        &mut self,
        evidence: Equivocation,
        outputs: &mut Vec<CoreOutput>,
    ) -> Result<(), CoreError> {
        let settled = equivocation::is_settled(&evidence, self.ledger.records()).is_some();
        if settled || !self.evidence.wants(&evidence) {
            return Ok(());
        }
        self.evidence.keep(evidence);
        self.log(ENTRY_EVIDENCE, &evidence.to_bytes())?;
        self.wal.sync()?;
        self.unsynced = false;
        outputs.push(CoreOutput::Broadcast(Message::Evidence(evidence).to_bytes()));
        outputs.push(CoreOutput::Evidence(Box::new(evidence)));
        Ok(())
    }

    /// A peer hands on evidence: it is looked at only if it would be kept, and a peer that hands
    /// on what does not hold is told apart from one that knows more than we do.
    pub(super) fn hear_evidence(
        &mut self,
        from: PeerKey,
        evidence: Equivocation,
        outputs: &mut Vec<CoreOutput>,
    ) -> Result<(), CoreError> {
        if !self.evidence.wants(&evidence) {
            return Ok(());
        }
        let info = self.ledger.next_block(self.now);
        match equivocation::check(&info, &evidence, self.ledger.records()) {
            Ok(_) => self.take_evidence(evidence, outputs),
            Err(Refusal::Proof(_)) => {
                outputs.push(CoreOutput::Misbehaviour(from, PeerFault::Evidence));
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// Tells a new peer what waits.
    pub(super) fn hand_on(&self, peer: PeerKey, outputs: &mut Vec<CoreOutput>) {
        let waiting = self.evidence.iter().take(MAX_HANDED_ON);
        outputs.extend(waiting.map(|e| CoreOutput::Send(peer, Message::Evidence(*e).to_bytes())));
    }

    /// Drops what the log had of evidence that does not wait: recorded since, or of another
    /// ledger's time.
    pub(super) fn check_waiting(&mut self) {
        let info = self.ledger.next_block(self.now);
        let records = self.ledger.records().clone();
        self.evidence.0.retain(|_, e| equivocation::check(&info, e, &records).is_ok());
    }

    /// Writes at which height a log begins: it may hold nothing of the replica when the blocks are
    /// lost. By itself this is no reason to sync: until there is one, the old log counts.
    pub(super) fn log_begun(&mut self, open: Height) -> Result<(), StoreError> {
        self.wal.append(&[&[super::ENTRY_BEGUN], open.0.to_be_bytes().as_slice()].concat())
    }

    /// Writes what waits into a log that has just begun, before its first sync.
    pub(super) fn log_waiting(&mut self) -> Result<(), StoreError> {
        let waiting: Vec<Vec<u8>> = self.evidence.iter().map(Canonical::to_bytes).collect();
        waiting.iter().try_for_each(|bytes| self.log(ENTRY_EVIDENCE, bytes))
    }
}
