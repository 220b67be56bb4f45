//! The second verifier (`verify/`, JavaScript) says of every capsule what this one says: of some
//! that are whole, and of each of them with any byte changed.
//!
//! `verify/golden/NAME.hefu` is a capsule and `NAME.verdicts` one letter for each byte of it: the
//! step at which the capsule fails when that byte is changed and its digest made to fit again.
//! Both are held against this program here, and against the other by its own tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use hefu_contracts::evidence::check_cosigners;
use hefu_contracts::identity::{KEYS, KeyRecord, KeyState, Role};
use hefu_primitives::block::Header;
use hefu_primitives::capsule::{
    CAPSULE_FORMAT, Capsule, CertifiedHeader, Cosignature, Cosigner, FIRST_FORMAT, GenesisAnchor,
    RecordProof, SetChange, StatusProof, Witness,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::log::{MemoryLog, inclusion_proof, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::transparency::receipt::{ReceiptKey, ReceiptSigner};
use hefu_primitives::transparency::{
    Checkpoint, Es256Key, Note, Receipt, ReceiptAlg, ReceiptClaims, SignatureKind,
    TransparentStatement, VerifierKey, cosigner_name, origin,
};
use hefu_primitives::vote::{CommitCertificate, CommitSignature, Vote, VoteKind};
use hefu_primitives::{
    BlockId, ChainId, H32, Height, KeyPair, Millis, Power, Region, Round, Signature,
    SignedTransaction, TransactionBody, Validator, ValidatorSet,
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
            format: FIRST_FORMAT,
            anchor: self.anchor.clone(),
            set_changes: vec![],
            recorded,
            transaction: tx.as_bytes().to_vec().into(),
            signer: signer().public(),
            inclusion: inclusion_proof(&self.log, leaf, size).unwrap(),
            status: None,
            before: None,
            witness: None,
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

/// Cosigning keys of the four provinces, and an authority of each that owns it.
fn cosigners() -> Vec<(Region, KeyPair, KeyRecord)> {
    let owners =
        ["11310000HEFU01010W", "11320000HEFU02013H", "11330000HEFU030166", "11340000HEFU04019T"];
    let record = |(place, owner): (usize, &str)| {
        let pair = KeyPair::from_secret(&[40 + place as u8; 32]);
        let record = KeyRecord {
            key: pair.public(),
            owner: owner.parse().unwrap(),
            roles: vec![Role::Cosigner],
            not_before: Millis(1_780_000_000_000),
            not_after: Millis(1_790_000_000_000),
            state: KeyState::Active,
            retires_at: None,
            revocation: None,
            bound_at: Height(0),
            bound_time: Millis(0),
            first_revocation: None,
        };
        (Region(310_000 + 10_000 * place as u32), pair, record)
    };
    owners.into_iter().enumerate().map(record).collect()
}

fn verifier((region, pair, _): &(Region, KeyPair, KeyRecord), chain: &ChainId) -> VerifierKey {
    let name = cosigner_name(chain, *region);
    VerifierKey::new(name, SignatureKind::Cosignature, &pair.public()).unwrap()
}

fn receipt(
    capsule: &Capsule,
    (region, pair, _): &(Region, KeyPair, KeyRecord),
    alg: ReceiptAlg,
) -> Receipt {
    let header = &capsule.recorded.header;
    let es256 = Es256Key::derive(pair).unwrap();
    let claims = ReceiptClaims {
        alg,
        key: pair.id(),
        issuer: cosigner_name(&header.chain, *region),
        subject: "att:00".into(),
        size: header.log_size,
        height: header.height,
    };
    let signer = match alg {
        ReceiptAlg::EdDsa => ReceiptSigner::EdDsa(pair),
        ReceiptAlg::Es256 => ReceiptSigner::Es256(&es256),
    };
    Receipt::sign(claims, capsule.inclusion.clone(), header.log_root, signer).unwrap()
}

/// Both kinds of end, shared siblings, an absence beside a presence; a checkpoint of a later log by
/// three provinces, receipts by three, among them one that signed nothing else.
fn witnessed() -> Capsule {
    let (first, second) = (pairs(1), pairs(11));
    let mut ledger = Ledger::new(20);
    let records = cosigners();
    let stored = records.iter().map(|(_, _, record)| {
        (path_of(&KEYS.key(&record.key.id())), Some(value_hash(&record.to_bytes())))
    });
    ledger.map.update(stored.collect::<Vec<_>>());
    (2..9).for_each(|number| {
        ledger.transaction(number);
    });
    let before = ledger.block(1, &first, &first);
    let tx = ledger.transaction(10);
    let leaf = ledger.log.head().size - 1;
    ledger.transaction(11);
    let recorded = ledger.block(2, &first, &second);
    let mut capsule = ledger.capsule(recorded.clone(), &tx, leaf);
    (20..31).for_each(|number| {
        ledger.transaction(number);
    });
    let status = ledger.block(3, &second, &second);
    let head = ledger.log.head();
    let chain = ledger.anchor.chain();
    let text = Checkpoint::new(origin(&chain), head).text();
    let signed = records.iter().enumerate().map(|(place, of)| {
        let time = 1_780_000_100 + place as u64;
        let line = verifier(of, &chain).sign(&of.1, time, &text);
        let signature = Signature(line.bytes[8..].try_into().unwrap());
        let receipt = *receipt(&capsule, of, ReceiptAlg::EdDsa).signature();
        Cosigner {
            region: of.0,
            key: of.1.public(),
            cosignature: (place != 1).then_some(Cosignature { time, signature }),
            receipt: (place != 3).then_some(receipt),
        }
    });
    let cosigners = signed.collect();
    let keys = records
        .iter()
        .map(|(_, _, record)| ledger.record(&KEYS.key(&record.key.id()), Some(&record.to_bytes())));
    let others = [
        ledger.record(&[0x22, 4], Some(&[0x81, 4])),
        ledger.record(&[0x22, 200], None),
        ledger.record(&[0x22, 19], Some(&[0x81, 19])),
        ledger.record(&[0x22, 201], None),
    ];
    let records = others.into_iter().chain(keys).collect();
    capsule.set_changes = vec![SetChange { certified: recorded, next: set(&second) }];
    capsule.before = Some(before.header);
    capsule.status = Some(StatusProof { certified: status, records });
    let head = Some(inclusion_proof(&ledger.log, leaf, head.size).unwrap());
    capsule.witness = Some(Witness { head, cosigners });
    capsule.format = CAPSULE_FORMAT;
    capsule
}

/// The status of the block that recorded, at height 1, and a checkpoint of its very log.
fn compact() -> Capsule {
    let mut ledger = Ledger::new(3);
    let of = cosigners().swap_remove(2);
    let (key, record) = (KEYS.key(&of.1.id()), of.2.to_bytes());
    ledger.map.update([(path_of(&key), Some(value_hash(&record)))]);
    let tx = ledger.transaction(1);
    let recorded = ledger.block(1, &pairs(1), &pairs(1));
    let mut capsule = ledger.capsule(recorded.clone(), &tx, 1);
    let records = vec![ledger.record(&key, Some(&record)), ledger.record(&[0x22, 9], None)];
    capsule.status = Some(StatusProof { certified: recorded, records });
    let chain = ledger.anchor.chain();
    let text = Checkpoint::new(origin(&chain), ledger.log.head()).text();
    let line = verifier(&of, &chain).sign(&of.1, 1_780_000_001, &text);
    let signature = Signature(line.bytes[8..].try_into().unwrap());
    let cosignature = Some(Cosignature { time: 1_780_000_001, signature });
    let cosigner = Cosigner { region: of.0, key: of.1.public(), cosignature, receipt: None };
    capsule.witness =
        Some(Witness { head: Some(capsule.inclusion.clone()), cosigners: vec![cosigner] });
    capsule.format = CAPSULE_FORMAT;
    capsule
}

/// One letter for each step.
fn letter(step: &str) -> char {
    match step {
        "checkpoint" => 'p',
        "cosigners" => 'k',
        step => step.chars().next().unwrap(),
    }
}

/// The file of an inner capsule, digest included: `[capsule, digest]`.
fn file(capsule: &[u8]) -> Vec<u8> {
    let digest = hash(Domain::Capsule, &[capsule]);
    (ByteVec::from(capsule.to_vec()), digest).to_bytes()
}

fn verdict(capsule: &[u8], chain: ChainId) -> char {
    let read = Capsule::from_file(&file(capsule)).and_then(|capsule| capsule.verify(chain));
    match read {
        Ok(verified) => check_cosigners(&verified).map_or_else(|e| letter(e.step()), |_| '.'),
        Err(error) => letter(error.step()),
    }
}

/// The bit that is changed in a byte, so that all eight have their turn.
fn flipped(capsule: &[u8], place: usize) -> Vec<u8> {
    let mut changed = capsule.to_vec();
    changed[place] ^= 1 << (place % 8);
    changed
}

/// Writes what is golden when it is asked to, and holds it against what there is.
fn hold(name: &str, bytes: &[u8]) {
    let path = folder().join("golden").join(name);
    if std::env::var_os("HEFU_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == bytes, "{}", path.display());
}

#[test]
fn golden_capsules_are_judged_as_written() {
    let capsules = [
        ("smallest", smallest()),
        ("whole", whole()),
        ("compact", compact()),
        ("witnessed", witnessed()),
    ];
    for (name, capsule) in capsules {
        let (bytes, chain) = (capsule.to_inner().unwrap(), capsule.anchor.chain());
        assert_eq!(capsule.to_file().unwrap(), file(&bytes));
        assert_eq!(verdict(&bytes, chain), '.', "{name}");
        let verdicts: String =
            (0..bytes.len()).map(|place| verdict(&flipped(&bytes, place), chain)).collect();
        hold(&format!("{name}.hefu"), &file(&bytes));
        hold(&format!("{name}.verdicts"), verdicts.as_bytes());
        hold(&format!("{name}.genesis"), chain.to_string().as_bytes());
    }
}

/// How many of the known keys cosigned a note, as a digit; a letter when it is none.
fn judge_note(bytes: &[u8], keys: &[VerifierKey]) -> char {
    let signed = Checkpoint::verified(bytes, keys).map(|(_, signed)| signed.len() as u32);
    signed.map_or('x', |count| char::from_digit(count, 10).unwrap())
}

/// How many receipts of a statement hold; a letter when it is none, or one of them is forged.
fn judge_statement(bytes: &[u8], chain: &ChainId) -> char {
    let Ok(statement) = TransparentStatement::decode(bytes) else { return 'x' };
    let mut held = 0;
    for receipt in statement.receipts() {
        let claims = receipt.claims();
        let all = cosigners();
        let Some(known) = all.iter().find(|of| of.1.id() == claims.key) else { continue };
        let key = match claims.alg {
            ReceiptAlg::EdDsa => ReceiptKey::EdDsa(known.1.public()),
            ReceiptAlg::Es256 => ReceiptKey::Es256(Es256Key::derive(&known.1).unwrap().public()),
        };
        let same = claims.issuer == cosigner_name(chain, known.0)
            && claims.subject == statement.transaction().claims().subject;
        if !same || receipt.verify(statement.leaf(), &key).is_err() {
            return 'x';
        }
        held += 1;
    }
    char::from_digit(held, 10).unwrap()
}

/// A checkpoint by two known cosigners and a stranger, and a statement with receipts of both
/// algorithms, each with the verdict on every changed byte.
#[test]
fn golden_notes_and_statements_are_judged_as_written() {
    let capsule = witnessed();
    let chain = capsule.anchor.chain();
    let known: Vec<VerifierKey> = cosigners()[..2].iter().map(|of| verifier(of, &chain)).collect();
    let mut lines = capsule.checkpoint().unwrap();
    lines = Note::new(lines.text().to_owned(), {
        let second = cosigners().swap_remove(1);
        let own = verifier(&second, &chain).sign(&second.1, 1_780_000_107, lines.text());
        lines.signatures().iter().cloned().chain([own]).collect()
    })
    .unwrap();
    let note = lines.to_string().into_bytes();
    let all = cosigners();
    let receipts = [(0, ReceiptAlg::EdDsa), (1, ReceiptAlg::Es256)]
        .map(|(place, alg): (usize, _)| receipt(&capsule, &all[place], alg));
    let transaction = SignedTransaction::decode(&capsule.transaction).unwrap();
    let statement = TransparentStatement::new(transaction, receipts.to_vec()).unwrap().bytes();
    let listed = all[..2].iter().map(|of| {
        let endorsement = Es256Key::derive(&of.1).unwrap().endorse(&of.1);
        serde_json::json!({
            "cosigner": verifier(of, &chain).to_string(),
            "es256": endorsement.key.to_string(),
            "es256_endorsement": endorsement.signature.to_string(),
        })
    });
    let list = serde_json::json!({ "cosigners": listed.collect::<Vec<_>>() });
    assert_eq!((judge_note(&note, &known), judge_statement(&statement, &chain)), ('2', '2'));
    let notes: String = (0..note.len()).map(|at| judge_note(&flipped(&note, at), &known)).collect();
    let statements: String =
        (0..statement.len()).map(|at| judge_statement(&flipped(&statement, at), &chain)).collect();
    // A line that no longer names a known key is a stranger's; in the text nothing can change.
    assert!(notes[..lines.text().len()].chars().all(|verdict| verdict == 'x'));
    assert!(!statements.contains('2'), "whatever is changed is noticed");
    hold("checkpoint.note", &note);
    hold("checkpoint.verdicts", notes.as_bytes());
    hold("statement.cose", &statement);
    hold("statement.verdicts", statements.as_bytes());
    hold("cosigners.json", format!("{list:#}\n").as_bytes());
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
