//! Which records certainly are not there, told from memory.
//!
//! Most of what acts look for is the id of something new. An index in sorted runs is at its slowest
//! with a key that it does not hold: every run is asked. This is a Bloom filter in blocks of one cache
//! line (Putze, Sanders, Singler, *Cache-, hash- and space-efficient Bloom filters*, 2007) over the keys
//! of all records, at sixteen bits a key; it grows by layers, each eight times as large.
//!
//! 1. A record is noted before it can be read: what was ever written is never said to be absent.
//! 2. What is said to be there may be absent: the index knows (under 1 % of what is absent).
//! 3. Memory is bounded: past [`MAX_LAYERS`] everything may be there. Ids of transactions are kept by
//!    the hour in which they expire, and an hour that is over is let go.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use hefu_contracts::exec::SEEN;
use hefu_primitives::Millis;

/// Keys of the first layer.
const FIRST: usize = 1 << 13;
/// How many times as large the next layer is, as a power of two.
const GROWTH: usize = 3;
/// 2^13, 2^16, … 2^25 keys: 72 MiB for 38 million.
const MAX_LAYERS: usize = 5;
/// Words of a block: a cache line.
const BLOCK: usize = 8;
/// Keys of a block.
const KEYS_OF_BLOCK: usize = 32;
/// Bits set for a key, each in another nine bits of its hash.
const BITS: u32 = 5;
const HOUR_MS: u64 = 3_600_000;

/// Which records may be there.
#[derive(Default)]
pub(super) struct Presence {
    hasher: RandomState,
    records: Layers,
    seen: RwLock<Seen>,
}

/// Ids of transactions, by the hour in which they expire.
#[derive(Default)]
struct Seen {
    hours: BTreeMap<u64, Layers>,
    /// Hours before this one were let go.
    from: u64,
}

impl Presence {
    /// Notes a record that is about to be written.
    pub(super) fn note(&self, record: &[u8]) {
        let hash = self.hasher.hash_one(record);
        let Some(hour) = expiry(record) else { return self.records.add(hash) };
        if let Some(layers) =
            self.seen.read().unwrap_or_else(PoisonError::into_inner).hours.get(&hour)
        {
            return layers.add(hash);
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if hour >= seen.from {
            seen.hours.entry(hour).or_default().add(hash);
        }
    }

    /// Whether a record certainly is not there.
    pub(super) fn lacks(&self, record: &[u8]) -> bool {
        let hash = self.hasher.hash_one(record);
        let Some(hour) = expiry(record) else { return !self.records.may_have(hash) };
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        hour >= seen.from && seen.hours.get(&hour).is_none_or(|layers| !layers.may_have(hash))
    }

    /// Lets go of transactions that expired before a time.
    pub(super) fn forget(&self, before: Millis) {
        let from = before.0 / HOUR_MS;
        if self.seen.read().unwrap_or_else(PoisonError::into_inner).from < from {
            let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
            seen.from = from;
            seen.hours = seen.hours.split_off(&from);
        }
    }
}

/// The hour in which a transaction expires whose id this record is; none for other records.
fn expiry(record: &[u8]) -> Option<u64> {
    let (table, rest) = record.split_first()?;
    let time = (*table == SEEN.prefix()).then(|| rest.first_chunk::<8>()).flatten()?;
    Some(u64::from_be_bytes(*time) / HOUR_MS)
}

/// Layers of a filter; keys are added to the last one.
#[derive(Default)]
struct Layers(RwLock<Vec<Layer>>);

impl Layers {
    fn may_have(&self, hash: u64) -> bool {
        let layers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        layers.len() > MAX_LAYERS || layers.iter().any(|layer| layer.has(hash))
    }

    fn add(&self, hash: u64) {
        loop {
            let layers = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let full = layers.len() > MAX_LAYERS;
            // What may be there already stays so.
            if full || layers.iter().any(|layer| layer.has(hash)) {
                return;
            }
            if layers.last().is_some_and(|layer| layer.add(hash)) {
                return;
            }
            let grown = layers.len();
            drop(layers);
            let mut layers = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if layers.len() == grown {
                // One layer too many says that there were too many keys; it holds none.
                let keys = if grown < MAX_LAYERS { FIRST << (GROWTH * grown) } else { 0 };
                layers.push(Layer::of(keys));
            }
        }
    }
}

/// A filter for so many keys.
struct Layer {
    words: Box<[AtomicU64]>,
    room: AtomicUsize,
}

impl Layer {
    fn of(keys: usize) -> Self {
        let blocks = (keys / KEYS_OF_BLOCK).next_power_of_two();
        let words = std::iter::repeat_with(AtomicU64::default).take(blocks * BLOCK).collect();
        Self { words, room: AtomicUsize::new(keys) }
    }

    /// Adds a key, unless there is no room.
    fn add(&self, hash: u64) -> bool {
        let take = |room: usize| room.checked_sub(1);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return false;
        }
        for (word, bit) in self.bits(hash) {
            word.fetch_or(bit, Ordering::Release);
        }
        true
    }

    fn has(&self, hash: u64) -> bool {
        self.bits(hash).all(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// The words and bits of a key: the upper bits of its hash choose the block.
    fn bits(&self, hash: u64) -> impl Iterator<Item = (&AtomicU64, u64)> {
        let blocks = (self.words.len() / BLOCK) as u64;
        let block = ((u128::from(hash) * u128::from(blocks)) >> 64) as usize * BLOCK;
        // The block takes the upper bits: what chooses within it is mixed anew.
        let within = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 19;
        (0..BITS).filter_map(move |number| {
            let place = within >> (9 * number);
            let word = self.words.get(block + (place >> 6) as usize % BLOCK)?;
            Some((word, 1 << (place & 63)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::TxId;

    fn record(number: u32) -> Vec<u8> {
        [&[0x21][..], &number.to_be_bytes()].concat()
    }

    #[test]
    fn what_was_noted_is_never_lacking_and_little_else_is_there() {
        let presence = Presence::default();
        let many = (FIRST + (FIRST << GROWTH)) as u32 + 1_000;
        for number in 0..many {
            presence.note(&record(number));
        }
        assert!((0..many).all(|number| !presence.lacks(&record(number))));
        assert_eq!(presence.records.0.read().unwrap().len(), 3);
        let wrong = (many..2 * many).filter(|number| !presence.lacks(&record(*number))).count();
        assert!(wrong < many as usize / 50, "{wrong} of {many}");
    }

    #[test]
    fn every_thread_sees_what_was_noted_before_it_was_told() {
        let presence = Presence::default();
        let told = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200_000u32 {
                    presence.note(&record(number));
                    told.store(number as usize, Ordering::Release);
                }
            });
            scope.spawn(|| {
                while told.load(Ordering::Acquire) < 199_999 {
                    let number = told.load(Ordering::Acquire) as u32;
                    assert!(number == 0 || !presence.lacks(&record(number)));
                }
            });
        });
    }

    #[test]
    fn transactions_are_let_go_by_the_hour() {
        let presence = Presence::default();
        let seen = |hour: u64, id: u8| SEEN.key(&(Millis(hour * HOUR_MS + 7), TxId([id; 32])));
        presence.note(&seen(10, 1));
        presence.note(&seen(11, 2));
        assert!(!presence.lacks(&seen(10, 1)) && !presence.lacks(&seen(11, 2)));
        assert!(presence.lacks(&seen(10, 3)) && presence.lacks(&seen(12, 3)));
        presence.forget(Millis(11 * HOUR_MS));
        assert!(!presence.lacks(&seen(10, 1)), "nobody knows any more");
        assert!(!presence.lacks(&seen(11, 2)) && presence.lacks(&seen(11, 3)));
        presence.note(&seen(10, 4));
        assert_eq!(presence.seen.read().unwrap().hours.len(), 1, "an hour that is over stays over");
    }

    #[test]
    fn too_many_keys_may_all_be_there() {
        let layers = Layers::default();
        layers.add(1);
        assert!(!layers.may_have(2));
        layers.0.write().unwrap().resize_with(MAX_LAYERS + 1, || Layer::of(0));
        assert!(layers.may_have(2));
        layers.add(3);
        assert!(layers.may_have(3));
    }
}
