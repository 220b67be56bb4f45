//! Where the map's nodes live: numbered slots in fixed chunks, freed slots used again.
//!
//! Chunks are never moved, so growth neither copies the whole map in the middle of a block nor
//! doubles its memory. This is the one place that would change if cold subtrees were paged out.

const CHUNK_SLOTS: usize = 1 << 12;

/// Slots of one kind of node.
#[derive(Clone)]
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
    live: usize,
}

impl<T: Copy> Arena<T> {
    /// Most slots: a link holds a slot in 31 bits, and keeps the highest number for "none".
    const MAX_SLOTS: usize = (1 << 31) - 1;

    pub(super) fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), live: 0 }
    }

    /// Number of slots in use.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Stores a node and tells its slot.
    ///
    /// # Panics
    /// When 2^31 - 1 nodes are stored, which no memory holds.
    pub(super) fn insert(&mut self, node: T) -> u32 {
        self.live = self.live.saturating_add(1);
        if let Some(slot) = self.free.pop() {
            self.set(slot, node);
            return slot;
        }
        // Nothing is free: all slots before this one are in use.
        let slot = self.live.saturating_sub(1);
        assert!(slot < Self::MAX_SLOTS, "the map's arena is full");
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_SLOTS => chunk.push(node),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK_SLOTS);
                chunk.push(node);
                self.chunks.push(chunk);
            }
        }
        slot as u32
    }

    /// Gives a slot back; the caller drops its number.
    pub(super) fn remove(&mut self, slot: u32) {
        self.live = self.live.saturating_sub(1);
        self.free.push(slot);
    }

    #[allow(clippy::indexing_slicing, reason = "a slot number comes from insert; else stop here")]
    pub(super) fn get(&self, slot: u32) -> T {
        let slot = slot as usize;
        self.chunks[slot / CHUNK_SLOTS][slot % CHUNK_SLOTS]
    }

    #[allow(clippy::indexing_slicing, reason = "a slot number comes from insert; else stop here")]
    pub(super) fn set(&mut self, slot: u32, node: T) {
        let slot = slot as usize;
        self.chunks[slot / CHUNK_SLOTS][slot % CHUNK_SLOTS] = node;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again() {
        let mut arena = Arena::new();
        let count = CHUNK_SLOTS as u32 + 3;
        for number in 0..count {
            assert_eq!(arena.insert(number), number);
        }
        arena.remove(1);
        arena.remove(CHUNK_SLOTS as u32);
        assert_eq!(arena.len(), count as usize - 2);
        assert_eq!(arena.insert(70), CHUNK_SLOTS as u32);
        assert_eq!(arena.insert(71), 1);
        assert_eq!(arena.insert(72), count);
        assert_eq!((arena.get(1), arena.get(count), arena.get(2)), (71, 72, 2));
        assert_eq!(arena.len(), count as usize + 1);
    }
}
