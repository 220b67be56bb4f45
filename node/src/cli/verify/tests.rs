//! A made-up capsule, verified by the command.

use clap::Parser;
use hefu_contracts::Act;
use hefu_contracts::certificate::SuspendAttestation;
use hefu_primitives::block::Header;
use hefu_primitives::capsule::{
    CAPSULE_FORMAT, Capsule, CertifiedHeader, GenesisAnchor, RecordProof, StatusProof,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{MemoryLog, inclusion_proof, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::validators::{Validator, ValidatorSet};
use hefu_primitives::vote::{CommitSignature, Vote, VoteKind};
use hefu_primitives::{
    BlockId, CommitCertificate, H32, Height, Id16, KeyPair, Millis, Power, Region, Round,
    SignedTransaction, TransactionBody,
};

use super::*;
use crate::cli::app::Globals;
use crate::cli::exit::Exit;
use crate::cli::output::{Format, Output};
use crate::text::Lang;

const RECORD: &[u8] = b"\x04key";
const VALUE: &[u8] = b"value";

/// A ledger of one validator and one block, whose capsule proves the records of these keys.
fn capsule(keys: &[&[u8]]) -> (Capsule, ChainId) {
    let pair = KeyPair::from_secret(&[1; 32]);
    let validator = Validator { region: Region(310_000), key: pair.public(), power: Power(1) };
    let validators = ValidatorSet::new(vec![validator]).unwrap();
    let mut map = AuthenticatedMap::new();
    map.update([(path_of(RECORD), Some(value_hash(VALUE)))]);
    let (format, document, created) = (1, H32([7; 32]), Millis(1));
    let state_root = map.root();
    let anchor = GenesisAnchor { format, document, created, state_root, validators };
    let chain = anchor.chain();
    let act = Act::from(SuspendAttestation {
        id: Id16([1; 16]),
        reason: 1,
        effective: Day::of_beijing(Millis(1)),
        until: None,
        occurred_at: Millis(1),
    });
    let body = TransactionBody { chain, not_after: Millis(9), acts: vec![act.to_bytes().into()] };
    let issuer = "11310000HEFU01010W".parse().unwrap();
    let transaction = SignedTransaction::sign(&body, issuer, "att:01", &pair).unwrap();
    let mut log = MemoryLog::new();
    log.append(leaf_hash(&anchor.to_bytes())).unwrap();
    log.append(leaf_hash(transaction.as_bytes())).unwrap();
    let recorded = certified(&anchor, &log, &pair);
    let records = keys.iter().map(|key| RecordProof {
        key: key.to_vec().into(),
        value: (*key == RECORD).then(|| VALUE.to_vec().into()),
        proof: map.prove(&path_of(key)),
    });
    let status = StatusProof { certified: recorded.clone(), records: records.collect() };
    let capsule = Capsule {
        format: CAPSULE_FORMAT,
        anchor,
        set_changes: Vec::new(),
        recorded,
        transaction: transaction.as_bytes().to_vec().into(),
        signer: pair.public(),
        inclusion: inclusion_proof(&log, 1, 2).unwrap(),
        status: Some(status),
        before: None,
        witness: None,
    };
    (capsule, chain)
}

fn certified(anchor: &GenesisAnchor, log: &MemoryLog, pair: &KeyPair) -> CertifiedHeader {
    let (chain, height, round) = (anchor.chain(), Height(1), Round(0));
    let header = Header {
        protocol: 1,
        chain,
        height,
        round,
        time: Millis(2),
        parent: BlockId([1; 32]),
        bundles_root: H32::ZERO,
        outcomes_root: H32::ZERO,
        log_size: log.head().size,
        log_root: log.head().root,
        state_root: anchor.state_root,
        validators: anchor.validators.hash(),
        next_validators: anchor.validators.hash(),
        parameters: H32::ZERO,
        proposer: pair.id(),
    };
    let (kind, block, validator) = (VoteKind::Precommit, header.id(), pair.id());
    let vote = Vote { kind, height, round, block: Some(block), validator };
    let signature = vote.sign(&chain, pair).signature;
    let signatures = vec![CommitSignature { index: 0, signature }];
    let certificate = CommitCertificate { height, round, block, signatures };
    CertifiedHeader { header, certificate }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    globals: Globals,
}

fn verify(keys: &[&[u8]]) -> Done {
    let (capsule, genesis) = capsule(keys);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capsule");
    std::fs::write(&path, capsule.to_file().unwrap()).unwrap();
    let nowhere = || Box::new(std::io::sink());
    let output = Output::to(Format::Json, Lang::En, true, nowhere(), nowhere());
    let app = App::new(Line::parse_from(["x"]).globals, output);
    run(&app, &Verify { file: path, genesis, day: None, keys: None, of: None, extract: None })
}

#[test]
fn absence_is_proven_of_tables_in_the_map_only() {
    assert_eq!(verify(&[RECORD]), Ok(Exit::Ok));
    assert_eq!(verify(&[RECORD, b"\x04none"]), Ok(Exit::Ok));
    // The proof itself is sound: the map has no such key, because it never has any of them.
    for outside in [b"\x80key".as_slice(), b"\xff", b""] {
        let (capsule, genesis) = capsule(&[RECORD, outside]);
        assert!(capsule.verify(genesis).is_ok());
        let fault = verify(&[RECORD, outside]).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.exit), ("cli.invalid", Exit::Invalid));
        assert!(fault.message(crate::text::Lang::En).contains("record 1"));
    }
}
