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
use std::time::{Duration, Instant};

use lsm_tree::compaction::filter::Context;
use lsm_tree::compaction::{CompactionFilter, Factory, ItemAccessor, MoveDown, PullDown, Verdict};
use lsm_tree::{AbstractTree, AnyTree, SeqNo};

/// Level of the last tier: it has nowhere to go, and is merged within itself.
const LAST: u8 = 6;
/// Rows between two pauses of a merge: about two milliseconds of work.
const ROWS_AT_ONCE: usize = 1_024;
/// A pause takes so many times as long as the work before it.
const PAUSES: u32 = 3;
/// The longest pause, for a machine that did not let the merge work.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

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

/// How fast tables are merged, and whether they still are.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    hurries: AtomicBool,
}

impl Pace {
    /// Ends the merges under way: one of old tiers takes minutes, which no stop waits for. What
    /// they have written by then is removed at the next start.
    pub(super) fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.0.is_stopped.load(Ordering::Acquire)
    }

    /// Whether merges take all the time they can get, or pause [`PAUSES`] times as long as they
    /// work.
    pub(super) fn hurry(&self, hurries: bool) {
        self.0.hurries.store(hurries, Ordering::Relaxed);
    }
}

impl RefUnwindSafe for Pace {}

impl Factory for Pace {
    fn name(&self) -> &str {
        "pace"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Merge { pace: self.clone(), rows: 0, since: Instant::now() })
    }
}

/// A merge under way. It drops nothing: the library asks it for every row.
struct Merge {
    pace: Pace,
    rows: usize,
    /// End of the last pause.
    since: Instant,
}

impl CompactionFilter for Merge {
    fn filter_item(&mut self, _: ItemAccessor<'_>, _: &Context) -> lsm_tree::Result<Verdict> {
        self.rows = self.rows.wrapping_add(1);
        if self.rows.is_multiple_of(ROWS_AT_ONCE) {
            if self.pace.is_stopped() {
                return Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into());
            }
            if !self.pace.0.hurries.load(Ordering::Relaxed) {
                std::thread::sleep((self.since.elapsed() * PAUSES).min(LONGEST_PAUSE));
            }
            self.since = Instant::now();
        }
        Ok(Verdict::Keep)
    }
}
