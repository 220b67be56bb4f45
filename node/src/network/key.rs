//! Who a node is on the network: its public key, and the secret behind it.
//!
//! Invariant: a [`NodeKey`] and a libp2p peer id stand for each other, because the id of an
//! Ed25519 key contains the key. So no table from ids to keys is needed, and an unknown peer costs
//! no memory.
//!
//! This file does not know which keys are registered.

use hefu_primitives::ids::IdError;
use libp2p::PeerId;
use libp2p::identity::{self, Keypair, PublicKey};
use zeroize::Zeroizing;

/// The Ed25519 public key of a node, as registered on the ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey(pub [u8; 32]);

impl NodeKey {
    /// The key inside a peer id; none when the peer uses another kind of key.
    pub(crate) fn from_peer_id(peer: &PeerId) -> Option<Self> {
        // Ids of short keys are the "identity" multihash (code 0): the key itself, in protobuf.
        let multihash = peer.as_ref();
        if multihash.code() != 0 {
            return None;
        }
        let key = PublicKey::try_decode_protobuf(multihash.digest()).ok()?;
        Some(Self(key.try_into_ed25519().ok()?.to_bytes()))
    }

    /// The peer id; none when the bytes are not a point of the curve.
    pub(crate) fn peer_id(&self) -> Option<PeerId> {
        let key = identity::ed25519::PublicKey::try_from_bytes(&self.0).ok()?;
        Some(PublicKey::from(key).to_peer_id())
    }
}

impl core::fmt::Display for NodeKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NodeKey({self})")
    }
}

impl core::str::FromStr for NodeKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // The same hexadecimal as every 32-byte identifier of the ledger.
        Ok(Self(text.parse::<hefu_primitives::H32>()?.0))
    }
}

/// The secret of a node's key: wiped when dropped, never shown.
#[derive(Clone)]
pub struct NodeSecret(Zeroizing<[u8; 32]>);

impl NodeSecret {
    /// Takes 32 secret bytes, which must come from a cryptographic source of randomness.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The pair as the ledger has its keys, for signing what others shall know to be this node's.
    pub(crate) fn signer(&self) -> hefu_primitives::KeyPair {
        hefu_primitives::KeyPair::from_secret(&self.0)
    }

    /// The public key.
    pub fn key(&self) -> NodeKey {
        let pair = self.keypair();
        match pair.public().try_into_ed25519() {
            Ok(key) => NodeKey(key.to_bytes()),
            Err(_) => unreachable!("the pair was made from an Ed25519 secret"),
        }
    }

    /// The pair as libp2p wants it.
    pub(crate) fn keypair(&self) -> Keypair {
        let mut copy = self.0.clone();
        match Keypair::ed25519_from_bytes(&mut copy[..]) {
            Ok(pair) => pair,
            Err(_) => unreachable!("any 32 bytes are an Ed25519 secret"),
        }
    }
}

impl core::fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NodeSecret(of {})", self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_peer_id_stand_for_each_other() {
        let key = NodeSecret::new([7; 32]).key();
        let peer = key.peer_id().unwrap();
        assert_eq!(NodeKey::from_peer_id(&peer), Some(key));
        assert_eq!(key.to_string().parse::<NodeKey>(), Ok(key));
        // RFC 8032's public key of this secret, as the rest of hefu computes it.
        let pair = hefu_primitives::KeyPair::from_secret(&[7; 32]);
        assert!(pair.public().to_string().contains(&key.to_string()));
    }

    #[test]
    fn shows_no_secret() {
        let secret = NodeSecret::new([0xAB; 32]);
        assert!(!format!("{secret:?}").contains("abab"));
    }

    #[test]
    fn foreign_peer_ids_have_no_key() {
        assert_eq!(NodeKey::from_peer_id(&PeerId::random()), None);
    }
}
