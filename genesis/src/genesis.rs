//! The genesis: a document that passed every rule, with its canonical bytes and their hash.

use hefu_contracts::Writes;
use hefu_contracts::state::is_proven;
use hefu_primitives::bounds::MAX_GENESIS_BYTES;
use hefu_primitives::capsule::GenesisAnchor;
use hefu_primitives::codec::{Canonical, CodecError};
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::{
    ChainId, H32, Millis, Power, PublicKey, Region, Uscc, Validator, ValidatorSet,
};
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
    anchor: GenesisAnchor,
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
        let validators = validators(&document.members)?;
        state::initial_state(&document, &validators).validate()?;
        let anchor = GenesisAnchor {
            format: FORMAT,
            document: hash(Domain::GenesisDocument, &[&bytes]),
            created: document.charter.created,
            state_root: state_root(&state::initial_writes(&document, &validators)),
            validators: validators.clone(),
        };
        let chain = anchor.chain();
        Ok(Self { document, validators, bytes, anchor, chain })
    }

    /// The part of the genesis that its hash covers, and that every evidence capsule carries.
    pub fn anchor(&self) -> GenesisAnchor {
        self.anchor.clone()
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

    /// The chain id: the hash of the anchor, which names the hash of the document.
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
        state::initial_writes(&self.document, &self.validators)
    }

    /// Leaf 0 of the audit log: the anchor, since an entry of the log is below 64 KiB.
    pub fn log_leaf(&self) -> Vec<u8> {
        self.anchor.to_bytes()
    }
}

fn state_root(writes: &Writes) -> H32 {
    let proven = writes.iter().filter(|(record, _)| is_proven(record));
    AuthenticatedMap::new()
        .update(proven.map(|(record, value)| (path_of(record), value.as_deref().map(value_hash))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CREATED, demo, document};
    use hefu_primitives::CodecError;

    /// Frozen: whoever changes the bytes of a genesis changes the name of every ledger.
    #[test]
    fn golden() {
        let genesis = demo().0;
        let anchor = genesis.anchor();
        let frozen = [anchor.document.to_string(), genesis.hash().to_string()];
        let expected = [
            "abff0cea818b41386438eb5f4bec94b9aaf8d78bc16cfe499a6d7d643c7be710",
            "7a0c563578bddc1b7bb5b65d7aed13e712eaea2c497ad141024c7ef9e1414856",
        ];
        assert_eq!(frozen, expected, "the document, and with it the state it begins with");
    }

    #[test]
    fn round_trips() {
        let genesis = demo().0;
        assert_eq!(Genesis::from_bytes(genesis.as_bytes()), Ok(genesis.clone()));
        let json = genesis.to_json().unwrap();
        assert!(json.contains("上海市数据管理局(示例)"), "Chinese stays readable");
        assert_eq!(Genesis::from_json(json.as_bytes()), Ok(genesis.clone()));
        let whole: Genesis = serde_json::from_str(&json).unwrap();
        assert_eq!(whole, genesis);
    }

    #[test]
    fn layout_of_json_does_not_matter() {
        let genesis = demo().0;
        let mut document = genesis.document().clone();
        document.members.reverse();
        document.charter.types.reverse();
        for member in &mut document.members {
            member.authorities.reverse();
            member.governor_keys.reverse();
            member.authorities.iter_mut().for_each(|authority| authority.may_issue.reverse());
        }
        // A map of serde_json sorts keys, which is another order than that of our fields.
        let shuffled = serde_json::to_value(&document).unwrap().to_string();
        assert!(shuffled.find("\"created\"") < shuffled.find("\"name_zh\""));
        assert_eq!(Genesis::from_json(shuffled.as_bytes()), Ok(genesis));
    }

    #[test]
    fn bytes_must_be_sorted_and_json_known() {
        let mut unsorted = document();
        unsorted.members.reverse();
        let refused = Genesis::from_bytes(&unsorted.to_bytes());
        assert_eq!(refused, Err(CodecError::NotCanonical.into()));
        let json = demo().0.to_json().unwrap();
        let unknown = json.replacen("\"format\"", "\"extra\": 1, \"format\"", 1);
        let refused = Genesis::from_json(unknown.as_bytes());
        assert!(
            matches!(&refused, Err(GenesisError::Json { line: 2, message, .. }) if message.contains("extra")),
            "{refused:?}"
        );
        let large = " ".repeat(MAX_GENESIS_BYTES + 1);
        let bound = MAX_GENESIS_BYTES;
        let refused = Genesis::from_json(large.as_bytes());
        assert_eq!(refused, Err(GenesisError::TooLarge { bound, found: bound + 1 }));
        assert!(matches!(
            Genesis::from_json(&large.as_bytes()[1..]),
            Err(GenesisError::Json { .. })
        ));
    }

    #[test]
    fn accessors() {
        let (genesis, keys) = demo();
        assert_eq!(genesis.created(), CREATED);
        assert_eq!(genesis.log_leaf(), genesis.anchor().to_bytes());
        assert!(genesis.log_leaf().len() < 65_536, "an entry of the log has 16 bits of length");
        assert_eq!((genesis.validators().len(), genesis.validators().quorum()), (4, Power(3)));
        for (place, member) in keys.members.iter().enumerate() {
            let validator = genesis.validators().get(place).unwrap();
            assert_eq!(
                (validator.region, validator.key),
                (member.region, member.validator.public())
            );
            let (region, node, _) = genesis.node_keys()[place].clone();
            assert_eq!((region, node), (member.region, member.node.public()));
            let (owner, authority) = genesis.authority(member.operator).unwrap();
            assert_eq!((owner.region, authority.code), (member.region, member.operator));
        }
    }
}
