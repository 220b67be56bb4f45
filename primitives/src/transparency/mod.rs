//! The formats in which the transparency world checks a log: C2SP signed notes, checkpoints,
//! cosignatures and tiles, COSE receipts (RFC 9942) and SCITT transparent statements (RFC 9943).
//!
//! | file | format | its text |
//! |---|---|---|
//! | `note` | signed note, verifier keys | c2sp.org/signed-note |
//! | `checkpoint` | checkpoint, cosignature/v1 | c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature |
//! | `witness` | the body of `add-checkpoint`, and how a witness decides | c2sp.org/tlog-witness |
//! | `tile` | which tile a path names, and whether a log has it | c2sp.org/tlog-tiles |
//! | `receipt` | COSE receipts, transparent statements | RFC 9942, RFC 9943 |
//! | `es256` | the second key of a cosigner, for verifiers without Ed25519 | RFC 9053 §2.1 |
//!
//! ## Names
//!
//! 1. The *origin* of a ledger is `hefu/` and its chain id: who knows the genesis hash knows it.
//! 2. A province cosigns under the origin, a slash and its code: `hefu/…/310000`.
//! 3. Parsers take what they would write and nothing else; every length is bounded before anything
//!    is kept.
//!
//! Nothing here knows which keys are registered, when a validator may cosign, or any I/O.

pub mod checkpoint;
pub mod es256;
pub mod note;
pub mod receipt;
pub mod tile;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use es256::{Es256Endorsement, Es256Key, Es256PublicKey};
pub use note::{Note, NoteError, NoteSignature, SignatureKind, VerifierKey};
pub use receipt::{Receipt, ReceiptAlg, ReceiptClaims, ReceiptError, TransparentStatement};
pub use tile::{TILE_WIDTH, Tile, TileError};
pub use witness::{AddCheckpoint, Refusal};

use crate::ids::{ChainId, Region};

/// The origin line of a ledger's checkpoints.
pub fn origin(chain: &ChainId) -> String {
    format!("hefu/{chain}")
}

/// The name under which a province cosigns.
pub fn cosigner_name(chain: &ChainId, region: Region) -> String {
    format!("hefu/{chain}/{region}")
}

/// A public key of suite 1 as an SPKI file (RFC 8410): what other tools load.
pub fn ed25519_pem(key: &[u8; 32]) -> String {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    pem(&[&PREFIX[..], key].concat())
}

/// A public key file of DER bytes.
fn pem(der: &[u8]) -> String {
    let text = note::base64(der);
    let mut file = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for line in text.as_bytes().chunks(64) {
        file.push_str(core::str::from_utf8(line).unwrap_or_default());
        file.push('\n');
    }
    file.push_str("-----END PUBLIC KEY-----\n");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_note_allows() {
        let chain = ChainId([0xab; 32]);
        assert_eq!(origin(&chain), format!("hefu/{}", "ab".repeat(32)));
        assert_eq!(cosigner_name(&chain, Region(310_000)), format!("{}/310000", origin(&chain)));
        assert!(note::is_name(&cosigner_name(&chain, Region(310_000))));
    }

    /// The example key of RFC 8410 §10.1.
    #[test]
    fn public_key_files() {
        let key: crate::hash::H32 =
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1".parse().unwrap();
        let expected = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
            -----END PUBLIC KEY-----\n";
        assert_eq!(ed25519_pem(&key.0), expected);
    }
}
