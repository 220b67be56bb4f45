//! Bounds: whatever comes in, what a machine holds and what one event makes it do is bounded.

use hefu_primitives::bounds::MAX_TRANSACTION_BYTES;

use super::{Checker, Fact};

/// Bound of the pool, when it is given none.
const POOL_BYTES: usize = 48 * 1024;
/// Most outputs of one event: some for each of 64 blocks that come at once, and their votes.
const OUTPUTS: usize = 512;
/// Most bytes of the log: what it may hold before it starts anew, and one block's bundles.
const LOG_BYTES: u64 = 24 * 1024 * 1024;

pub(super) struct Bounds {
    pool_bytes: usize,
}

impl Bounds {
    /// A pool may hold what its bound says and one transaction more, and beside it the bundles
    /// that proposals name: at most what all pools together hold.
    pub(super) const fn new(pool_bytes: usize, nodes: usize) -> Self {
        let bound = if pool_bytes == usize::MAX { POOL_BYTES } else { pool_bytes };
        Self { pool_bytes: bound * (nodes + 2) + MAX_TRANSACTION_BYTES }
    }
}

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Measured { node, pool_bytes, outputs, log_bytes } = fact else { return Ok(()) };
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
