//! Cosignatures as they come, by head, until a quorum has signed one.
//!
//! Invariant: of each province at most [`MAX_HEADS`] heads are kept, the largest; so one that signs
//! nonsense pushes out nothing but its own.

use std::collections::BTreeMap;

use hefu_primitives::log::LogHead;
use hefu_primitives::{KeyId, Power, Region, ValidatorSet};

use super::Cosigned;

/// Heads kept of one province.
pub(crate) const MAX_HEADS: usize = 8;

/// Verified cosignatures.
#[derive(Default)]
pub(crate) struct Board {
    of: BTreeMap<Region, Vec<Cosigned>>,
}

impl Board {
    /// Whether this very signature is here already.
    pub(crate) fn knows(&self, cosigned: &Cosigned) -> bool {
        self.of.values().flatten().any(|known| known == cosigned)
    }

    /// Takes a verified cosignature; a later one of the same head takes the place of the earlier.
    pub(crate) fn add(&mut self, region: Region, cosigned: Cosigned) {
        let kept = self.of.entry(region).or_default();
        match kept.iter_mut().find(|other| other.head == cosigned.head) {
            Some(other) if other.time <= cosigned.time => *other = cosigned,
            Some(_) => {}
            None => {
                kept.push(cosigned);
                kept.sort_by_key(|cosigned| cosigned.head.size);
                if kept.len() > MAX_HEADS {
                    kept.remove(0);
                }
            }
        }
    }

    /// Forgets what keys signed that are accepted no more.
    pub(crate) fn keep_of(&mut self, accepted: impl Fn(Region, &KeyId) -> bool) {
        for (region, kept) in &mut self.of {
            kept.retain(|cosigned| accepted(*region, &cosigned.key));
        }
        self.of.retain(|_, kept| !kept.is_empty());
    }

    /// The largest head that a quorum of the set signed and that `ours` says our log had.
    pub(crate) fn best(
        &self,
        set: &ValidatorSet,
        ours: impl Fn(LogHead) -> bool,
    ) -> Option<LogHead> {
        let mut heads: Vec<LogHead> = self.of.values().flatten().map(|c| c.head).collect();
        heads.sort_by_key(|head| (head.size, head.root));
        heads.dedup();
        heads.into_iter().rev().find(|head| self.power(set, *head) >= set.quorum() && ours(*head))
    }

    fn power(&self, set: &ValidatorSet, head: LogHead) -> Power {
        let signed = |region| self.lines(head).iter().any(|(of, _)| *of == region);
        let validators = set.validators().iter().filter(|v| signed(v.region));
        Power(validators.map(|validator| validator.power.0).sum())
    }

    /// The cosignatures of a head, by province.
    pub(crate) fn lines(&self, head: LogHead) -> Vec<(Region, Cosigned)> {
        let of = |(region, kept): (&Region, &Vec<Cosigned>)| {
            let found = kept.iter().find(|cosigned| cosigned.head == head)?;
            Some((*region, *found))
        };
        self.of.iter().filter_map(of).collect()
    }

    /// The largest head that a province signed.
    pub(crate) fn latest(&self, region: Region) -> Option<Cosigned> {
        self.of.get(&region)?.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::{H32, KeyPair, Signature, Validator};

    fn set() -> ValidatorSet {
        let validator = |i: u8| Validator {
            region: Region(u32::from(i)),
            key: KeyPair::from_secret(&[i; 32]).public(),
            power: Power(1),
        };
        ValidatorSet::new((1..=4).map(validator).collect()).unwrap()
    }

    fn head(size: u64, root: u8) -> LogHead {
        LogHead { size, root: H32([root; 32]) }
    }

    fn cosigned(head: LogHead, time: u64) -> Cosigned {
        Cosigned { key: KeyId::ZERO, head, time, signature: Signature::ZERO }
    }

    #[test]
    fn a_quorum_of_one_head_is_served_and_the_largest_of_them() {
        let mut board = Board::default();
        let (small, large, fork) = (head(5, 1), head(9, 1), head(9, 2));
        for region in 1..=3 {
            assert_eq!(board.best(&set(), |_| true), None);
            board.add(Region(region), cosigned(small, 1));
        }
        assert_eq!(board.best(&set(), |_| true), Some(small));
        for (region, head) in [(1, large), (2, large), (3, fork), (4, fork)] {
            board.add(Region(region), cosigned(head, 2));
        }
        assert_eq!(board.best(&set(), |_| true), Some(small), "two and two are no quorum");
        board.add(Region(3), cosigned(large, 2));
        assert_eq!(board.best(&set(), |_| true), Some(large));
        assert_eq!(board.best(&set(), |head| head != large), Some(small), "not in our log");
        assert_eq!(board.lines(large).len(), 3);
        assert_eq!(board.latest(Region(4)).map(|c| c.head), Some(fork));
    }

    #[test]
    fn what_a_revoked_key_signed_does_not_count() {
        let mut board = Board::default();
        let head = head(5, 1);
        (1..=3).for_each(|region| board.add(Region(region), cosigned(head, 1)));
        board.keep_of(|region, _| region != Region(2));
        assert_eq!(board.best(&set(), |_| true), None);
        assert_eq!(board.latest(Region(2)), None);
        assert_eq!(board.lines(head).len(), 2);
    }

    #[test]
    fn strangers_do_not_count_and_nobody_counts_twice() {
        let mut board = Board::default();
        let head = head(5, 1);
        for (region, time) in [(1, 1), (1, 2), (2, 1), (8, 1), (9, 1)] {
            board.add(Region(region), cosigned(head, time));
        }
        assert_eq!(board.best(&set(), |_| true), None);
        assert_eq!(board.lines(head)[0].1.time, 2, "the later one stays");
        board.add(Region(1), cosigned(head, 1));
        assert_eq!(board.lines(head)[0].1.time, 2);
    }

    #[test]
    fn a_flood_pushes_out_only_its_own() {
        let mut board = Board::default();
        let real = head(5, 1);
        (1..=3).for_each(|region| board.add(Region(region), cosigned(real, 1)));
        for size in 1_000..2_000 {
            board.add(Region(4), cosigned(head(size, 9), 1));
        }
        assert_eq!(board.of[&Region(4)].len(), MAX_HEADS);
        assert_eq!(board.best(&set(), |_| true), Some(real));
    }
}
