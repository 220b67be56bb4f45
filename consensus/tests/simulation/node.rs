//! A machine: a replica in memory, and a disk that survives it.

use std::collections::{BTreeMap, BTreeSet};

use hefu_consensus::{Config, Message, Replica, Timeouts, TimerId, Tip, WalEntry};
use hefu_primitives::{Block, BundleId, CommitCertificate, Height, KeyPair};

use crate::app::{CHAIN, GENESIS_TIME, Membership};
use crate::rng::Rng;

pub(crate) struct Node {
    pub(crate) key: KeyPair,
    /// None while the machine is down.
    pub(crate) replica: Option<Replica>,
    /// Counts starts; what was meant for an earlier one is void.
    pub(crate) life: u64,
    /// When each timer runs out next; older events of it are void.
    pub(crate) timers: BTreeMap<TimerId, u64>,
    /// Log entries that are durable.
    pub(crate) log: Vec<WalEntry>,
    /// Log entries that a crash may cut off.
    pub(crate) unsynced: Vec<WalEntry>,
    /// Stored blocks, from height 1.
    pub(crate) store: Vec<(Block, CommitCertificate)>,
    /// Bundles known here; they are durable.
    pub(crate) bundles: BTreeSet<BundleId>,
    /// What the node's clock is ahead, in milliseconds.
    pub(crate) skew: u64,
    /// Stopped itself (expected only where the disk forgets).
    pub(crate) halted: bool,
}

impl Node {
    pub(crate) fn new(key: KeyPair, skew: u64) -> Self {
        Self {
            key,
            replica: None,
            life: 0,
            timers: BTreeMap::new(),
            log: Vec::new(),
            unsynced: Vec::new(),
            store: Vec::new(),
            bundles: BTreeSet::new(),
            skew,
            halted: false,
        }
    }

    pub(crate) fn tip(&self) -> Tip {
        self.store.last().map_or(Tip::genesis(CHAIN, GENESIS_TIME), |(block, certificate)| Tip {
            height: block.header.height,
            block: block.id(),
            time: block.header.time,
            certificate: Some(certificate.clone()),
        })
    }

    /// Bundles that no stored block holds.
    pub(crate) fn open_bundles(&self) -> Vec<BundleId> {
        let stored: BTreeSet<_> =
            self.store.iter().flat_map(|(block, _)| block.bundles.iter()).collect();
        self.bundles.iter().filter(|id| !stored.contains(id)).take(8).copied().collect()
    }

    pub(crate) fn sync(&mut self) {
        self.log.append(&mut self.unsynced);
    }

    /// Whether everything in a message that we have signed is durable in the log.
    pub(crate) fn has_logged(&self, message: &Message) -> bool {
        let me = self.key.id();
        match message {
            Message::Votes(votes) => votes
                .iter()
                .filter(|vote| vote.vote.validator == me && vote.vote.height > self.height())
                .all(|vote| self.log.contains(&WalEntry::Vote(*vote))),
            Message::Proposal { proposal, .. } => {
                proposal.proposal.proposer != me
                    || proposal.proposal.height <= self.height()
                    || self.log.contains(&WalEntry::Proposal(*proposal))
            }
            _ => true,
        }
    }

    /// Power is lost: of what was not synced, only a beginning survives.
    pub(crate) fn crash(&mut self, rng: &mut Rng, forgetful: bool) {
        self.replica = None;
        self.life += 1;
        self.timers.clear();
        let kept = rng.below(self.unsynced.len() as u64 + 1) as usize;
        self.unsynced.truncate(kept);
        self.sync();
        if forgetful {
            self.log.clear();
        }
    }

    /// Builds the replica from what the disk holds.
    pub(crate) fn boot(&mut self, members: &Membership) {
        let tip = self.tip();
        let height = tip.height.next();
        self.log.retain(|entry| entry.height() >= height);
        let config = Config {
            timeouts: Timeouts {
                propose_ms: 400,
                propose_delta_ms: 100,
                prevote_ms: 150,
                prevote_delta_ms: 50,
                precommit_ms: 150,
                precommit_delta_ms: 50,
                cap_ms: 5_000,
            },
            resend_every_ms: 100,
            idle_status_every_ms: 300,
            heartbeat_ms: 30_000,
            max_clock_ahead_ms: 500,
            catch_up_timeout_ms: 500,
            catch_up_blocks: 4,
            ..Config::new(CHAIN, Some(self.key.clone()))
        };
        let log = self.log.clone();
        self.replica = Some(Replica::new(config, tip, members.at(height), log).unwrap());
    }

    pub(crate) fn height(&self) -> Height {
        Height(self.store.len() as u64)
    }
}
