//! A validator whose log is ahead of its blocks: blocks were lost, and it may have signed at heights
//! that it no longer holds. It follows as an observer until it is where its log is, so that the log
//! can keep it from contradicting itself.
//!
//! Rules:
//! 1. What a log says is that everything below its latest height may have been signed.
//! 2. A log that begins anew says at which height, since its first entry may come later than the loss.
//! 3. A node without a key is held back, too: one may be given to it later.
//!
//! Knows neither blocks nor the log; `tests/models/held_back.rs` searches what can happen around it.

use hefu_primitives::Height;

use crate::WalEntry;

/// Until when a replica only follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    until: Height,
}

impl HeldBack {
    /// What a log says beside the height of the last stored block: `begun` is the height at which it
    /// began, where it says so, and `entries` are those above the stored blocks. None if the replica
    /// may sign at once.
    pub fn if_log_is_ahead(
        stored: Height,
        begun: Option<Height>,
        entries: &[WalEntry],
    ) -> Option<Self> {
        let until = entries.iter().map(WalEntry::height).chain(begun).max()?;
        (until > stored.next()).then_some(Self { until })
    }

    /// The height that the log knows.
    pub const fn until(&self) -> Height {
        self.until
    }

    /// Whether it may sign once the block of a height is stored.
    pub fn may_sign(&self, stored: Height) -> bool {
        stored.next() >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WaitStep;
    use hefu_primitives::Round;

    fn entry(height: u64) -> WalEntry {
        WalEntry::Timeout { height: Height(height), round: Round(0), step: WaitStep::Propose }
    }

    #[test]
    fn a_log_that_is_ahead_holds_back_until_its_height() {
        let held = |stored, begun: Option<u64>, entries: &[u64]| {
            let entries: Vec<WalEntry> = entries.iter().map(|height| entry(*height)).collect();
            HeldBack::if_log_is_ahead(Height(stored), begun.map(Height), &entries)
        };
        assert_eq!(held(0, None, &[]), None);
        assert_eq!(held(4, None, &[5, 5]), None, "the open height");
        assert_eq!(held(4, Some(5), &[]), None, "begun at the open height");
        let missing = held(2, None, &[5, 4]).unwrap();
        assert_eq!(held(2, Some(5), &[]), Some(missing), "nothing was signed since it began");
        assert_eq!(missing.until(), Height(5));
        assert!(!missing.may_sign(Height(3)) && missing.may_sign(Height(4)));
        assert!(missing.may_sign(Height(9)), "others went on meanwhile");
    }
}
