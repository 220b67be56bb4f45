//! Receipts of both algorithms: what verifies, what is refused, and frozen bytes.

use super::*;
use crate::hash::{Domain, hash};
use crate::ids::ChainId;
use crate::log::{MemoryLog, inclusion_proof};
use crate::transaction::tests::sample;
use crate::transparency::{cosigner_name, origin};

fn pair() -> KeyPair {
    KeyPair::from_secret(&[7; 32])
}

fn log() -> MemoryLog {
    let mut log = MemoryLog::new();
    for leaf in 0..9u8 {
        let transaction = sample(1, 40).unwrap();
        let data = if leaf == 5 { transaction.as_bytes().to_vec() } else { vec![leaf] };
        log.append(leaf_hash(&data)).unwrap();
    }
    log
}

fn claims(alg: ReceiptAlg) -> ReceiptClaims {
    ReceiptClaims {
        alg,
        key: pair().id(),
        issuer: cosigner_name(&ChainId([2; 32]), crate::Region(310_000)),
        subject: "att:00".into(),
        size: 9,
        height: Height(4),
    }
}

fn receipt(alg: ReceiptAlg) -> Receipt {
    let (log, es256) = (log(), Es256Key::derive(&pair()).unwrap());
    let proof = inclusion_proof(&log, 5, 9).unwrap();
    let pair = pair();
    let signer = match alg {
        ReceiptAlg::EdDsa => ReceiptSigner::EdDsa(&pair),
        ReceiptAlg::Es256 => ReceiptSigner::Es256(&es256),
    };
    Receipt::sign(claims(alg), proof, log.head().root, signer).unwrap()
}

fn key(alg: ReceiptAlg) -> ReceiptKey {
    match alg {
        ReceiptAlg::EdDsa => ReceiptKey::EdDsa(pair().public()),
        ReceiptAlg::Es256 => ReceiptKey::Es256(Es256Key::derive(&pair()).unwrap().public()),
    }
}

const BOTH: [ReceiptAlg; 2] = [ReceiptAlg::EdDsa, ReceiptAlg::Es256];

fn statement() -> TransparentStatement {
    TransparentStatement::new(sample(1, 40).unwrap(), BOTH.map(receipt).to_vec()).unwrap()
}

#[test]
fn receipts_verify_with_their_own_key_alone() {
    let leaf = statement().leaf();
    for alg in BOTH {
        let receipt = receipt(alg);
        assert_eq!(Receipt::decode(&receipt.bytes()), Ok(receipt.clone()));
        assert_eq!(receipt.verify(leaf, &key(alg)), Ok(log().head()));
        assert_eq!(receipt.verify(leaf_hash(b"other"), &key(alg)), Err(ReceiptError::Signature));
        let stranger = KeyPair::from_secret(&[8; 32]);
        let other = match alg {
            ReceiptAlg::EdDsa => ReceiptKey::EdDsa(stranger.public()),
            ReceiptAlg::Es256 => ReceiptKey::Es256(Es256Key::derive(&stranger).unwrap().public()),
        };
        assert_eq!(receipt.verify(leaf, &other), Err(ReceiptError::Signature));
    }
    let crossed = receipt(ReceiptAlg::EdDsa).verify(leaf, &key(ReceiptAlg::Es256));
    assert_eq!(crossed, Err(ReceiptError::Algorithm));
}

/// Every single bit of a receipt counts, the size in the unsigned proof too.
#[test]
fn every_changed_bit_is_refused() {
    let leaf = statement().leaf();
    for alg in BOTH {
        let (bytes, key) = (receipt(alg).bytes(), key(alg));
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << bit;
                let accepted =
                    Receipt::decode(&changed).is_ok_and(|r| r.verify(leaf, &key).is_ok());
                assert!(!accepted, "{alg:?} byte {position} bit {bit}");
            }
        }
    }
}

#[test]
fn statements_carry_the_transaction_unchanged() {
    let statement = statement();
    let bytes = statement.bytes();
    assert_eq!(TransparentStatement::decode(&bytes), Ok(statement.clone()));
    assert_eq!(statement.transaction().as_bytes(), sample(1, 40).unwrap().as_bytes());
    let plain = statement.transaction().as_bytes();
    assert_eq!(TransparentStatement::decode(plain), Err(ReceiptError::Count(0)));
    assert!(TransparentStatement::decode(&[&bytes[..], &[0]].concat()).is_err());
    let transaction = statement.transaction().clone();
    let many = |count| vec![receipt(ReceiptAlg::EdDsa); count];
    assert!(TransparentStatement::new(transaction.clone(), many(MAX_RECEIPTS)).is_ok());
    let over = TransparentStatement::new(transaction, many(MAX_RECEIPTS + 1));
    assert_eq!(over, Err(ReceiptError::Count(MAX_RECEIPTS + 1)));
}

#[test]
fn the_size_is_signed_and_leaf_0_has_no_receipt() {
    let sign = |index: u64, size: u64, signed: u64| {
        let log = log();
        let proof = inclusion_proof(&log, index, size).unwrap();
        let claims = ReceiptClaims { size: signed, ..claims(ReceiptAlg::EdDsa) };
        Receipt::sign(claims, proof, log.head().root, ReceiptSigner::EdDsa(&pair()))
    };
    assert!(sign(5, 9, 9).is_ok());
    assert_eq!(sign(5, 9, 8), Err(ReceiptError::Claims));
    assert_eq!(sign(0, 9, 9), Err(ReceiptError::Claims));
    assert_eq!(sign(0, 1, 1), Err(ReceiptError::Claims));
    let long = ReceiptClaims { subject: "x".repeat(129), ..claims(ReceiptAlg::EdDsa) };
    let proof = inclusion_proof(&log(), 5, 9).unwrap();
    let signed = Receipt::sign(long, proof, log().head().root, ReceiptSigner::EdDsa(&pair()));
    assert_eq!(signed, Err(ReceiptError::Claims));
}

/// Frozen: receipts in archives must verify forever.
#[test]
fn golden() {
    let digest = |bytes: &[u8]| hash(Domain::Digest, &[bytes]).to_string();
    let found = [
        digest(&receipt(ReceiptAlg::EdDsa).bytes()),
        digest(&receipt(ReceiptAlg::Es256).bytes()),
        digest(&statement().bytes()),
        origin(&ChainId([2; 32])),
    ];
    let expected = [
        "1189cbbcd0b41a698a1852861a66060ab2e80397d437b5ecce24e739be057f77",
        "2f245c3499def8a0c0c1fff03f3ddbe23cd3fd4916952d068e400c320633d64f",
        "eb35480d04201eee579bfbe859c833cae1d2a23dccd07a11bbd5db077949277a",
        "hefu/0202020202020202020202020202020202020202020202020202020202020202",
    ];
    assert_eq!(found, expected);
}
