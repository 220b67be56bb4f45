//! Each act of a dispute, every error it can give, what is derived, the draw, and the state machine
//! against a model written from the table alone.
//!
//! Office 0 of the first province issues and provides, that of the second decides and consumes,
//! the third and fourth provinces are no parties.

mod follow;
mod golden;
mod life;
mod model;
mod panel;
mod party;

use super::*;
use crate::certificate::{RevocationKind, RevokeAttestation, SealVerdict};
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::recognition::{Consent, Decide, DecisionMode, DecisionOutcome};
use crate::sharing::*;
use crate::testkit::*;
use hefu_primitives::{H32, Id16, Millis};

pub(super) fn issuer() -> Actor {
    office(0, 0)
}

pub(super) fn relying() -> Actor {
    office(1, 0)
}

pub(super) fn stranger() -> Actor {
    office(2, 0)
}

/// Takes the auditor's role from every office: else each could open any dispute.
pub(super) fn plain() -> Ledger {
    let mut ledger = Ledger::new();
    for province in 0..4 {
        for number in 0..3 {
            let key = office(province, number).key.id();
            let mut record = ledger.get(&crate::identity::KEYS, &key).unwrap();
            record.roles.retain(|role| *role != crate::identity::Role::Auditor);
            ledger.put(&crate::identity::KEYS, &key, &record);
        }
    }
    ledger
}

/// A decision of the relying office on attestation 1.
pub(super) fn decision(ledger: &Ledger, number: u8, outcome: DecisionOutcome) -> Decide {
    let reasons = if outcome == DecisionOutcome::Accepted { vec![] } else { vec![5] };
    Decide {
        dec_id: id(number),
        att_id: id(1),
        unit: None,
        agreement: None,
        scenario: 1,
        item: code(ROADSIDE),
        case: Some(digest(number)),
        mode: DecisionMode::Online,
        checked_height: ledger.height,
        digest_match: true,
        seal_verdict: SealVerdict::NotChecked,
        consent: Consent::Holder,
        outcome,
        reasons,
        statute: None,
        evidence: vec![],
        decided_at: ledger.time,
    }
}

pub(super) fn decide(ledger: &mut Ledger, number: u8, outcome: DecisionOutcome) {
    let act = decision(ledger, number, outcome);
    ledger.act(&relying(), act).unwrap();
}

/// A ledger with attestation 1, refused by decision 2.
pub(super) fn refused() -> Ledger {
    let mut ledger = plain();
    ledger.attest(0, 1).unwrap();
    decide(&mut ledger, 2, DecisionOutcome::Refused);
    ledger
}

/// The issuer disputes decision 2.
pub(super) fn dispute() -> OpenDispute {
    OpenDispute {
        dispute_id: id(9),
        kind: DisputeKind::RecognitionRefused,
        subject: Subject::Decision(id(2)),
        respondent: relying().authority,
        statement: digest(1),
        evidence: vec![evidence(1)],
    }
}

pub(super) fn evidence(number: u8) -> EvidenceRef {
    EvidenceRef { kind: 1, commit: digest(number), bytes: 10 }
}

pub(super) fn opened() -> Ledger {
    let mut ledger = refused();
    ledger.act(&issuer(), dispute()).unwrap();
    ledger
}

pub(super) const ACK: AckDispute = AckDispute { dispute_id: Id16([9; 16]) };
pub(super) const ESCALATE: EscalateDispute =
    EscalateDispute { dispute_id: Id16([9; 16]), forum: None };
pub(super) const WITHDRAW: WithdrawDispute = WithdrawDispute { dispute_id: Id16([9; 16]) };

pub(super) fn acked() -> Ledger {
    let mut ledger = opened();
    ledger.act(&relying(), ACK).unwrap();
    ledger
}

/// Escalated after consultation, the panel drawn.
pub(super) fn escalated() -> Ledger {
    let mut ledger = acked();
    ledger.wait_days(20);
    ledger.act(&issuer(), ESCALATE).unwrap();
    ledger.block(&[]);
    ledger
}

pub(super) fn propose(outcome: DisputeOutcome) -> ProposeSettlement {
    ProposeSettlement { dispute_id: id(9), outcome, terms: digest(4) }
}

pub(super) fn agree(outcome: DisputeOutcome) -> AgreeSettlement {
    AgreeSettlement { dispute_id: id(9), outcome, terms: digest(4) }
}

pub(super) fn rule(outcome: DisputeOutcome) -> RuleDispute {
    RuleDispute { dispute_id: id(9), outcome, basis: digest(5) }
}

/// Settles the open dispute 9 with an outcome.
pub(super) fn settle(ledger: &mut Ledger, outcome: DisputeOutcome) {
    ledger.act(&relying(), ACK).unwrap();
    ledger.act(&issuer(), propose(outcome)).unwrap();
    ledger.act(&relying(), agree(outcome)).unwrap();
}

pub(super) fn found(ledger: &Ledger) -> Dispute {
    ledger.get(&DISPUTES, &id(9)).unwrap()
}

pub(super) fn flags(ledger: &Ledger) -> Vec<&str> {
    ledger.events.iter().flat_map(|event| event.flags.iter().map(String::as_str)).collect()
}

/// The issuer shares data with the relying office under grant 3; receipt 4 is contested.
pub(super) fn shared() -> Ledger {
    let mut ledger = plain();
    let today = ledger.today();
    let entry = PublishCatalogue {
        cat_id: "307001234/000012".to_owned(),
        version: 1,
        title: "信用信息(示例)".to_owned(),
        class: 3,
        share: ShareKind::Conditional,
        conditions_digest: Some(digest(1)),
        basis: None,
        tightening: None,
        items_digest: digest(2),
        item_count: 12,
        mode: ShareMode::VerifyOnly,
        update_cycle: UpdateCycle::Daily,
        open_attr: OpenAttribute::Closed,
        personal: true,
        data_class: DataClass::General,
        sla: Sla { ack: 1, answer: 2, deliver: 2 },
    };
    ledger.act(&issuer(), entry).unwrap();
    let request = request(&ledger, 3);
    let extent = request.extent;
    ledger.act(&relying(), request).unwrap();
    ledger.act(&issuer(), GrantAccess { req_id: id(3), extent }).unwrap();
    let receipt = Receipt {
        rcp_id: id(4),
        grant_id: id(3),
        cat_version: 1,
        case: Some(digest(5)),
        kind: UseKind::Query,
        n_records: 1,
        req: digest(6),
        resp: digest(7),
        result: UseResult::Empty,
        t0: Millis(ledger.time.0),
        t1: Millis(ledger.time.0),
    };
    ledger.act(&issuer(), PutReceipt { receipt, cosignature: None }).unwrap();
    assert!(ledger.today() == today);
    ledger
}

pub(super) fn request(ledger: &Ledger, number: u8) -> RequestAccess {
    RequestAccess {
        req_id: id(number),
        cat_id: "307001234/000012".to_owned(),
        cat_version: 1,
        purpose: Purpose { kind: PurposeKind::Item, code: code(MOVING) },
        legal_basis: Basis { kind: BasisKind::StateCouncil, digest: digest(4) },
        extent: Extent {
            fields_digest: digest(3),
            field_count: 5,
            per_day: 3,
            from: ledger.today(),
            until: ledger.today().add_days(30).unwrap(),
        },
        scenario: None,
    }
}

pub(super) fn contest(ledger: &mut Ledger) {
    let answer = Answer::Contest { reason: ContestReason::NotUsed, evidence: None };
    ledger.act(&relying(), AnswerReceipt { rcp_id: id(4), answer }).unwrap();
}

pub(super) fn revoke(ledger: &Ledger) -> RevokeAttestation {
    RevokeAttestation {
        id: id(1),
        kind: RevocationKind::Annul,
        effective: ledger.today(),
        retroactive: false,
        reason: 1,
        evidence: Some(evidence(3)),
        occurred_at: ledger.time,
    }
}

pub(super) const ZERO: H32 = H32::ZERO;
