//! The way from a believed header to a target, as a machine that asks for heights and is given
//! blocks. Whoever answers can make it fail or ask longer, never believe.

use super::LightBlock;
use super::verify::{LightError, Rule, Trusted, verify};
use crate::capsule::SetChange;
use crate::ids::{Height, Millis};

/// A way that is being gone.
#[derive(Clone, Debug)]
pub struct Follower {
    trusted: Trusted,
    last: Option<LightBlock>,
    target: Height,
    rule: Rule,
    /// Blocks that are too far yet, the nearest last: each lies in the nearer half of the one
    /// before, so there are never more than 65.
    ahead: Vec<LightBlock>,
    changes: Option<Vec<SetChange>>,
}

/// A way that was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The last block; none when there was nowhere to go.
    pub last: Option<LightBlock>,
    /// The changes of the validator set on the way, oldest first; none when one was stepped over.
    pub changes: Option<Vec<SetChange>>,
}

impl Follower {
    /// A way from what is believed to a height.
    ///
    /// # Errors
    /// [`LightError::Stale`] when the target lies behind.
    pub fn new(trusted: Trusted, target: Height, rule: Rule) -> Result<Self, LightError> {
        if target < trusted.height() {
            return Err(LightError::Stale { trusted: trusted.height(), found: target });
        }
        let (last, ahead, changes) = (None, Vec::new(), Some(Vec::new()));
        Ok(Self { trusted, last, target, rule, ahead, changes })
    }

    /// The height to ask for next; none when the target is reached.
    pub fn wanted(&self) -> Option<Height> {
        let from = self.trusted.height().0;
        match self.ahead.last() {
            // What lies ahead is no neighbour, so the middle is strictly between.
            Some(block) => {
                let half = block.height().0.saturating_sub(from) >> 1;
                Some(Height(from.saturating_add(half.max(1))))
            }
            None => Some(self.target).filter(|target| *target > self.trusted.height()),
        }
    }

    /// What is believed so far.
    pub const fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Takes the block that was wanted. `now` is the reader's clock.
    ///
    /// # Errors
    /// [`LightError`] says why a block is refused. What was believed stays so; the way ends here.
    pub fn supply(&mut self, block: LightBlock, now: Millis) -> Result<(), LightError> {
        let (found, wanted) = (block.height(), self.wanted());
        if wanted != Some(found) {
            let wanted = wanted.unwrap_or(self.target);
            return Err(LightError::Unasked { wanted, found });
        }
        let mut next = Some(block);
        while let Some(block) = next.take().or_else(|| self.ahead.pop()) {
            match verify(&self.trusted, &block, self.rule, now) {
                Ok(trusted) => self.believe(trusted, block),
                Err(LightError::Overlap { .. } | LightError::Expired(_)) => {
                    self.ahead.push(block);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn believe(&mut self, trusted: Trusted, block: LightBlock) {
        if block.validators != *self.trusted.next() {
            self.changes = None;
        }
        if let (Some(changes), Some(next)) = (&mut self.changes, &block.next) {
            let (certified, next) = (block.certified.clone(), next.clone());
            changes.push(SetChange { certified, next });
        }
        self.trusted = trusted;
        self.last = Some(block);
    }

    /// The result, once nothing is wanted any more; before that, what was reached.
    pub fn finish(self) -> Followed {
        Followed { last: self.last, changes: self.changes }
    }
}
