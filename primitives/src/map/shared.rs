//! Proofs of several paths of one map, written once: what one path shares with another, or what the
//! other gives away, is left out.
//!
//! The paths are walked together from the root, those with a zero bit first. Where every path that
//! is left goes to one side, the hash of the other side is written, 32 zero bytes for nothing; where
//! they part, nothing is. Where a path ends stand its depth and, when a key that nobody asked for
//! stands in the way, that key's leaf. So there is exactly one form for each set of proofs, and
//! [`SharedProof::unpack`] gives back the proofs that [`SharedProof::pack`] took.
//!
//! This module says nothing about the root: the proofs that come out are verified one by one.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::{MAX_DEPTH, MapProof, ProofEnd, bit};
use crate::hash::{self, Domain, H32};

/// A path, and the hash of its value or none.
pub type Claim = (H32, Option<H32>);

/// Proofs of several paths.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SharedProof {
    /// Hashes of the sides that no path goes to, 32 bytes each, in the order of the walk.
    #[n(0)]
    pub siblings: ByteVec,
    /// Where paths end, in the order of the paths.
    #[n(1)]
    pub ends: Vec<SharedEnd>,
}

/// Where one path ends, or several together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SharedEnd {
    /// Number of siblings on the way.
    #[n(0)]
    pub depth: u16,
    /// The leaf of a path that nobody asked for, alone here.
    #[n(1)]
    pub other: Option<OtherLeaf>,
}

/// A leaf in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OtherLeaf {
    /// Its path.
    #[n(0)]
    pub path: H32,
    /// Its value hash.
    #[n(1)]
    pub value: H32,
}

impl SharedProof {
    fn of_nothing() -> Self {
        Self { siblings: Vec::new().into(), ends: Vec::new() }
    }

    /// Writes proofs of distinct paths together; none when they are not of one map.
    pub fn pack(proofs: &[(Claim, &MapProof)]) -> Option<Self> {
        let mut sorted = proofs.to_vec();
        sorted.sort_by_key(|((path, _), _)| *path);
        let mut packed = Self::of_nothing();
        packed.add(&sorted, 0)?;
        // What does not come back as it was is no set of proofs of one map.
        let claims: Vec<Claim> = proofs.iter().map(|(claim, _)| *claim).collect();
        let back = packed.unpack(&claims)?;
        back.iter().eq(proofs.iter().map(|(_, proof)| *proof)).then_some(packed)
    }

    /// Writes what `group` needs below a branch at `depth`.
    fn add(&mut self, group: &[(Claim, &MapProof)], depth: usize) -> Option<()> {
        let Some((_, first)) = group.first() else { return Some(()) };
        if first.siblings.len() <= depth {
            let other = match first.end {
                ProofEnd::Other { path, value } => Some(OtherLeaf { path, value }),
                ProofEnd::Empty | ProofEnd::Value(_) => None,
            };
            let asked = |leaf: &OtherLeaf| group.iter().any(|((path, _), _)| *path == leaf.path);
            let other = other.filter(|leaf| !asked(leaf));
            self.ends.push(SharedEnd { depth: u16::try_from(depth).ok()?, other });
            return Some(());
        }
        let middle = group.partition_point(|((path, _), _)| !bit(path, depth));
        let (left, right) = group.split_at_checked(middle)?;
        let below = depth.saturating_add(1);
        for side in [left, right] {
            if side.is_empty() {
                let sibling = first.siblings.get(depth)?.unwrap_or(H32::ZERO);
                self.siblings.extend_from_slice(sibling.as_bytes());
            }
            self.add(side, below)?;
        }
        Some(())
    }

    /// The proof of each claim, in the order of the claims; none when this is no proof of exactly
    /// these, or not in its one form.
    pub fn unpack(&self, claims: &[Claim]) -> Option<Vec<MapProof>> {
        if claims.is_empty() {
            return (self == &Self::of_nothing()).then(Vec::new);
        }
        let mut sorted: Vec<(usize, Claim)> = claims.iter().copied().enumerate().collect();
        sorted.sort_by_key(|(_, (path, _))| *path);
        if sorted.windows(2).any(|pair| matches!(pair, [a, b] if a.1.0 == b.1.0)) {
            return None;
        }
        let (siblings, rest) = self.siblings.as_chunks::<32>();
        let empty = MapProof { siblings: Vec::new(), end: ProofEnd::Empty };
        let mut walk = Walk {
            siblings: siblings.iter(),
            ends: self.ends.iter(),
            proofs: vec![empty; claims.len()],
        };
        walk.down(&sorted, 0)?;
        let whole = rest.is_empty() && walk.siblings.next().is_none() && walk.ends.next().is_none();
        for proof in &mut walk.proofs {
            // They were collected on the way up.
            proof.siblings.reverse();
        }
        whole.then_some(walk.proofs)
    }
}

struct Walk<'a> {
    siblings: core::slice::Iter<'a, [u8; 32]>,
    ends: core::slice::Iter<'a, SharedEnd>,
    proofs: Vec<MapProof>,
}

impl Walk<'_> {
    /// The hash of the subtree at `depth` that all of `group` goes to.
    fn down(&mut self, group: &[(usize, Claim)], depth: usize) -> Option<H32> {
        let Some((_, (path, _))) = group.first() else {
            return self.siblings.next().map(|hash| H32(*hash));
        };
        let end = *self.ends.as_slice().first()?;
        let ends = usize::from(end.depth);
        if ends == depth {
            self.ends.next();
            return self.end(group, end);
        }
        if ends < depth || ends > MAX_DEPTH {
            return None;
        }
        debug_assert!(group.iter().all(|(_, (other, _))| agree(path, other, depth)));
        let middle = group.partition_point(|(_, (path, _))| !bit(path, depth));
        let (left, right) = group.split_at_checked(middle)?;
        let below = depth.saturating_add(1);
        let (to_left, to_right) = (self.down(left, below)?, self.down(right, below)?);
        self.pass(left, to_right)?;
        self.pass(right, to_left)?;
        Some(hash::hash(Domain::MapNode, &[to_left.as_bytes(), to_right.as_bytes()]))
    }

    /// Tells a group what stands beside it.
    fn pass(&mut self, group: &[(usize, Claim)], sibling: H32) -> Option<()> {
        for (place, _) in group {
            let proof = self.proofs.get_mut(*place)?;
            proof.siblings.push((sibling != H32::ZERO).then_some(sibling));
        }
        Some(())
    }

    /// Ends a group: at the leaf that one of it claims, at another, or at nothing.
    fn end(&mut self, group: &[(usize, Claim)], end: SharedEnd) -> Option<H32> {
        let mut present = group.iter().filter_map(|(_, (path, value))| Some((*path, (*value)?)));
        let own = present.next();
        if present.next().is_some() || (own.is_some() && end.other.is_some()) {
            return None;
        }
        let leaf = own.or(end.other.map(|other| (other.path, other.value)));
        for (place, (path, value)) in group {
            let proof = self.proofs.get_mut(*place)?;
            proof.end = match (value, leaf) {
                (Some(value), _) => ProofEnd::Value(*value),
                (None, Some((other, _))) if other == *path => return None,
                (None, Some((path, value))) => ProofEnd::Other { path, value },
                (None, None) => ProofEnd::Empty,
            };
        }
        Some(leaf.map_or(H32::ZERO, |(path, value)| {
            hash::hash(Domain::MapLeaf, &[path.as_bytes(), value.as_bytes()])
        }))
    }
}

fn agree(a: &H32, b: &H32, depth: usize) -> bool {
    (0..depth).all(|at| bit(a, at) == bit(b, at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{AuthenticatedMap, path_of, value_hash};
    use super::*;

    fn map(keys: u16) -> AuthenticatedMap {
        let mut map = AuthenticatedMap::new();
        let change = |key: u16| (path_of(&key.to_be_bytes()), Some(value_hash(&key.to_be_bytes())));
        map.update((0..keys).map(change));
        map
    }

    fn claims(map: &AuthenticatedMap, keys: &[u16]) -> Vec<Claim> {
        let paths = keys.iter().map(|key| path_of(&key.to_be_bytes()));
        paths.map(|path| (path, map.get(&path))).collect()
    }

    fn packed(map: &AuthenticatedMap, claims: &[Claim]) -> (SharedProof, Vec<MapProof>) {
        let proofs: Vec<MapProof> = claims.iter().map(|(path, _)| map.prove(path)).collect();
        let pairs: Vec<_> = claims.iter().copied().zip(&proofs).collect();
        (SharedProof::pack(&pairs).unwrap(), proofs)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_packed_comes_back(
            size in 0..400u16,
            asked in prop::collection::btree_set(0..600u16, 0..24),
        ) {
            let map = map(size);
            let claims = claims(&map, &asked.into_iter().rev().collect::<Vec<_>>());
            let (packed, proofs) = packed(&map, &claims);
            prop_assert_eq!(packed.unpack(&claims), Some(proofs.clone()));
            for ((path, value), proof) in claims.iter().zip(&proofs) {
                prop_assert_eq!(proof.verify(map.root(), *path), Ok(*value));
            }
        }

        /// Whatever else unpacks for the same claims proves nothing under the root, or is the same.
        #[test]
        fn there_is_one_form(size in 1..60u16, place in 0..4_000usize, to in 0..=255u8) {
            use crate::codec::Canonical;
            let map = map(size);
            let claims = claims(&map, &[0, 1, 2, 500, 501, 502]);
            let (packed, proofs) = packed(&map, &claims);
            let mut bytes = packed.to_bytes();
            let place = place % bytes.len();
            prop_assume!(bytes[place] != to);
            bytes[place] = to;
            let Ok(changed) = SharedProof::from_bytes(&bytes, 1 << 20) else { return Ok(()) };
            let Some(others) = changed.unpack(&claims) else { return Ok(()) };
            prop_assert_ne!(&others, &proofs);
            let proven = claims.iter().zip(&others).all(|((path, value), proof)| {
                proof.verify(map.root(), *path) == Ok(*value)
            });
            prop_assert!(!proven);
        }
    }

    #[test]
    fn shares_what_paths_have_in_common() {
        let map = map(4_096);
        let asked: Vec<u16> = (0..8).collect();
        let claims = claims(&map, &asked);
        let (packed, proofs) = packed(&map, &claims);
        let apart: usize = proofs.iter().map(|proof| proof.siblings.len()).sum();
        assert!(packed.siblings.len() / 32 + 2 * asked.len() < apart, "{apart}");
        assert_eq!(packed.ends.len(), asked.len());
    }

    #[test]
    fn refuses_what_is_no_set_of_proofs() {
        let (one, other) = (map(20), map(21));
        let claims = claims(&one, &[3, 4]);
        let [a, b] = [one.prove(&claims[0].0), other.prove(&claims[1].0)];
        assert_eq!(SharedProof::pack(&[(claims[0], &a), (claims[1], &b)]), None);
        let b = one.prove(&claims[1].0);
        let good = SharedProof::pack(&[(claims[0], &a), (claims[1], &b)]).unwrap();
        assert_eq!(SharedProof::pack(&[(claims[0], &a), (claims[0], &a)]), None, "a path twice");
        assert_eq!(good.unpack(&claims[..1]), None, "an end too many");
        let mut long = good.clone();
        long.siblings.extend_from_slice(&[1; 32]);
        assert_eq!(long.unpack(&claims), None, "a sibling too many");
        let mut odd = good.clone();
        odd.siblings.push(1);
        assert_eq!(odd.unpack(&claims), None, "half a sibling");
        let mut deep = good.clone();
        deep.ends[0].depth = 257;
        assert_eq!(deep.unpack(&claims), None, "deeper than a path is long");
        let mut both = good;
        both.ends[0].other = Some(OtherLeaf { path: H32([1; 32]), value: H32([2; 32]) });
        assert_eq!(both.unpack(&claims), None, "another leaf where the path's own is");
    }
}
