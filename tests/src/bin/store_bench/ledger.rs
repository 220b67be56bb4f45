//! The rows that acts write and read, as `core::ledger` and the contracts make them.
//!
//! Everything follows from the number of an act, so that a rebuild writes the same rows again. It
//! does not know engines, files or clocks, but for timing one scan.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hefu_node::store::index::{Row, Write};
use hefu_node::store::{Index, Overlay};

/// An attestation without changes, encoded.
const RECORD_BYTES: usize = 350;
/// A signed transaction of one act in its bundle, and its outcome.
const STORED_ACT_BYTES: usize = 550;
const POSITION_BYTES: usize = 14;
const EVENT_BYTES: usize = 76;
/// Records that every act reads: parameters, key, authority, member, type.
const HOT: [&[u8]; 5] = [b"s\x01", b"s\x04key", b"s\x03authority", b"s\x02member", b"s\x20type"];
const ATTESTATIONS: u8 = 0x22;
const SEEN: u8 = 0xf0;
/// Where this program keeps its counters; a ledger has its chain id there.
const COUNTERS: &[u8] = b"G";
const SCAN_PAGE: usize = 4_096;

/// How far the ledger is; stored with every block.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ledger {
    pub(crate) height: u64,
    pub(crate) acts: u64,
    pub(crate) records: u64,
    /// Bytes of keys and values of all rows.
    pub(crate) logical: u64,
    /// How long the last block looked for used ids whose time is over; not stored.
    pub(crate) scan: Duration,
}

/// What the acts of a block are.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// New records, without reads.
    Preload,
    /// The mix; used ids are removed so many blocks later.
    Acts { window: u64, forget_from_parent: bool },
}

impl Ledger {
    fn to_bytes(self) -> Vec<u8> {
        [self.height, self.acts, self.records, self.logical].map(u64::to_be_bytes).concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|part| part.try_into().map(u64::from_be_bytes));
        let mut next = || numbers.next()?.ok();
        let [height, acts, records, logical] = [next()?, next()?, next()?, next()?];
        Some(Self { height, acts, records, logical, scan: Duration::ZERO })
    }

    /// The rows that executing and storing the next block writes, in the order of `advance`.
    pub(crate) fn execute(
        &mut self,
        index: &dyn Index,
        acts: u64,
        kind: Kind,
    ) -> Result<Vec<Write>> {
        self.height += 1;
        let first = self.acts;
        self.acts += acts;
        let writes = match kind {
            Kind::Preload => self.new_records(first),
            Kind::Acts { window, forget_from_parent } => {
                let began = Instant::now();
                let expired = self.expired(index, forget_from_parent)?;
                self.scan = began.elapsed();
                self.mixed(index, first, window, expired)?
            }
        };
        let mut batch = Vec::with_capacity(acts as usize * 8);
        self.records_to_rows(index, writes, kind, &mut batch)?;
        for act in first..self.acts {
            self.rows_of_act(act, (act - first) as u32, &mut batch);
        }
        self.put(
            &mut batch,
            [b"b", &noise::<32>(7, self.height)[..]].concat(),
            self.height_value(),
        );
        batch.push((COUNTERS.to_vec(), Some(self.to_bytes())));
        Ok(batch)
    }

    fn new_records(&mut self, first: u64) -> Records {
        let records = self.records;
        self.records += self.acts - first;
        (records..self.records).map(|number| (record_key(number), Some(value(number)))).collect()
    }

    /// Reads as execution does, and collects what changes; the last write to a record counts.
    fn mixed(
        &mut self,
        index: &dyn Index,
        first: u64,
        window: u64,
        expired: Vec<Row>,
    ) -> Result<Records> {
        let mut writes = Records::new();
        for (key, _) in expired {
            writes.insert(key[1..].to_vec(), None);
        }
        for act in first..self.acts {
            for key in HOT {
                index.get(key)?;
            }
            let seen = seen_key(self.height + window, act);
            index.get(&state(&seen))?;
            let is_update = mix(1, act) % 10 < 4 && self.records > 0;
            let number = if is_update {
                mix(2, act) % self.records
            } else {
                self.records += 1;
                self.records - 1
            };
            let record = record_key(number);
            if !writes.contains_key(&record) && index.get(&state(&record))?.is_some() != is_update {
                bail!("record {number} is not as the ledger says");
            }
            writes.insert(record, Some(value(act)));
            writes.insert(seen, Some(vec![0xf6]));
        }
        Ok(writes)
    }

    /// Used ids whose time is over.
    fn expired(&self, index: &dyn Index, from_parent: bool) -> Result<Vec<Row>> {
        let at = |height: u64| state(&[&[SEEN][..], &height.to_be_bytes()].concat());
        let mut from = if from_parent { at(self.height - 1) } else { state(&[SEEN]) };
        let to = at(self.height);
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let page = index.scan(&from, &to, SCAN_PAGE, false)?;
            let is_last = page.len() < SCAN_PAGE;
            rows.extend(page);
            match rows.last() {
                Some((key, _)) if !is_last => from = [key.as_slice(), &[0]].concat(),
                _ => return Ok(rows),
            }
        }
    }

    fn records_to_rows(
        &mut self,
        index: &dyn Index,
        writes: Records,
        kind: Kind,
        batch: &mut Vec<Write>,
    ) -> Result<()> {
        for (record, value) in writes {
            let key = state(&record);
            let is_seen = record.first() == Some(&SEEN);
            let old = match kind {
                Kind::Acts { .. } if !is_seen => index.get(&key)?,
                _ => None,
            };
            let Some(value) = value else {
                self.logical -= (key.len() + 9) as u64;
                batch.push((key, None));
                continue;
            };
            let value = [self.height_value(), value].concat();
            if let Some(old) = old {
                let history = [b"h", record.as_slice(), &self.height.to_be_bytes()].concat();
                self.put(batch, history, old);
                batch.push((key, Some(value)));
            } else {
                self.put(batch, key, value);
            }
        }
        Ok(())
    }

    /// Position, leaf, event and log nodes.
    fn rows_of_act(&mut self, act: u64, number: u32, batch: &mut Vec<Write>) {
        let height = self.height.to_be_bytes();
        let number = number.to_be_bytes();
        let position = noise::<POSITION_BYTES>(3, act).to_vec();
        self.put(batch, [b"t", &noise::<32>(4, act)[..]].concat(), position);
        self.put(batch, [b"l", &act.to_be_bytes()[..]].concat(), [&height[..], &number].concat());
        let event = noise::<EVENT_BYTES>(5, act).to_vec();
        self.put(batch, [b"e", &height[..], &number].concat(), event);
        // A leaf completes one subtree for each low bit that is set.
        for level in 0..=act.trailing_ones() {
            let node = [b"m", &[level as u8][..], &(act >> level).to_be_bytes()].concat();
            self.put(batch, node, noise::<32>(6, act).to_vec());
        }
    }

    /// Writes a row that was not there.
    fn put(&mut self, batch: &mut Vec<Write>, key: Vec<u8>, value: Vec<u8>) {
        self.logical += (key.len() + value.len()) as u64;
        batch.push((key, Some(value)));
    }

    fn height_value(&self) -> Vec<u8> {
        self.height.to_be_bytes().to_vec()
    }
}

/// Changed records by key, as execution leaves them.
type Records = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn state(record: &[u8]) -> Vec<u8> {
    [b"s", record].concat()
}

fn record_key(number: u64) -> Vec<u8> {
    [&[ATTESTATIONS][..], &noise::<16>(8, number)].concat()
}

fn seen_key(until: u64, act: u64) -> Vec<u8> {
    [&[SEEN][..], &until.to_be_bytes(), &noise::<32>(4, act)].concat()
}

fn value(number: u64) -> Vec<u8> {
    noise::<RECORD_BYTES>(9, number).to_vec()
}

/// Bytes that look random and follow from two numbers.
fn noise<const N: usize>(stream: u64, number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    let seed = mix(stream, number);
    for (place, part) in bytes.chunks_mut(8).enumerate() {
        part.copy_from_slice(&mix(seed, place as u64).to_be_bytes()[..part.len()]);
    }
    bytes
}

/// SplitMix64's step and finish.
fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stored block: what its acts are, and as many bytes as they take.
pub(crate) fn stored_block(acts: u64, kind: Kind, height: u64) -> Vec<u8> {
    let (window, flag) = match kind {
        Kind::Preload => (u64::MAX, 0),
        Kind::Acts { window, forget_from_parent } => (window, u64::from(forget_from_parent)),
    };
    let mut bytes = [acts, window, flag].map(u64::to_be_bytes).concat();
    let filler = (0..acts).map(|act| noise::<STORED_ACT_BYTES>(height, act));
    bytes.extend(filler.flatten());
    bytes
}

pub(crate) fn from_stored(bytes: &[u8]) -> Option<(u64, Kind)> {
    let number = |at: usize| bytes.get(at..at + 8)?.try_into().map(u64::from_be_bytes).ok();
    let kind = match number(8)? {
        u64::MAX => Kind::Preload,
        window => Kind::Acts { window, forget_from_parent: number(16)? == 1 },
    };
    Some((number(0)?, kind))
}

/// Where the index stands; an empty one gets its genesis.
pub(crate) fn start(overlay: &Overlay) -> Result<Ledger> {
    if let Some(counters) = overlay.get(COUNTERS)? {
        return Ledger::from_bytes(&counters).context("counters");
    }
    let ledger = Ledger::default();
    let mut batch: Vec<Write> = HOT.map(|key| (key.to_vec(), Some(value(0)))).to_vec();
    batch.push((COUNTERS.to_vec(), Some(ledger.to_bytes())));
    overlay.submit(0, batch)?;
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_node::store::{EngineKind, Policy, open_index};
    use std::path::Path;

    #[test]
    fn counted_bytes_are_those_of_the_rows() {
        let engine = open_index(EngineKind::Memory, Path::new("")).unwrap();
        let overlay = Overlay::new(engine, Policy::default()).unwrap();
        let mut ledger = start(&overlay).unwrap();
        let genesis = overlay.scan(&[], &[], 1_000, false).unwrap().len();
        let mixed = Kind::Acts { window: 2, forget_from_parent: true };
        for kind in [Kind::Preload, mixed, mixed, mixed, mixed] {
            let batch = ledger.execute(&overlay, 50, kind).unwrap();
            overlay.submit(ledger.height, batch).unwrap();
        }
        let rows = overlay.scan(&[], &[], 60_000, false).unwrap();
        let seen = rows.iter().filter(|(key, _)| key.starts_with(&[b's', SEEN])).count();
        // Of the last two blocks, and of the one whose time is just over.
        assert_eq!(seen, 150);
        let ours = rows
            .iter()
            .filter(|(key, _)| key.as_slice() != COUNTERS && !HOT.contains(&key.as_slice()));
        let bytes: usize = ours.map(|(key, value)| key.len() + value.len()).sum();
        assert_eq!(bytes as u64, ledger.logical);
        assert!(rows.len() > genesis);
    }
}
