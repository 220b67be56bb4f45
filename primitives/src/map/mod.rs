//! The authenticated map: a compact binary sparse Merkle tree over BLAKE3.
//!
//! 1. A key's path is 256 bits, `hash(MapKey, key)`; bit 0 is the top bit of the first byte, and
//!    a zero bit goes left.
//! 2. The root over no key is [`H32::ZERO`]; over one key, that key's leaf,
//!    `hash(MapLeaf, path ‖ value hash)`, whatever the depth; over more,
//!    `hash(MapNode, left ‖ right)` of the keys whose next bit is 0 and 1.
//! 3. So the root depends on the keys and values alone, never on the order of changes.
//! 4. Changes come in one batch a block. A node is hashed once in a batch, and only if something
//!    below it changed.
//!
//! In memory a branch holds its own hash and two links, 40 bytes; a leaf its path and value hash,
//! 64 bytes, its own hash being recomputed when wanted. With 1.44 branches to a leaf that makes
//! about 122 bytes a key.
//!
//! Recursion goes as deep as the tree, log2(n) and a little; 256 levels at the very most, since
//! two paths differ in one of their 256 bits.
//!
//! This module does not know what a key or a value means, nor where the records themselves are.

mod arena;
mod proof;
mod shared;

pub use proof::{MapProof, MapProofError, ProofEnd};
pub use shared::{Claim, OtherLeaf, SharedEnd, SharedProof};

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use self::arena::Arena;
use crate::hash::{self, Domain, H32};

/// Number of bits of a path: the greatest depth of a leaf.
pub const MAX_DEPTH: usize = 256;

/// One change: a path, and the hash of its new value or `None` to remove it.
pub type Change = (H32, Option<H32>);

/// Where a key stands in the map.
pub fn path_of(key: &[u8]) -> H32 {
    hash::hash(Domain::MapKey, &[key])
}

/// What the map holds for a record: the hash of its canonical bytes.
pub fn value_hash(record: &[u8]) -> H32 {
    hash::hash(Domain::Record, &[record])
}

/// The map of every record that can change.
#[derive(Clone)]
pub struct AuthenticatedMap {
    leaves: Arena<Leaf>,
    branches: Arena<Branch>,
    root: Link,
    root_hash: H32,
    hasher: NodeHasher,
}

impl AuthenticatedMap {
    /// An empty map.
    pub fn new() -> Self {
        Self {
            leaves: Arena::new(),
            branches: Arena::new(),
            root: Link::EMPTY,
            root_hash: H32::ZERO,
            hasher: NodeHasher::new(),
        }
    }

    /// The root over everything in the map.
    pub fn root(&self) -> H32 {
        self.root_hash
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value hash at `path`.
    pub fn get(&self, path: &H32) -> Option<H32> {
        let mut link = self.root;
        let mut depth = 0;
        loop {
            match link.kind() {
                Kind::Empty => return None,
                Kind::Leaf(slot) => {
                    let leaf = self.leaves.get(slot);
                    return (leaf.path == *path).then_some(leaf.value);
                }
                Kind::Branch(slot) => link = self.branches.get(slot).child(bit(path, depth)),
            }
            depth = depth.saturating_add(1);
        }
    }

    /// Applies one batch and returns the new root.
    ///
    /// The order of changes to different paths does not matter. Of several changes to one path
    /// the last wins, as in a write set. Removing what is not there changes nothing.
    pub fn update(&mut self, batch: impl IntoIterator<Item = Change>) -> H32 {
        let mut changes: Vec<Change> = batch.into_iter().collect();
        // The sort keeps the order of equal paths; from the back, the first one seen is kept.
        changes.sort_by_key(|(path, _)| *path);
        changes.reverse();
        changes.dedup_by_key(|(path, _)| *path);
        changes.reverse();
        let edit = self.apply(self.root, 0, &changes);
        self.root = edit.link;
        if let Some(hash) = edit.hash {
            self.root_hash = hash;
        }
        self.root_hash
    }

    /// The batch that takes `batch` back once it has been applied: a block that was executed to
    /// be proposed or voted on need not be the one decided.
    pub fn inverse(&self, batch: &[Change]) -> Vec<Change> {
        batch.iter().map(|(path, _)| (*path, self.get(path))).collect()
    }

    /// Proves what is, or that nothing is, at `path`.
    pub fn prove(&self, path: &H32) -> MapProof {
        let mut siblings = Vec::new();
        let mut link = self.root;
        loop {
            let end = match link.kind() {
                Kind::Empty => ProofEnd::Empty,
                Kind::Leaf(slot) => self.leaves.get(slot).end_for(path),
                Kind::Branch(slot) => {
                    let branch = self.branches.get(slot);
                    let side = bit(path, siblings.len());
                    let sibling = branch.child(!side);
                    siblings.push((sibling != Link::EMPTY).then(|| self.hash_at(sibling)));
                    link = branch.child(side);
                    continue;
                }
            };
            return MapProof { siblings, end };
        }
    }

    /// Applies changes, sorted and to distinct paths, to the subtree at `link`; all of their
    /// paths agree with it in the first `depth` bits.
    fn apply(&mut self, link: Link, depth: usize, changes: &[Change]) -> Edit {
        match (link.kind(), changes) {
            (_, []) => Edit::none(link),
            (Kind::Empty, [(_, None)]) => Edit::none(link),
            (Kind::Empty, [(path, Some(value))]) => {
                self.insert(Leaf { path: *path, value: *value })
            }
            (Kind::Empty, _) => self.divide([Link::EMPTY; 2], None, depth, changes),
            (Kind::Leaf(slot), _) => self.apply_to_leaf(slot, depth, changes),
            (Kind::Branch(slot), _) => {
                let children = self.branches.get(slot).children;
                self.divide(children, Some(slot), depth, changes)
            }
        }
    }

    fn insert(&mut self, leaf: Leaf) -> Edit {
        let hash = self.hasher.leaf(&leaf);
        Edit { link: Link::leaf(self.leaves.insert(leaf)), hash: Some(hash) }
    }

    fn apply_to_leaf(&mut self, slot: u32, depth: usize, changes: &[Change]) -> Edit {
        let link = Link::leaf(slot);
        let leaf = self.leaves.get(slot);
        match changes {
            [(path, Some(value))] if *path == leaf.path => {
                if *value == leaf.value {
                    return Edit::none(link);
                }
                let leaf = Leaf { path: *path, value: *value };
                self.leaves.set(slot, leaf);
                Edit { link, hash: Some(self.hasher.leaf(&leaf)) }
            }
            [(path, None)] if *path == leaf.path => {
                self.leaves.remove(slot);
                Edit { link: Link::EMPTY, hash: Some(H32::ZERO) }
            }
            [(_, None)] => Edit::none(link),
            // Push the leaf down its side; the changes part from it or meet it there.
            _ => {
                let children =
                    if bit(&leaf.path, depth) { [Link::EMPTY, link] } else { [link, Link::EMPTY] };
                self.divide(children, None, depth, changes)
            }
        }
    }

    /// Applies the changes to both children and joins them again, in the branch at `slot` if the
    /// children had one.
    fn divide(
        &mut self,
        [left, right]: [Link; 2],
        slot: Option<u32>,
        depth: usize,
        changes: &[Change],
    ) -> Edit {
        let middle = changes.partition_point(|(path, _)| !bit(path, depth));
        let (to_left, to_right) = changes.split_at(middle);
        let below = depth.saturating_add(1);
        let left = self.apply(left, below, to_left);
        let right = self.apply(right, below, to_right);
        self.join(slot, left, right)
    }

    /// The subtree over two children: nothing over nothing, the leaf over a single leaf, else a
    /// branch.
    fn join(&mut self, slot: Option<u32>, left: Edit, right: Edit) -> Edit {
        let changed = left.hash.is_some() || right.hash.is_some();
        if let (Some(slot), false) = (slot, changed) {
            return Edit::none(Link::branch(slot));
        }
        let lone = match (left.link.kind(), right.link.kind()) {
            (Kind::Empty, Kind::Empty | Kind::Leaf(_)) => Some(right),
            (Kind::Leaf(_), Kind::Empty) => Some(left),
            _ => None,
        };
        if let Some(lone) = lone {
            if let Some(slot) = slot {
                self.branches.remove(slot);
            }
            return Edit { link: lone.link, hash: changed.then(|| self.hash_after(lone)) };
        }
        let hash = self.hasher.node(self.hash_after(left), self.hash_after(right));
        let branch = Branch { hash, children: [left.link, right.link] };
        let slot = match slot {
            Some(slot) => {
                self.branches.set(slot, branch);
                slot
            }
            None => self.branches.insert(branch),
        };
        Edit { link: Link::branch(slot), hash: Some(hash) }
    }

    fn hash_after(&self, edit: Edit) -> H32 {
        edit.hash.unwrap_or_else(|| self.hash_at(edit.link))
    }

    fn hash_at(&self, link: Link) -> H32 {
        match link.kind() {
            Kind::Empty => H32::ZERO,
            Kind::Leaf(slot) => self.hasher.leaf(&self.leaves.get(slot)),
            Kind::Branch(slot) => self.branches.get(slot).hash,
        }
    }
}

impl Default for AuthenticatedMap {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for AuthenticatedMap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AuthenticatedMap")
            .field("root", &self.root_hash)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Leaf {
    path: H32,
    value: H32,
}

impl Leaf {
    fn end_for(self, path: &H32) -> ProofEnd {
        if self.path == *path {
            ProofEnd::Value(self.value)
        } else {
            ProofEnd::Other { path: self.path, value: self.value }
        }
    }
}

#[derive(Clone, Copy)]
struct Branch {
    hash: H32,
    children: [Link; 2],
}

impl Branch {
    fn child(&self, right: bool) -> Link {
        let [left, other] = self.children;
        if right { other } else { left }
    }
}

/// A child, packed: all ones for none, else a slot number, the top bit telling leaf from branch.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(u32);

enum Kind {
    Empty,
    Leaf(u32),
    Branch(u32),
}

impl Link {
    const EMPTY: Self = Self(u32::MAX);
    const LEAF_BIT: u32 = 1 << 31;

    fn leaf(slot: u32) -> Self {
        Self(slot | Self::LEAF_BIT)
    }

    fn branch(slot: u32) -> Self {
        Self(slot)
    }

    fn kind(self) -> Kind {
        if self == Self::EMPTY {
            Kind::Empty
        } else if self.0 & Self::LEAF_BIT != 0 {
            Kind::Leaf(self.0 & !Self::LEAF_BIT)
        } else {
            Kind::Branch(self.0)
        }
    }
}

/// What became of a subtree: its link, and its hash if it is not what it was.
#[derive(Clone, Copy)]
struct Edit {
    link: Link,
    hash: Option<H32>,
}

impl Edit {
    fn none(link: Link) -> Self {
        Self { link, hash: None }
    }
}

/// The two node hashes with their contexts hashed once: half the work of [`hash::hash`].
#[derive(Clone)]
struct NodeHasher {
    leaf: ContextKey,
    node: ContextKey,
}

impl NodeHasher {
    fn new() -> Self {
        Self {
            leaf: hash_derive_key_context(Domain::MapLeaf.context()),
            node: hash_derive_key_context(Domain::MapNode.context()),
        }
    }

    fn leaf(&self, leaf: &Leaf) -> H32 {
        Self::pair(&self.leaf, leaf.path, leaf.value)
    }

    fn node(&self, left: H32, right: H32) -> H32 {
        Self::pair(&self.node, left, right)
    }

    fn pair(context: &ContextKey, first: H32, second: H32) -> H32 {
        let mut hasher = blake3::Hasher::new_from_context_key(context);
        hasher.update(first.as_bytes()).update(second.as_bytes());
        H32(*hasher.finalize().as_bytes())
    }
}

/// Bit `depth` of a path; beyond the last, zero.
fn bit(path: &H32, depth: usize) -> bool {
    let byte = path.0.get(depth / 8).copied().unwrap_or(0);
    byte & (0x80 >> (depth % 8)) != 0
}

#[cfg(test)]
mod tests;
