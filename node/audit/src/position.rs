//! Where something stands on the ledger, as one number.

use hefu_primitives::Height;

/// Bits for the place in a block: 2^20 events, of which a block of at most 64 KiB transactions has
/// far fewer.
const PLACE_BITS: u32 = 20;

/// A height and a place in its block. Numbers sort as the ledger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub i64);

impl Position {
    /// The upper bound of all positions: what is not closed yet is known up to here. One below the
    /// largest number, so that one more still is a number.
    pub const OPEN: Self = Self(i64::MAX - 1);
    /// Most places of a block.
    pub const PLACES: usize = 1 << PLACE_BITS;

    /// A place of a block; none beyond what a block can have.
    pub fn new(height: Height, place: usize) -> Option<Self> {
        let start = i64::try_from(height.0).ok()?.checked_mul(1 << PLACE_BITS)?;
        let place = i64::try_from(place).ok().filter(|place| *place < 1 << PLACE_BITS)?;
        Some(Self(start.checked_add(place)?))
    }

    /// The first place after a block.
    pub fn after(height: Height) -> Self {
        Self::new(Height(height.0.saturating_add(1)), 0).unwrap_or(Self::OPEN)
    }

    /// A second place for what one event did to two things. Events fill the lower half alone.
    pub(crate) const fn beside(self) -> Self {
        Self(self.0.saturating_add(1 << (PLACE_BITS - 1)))
    }

    /// The height.
    pub const fn height(self) -> Height {
        Height((self.0 >> PLACE_BITS).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_the_ledger_does() {
        let at = |height, place| Position::new(Height(height), place).unwrap();
        let last = Position::PLACES - 1;
        assert!(at(1, 0) < at(1, 1) && at(1, last) < at(2, 0));
        assert_eq!((at(7, last).height(), at(7, 0).height()), (Height(7), Height(7)));
        assert_eq!(Position::after(Height(7)), at(8, 0));
        assert!(at(7, Position::PLACES / 2 - 1).beside() <= at(7, last));
        assert_eq!(Position::new(Height(1), Position::PLACES), None);
        assert_eq!(Position::new(Height(u64::MAX), 0), None);
        assert_eq!(Position::after(Height(u64::MAX)), Position::OPEN);
    }
}
