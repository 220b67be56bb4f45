//! What every block makes longer: its events, the leaves of the audit log, and that log's nodes.
//!
//! Engines pay by the row, and a block adds to each of these sequences without a gap. So its part
//! stands in few rows, *runs*, each under the number of its first element:
//!
//! ```text
//! e ‖ height ‖ number        Event, …                               events of a height
//! l ‖ leaf                   height (8) ‖ transaction (4) …         which transactions leaves are
//! m ‖ level ‖ number         hash (32) …                            nodes of the audit log
//! u ‖ time ‖ height ‖ number time (8) ‖ transaction id (32) …       ids used up, until when they matter
//! ```
//!
//! An element is in the last run that begins at or before it, or nowhere. Runs are never changed:
//! a block that is applied again writes the same ones.

use hefu_contracts::Event;
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::HashReader;
use hefu_primitives::{H32, Height, Millis, TxId};

use super::keys;
use crate::store::index::{MAX_SCAN_ROWS, Row, Write};
use crate::store::{Index, StoreError};

/// Most elements of a run of leaves or hashes: 32 KiB of these at most.
const MAX_RUN: usize = 1024;
/// Bytes of events after which another run begins; one event is far below what is left of a row.
const EVENT_RUN_BYTES: usize = 16 * 1024;
/// Runs read at a time.
const PAGE: usize = 16;

// --- Writing ---------------------------------------------------------------------------------

/// Rows of the events of a height.
pub(super) fn events(height: Height, events: &[Event]) -> Vec<Write> {
    let mut rows = Vec::new();
    let (mut first, mut run, mut count) = (0, Vec::new(), 0);
    for event in events {
        if run.len() >= EVENT_RUN_BYTES {
            rows.push((keys::event(height, first), Some(std::mem::take(&mut run))));
            (first, count) = (first + count, 0);
        }
        run.extend(event.to_bytes());
        count += 1;
    }
    if count > 0 {
        rows.push((keys::event(height, first), Some(run)));
    }
    rows
}

/// Rows of the leaves that a height added, the first of them and the numbers of their transactions.
pub(super) fn leaves(height: Height, first: u64, numbers: &[u32]) -> Vec<Write> {
    let runs = numbers.chunks(MAX_RUN).enumerate().map(|(place, run)| {
        let mut row = height.0.to_be_bytes().to_vec();
        row.extend(run.iter().flat_map(|number| number.to_be_bytes()));
        (keys::leaf(first + (place * MAX_RUN) as u64), Some(row))
    });
    runs.collect()
}

/// Rows of nodes of the audit log, by level, number and hash, as appending gave them.
pub(super) fn log_nodes(mut nodes: Vec<(u8, u64, H32)>) -> Vec<Write> {
    nodes.sort_unstable_by_key(|(level, number, _)| (*level, *number));
    let follows =
        |left: &(u8, u64, H32), right: &(u8, u64, H32)| left.0 == right.0 && left.1 + 1 == right.1;
    let runs = nodes.chunk_by(follows).flat_map(|run| run.chunks(MAX_RUN)).map(|run| {
        let hashes = run.iter().flat_map(|(_, _, hash)| hash.0).collect();
        (keys::log_node(run[0].0, run[0].1), Some(hashes))
    });
    runs.collect()
}

/// Rows of the ids that a height used up: under the latest time of a run, so that those that are over
/// are found.
pub(super) fn used(height: Height, mut ids: Vec<(Millis, TxId)>) -> Vec<Write> {
    ids.sort_unstable();
    let runs = (0..).zip(ids.chunks(MAX_RUN)).filter_map(|(number, run)| {
        let (until, _) = run.last()?;
        let ids = run.iter().flat_map(|(time, id)| [&time.0.to_be_bytes()[..], &id.0].concat());
        Some((keys::used(*until, height, number), Some(ids.collect())))
    });
    runs.collect()
}

/// Rows that forget the ids that nobody may send any more since a time, after those of an earlier
/// one.
///
/// # Errors
/// Those of the store.
pub(super) fn forget_used(
    index: &dyn Index,
    since: Millis,
    now: Millis,
) -> Result<Vec<Write>, StoreError> {
    let at = |time| keys::used(time, Height(0), 0);
    let over = index.scan(&at(since), &at(now), MAX_SCAN_ROWS, false)?;
    Ok(over.into_iter().map(|(key, _)| (key, None)).collect())
}

// --- Reading ---------------------------------------------------------------------------------

/// At most `limit` events from a place on, to the end of the height `to`.
///
/// # Errors
/// Those of the store.
pub fn events_from(
    index: &dyn Index,
    (height, number): (Height, u32),
    to: Height,
    limit: usize,
) -> Result<Vec<(Height, u32, Event)>, StoreError> {
    let mut found = Vec::new();
    let end = keys::event(to.next(), 0);
    let within = run_of(index, keys::event(height, 0), keys::event(height, number))?;
    let mut from = within.map_or(keys::event(height, number), |(key, _)| key);
    while found.len() < limit {
        let rows = index.scan(&from, &end, PAGE, false)?;
        for (key, run) in &rows {
            let Some((of, first)) = place_of_event(key) else { continue };
            let numbered =
                (first..).zip(decode_events(run)).map(|(number, event)| (of, number, event));
            found.extend(numbered.filter(|(of, place, _)| (*of, *place) >= (height, number)));
        }
        match rows.last() {
            // The least key after the last one.
            Some((last, _)) if rows.len() == PAGE => from = [last.as_slice(), &[0]].concat(),
            _ => break,
        }
    }
    found.truncate(limit);
    Ok(found)
}

fn place_of_event(key: &[u8]) -> Option<(Height, u32)> {
    let height = u64::from_be_bytes(key.get(1..9)?.try_into().ok()?);
    Some((Height(height), u32::from_be_bytes(key.get(9..13)?.try_into().ok()?)))
}

fn decode_events(run: &[u8]) -> Vec<Event> {
    let mut decoder = minicbor::Decoder::new(run);
    let mut events = Vec::new();
    while decoder.position() < run.len()
        && let Ok(event) = decoder.decode()
    {
        events.push(event);
    }
    events
}

/// Hands over every id that is noted as used up, with the time until which it may be sent.
///
/// # Errors
/// Those of the store.
pub(super) fn each_used(
    index: &dyn Index,
    mut each: impl FnMut(Millis, TxId),
) -> Result<(), StoreError> {
    let mut from = vec![b'u'];
    loop {
        let rows = index.scan(&from, b"v", PAGE, false)?;
        for (_, run) in &rows {
            for entry in run.as_chunks::<40>().0 {
                let Some((time, id)) = entry.split_first_chunk::<8>() else { continue };
                let Ok(id) = id.try_into() else { continue };
                each(Millis(u64::from_be_bytes(*time)), TxId(id));
            }
        }
        match rows.last() {
            Some((last, _)) if rows.len() == PAGE => from = [last.as_slice(), &[0]].concat(),
            _ => return Ok(()),
        }
    }
}

/// Height and number of the transaction that is a leaf; none for leaf 0, the genesis, and beyond the
/// end.
///
/// # Errors
/// Those of the store.
pub fn leaf(index: &dyn Index, number: u64) -> Result<Option<(Height, u32)>, StoreError> {
    let run = run_of(index, keys::leaf(0), keys::leaf(number))?;
    Ok(run.and_then(|(key, run)| {
        let first = u64::from_be_bytes(key.get(1..9)?.try_into().ok()?);
        let (height, numbers) = run.split_first_chunk::<8>()?;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        let number = numbers.as_chunks::<4>().0.get(at)?;
        Some((Height(u64::from_be_bytes(*height)), u32::from_be_bytes(*number)))
    }))
}

/// A node of the audit log.
///
/// # Errors
/// Those of the store.
pub fn log_node(index: &dyn Index, level: u8, number: u64) -> Result<Option<H32>, StoreError> {
    let run = run_of(index, keys::log_node(level, 0), keys::log_node(level, number))?;
    Ok(run.and_then(|(key, run)| {
        let first = u64::from_be_bytes(key.get(2..10)?.try_into().ok()?);
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        run.as_chunks::<32>().0.get(at).copied().map(H32)
    }))
}

/// The hashes of a level from one number to before another, or as many as there are without a gap.
///
/// # Errors
/// Those of the store.
pub fn hashes(
    index: &dyn Index,
    level: u8,
    numbers: std::ops::Range<u64>,
) -> Result<Vec<u8>, StoreError> {
    let wanted = usize::try_from(numbers.end.saturating_sub(numbers.start)).unwrap_or(usize::MAX);
    let mut found: Vec<u8> = Vec::with_capacity(32 * wanted.min(MAX_RUN));
    while found.len() / 32 < wanted {
        let next = numbers.start + (found.len() / 32) as u64;
        let run = run_of(index, keys::log_node(level, 0), keys::log_node(level, next))?;
        let rest = run.and_then(|(key, run)| {
            let first = u64::from_be_bytes(key.get(2..10)?.try_into().ok()?);
            let at = usize::try_from(next.checked_sub(first)?).ok()?;
            run.get(at.checked_mul(32)?..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec)
        });
        match rest {
            Some(rest) => found.extend(rest),
            None => break,
        }
    }
    found.truncate(wanted.saturating_mul(32));
    Ok(found)
}

/// The last run that begins at `key` or before it, and not before `from`.
fn run_of(index: &dyn Index, from: Vec<u8>, mut key: Vec<u8>) -> Result<Option<Row>, StoreError> {
    key.push(0);
    Ok(index.scan(&from, &key, 1, true)?.into_iter().next())
}

/// The nodes of the audit log in the index.
pub struct IndexLog<'a>(pub &'a dyn Index);

impl HashReader for IndexLog<'_> {
    fn hash(&self, level: u8, number: u64) -> Option<H32> {
        log_node(self.0, level, number).ok()?
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use hefu_primitives::log::{Frontier, MemoryLog, inclusion_proof};

    use super::*;
    use crate::store::{EngineKind, open_index};

    fn empty() -> Arc<dyn Index> {
        open_index(EngineKind::Memory, Path::new("")).unwrap()
    }

    fn event(number: u32) -> Event {
        Event {
            transaction: number,
            act: 0,
            kind: "attested".to_owned(),
            subject: format!("att:{number:032}"),
            actor: "11310000HEFU01010W".parse().unwrap(),
            region: hefu_primitives::Region(310_000),
            flags: Vec::new(),
        }
    }

    #[test]
    fn events_are_found_from_any_place_on() {
        let index = empty();
        let counts = [0u32, 1, 700, 3, 0, 2];
        for (height, count) in (1u64..).zip(counts) {
            let all: Vec<Event> = (0..count).map(event).collect();
            let rows = events(Height(height), &all);
            assert_eq!(rows.len(), if count == 700 { 4 } else { count.min(1) as usize });
            index.apply(height, &rows).unwrap();
        }
        let all: Vec<(u64, u32)> =
            (1u64..).zip(counts).flat_map(|(h, count)| (0..count).map(move |n| (h, n))).collect();
        let places = |from: (u64, u32), to: u64, limit: usize| {
            let found = events_from(&*index, (Height(from.0), from.1), Height(to), limit).unwrap();
            assert!(found.iter().all(|(_, number, found)| *found == event(*number)));
            found.into_iter().map(|(height, number, _)| (height.0, number)).collect::<Vec<_>>()
        };
        let expected = |from, to, limit| {
            let within = all.iter().filter(|place| **place >= from && place.0 <= to);
            within.take(limit).copied().collect::<Vec<_>>()
        };
        let starts = [(0, 0), (1, 5), (2, 0), (2, 1), (3, 0), (3, 1), (3, 250), (3, 699), (3, 700)];
        for from in starts.into_iter().chain([(4, 1), (5, 0), (6, 1), (6, 2), (9, 0)]) {
            for (to, limit) in [(2, 9), (3, 10), (6, 1), (6, 300), (6, 9_999)] {
                assert_eq!(places(from, to, limit), expected(from, to, limit), "{from:?} {to}");
            }
        }
    }

    #[test]
    fn a_leaf_is_found_in_the_block_that_added_it() {
        let index = empty();
        let numbers: Vec<u32> = (0..2_500).map(|number| number * 2).collect();
        index.apply(1, &leaves(Height(7), 1, &numbers)).unwrap();
        index.apply(2, &leaves(Height(8), 2_501, &[4])).unwrap();
        for (leaf, number) in (1u64..).zip(&numbers) {
            assert_eq!(super::leaf(&*index, leaf).unwrap(), Some((Height(7), *number)));
        }
        assert_eq!(super::leaf(&*index, 2_501).unwrap(), Some((Height(8), 4)));
        for none in [0, 2_502, u64::MAX] {
            assert_eq!(super::leaf(&*index, none).unwrap(), None, "{none}");
        }
    }

    #[test]
    fn the_log_reads_its_nodes_from_runs_of_any_length() {
        let (index, mut log, mut memory) = (empty(), Frontier::default(), MemoryLog::new());
        for (height, count) in (1u64..).zip([1, 1, 5, 1, 2_100, 3, 64]) {
            let mut nodes = Vec::new();
            for number in 0..count {
                let leaf = H32([(height * 31 + number) as u8; 32]);
                memory.append(leaf).unwrap();
                log.append(leaf, &mut |level, at, hash| nodes.push((level, at, hash))).unwrap();
            }
            index.apply(height, &log_nodes(nodes)).unwrap();
            let read = Frontier::from_reader(&IndexLog(&*index), log.size()).unwrap();
            assert_eq!(read.root(), log.root());
        }
        for leaf in (0..log.size()).step_by(97) {
            let own = inclusion_proof(&IndexLog(&*index), leaf, log.size()).unwrap();
            assert_eq!(own, inclusion_proof(&memory, leaf, log.size()).unwrap());
        }
        let size = log.size();
        for range in [0..size, 0..1, 6..7, 7..2_000, 1_030..1_031, 2_100..size, size - 1..size] {
            let all = hashes(&*index, 0, range.clone()).unwrap();
            let one = range.flat_map(|n| log_node(&*index, 0, n).unwrap().unwrap().0);
            assert_eq!(all, one.collect::<Vec<u8>>());
        }
        assert_eq!(hashes(&*index, 0, size - 1..size + 5).unwrap().len(), 32);
        assert_eq!(hashes(&*index, 40, 0..5).unwrap(), Vec::<u8>::new());
        assert_eq!(log_node(&*index, 0, size).unwrap(), None);
    }

    #[test]
    fn used_ids_are_found_again_until_their_time_is_over() {
        let index = empty();
        let id = |number: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            TxId(bytes)
        };
        let many = MAX_RUN as u32 + 3;
        let of_height = |height: u64, until: u64, ids: std::ops::Range<u32>| {
            let ids = ids.map(|number| (Millis(until + u64::from(number % 7)), id(number)));
            index.apply(height, &used(Height(height), ids.collect())).unwrap();
        };
        of_height(1, 1_000, 0..many);
        of_height(2, 1_000, many..many + 1);
        of_height(3, 5_000, many + 1..many + 2);
        let noted = || {
            let mut found = Vec::new();
            each_used(index.as_ref(), |time, id| found.push((time, id))).unwrap();
            found.sort_unstable_by_key(|(_, id)| *id);
            found
        };
        let all = noted();
        assert!(all.iter().map(|(_, found)| *found).eq((0..many + 2).map(id)));
        assert_eq!(all[5].0, Millis(1_005));
        let forget = |height, since, now| {
            let over = forget_used(index.as_ref(), Millis(since), Millis(now)).unwrap();
            index.apply(height, &over).unwrap();
            over.len()
        };
        assert_eq!(forget(4, 0, 1_000), 0, "they may still be sent");
        assert_eq!(forget(5, 1_000, 2_000), 3);
        assert_eq!(noted(), [(Millis(5_000 + u64::from((many + 1) % 7)), id(many + 1))]);
        assert_eq!(forget(6, 2_000, 9_000), 1);
        assert_eq!((noted(), forget(7, 9_000, 10_000)), (Vec::new(), 0));
    }
}
