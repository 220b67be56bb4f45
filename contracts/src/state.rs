//! Typed tables over plain keys and values, with a buffer for each block and each transaction.
//!
//! A key is one table byte and the parts of the key in an order-preserving form, so that a scan
//! walks records in the order of their keys. Tables marked *proven* are committed to by the
//! authenticated map; the others are indexes and windows that can be rebuilt.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

use hefu_primitives::codec::Canonical;

/// What a block changes: new values, or none for a deletion.
pub type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The state after the last block. The node's implementation ends the process when its store
/// fails: execution has no answer to a broken disk.
pub trait StateView {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// At most `limit` entries with `from <= key < to`, in order of their keys.
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// The value of a key, decoded; a view may keep it for whoever asks next. One key is always
    /// decoded in one way.
    fn decoded(&self, key: &[u8], decode: Decode) -> Option<Rc<dyn Any>> {
        self.get(key).and_then(|bytes| decode(&bytes))
    }
}

/// Makes a record of stored bytes.
pub type Decode = fn(&[u8]) -> Option<Rc<dyn Any>>;

/// Tables with a smaller byte are proven, the others are not: a key alone tells.
const FIRST_UNPROVEN: u8 = 0x80;

/// A part of a key, written so that byte order is value order.
pub trait KeyPart {
    /// Appends the part.
    fn write(&self, key: &mut Vec<u8>);

    /// What follows the part in a key that begins with one; none where it is cut short.
    fn skip(key: &[u8]) -> Option<&[u8]>;
}

/// What follows a part of so many bytes.
fn skip_bytes(key: &[u8], width: usize) -> Option<&[u8]> {
    key.split_at_checked(width).map(|(_, rest)| rest)
}

macro_rules! key_bytes {
    ($($name:ty),*) => {$(
        impl KeyPart for $name {
            fn write(&self, key: &mut Vec<u8>) {
                key.extend_from_slice(self.as_bytes());
            }

            fn skip(key: &[u8]) -> Option<&[u8]> {
                skip_bytes(key, size_of::<Self>())
            }
        }
    )*};
}

key_bytes!(
    hefu_primitives::H32,
    hefu_primitives::Id16,
    hefu_primitives::KeyId,
    hefu_primitives::TxId,
    hefu_primitives::Uscc,
    hefu_primitives::TypeCode,
    hefu_primitives::BaseCode,
    hefu_primitives::ImplCode
);

macro_rules! key_number {
    ($($name:ty),*) => {$(
        impl KeyPart for $name {
            fn write(&self, key: &mut Vec<u8>) {
                key.extend_from_slice(&self.get().to_be_bytes());
            }

            fn skip(key: &[u8]) -> Option<&[u8]> {
                skip_bytes(key, size_of::<Self>())
            }
        }
    )*};
}

key_number!(hefu_primitives::Region, hefu_primitives::Millis, hefu_primitives::Height);

macro_rules! key_integer {
    ($($name:ty),*) => {$(
        impl KeyPart for $name {
            fn write(&self, key: &mut Vec<u8>) {
                key.extend_from_slice(&self.to_be_bytes());
            }

            fn skip(key: &[u8]) -> Option<&[u8]> {
                skip_bytes(key, size_of::<Self>())
            }
        }
    )*};
}

key_integer!(u8, u16, u32, u64);

impl KeyPart for () {
    fn write(&self, _: &mut Vec<u8>) {}

    fn skip(key: &[u8]) -> Option<&[u8]> {
        Some(key)
    }
}

/// Text ends with a zero byte, which no text of ours contains.
impl KeyPart for str {
    fn write(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(self.as_bytes());
        key.push(0);
    }

    fn skip(key: &[u8]) -> Option<&[u8]> {
        let end = key.iter().position(|byte| *byte == 0)?;
        core::str::from_utf8(key.get(..end)?).ok()?;
        key.get(end.checked_add(1)?..)
    }
}

impl KeyPart for String {
    fn write(&self, key: &mut Vec<u8>) {
        self.as_str().write(key);
    }

    fn skip(key: &[u8]) -> Option<&[u8]> {
        str::skip(key)
    }
}

impl<A: KeyPart, B: KeyPart> KeyPart for (A, B) {
    fn write(&self, key: &mut Vec<u8>) {
        self.0.write(key);
        self.1.write(key);
    }

    fn skip(key: &[u8]) -> Option<&[u8]> {
        A::skip(key).and_then(B::skip)
    }
}

impl<A: KeyPart, B: KeyPart, C: KeyPart> KeyPart for (A, B, C) {
    fn write(&self, key: &mut Vec<u8>) {
        self.0.write(key);
        self.1.write(key);
        self.2.write(key);
    }

    fn skip(key: &[u8]) -> Option<&[u8]> {
        A::skip(key).and_then(B::skip).and_then(C::skip)
    }
}

/// A table of records `V` under keys `K`.
pub struct Table<K: ?Sized, V> {
    prefix: u8,
    proven: bool,
    types: PhantomData<fn(&K) -> V>,
}

impl<K: KeyPart + ?Sized, V: Canonical> Table<K, V> {
    /// A table whose records the authenticated map commits to; its byte is below 0x80.
    pub const fn proven(prefix: u8) -> Self {
        assert!(prefix < FIRST_UNPROVEN);
        Self { prefix, proven: true, types: PhantomData }
    }

    /// A table outside the authenticated map; its byte is at least 0x80.
    pub const fn unproven(prefix: u8) -> Self {
        assert!(prefix >= FIRST_UNPROVEN);
        Self { prefix, proven: false, types: PhantomData }
    }

    /// The table byte.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the authenticated map commits to this table.
    pub const fn is_proven(&self) -> bool {
        self.proven
    }

    /// The full key of a record.
    pub fn key(&self, key: &K) -> Vec<u8> {
        let mut bytes = vec![self.prefix];
        key.write(&mut bytes);
        bytes
    }

    /// Whether a full key can be of a record of this table: its byte, and parts of the right widths.
    /// That nothing stands under any other key says nothing.
    pub fn fits(&self, key: &[u8]) -> bool {
        let rest = key.split_first().filter(|(prefix, _)| **prefix == self.prefix);
        rest.and_then(|(_, rest)| K::skip(rest)).is_some_and(<[u8]>::is_empty)
    }

    /// The range of all keys that begin with `part`: `from` and the exclusive `to`.
    pub fn range<P: KeyPart + ?Sized>(&self, part: &P) -> (Vec<u8>, Vec<u8>) {
        let mut from = vec![self.prefix];
        part.write(&mut from);
        let to = successor(&from);
        (from, to)
    }

    /// Reads one record from a view.
    pub fn read(&self, view: &(impl StateView + ?Sized), key: &K) -> Option<V> {
        view.get(&self.key(key)).and_then(|bytes| self.decode(&bytes))
    }

    /// Reads a record that many acts of a block need: decoded once, as far as the view can keep it.
    pub fn read_shared(&self, view: &(impl StateView + ?Sized), key: &K) -> Option<Rc<V>>
    where
        V: 'static,
    {
        let decode: Decode = |bytes| {
            let value: Rc<dyn Any> = Rc::new(V::from_own_bytes(bytes)?);
            Some(value)
        };
        view.decoded(&self.key(key), decode)?.downcast().ok()
    }

    /// Reads at most `limit` records whose keys begin with `part`, as full keys and values.
    pub fn read_all<P: KeyPart + ?Sized>(
        &self,
        view: &(impl StateView + ?Sized),
        part: &P,
        limit: usize,
    ) -> Vec<(Vec<u8>, V)> {
        let (from, to) = self.range(part);
        let entries = view.scan(&from, &to, limit).into_iter();
        entries.filter_map(|(k, bytes)| self.decode(&bytes).map(|value| (k, value))).collect()
    }

    /// Decodes a stored value. What does not decode was not written by this table: the caller's
    /// store is broken, and the integrity checks at start name it.
    pub fn decode(&self, bytes: &[u8]) -> Option<V> {
        V::from_own_bytes(bytes)
    }
}

/// Whether the authenticated map commits to the record of a full key.
pub fn is_proven(key: &[u8]) -> bool {
    key.first().is_some_and(|prefix| *prefix < FIRST_UNPROVEN)
}

/// The least key greater than every key that begins with `prefix`.
pub fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    vec![0xff; prefix.len().saturating_add(1)]
}

/// The state inside a block: the view, what the block has written so far, and what the current
/// transaction has.
pub struct State<'v> {
    view: &'v dyn StateView,
    block: Writes,
    transaction: Writes,
    touched: Touched,
}

/// The tables that a block wrote to. Most of what acts read is in none of them.
#[derive(Default)]
struct Touched([u128; 2]);

impl Touched {
    fn add(&mut self, key: &[u8]) {
        let (word, bit) = Self::place(key);
        self.0.iter_mut().skip(word).take(1).for_each(|bits| *bits |= bit);
    }

    fn has(&self, key: &[u8]) -> bool {
        let (word, bit) = Self::place(key);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn place(key: &[u8]) -> (usize, u128) {
        let prefix = key.first().copied().unwrap_or_default();
        (usize::from(prefix >> 7), 1 << (prefix & 127))
    }
}

impl<'v> State<'v> {
    /// A block that has written nothing yet.
    pub fn new(view: &'v dyn StateView) -> Self {
        Self { view, block: Writes::new(), transaction: Writes::new(), touched: Touched::default() }
    }

    /// Reads a record.
    pub fn get<K: KeyPart + ?Sized, V: Canonical>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Option<V> {
        self.get_raw(&table.key(key)).and_then(|bytes| table.decode(&bytes))
    }

    /// Reads a record that many acts of a block need: see [`Table::read_shared`].
    pub fn shared<K: KeyPart + ?Sized, V: Canonical + 'static>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Option<Rc<V>> {
        table.read_shared(self, key)
    }

    /// Whether a record exists.
    pub fn has<K: KeyPart + ?Sized, V: Canonical>(&self, table: &Table<K, V>, key: &K) -> bool {
        self.get_raw(&table.key(key)).is_some()
    }

    /// Writes a record.
    pub fn put<K: KeyPart + ?Sized, V: Canonical>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) {
        let key = table.key(key);
        debug_assert!(table.fits(&key), "a part is not as wide as it says");
        self.touched.add(&key);
        self.transaction.insert(key, Some(value.to_bytes()));
    }

    /// Deletes a record.
    pub fn delete<K: KeyPart + ?Sized, V: Canonical>(&mut self, table: &Table<K, V>, key: &K) {
        let key = table.key(key);
        self.touched.add(&key);
        self.transaction.insert(key, None);
    }

    /// At most `limit` records whose keys begin with `part`, as full keys and values.
    pub fn scan<K: KeyPart + ?Sized, V: Canonical, P: KeyPart + ?Sized>(
        &self,
        table: &Table<K, V>,
        part: &P,
        limit: usize,
    ) -> Vec<(Vec<u8>, V)> {
        let (from, to) = table.range(part);
        self.scan_raw(&from, &to, limit)
            .into_iter()
            .filter_map(|(key, bytes)| table.decode(&bytes).map(|value| (key, value)))
            .collect()
    }

    /// At most `limit` records of a table with keys from `start` on and before `end`, as full keys
    /// and values.
    pub fn scan_between<K: KeyPart + ?Sized, V: Canonical, P: KeyPart + ?Sized>(
        &self,
        table: &Table<K, V>,
        start: &P,
        end: &P,
        limit: usize,
    ) -> Vec<(Vec<u8>, V)> {
        let (from, _) = table.range(start);
        let (to, _) = table.range(end);
        self.scan_raw(&from, &to, limit)
            .into_iter()
            .filter_map(|(key, bytes)| table.decode(&bytes).map(|value| (key, value)))
            .collect()
    }

    fn get_raw(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.written(key) {
            Some(written) => written.clone(),
            None => self.view.get(key),
        }
    }

    fn written(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        let touched = self.touched.has(key);
        touched.then(|| self.transaction.get(key).or_else(|| self.block.get(key))).flatten()
    }

    /// Merges what is stored with what is written but not stored. Asks the view for as many more
    /// entries as the buffers could delete.
    fn scan_raw(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let one_table =
            from.first() == to.first() || from.get(..1).map(successor).as_deref() == Some(to);
        if one_table && !self.touched.has(from) {
            return self.view.scan(from, to, limit);
        }
        let range = || (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
        let mut written = BTreeMap::new();
        for buffer in [&self.block, &self.transaction] {
            written.extend(buffer.range::<[u8], _>(range()).map(|(k, v)| (k.clone(), v.clone())));
        }
        let deleted = written.values().filter(|value| value.is_none()).count();
        let stored = self.view.scan(from, to, limit.saturating_add(deleted));
        let mut merged: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            stored.into_iter().map(|(key, value)| (key, Some(value))).collect();
        merged.extend(written);
        merged.into_iter().filter_map(|(k, v)| v.map(|v| (k, v))).take(limit).collect()
    }

    /// Keeps what the transaction wrote. One record at a time: [`BTreeMap::append`] walks both maps,
    /// and a block's grows with every transaction.
    pub(crate) fn keep_transaction(&mut self) {
        self.block.extend(std::mem::take(&mut self.transaction));
    }

    /// Forgets what the transaction wrote.
    pub(crate) fn drop_transaction(&mut self) {
        self.transaction.clear();
    }

    /// What the block wrote.
    pub(crate) fn into_writes(self) -> Writes {
        self.block
    }
}

/// Rules that only read work on a block in progress as on a finished state.
impl StateView for State<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get_raw(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.scan_raw(from, to, limit)
    }

    /// What the block wrote is decoded each time: it may change again.
    fn decoded(&self, key: &[u8], decode: Decode) -> Option<Rc<dyn Any>> {
        match self.written(key) {
            Some(written) => written.as_ref().and_then(|bytes| decode(bytes)),
            None => self.view.decoded(key, decode),
        }
    }
}

/// A view that asks the one below once for what is there: many acts of a block need the same few
/// records, and the same few scans. Only for as long as the view below stays the same.
pub struct Kept<'v> {
    view: &'v dyn StateView,
    found: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    decoded: RefCell<BTreeMap<Vec<u8>, Rc<dyn Any>>>,
    scanned: RefCell<BTreeMap<Range, Vec<Entry>>>,
}

/// A full key and its value.
type Entry = (Vec<u8>, Vec<u8>);
/// What was scanned: from, to, limit.
type Range = (Vec<u8>, Vec<u8>, usize);

/// Most scans that are kept, and most entries of one.
const MAX_SCANS: usize = 1_024;
const MAX_SCANNED: usize = 64;

impl<'v> Kept<'v> {
    /// Knows nothing yet.
    pub fn new(view: &'v dyn StateView) -> Self {
        Self {
            view,
            found: RefCell::default(),
            decoded: RefCell::default(),
            scanned: RefCell::default(),
        }
    }
}

impl StateView for Kept<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        if let Some(value) = self.found.borrow().get(key) {
            return Some(value.clone());
        }
        // What is not there is most often the id of something new, and asked for once.
        let value = self.view.get(key)?;
        self.found.borrow_mut().insert(key.to_vec(), value.clone());
        Some(value)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let range = (from.to_vec(), to.to_vec(), limit);
        if let Some(entries) = self.scanned.borrow().get(&range) {
            return entries.clone();
        }
        let entries = self.view.scan(from, to, limit);
        let mut scanned = self.scanned.borrow_mut();
        if entries.len() <= MAX_SCANNED && scanned.len() < MAX_SCANS {
            scanned.insert(range, entries.clone());
        }
        entries
    }

    fn decoded(&self, key: &[u8], decode: Decode) -> Option<Rc<dyn Any>> {
        if let Some(value) = self.decoded.borrow().get(key) {
            return Some(Rc::clone(value));
        }
        let value = self.view.decoded(key, decode)?;
        self.decoded.borrow_mut().insert(key.to_vec(), Rc::clone(&value));
        Some(value)
    }
}

/// A state in memory: genesis, tests, and the independent re-execution of auditors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl MemoryState {
    /// Applies what a block wrote.
    pub fn apply(&mut self, writes: &Writes) {
        for (key, value) in writes {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }
}

impl StateView for MemoryState {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let range = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
        self.0.range::<[u8], _>(range).take(limit).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Table<u32, u64> = Table::unproven(0x87);

    #[test]
    fn a_key_that_no_record_can_have_is_told() {
        const NAMED: Table<(hefu_primitives::Uscc, String, u16), u64> = Table::proven(0x07);
        let code = "11310000HEFU01010W".parse().unwrap();
        let key = NAMED.key(&(code, "names end".to_owned(), 7));
        assert!(NAMED.fits(&key));
        for cut in 0..key.len() {
            assert!(!NAMED.fits(&key[..cut]), "{cut}");
        }
        assert!(!NAMED.fits(&[&key[..], &[0]].concat()));
        assert!(!NUMBERS.fits(&key) && NUMBERS.fits(&NUMBERS.key(&0)));
    }

    #[test]
    fn scans_see_buffers_and_deletions() {
        let mut stored = MemoryState::default();
        for number in 0..10u32 {
            stored.0.insert(NUMBERS.key(&number), u64::from(number).to_bytes());
        }
        let mut state = State::new(&stored);
        state.delete(&NUMBERS, &0);
        state.put(&NUMBERS, &1, &100);
        state.keep_transaction();
        state.put(&NUMBERS, &2, &200);
        let values: Vec<u64> = state.scan(&NUMBERS, &(), 3).into_iter().map(|(_, v)| v).collect();
        assert_eq!(values, [100, 200, 3]);
        state.drop_transaction();
        assert_eq!(state.get(&NUMBERS, &2), Some(2));
        assert!(!state.has(&NUMBERS, &0));
    }

    /// A state that counts how often it is asked.
    #[derive(Default)]
    struct Asked(MemoryState, std::cell::Cell<u32>);

    impl StateView for Asked {
        fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
            self.1.set(self.1.get() + 1);
            self.0.get(key)
        }

        fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
            self.0.scan(from, to, limit)
        }
    }

    #[test]
    fn what_is_there_is_asked_for_once() {
        let mut below = Asked::default();
        below.0.0.insert(NUMBERS.key(&1), 7u64.to_bytes());
        let kept = Kept::new(&below);
        let mut state = State::new(&kept);
        for _ in 0..3 {
            assert_eq!((state.get(&NUMBERS, &1), state.get(&NUMBERS, &2)), (Some(7), None));
        }
        assert_eq!(below.1.get(), 1 + 3, "once for what is there, each time for what is not");
        state.put(&NUMBERS, &1, &8);
        assert_eq!(state.get(&NUMBERS, &1), Some(8), "what is written comes first");
    }

    #[test]
    fn what_is_kept_is_what_a_block_would_read() {
        const OTHERS: Table<u32, u64> = Table::proven(0x08);
        let mut below = Asked::default();
        for number in 0..3u32 {
            below.0.0.insert(NUMBERS.key(&number), u64::from(number).to_bytes());
        }
        let kept = Kept::new(&below);
        let mut state = State::new(&kept);
        let all = |state: &State<'_>| -> Vec<u64> {
            state.scan(&NUMBERS, &(), 9).into_iter().map(|(_, value)| value).collect()
        };
        state.put(&OTHERS, &1, &1);
        for _ in 0..2 {
            assert_eq!(state.shared(&NUMBERS, &1).as_deref(), Some(&1));
            assert_eq!(all(&state), [0, 1, 2]);
        }
        assert_eq!(below.1.get(), 1, "decoded once");
        state.put(&NUMBERS, &1, &8);
        state.delete(&NUMBERS, &0);
        assert_eq!(state.shared(&NUMBERS, &1).as_deref(), Some(&8));
        assert_eq!((state.shared(&NUMBERS, &0), all(&state)), (None, vec![8, 2]));
        state.drop_transaction();
        assert_eq!((state.shared(&NUMBERS, &1).as_deref(), all(&state)), (Some(&1), vec![0, 1, 2]));
        state.put(&NUMBERS, &1, &9);
        state.keep_transaction();
        assert_eq!((state.shared(&NUMBERS, &1).as_deref(), all(&state)), (Some(&9), vec![0, 9, 2]));
    }

    #[test]
    fn every_table_byte_is_touched_by_itself() {
        for prefix in 0..=u8::MAX {
            let mut touched = Touched::default();
            touched.add(&[prefix, 7]);
            let found: Vec<u8> = (0..=u8::MAX).filter(|other| touched.has(&[*other])).collect();
            assert_eq!(found, [prefix]);
        }
    }

    #[test]
    fn successors() {
        assert_eq!(successor(&[1, 2]), [1, 3]);
        assert_eq!(successor(&[1, 0xff]), [2]);
    }
}
