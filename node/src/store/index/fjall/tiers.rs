//! Which tables are merged, and when: in tiers.
//!
//! A tier collects runs of about one size. So many of them become one run of the next tier, so a
//! row is written once a tier: three times at ten million records, where merging by levels, which
//! rewrites ten rows of a level to take one from the level above, writes it fourteen times ("tiering"
//! and "leveling" in Dayan and Idreos, Dostoevsky, SIGMOD 2018). The price is more runs to ask, and
//! what is not there most readers are told by a filter in memory.
//!
//! The library's own strategy merges by levels; its two primitives, one that merges two levels into
//! the second and one that moves a level, are enough for tiers. Levels 0, 2, 4 and 6 are tiers, and
//! those between are where a merged run lands: alone, so that it never comes to stand in front of a
//! newer one that was added meanwhile. From there it is moved.

use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lsm_tree::compaction::filter::Context;
use lsm_tree::compaction::{CompactionFilter, Factory, ItemAccessor, MoveDown, PullDown, Verdict};
use lsm_tree::{AbstractTree, AnyTree, SeqNo};

/// Level of the last tier: it has nowhere to go, and is merged within itself.
const LAST: u8 = 6;

/// Runs of about one size.
#[derive(Clone, Copy)]
pub(super) struct Tier {
    /// Its level in the library.
    level: u8,
    /// So many runs become one.
    together: usize,
}

impl Tier {
    /// What memtables left.
    pub(super) const fn youngest(together: usize) -> Self {
        Self { level: 0, together }
    }

    /// The others, youngest first.
    pub(super) const fn older(together: usize) -> [Self; 3] {
        [Self { level: 2, together }, Self { level: 4, together }, Self { level: LAST, together }]
    }

    /// Whether runs of it are to be merged, or one has landed that is to be moved.
    pub(super) fn is_due(self, tree: &AnyTree) -> bool {
        runs(tree, self.level) >= self.together
            || (self.level < LAST && runs(tree, self.level + 1) > 0)
    }

    /// Merges the runs of it into one of the next tier. Only one thread at a time for a tier.
    pub(super) fn merge(self, tree: &AnyTree, watermark: SeqNo) -> lsm_tree::Result<()> {
        if self.level == LAST {
            return tree.compact(Arc::new(PullDown(LAST, LAST)), watermark);
        }
        let landing = self.level + 1;
        // One that had landed when the node was stopped is only moved.
        if runs(tree, landing) == 0 {
            tree.compact(Arc::new(PullDown(self.level, landing)), watermark)?;
        }
        tree.compact(Arc::new(MoveDown(landing, landing + 1)), watermark)
    }
}

/// Runs of a level.
pub(super) fn runs(tree: &AnyTree, level: u8) -> usize {
    tree.current_version().level(level.into()).map_or(0, |level| level.run_count())
}

/// Ends a merge under way when it is set: one of old tiers takes minutes, which no stop waits for.
/// What it has written by then is removed at the next start.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl RefUnwindSafe for Stop {}

impl Factory for Stop {
    fn name(&self) -> &str {
        "stop"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(self.clone())
    }
}

impl CompactionFilter for Stop {
    fn filter_item(&mut self, _: ItemAccessor<'_>, _: &Context) -> lsm_tree::Result<Verdict> {
        if self.is_set() {
            return Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into());
        }
        Ok(Verdict::Keep)
    }
}
