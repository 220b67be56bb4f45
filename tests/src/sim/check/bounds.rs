//! Bounds: whatever comes in, what a machine holds and what one event makes it do is bounded.

use hefu_consensus::{Load, MAX_CATCH_UP_BLOCKS};
use hefu_primitives::bounds::MAX_TRANSACTION_BYTES;

use super::{Checker, Fact};

/// Bound of the pool, when it is given none.
const POOL_BYTES: usize = 48 * 1024;
/// Most outputs of one event: some for each of 64 blocks that come at once, and their votes.
const OUTPUTS: usize = 512;
/// Most bytes of the log: what it may hold before it starts anew, and one block's bundles.
const LOG_BYTES: u64 = 24 * 1024 * 1024;

/// Rounds of a height that a replica keeps messages of: 64 behind, its own, 10 ahead.
const ROUNDS: usize = 75;
/// Most bytes that wait of one peer.
const WAITING_BYTES: usize = 64 * 1024;
/// Most timers: three of each round that still waits, and those that outlive rounds.
const TIMERS: usize = 3 * ROUNDS + 8;

pub(super) struct Bounds {
    pool_bytes: usize,
    load: Load,
}

impl Bounds {
    /// A pool may hold what its bound says and one transaction more, and beside it the bundles
    /// that proposals name: at most what all pools together hold.
    pub(super) fn new(pool_bytes: usize, nodes: usize) -> Self {
        let bound = if pool_bytes == usize::MAX { POOL_BYTES } else { pool_bytes };
        // Of a round: two votes of a kind and validator; two proposals, and others only for blocks
        // that more than a third stand behind, of which there are fewer than six with liars.
        let (votes, proposals) = (ROUNDS * nodes * 4, ROUNDS * 8);
        let load = Load {
            votes,
            proposals,
            blocks: proposals + 1,
            // Of all others, an observer and second machines of twins.
            waiting_bytes: WAITING_BYTES * (2 * nodes + 1),
            fetched: usize::from(MAX_CATCH_UP_BLOCKS),
            timers: TIMERS,
        };
        Self { pool_bytes: bound * (nodes + 2) + MAX_TRANSACTION_BYTES, load }
    }
}

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Measured { node, pool_bytes, outputs, log_bytes, load } = fact else {
            return Ok(());
        };
        let bound = &self.load;
        let held = load.votes <= bound.votes
            && load.proposals <= bound.proposals
            && load.blocks <= bound.blocks
            && load.waiting_bytes <= bound.waiting_bytes
            && load.fetched <= bound.fetched
            && load.timers <= bound.timers;
        if !held {
            return Err(format!("n{node} holds {load:?}"));
        }
        if *pool_bytes > self.pool_bytes {
            return Err(format!("n{node} holds {pool_bytes} bytes of bundles"));
        }
        if *outputs > OUTPUTS {
            return Err(format!("n{node} answers one event with {outputs} outputs"));
        }
        if *log_bytes > LOG_BYTES {
            return Err(format!("n{node} has a log of {log_bytes} bytes"));
        }
        Ok(())
    }
}
