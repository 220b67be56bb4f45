//! Write-behind: recent batches in memory in front of an index engine.
//!
//! A submitted batch is visible at once and written to the engine by a thread, in order. Nothing
//! waits for the engine until the queue's bound is reached. Invariants:
//! - Heights are contiguous, and `height` is the newest submitted one. What a crash loses here is
//!   replayed from the block files.
//! - A batch leaves the overlay only after the engine has all of it, so a reader that first looks
//!   here and then there misses nothing.
//! - **A scan is a snapshot** of the newest height at its start. It keeps the batches of that
//!   moment, which hide whatever the engine is half-way through writing of them; and the thread
//!   begins a batch only when every scan under way has it. So the engine under a scan never holds
//!   a part of a batch that the scan does not know. Scans wait for nobody; the thread waits, at
//!   most, for scans that began before the batch was submitted.
//! - The first engine error stops the thread and every later call, with that error.
//!
//! Dropping an overlay drops what is queued, on purpose: whoever wants it written calls
//! [`Overlay::flush`] or [`Index::checkpoint`]. Does not know what keys and values mean.

mod merge;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::index::{Index, Row, Write, check_limit, check_write};

/// Bounds of the queue, and when the engine is made durable.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Most batches queued; a submission beyond waits.
    pub max_blocks: usize,
    /// Most bytes of keys and values queued, but one batch of any size is taken.
    pub max_bytes: usize,
    /// A checkpoint follows at the latest after so many batches written to the engine: what a start
    /// after a crash executes again, at most, when the engine kept nothing by itself.
    pub checkpoint_blocks: u64,
    /// A checkpoint follows at the latest so long after the one before, if there was a batch.
    pub checkpoint_interval: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_blocks: 256,
            max_bytes: 64 * 1024 * 1024,
            checkpoint_blocks: 10_000,
            checkpoint_interval: Duration::from_secs(10 * 60),
        }
    }
}

/// What is queued, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Batches.
    pub blocks: usize,
    /// Bytes of their keys and values.
    pub bytes: usize,
}

/// An index whose writes go behind. Also an [`Index`] itself, whose `apply` is `submit`.
pub struct Overlay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Arc<dyn Index>,
    policy: Policy,
    state: Mutex<State>,
    /// Any change of the state that someone may wait for.
    changed: Condvar,
}

struct State {
    /// Queued batches, oldest first, with contiguous sequence numbers.
    layers: VecDeque<Arc<Layer>>,
    /// The newest queued batch that writes a key.
    latest: HashMap<Vec<u8>, u64>,
    bytes: usize,
    height: u64,
    /// Whether height 0, the genesis, may still be submitted.
    takes_genesis: bool,
    /// Sequence number of the batch submitted last.
    sequence: u64,
    /// Scans under way, by the newest sequence number they know.
    scans: BTreeMap<u64, usize>,
    /// Whether the thread is writing a batch now.
    writing: bool,
    /// Whether a wipe is waiting for scans and the thread.
    wiping: bool,
    stopping: bool,
    failed: Option<Arc<StoreError>>,
    /// Batches that the engine has and its last checkpoint does not.
    unsaved: u64,
    saved_at: Instant,
}

/// A queued batch.
struct Layer {
    height: u64,
    sequence: u64,
    /// Sorted, one write a key.
    writes: Vec<Write>,
    bytes: usize,
}

impl Layer {
    fn value(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        let at = self.writes.binary_search_by(|(other, _)| other.as_slice().cmp(key)).ok()?;
        self.writes.get(at).map(|(_, value)| value)
    }
}

impl Overlay {
    /// Puts an overlay in front of an engine and starts its thread.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn new(engine: Arc<dyn Index>, policy: Policy) -> Result<Self, StoreError> {
        let height = engine.height()?;
        let state = State {
            layers: VecDeque::new(),
            latest: HashMap::new(),
            bytes: 0,
            height,
            takes_genesis: height == 0,
            sequence: 0,
            scans: BTreeMap::new(),
            writing: false,
            wiping: false,
            stopping: false,
            failed: None,
            unsaved: 0,
            saved_at: Instant::now(),
        };
        let changed = Condvar::new();
        let shared = Arc::new(Shared { engine, policy, state: Mutex::new(state), changed });
        let thread = std::thread::Builder::new().name("hefu-index".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || write_behind(&shared)
        });
        Ok(Self { shared, thread: Some(thread.expect("the system can start a thread")) })
    }

    /// Queues the writes of the next height; of several writes to a key the last one counts. Height
    /// 0 is taken once, before height 1. Waits while the queue is full.
    ///
    /// # Errors
    /// `OutOfOrder`, `ReservedKey`, `TooLarge`, and `Stopped` after an engine error.
    pub fn submit(&self, height: u64, mut writes: Vec<Write>) -> Result<(), StoreError> {
        let mut bytes = 0;
        for (key, value) in &writes {
            check_write(key, value.as_deref())?;
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        }
        // Stable, so that the later write stands later; reversed, `dedup` keeps that one.
        writes.reverse();
        writes.sort_by(|left, right| left.0.cmp(&right.0));
        writes.dedup_by(|later, first| later.0 == first.0);

        let policy = &self.shared.policy;
        let mut state = self.shared.wait_while(|state| {
            let full = state.layers.len() >= policy.max_blocks.max(1)
                || (state.bytes >= policy.max_bytes && !state.layers.is_empty());
            full || state.wiping
        })?;
        state.check_next(height)?;
        let sequence = state.sequence + 1;
        for (key, _) in &writes {
            state.latest.insert(key.clone(), sequence);
        }
        state.layers.push_back(Arc::new(Layer { height, sequence, writes, bytes }));
        state.bytes += bytes;
        state.height = height;
        state.takes_genesis = false;
        state.sequence = sequence;
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Waits until the engine has everything that was submitted, though not durably.
    ///
    /// # Errors
    /// `Stopped` after an engine error.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.shared.wait_while(|state| !state.layers.is_empty()).map(drop)
    }

    /// What is queued now.
    pub fn lag(&self) -> Lag {
        let state = self.shared.lock();
        Lag { blocks: state.layers.len(), bytes: state.bytes }
    }
}

impl Index for Overlay {
    fn height(&self) -> Result<u64, StoreError> {
        self.shared.wait_while(|state| state.wiping).map(|state| state.height)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let layer = self.shared.wait_while(|state| state.wiping)?.latest_layer(key);
        match layer.as_ref().and_then(|layer| layer.value(key)) {
            Some(value) => Ok(value.clone()),
            None => self.shared.engine.get(key),
        }
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        check_limit(limit)?;
        let snapshot = Snapshot::take(&self.shared)?;
        let range = merge::Range { from, to, reverse };
        merge::scan(&snapshot.layers, &*self.shared.engine, range, limit)
    }

    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError> {
        self.submit(height, batch.to_vec())
    }

    fn apply_owned(&self, height: u64, batch: Vec<Write>) -> Result<(), StoreError> {
        self.submit(height, batch)
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.flush()?;
        self.shared.checkpoint()
    }

    fn is_settled(&self) -> Result<bool, StoreError> {
        Ok(self.shared.wait_while(|_| false)?.layers.is_empty()
            && self.shared.engine.is_settled()?)
    }

    fn wipe(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        shared.wait_while(|state| state.wiping)?.wiping = true;
        let quiet = shared.wait_while(|state| state.writing || !state.scans.is_empty());
        let mut state = match quiet {
            Ok(state) => state,
            Err(error) => {
                shared.lock().wiping = false;
                return Err(error);
            }
        };
        let wiped = shared.engine.wipe();
        state.layers.clear();
        state.latest.clear();
        (state.bytes, state.height, state.unsaved) = (0, 0, 0);
        (state.takes_genesis, state.wiping) = (true, false);
        shared.changed.notify_all();
        wiped.map_err(|error| state.fail(error))
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches the engine's panics; one of its own has nobody left to be told.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the overlay's state panics")
    }

    /// Waits while `condition` holds, unless the engine failed.
    fn wait_while(
        &self,
        condition: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.failed.is_none() && condition(state))
            .expect("no holder of the overlay's state panics");
        match &state.failed {
            Some(error) => Err(StoreError::Stopped(Arc::clone(error))),
            None => Ok(state),
        }
    }

    /// Makes the engine durable, without holding the state meanwhile.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let covered = self.lock().unsaved;
        let done = catch(|| self.engine.checkpoint());
        let mut state = self.lock();
        state.saved_at = Instant::now();
        state.unsaved = state.unsaved.saturating_sub(covered);
        self.changed.notify_all();
        done.map_err(|error| state.fail(error))
    }
}

impl State {
    fn check_next(&self, found: u64) -> Result<(), StoreError> {
        let expected = self.height + 1;
        if found == expected || (found == 0 && self.takes_genesis) {
            return Ok(());
        }
        Err(StoreError::OutOfOrder { expected, found })
    }

    fn latest_layer(&self, key: &[u8]) -> Option<Arc<Layer>> {
        let sequence = self.latest.get(key)?;
        let at = sequence - self.layers.front()?.sequence;
        self.layers.get(usize::try_from(at).ok()?).cloned()
    }

    /// The batch to write next, if every scan under way knows it.
    fn next_to_write(&self) -> Option<&Arc<Layer>> {
        let layer = self.layers.front()?;
        let oldest_scan = self.scans.first_key_value().map_or(u64::MAX, |(sequence, _)| *sequence);
        (!self.wiping && layer.sequence <= oldest_scan).then_some(layer)
    }

    /// Removes the oldest batch, which the engine now has.
    fn drop_oldest(&mut self) {
        let Some(layer) = self.layers.pop_front() else { return };
        for (key, _) in &layer.writes {
            if self.latest.get(key) == Some(&layer.sequence) {
                self.latest.remove(key);
            }
        }
        self.bytes -= layer.bytes;
        self.unsaved += 1;
    }

    /// Keeps the first error for all later calls; returns it for this one.
    fn fail(&mut self, error: StoreError) -> StoreError {
        let error = self.failed.get_or_insert_with(|| Arc::new(error));
        StoreError::Stopped(Arc::clone(error))
    }
}

/// The batches at the start of a scan, registered until it ends.
struct Snapshot<'a> {
    shared: &'a Shared,
    /// Newest first.
    layers: Vec<Arc<Layer>>,
    sequence: u64,
}

impl<'a> Snapshot<'a> {
    fn take(shared: &'a Shared) -> Result<Self, StoreError> {
        let mut state = shared.wait_while(|state| state.wiping)?;
        let sequence = state.sequence;
        *state.scans.entry(sequence).or_insert(0) += 1;
        Ok(Self { shared, layers: state.layers.iter().rev().cloned().collect(), sequence })
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(count) = state.scans.get_mut(&self.sequence) {
            *count -= 1;
            if *count == 0 {
                state.scans.remove(&self.sequence);
                // Waking the thread costs more than most scans: only when it waits for this one.
                let held = state.layers.front().is_some_and(|next| next.sequence > self.sequence);
                if held || state.wiping {
                    self.shared.changed.notify_all();
                }
            }
        }
    }
}

/// What the thread does next.
enum Work {
    Write(Arc<Layer>),
    Checkpoint,
    Stop,
}

/// The thread: writes batches and makes checkpoints until it is stopped or the engine fails.
fn write_behind(shared: &Shared) {
    loop {
        match next_work(shared) {
            Work::Stop => return,
            // The error is kept in the state.
            Work::Checkpoint => drop(shared.checkpoint()),
            Work::Write(layer) => {
                let done = catch(|| shared.engine.apply(layer.height, &layer.writes));
                let mut state = shared.lock();
                state.writing = false;
                match done {
                    Ok(()) => state.drop_oldest(),
                    Err(error) => drop(state.fail(error)),
                }
                shared.changed.notify_all();
            }
        }
    }
}

fn next_work(shared: &Shared) -> Work {
    let policy = &shared.policy;
    let mut state = shared.lock();
    loop {
        if state.stopping || state.failed.is_some() {
            return Work::Stop;
        }
        let since = state.saved_at.elapsed();
        let interval_left = policy.checkpoint_interval.saturating_sub(since);
        let is_due = state.unsaved >= policy.checkpoint_blocks.max(1) || interval_left.is_zero();
        if state.unsaved > 0 && is_due && !state.wiping {
            return Work::Checkpoint;
        }
        if let Some(layer) = state.next_to_write().cloned() {
            state.writing = true;
            return Work::Write(layer);
        }
        const LOCK: &str = "no holder of the overlay's state panics";
        state = if state.unsaved > 0 && !interval_left.is_zero() {
            shared.changed.wait_timeout(state, interval_left).expect(LOCK).0
        } else {
            shared.changed.wait(state).expect(LOCK)
        };
    }
}

/// Turns a panic of the engine into an error, or waiters would wait for ever.
fn catch(action: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(action))
        .unwrap_or(Err(StoreError::Panicked))
}
