//! What the records of a capsule say of a decision and of a certificate.

use hefu_primitives::block::Header;
use hefu_primitives::capsule::{
    KEY_TABLE, Verified, VerifiedCosigner, VerifiedStatus, VerifiedWitness,
};
use hefu_primitives::{BlockId, H32, Region, Round, SignedTransaction};

use super::*;
use crate::Act;
use crate::evidence::{EvidenceError, Rule, read, related};
use crate::identity::{KEYS, RevocationReason, RevokeKey, Role};
use crate::state::StateView;

/// The height that recorded an act, and what a capsule of it would say later.
struct Recorded {
    transaction: SignedTransaction,
    header: Header,
}

fn header(ledger: &Ledger) -> Header {
    Header {
        protocol: 1,
        chain: CHAIN,
        height: ledger.height,
        round: Round(0),
        time: ledger.time,
        parent: BlockId::ZERO,
        bundles_root: H32::ZERO,
        outcomes_root: H32::ZERO,
        log_size: ledger.log_size,
        log_root: H32::ZERO,
        state_root: H32::ZERO,
        validators: H32::ZERO,
        next_validators: H32::ZERO,
        parameters: H32::ZERO,
        proposer: hefu_primitives::KeyId([0; 20]),
    }
}

fn record(ledger: &mut Ledger, actor: &Actor, act: impl Into<Act>) -> Recorded {
    let transaction = ledger.sign(actor, &[act.into()]);
    let outcome = &ledger.block(&[&transaction]).outcomes[0];
    assert!(matches!(outcome.result, hefu_primitives::block::TxResult::Applied { .. }));
    Recorded { transaction, header: header(ledger) }
}

impl Recorded {
    fn verified(&self, ledger: &Ledger, keys: &[Vec<u8>]) -> Verified {
        let records = keys.iter().map(|key| (key.clone(), StateView::get(&ledger.state, key)));
        Verified {
            chain: CHAIN,
            transaction: self.transaction.clone(),
            signer: relying().key.public(),
            recorded: self.header.clone(),
            leaf: 1,
            status: Some(VerifiedStatus { header: header(ledger), records: records.collect() }),
            set_changes: 0,
            witness: None,
        }
    }

    fn whole(&self, ledger: &Ledger) -> Verified {
        self.verified(ledger, &related(&ledger.state, &self.transaction))
    }
}

#[test]
fn a_decision_with_the_rules_it_was_judged_by() {
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let recorded = record(&mut ledger, &relying(), act);
    let evidence = read(&recorded.whole(&ledger), None).unwrap();
    assert_eq!(evidence.certificates[0].answer.unwrap().status, Status::Active);
    let signer = evidence.signer.unwrap();
    assert!(!signer.questioned && signer.revocation.is_none());
    let decided = &evidence.recognitions[0];
    assert_eq!(
        (decided.relying, decided.outcome),
        (Some(relying().authority), DecisionOutcome::Accepted)
    );
    assert_eq!((decided.corrected, decided.corrected_by), (Some(false), None));
    let digest = agreement(&ledger).digest;
    let listed = Some(ListState::Adopted);
    let in_force = Some(AgreementState::InForce);
    assert!(matches!(&evidence.rules[..], [
        Rule::Type { type_code, version: 1, state, .. },
        Rule::Scenario { scenario: 1, state: adopted },
        Rule::Agreement { agreement: AGREEMENT, version: 1, digest: found, state: agreed },
    ] if *type_code == code(DRIVING) && *state == listed && *adopted == listed
        && *found == digest && *agreed == in_force));
}

/// A refusal that gives the status as its reason, while the certificate was good.
#[test]
fn how_a_certificate_stood_when_it_was_refused() {
    let mut ledger = attested();
    let act = refuse(&ledger, 2, &[7]);
    let recorded = record(&mut ledger, &relying(), act);
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let evidence = read(&recorded.whole(&ledger), None).unwrap();
    assert_eq!(evidence.certificates[0].answer.unwrap().status, Status::Suspended, "now");
    assert_eq!(evidence.recognitions[0].stood.unwrap().status, Status::Active, "then");
    let nothing = read(&recorded.verified(&ledger, &[]), None).unwrap();
    assert_eq!(nothing.recognitions[0].stood, None);
}

/// Who opens a batch need not be who decided.
#[test]
fn an_opened_decision_is_of_the_authority_of_its_batch() {
    let mut ledger = attested();
    let hour = super::batch::Hour::new(vec![accept(&ledger, 0x11)]);
    let act = hour.act(&ledger);
    ledger.act(&relying(), act).unwrap();
    let recorded = record(&mut ledger, &issuer(), hour.open(0));
    let keys = related(&ledger.state, &recorded.transaction);
    assert!(keys.contains(&DECISION_BATCHES.key(&id(0xb0))));
    let evidence = read(&recorded.verified(&ledger, &keys), None).unwrap();
    let decided = &evidence.recognitions[0];
    assert_eq!((decided.relying, decided.batch), (Some(relying().authority), Some(id(0xb0))));
    assert_eq!(decided.stood.unwrap().status, Status::Active);
    assert_eq!(evidence.certificates.len(), 1);
    let unknown = read(&recorded.verified(&ledger, &[]), None).unwrap();
    assert_eq!(unknown.recognitions[0].relying, None, "not whoever opened it");
}

/// Later records say what was in force then, and what became of the decision since.
#[test]
fn what_was_in_force_then_is_told_by_what_is_known_later() {
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let recorded = record(&mut ledger, &relying(), act);
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    ledger.govern(0, withdraw()).unwrap();
    let decision = refuse(&ledger, 3, &[4]);
    ledger.act(&relying(), CorrectDecision { corrects: id(2), decision }).unwrap();
    ledger.wait_days(40);
    ledger.block(&[]);
    assert_eq!(state(&ledger), AgreementState::Terminated);
    let evidence = read(&recorded.whole(&ledger), None).unwrap();
    let then = |rule: &Rule| matches!(rule, Rule::Agreement { state, .. } if *state == Some(AgreementState::InForce));
    assert!(evidence.rules.iter().any(then));
    assert_eq!(evidence.certificates[0].answer.unwrap().status, Status::Suspended);
    let decided = &evidence.recognitions[0];
    assert_eq!((decided.corrected, decided.corrected_by), (Some(true), Some(id(3))));
    let about = Some(ledger.today().add_days(-41).unwrap());
    let evidence = read(&recorded.whole(&ledger), about).unwrap();
    assert_eq!(evidence.certificates[0].answer.unwrap().status, Status::NotYetValid);
}

#[test]
fn a_key_found_compromised_puts_in_question_what_it_signed() {
    let mut ledger = in_force();
    let act = Attest { region: REGIONS[1], ..ledger.driving_licence(1) };
    let recorded = record(&mut ledger, &issuer(), act);
    let key = Ledger::key_of(&issuer());
    let since = Some(Millis(ledger.time.0 - 1));
    let reason = RevocationReason::Compromised;
    ledger.govern(1, RevokeKey { key, reason, since }).unwrap();
    let keys = related(&ledger.state, &recorded.transaction);
    assert!(keys.contains(&REAFFIRMED.key(&key)));
    let evidence = read(&recorded.verified(&ledger, &keys), None).unwrap();
    assert!(evidence.signer.unwrap().questioned);
    assert_eq!(evidence.certificates[0].answer.unwrap().status, Status::Questioned);
    // What is not proven is unknown.
    for missing in [REAFFIRMED.key(&key), KEYS.key(&key)] {
        let fewer: Vec<_> = keys.iter().filter(|key| **key != missing).cloned().collect();
        let evidence = read(&recorded.verified(&ledger, &fewer), None).unwrap();
        assert_eq!(evidence.certificates[0].answer, None);
    }
}

#[test]
fn contradictions_are_refused() {
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let recorded = record(&mut ledger, &relying(), act);
    let fails = |verified: &Verified| read(verified, None).unwrap_err();
    let keys = related(&ledger.state, &recorded.transaction);
    let outside = [&keys[..], &[vec![0xab, 1]]].concat();
    let verified = recorded.verified(&ledger, &outside);
    assert_eq!(fails(&verified), EvidenceError::OutsideMap(keys.len()));
    let mut early = recorded.whole(&ledger);
    early.recorded.time = Millis(1);
    assert_eq!(fails(&early), EvidenceError::Signer, "before the key's term");
    let mut gone = recorded.whole(&ledger);
    gone.status.as_mut().unwrap().records[0].1 = None;
    assert_eq!(fails(&gone), EvidenceError::Signer);
}

/// A checkpoint or receipt is by a cosigner's key, of the province that it names.
#[test]
fn cosigners_are_what_their_records_say() {
    assert_eq!(KEYS.prefix(), KEY_TABLE);
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let recorded = record(&mut ledger, &relying(), act);
    let key = fresh_key(9).public();
    let mut stored = ledger.get(&KEYS, &Ledger::key_of(&auditor(1))).unwrap();
    (stored.key, stored.roles) = (key, vec![Role::Cosigner]);
    ledger.put(&KEYS, &key.id(), &stored);
    let read_as = |region: Region, id| {
        let keys = [related(&ledger.state, &recorded.transaction), vec![KEYS.key(&id)]].concat();
        let mut verified = recorded.verified(&ledger, &keys);
        let cosigners = vec![VerifiedCosigner { region, key: id, cosigned: None, receipt: true }];
        verified.witness = Some(VerifiedWitness { head: None, same_as: None, cosigners });
        read(&verified, None).map(|_| ())
    };
    assert_eq!(read_as(REGIONS[1], key.id()), Ok(()));
    for region in [REGIONS[0], Region(320_100)] {
        assert_eq!(read_as(region, key.id()), Err(EvidenceError::Cosigner(region)));
    }
    let other = Ledger::key_of(&auditor(1));
    assert_eq!(read_as(REGIONS[1], other), Err(EvidenceError::Cosigner(REGIONS[1])));
}

/// Whoever has a key can put any time before it; a key's own term binds its honest owner.
#[test]
fn the_word_of_a_cosigner_is_doubted_when_its_key_was() {
    use crate::evidence::Doubt;
    use crate::identity::KeyRevocation;
    let mut ledger = attested();
    let act = accept(&ledger, 2);
    let recorded = record(&mut ledger, &relying(), act);
    let key = fresh_key(9).public();
    let mut stored = ledger.get(&KEYS, &Ledger::key_of(&auditor(1))).unwrap();
    (stored.key, stored.roles) = (key, vec![Role::Cosigner]);
    let now = ledger.time.0 / 1_000 + 1;
    let doubted = |ledger: &Ledger, cosigned| {
        let keys =
            [related(&ledger.state, &recorded.transaction), vec![KEYS.key(&key.id())]].concat();
        let mut verified = recorded.verified(ledger, &keys);
        let cosigner =
            VerifiedCosigner { region: REGIONS[1], key: key.id(), cosigned, receipt: true };
        verified.witness =
            Some(VerifiedWitness { head: None, same_as: None, cosigners: vec![cosigner] });
        read(&verified, None).unwrap().doubted.first().map(|(_, doubt)| *doubt)
    };
    ledger.put(&KEYS, &key.id(), &stored);
    assert_eq!((doubted(&ledger, Some(now)), doubted(&ledger, None)), (None, None));
    for time in [0, 4_000_000_000, u64::MAX] {
        assert_eq!(doubted(&ledger, Some(time)), Some(Doubt::OutOfTerm), "{time}");
    }
    let revoked = |reason, since| {
        let revocation =
            KeyRevocation { reason, since, at: Millis(now * 1_000), height: ledger.height };
        crate::identity::KeyRecord { revocation: Some(revocation), ..stored.clone() }
    };
    let replaced = revoked(RevocationReason::Ceased, Millis(now * 1_000));
    let compromised = revoked(RevocationReason::Compromised, Millis(now * 1_000 + 500));
    ledger.put(&KEYS, &key.id(), &replaced);
    assert_eq!((doubted(&ledger, Some(now)), doubted(&ledger, None)), (None, None));
    assert_eq!(doubted(&ledger, Some(now + 9)), Some(Doubt::OutOfTerm));
    ledger.put(&KEYS, &key.id(), &compromised);
    for time in [None, Some(now)] {
        assert_eq!(doubted(&ledger, time), Some(Doubt::Compromised));
    }
}
