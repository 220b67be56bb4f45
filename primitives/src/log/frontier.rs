//! The right edge of the log: what appending needs, and nothing more.
//!
//! Invariant: `peaks` holds one hash for each one-bit of `size`, largest subtree first. Decoding
//! refuses anything else.

use minicbor::{Decode, Decoder, Encode, decode};

use super::{EMPTY_ROOT, HashReader, LogError, LogHead, MAX_LEAVES, node_hash};
use crate::hash::H32;

/// Size and complete-subtree roots of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct Frontier {
    #[n(0)]
    size: u64,
    #[n(1)]
    peaks: Vec<H32>,
}

impl Frontier {
    /// Most bytes an encoded frontier has: 48 peaks of 34 bytes and the heads.
    pub const MAX_BYTES: usize = 2048;

    /// Continues a stored log of `size` leaves.
    ///
    /// # Errors
    /// [`LogError`] when a stored hash is missing or the size is over the bound.
    pub fn from_reader<R: HashReader + ?Sized>(reader: &R, size: u64) -> Result<Self, LogError> {
        if size > MAX_LEAVES {
            return Err(LogError::TooLarge { size });
        }
        let mut peaks = Vec::with_capacity(size.count_ones() as usize);
        for level in (0..u64::BITS as u8).rev() {
            // The peak of this level, where there is one, is the last complete subtree in it; a
            // level's count of complete subtrees is odd exactly then.
            let complete = size.wrapping_shr(u32::from(level));
            if complete & 1 == 1 {
                peaks.push(read(reader, level, complete.saturating_sub(1))?);
            }
        }
        Ok(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root over all leaves.
    pub fn root(&self) -> H32 {
        let fold = |right, left: &H32| node_hash(*left, right);
        match self.peaks.split_last() {
            Some((last, larger)) => larger.iter().rev().fold(*last, fold),
            None => EMPTY_ROOT,
        }
    }

    /// Size and root together.
    pub fn head(&self) -> LogHead {
        LogHead { size: self.size, root: self.root() }
    }

    /// Appends a leaf by its hash and hands every node that became complete to `sink`, as (level,
    /// index in the level, hash), the leaf first.
    ///
    /// # Errors
    /// [`LogError::TooLarge`] when the log is full; nothing is changed then.
    pub fn append(
        &mut self,
        leaf: H32,
        sink: &mut impl FnMut(u8, u64, H32),
    ) -> Result<(), LogError> {
        if self.size >= MAX_LEAVES {
            return Err(LogError::TooLarge { size: self.size.saturating_add(1) });
        }
        let (mut level, mut index, mut hash) = (0u8, self.size, leaf);
        sink(level, index, hash);
        while index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(left, hash);
            level = level.saturating_add(1);
            index >>= 1;
            sink(level, index, hash);
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
        debug_assert_eq!(self.peaks.len(), self.size.count_ones() as usize);
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Frontier {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("frontier: two items expected"));
        }
        let size = d.u64()?;
        let peaks = Vec::<H32>::decode(d, context)?;
        if size > MAX_LEAVES || peaks.len() != size.count_ones() as usize {
            return Err(decode::Error::message("frontier: peaks do not fit the size"));
        }
        Ok(Self { size, peaks })
    }
}

/// A stored hash, or the error that names it.
pub(super) fn read<R: HashReader + ?Sized>(
    reader: &R,
    level: u8,
    index: u64,
) -> Result<H32, LogError> {
    reader.hash(level, index).ok_or(LogError::Missing { level, index })
}
