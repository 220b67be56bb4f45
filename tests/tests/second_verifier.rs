//! The second verifier (`verify/`, JavaScript) says of every capsule what this one says: of some
//! that are whole, and of each of them with any byte changed.
//!
//! `verify/golden/NAME.hefu` is a capsule and `NAME.verdicts` one letter for each byte of it: the
//! step at which the capsule fails when that byte is changed and its digest made to fit again.
//! Both are held against this program here, and against the other by its own tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use hefu_primitives::block::Header;
use hefu_primitives::capsule::{
    CAPSULE_FORMAT, Capsule, CapsuleError, CertifiedHeader, GenesisAnchor, RecordProof, SetChange,
    StatusProof,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::log::{MemoryLog, inclusion_proof, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::vote::{CommitCertificate, CommitSignature, Vote, VoteKind};
use hefu_primitives::{
    BlockId, ChainId, H32, Height, KeyPair, Millis, Power, Region, Round, SignedTransaction,
    TransactionBody, Validator, ValidatorSet,
};
use minicbor::bytes::ByteVec;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../verify")
}

fn pairs(from: u8) -> Vec<KeyPair> {
    (from..from + 4).map(|number| KeyPair::from_secret(&[number; 32])).collect()
}

fn set(pairs: &[KeyPair]) -> ValidatorSet {
    let validator = |(place, pair): (usize, &KeyPair)| Validator {
        region: Region(310_000 + 10_000 * place as u32),
        key: pair.public(),
        power: Power(1),
    };
    ValidatorSet::new(pairs.iter().enumerate().map(validator).collect()).unwrap()
}

/// A ledger of which only what a capsule shows is made.
struct Ledger {
    anchor: GenesisAnchor,
    log: MemoryLog,
    map: AuthenticatedMap,
    parent: BlockId,
}

impl Ledger {
    fn new(records: u8) -> Self {
        let mut map = AuthenticatedMap::new();
        map.update(
            (0..records)
                .map(|number| (path_of(&[0x22, number]), Some(value_hash(&[0x81, number % 24])))),
        );
        let anchor = GenesisAnchor {
            format: 1,
            document: H32([7; 32]),
            created: Millis(1_780_000_000_000),
            state_root: map.root(),
            validators: set(&pairs(1)),
        };
        let mut log = MemoryLog::new();
        log.append(leaf_hash(&anchor.to_bytes())).unwrap();
        let parent = BlockId(anchor.chain().0);
        Self { anchor, log, map, parent }
    }

    fn transaction(&mut self, number: u8) -> SignedTransaction {
        let body = TransactionBody {
            chain: self.anchor.chain(),
            not_after: Millis(1_780_000_600_000),
            acts: vec![vec![0x82, 0x14, 0x81, number].into(), vec![0x80].into()],
        };
        let (issuer, key) = ("11310000HEFU01010W".parse().unwrap(), signer());
        let tx = SignedTransaction::sign(&body, issuer, "att:00", &key).unwrap();
        self.log.append(leaf_hash(tx.as_bytes())).unwrap();
        tx
    }

    fn block(&mut self, height: u64, by: &[KeyPair], next: &[KeyPair]) -> CertifiedHeader {
        let header = Header {
            protocol: 1,
            chain: self.anchor.chain(),
            height: Height(height),
            round: Round(0),
            time: Millis(1_780_000_000_000 + 1_000 * height),
            parent: self.parent,
            bundles_root: H32([1; 32]),
            outcomes_root: H32([2; 32]),
            log_size: self.log.head().size,
            log_root: self.log.head().root,
            state_root: self.map.root(),
            validators: set(by).hash(),
            next_validators: set(next).hash(),
            parameters: H32([3; 32]),
            proposer: by[0].id(),
        };
        self.parent = header.id();
        let (height, round, block) = (header.height, Round(1), header.id());
        let sign = |index: usize| {
            let (kind, validator) = (VoteKind::Precommit, by[index].id());
            let vote = Vote { kind, height, round, block: Some(block), validator };
            let signature = vote.sign(&header.chain, &by[index]).signature;
            CommitSignature { index: index as u16, signature }
        };
        let signatures = vec![sign(0), sign(2), sign(3)];
        let certificate = CommitCertificate { height, round, block, signatures };
        CertifiedHeader { header, certificate }
    }

    fn record(&self, key: &[u8], value: Option<&[u8]>) -> RecordProof {
        let proof = self.map.prove(&path_of(key));
        let value = value.map(|value| ByteVec::from(value.to_vec()));
        RecordProof { key: key.to_vec().into(), value, proof }
    }

    fn capsule(&self, recorded: CertifiedHeader, tx: &SignedTransaction, leaf: u64) -> Capsule {
        let size = recorded.header.log_size;
        Capsule {
            format: CAPSULE_FORMAT,
            anchor: self.anchor.clone(),
            set_changes: vec![],
            recorded,
            transaction: tx.as_bytes().to_vec().into(),
            signer: signer().public(),
            inclusion: inclusion_proof(&self.log, leaf, size).unwrap(),
            status: None,
            before: None,
        }
    }
}

fn signer() -> KeyPair {
    KeyPair::from_secret(&[99; 32])
}

/// A record of the first block, and nothing more.
fn smallest() -> Capsule {
    let mut ledger = Ledger::new(0);
    let tx = ledger.transaction(1);
    let recorded = ledger.block(1, &pairs(1), &pairs(1));
    ledger.capsule(recorded, &tx, 1)
}

/// A record of a later block, two changes of validators, and records and an absence after it.
fn whole() -> Capsule {
    let (first, second, third) = (pairs(1), pairs(11), pairs(21));
    let mut ledger = Ledger::new(20);
    (2..9).for_each(|number| {
        ledger.transaction(number);
    });
    let before = ledger.block(1, &first, &second);
    let tx = ledger.transaction(10);
    let leaf = ledger.log.head().size - 1;
    ledger.transaction(11);
    let recorded = ledger.block(2, &second, &second);
    let mut capsule = ledger.capsule(recorded, &tx, leaf);
    let handover = ledger.block(3, &second, &third);
    let status = ledger.block(300, &third, &third);
    capsule.set_changes = vec![
        SetChange { certified: before.clone(), next: set(&second) },
        SetChange { certified: handover, next: set(&third) },
    ];
    capsule.before = Some(before.header);
    let records = vec![
        ledger.record(&[0x22, 4], Some(&[0x81, 4])),
        ledger.record(&[0x22, 19], Some(&[0x81, 19])),
        ledger.record(&[0x22, 200], None),
    ];
    capsule.status = Some(StatusProof { certified: status, records });
    capsule
}

fn letter(verdict: Result<(), CapsuleError>) -> char {
    match verdict {
        Ok(()) => '.',
        Err(CapsuleError::Encoding(_)) => 'e',
        Err(CapsuleError::Changed) => 'd',
        Err(CapsuleError::Format(_)) => 'f',
        Err(CapsuleError::Genesis { .. }) => 'g',
        Err(CapsuleError::Header(_)) => 'h',
        Err(CapsuleError::Certificate { .. }) => 'c',
        Err(CapsuleError::Transaction(_) | CapsuleError::OtherLedger | CapsuleError::Signature) => {
            't'
        }
        Err(CapsuleError::Inclusion(_)) => 'l',
        Err(CapsuleError::StatusOrder { .. } | CapsuleError::Record(_)) => 's',
    }
}

/// The file of an inner capsule, digest included: `[capsule, digest]`.
fn file(capsule: &[u8]) -> Vec<u8> {
    let digest = hash(Domain::Capsule, &[capsule]);
    (ByteVec::from(capsule.to_vec()), digest).to_bytes()
}

fn verdict(capsule: &[u8], chain: ChainId) -> char {
    let read = Capsule::from_file(&file(capsule));
    letter(read.and_then(|capsule| capsule.verify(chain).map(|_| ())))
}

/// The bit that is changed in a byte, so that all eight have their turn.
fn flipped(capsule: &[u8], place: usize) -> Vec<u8> {
    let mut changed = capsule.to_vec();
    changed[place] ^= 1 << (place % 8);
    changed
}

#[test]
fn golden_capsules_are_judged_as_written() {
    let bless = std::env::var_os("HEFU_BLESS").is_some();
    for (name, capsule) in [("smallest", smallest()), ("whole", whole())] {
        let (bytes, chain) = (capsule.to_bytes(), capsule.anchor.chain());
        assert_eq!(capsule.to_file(), file(&bytes));
        assert_eq!(verdict(&bytes, chain), '.', "{name}");
        let verdicts: String =
            (0..bytes.len()).map(|place| verdict(&flipped(&bytes, place), chain)).collect();
        let paths = ["hefu", "verdicts", "genesis"]
            .map(|kind| folder().join("golden").join(format!("{name}.{kind}")));
        let texts = [capsule.to_file(), verdicts.into_bytes(), chain.to_string().into_bytes()];
        for (path, text) in paths.iter().zip(&texts) {
            if bless {
                std::fs::write(path, text).unwrap();
            }
            assert!(std::fs::read(path).unwrap() == *text, "{}", path.display());
        }
    }
}

/// Runs the other verifier's own tests, when there is what they need.
#[test]
fn the_second_verifier_agrees() {
    let run = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).current_dir(folder()).output().ok()
    };
    if run("node", &["--version"]).is_none() {
        println!("skipped: node");
        return;
    }
    let installed = folder().join("node_modules/@noble/curves").exists()
        || run("npm", &["ci", "--no-audit", "--no-fund"]).is_some_and(|done| done.status.success());
    if !installed {
        println!("skipped: npm packages");
        return;
    }
    let done = run("node", &["--test", "test/"]).unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("# pass") && !said.contains("# pass 0"), "{said}");
}
