//! Who decided which height: the chain of validator sets from the anchor on.

use super::{CapsuleError, CertifiedHeader, GenesisAnchor, SetChange};
use crate::ids::{ChainId, Height};
use crate::validators::ValidatorSet;

/// The chain of validator sets from the anchor on.
pub(crate) struct Trust<'a> {
    chain: ChainId,
    anchor: &'a GenesisAnchor,
    changes: &'a [SetChange],
}

impl<'a> Trust<'a> {
    pub(crate) const fn new(
        chain: ChainId,
        anchor: &'a GenesisAnchor,
        changes: &'a [SetChange],
    ) -> Self {
        Self { chain, anchor, changes }
    }

    /// Each change is decided by the set before it, at a greater height than the change before, and
    /// brings another set.
    pub(crate) fn check_changes(&self) -> Result<(), CapsuleError> {
        let mut set = &self.anchor.validators;
        let mut height = Height(0);
        for change in self.changes {
            let header = &change.certified.header;
            let next = change.next.hash();
            let changes = header.next_validators == next && next != set.hash();
            if header.height <= height || !changes {
                return Err(CapsuleError::Header(header.height));
            }
            self.check_by(&change.certified, set)?;
            (set, height) = (&change.next, header.height);
        }
        Ok(())
    }

    /// A header decided by the set in force at its height, which is returned.
    pub(crate) fn check(
        &self,
        certified: &CertifiedHeader,
    ) -> Result<&'a ValidatorSet, CapsuleError> {
        let height = certified.header.height;
        let change = self.changes.iter().rev().find(|c| c.certified.header.height < height);
        let set = change.map_or(&self.anchor.validators, |change| &change.next);
        self.check_by(certified, set)?;
        Ok(set)
    }

    fn check_by(
        &self,
        certified: &CertifiedHeader,
        set: &ValidatorSet,
    ) -> Result<(), CapsuleError> {
        let CertifiedHeader { header, certificate } = certified;
        let height = header.height;
        let belongs = header.chain == self.chain
            && header.validators == set.hash()
            && certificate.height == height
            && certificate.block == header.id();
        if !belongs {
            return Err(CapsuleError::Header(height));
        }
        certificate
            .verify(&self.chain, set)
            .map_err(|error| CapsuleError::Certificate { height, error })
    }
}
