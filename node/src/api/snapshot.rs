//! The ledger as it was after one height: records, and ranges of records, whatever changed since.
//!
//! A record written later is looked up in its history; a record deleted later is found there too.
//! Both are stored in the same batch as what replaced them, so a tip that moves on while we read
//! does not change an answer.

use std::cell::{Cell, RefCell};

use hefu_contracts::state::KeyPart;
use hefu_contracts::{StateView, Table};
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Height, Millis};

use super::answer::Answer;
use super::problem::{ApiCode, Problem};
use crate::core::keys;
use crate::runtime::Service;
use crate::store::StoreError;

/// Most rows one request examines; an answer cut off here says so.
pub(super) const MAX_EXAMINED: usize = 20_000;
/// Rows read from the index at a time.
const PAGE: usize = 256;

/// The height an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) height: Height,
    pub(super) state_root: H32,
    /// Block time; that of genesis at height 0.
    pub(super) time: Millis,
    tip: Height,
}

impl Pin {
    /// The tip, or an earlier height.
    pub(super) fn at(service: &Service, at: Option<Height>) -> Result<Self, Problem> {
        let tip = service.tip();
        let pin = |height, state_root, time| Self { height, state_root, time, tip: tip.height };
        match at {
            Some(height) if height > tip.height => {
                let detail = format!("height {height} is not there yet: the tip is {}", tip.height);
                Err(Problem::new(ApiCode::HeightInFuture, detail))
            }
            Some(Height(0)) => {
                let anchor = service.genesis().anchor();
                Ok(pin(Height(0), anchor.state_root, anchor.created))
            }
            Some(height) if height < tip.height => {
                let stored = service.block(height)?.ok_or_else(|| {
                    Problem::new(ApiCode::Pruned, format!("block {height} is no longer kept"))
                })?;
                let header = stored.block.header;
                Ok(pin(height, header.state_root, header.time))
            }
            _ => Ok(pin(tip.height, tip.state_root, tip.time)),
        }
    }

    /// The Beijing day of the height.
    pub(super) fn day(&self) -> Day {
        Day::of_beijing(self.time)
    }
}

/// A record as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its full key.
    pub(super) key: Vec<u8>,
    /// The height that wrote it.
    pub(super) written: Height,
    /// Its canonical bytes.
    pub(super) value: Vec<u8>,
}

/// A decoded record.
pub(super) struct Found<V> {
    pub(super) key: Vec<u8>,
    pub(super) written: Height,
    pub(super) value: V,
}

/// Reads at one height.
pub(super) struct Snapshot<'s> {
    pub(super) service: &'s Service,
    pub(super) pin: Pin,
    examined: Cell<usize>,
    incomplete: Cell<Option<&'static str>>,
    /// What a contract's function that reads through [`StateView`] could not say.
    failed: RefCell<Option<StoreError>>,
}

impl<'s> Snapshot<'s> {
    pub(super) fn new(service: &'s Service, pin: Pin) -> Self {
        Self {
            service,
            pin,
            examined: Cell::new(0),
            incomplete: Cell::new(None),
            failed: RefCell::new(None),
        }
    }

    /// Wraps what was read.
    pub(super) fn answer<T>(self, content: T) -> Result<Answer<T>, Problem> {
        if let Some(error) = self.failed.into_inner() {
            return Err(error.into());
        }
        Ok(Answer::new(&self.pin, self.incomplete.get(), content))
    }

    /// Says that the answer lacks something, and why.
    pub(super) fn mark_incomplete(&self, reason: &'static str) {
        self.incomplete.set(Some(reason));
    }

    /// Counts an examined row; false, and the answer incomplete, when there were too many.
    pub(super) fn examine(&self) -> bool {
        let examined = self.examined.get().saturating_add(1);
        self.examined.set(examined);
        if examined > MAX_EXAMINED {
            self.mark_incomplete("scan_bound");
        }
        examined <= MAX_EXAMINED
    }

    /// A record, if there was one.
    pub(super) fn find<K: KeyPart + ?Sized, V: Canonical>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<Found<V>>, Problem> {
        let key = table.key(key);
        let Some((written, value)) = self.service.records().at(&key, self.pin.height)? else {
            return Ok(None);
        };
        let row = Row { key, written, value };
        Ok(self.decode(table, row))
    }

    /// A record that must be there.
    pub(super) fn get<K: KeyPart + ?Sized, V: Canonical>(
        &self,
        table: &Table<K, V>,
        key: &K,
        what: &str,
    ) -> Result<Found<V>, Problem> {
        self.find(table, key)?.ok_or_else(|| Problem::not_found(what))
    }

    /// Decodes a row of a table; a row that does not decode is noted as missing.
    pub(super) fn decode<K: KeyPart + ?Sized, V: Canonical>(
        &self,
        table: &Table<K, V>,
        row: Row,
    ) -> Option<Found<V>> {
        let Row { key, written, value } = row;
        let value = table.decode(&value);
        if value.is_none() {
            self.mark_incomplete("missing");
        }
        Some(Found { key, written, value: value? })
    }

    /// Rows with `from` ≤ key < `to` as they were, at most `limit`, in order of their keys.
    pub(super) fn rows(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let records = self.service.records();
        let (mut from, mut rows) = (from.to_vec(), Vec::new());
        while rows.len() < limit {
            let page = records.scan(&from, to, PAGE)?;
            let last = page.last().filter(|_| page.len() == PAGE);
            // The least key after the last one.
            let end = last.map_or(to.to_vec(), |(key, _)| [key.as_slice(), &[0]].concat());
            let done = last.is_none();
            let mut present: Vec<Vec<u8>> = page.into_iter().map(|(key, _)| key).collect();
            if self.pin.height < self.pin.tip || self.service.tip().height > self.pin.tip {
                present.extend(self.replaced(&from, &end)?);
                present.sort();
                present.dedup();
            }
            for key in present {
                if let Some((written, value)) = records.at(&key, self.pin.height)? {
                    rows.push(Row { key, written, value });
                }
            }
            if done {
                break;
            }
            from = end;
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// Keys in a range that have a history: among them those deleted since.
    fn replaced(&self, from: &[u8], to: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let index = self.service.records().index();
        let (mut next, end) = ([b"h", from].concat(), [b"h", to].concat());
        let mut found = Vec::new();
        while let Some((key, _)) = index.scan(&next, &end, 1, false)?.pop() {
            let record = key.get(1..key.len().saturating_sub(8)).unwrap_or_default().to_vec();
            next = [keys::history(&record, Height(u64::MAX)).as_slice(), &[0]].concat();
            if record.as_slice() >= from {
                found.push(record);
            }
        }
        Ok(found)
    }
}

/// For functions of contracts that look further than one record.
impl StateView for Snapshot<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.service.records().at(key, self.pin.height);
        found.unwrap_or_else(|error| self.fail(error)).map(|(_, value)| value)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.rows(from, to, limit.min(MAX_EXAMINED));
        let rows = rows.unwrap_or_else(|error| self.fail(error));
        rows.into_iter().map(|row| (row.key, row.value)).collect()
    }
}

impl Snapshot<'_> {
    fn fail<T: Default>(&self, error: StoreError) -> T {
        self.failed.replace(Some(error));
        T::default()
    }
}
