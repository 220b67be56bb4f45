//! Each act of recognition: what it does, every error it can give, every checkable reason true and
//! false, and both state machines against models written from the tables alone.
//!
//! Office 0 of the first province relies on certificates of office 0 of the second; they have an
//! agreement on driving licences in scenario 1.

mod agreement;
mod agreement_model;
mod batch;
mod batch_model;
mod decision;
mod decision_model;
mod evidence;
mod golden;
mod replay;
mod truth;

use hefu_primitives::{Height, Id16, Millis};

use super::*;
use crate::certificate::*;
use crate::code::Code;
use crate::identity::{AUTHORITIES, Action};
use crate::testkit::*;

const AGREEMENT: Id16 = Id16([0xa1; 16]);

fn relying() -> Actor {
    office(0, 0)
}

fn issuer() -> Actor {
    office(1, 0)
}

fn terms(ledger: &Ledger) -> ProposeAgreement {
    ProposeAgreement {
        id: AGREEMENT,
        amends: None,
        version: 1,
        kind: AgreementKind::Bi,
        parties: vec![REGIONS[0], REGIONS[1]],
        entries: vec![AgreementEntry {
            type_code: code(DRIVING),
            min_version: 1,
            scenarios: vec![1],
            mode: EntryMode::Full,
        }],
        effective: ledger.today(),
        until: None,
        dispute_days: 10,
        legal_digest: digest(1),
    }
}

fn sign(terms: &ProposeAgreement) -> SignAgreement {
    SignAgreement { agreement: terms.id, terms: terms.digest() }
}

/// Proposes and signs in the first two provinces.
fn conclude(ledger: &mut Ledger, terms: ProposeAgreement) {
    let act = sign(&terms);
    ledger.act(&governor(0, 0), terms).unwrap();
    ledger.govern(0, act).unwrap();
    ledger.govern(1, act).unwrap();
}

/// A ledger with the agreement in force.
fn in_force() -> Ledger {
    let mut ledger = Ledger::new();
    let terms = terms(&ledger);
    conclude(&mut ledger, terms);
    ledger
}

/// A ledger with the agreement in force and licence 1 attested in the second province.
fn attested() -> Ledger {
    let mut ledger = in_force();
    ledger.attest(1, 1).unwrap();
    ledger
}

fn agreement(ledger: &Ledger) -> Agreement {
    ledger.get(&AGREEMENTS, &AGREEMENT).unwrap()
}

/// Makes an agreement be found by its parties.
fn index(ledger: &mut Ledger, agreement: &Agreement) {
    for row in rows_between(agreement) {
        ledger.put(&AGREEMENTS_BETWEEN, &row, &());
    }
}

fn state(ledger: &Ledger) -> AgreementState {
    agreement(ledger).state(ledger.today(), ledger.height).unwrap()
}

fn pause(ledger: &Ledger) -> PauseEntry {
    PauseEntry {
        agreement: AGREEMENT,
        type_code: code(DRIVING),
        scenario: None,
        reason: PauseReason::Security,
        until: ledger.today().add_days(10).unwrap(),
    }
}

fn resume() -> ResumeEntry {
    ResumeEntry { agreement: AGREEMENT, type_code: code(DRIVING), scenario: None }
}

fn withdraw() -> WithdrawAgreement {
    WithdrawAgreement { agreement: AGREEMENT }
}

/// An acceptance of licence 1, checked against the latest state.
fn accept(ledger: &Ledger, number: u8) -> Decide {
    Decide {
        dec_id: id(number),
        att_id: id(1),
        unit: Some("SH-ROAD-01".to_owned()),
        agreement: Some(AGREEMENT),
        scenario: 1,
        item: code(ROADSIDE),
        case: None,
        mode: DecisionMode::QrScan,
        checked_height: ledger.height,
        digest_match: true,
        seal_verdict: SealVerdict::NotChecked,
        consent: Consent::Holder,
        outcome: DecisionOutcome::Accepted,
        reasons: Vec::new(),
        statute: None,
        evidence: Vec::new(),
        decided_at: ledger.time,
    }
}

/// A refusal of licence 1 for reasons, with evidence and a statute.
fn refuse(ledger: &Ledger, number: u8, reasons: &[u16]) -> Decide {
    Decide {
        outcome: DecisionOutcome::Refused,
        digest_match: false,
        reasons: reasons.to_vec(),
        statute: Some(digest(8)),
        evidence: vec![crate::EvidenceRef { kind: 1, commit: digest(9), bytes: 1 }],
        ..accept(ledger, number)
    }
}

/// Records a decision and returns it.
fn decide(ledger: &mut Ledger, act: Decide) -> Decision {
    let id = act.dec_id;
    ledger.act(&relying(), act).unwrap();
    ledger.get(&DECISIONS, &id).unwrap()
}

fn names(decision: &Decision) -> Vec<&'static str> {
    decision.flags.iter().map(|flag| flag.name()).collect()
}

/// Lets an office rely on certificates in a scenario.
fn allow(ledger: &mut Ledger, actor: &Actor, scenario: u32) {
    let mut authority = ledger.get(&AUTHORITIES, &actor.authority).unwrap();
    authority.may_rely.push(scenario);
    ledger.put(&AUTHORITIES, &actor.authority, &authority);
}

fn suspend(ledger: &Ledger) -> SuspendAttestation {
    let (effective, occurred_at) = (ledger.today(), ledger.time);
    SuspendAttestation { id: id(1), reason: 1, effective, until: None, occurred_at }
}

fn reinstate(ledger: &Ledger) -> ResumeAttestation {
    let (effective, occurred_at) = (ledger.today(), ledger.time);
    ResumeAttestation { id: id(1), reason: 1, effective, occurred_at }
}

fn revoke(ledger: &Ledger) -> RevokeAttestation {
    RevokeAttestation {
        id: id(1),
        kind: RevocationKind::Penalty,
        effective: ledger.today(),
        retroactive: false,
        reason: 1,
        evidence: None,
        occurred_at: ledger.time,
    }
}
