//! The overlay over engines that are slow, that show half a batch, that fail.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::store::error::EngineFault;
use crate::store::index::{EngineKind, MAX_SCAN_ROWS, MemoryIndex};

/// An engine as bad as the boundary allows: it writes a batch key by key, in any order, yielding in
/// between, and its scans read one row at a time while that goes on. It stands still while its gate
/// is shut, and fails or panics at a height.
#[derive(Default)]
struct Awkward {
    rows: MemoryIndex,
    height: AtomicU64,
    shut: Mutex<bool>,
    opened: Condvar,
    fails_at: Option<u64>,
    panics_at: Option<u64>,
    checkpoints: AtomicU64,
}

impl Awkward {
    fn set_shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }
}

/// Opens the gate at the end, also of a test that fails: an overlay waits for its thread. To be
/// declared after the overlay.
struct OpensGate<'a>(&'a Awkward);

impl Drop for OpensGate<'_> {
    fn drop(&mut self) {
        self.0.set_shut(false);
    }
}

impl Index for Awkward {
    fn height(&self) -> Result<u64, StoreError> {
        Ok(self.height.load(Ordering::SeqCst))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        let (mut from, mut to, mut rows) = (from.to_vec(), to.to_vec(), Vec::new());
        while rows.len() < limit {
            let Some(row) = self.rows.scan(&from, &to, 1, reverse)?.pop() else { break };
            if reverse {
                to.clone_from(&row.0);
            } else {
                from = [&row.0[..], b"\0"].concat();
            }
            rows.push(row);
            std::thread::yield_now();
        }
        Ok(rows)
    }

    fn apply(&self, height: u64, batch: &[Write]) -> Result<(), StoreError> {
        drop(self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
        assert_ne!(self.panics_at, Some(height), "as told");
        if self.fails_at == Some(height) {
            let error = std::io::ErrorKind::StorageFull.into();
            return Err(StoreError::Engine {
                engine: EngineKind::Memory,
                fault: EngineFault::Io(error),
            });
        }
        for write in batch {
            self.rows.apply(0, std::slice::from_ref(write))?;
            std::thread::yield_now();
        }
        self.height.store(height, Ordering::SeqCst);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.checkpoints.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn wipe(&self) -> Result<(), StoreError> {
        self.height.store(0, Ordering::SeqCst);
        self.rows.wipe()
    }
}

/// No checkpoint unless asked for.
fn policy(max_blocks: usize) -> Policy {
    let checkpoint_interval = Duration::from_secs(1 << 20);
    Policy { max_blocks, max_bytes: 1 << 20, checkpoint_blocks: u64::MAX, checkpoint_interval }
}

fn put(key: &str, value: &str) -> Write {
    (key.into(), Some(value.into()))
}

fn all(index: &dyn Index) -> Vec<Row> {
    index.scan(b"", b"", MAX_SCAN_ROWS, false).unwrap()
}

#[test]
fn what_is_submitted_is_visible_before_the_engine_has_it() {
    let engine = Arc::new(Awkward::default());
    engine.set_shut(true);
    let overlay = Overlay::new(engine.clone(), policy(8)).unwrap();
    let _gate = OpensGate(&engine);
    overlay.submit(0, vec![put("genesis", "0")]).unwrap();
    overlay.submit(1, vec![put("a", "1"), put("a", "2")]).unwrap();
    overlay.submit(2, vec![("genesis".into(), None)]).unwrap();
    assert_eq!(overlay.height().unwrap(), 2);
    assert_eq!(overlay.get(b"a").unwrap(), Some(b"2".to_vec()));
    assert_eq!(overlay.get(b"genesis").unwrap(), None);
    assert_eq!(all(&overlay), [(b"a".to_vec(), b"2".to_vec())]);
    assert_eq!(overlay.lag(), Lag { blocks: 3, bytes: 8 + 2 * 2 + 7 });
    assert_eq!(engine.height().unwrap(), 0);
    engine.set_shut(false);
    overlay.flush().unwrap();
    assert_eq!(overlay.lag(), Lag { blocks: 0, bytes: 0 });
    assert_eq!(engine.height().unwrap(), 2);
    assert_eq!(all(&*engine), all(&overlay));
}

#[test]
fn heights_are_contiguous_and_genesis_comes_once() {
    let overlay = Overlay::new(Arc::new(MemoryIndex::new()), policy(2)).unwrap();
    let refuse = |height| match overlay.submit(height, vec![]).unwrap_err() {
        StoreError::OutOfOrder { found, .. } => assert_eq!(found, height),
        other => panic!("{other}"),
    };
    refuse(2);
    overlay.submit(0, vec![]).unwrap();
    refuse(0);
    overlay.submit(1, vec![]).unwrap();
    [0, 1, 3, u64::MAX].into_iter().for_each(refuse);
    overlay.wipe().unwrap();
    assert_eq!(overlay.height().unwrap(), 0);
    overlay.submit(0, vec![]).unwrap();
    overlay.flush().unwrap();

    let engine = MemoryIndex::new();
    engine.apply(5, &[]).unwrap();
    let overlay = Overlay::new(Arc::new(engine), policy(2)).unwrap();
    assert!(matches!(overlay.submit(0, vec![]), Err(StoreError::OutOfOrder { expected: 6, .. })));
    overlay.submit(6, vec![]).unwrap();
}

#[test]
fn the_queue_is_bounded_in_blocks_and_bytes() {
    for policy in [policy(4), Policy { max_bytes: 400, ..policy(1_000) }] {
        let engine = Arc::new(Awkward::default());
        engine.set_shut(true);
        let overlay = Overlay::new(engine.clone(), policy).unwrap();
        let _gate = OpensGate(&engine);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for height in 1..=50 {
                    overlay.submit(height, vec![put("key", &"x".repeat(97))]).unwrap();
                    assert!(overlay.lag().blocks <= 4);
                }
            });
            while overlay.lag().blocks < 4 {
                std::thread::yield_now();
            }
            assert_eq!(engine.height().unwrap(), 0);
            engine.set_shut(false);
        });
        overlay.flush().unwrap();
        assert_eq!(engine.height().unwrap(), 50);
    }
}

#[test]
fn one_batch_of_any_size_is_taken() {
    let overlay =
        Overlay::new(Arc::new(MemoryIndex::new()), Policy { max_bytes: 1, ..policy(9) }).unwrap();
    for height in 1..=3 {
        overlay.submit(height, vec![put("large", &"x".repeat(1_000))]).unwrap();
    }
    overlay.flush().unwrap();
}

#[test]
fn an_engine_error_stops_everything_and_is_kept() {
    let engine = Arc::new(Awkward { fails_at: Some(3), ..Awkward::default() });
    let overlay = Overlay::new(engine.clone(), policy(2)).unwrap();
    let first = (1..=100).find_map(|height| overlay.submit(height, vec![put("a", "1")]).err());
    assert!(first.is_some(), "a full queue does not hide it");
    let errors = [
        overlay.flush().unwrap_err(),
        overlay.submit(4, vec![]).unwrap_err(),
        overlay.get(b"a").unwrap_err(),
        overlay.scan(b"", b"", 1, false).unwrap_err(),
        overlay.height().unwrap_err(),
        overlay.checkpoint().unwrap_err(),
        overlay.wipe().unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Stopped(_)), "{error}");
        assert!(error.is_disk_full(), "the cause is kept");
    }
    assert_eq!(engine.height().unwrap(), 2);
}

#[test]
fn a_panic_of_the_engine_is_an_error() {
    let engine = Arc::new(Awkward { panics_at: Some(1), ..Awkward::default() });
    let overlay = Overlay::new(engine, policy(2)).unwrap();
    overlay.submit(1, vec![]).unwrap();
    match overlay.flush().unwrap_err() {
        StoreError::Stopped(cause) => assert!(matches!(*cause, StoreError::Panicked)),
        other => panic!("{other}"),
    }
}

#[test]
fn checkpoints_follow_the_policy() {
    let run = |policy: Policy| {
        let engine = Arc::new(Awkward::default());
        let overlay = Overlay::new(engine.clone(), policy).unwrap();
        for height in 1..=7 {
            overlay.submit(height, vec![put("a", "1")]).unwrap();
        }
        overlay.flush().unwrap();
        let by_policy = engine.checkpoints.load(Ordering::SeqCst);
        overlay.checkpoint().unwrap();
        assert!(engine.checkpoints.load(Ordering::SeqCst) > by_policy);
        by_policy
    };
    assert_eq!(run(policy(9)), 0);
    assert_eq!(run(Policy { checkpoint_blocks: 3, ..policy(9) }), 2);
    let always = run(Policy { checkpoint_interval: Duration::ZERO, ..policy(9) });
    assert!(always == 6 || always == 7, "one may be under way: {always}");
}

#[test]
fn dropping_leaves_the_engine_at_a_whole_height() {
    let engine = Arc::new(Awkward::default());
    let overlay = Overlay::new(engine.clone(), policy(64)).unwrap();
    for height in 1..=64 {
        let value = height.to_string();
        overlay.submit(height, vec![put("a", &value), put("b", &value)]).unwrap();
    }
    drop(overlay);
    let height = engine.height().unwrap();
    let value = (height > 0).then(|| height.to_string().into_bytes());
    assert_eq!(engine.get(b"a").unwrap(), value);
    assert_eq!(engine.get(b"b").unwrap(), value);
}

/// A batch that moves a token from one place to another; there are always as many.
const TOKENS: usize = 12;
const PLACES: u64 = 40;

fn place(number: u64) -> Vec<u8> {
    format!("place{:02}", number % PLACES).into_bytes()
}

/// A second row in each batch counts the moves, so that a scan can be dated.
fn move_tokens(overlay: &Overlay, moves: u64) {
    let mut held: Vec<u64> = (0..TOKENS as u64).collect();
    let first = held.iter().map(|at| (place(*at), Some(vec![]))).collect();
    overlay.submit(0, first).unwrap();
    for height in 1..=moves {
        let token = (height as usize * 5) % TOKENS;
        let target = (0..)
            .map(|step| height * 17 + step)
            .find(|to| held.iter().all(|at| at % PLACES != to % PLACES));
        let from = std::mem::replace(&mut held[token], target.unwrap());
        let count = (b"moves".to_vec(), Some(height.to_be_bytes().to_vec()));
        overlay
            .submit(height, vec![(place(from), None), (place(held[token]), Some(vec![])), count])
            .unwrap();
    }
}

#[test]
fn scans_are_snapshots_while_rows_move_into_the_engine() {
    let engine = Arc::new(Awkward::default());
    let overlay = Overlay::new(engine, policy(3)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reverse in [false, true] {
            let (overlay, done) = (&overlay, &done);
            scope.spawn(move || {
                let mut newest = 0;
                while !done.load(Ordering::SeqCst) {
                    let submitted = overlay.height().unwrap();
                    let rows = overlay.scan(b"", b"", 100, reverse).unwrap();
                    let tokens = rows.iter().filter(|(key, _)| key.starts_with(b"place")).count();
                    assert!(
                        tokens == TOKENS || (rows.is_empty() && newest == 0),
                        "{tokens} tokens"
                    );
                    let moves = rows.iter().find(|(key, _)| key == b"moves");
                    let moves =
                        moves.map_or(0, |(_, v)| u64::from_be_bytes(v[..].try_into().unwrap()));
                    assert!(moves >= submitted.max(newest), "a scan is not older than its start");
                    newest = moves;
                }
            });
        }
        move_tokens(&overlay, 400);
        overlay.flush().unwrap();
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_wipe_waits_for_scans_and_the_thread() {
    let engine = Arc::new(Awkward::default());
    let overlay = Overlay::new(engine, policy(3)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let rows = overlay.scan(b"place", b"placf", 100, false).unwrap();
                assert!(rows.is_empty() || rows.len() == TOKENS, "{} tokens", rows.len());
            }
        });
        for _ in 0..10 {
            move_tokens(&overlay, 10);
            overlay.wipe().unwrap();
            assert!(overlay.height().unwrap() == 0 && all(&overlay).is_empty());
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_wipe_waits_for_the_batch_being_written() {
    let engine = Arc::new(Awkward::default());
    engine.set_shut(true);
    let overlay = Overlay::new(engine.clone(), policy(3)).unwrap();
    let gate = OpensGate(&engine);
    overlay.submit(1, vec![put("a", "1")]).unwrap();
    while !overlay.shared.lock().writing {
        std::thread::yield_now();
    }
    let wiped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            overlay.wipe().unwrap();
            wiped.store(true, Ordering::SeqCst);
        });
        while !overlay.shared.lock().wiping && !wiped.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        drop(gate);
    });
    drop(overlay);
    assert_eq!((engine.height().unwrap(), all(&*engine)), (0, vec![]));
}

#[derive(Clone, Debug)]
enum Step {
    Submit(Vec<Write>),
    Scan { from: Vec<u8>, to: Vec<u8>, limit: usize, reverse: bool },
    Get(Vec<u8>),
    Flush,
    Gate { shut: bool },
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || prop::collection::vec(1u8..5, 1..3);
    let write = (key(), prop::option::of(prop::collection::vec(any::<u8>(), 0..4)));
    prop_oneof![
        4 => prop::collection::vec(write, 0..8).prop_map(Step::Submit),
        4 => (key(), key(), 0usize..12, any::<bool>())
            .prop_map(|(from, to, limit, reverse)| Step::Scan { from, to, limit, reverse }),
        2 => key().prop_map(Step::Get),
        1 => Just(Step::Flush),
        1 => any::<bool>().prop_map(|shut| Step::Gate { shut }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_overlay_is_like_the_engine_it_hides(steps in prop::collection::vec(any_step(), 1..60)) {
        let model = MemoryIndex::new();
        let engine = Arc::new(Awkward::default());
        let overlay = Overlay::new(engine.clone(), policy(1_000)).unwrap();
        let _gate = OpensGate(&engine);
        for step in steps {
            match step {
                Step::Submit(writes) => {
                    let height = model.height().unwrap() + 1;
                    model.apply(height, &writes).unwrap();
                    overlay.submit(height, writes).unwrap();
                }
                Step::Scan { from, to, limit, reverse } => prop_assert_eq!(
                    overlay.scan(&from, &to, limit, reverse).unwrap(),
                    model.scan(&from, &to, limit, reverse).unwrap()
                ),
                Step::Get(key) => {
                    prop_assert_eq!(overlay.get(&key).unwrap(), model.get(&key).unwrap());
                }
                Step::Flush => {
                    engine.set_shut(false);
                    overlay.flush().unwrap();
                }
                Step::Gate { shut } => engine.set_shut(shut),
            }
            prop_assert_eq!(overlay.height().unwrap(), model.height().unwrap());
        }
        engine.set_shut(false);
        overlay.flush().unwrap();
        prop_assert_eq!(all(&*engine), all(&model));
    }
}
