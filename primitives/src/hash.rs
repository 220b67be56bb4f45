//! Domain-tagged BLAKE3.
//!
//! Each purpose has a context string for BLAKE3's `derive_key` mode, so a digest made for one
//! purpose can never stand for another. The strings are frozen: changing one changes every hash of
//! its kind.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

bytes_newtype! {
    /// A 32-byte digest.
    H32, 32
}

impl Default for H32 {
    fn default() -> Self {
        Self::ZERO
    }
}

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $context:literal,)*) => {
        /// What a digest is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Domain { $($(#[$doc])* $name,)* }

        impl Domain {
            /// Every domain, in declaration order.
            pub const ALL: &'static [Domain] = &[$(Domain::$name,)*];

            /// The frozen context string.
            pub const fn context(self) -> &'static str {
                match self { $(Domain::$name => $context,)* }
            }

            /// What BLAKE3 makes of the context string: derived once, since most of what is hashed
            /// here is no longer than the string.
            fn context_key(self) -> &'static ContextKey {
                match self {
                    $(Domain::$name => {
                        static KEY: LazyLock<ContextKey> =
                            LazyLock::new(|| hash_derive_key_context($context));
                        &KEY
                    })*
                }
            }
        }
    };
}

domains! {
    /// The anchor of a genesis; its hash is the chain id.
    Genesis = "hefu v1 genesis",
    /// The genesis document, which the anchor names.
    GenesisDocument = "hefu v1 genesis document",
    /// The signed part of a transaction.
    Transaction = "hefu v1 transaction id",
    /// A bundle of transactions.
    Bundle = "hefu v1 bundle id",
    /// The bundle ids of a block.
    BundlesRoot = "hefu v1 bundles root",
    /// The outcomes of a block's transactions.
    OutcomesRoot = "hefu v1 outcomes root",
    /// A block header.
    Block = "hefu v1 block id",
    /// A validator set.
    Validators = "hefu v1 validator set",
    /// Ledger parameters.
    Parameters = "hefu v1 parameters",
    /// A leaf of the authenticated map.
    MapLeaf = "hefu v1 map leaf",
    /// An inner node of the authenticated map.
    MapNode = "hefu v1 map node",
    /// A record's value, as the authenticated map commits to it.
    Record = "hefu v1 state record",
    /// The path of a key in the authenticated map.
    MapKey = "hefu v1 map key",
    /// A key id: suite and public key.
    Key = "hefu v1 key id",
    /// A vote's signed bytes.
    Vote = "hefu v1 vote",
    /// A proposal's signed bytes.
    Proposal = "hefu v1 proposal",
    /// Proof of possession of a key.
    Possession = "hefu v1 proof of possession",
    /// A second signature on an act, by the other party.
    Cosignature = "hefu v1 act cosignature",
    /// A member's contribution to a genesis, and a signature on the assembled genesis.
    Ceremony = "hefu v1 genesis ceremony",
    /// The manifest of an export.
    Export = "hefu v1 audit export",
    /// A salted commitment to one value.
    Commitment = "hefu v1 commitment",
    /// A leaf of a field-wise content commitment.
    FieldLeaf = "hefu v1 content field",
    /// The salt of one field, from the salt of its record.
    FieldSalt = "hefu v1 content field salt",
    /// An inner node of a field-wise content commitment.
    FieldNode = "hefu v1 content node",
    /// The file form of an evidence capsule.
    Capsule = "hefu v1 capsule file",
    /// The P-256 secret of a cosigner, from its registered secret.
    Es256Secret = "hefu v1 es256 secret",
    /// A cosigner's word that a P-256 key is its own.
    Es256Key = "hefu v1 es256 key",
    /// The evidence of contradictions in a block.
    Equivocations = "hefu v1 equivocations",
    /// What a block names, when it holds evidence beside its bundles.
    Contents = "hefu v1 block contents",
    /// The file form of a proof of equivocation.
    EquivocationProof = "hefu v1 equivocation proof file",
    /// The coefficients of a batch of signatures.
    SignatureBatch = "hefu v1 signature batch",
    /// What a light client keeps, as a file.
    LightState = "hefu v1 light client file",
    /// The file form of a proof of a fork.
    ForkProof = "hefu v1 fork proof file",
    /// A plain digest of a document or list that holds no personal data.
    Digest = "hefu v1 digest",
}

/// Hashes the concatenation of `parts` for `domain`.
///
/// Parts are concatenated without separators: callers pass one canonical encoding, or parts of
/// fixed length.
pub fn hash(domain: Domain, parts: &[&[u8]]) -> H32 {
    let mut hasher = hasher(domain);
    for part in parts {
        hasher.update(part);
    }
    H32(*hasher.finalize().as_bytes())
}

/// A hasher of `domain`, for what is not at hand as a list of parts or needs more than a digest.
pub(crate) fn hasher(domain: Domain) -> blake3::Hasher {
    blake3::Hasher::new_from_context_key(domain.context_key())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn contexts_are_distinct() {
        let contexts: BTreeSet<_> = Domain::ALL.iter().map(|domain| domain.context()).collect();
        assert_eq!(contexts.len(), Domain::ALL.len());
    }

    #[test]
    fn the_key_of_a_context_is_that_of_its_string() {
        for domain in Domain::ALL {
            let mut hasher = blake3::Hasher::new_derive_key(domain.context());
            hasher.update(b"hefu");
            assert_eq!(hash(*domain, &[b"hefu"]).0, *hasher.finalize().as_bytes());
        }
    }

    #[test]
    fn golden() {
        assert_eq!(
            hash(Domain::Digest, &[b"he", b"fu"]),
            hash(Domain::Digest, &[b"hefu"]),
            "parts are concatenated"
        );
        assert_ne!(hash(Domain::Digest, &[b"hefu"]), hash(Domain::Block, &[b"hefu"]));
    }
}
