//! Inclusion and consistency proofs (RFC 9162 §2.1.3 and §2.1.4): made from stored hashes, checked
//! with nothing but two hashes.
//!
//! Making a proof walks down from the root, one step for each level, and collects the subtree that
//! is left aside at each step. Checking one climbs the same path; the number of hashes used is
//! fixed by index and size, so a proof has at most 48 and exactly as many as it needs.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::frontier::read;
use super::{EMPTY_ROOT, HashReader, LogError, LogHead, MAX_LEAVES, decimal, node_hash};
use crate::hash::H32;

/// Proves that a leaf is in a log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// Position of the leaf, from 0.
    #[n(0)]
    #[serde(with = "decimal")]
    pub index: u64,
    /// Number of leaves of the log it is in.
    #[n(1)]
    #[serde(with = "decimal")]
    pub size: u64,
    /// Sibling hashes, from the leaf up.
    #[n(2)]
    pub path: Vec<H32>,
}

/// Proves that one log is the beginning of another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// Number of leaves of the older log.
    #[n(0)]
    #[serde(with = "decimal")]
    pub old: u64,
    /// Number of leaves of the newer log.
    #[n(1)]
    #[serde(with = "decimal")]
    pub new: u64,
    /// The hashes of RFC 9162 §2.1.4.1; none when the old log is empty or both are the same.
    #[n(2)]
    pub path: Vec<H32>,
}

/// Why a log proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// The proof is for a log of another size than the head's.
    #[error("the proof is for {found} leaves, the head has {expected}")]
    Size {
        /// Leaves of the head.
        expected: u64,
        /// Leaves the proof speaks of.
        found: u64,
    },
    /// The leaf's index, or the older size, is outside the log.
    #[error("{index} is outside a log of {size} leaves")]
    Range {
        /// Index or older size.
        index: u64,
        /// Leaves of the log.
        size: u64,
    },
    /// Too few or too many hashes.
    #[error("{found} hashes are not the number this proof needs")]
    Length {
        /// Hashes found.
        found: usize,
    },
    /// The hashes do not lead to the (newer) root.
    #[error("the proof does not lead to the root")]
    Root,
    /// The hashes do not lead to the older root.
    #[error("the proof does not lead to the older root")]
    OldRoot,
}

/// Proves that leaf `index` is in the first `size` leaves of the log.
///
/// # Errors
/// [`LogError`] when there is no such leaf or a stored hash is missing.
pub fn inclusion_proof<R: HashReader + ?Sized>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<InclusionProof, LogError> {
    if size > MAX_LEAVES {
        return Err(LogError::TooLarge { size });
    }
    if index >= size {
        return Err(LogError::Index { index, size });
    }
    let mut path = Vec::new();
    let mut here = Range { start: 0, count: size };
    while here.count > 1 {
        let (left, right) = here.halves();
        let inside_left = index < right.start;
        let (next, aside) = if inside_left { (left, right) } else { (right, left) };
        path.push(aside.root(reader)?);
        here = next;
    }
    path.reverse();
    Ok(InclusionProof { index, size, path })
}

/// Proves that the first `old` leaves are the beginning of the first `new`.
///
/// # Errors
/// [`LogError`] when `old > new` or a stored hash is missing.
pub fn consistency_proof<R: HashReader + ?Sized>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<ConsistencyProof, LogError> {
    if new > MAX_LEAVES {
        return Err(LogError::TooLarge { size: new });
    }
    if old > new {
        return Err(LogError::Order { old, new });
    }
    let mut path = Vec::new();
    let mut here = Range { start: 0, count: new };
    // Walk to the node whose right edge is the old log's right edge.
    while 0 < old && old < here.end() {
        let (left, right) = here.halves();
        let (next, aside) = if old <= right.start { (left, right) } else { (right, left) };
        path.push(aside.root(reader)?);
        here = next;
    }
    // A node that starts at 0 is the old root itself, which the verifier has.
    if here.start != 0 {
        path.push(here.root(reader)?);
    }
    path.reverse();
    Ok(ConsistencyProof { old, new, path })
}

impl InclusionProof {
    /// Most bytes an encoded proof has: 48 hashes of 34 bytes, two numbers and the heads.
    pub const MAX_BYTES: usize = 2048;

    /// Checks that the leaf with this hash is at [`index`](Self::index) of the log of `head`.
    ///
    /// # Errors
    /// [`LogProofError`] names the first check that failed.
    pub fn verify(&self, leaf: H32, head: LogHead) -> Result<(), LogProofError> {
        if self.size != head.size {
            return Err(LogProofError::Size { expected: head.size, found: self.size });
        }
        let root = self.root_from(leaf)?;
        if root == head.root { Ok(()) } else { Err(LogProofError::Root) }
    }

    /// The root to which the proof leads from a leaf, for whoever has a signature over a root and
    /// not the root.
    ///
    /// # Errors
    /// [`LogProofError`] when the proof has not the one length that fits index and size.
    pub fn root_from(&self, leaf: H32) -> Result<H32, LogProofError> {
        if self.index >= self.size {
            return Err(LogProofError::Range { index: self.index, size: self.size });
        }
        let mut climb = Climb { node: self.index, last: self.size.saturating_sub(1) };
        let mut root = leaf;
        for sibling in &self.path {
            root = match climb.step() {
                Some(Side::Left) => node_hash(*sibling, root),
                Some(Side::Right) => node_hash(root, *sibling),
                None => return Err(LogProofError::Length { found: self.path.len() }),
            };
        }
        if !climb.at_root() {
            return Err(LogProofError::Length { found: self.path.len() });
        }
        Ok(root)
    }
}

/// The same leaf in logs of two sizes. What stands to the left of the way from a leaf to the root are
/// the complete subtrees over all leaves before it, whatever the size; only what stands to the right
/// differs.
impl InclusionProof {
    /// The hashes to the right of the way, from the leaf up; none for a path that has not the one
    /// length that fits index and size.
    pub fn right_siblings(&self) -> Option<Vec<H32>> {
        let sides = self.sides()?;
        let right = self.path.iter().zip(sides).filter(|(_, side)| matches!(side, Side::Right));
        Some(right.map(|(hash, _)| *hash).collect())
    }

    /// The proof of the same leaf in the log of another size, of which the hashes to the right of
    /// the way are given; none when they are not as many as it has.
    pub fn resized(&self, size: u64, right: &[H32]) -> Option<Self> {
        let sides = self.sides()?;
        let left = self.path.iter().zip(sides).filter(|(_, side)| matches!(side, Side::Left));
        let mut left = left.map(|(hash, _)| *hash);
        let mut right = right.iter().copied();
        let mut path = Vec::new();
        for side in sides_of(self.index, size)? {
            path.push(match side {
                Side::Left => left.next()?,
                Side::Right => right.next()?,
            });
        }
        let whole = left.next().is_none() && right.next().is_none();
        whole.then_some(Self { index: self.index, size, path })
    }

    fn sides(&self) -> Option<Vec<Side>> {
        sides_of(self.index, self.size).filter(|sides| sides.len() == self.path.len())
    }
}

/// On which side each sibling stands, from the leaf up.
fn sides_of(index: u64, size: u64) -> Option<Vec<Side>> {
    if index >= size {
        return None;
    }
    let mut climb = Climb { node: index, last: size.saturating_sub(1) };
    Some(core::iter::from_fn(|| climb.step()).collect())
}

impl ConsistencyProof {
    /// Most bytes an encoded proof has: 49 hashes of 34 bytes, two numbers and the heads.
    pub const MAX_BYTES: usize = 2048;

    /// Checks that the log of `old` is the beginning of the log of `new`.
    ///
    /// # Errors
    /// [`LogProofError`] names the first check that failed.
    pub fn verify(&self, old: LogHead, new: LogHead) -> Result<(), LogProofError> {
        for (expected, found) in [(old.size, self.old), (new.size, self.new)] {
            if expected != found {
                return Err(LogProofError::Size { expected, found });
            }
        }
        if old.size > new.size {
            return Err(LogProofError::Range { index: old.size, size: new.size });
        }
        if old.size == 0 && old.root != EMPTY_ROOT {
            return Err(LogProofError::OldRoot);
        }
        if old.size == 0 || old.size == new.size {
            return self.verify_trivial(old, new);
        }
        self.verify_growth(old, new)
    }

    /// Nothing is the beginning of everything, and every log of itself: no hash is needed.
    fn verify_trivial(&self, old: LogHead, new: LogHead) -> Result<(), LogProofError> {
        if !self.path.is_empty() {
            return Err(LogProofError::Length { found: self.path.len() });
        }
        if old.size == new.size && old.root != new.root {
            return Err(LogProofError::Root);
        }
        Ok(())
    }

    fn verify_growth(&self, old: LogHead, new: LogHead) -> Result<(), LogProofError> {
        let wrong_length = LogProofError::Length { found: self.path.len() };
        let mut climb =
            Climb { node: old.size.saturating_sub(1), last: new.size.saturating_sub(1) };
        climb.skip_right_children();
        let mut rest = self.path.iter();
        // An old log of 2^k leaves is itself a node of the new one, and is left out of the path.
        let seed =
            if old.size.is_power_of_two() { old.root } else { *rest.next().ok_or(wrong_length)? };
        let (mut old_root, mut new_root) = (seed, seed);
        for hash in rest {
            match climb.step() {
                Some(Side::Left) => {
                    old_root = node_hash(*hash, old_root);
                    new_root = node_hash(*hash, new_root);
                }
                Some(Side::Right) => new_root = node_hash(new_root, *hash),
                None => return Err(wrong_length),
            }
        }
        if !climb.at_root() {
            return Err(wrong_length);
        }
        if old_root != old.root {
            return Err(LogProofError::OldRoot);
        }
        if new_root == new.root { Ok(()) } else { Err(LogProofError::Root) }
    }
}

/// A subtree, by its leaves: `start` is a multiple of the power of two that `count` rounds up to.
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    count: u64,
}

impl Range {
    fn end(self) -> u64 {
        self.start.saturating_add(self.count)
    }

    /// Splits at the largest power of two below `count`, which is at least 2.
    fn halves(self) -> (Self, Self) {
        let below = self.count.saturating_sub(1);
        let left = 1u64.wrapping_shl(below.checked_ilog2().unwrap_or(0));
        (
            Self { start: self.start, count: left },
            Self { start: self.start.saturating_add(left), count: self.count.saturating_sub(left) },
        )
    }

    /// The root of the subtree, from the complete subtrees it is made of.
    fn root<R: HashReader + ?Sized>(self, reader: &R) -> Result<H32, LogError> {
        let (mut end, mut rest) = (self.end(), self.count);
        let mut root = None;
        while rest != 0 {
            let level = rest.trailing_zeros();
            let width = 1u64.wrapping_shl(level);
            end = end.saturating_sub(width);
            rest &= !width;
            let peak = read(reader, level as u8, end.wrapping_shr(level))?;
            root = Some(match root {
                None => peak,
                Some(right) => node_hash(peak, right),
            });
        }
        Ok(root.unwrap_or(EMPTY_ROOT))
    }
}

/// Which side of us the next sibling stands on.
enum Side {
    Left,
    Right,
}

/// A position on the way from a node to the root, in a tree whose last node of each level is
/// known: RFC 9162's `fn` and `sn`.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    fn at_root(&self) -> bool {
        self.last == 0
    }

    /// Climbs to the next parent that has two children; `None` when already at the root.
    fn step(&mut self) -> Option<Side> {
        if self.at_root() {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // The last node of a level may have no sibling there: its parents are itself, up to
            // the first that is a right child.
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    /// Climbs while we are a right child: to the largest complete subtree that ends here.
    fn skip_right_children(&mut self) {
        while self.node & 1 == 1 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}
