//! Batches of acceptances, what opening a leaf of one shows, and seals against the registry.

use hefu_primitives::codec::Canonical;
use hefu_primitives::commitment::Salt;
use hefu_primitives::log::{MemoryLog, inclusion_proof};
use hefu_primitives::time::DAY_MS;

use super::*;
use crate::leaf::{self, LeafProof};

pub(super) struct Hour {
    leaves: Vec<Decide>,
    tree: MemoryLog,
}

fn salt(leaf: usize) -> Salt {
    Salt::new([leaf as u8 + 1; 32])
}

impl Hour {
    pub(super) fn new(leaves: Vec<Decide>) -> Self {
        let mut tree = MemoryLog::new();
        for (place, body) in leaves.iter().enumerate() {
            tree.append(leaf::hash(&salt(place), &body.to_bytes())).unwrap();
        }
        Self { leaves, tree }
    }

    pub(super) fn act(&self, ledger: &Ledger) -> DecideBatch {
        let count = self.leaves.len() as u32;
        DecideBatch {
            batch_id: id(0xb0),
            root: self.tree.head().root,
            count,
            accepted: count,
            scenario: 1,
            agreement: Some(AGREEMENT),
            from: Millis(ledger.time.0 - 60_000),
            to: ledger.time,
        }
    }

    pub(super) fn open(&self, place: usize) -> OpenDecision {
        let path =
            inclusion_proof(&self.tree, place as u64, self.leaves.len() as u64).unwrap().path;
        let proof = LeafProof { leaf: place as u32, salt: salt(place), path };
        OpenDecision { batch_id: id(0xb0), proof, decision: self.leaves[place].clone() }
    }
}

/// Three acceptances, one of them of a suspended licence, and a refusal that should not be there.
fn recorded() -> (Ledger, Hour) {
    let mut ledger = attested();
    ledger.attest(1, 2).unwrap();
    let act = SuspendAttestation { id: id(2), ..suspend(&ledger) };
    ledger.act(&issuer(), act).unwrap();
    let hour = Hour::new(vec![
        accept(&ledger, 0x11),
        Decide { att_id: id(2), ..accept(&ledger, 0x12) },
        refuse(&ledger, 0x13, &[5]),
        Decide { decided_at: Millis(ledger.time.0 - 120_000), ..accept(&ledger, 0x14) },
        Decide { agreement: None, ..accept(&ledger, 0x15) },
    ]);
    let act = hour.act(&ledger);
    ledger.act(&relying(), act).unwrap();
    (ledger, hour)
}

#[test]
fn an_hour_of_acceptances_is_one_act() {
    let (ledger, _) = recorded();
    assert_eq!(ledger.event_kinds(), ["decisions_batched"]);
    assert_eq!(ledger.events[0].flags, ["count_5"]);
    let batch = ledger.get(&DECISION_BATCHES, &id(0xb0)).unwrap();
    assert_eq!((batch.relying, batch.region), (relying().authority, REGIONS[0]));
}

#[test]
fn a_leaf_that_is_opened_is_judged_as_of_its_batch() {
    let (mut ledger, hour) = recorded();
    let made = ledger.height;
    ledger.wait_days(2);
    let act = revoke(&ledger);
    ledger.act(&issuer(), act).unwrap();
    ledger.act(&office(3, 2), hour.open(0)).unwrap();
    assert_eq!(ledger.event_kinds(), ["decision_recorded"]);
    let decision = ledger.get(&DECISIONS, &id(0x11)).unwrap();
    assert_eq!(names(&decision), ["consistent"], "it was good when it was checked");
    assert_eq!((decision.relying, decision.stamp.height), (relying().authority, made));
    let leaf = decision.leaf.unwrap();
    assert_eq!((leaf.batch, leaf.leaf, leaf.recorded.height), (id(0xb0), 0, ledger.height));
    assert_eq!(ledger.act(&office(3, 2), hour.open(0)), Err(Code::IdReused));
    ledger.wait_days(30);
    ledger.act(&office(3, 2), hour.open(1)).unwrap();
    let false_word = ledger.get(&DECISIONS, &id(0x12)).unwrap();
    assert_eq!(names(&false_word), ["accepted_while_invalid", "unfit_for_batch"]);
    ledger.act(&office(3, 2), hour.open(2)).unwrap();
    let refusal = ledger.get(&DECISIONS, &id(0x13)).unwrap();
    assert_eq!(names(&refusal), ["refused_while_valid", "unfit_for_batch"]);
}

#[test]
fn leaves_must_be_proven_and_belong_there() {
    let (mut ledger, hour) = recorded();
    let good = hour.open(0);
    let mut other = hour.open(0);
    other.decision.att_id = id(2);
    let mut moved = hour.open(0);
    moved.proof.leaf = 1;
    for (act, error) in [
        (OpenDecision { batch_id: id(9), ..good.clone() }, Code::UnknownDecisionBatch),
        (other, Code::BadProof),
        (moved, Code::BadProof),
        (hour.open(3), Code::BadField),
        (hour.open(4), Code::BadField),
    ] {
        assert_eq!(ledger.act(&office(3, 2), act), Err(error));
    }
    assert_eq!(ledger.act(&governor(0, 0), good), Err(Code::RoleMissing));
}

#[test]
fn batches_refuse() {
    let (mut ledger, hour) = recorded();
    let good = DecideBatch { batch_id: id(0xb1), ..hour.act(&ledger) };
    for (act, error) in [
        (DecideBatch { batch_id: id(0xb0), ..good.clone() }, Code::IdReused),
        (DecideBatch { scenario: 9, ..good.clone() }, Code::UnknownScenario),
        (DecideBatch { accepted: 4, ..good.clone() }, Code::BatchHasRefusal),
        (DecideBatch { count: 0, accepted: 0, ..good.clone() }, Code::BadField),
        (DecideBatch { root: digest(0), ..good.clone() }, Code::BadField),
        (DecideBatch { from: Millis(good.to.0 + 1), ..good.clone() }, Code::BadField),
        (DecideBatch { from: Millis(good.to.0 - 3_600_001), ..good.clone() }, Code::BadField),
        (DecideBatch { agreement: Some(id(9)), ..good.clone() }, Code::UnknownAgreement),
        (
            DecideBatch {
                from: Millis(good.to.0 + DAY_MS),
                to: Millis(good.to.0 + DAY_MS),
                ..good.clone()
            },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&relying(), act.clone()), Err(error), "{act:?}");
    }
    assert_eq!(ledger.act(&auditor(0), good.clone()), Err(Code::RoleMissing));
    let mut bare = ledger.get(&AUTHORITIES, &relying().authority).unwrap();
    bare.may_rely.clear();
    ledger.put(&AUTHORITIES, &bare.code, &bare);
    assert_eq!(ledger.act(&relying(), good), Err(Code::NoRelyingMandate));
}

/// Who looked for a leaf by its id before it was a record was right to find nothing; who had it from
/// its holder, with its proof, was right to accept it.
#[test]
fn a_leaf_of_a_batch_is_attested_and_not_found() {
    let mut ledger = in_force();
    let body = Attest { region: REGIONS[1], ..ledger.driving_licence(1) };
    let mut tree = MemoryLog::new();
    tree.append(leaf::hash(&salt(0), &body.to_bytes())).unwrap();
    let batch = AttestBatch {
        batch_id: id(0xc0),
        root: tree.head().root,
        count: 1,
        type_code: body.type_code,
        type_version: 1,
        schema: digest(0xd1),
        occurred_at: ledger.time,
    };
    ledger.act(&issuer(), batch).unwrap();
    let (not_found, accepted) = (refuse(&ledger, 2, &[2]), accept(&ledger, 3));
    let proof = LeafProof { leaf: 0, salt: salt(0), path: Vec::new() };
    let materialise = Materialise { batch_id: id(0xc0), proof, attestation: body };
    ledger.act(&relying(), materialise).unwrap();
    assert_eq!(names(&decide(&mut ledger, not_found)), ["consistent"]);
    assert_eq!(names(&decide(&mut ledger, accepted)), ["consistent"]);
    let later = refuse(&ledger, 4, &[2]);
    let later = decide(&mut ledger, later);
    assert_eq!(names(&later), ["refused_while_valid"], "now it is found");
}

#[test]
fn a_transferred_licence_is_refused_for_being_superseded() {
    let mut ledger = attested();
    let offer = TransferOut { id: id(1), to: REGIONS[2], occurred_at: ledger.time };
    ledger.act(&issuer(), offer).unwrap();
    let act = accept(&ledger, 2);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "good while it is offered");
    let previous = Some(Previous { id: id(1), reason: SupersedeReason::Transfer });
    let certificate = Attest { region: REGIONS[2], previous, ..ledger.driving_licence(9) };
    ledger.act(&office(2, 0), TransferIn { attestation: certificate }).unwrap();
    let act = refuse(&ledger, 3, &[7]);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"]);
    let act = accept(&ledger, 4);
    assert_eq!(names(&decide(&mut ledger, act)), ["accepted_while_invalid"]);
}

#[test]
fn seal_verdicts_stand_against_the_registry() {
    let mut ledger = in_force();
    let seal = SealEvidence {
        seal_id: digest(1),
        maker_cert: digest(2),
        signer_cert: digest(3),
        signed_value: digest(4),
        signed_at: ledger.time,
        timestamp: None,
        verdict: SealVerdict::Valid,
        verifier_version: 1,
    };
    let register = RegisterSeal {
        seal_id: digest(1),
        maker_cert: digest(2),
        signer_cert: digest(3),
        valid_from: ledger.today(),
        valid_until: ledger.today().next(),
    };
    ledger.act(&issuer(), register).unwrap();
    let licence = Attest { region: REGIONS[1], seal: Some(seal), ..ledger.driving_licence(1) };
    ledger.act(&issuer(), licence).unwrap();
    let mut scenario = ledger.get(&SCENARIOS, &1).unwrap();
    scenario.terms.seal_check = true;
    ledger.put(&SCENARIOS, &1, &scenario);
    let valid = SealVerdict::Valid;
    let act = accept(&ledger, 2);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent", "seal_unchecked"]);
    let act = Decide { seal_verdict: valid, ..accept(&ledger, 3) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"]);
    let checked_before = ledger.height;
    let state = SealState::Revoked;
    let stolen =
        SetSealState { seal_id: digest(1), state, since: seal.signed_at, reason: 3, owner: None };
    ledger.act(&issuer(), stolen).unwrap();
    let act = Decide { seal_verdict: valid, ..accept(&ledger, 4) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent", "seal_contradicted"]);
    let act = Decide { seal_verdict: valid, checked_height: checked_before, ..accept(&ledger, 5) };
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "as known when it was checked");
    let act = refuse(&ledger, 6, &[8]);
    assert_eq!(names(&decide(&mut ledger, act)), ["consistent"], "no reliance, no seal needed");
}

/// A certificate that was annulled: the batches that may rest on it are told, and what is opened of
/// them is flagged, also when it is opened only afterwards.
#[test]
fn batches_that_may_rest_on_an_annulled_certificate_are_told() {
    let (mut ledger, hour) = recorded();
    let (batched, decided) = (ledger.height, ledger.today());
    ledger.wait_days(3);
    let (kind, retroactive) = (RevocationKind::Annul, true);
    let annul = RevokeAttestation { kind, retroactive, effective: decided, ..revoke(&ledger) };
    ledger.act(&issuer(), annul).unwrap();
    let batch = ledger.get(&DECISION_BATCHES, &id(0xb0)).unwrap();
    let terms = ledger.get(&SCENARIOS, &1).unwrap().terms;
    let annulled = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    assert!(batch.may_rest_on(&annulled, &terms, ledger.height));
    assert!(!batch.may_rest_on(&annulled, &terms, batched), "not known then");
    let good = ledger.get(&ATTESTATIONS, &id(2)).unwrap();
    assert!(!batch.may_rest_on(&good, &terms, ledger.height), "only suspended");
    let elsewhere = ScenarioTerms { types: Vec::new(), ..terms.clone() };
    assert!(!batch.may_rest_on(&annulled, &elsewhere, ledger.height), "does not take the type");
    let earlier = DecideBatch {
        from: Millis(batch.body.from.0 - 2 * DAY_MS),
        to: Millis(batch.body.to.0 - 2 * DAY_MS),
        ..batch.body.clone()
    };
    let earlier = DecisionBatch { body: earlier, ..batch.clone() };
    assert!(!earlier.may_rest_on(&annulled, &terms, ledger.height), "before the annulment's day");
    let afterwards = Millis(ledger.time.0 + DAY_MS);
    let body = DecideBatch { from: afterwards, to: afterwards, ..batch.body.clone() };
    let later = DecisionBatch { body, ..batch };
    assert!(!later.may_rest_on(&annulled, &terms, ledger.height), "after it was known");
    ledger.act(&office(3, 2), hour.open(0)).unwrap();
    let opened = ledger.get(&DECISIONS, &id(0x11)).unwrap();
    assert!(opened.is_basis_annulled(&annulled, ledger.height));
}
