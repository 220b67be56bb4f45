//! One suite for every engine, and for every engine under an overlay.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::overlay::{Overlay, Policy};

/// An index under test: where it is and how to open it.
struct Subject {
    kind: EngineKind,
    layered: bool,
    folder: TempDir,
}

impl Subject {
    fn new(kind: EngineKind, layered: bool) -> Self {
        Self { kind, layered, folder: TempDir::new().unwrap() }
    }

    fn open(&self) -> Arc<dyn Index> {
        let engine = open_index(self.kind, self.folder.path()).unwrap();
        if self.layered {
            Arc::new(Overlay::new(engine, Policy { max_blocks: 3, ..Policy::default() }).unwrap())
        } else {
            engine
        }
    }

    fn is_on_disk(&self) -> bool {
        EngineKind::ON_DISK.contains(&self.kind)
    }
}

fn subjects() -> impl Iterator<Item = Subject> {
    [EngineKind::Memory, EngineKind::Sled, EngineKind::Fjall]
        .into_iter()
        .flat_map(|kind| [Subject::new(kind, false), Subject::new(kind, true)])
}

fn put(key: &str, value: &str) -> Write {
    (key.into(), Some(value.into()))
}

fn delete(key: &str) -> Write {
    (key.into(), None)
}

fn text(rows: Vec<Row>) -> Vec<(String, String)> {
    rows.into_iter()
        .map(|(key, value)| (String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap()))
        .collect()
}

fn all(index: &dyn Index) -> Vec<Row> {
    index.scan(b"", b"", MAX_SCAN_ROWS, false).unwrap()
}

#[test]
fn an_empty_index_has_height_0_and_no_rows() {
    for subject in subjects() {
        let index = subject.open();
        assert_eq!(index.height().unwrap(), 0);
        assert_eq!(index.get(b"a").unwrap(), None);
        assert_eq!(index.get(b"").unwrap(), None);
        assert_eq!(all(&*index), []);
    }
}

#[test]
fn a_batch_writes_deletes_and_raises_the_height() {
    for subject in subjects() {
        let index = subject.open();
        index.apply(0, &[put("genesis", "0")]).unwrap();
        index.apply(1, &[put("a", "1"), put("b", "1"), put("c", "")]).unwrap();
        index.apply(2, &[delete("a"), put("b", "2"), delete("never")]).unwrap();
        index.apply(3, &[put("d", "x"), put("d", "y"), put("b", "3"), delete("b")]).unwrap();
        index.apply(4, &[]).unwrap();
        assert_eq!(index.height().unwrap(), 4);
        let expected = [("c", ""), ("d", "y"), ("genesis", "0")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(text(all(&*index)), expected, "the later write to a key wins");
        assert_eq!(index.get(b"c").unwrap(), Some(vec![]));
        assert_eq!(index.get(b"b").unwrap(), None);
        assert_eq!(index.get(b"\0").unwrap(), None, "what the index keeps for itself is hidden");
    }
}

#[test]
fn scans_honour_bounds_limit_and_direction() {
    let keys = |rows: Vec<Row>| text(rows).into_iter().map(|row| row.0).collect::<String>();
    for subject in subjects() {
        let index = subject.open();
        index.apply(1, &["b", "d", "f"].map(|key| put(key, "engine"))).unwrap();
        index.checkpoint().unwrap();
        index.apply(2, &["a", "c", "e"].map(|key| put(key, "newer"))).unwrap();
        let cases: [(&str, &str, usize, &str); 12] = [
            ("", "", 9, "abcdef"),
            ("b", "e", 9, "bcd"),
            ("bb", "dd", 9, "cd"),
            ("c", "", 9, "cdef"),
            ("", "c", 9, "ab"),
            ("c", "c", 9, ""),
            ("e", "b", 9, ""),
            ("x", "", 9, ""),
            ("", "", 0, ""),
            ("", "", 6, "abcdef"),
            ("f", "g", 1, "f"),
            ("a\0", "b\0", 9, "b"),
        ];
        for (from, to, limit, expected) in cases {
            let found = index.scan(from.as_bytes(), to.as_bytes(), limit, false).unwrap();
            assert_eq!(keys(found), expected, "{from:?}..{to:?}");
            let found = index.scan(from.as_bytes(), to.as_bytes(), limit, true).unwrap();
            let backwards: String = expected.chars().rev().collect();
            assert_eq!(keys(found), backwards, "{from:?}..{to:?} reversed");
        }
        for (limit, forwards, backwards) in [(1, "b", "e"), (2, "bc", "ed"), (4, "bcde", "edcb")] {
            assert_eq!(keys(index.scan(b"b", b"f", limit, false).unwrap()), forwards);
            assert_eq!(keys(index.scan(b"b", b"f", limit, true).unwrap()), backwards);
        }
    }
}

#[test]
fn bounds_are_enforced_and_a_refused_batch_leaves_nothing() {
    let key = |len| (vec![b'k'; len], Some(vec![]));
    let value = |len| (vec![b'v'], Some(vec![1; len]));
    for subject in subjects() {
        let index = subject.open();
        let refuse = |write| index.apply(1, &[put("a", "1"), write]).unwrap_err();
        assert!(matches!(refuse(put("", "x")), StoreError::ReservedKey));
        assert!(matches!(refuse(put("\0", "x")), StoreError::ReservedKey));
        assert!(matches!(refuse(delete("\0height")), StoreError::ReservedKey));
        let over = refuse(key(MAX_KEY_BYTES + 1));
        assert!(matches!(over, StoreError::TooLarge { limit: Limit::Key, .. }));
        let over = refuse(value(MAX_VALUE_BYTES + 1));
        assert!(matches!(over, StoreError::TooLarge { limit: Limit::Value, .. }));
        assert_eq!((index.height().unwrap(), all(&*index)), (0, vec![]));

        index.apply(1, &[key(MAX_KEY_BYTES), value(MAX_VALUE_BYTES)]).unwrap();
        assert_eq!(index.get(b"v").unwrap().map(|value| value.len()), Some(MAX_VALUE_BYTES));
        assert_eq!(all(&*index).len(), 2);
        let over = index.scan(b"", b"", MAX_SCAN_ROWS + 1, false).unwrap_err();
        assert!(matches!(over, StoreError::TooLarge { limit: Limit::Scan, .. }));
    }
}

#[test]
fn heights_do_not_go_back() {
    for subject in subjects() {
        let index = subject.open();
        for height in 1..=3 {
            index.apply(height, &[put("a", &height.to_string())]).unwrap();
        }
        let error = index.apply(2, &[put("a", "2")]).unwrap_err();
        assert!(matches!(error, StoreError::OutOfOrder { found: 2, .. }));
        assert_eq!(index.get(b"a").unwrap(), Some(b"3".to_vec()));
    }
}

#[test]
fn an_engine_takes_a_height_again_and_may_skip_some() {
    for subject in subjects().filter(|subject| !subject.layered) {
        let index = subject.open();
        index.apply(7, &[put("a", "1")]).unwrap();
        index.apply(7, &[put("a", "2")]).unwrap();
        assert_eq!(index.height().unwrap(), 7);
        assert_eq!(index.get(b"a").unwrap(), Some(b"2".to_vec()));
    }
}

/// What the workload of [`batch_of`] leaves at a height.
fn model_at(height: u64) -> MemoryIndex {
    let model = MemoryIndex::new();
    for height in 1..=height {
        model.apply(height, &batch_of(height)).unwrap();
    }
    model
}

/// Rewrites ten rows, adds one, deletes one.
fn batch_of(height: u64) -> Vec<Write> {
    let mut batch: Vec<Write> = (0..10)
        .map(|row| put(&format!("row{row}"), &format!("{height} {}", "x".repeat(200))))
        .collect();
    batch.push(put(&format!("at{height}"), ""));
    batch.push(delete(&format!("at{}", height / 2)));
    batch
}

fn assert_consistent(index: &dyn Index) -> u64 {
    let height = index.height().unwrap();
    assert_eq!(all(index), all(&model_at(height)), "content of height {height}");
    height
}

#[test]
fn a_checkpoint_survives_reopening() {
    for subject in subjects().filter(Subject::is_on_disk) {
        for round in 1..=3 {
            let index = subject.open();
            assert_eq!(assert_consistent(&*index), (round - 1) * 5);
            for height in (round - 1) * 5 + 1..=round * 5 {
                index.apply(height, &batch_of(height)).unwrap();
            }
            index.checkpoint().unwrap();
        }
        assert_eq!(assert_consistent(&*subject.open()), 15);
    }
}

#[test]
fn without_a_checkpoint_height_and_content_still_agree() {
    for subject in subjects().filter(Subject::is_on_disk) {
        let mut height = 0;
        for _ in 0..4 {
            let index = subject.open();
            let found = assert_consistent(&*index);
            assert!(found <= height);
            for next in found + 1..=found + 8 {
                index.apply(next, &batch_of(next)).unwrap();
            }
            height = found + 8;
        }
    }
}

#[test]
fn the_files_of_a_killed_process_are_consistent() {
    for kind in EngineKind::ON_DISK {
        let subject = Subject::new(kind, false);
        let index = subject.open();
        let mut checkpointed = 0;
        for height in 1..=12 {
            index.apply(height, &batch_of(height)).unwrap();
            if height % 5 == 0 {
                index.checkpoint().unwrap();
                checkpointed = height;
            }
            // What a kill leaves is what the files hold while the engine is running.
            let killed = Subject::new(kind, false);
            copy_folder(
                &subject.folder.path().join(kind.name()),
                &killed.folder.path().join(kind.name()),
            );
            let found = assert_consistent(&*killed.open());
            assert!((checkpointed..=height).contains(&found), "{kind}: {found} of {height}");
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_wiped_index_is_empty_and_usable_also_after_reopening() {
    for subject in subjects() {
        let mut index = subject.open();
        for height in 1..=3 {
            index.apply(height, &batch_of(height)).unwrap();
        }
        for _ in 0..2 {
            index.wipe().unwrap();
            assert_eq!(assert_consistent(&*index), 0);
            if subject.is_on_disk() {
                drop(index);
                index = subject.open();
                assert_eq!(assert_consistent(&*index), 0);
            }
            index.apply(0, &[]).unwrap();
            index.apply(1, &batch_of(1)).unwrap();
            assert_eq!(assert_consistent(&*index), 1);
        }
    }
}

#[test]
fn a_folder_in_use_is_refused_and_not_taken_for_damage() {
    for subject in subjects().filter(Subject::is_on_disk) {
        let _index = subject.open();
        for error in [
            open_index(subject.kind, subject.folder.path()).err().unwrap(),
            set_aside(subject.kind, subject.folder.path()).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Engine { fault: EngineFault::Locked, .. }));
            assert!(!error.calls_for_rebuild());
        }
    }
}

#[test]
fn engines_share_a_folder_one_after_the_other() {
    let folder = TempDir::new().unwrap();
    for kind in EngineKind::ON_DISK {
        let index = open_index(kind, folder.path()).unwrap();
        assert_eq!(assert_consistent(&*index), 0, "each has its own subfolder");
        index.apply(1, &batch_of(1)).unwrap();
    }
}

/// Files of an engine's folder, largest first.
fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_in(&path)) } else { files.push(path) }
    }
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    files
}

#[test]
fn damaged_files_are_an_error_and_can_be_set_aside() {
    for kind in EngineKind::ON_DISK {
        let subject = Subject::new(kind, false);
        let mut refused = 0;
        for victim in 0..8 {
            let index = subject.open();
            for height in index.height().unwrap() + 1..=20 {
                index.apply(height, &batch_of(height)).unwrap();
            }
            index.checkpoint().unwrap();
            drop(index);
            let files = files_in(&subject.folder.path().join(kind.name()));
            let Some(file) = files.get(victim) else { break };
            let len = fs::metadata(file).unwrap().len() as usize;
            fs::write(file, vec![0xa5; len / 2]).unwrap();
            // It opens, possibly older, or says what is wrong; it never takes the process down.
            if let Err(error) = open_index(kind, subject.folder.path()).and_then(|i| i.height()) {
                assert!(error.calls_for_rebuild(), "{error}");
                refused += 1;
            }
            let aside = set_aside(kind, subject.folder.path()).unwrap();
            assert!(aside.is_dir());
            assert_eq!(assert_consistent(&*subject.open()), 0);
        }
        assert!(refused > 0, "{kind} noticed something");
    }
}

#[test]
fn prefix_ends() {
    assert_eq!(prefix_end(b"ab"), b"ac");
    assert_eq!(prefix_end(b"a\xff\xff"), b"b");
    assert_eq!(prefix_end(b"\xff"), b"");
    assert_eq!(prefix_end(b""), b"");
}

#[test]
fn engines_have_names() {
    for kind in [EngineKind::Sled, EngineKind::Fjall, EngineKind::Memory] {
        assert_eq!(EngineKind::from_name(&kind.to_string()), Some(kind));
    }
    assert_eq!(EngineKind::from_name("rocksdb"), None);
}

/// Keys from a small set, some of them prefixes of others, so that batches meet.
fn any_key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&[1u8, 2, 0x80, 0xff][..]), 1..4)
}

fn any_batches() -> impl Strategy<Value = Vec<Vec<Write>>> {
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    prop::collection::vec(prop::collection::vec((any_key(), value), 0..24), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_batches_leave_the_same_rows(
        batches in any_batches(),
        ranges in prop::collection::vec((any_key(), any_key(), 0usize..20), 8),
    ) {
        let model = MemoryIndex::new();
        let subjects: Vec<Subject> = subjects().collect();
        let indexes: Vec<_> = subjects.iter().map(Subject::open).collect();
        for (height, batch) in (1..).zip(&batches) {
            model.apply(height, batch).unwrap();
            for index in &indexes {
                index.apply(height, batch).unwrap();
                prop_assert_eq!(all(&**index), all(&model));
            }
        }
        for index in &indexes {
            for (from, to, limit) in &ranges {
                for reverse in [false, true] {
                    prop_assert_eq!(
                        index.scan(from, to, *limit, reverse).unwrap(),
                        model.scan(from, to, *limit, reverse).unwrap()
                    );
                }
            }
            index.checkpoint().unwrap();
        }
        drop(indexes);
        for subject in subjects.iter().filter(|subject| subject.is_on_disk()) {
            let index = subject.open();
            prop_assert_eq!(index.height().unwrap(), batches.len() as u64);
            prop_assert_eq!(all(&*index), all(&model));
        }
    }
}
