//! What a core follows of its ledger: the voted pauses and clock bounds, and which of its validator
//! keys decides.

use std::collections::VecDeque;

use hefu_consensus::{Input, Replica};
use hefu_contracts::identity::PARAMETERS;
use hefu_primitives::{H32, KeyPair};

use super::entry::{Read, read_log};
use super::timers::Timers;
use super::{Core, CoreError, consensus_tip};
use crate::store::Disk;

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
        let evidence = &mut self.evidence;
        let read = &mut Read { pool, logged, evidence, begun: &mut None };
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
