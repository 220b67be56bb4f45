//! The genesis: a document that passed every rule, with its canonical bytes and their hash.

use hefu_contracts::Writes;
use hefu_primitives::bounds::MAX_GENESIS_BYTES;
use hefu_primitives::codec::{Canonical, CodecError};
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{ChainId, Millis, Power, PublicKey, Region, Uscc, Validator, ValidatorSet};
use serde::{Deserialize, Serialize};

use crate::document::{AuthoritySeed, Charter, Document, FORMAT, MemberSeed};
use crate::error::GenesisError;
use crate::{state, validate};

/// A valid genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Document", try_from = "Document")]
pub struct Genesis {
    document: Document,
    validators: ValidatorSet,
    bytes: Vec<u8>,
    chain: ChainId,
}

impl Genesis {
    /// Sorts and checks a document.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn new(mut document: Document) -> Result<Self, GenesisError> {
        document.sort();
        validate::document(&document)?;
        let bytes = document.to_bytes();
        if bytes.len() > MAX_GENESIS_BYTES {
            return Err(GenesisError::TooLarge { bound: MAX_GENESIS_BYTES, found: bytes.len() });
        }
        let chain = hash(Domain::Genesis, &[&bytes]).into();
        let validators = validators(&document.members)?;
        Ok(Self { document, validators, bytes, chain })
    }

    /// The genesis of a charter and its members.
    ///
    /// # Errors
    /// As [`Genesis::new`].
    pub fn from_parts(charter: Charter, members: Vec<MemberSeed>) -> Result<Self, GenesisError> {
        Self::new(Document { format: FORMAT, charter, members })
    }

    /// Decodes canonical bytes.
    ///
    /// # Errors
    /// When the bytes are not those of a valid genesis, sorted.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GenesisError> {
        let genesis = Self::new(Document::from_bytes(bytes, MAX_GENESIS_BYTES)?)?;
        if genesis.bytes != bytes {
            return Err(CodecError::NotCanonical.into());
        }
        Ok(genesis)
    }

    /// The canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The chain id: the hash of the canonical bytes.
    pub const fn hash(&self) -> ChainId {
        self.chain
    }

    /// The document.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// What the founders agreed on.
    pub const fn charter(&self) -> &Charter {
        &self.document.charter
    }

    /// When the ledger begins: the time of the state before height 1.
    pub const fn created(&self) -> Millis {
        self.document.charter.created
    }

    /// The founding members, by region.
    pub fn members(&self) -> &[MemberSeed] {
        &self.document.members
    }

    /// The member of a province.
    pub fn member(&self, region: Region) -> Option<&MemberSeed> {
        self.members().iter().find(|member| member.region == region)
    }

    /// An authority and its member.
    pub fn authority(&self, code: Uscc) -> Option<(&MemberSeed, &AuthoritySeed)> {
        let of = |member: &'_ MemberSeed| member.authorities.iter().position(|a| a.code == code);
        self.members().iter().find_map(|m| of(m).and_then(|p| Some((m, m.authorities.get(p)?))))
    }

    /// The validators of heights 1 and 2.
    pub const fn validators(&self) -> &ValidatorSet {
        &self.validators
    }

    /// Node keys and where to dial them, by region.
    pub fn node_keys(&self) -> Vec<(Region, PublicKey, Vec<String>)> {
        let node = |m: &MemberSeed| (m.region, m.node_key, m.addresses.clone());
        self.members().iter().map(node).collect()
    }

    /// The state before height 1.
    pub fn initial_writes(&self) -> Writes {
        state::initial_writes(self)
    }

    /// Leaf 0 of the audit log: the canonical bytes.
    pub fn log_leaf(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

fn validators(members: &[MemberSeed]) -> Result<ValidatorSet, GenesisError> {
    let validator = |member: &MemberSeed| Validator {
        region: member.region,
        key: member.validator_key,
        power: Power(1),
    };
    let found = members.len();
    // Distinct provinces and keys were checked; only the count is left.
    ValidatorSet::new(members.iter().map(validator).collect())
        .map_err(|_| GenesisError::MemberCount { found })
}

impl TryFrom<Document> for Genesis {
    type Error = GenesisError;

    fn try_from(document: Document) -> Result<Self, GenesisError> {
        Self::new(document)
    }
}

impl From<Genesis> for Document {
    fn from(genesis: Genesis) -> Self {
        genesis.document
    }
}
