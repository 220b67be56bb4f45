//! What nodes tell each other about cosigning.

use hefu_primitives::log::LogHead;
use hefu_primitives::transparency::{
    Checkpoint, Es256Endorsement, Es256PublicKey, SignatureKind, VerifierKey, cosigner_name,
};
use hefu_primitives::{ChainId, KeyId, PublicKey, Region, Signature};
use minicbor::{Decode, Encode};

/// A cosignature and what it is of. The text it signs follows from the ledger and the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cosigned {
    /// The registered key.
    #[n(0)]
    pub key: KeyId,
    /// The head.
    #[n(1)]
    pub head: LogHead,
    /// When, in seconds since 1970.
    #[n(2)]
    pub time: u64,
    /// The signature of `cosignature/v1`.
    #[n(3)]
    pub signature: Signature,
}

impl Cosigned {
    /// Most bytes of an encoded cosignature: 22 + 45 + 9 + 66 and the heads.
    pub const MAX_BYTES: usize = 160;

    /// Whether the key of a province signed this.
    pub(crate) fn verify(&self, chain: &ChainId, region: Region, key: &PublicKey) -> bool {
        let name = cosigner_name(chain, region);
        let Ok(verifier) = VerifierKey::new(name, SignatureKind::Cosignature, key) else {
            return false;
        };
        let origin = hefu_primitives::transparency::origin(chain);
        let text = Checkpoint::new(origin, self.head).text();
        let line = verifier.cosignature(self.time, &self.signature);
        key.id() == self.key && verifier.verify(&text, &line) == Some(self.time)
    }
}

/// The keys of a cosigner, as it endorses them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CosignerKeys {
    /// The registered key.
    #[n(0)]
    pub key: KeyId,
    /// The P-256 key that belongs to it, compressed: its sign, and the rest.
    #[n(1)]
    pub es256_sign: u8,
    /// The abscissa.
    #[n(2)]
    pub es256: hefu_primitives::H32,
    /// The endorsement.
    #[n(3)]
    pub signature: Signature,
}

impl CosignerKeys {
    /// Most bytes of the encoding.
    pub const MAX_BYTES: usize = 160;

    /// What a cosigner says of its keys.
    pub fn new(key: KeyId, endorsement: &Es256Endorsement) -> Self {
        let [sign, rest @ ..] = *endorsement.key.as_bytes();
        let es256 = hefu_primitives::H32(rest);
        Self { key, es256_sign: sign, es256, signature: endorsement.signature }
    }

    /// The endorsement.
    pub fn endorsement(&self) -> Es256Endorsement {
        let mut bytes = [self.es256_sign; 33];
        bytes[1..].copy_from_slice(&self.es256.0);
        Es256Endorsement { key: Es256PublicKey::from_bytes(bytes), signature: self.signature }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::KeyPair;
    use hefu_primitives::codec::Canonical;
    use hefu_primitives::transparency::Es256Key;

    #[test]
    fn encodings_are_within_their_bounds_and_verify_for_one_province() {
        let (pair, chain, region) =
            (KeyPair::from_secret(&[1; 32]), ChainId([2; 32]), Region(310_000));
        let head = LogHead { size: 1 << 48, root: hefu_primitives::H32([9; 32]) };
        let verifier = VerifierKey::new(
            cosigner_name(&chain, region),
            SignatureKind::Cosignature,
            &pair.public(),
        );
        let text = Checkpoint::new(hefu_primitives::transparency::origin(&chain), head).text();
        let time = i64::MAX.unsigned_abs();
        let line = verifier.unwrap().sign(&pair, time, &text);
        let signature = Signature(line.bytes[8..].try_into().unwrap());
        let cosigned = Cosigned { key: pair.id(), head, time, signature };
        let bytes = cosigned.to_bytes();
        assert_eq!(Cosigned::from_bytes(&bytes, Cosigned::MAX_BYTES), Ok(cosigned));
        assert!(cosigned.verify(&chain, region, &pair.public()));
        assert!(!cosigned.verify(&ChainId([3; 32]), region, &pair.public()));
        assert!(!Cosigned { time: 5, ..cosigned }.verify(&chain, region, &pair.public()));
        assert!(!Cosigned { key: KeyId::ZERO, ..cosigned }.verify(&chain, region, &pair.public()));

        let es256 = Es256Key::derive(&pair).unwrap();
        let keys = CosignerKeys::new(pair.id(), &es256.endorse(&pair));
        assert_eq!(CosignerKeys::from_bytes(&keys.to_bytes(), CosignerKeys::MAX_BYTES), Ok(keys));
        assert_eq!(keys.endorsement().key, es256.public());
        assert!(keys.endorsement().verify(&pair.public()));
    }
}
