//! The narrow boundary to a key-value engine.
//!
//! An index is a cache of the block files that knows the height it has applied. Invariants, which
//! one conformance suite checks for every engine:
//! - A batch and its height become visible together after a crash, or not at all.
//! - Heights never go back, but a height can be applied again: replaying a gap is harmless.
//! - Batches are applied by one caller at a time, in order; the later write to a key wins.
//! - A scan is ordered by key bytes. It is *not* a snapshot while a batch is being applied; the
//!   [overlay](super::overlay) makes it one.
//! - Nothing is promised to survive a power loss but what a [`checkpoint`](Index::checkpoint)
//!   covered; an index that comes back older is brought up from the block files.
//!
//! No type of an engine, no iterator and no transaction leaves this module. It does not know what
//! keys and values mean.

#[cfg(test)]
mod conformance;
mod fjall;
mod folder;
mod memory;
mod sled;

use std::path::Path;
use std::sync::Arc;

use super::error::{EngineFault, Limit, StoreError};

pub use folder::set_aside;
pub use memory::MemoryIndex;

/// Longest key in bytes. 256 keys of an inner node of sled then stay within its inline size.
pub const MAX_KEY_BYTES: usize = 256;
/// Longest value in bytes. What is larger belongs into the block files.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Most rows one scan returns. A larger limit is an error rather than a silent cut.
pub const MAX_SCAN_ROWS: usize = 65_536;

/// Keys of a user of the index begin with a byte above this one, which the index keeps for itself.
const RESERVED: u8 = 0;
const HEIGHT_KEY: [u8; 1] = [RESERVED];
const FIRST_USER_KEY: [u8; 1] = [RESERVED + 1];

/// A key and its new value; `None` deletes.
pub type Write = (Vec<u8>, Option<Vec<u8>>);
/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A key-value index that carries the height it has applied.
pub trait Index: Send + Sync {
    /// The height applied last; 0 in an empty index.
    ///
    /// # Errors
    /// Those of the engine.
    fn height(&self) -> Result<u64, StoreError>;

    /// The value of a key.
    ///
    /// # Errors
    /// Those of the engine.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows with `from` ≤ key < `to`, at most `limit`, ascending, or from the end if `reverse`. An
    /// empty `to` is no upper bound. Fewer rows than `limit` means that there are no more.
    ///
    /// # Errors
    /// `TooLarge` for a limit over [`MAX_SCAN_ROWS`], and those of the engine.
    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError>;

    /// Applies the writes of a height and the height itself, atomically, but not yet durably.
    ///
    /// # Errors
    /// `OutOfOrder` for a height below [`height`](Self::height), `ReservedKey` for an empty key or
    /// one that begins with a zero byte, `TooLarge`, and those of the engine.
    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError>;

    /// As [`apply`](Self::apply), of writes that nobody else needs any more.
    ///
    /// # Errors
    /// The same.
    fn apply_owned(&self, height: u64, batch: Vec<Write>) -> Result<(), StoreError> {
        self.apply(height, &batch)
    }

    /// Makes everything applied durable.
    ///
    /// # Errors
    /// Those of the engine.
    fn checkpoint(&self) -> Result<(), StoreError>;

    /// Whether the engine has put what was applied in order, as far as it does that by itself and
    /// later: merging tables. Says nothing about what is durable.
    ///
    /// # Errors
    /// Those of the engine.
    fn is_settled(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Empties the index: height 0, no keys.
    ///
    /// # Errors
    /// Those of the engine.
    fn wipe(&self) -> Result<(), StoreError>;
}

/// The engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// sled 0.34.
    Sled,
    /// fjall 3.
    Fjall,
    /// An ordered map in memory, lost when the process ends: for tests and the simulator.
    Memory,
}

impl EngineKind {
    /// The engines that keep files.
    pub const ON_DISK: [Self; 2] = [Self::Sled, Self::Fjall];

    /// The name in the configuration, and of the engine's folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
            Self::Memory => "memory",
        }
    }

    /// The engine of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sled, Self::Fjall, Self::Memory].into_iter().find(|kind| kind.name() == name)
    }

    fn fault(self, fault: EngineFault) -> StoreError {
        StoreError::Engine { engine: self, fault }
    }
}

impl std::fmt::Display for EngineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Opens the index of a kind in its own subfolder of `path`, so that engines can be changed back
/// and forth; `path` itself is locked against a second process.
///
/// # Errors
/// `Engine`: [`StoreError::calls_for_rebuild`] tells whether [`set_aside`] and a rebuild help.
pub fn open_index(kind: EngineKind, path: &Path) -> Result<Arc<dyn Index>, StoreError> {
    Ok(match kind {
        EngineKind::Sled => Arc::new(sled::SledIndex::open(path)?),
        EngineKind::Fjall => Arc::new(fjall::FjallIndex::open(path)?),
        EngineKind::Memory => Arc::new(MemoryIndex::new()),
    })
}

/// The least key above every key that begins with `prefix`: the `to` of a scan over a prefix.
/// Empty, which is no bound, when the prefix is empty or all ones.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// A checked batch: sorted, one write a key.
type Batch<'a> = Vec<(&'a [u8], Option<&'a [u8]>)>;

/// Checks the bounds of a batch and keeps the last write to each key.
fn check_batch(batch: &[Write]) -> Result<Batch<'_>, StoreError> {
    let mut checked = Batch::with_capacity(batch.len());
    for (key, value) in batch {
        check_write(key, value.as_deref())?;
        checked.push((key.as_slice(), value.as_deref()));
    }
    // Those of an overlay are.
    if !checked.is_sorted_by(|left, right| left.0 < right.0) {
        // Stable, so that the later write stands later; reversed, `dedup` keeps that one.
        checked.reverse();
        checked.sort_by(|left, right| left.0.cmp(right.0));
        checked.dedup_by(|later, first| later.0 == first.0);
    }
    Ok(checked)
}

/// Checks the bounds of one write.
pub(super) fn check_write(key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
    let too_large = |limit, bound: usize, found: usize| {
        Err(StoreError::TooLarge { limit, bound: bound as u64, found: found as u64 })
    };
    if key.first().is_none_or(|first| *first == RESERVED) {
        return Err(StoreError::ReservedKey);
    }
    if key.len() > MAX_KEY_BYTES {
        return too_large(Limit::Key, MAX_KEY_BYTES, key.len());
    }
    match value {
        Some(value) if value.len() > MAX_VALUE_BYTES => {
            too_large(Limit::Value, MAX_VALUE_BYTES, value.len())
        }
        _ => Ok(()),
    }
}

fn check_height(current: u64, found: u64) -> Result<(), StoreError> {
    if found < current { Err(StoreError::OutOfOrder { expected: current, found }) } else { Ok(()) }
}

/// A range of user keys that is not empty.
#[derive(Clone, Copy, Debug)]
struct Range<'a> {
    from: &'a [u8],
    /// Exclusive; `None` is no bound.
    to: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    /// The range of a scan, without the reserved keys; `None` when nothing can be in it.
    fn of_scan(from: &'a [u8], to: &'a [u8], limit: usize) -> Result<Option<Self>, StoreError> {
        check_limit(limit)?;
        let from = from.max(&FIRST_USER_KEY);
        let to = (!to.is_empty()).then_some(to);
        let is_empty = limit == 0 || to.is_some_and(|to| to <= from);
        Ok((!is_empty).then_some(Self { from, to }))
    }

    fn bounds(self) -> (std::ops::Bound<&'a [u8]>, std::ops::Bound<&'a [u8]>) {
        use std::ops::Bound;
        (Bound::Included(self.from), self.to.map_or(Bound::Unbounded, Bound::Excluded))
    }
}

/// Checks the limit of a scan.
pub(super) fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit > MAX_SCAN_ROWS {
        let (bound, found) = (MAX_SCAN_ROWS as u64, limit as u64);
        return Err(StoreError::TooLarge { limit: Limit::Scan, bound, found });
    }
    Ok(())
}

/// Takes up to `limit` items from the front or the back.
fn collect<T, E>(
    mut items: impl DoubleEndedIterator<Item = Result<T, E>>,
    limit: usize,
    reverse: bool,
) -> Result<Vec<T>, E> {
    let mut taken = Vec::with_capacity(limit.min(256));
    while taken.len() < limit {
        match if reverse { items.next_back() } else { items.next() } {
            Some(item) => taken.push(item?),
            None => break,
        }
    }
    Ok(taken)
}

/// Decodes the height record; none is height 0.
fn decode_height(kind: EngineKind, record: Option<&[u8]>) -> Result<u64, StoreError> {
    let Some(record) = record else { return Ok(0) };
    let bytes = record.try_into().map_err(|_| kind.fault(EngineFault::Damaged))?;
    Ok(u64::from_be_bytes(bytes))
}

/// Runs an engine's code; a panic in it becomes an error.
///
/// The engine's own state after a panic is not trusted with anything but being closed: the caller
/// of the index sets its folder aside.
fn guarded<T>(
    kind: EngineKind,
    action: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(action))
        .unwrap_or_else(|_| Err(kind.fault(EngineFault::Panicked)))
}
