//! Who votes, with which key and power.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::bounds::MAX_VALIDATORS;
use crate::codec::Canonical;
use crate::crypto::PublicKey;
use crate::hash::{Domain, H32, hash};
use crate::ids::{KeyId, Power, Region};

/// One province's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Validator {
    /// The province.
    #[n(0)]
    pub region: Region,
    /// The consensus key, which signs nothing but proposals and votes.
    #[n(1)]
    pub key: PublicKey,
    /// Voting power, at least one.
    #[n(2)]
    pub power: Power,
}

/// Why a list of validators is not a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// No validator, or more than [`MAX_VALIDATORS`].
    #[error("{0} validators: 1 to {MAX_VALIDATORS} are possible")]
    Size(usize),
    /// A province or a key stands twice.
    #[error("province {0} or its key stands twice")]
    Duplicate(Region),
    /// A power of zero, or a sum past 2^60.
    #[error("province {0} has a voting power out of range")]
    Power(Region),
}

/// The validators of a height, ordered by province. Certificates name a validator by its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
    /// The ids of their keys in the same order: they are looked for with every vote.
    #[serde(skip)]
    ids: Vec<KeyId>,
}

impl ValidatorSet {
    /// Orders and checks the validators.
    ///
    /// # Errors
    /// [`ValidatorSetError`] when the list is empty, too long, has duplicates or bad powers.
    pub fn new(mut validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if validators.is_empty() || validators.len() > MAX_VALIDATORS {
            return Err(ValidatorSetError::Size(validators.len()));
        }
        validators.sort_by_key(|validator| validator.region);
        let mut keys = std::collections::BTreeSet::new();
        let mut regions = std::collections::BTreeSet::new();
        for validator in &validators {
            if !keys.insert(validator.key) || !regions.insert(validator.region) {
                return Err(ValidatorSetError::Duplicate(validator.region));
            }
            if validator.power.0 == 0 || validator.power.0 > 1 << 54 {
                return Err(ValidatorSetError::Power(validator.region));
            }
        }
        let ids = validators.iter().map(|validator| validator.key.id()).collect();
        Ok(Self { validators, ids })
    }

    /// The validators, ordered by province.
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// Never: a set has at least one validator.
    pub fn is_empty(&self) -> bool {
        self.validators.is_empty()
    }

    /// The validator at a place.
    pub fn get(&self, index: usize) -> Option<&Validator> {
        self.validators.get(index)
    }

    /// The ids of the validators' keys, ordered by province.
    pub fn ids(&self) -> &[KeyId] {
        &self.ids
    }

    /// The place and validator of a key.
    pub fn by_key(&self, key: KeyId) -> Option<(usize, &Validator)> {
        let index = self.ids.iter().position(|id| *id == key)?;
        Some((index, self.validators.get(index)?))
    }

    /// The validator of a province.
    pub fn by_region(&self, region: Region) -> Option<&Validator> {
        self.validators.iter().find(|validator| validator.region == region)
    }

    /// The sum of all powers; below 2^60 by construction.
    pub fn total_power(&self) -> Power {
        Power(self.validators.iter().fold(0, |sum, v| sum.saturating_add(v.power.0)))
    }

    /// The least power that is more than two thirds: `2f + 1` when all powers are one and
    /// `n = 3f + 1`.
    pub fn quorum(&self) -> Power {
        let two_thirds = self.total_power().0.saturating_mul(2).checked_div(3).unwrap_or(0);
        Power(two_thirds.saturating_add(1))
    }

    /// The hash that headers carry.
    pub fn hash(&self) -> H32 {
        hash(Domain::Validators, &[&self.to_bytes()])
    }
}

impl<C> Encode<C> for ValidatorSet {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.validators.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for ValidatorSet {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let validators = Vec::<Validator>::decode(d, ctx)?;
        Self::new(validators).map_err(|_| minicbor::decode::Error::message("not a validator set"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::crypto::KeyPair;

    pub(crate) fn pairs(n: u8) -> Vec<KeyPair> {
        (1..=n).map(|i| KeyPair::from_secret(&[i; 32])).collect()
    }

    pub(crate) fn set(pairs: &[KeyPair]) -> ValidatorSet {
        let validators = pairs.iter().enumerate().map(|(i, pair)| Validator {
            region: Region(110_000 + 10_000 * i as u32),
            key: pair.public(),
            power: Power(1),
        });
        ValidatorSet::new(validators.collect()).unwrap()
    }

    #[test]
    fn quorum_is_more_than_two_thirds() {
        for (n, quorum) in [(1, 1), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (31, 21)] {
            assert_eq!(set(&pairs(n)).quorum(), Power(quorum), "n = {n}");
        }
    }

    #[test]
    fn refuses_what_is_no_set() {
        assert_eq!(ValidatorSet::new(vec![]), Err(ValidatorSetError::Size(0)));
        let one = *set(&pairs(1)).get(0).unwrap();
        assert!(matches!(ValidatorSet::new(vec![one, one]), Err(ValidatorSetError::Duplicate(_))));
        let none = Validator { power: Power(0), ..one };
        assert!(matches!(ValidatorSet::new(vec![none]), Err(ValidatorSetError::Power(_))));
    }

    #[test]
    fn round_trips_in_order_only() {
        let set = set(&pairs(4));
        assert_eq!(ValidatorSet::from_bytes(&set.to_bytes(), 4096), Ok(set.clone()));
        let mut reversed = set.validators().to_vec();
        reversed.reverse();
        assert_eq!(
            ValidatorSet::from_bytes(&reversed.to_bytes(), 4096),
            Err(crate::CodecError::NotCanonical)
        );
    }
}
