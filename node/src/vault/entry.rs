//! What the frames of the vault's log say.

use hefu_primitives::H32;
use hefu_primitives::ids::{Id16, TxId};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::batch::Batch;
use super::record::{Erased, Record};

/// A line of an import file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct LineKey {
    /// Digest of the file.
    #[n(0)]
    pub(super) file: H32,
    /// Number of the line, from 1.
    #[n(1)]
    pub(super) line: u32,
}

/// Lines from a first to a last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct LineRange {
    #[n(0)]
    pub(super) first: u32,
    #[n(1)]
    pub(super) last: u32,
}

impl LineRange {
    /// The fewest ranges that hold exactly these lines.
    pub(super) fn cover(lines: &[u32]) -> Vec<Self> {
        let mut lines = lines.to_vec();
        lines.sort_unstable();
        let mut ranges: Vec<Self> = Vec::new();
        for line in lines {
            match ranges.last_mut() {
                Some(range) if line <= range.last.saturating_add(1) => range.last = line,
                _ => ranges.push(Self { first: line, last: line }),
            }
        }
        ranges
    }
}

/// What became of a submitted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// It is on the ledger.
    #[n(0)]
    Applied {
        /// Height of its block.
        #[n(0)]
        height: u64,
    },
    /// It was refused, in a block or before.
    #[n(1)]
    Refused {
        /// The error code, 415 for E415.
        #[n(0)]
        code: u16,
    },
    /// It was not committed before its `not_after`, and no longer can be: its lines may be put
    /// into another transaction.
    #[n(2)]
    Lapsed,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum Entry {
    /// A record.
    #[n(0)]
    Put(#[n(0)] Box<Record>),
    /// What is left of one.
    #[n(1)]
    Erased(#[n(0)] Erased),
    /// A record decided for a line of an import: both in one frame, so neither without the other.
    #[n(2)]
    Planned(#[n(0)] LineKey, #[n(1)] Box<Record>),
    /// A line whose record stands in another frame: it was erased since, or is the document of
    /// another line too.
    #[n(3)]
    Line(#[n(0)] LineKey, #[n(1)] Id16),
    /// A transaction about to be submitted for lines of a file.
    #[n(4)]
    Staged {
        #[n(0)]
        file: H32,
        #[n(1)]
        lines: Vec<LineRange>,
        #[n(2)]
        tx_id: TxId,
        #[n(3)]
        bytes: ByteVec,
    },
    /// What became of it.
    #[n(5)]
    Settled {
        #[n(0)]
        file: H32,
        #[n(1)]
        lines: Vec<LineRange>,
        #[n(2)]
        tx_id: TxId,
        #[n(3)]
        outcome: Outcome,
    },
    /// A batch whose leaves follow.
    #[n(6)]
    Batch(#[n(0)] Batch),
    /// A leaf of a batch.
    #[n(7)]
    Leaf {
        #[n(0)]
        batch: Id16,
        #[n(1)]
        leaf: u32,
        #[n(2)]
        att_id: Id16,
        /// Its hash in the tree of the batch.
        #[n(3)]
        hash: H32,
        /// The act that it is the body of: what was committed to, byte for byte.
        #[n(4)]
        body: ByteVec,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_exactly_the_lines() {
        let range = |first, last| LineRange { first, last };
        assert_eq!(LineRange::cover(&[]), []);
        assert_eq!(LineRange::cover(&[3, 1, 2, 2]), [range(1, 3)]);
        assert_eq!(LineRange::cover(&[1, 3, 4, 9]), [range(1, 1), range(3, 4), range(9, 9)]);
        assert_eq!(LineRange::cover(&[u32::MAX, 0]), [range(0, 0), range(u32::MAX, u32::MAX)]);
    }
}
