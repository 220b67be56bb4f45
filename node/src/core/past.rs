//! The authenticated map as it was after an earlier block.
//!
//! Two ways, both ending in a map whose root is compared with that block's header:
//!
//! 1. **Back and forth** ([`Past`]): what each of the last blocks replaced is kept in memory; taken
//!    back together, they make the map of an earlier height, which is read and put forward again.
//!    As much is kept as costs no commit a noticeable delay.
//! 2. **Anew** ([`map_at`]): the index keeps what every height replaced, so a map of any height is
//!    made from it, on a thread of its own and without the ledger.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hefu_contracts::state::{is_proven, successor};
use hefu_primitives::Height;
use hefu_primitives::map::{AuthenticatedMap, Change, path_of, value_hash};

use super::keys;
use crate::store::{Index, StoreError};

/// Most changes kept to be taken back: a fifth of a second there and back on one slow core, 1 MiB.
const MAX_CHANGES: usize = 16_384;
/// Rows read from the index at a time.
const SCAN: usize = 4_096;

/// What takes back the last blocks, the newest last.
#[derive(Default)]
pub(super) struct Past {
    blocks: VecDeque<(Height, Vec<Change>)>,
    changes: usize,
}

impl Past {
    /// Notes what takes back the block at a height.
    pub(super) fn push(&mut self, height: Height, undo: Vec<Change>) {
        self.changes += undo.len();
        self.blocks.push_back((height, undo));
        while self.changes > MAX_CHANGES
            && let Some((_, oldest)) = self.blocks.pop_front()
        {
            self.changes -= oldest.len();
        }
    }

    /// What makes the map of `height` out of that of `tip`; none when it is no longer kept.
    pub(super) fn back_to(&self, height: Height, tip: Height) -> Option<Vec<Change>> {
        let mut expected = tip;
        let mut back = BTreeMap::new();
        for (made, undo) in self.blocks.iter().rev() {
            if *made != expected || *made <= height {
                break;
            }
            // The earlier block's word is the older one.
            back.extend(undo.iter().copied());
            expected = made.previous();
        }
        (expected == height).then(|| back.into_iter().collect())
    }
}

/// The map after the block at `height`, made from the index alone. A commit meanwhile moves
/// records into the history, which is read last: nothing is missed.
///
/// # Errors
/// Those of the store.
pub(crate) fn map_at(
    index: &Arc<dyn Index>,
    height: Height,
) -> Result<AuthenticatedMap, StoreError> {
    let mut map = AuthenticatedMap::new();
    each(
        index,
        keys::state(&[]),
        |map_changes, key, value| {
            let Some((record, (written, value))) = key.get(1..).zip(split(value)) else { return };
            if is_proven(record) && written <= height {
                map_changes.push((path_of(record), Some(value_hash(value))));
            }
        },
        &mut map,
    )?;
    each(
        index,
        b"h".to_vec(),
        |map_changes, key, value| {
            let Some(((record, replaced), (written, value))) =
                key.get(1..).and_then(|key| key.split_last_chunk::<8>()).zip(split(value))
            else {
                return;
            };
            let until = Height(u64::from_be_bytes(*replaced));
            if is_proven(record) && written <= height && height < until {
                map_changes.push((path_of(record), Some(value_hash(value))));
            }
        },
        &mut map,
    )?;
    Ok(map)
}

/// Reads all rows under a prefix and puts what `pick` makes of them into the map, page by page.
fn each(
    index: &Arc<dyn Index>,
    prefix: Vec<u8>,
    pick: impl Fn(&mut Vec<Change>, &[u8], &[u8]),
    map: &mut AuthenticatedMap,
) -> Result<(), StoreError> {
    let (mut from, to) = (prefix.clone(), successor(&prefix));
    loop {
        let rows = index.scan(&from, &to, SCAN, false)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        from = [last.as_slice(), &[0]].concat();
        let mut changes = Vec::with_capacity(rows.len());
        for (key, value) in &rows {
            pick(&mut changes, key, value);
        }
        map.update(changes);
    }
}

fn split(stored: &[u8]) -> Option<(Height, &[u8])> {
    let (height, value) = stored.split_first_chunk::<8>()?;
    Some((Height(u64::from_be_bytes(*height)), value))
}
