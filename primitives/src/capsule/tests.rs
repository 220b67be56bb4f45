//! Capsules that hold, and each step at which one fails.

use super::*;
use crate::crypto::{KeyPair, Signature};
use crate::ids::{BlockId, Round};
use crate::log::{MemoryLog, inclusion_proof};
use crate::map::AuthenticatedMap;
use crate::transaction::TransactionBody;
use crate::transparency::receipt::{ReceiptKey, ReceiptSigner};
use crate::transparency::{
    Checkpoint, Receipt, ReceiptAlg, ReceiptClaims, SignatureKind, VerifierKey, cosigner_name,
    origin,
};
use crate::validators::tests::{pairs, set};
use crate::vote::{CommitSignature, Vote, VoteKind};

const RECORD: &[u8] = b"\x04key";
const VALUE: &[u8] = b"value";
const ABSENT: &[u8] = b"\x04none";

fn cosigners() -> Vec<KeyPair> {
    (60..63).map(|number| KeyPair::from_secret(&[number; 32])).collect()
}

fn key_record(pair: &KeyPair) -> Vec<u8> {
    [&[KEY_TABLE][..], pair.id().as_ref()].concat()
}

fn province(place: usize) -> Region {
    Region(310_000 + 10_000 * place as u32)
}

/// A ledger of a few headers: four validators, one transaction at height 1, a set change named
/// at height 2, a status at height 3.
struct Ledger {
    anchor: GenesisAnchor,
    log: MemoryLog,
    map: AuthenticatedMap,
    old: Vec<KeyPair>,
    new: Vec<KeyPair>,
}

impl Ledger {
    fn new() -> Self {
        let old = pairs(4);
        let mut map = AuthenticatedMap::new();
        map.update([(path_of(RECORD), Some(value_hash(VALUE)))]);
        for pair in cosigners() {
            map.update([(path_of(&key_record(&pair)), Some(value_hash(VALUE)))]);
        }
        let anchor = GenesisAnchor {
            format: 1,
            document: H32([7; 32]),
            created: Millis(1),
            state_root: map.root(),
            validators: set(&old),
        };
        let mut log = MemoryLog::new();
        log.append(leaf_hash(&anchor.to_bytes())).unwrap();
        let new = pairs(5).split_off(1);
        Self { anchor, log, map, old, new }
    }

    fn sign(
        &self,
        height: u64,
        by: &[KeyPair],
        next: &[KeyPair],
        parent: BlockId,
    ) -> CertifiedHeader {
        let header = Header {
            protocol: 1,
            chain: self.anchor.chain(),
            height: Height(height),
            round: Round(0),
            time: Millis(1_000 + height),
            parent,
            bundles_root: H32::ZERO,
            outcomes_root: H32::ZERO,
            log_size: self.log.head().size,
            log_root: self.log.head().root,
            state_root: self.map.root(),
            validators: set(by).hash(),
            next_validators: set(next).hash(),
            parameters: H32::ZERO,
            proposer: by[0].id(),
        };
        let (block, chain) = (header.id(), header.chain);
        let signature = |index: usize| {
            let vote = Vote {
                kind: VoteKind::Precommit,
                height: header.height,
                round: Round(0),
                block: Some(block),
                validator: by[index].id(),
            };
            let signature = vote.sign(&chain, &by[index]).signature;
            CommitSignature { index: index as u16, signature }
        };
        let signatures = vec![signature(0), signature(1), signature(3)];
        let certificate =
            CommitCertificate { height: header.height, round: Round(0), block, signatures };
        CertifiedHeader { header, certificate }
    }

    fn capsule(&mut self) -> Capsule {
        let key = KeyPair::from_secret(&[99; 32]);
        let body = TransactionBody {
            chain: self.anchor.chain(),
            not_after: Millis(9_999),
            acts: vec![vec![0x80].into()],
        };
        let issuer = "11310000HEFU01010W".parse().unwrap();
        let tx = SignedTransaction::sign(&body, issuer, "att:00", &key).unwrap();
        self.log.append(leaf_hash(tx.as_bytes())).unwrap();
        let recorded = self.sign(1, &self.old, &self.old, BlockId([1; 32]));
        let handover = self.sign(2, &self.old, &self.new, recorded.header.id());
        let latest = self.sign(3, &self.new, &self.new, handover.header.id());
        let record = |key: &[u8], value: Option<&[u8]>| RecordProof {
            key: key.to_vec().into(),
            value: value.map(|value| value.to_vec().into()),
            proof: self.map.prove(&path_of(key)),
        };
        let records = vec![record(RECORD, Some(VALUE)), record(ABSENT, None)];
        Capsule {
            format: FIRST_FORMAT,
            anchor: self.anchor.clone(),
            set_changes: vec![SetChange { certified: handover, next: set(&self.new) }],
            recorded,
            transaction: tx.as_bytes().to_vec().into(),
            signer: key.public(),
            inclusion: inclusion_proof(&self.log, 1, 2).unwrap(),
            status: Some(StatusProof { certified: latest, records }),
            before: None,
            witness: None,
        }
    }

    /// The same in the newer layout, with a checkpoint of a later log, cosigned by two provinces,
    /// and the receipts of two.
    fn witnessed(&mut self) -> Capsule {
        let mut capsule = self.capsule();
        let (chain, header) = (self.anchor.chain(), capsule.recorded.header.clone());
        let tx = SignedTransaction::decode(&capsule.transaction).unwrap();
        for leaf in 0..9u8 {
            self.log.append(leaf_hash(&[leaf])).unwrap();
        }
        let text = Checkpoint::new(origin(&chain), self.log.head()).text();
        let signed = |(place, pair): (usize, KeyPair)| {
            let name = cosigner_name(&chain, province(place));
            let kind = SignatureKind::Cosignature;
            let line = VerifierKey::new(name.clone(), kind, &pair.public()).unwrap();
            let line = line.sign(&pair, 77, &text).bytes.split_off(8);
            let claims = ReceiptClaims {
                alg: ReceiptAlg::EdDsa,
                key: pair.id(),
                issuer: name,
                subject: tx.claims().subject.clone(),
                size: header.log_size,
                height: header.height,
            };
            let (proof, signer) = (capsule.inclusion.clone(), ReceiptSigner::EdDsa(&pair));
            let receipt = Receipt::sign(claims, proof, header.log_root, signer).unwrap();
            let signature = Signature(line.try_into().unwrap());
            Cosigner {
                region: province(place),
                key: pair.public(),
                cosignature: (place != 1).then_some(Cosignature { time: 77, signature }),
                receipt: (place != 2).then_some(*receipt.signature()),
            }
        };
        let signed = cosigners().into_iter().enumerate().map(signed).collect();
        let head = Some(inclusion_proof(&self.log, 1, 11).unwrap());
        let records = &mut capsule.status.as_mut().unwrap().records;
        records.extend(cosigners().iter().map(|pair| RecordProof {
            key: key_record(pair).into(),
            value: Some(VALUE.to_vec().into()),
            proof: self.map.prove(&path_of(&key_record(pair))),
        }));
        capsule.witness = Some(Witness { head, cosigners: signed });
        capsule.format = CAPSULE_FORMAT;
        capsule
    }
}

#[test]
fn proves_a_record_across_a_change_of_validators() {
    let mut ledger = Ledger::new();
    let whole = ledger.capsule();
    for format in [FIRST_FORMAT, CAPSULE_FORMAT] {
        let whole = Capsule { format, ..whole.clone() };
        let capsule = Capsule::from_file(&whole.to_file().unwrap()).unwrap();
        assert_eq!(capsule, whole);
        let verified = capsule.verify(ledger.anchor.chain()).unwrap();
        assert_eq!((verified.leaf, verified.set_changes), (1, 1));
        let status = verified.status.unwrap();
        assert_eq!(status.header.height, Height(3));
        assert_eq!(status.records[0], (RECORD.to_vec(), Some(VALUE.to_vec())));
        assert_eq!(status.records[1], (ABSENT.to_vec(), None));
    }
}

#[test]
fn shows_what_provinces_signed() {
    let mut ledger = Ledger::new();
    let file = ledger.witnessed().to_file().unwrap();
    let capsule = Capsule::from_file(&file).unwrap();
    assert_eq!(capsule, Ledger::new().witnessed());
    let witness = capsule.verify(ledger.anchor.chain()).unwrap().witness.unwrap();
    assert_eq!((witness.head, witness.same_as), (Some(ledger.log.head()), None));
    let said: Vec<_> =
        witness.cosigners.iter().map(|c| (c.region, c.cosigned, c.receipt)).collect();
    assert_eq!(
        said,
        [(province(0), Some(77), true), (province(1), None, true), (province(2), Some(77), false)]
    );
    // What is made of the parts is what tools that know no capsule check.
    let keys: Vec<VerifierKey> = cosigners()
        .iter()
        .enumerate()
        .map(|(place, pair)| {
            let name = cosigner_name(&ledger.anchor.chain(), province(place));
            VerifierKey::new(name, SignatureKind::Cosignature, &pair.public()).unwrap()
        })
        .collect();
    let note = capsule.checkpoint().unwrap().to_string();
    let (checkpoint, signed) = Checkpoint::verified(note.as_bytes(), &keys).unwrap();
    assert_eq!((checkpoint.head, signed.len()), (ledger.log.head(), 2));
    let statement = capsule.statement().unwrap();
    for (receipt, pair) in statement.receipts().iter().zip(cosigners()) {
        let head = receipt.verify(statement.leaf(), &ReceiptKey::EdDsa(pair.public())).unwrap();
        assert_eq!(head.root, capsule.recorded.header.log_root);
    }
    assert_eq!(statement.receipts().len(), 2);
}

/// A checkpoint of the very log of a certified header says so, and none can contradict it.
#[test]
fn a_checkpoint_is_held_against_headers_of_the_same_size() {
    let mut ledger = Ledger::new();
    let chain = ledger.anchor.chain();
    let mut capsule = ledger.witnessed();
    let inclusion = capsule.inclusion.clone();
    let header = capsule.recorded.header.clone();
    let head = LogHead { size: header.log_size, root: header.log_root };
    let text = Checkpoint::new(origin(&chain), head).text();
    let witness = capsule.witness.as_mut().unwrap();
    witness.head = Some(inclusion);
    for (cosigner, pair) in witness.cosigners.iter_mut().zip(cosigners()) {
        let name = cosigner_name(&chain, cosigner.region);
        let key = VerifierKey::new(name, SignatureKind::Cosignature, &pair.public()).unwrap();
        let signature = key.sign(&pair, 78, &text).bytes.split_off(8).try_into().unwrap();
        cosigner.cosignature = Some(Cosignature { time: 78, signature: Signature(signature) });
    }
    let capsule = Capsule::from_file(&capsule.to_file().unwrap()).unwrap();
    let witness = capsule.verify(chain).unwrap().witness.unwrap();
    assert_eq!(witness.same_as, Some(Height(1)));
    let mut forked = capsule;
    forked.witness.as_mut().unwrap().head.as_mut().unwrap().path[0] = H32([9; 32]);
    assert_eq!(forked.verify(chain), Err(CapsuleError::Checkpoint));
}

#[test]
fn every_changed_byte_is_refused() {
    let mut ledger = Ledger::new();
    let chain = ledger.anchor.chain();
    for capsule in [ledger.capsule(), Ledger::new().witnessed()] {
        let bytes = capsule.to_file().unwrap();
        for position in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[position] ^= 1;
            let accepted = Capsule::from_file(&broken).is_ok_and(|c| c.verify(chain).is_ok());
            assert!(!accepted, "byte {position} of {}", bytes.len());
        }
    }
}

/// With the digest made to fit again, whatever can still be read says nothing else that is proven.
#[test]
fn no_byte_inside_can_be_changed_for_another_truth() {
    let mut ledger = Ledger::new();
    let (whole, chain) = (ledger.witnessed(), ledger.anchor.chain());
    let verified = whole.verify(chain).unwrap();
    let inside = whole.to_inner().unwrap();
    for position in 0..inside.len() {
        let mut changed = inside.clone();
        changed[position] ^= 1 << (position % 8);
        let digest = hash(Domain::Capsule, &[&changed]);
        let file = CapsuleFile { capsule: changed.into(), digest }.to_bytes();
        let read = Capsule::from_file(&file).and_then(|capsule| capsule.verify(chain));
        // The key of an absent record may become another that is absent too; and a cosignature does
        // not say for which province, which the key's own record does.
        let Ok(found) = read else { continue };
        let absent = found.status != verified.status;
        let named = |witness: Option<VerifiedWitness>| {
            witness.map(|w| w.cosigners.iter().map(|c| (c.region, c.receipt)).collect::<Vec<_>>())
        };
        let renamed = found.witness != verified.witness
            && named(found.witness)
                .is_some_and(|now| now[..2] == [(province(0), true), (province(1), true)]);
        assert!(absent || renamed, "byte {position}");
    }
}

#[test]
fn names_the_part_of_the_witness_that_fails() {
    let mut ledger = Ledger::new();
    let (capsule, chain) = (ledger.witnessed(), ledger.anchor.chain());
    let fails = |change: &dyn Fn(&mut Witness)| {
        let mut broken = capsule.clone();
        change(broken.witness.as_mut().unwrap());
        broken.verify(chain).unwrap_err()
    };
    let cosigner = CapsuleError::Cosigner;
    let stranger = KeyPair::from_secret(&[77; 32]).public();
    assert_eq!(fails(&|w| w.cosigners[1].key = stranger), cosigner(province(1)));
    assert_eq!(fails(&|w| w.cosigners.swap(0, 1)), cosigner(province(0)));
    assert_eq!(fails(&|w| w.cosigners[1] = w.cosigners[0]), cosigner(province(0)));
    assert_eq!(fails(&|w| w.cosigners[1].receipt = None), cosigner(province(1)));
    assert_eq!(fails(&|w| w.head = None), cosigner(province(0)));
    let silent = |w: &mut Witness| {
        w.cosigners.truncate(1);
        w.cosigners[0].cosignature = None;
    };
    assert_eq!(fails(&silent), CapsuleError::Checkpoint);
    assert_eq!(fails(&|w| w.head.as_mut().unwrap().index = 12), CapsuleError::Checkpoint);
    let other = |w: &mut Witness| w.head.as_mut().unwrap().path[0] = H32([1; 32]);
    assert_eq!(fails(&other), CapsuleError::Cosignature(province(0)));
    let later = |w: &mut Witness| w.cosigners[2].cosignature.as_mut().unwrap().time += 1;
    assert_eq!(fails(&later), CapsuleError::Cosignature(province(2)));
    let forged = |w: &mut Witness| w.cosigners[1].receipt.as_mut().unwrap().0[0] ^= 1;
    assert_eq!(fails(&forged), CapsuleError::Receipt(province(1)));
    let mut bare = capsule.clone();
    bare.status = None;
    assert_eq!(bare.verify(chain), Err(cosigner(province(0))));
    let mut first = capsule.clone();
    first.format = FIRST_FORMAT;
    assert!(first.to_file().is_err(), "the first format has no place for it");
}

#[test]
fn names_the_step_that_fails() {
    let mut ledger = Ledger::new();
    let (capsule, chain) = (ledger.capsule(), ledger.anchor.chain());
    let fails = |change: &dyn Fn(&mut Capsule)| {
        let mut broken = capsule.clone();
        change(&mut broken);
        broken.verify(chain).unwrap_err()
    };
    assert!(matches!(capsule.verify(ChainId([0; 32])), Err(CapsuleError::Genesis { .. })));
    assert_eq!(fails(&|c| c.set_changes.clear()), CapsuleError::Header(Height(3)));
    assert_eq!(fails(&|c| c.recorded.header.time = Millis(5)), CapsuleError::Header(Height(1)));
    assert!(matches!(
        fails(&|c| {
            c.recorded.certificate.signatures.pop();
        }),
        CapsuleError::Certificate { .. }
    ));
    let other = KeyPair::from_secret(&[98; 32]).public();
    assert_eq!(fails(&|c| c.signer = other), CapsuleError::Signature);
    assert_eq!(
        fails(&|c| {
            let records = &mut c.status.as_mut().unwrap().records;
            records[1].value = Some(b"forged".to_vec().into());
        }),
        CapsuleError::Record(1)
    );
    let earlier = ledger.sign(0, &ledger.old, &ledger.old, BlockId([1; 32]));
    assert!(matches!(
        fails(&|c| c.status.as_mut().unwrap().certified = earlier.clone()),
        CapsuleError::StatusOrder { .. }
    ));
    // The transaction is in the log of every later block too, and the block is not the one
    // that recorded it.
    let later = |c: &mut Capsule| {
        c.recorded = c.status.as_ref().unwrap().certified.clone();
        c.before = Some(c.set_changes[0].certified.header.clone());
    };
    assert_eq!(fails(&later), CapsuleError::Inclusion(Height(3)));
    let hidden = |c: &mut Capsule| {
        later(c);
        c.before = None;
    };
    assert_eq!(fails(&hidden), CapsuleError::Header(Height(2)));
    let other = |c: &mut Capsule| {
        later(c);
        c.before.as_mut().unwrap().log_size = 1;
    };
    assert_eq!(fails(&other), CapsuleError::Header(Height(2)));
    // A set that takes the place of itself, and a change that decides nothing that is shown.
    let same = ledger.sign(2, &ledger.old, &ledger.old, capsule.recorded.header.id());
    let no_change = |c: &mut Capsule| {
        c.set_changes[0] = SetChange { certified: same.clone(), next: set(&ledger.old) };
    };
    assert_eq!(fails(&no_change), CapsuleError::Header(Height(2)));
    let onwards = ledger.sign(4, &ledger.new, &ledger.old, BlockId([1; 32]));
    let beyond = |c: &mut Capsule| {
        c.set_changes.push(SetChange { certified: onwards.clone(), next: set(&ledger.old) });
    };
    assert_eq!(fails(&beyond), CapsuleError::Header(Height(4)));
    let mut newer = capsule.clone();
    newer.format = 3;
    assert_eq!(newer.to_file(), Err(CapsuleError::Format(3)));
    let inside = (3u8, 4u8).to_bytes();
    let digest = hash(Domain::Capsule, &[&inside]);
    let file = CapsuleFile { capsule: inside.into(), digest }.to_bytes();
    assert_eq!(Capsule::from_file(&file), Err(CapsuleError::Format(3)));
}

/// A file of a few megabytes may not grow into gigabytes before a signature is looked at.
#[test]
fn a_capsule_proves_so_many_records_and_no_more() {
    let mut ledger = Ledger::new();
    let mut capsule = ledger.witnessed();
    let status = capsule.status.as_mut().unwrap();
    let absent = |number: u32| {
        let key = [b"\x22".as_slice(), &number.to_be_bytes()].concat();
        let proof = ledger.map.prove(&path_of(&key));
        RecordProof { key: key.into(), value: None, proof }
    };
    let more = (0..).map(absent).take(MAX_CAPSULE_RECORDS - status.records.len());
    status.records.extend(more);
    let file = capsule.to_file().unwrap();
    assert!(Capsule::from_file(&file).is_ok());
    capsule.status.as_mut().unwrap().records.push(absent(u32::MAX));
    let file = capsule.to_file().unwrap();
    assert_eq!(Capsule::from_file(&file), Err(CapsuleError::Parts));
}
