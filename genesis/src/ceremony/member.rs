//! What one province brings: its seed, and proof that every key in it is in its owner's hands.
//!
//! A proof covers the draft, the whole seed and the key itself, so a file can neither be moved to
//! another draft, nor changed, nor can anyone register a key of somebody else's.

use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::Domain;
use hefu_primitives::{H32, KeyId, KeyPair, PublicKey, Signature};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Draft, PURPOSE_MEMBER};
use crate::document::MemberSeed;
use crate::error::{CeremonyError, KeyUse};
use crate::validate;

/// One key's proof of possession.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The key.
    #[n(0)]
    pub key: PublicKey,
    /// Its signature over draft, seed and key.
    #[n(1)]
    pub signature: Signature,
}

/// A province's contribution to a genesis.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberFile {
    /// Hash of the draft it is for.
    #[n(0)]
    pub draft: H32,
    /// The province's seed.
    #[n(1)]
    pub member: MemberSeed,
    /// Proofs, one for each key of the seed.
    #[n(2)]
    pub proofs: Vec<Proof>,
}

impl MemberFile {
    /// A file without proofs. Keys kept in different places prove one after the other
    /// ([`MemberFile::prove`]).
    pub fn new(draft: &Draft, mut member: MemberSeed) -> Self {
        member.sort();
        Self { draft: draft.hash(), member, proofs: Vec::new() }
    }

    /// A file with the proofs of all its keys.
    ///
    /// # Errors
    /// When `keys` lacks a key of the seed or holds one that is not in it, or as
    /// [`MemberFile::verify`].
    pub fn sign(
        draft: &Draft,
        member: MemberSeed,
        keys: &[&KeyPair],
    ) -> Result<Self, CeremonyError> {
        let mut file = Self::new(draft, member);
        keys.iter().try_for_each(|key| file.prove(key))?;
        file.verify(draft)?;
        Ok(file)
    }

    /// Adds the proof of one key; a second time changes nothing.
    ///
    /// # Errors
    /// [`CeremonyError::ForeignKey`] when the seed does not name the key.
    pub fn prove(&mut self, pair: &KeyPair) -> Result<(), CeremonyError> {
        let key = pair.public();
        if !keys_of(&self.member).iter().any(|(_, named)| *named == key) {
            return Err(self.foreign(key.id()));
        }
        let seed = sorted_bytes(&self.member);
        let parts = message(&self.draft, &key, &seed);
        let signature = pair.sign_tagged(Domain::Ceremony, &parts.as_slices());
        self.proofs.retain(|proof| proof.key != key);
        self.proofs.push(Proof { key, signature });
        self.proofs.sort_by_key(|proof| proof.key);
        Ok(())
    }

    /// Keys that have not proved possession yet, and what they are for.
    pub fn missing_proofs(&self) -> Vec<(KeyUse, PublicKey)> {
        let proved = |key: &PublicKey| self.proofs.iter().any(|proof| proof.key == *key);
        keys_of(&self.member).into_iter().filter(|(_, key)| !proved(key)).collect()
    }

    /// Checks the file against a draft: for this draft, invited, every rule of a member kept, and
    /// every key proved.
    ///
    /// # Errors
    /// The first of these that fails.
    pub fn verify(&self, draft: &Draft) -> Result<(), CeremonyError> {
        let region = self.member.region;
        let expected = draft.hash();
        if self.draft != expected {
            return Err(CeremonyError::OtherDraft { region, expected, found: self.draft });
        }
        if !draft.invited.contains(&region) {
            return Err(CeremonyError::NotInvited(region));
        }
        let mut member = self.member.clone();
        member.sort();
        validate::member(&member, &draft.charter)?;
        if let Some((used, key)) = self.missing_proofs().first() {
            return Err(CeremonyError::MissingProof { region, key: key.id(), used: *used });
        }
        let (named, seed) = (keys_of(&member), member.to_bytes());
        for Proof { key, signature } in &self.proofs {
            if !named.iter().any(|(_, other)| other == key) {
                return Err(self.foreign(key.id()));
            }
            let parts = message(&self.draft, key, &seed);
            if !key.verify_tagged(Domain::Ceremony, &parts.as_slices(), signature) {
                return Err(CeremonyError::BadProof { region, key: key.id() });
            }
        }
        Ok(())
    }

    fn foreign(&self, key: KeyId) -> CeremonyError {
        CeremonyError::ForeignKey { region: self.member.region, key }
    }
}

/// All keys of a seed.
pub(crate) fn keys_of(member: &MemberSeed) -> Vec<(KeyUse, PublicKey)> {
    let mut keys = vec![(KeyUse::Validator, member.validator_key), (KeyUse::Node, member.node_key)];
    keys.extend(member.governor_keys.iter().map(|key| (KeyUse::Governor, *key)));
    for authority in &member.authorities {
        keys.extend(authority.keys.iter().map(|key| (KeyUse::Acting(authority.code), key.key)));
    }
    keys
}

fn sorted_bytes(member: &MemberSeed) -> Vec<u8> {
    let mut member = member.clone();
    member.sort();
    member.to_bytes()
}

/// What a proof signs: parts of fixed length, then the seed.
struct Message<'a> {
    purpose: [u8; 1],
    draft: &'a H32,
    key: KeyId,
    seed: &'a [u8],
}

fn message<'a>(draft: &'a H32, key: &PublicKey, seed: &'a [u8]) -> Message<'a> {
    Message { purpose: [PURPOSE_MEMBER], draft, key: key.id(), seed }
}

impl Message<'_> {
    fn as_slices(&self) -> [&[u8]; 4] {
        [&self.purpose, self.draft.as_bytes(), self.key.as_bytes(), self.seed]
    }
}
