//! Batches: what the ledger takes on trust, and what it finds when a leaf comes to light.

use hefu_primitives::codec::Canonical;
use hefu_primitives::commitment::Salt;
use hefu_primitives::log::{MemoryLog, inclusion_proof};

use super::*;
use crate::leaf::{self, LeafProof};

struct Stock {
    leaves: Vec<Attest>,
    tree: MemoryLog,
}

fn salt(leaf: usize) -> Salt {
    Salt::new([leaf as u8 + 0x40; 32])
}

impl Stock {
    fn new(leaves: Vec<Attest>) -> Self {
        let mut tree = MemoryLog::new();
        for (place, body) in leaves.iter().enumerate() {
            tree.append(leaf::hash(&salt(place), &body.to_bytes())).unwrap();
        }
        Self { leaves, tree }
    }

    fn act(&self, ledger: &Ledger) -> AttestBatch {
        AttestBatch {
            batch_id: id(200),
            root: self.tree.head().root,
            count: self.leaves.len() as u32,
            type_code: self.leaves[0].type_code,
            type_version: 1,
            schema: digest(0xd1),
            occurred_at: ledger.time,
        }
    }

    fn leaf(&self, place: usize) -> Materialise {
        let size = self.leaves.len() as u64;
        let path = inclusion_proof(&self.tree, place as u64, size).unwrap().path;
        let proof = LeafProof { leaf: place as u32, salt: salt(place), path };
        Materialise { batch_id: id(200), proof, attestation: self.leaves[place].clone() }
    }
}

fn driving(ledger: &Ledger) -> Stock {
    Stock::new((1..=5).map(|number| ledger.driving_licence(number)).collect())
}

fn recorded(stock: &Stock, ledger: &mut Ledger) {
    let act = stock.act(ledger);
    let issuer = office(0, usize::from(act.type_code == code(BUSINESS)));
    ledger.act(&issuer, act).unwrap();
}

#[test]
fn a_leaf_becomes_a_record_as_of_its_batch() {
    let mut ledger = Ledger::new();
    let stock = driving(&ledger);
    recorded(&stock, &mut ledger);
    assert_eq!(ledger.event_kinds(), ["batch_attested"]);
    assert_eq!(ledger.events[0].flags, ["count_5"]);
    let (made, issuer) = (ledger.height, office(0, 0));
    assert_eq!(answer(&ledger, 3, ledger.today(), ledger.height), None);
    ledger.wait_days(40);
    // Whoever was shown the leaf may bring it, of any province.
    ledger.act(&office(2, 1), stock.leaf(2)).unwrap();
    assert_eq!(ledger.event_kinds(), ["materialised"]);
    let record = ledger.get(&ATTESTATIONS, &id(3)).unwrap();
    assert_eq!((record.issuer, record.made.height), (issuer.authority, made));
    assert_eq!(record.made.key, issuer.key.id(), "whose word it is");
    let leaf = record.leaf.unwrap();
    assert_eq!((leaf.batch, leaf.leaf, leaf.recorded.height), (id(200), 2, ledger.height));
    assert_eq!(now(&ledger, 3), Status::Active);
    assert!(answer(&ledger, 3, ledger.today(), made).is_some(), "since the batch");
    assert_eq!(ledger.act(&office(2, 1), stock.leaf(2)), Err(Code::IdReused), "once");
    assert_eq!(now(&ledger, 3), Status::Active);
}

#[test]
fn the_first_change_comes_with_the_leaf() {
    let mut ledger = Ledger::new();
    let stock = driving(&ledger);
    recorded(&stock, &mut ledger);
    let acts = [Act::from(stock.leaf(0)), revoke(&ledger, 1).into()];
    ledger.acts(&office(0, 0), &acts).unwrap();
    assert_eq!(ledger.event_kinds(), ["materialised", "attestation_revoked"]);
    assert_eq!(now(&ledger, 1), Status::Revoked);
    let acts = [Act::from(stock.leaf(1)), revoke(&ledger, 9).into()];
    assert_eq!(ledger.acts(&office(0, 0), &acts), Err(Code::UnknownAttestation));
    assert_eq!(ledger.get(&ATTESTATIONS, &id(2)), None, "all or nothing");
}

#[test]
fn batches_refuse() {
    let mut ledger = Ledger::new();
    let stock = driving(&ledger);
    let good = stock.act(&ledger);
    for (act, error) in [
        (AttestBatch { count: 0, ..good.clone() }, Code::BadBatch),
        (AttestBatch { count: leaf::MAX_LEAVES + 1, ..good.clone() }, Code::BadBatch),
        (AttestBatch { root: H32::ZERO, ..good.clone() }, Code::BadBatch),
        (AttestBatch { schema: digest(1), ..good.clone() }, Code::BadBatch),
        (AttestBatch { type_version: 2, ..good.clone() }, Code::TypeNotAdopted),
        (
            AttestBatch { occurred_at: Millis(ledger.time.0 + DAY_MS), ..good.clone() },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&office(0, 0), act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    let most = AttestBatch { count: leaf::MAX_LEAVES, batch_id: id(201), ..good.clone() };
    ledger.act(&office(0, 0), most).unwrap();
    ledger.act(&office(0, 0), good.clone()).unwrap();
    assert_eq!(ledger.act(&office(0, 0), good.clone()), Err(Code::IdReused));
    let mut bare = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    bare.may_issue.clear();
    ledger.put(&AUTHORITIES, &bare.code, &bare);
    let act = AttestBatch { batch_id: id(202), ..good };
    assert_eq!(ledger.act(&office(0, 0), act), Err(Code::NoMandate));
}

#[test]
fn a_leaf_must_be_proven() {
    let mut ledger = Ledger::new();
    let stock = driving(&ledger);
    recorded(&stock, &mut ledger);
    let good = stock.leaf(1);
    let with = |change: &dyn Fn(&mut Materialise)| {
        let mut act = good.clone();
        change(&mut act);
        act
    };
    for (act, error) in [
        (with(&|m| m.batch_id = id(9)), Code::BadBatch),
        (with(&|m| m.attestation.type_code = code(BUSINESS)), Code::BadBatch),
        (with(&|m| m.attestation.holder = digest(77)), Code::BadProof),
        (with(&|m| m.proof.leaf = 2), Code::BadProof),
        (with(&|m| m.proof.salt = salt(7)), Code::BadProof),
        (with(&|m| m.proof.path.truncate(1)), Code::BadProof),
    ] {
        assert_eq!(ledger.act(&office(1, 0), act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&governor(0, 0), good.clone()), Err(Code::RoleMissing));
    ledger.attest(0, 2).unwrap();
    assert_eq!(ledger.act(&office(1, 0), good), Err(Code::IdReused), "its id is used");
}

#[test]
fn what_no_root_shows_is_refused_when_it_comes_to_light() {
    let mut ledger = Ledger::new();
    let (day_before, now) = (ledger.today().previous(), ledger.time);
    let leaf = |number, change: &dyn Fn(&mut Attest)| {
        let mut body = business(&Ledger::new(), number, 1);
        change(&mut body);
        body
    };
    let wrong: Vec<(Attest, Code)> = vec![
        (leaf(1, &|_| ()), Code::DuplicateId),
        (leaf(2, &|a| a.region = REGIONS[1]), Code::BadField),
        (leaf(3, &|a| a.holder = H32::ZERO), Code::BadField),
        (leaf(4, &|a| a.ident = plain(OFFICES[0][0], BUSINESS, "X", 1)), Code::BadIdent),
        (
            leaf(5, &|a| a.ident = plain(OFFICES[0][1], BUSINESS, "999999194901010000", 1)),
            Code::IdentHasCitizenId,
        ),
        (leaf(6, &|a| a.valid_until = Some(day_before)), Code::BadDates),
        (leaf(7, &|a| a.occurred_at = Millis(now.0 + DAY_MS)), Code::FutureTime),
        (
            leaf(8, &|a| {
                let reason = SupersedeReason::Renewal;
                a.previous = Some(Previous { id: id(50), reason });
            }),
            Code::PrevInvalid,
        ),
        (leaf(9, &|a| a.type_version = 1), Code::DuplicateId),
    ];
    let mut leaves: Vec<Attest> = wrong.iter().map(|(body, _)| body.clone()).collect();
    // The same identifier twice in one batch: the first to come to light has it.
    leaves[8].ident = plain(OFFICES[0][1], BUSINESS, "TWICE", 1);
    leaves.push(Attest { id: id(10), ..leaves[8].clone() });
    let stock = Stock::new(leaves);
    ledger.act(&office(0, 1), Attest { id: id(60), ..business(&ledger, 1, 1) }).unwrap();
    recorded(&stock, &mut ledger);
    ledger.act(&office(0, 1), stock.leaf(9)).unwrap();
    for (place, (_, error)) in wrong.iter().enumerate() {
        let found = ledger.act(&office(0, 1), stock.leaf(place));
        assert_eq!(found, Err(*error), "leaf {place}");
    }
}

#[test]
fn a_leaf_is_judged_as_of_its_batch_whatever_came_after() {
    let mut ledger = Ledger::new();
    let stock = driving(&ledger);
    recorded(&stock, &mut ledger);
    let state = ListState::Paused;
    let pause = Action::SetTypeState { code: code(DRIVING), version: 1, state, merged_into: None };
    ledger.adopt(id(99), pause).unwrap();
    let mut bare = ledger.get(&AUTHORITIES, &code(OFFICES[0][0])).unwrap();
    bare.may_issue.clear();
    ledger.put(&AUTHORITIES, &bare.code, &bare);
    assert_eq!(ledger.act(&office(0, 0), stock.leaf(4)), Ok(()));
    let since = ledger.get(&BATCHES, &id(200)).unwrap().made.time;
    compromise(&mut ledger, office(0, 0).key.id(), since);
    assert_eq!(now(&ledger, 5), Status::Questioned, "it rests on the batch's key");
}

/// Who makes a batch finds what would be refused in it before it is too late.
#[test]
fn what_would_never_become_a_record_is_found_before() {
    let ledger = Ledger::new();
    let driving = type_terms(DRIVING, HolderClass::Natural, IdPolicy::Committed);
    let food = type_terms(FOOD, HolderClass::Legal, IdPolicy::Plain);
    let (good, issuer) = (ledger.driving_licence(1), code(OFFICES[0][0]));
    let reason = SupersedeReason::Renewal;
    let with = |change: &dyn Fn(&mut Attest)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    for (body, terms, error) in [
        (with(&|_| ()), &driving, Ok(())),
        (with(&|a| a.valid_until = None), &food, Err(Code::SealRequired)),
        (with(&|a| a.region = Region(310_115)), &driving, Err(Code::RegionTooPrecise)),
        (with(&|a| a.valid_until = None), &driving, Ok(())),
        (with(&|a| a.valid_until = a.valid_from.add_days(5000)), &driving, Err(Code::BadDates)),
        (
            with(&|a| a.previous = Some(Previous { id: id(2), reason })),
            &driving,
            Err(Code::PrevInvalid),
        ),
    ] {
        assert_eq!(body.check_as_leaf(terms, issuer, ledger.time), error, "{body:?}");
    }
}
