//! What a core follows of its ledger: the voted pauses and clock bounds, and which of its validator
//! keys decides.

use std::collections::VecDeque;

use hefu_consensus::{Input, Replica, WalEntry};
use hefu_contracts::identity::PARAMETERS;
use hefu_primitives::{H32, Height, KeyPair};

use super::timers::Timers;
use super::{Core, CoreError, Ledger, Read, consensus_tip, read_log};
use crate::store::Disk;

/// A node whose log knows a later height than its block files: blocks were lost, and a validator
/// may have signed at heights it no longer holds. It follows as an observer until it is back at the
/// log's height, so that its own log can keep it from contradicting itself. A node that runs without
/// a key does so, too: one may be given to it later.
pub(super) struct HeldBack {
    until: Height,
}

impl HeldBack {
    pub(super) fn if_log_is_ahead(tip: &hefu_consensus::Tip, entries: &[WalEntry]) -> Option<Self> {
        let until = entries.iter().map(WalEntry::height).max()?;
        (until > tip.height.next()).then(|| {
            tracing::warn!(log = %until, tip = %tip.height, "blocks are missing: not signing until they are back");
            Self { until }
        })
    }

    pub(super) fn may_sign<D: Disk>(&self, ledger: &Ledger<D>) -> bool {
        ledger.tip().height.next() >= self.until
    }
}

impl<D: Disk> Core<D> {
    /// More validator keys of this node: it signs with the one that the ledger names for a height,
    /// so that a key can be replaced while the node runs.
    pub fn hold_keys(&mut self, keys: impl IntoIterator<Item = KeyPair>) {
        self.keys.extend(keys);
    }

    /// Lets the ledger's parameters say how long a pause between blocks may be, instead of the
    /// configuration.
    pub fn follow_heartbeat(&mut self) {
        self.follow_heartbeat = true;
    }

    /// What the ledger's parameters say of pauses and clocks, when they have another hash.
    pub(super) fn follow_parameters(&mut self, hash: H32) {
        if self.parameters.replace(hash) == Some(hash) {
            return;
        }
        let parameters = PARAMETERS.read(self.ledger.records(), &()).unwrap_or_default();
        if self.follow_heartbeat {
            self.config.heartbeat_ms = parameters.heartbeat_ms;
        }
        self.config.max_clock_ahead_ms = parameters.max_clock_ahead_ms;
        self.replica.set_pace(self.config.heartbeat_ms, self.config.max_clock_ahead_ms);
    }

    /// Takes the key of ours that decides the next height; whether it is another than before.
    pub(super) fn take_key_in_force(&mut self) -> bool {
        let validators = &self.ledger.tip().validators;
        let in_force = self.keys.iter().find(|key| validators.by_key(key.id()).is_some());
        let Some(key) = in_force else { return false };
        let changed = self.config.key.as_ref().is_none_or(|now| now.id() != key.id());
        if changed {
            self.config.key = Some(key.clone());
        }
        changed
    }

    /// Replaces the replica by one that signs with the key in force, with what the log holds of the
    /// open height: when blocks are back that were missing, or the ledger names another key.
    pub(super) fn sign_anew(&mut self, inputs: &mut VecDeque<Input>) -> Result<(), CoreError> {
        let tip = consensus_tip(&self.ledger)?;
        let key = self.config.key.as_ref().map(KeyPair::id);
        tracing::info!(height = %tip.height, ?key, "signing from the next height on");
        // The log is read again: the pool let go of its bundles with each block that came back.
        let (pool, logged) = (&mut self.pool, &mut self.logged);
        let read = &mut Read { pool, logged, evidence: &mut self.evidence };
        let open = read_log(&self.wal, tip.height, read)?;
        self.check_waiting();
        self.proposer = key;
        let validators = self.ledger.tip().validators.clone();
        self.replica = Replica::new(self.config.clone(), tip, validators, open)?;
        self.timers = Timers::default();
        inputs.clear();
        inputs.push_back(Input::Start);
        let peers = self.peers.iter().map(|(peer, validator)| (*peer, *validator));
        inputs.extend(peers.map(|(peer, validator)| Input::PeerUp { peer, validator }));
        inputs.push_back(Input::Pending(self.pending));
        Ok(())
    }
}
