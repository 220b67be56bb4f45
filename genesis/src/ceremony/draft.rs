//! The draft that founders agree on before bringing keys, and the assembly of what they bring.

use std::collections::BTreeMap;

use hefu_primitives::bounds::MAX_VALIDATORS;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{H32, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{MemberFile, PURPOSE_DRAFT};
use crate::document::{Charter, FORMAT};
use crate::error::{CeremonyError, GenesisError};
use crate::genesis::Genesis;
use crate::validate::{self, MIN_MEMBERS};

/// A charter and the provinces invited to found a ledger on it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Format version.
    #[n(0)]
    pub format: u16,
    /// What all founders agree on.
    #[n(1)]
    pub charter: Charter,
    /// The provinces invited: all of them must bring a file.
    #[n(2)]
    pub invited: Vec<Region>,
}

impl Draft {
    /// A draft; its lists are sorted.
    pub fn new(mut charter: Charter, mut invited: Vec<Region>) -> Self {
        charter.sort();
        invited.sort_unstable();
        Self { format: FORMAT, charter, invited }
    }

    /// The hash that founders compare. The order of lists does not change it.
    pub fn hash(&self) -> H32 {
        let sorted = Self::new(self.charter.clone(), self.invited.clone());
        let sorted = Self { format: self.format, ..sorted };
        hash(Domain::Ceremony, &[&[PURPOSE_DRAFT], &sorted.to_bytes()])
    }

    /// Checks all that can be checked before members bring their files.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), CeremonyError> {
        if self.format != FORMAT {
            return Err(GenesisError::Format { found: self.format }.into());
        }
        let invited: std::collections::BTreeSet<_> = self.invited.iter().copied().collect();
        let found = invited.len();
        if !(MIN_MEMBERS..=MAX_VALIDATORS).contains(&found) || found != self.invited.len() {
            return Err(CeremonyError::Invited { found });
        }
        let mut charter = self.charter.clone();
        charter.sort();
        validate::charter(&charter, &invited).map_err(GenesisError::Charter)?;
        Ok(())
    }
}

/// Makes the genesis of a draft and one verified file of each invited province.
///
/// # Errors
/// The first file that is missing, repeated, not invited or not valid, or the first rule that the
/// assembled document breaks.
pub fn assemble(draft: Draft, files: Vec<MemberFile>) -> Result<Genesis, CeremonyError> {
    draft.check()?;
    let mut seeds = BTreeMap::new();
    for file in files {
        file.verify(&draft)?;
        let region = file.member.region;
        if seeds.insert(region, file.member).is_some() {
            return Err(CeremonyError::RepeatedFile(region));
        }
    }
    if let Some(missing) = draft.invited.iter().find(|region| !seeds.contains_key(region)) {
        return Err(CeremonyError::MissingFile(*missing));
    }
    Ok(Genesis::from_parts(draft.charter, seeds.into_values().collect())?)
}
