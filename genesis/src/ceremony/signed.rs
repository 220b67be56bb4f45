//! The genesis with its governors' signatures: what a node is started with in production.

use hefu_primitives::hash::Domain;
use hefu_primitives::{ChainId, KeyId, KeyPair, PublicKey, Region, Signature};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::PURPOSE_GENESIS;
use crate::document::{GOVERNOR_THRESHOLD, MemberSeed};
use crate::error::CeremonyError;
use crate::genesis::Genesis;

/// A governor's signature on a genesis.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct GenesisSignature {
    /// The member.
    #[n(0)]
    pub region: Region,
    /// One of its governor keys.
    #[n(1)]
    pub key: PublicKey,
    /// Over the chain id.
    #[n(2)]
    pub signature: Signature,
}

/// A genesis and signatures on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedGenesis {
    /// The genesis.
    pub genesis: Genesis,
    /// Signatures, by member and key, one for each key.
    pub signatures: Vec<GenesisSignature>,
}

/// Which governors of a member signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberSignatures {
    /// The member.
    pub region: Region,
    /// Governor keys that signed.
    pub signed: Vec<KeyId>,
    /// Whether they are enough.
    pub complete: bool,
}

/// Who signed and who is missing, by region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureReport {
    /// Every member.
    pub members: Vec<MemberSignatures>,
}

impl SignatureReport {
    /// Members whose governors have not signed in sufficient number.
    pub fn missing(&self) -> Vec<Region> {
        self.members.iter().filter(|m| !m.complete).map(|m| m.region).collect()
    }

    /// Whether nobody is missing.
    pub fn is_complete(&self) -> bool {
        self.members.iter().all(|member| member.complete)
    }
}

impl GenesisSignature {
    /// Signs a genesis as one of its governors.
    ///
    /// # Errors
    /// [`CeremonyError::NotGovernor`] when the key governs no member.
    pub fn sign(genesis: &Genesis, governor: &KeyPair) -> Result<Self, CeremonyError> {
        let key = governor.public();
        let governs = |member: &&MemberSeed| member.governor_keys.contains(&key);
        let member = genesis.members().iter().find(governs);
        let region = member.ok_or(CeremonyError::NotGovernor(key.id()))?.region;
        let signature =
            governor.sign_tagged(Domain::Ceremony, &message(&genesis.hash(), &key.id()));
        Ok(Self { region, key, signature })
    }

    /// Checks that a governor of the named member made the signature for this genesis.
    ///
    /// # Errors
    /// When the key is no governor of the member, or the signature is wrong.
    pub fn verify(&self, genesis: &Genesis) -> Result<(), CeremonyError> {
        let (region, key) = (self.region, self.key.id());
        let governs = |member: &MemberSeed| member.governor_keys.contains(&self.key);
        if !genesis.member(region).is_some_and(governs) {
            return Err(CeremonyError::NotGovernor(key));
        }
        let chain = genesis.hash();
        if self.key.verify_tagged(Domain::Ceremony, &message(&chain, &key), &self.signature) {
            Ok(())
        } else {
            Err(CeremonyError::BadSignature { region, key })
        }
    }
}

impl SignedGenesis {
    /// A genesis nobody signed yet.
    pub const fn new(genesis: Genesis) -> Self {
        Self { genesis, signatures: Vec::new() }
    }

    /// Adds a governor's signature; a second time changes nothing.
    ///
    /// # Errors
    /// [`CeremonyError::NotGovernor`] when the key governs no member.
    pub fn sign(&mut self, governor: &KeyPair) -> Result<(), CeremonyError> {
        let signature = GenesisSignature::sign(&self.genesis, governor)?;
        self.insert(signature);
        Ok(())
    }

    /// Takes over the signatures of another copy, once each is verified.
    ///
    /// # Errors
    /// [`CeremonyError::OtherGenesis`], or the first signature that is wrong; then nothing is
    /// taken over.
    pub fn merge(&mut self, other: &Self) -> Result<(), CeremonyError> {
        if self.genesis.hash() != other.genesis.hash() {
            return Err(CeremonyError::OtherGenesis);
        }
        other.signatures.iter().try_for_each(|signature| signature.verify(&self.genesis))?;
        other.signatures.iter().for_each(|signature| self.insert(*signature));
        Ok(())
    }

    /// Verifies every signature and says who signed. A signature that is wrong is an error even
    /// when enough others are right: somebody changed the file.
    ///
    /// # Errors
    /// The first signature that is wrong; with `require_all`, [`CeremonyError::Unsigned`] when a
    /// member's governors have not signed in sufficient number.
    pub fn verify(&self, require_all: bool) -> Result<SignatureReport, CeremonyError> {
        self.signatures.iter().try_for_each(|signature| signature.verify(&self.genesis))?;
        let members = self.genesis.members().iter().map(|member| self.report(member)).collect();
        let report = SignatureReport { members };
        if require_all && !report.is_complete() {
            return Err(CeremonyError::Unsigned(report.missing()));
        }
        Ok(report)
    }

    fn report(&self, member: &MemberSeed) -> MemberSignatures {
        let signed: Vec<KeyId> = member
            .governor_keys
            .iter()
            .filter(|key| self.signatures.iter().any(|signature| signature.key == **key))
            .map(PublicKey::id)
            .collect();
        let complete = signed.len() >= usize::from(GOVERNOR_THRESHOLD);
        MemberSignatures { region: member.region, signed, complete }
    }

    fn insert(&mut self, signature: GenesisSignature) {
        self.signatures.retain(|other| other.key != signature.key);
        self.signatures.push(signature);
        self.signatures.sort_unstable();
    }
}

/// What a governor signs: parts of fixed length.
fn message<'a>(chain: &'a ChainId, key: &'a KeyId) -> [&'a [u8]; 3] {
    [&[PURPOSE_GENESIS], chain.as_bytes(), key.as_bytes()]
}
