//! A decision judged again after everything around it has changed is the same, byte for byte.

use super::*;
use crate::identity::{RevocationReason, RevokeKey, SuspendAuthority};
use hefu_primitives::codec::Canonical;

fn again(ledger: &Ledger, number: u8) -> (Vec<u8>, Vec<u8>) {
    let recorded = ledger.get(&DECISIONS, &id(number)).unwrap();
    (judge_again(&ledger.state, &recorded).unwrap().to_bytes(), recorded.to_bytes())
}

#[test]
fn later_changes_do_not_touch_a_verdict() {
    let mut ledger = attested();
    let case = Some(digest(1));
    let checked = ledger.height;
    // A right acceptance, a wrong refusal, a right refusal while suspended, one with a false reason.
    let accepted = Decide { case, ..accept(&ledger, 0x21) };
    let refused = Decide { case, ..refuse(&ledger, 0x22, &[5]) };
    decide(&mut ledger, accepted);
    decide(&mut ledger, refused);
    let act = suspend(&ledger);
    ledger.act(&issuer(), act).unwrap();
    let suspended = refuse(&ledger, 0x23, &[4]);
    let stale = Decide { checked_height: checked, ..refuse(&ledger, 0x24, &[4, 99]) };
    decide(&mut ledger, suspended);
    ledger.wait_days(1);
    decide(&mut ledger, stale);
    let now = ledger.time;
    let corrected = Decide { decided_at: now, ..accept(&ledger, 0x25) };
    let late = CorrectDecision { corrects: id(0x22), decision: Decide { case, ..corrected } };
    ledger.act(&relying(), late).unwrap();
    let flags: Vec<Vec<&str>> =
        (0x21..=0x25).map(|number| names(&ledger.get(&DECISIONS, &id(number)).unwrap())).collect();
    assert_eq!(flags[0], ["consistent"]);
    assert_eq!(flags[1], ["refused_while_valid", "repeat_demand"]);
    assert_eq!(flags[2], ["consistent"]);
    assert_eq!(flags[3], ["refused_while_valid", "stale_check"]);
    assert_eq!(flags[4], ["accepted_while_invalid", "repeat_demand"]);

    // The agreement is amended, and the amendment left; type and scenario end; the certificate is
    // annulled from the start; the issuer's key turns out compromised; the issuer is suspended.
    let first = agreement(&ledger);
    let amended = ProposeAgreement {
        id: id(0xa2),
        amends: Some(AGREEMENT),
        version: 2,
        dispute_days: 5,
        effective: ledger.today(),
        ..first.terms
    };
    conclude(&mut ledger, amended);
    let annulled = RevokeAttestation {
        kind: RevocationKind::Annul,
        retroactive: true,
        effective: day("2026-05-20"),
        ..revoke(&ledger)
    };
    ledger.act(&issuer(), annulled).unwrap();
    ledger.govern(0, WithdrawAgreement { agreement: id(0xa2) }).unwrap();
    ledger.wait_days(40);
    let retired = ListState::Retired;
    ledger.adopt(id(0xb1), Action::SetScenarioState { id: 1, state: retired }).unwrap();
    let pause = Action::SetTypeState {
        code: code(DRIVING),
        version: 1,
        state: ListState::Paused,
        merged_into: None,
    };
    ledger.adopt(id(0xb2), pause).unwrap();
    let reason = RevocationReason::Compromised;
    let revoke = RevokeKey { key: issuer().key.id(), reason, since: Some(start()) };
    ledger.govern(1, revoke).unwrap();
    let authority = issuer().authority;
    ledger.govern(1, SuspendAuthority { authority, reason: 1 }).unwrap();
    for number in 0x21..=0x25 {
        let (found, recorded) = again(&ledger, number);
        assert_eq!(found, recorded, "{number:x}");
    }
    let basis = ledger.get(&DECISIONS, &id(0x21)).unwrap();
    let certificate = ledger.get(&ATTESTATIONS, &id(1)).unwrap();
    assert!(basis.is_basis_annulled(&certificate, ledger.height), "which is another matter");
}

/// What was unknown at the height stays unknown, also once it is attested.
#[test]
fn what_was_not_found_stays_not_found() {
    let mut ledger = in_force();
    let unknown = refuse(&ledger, 2, &[2]);
    decide(&mut ledger, unknown);
    ledger.attest(1, 1).unwrap();
    let (found, recorded) = again(&ledger, 2);
    assert_eq!(found, recorded);
    assert_eq!(names(&ledger.get(&DECISIONS, &id(2)).unwrap()), ["consistent", "out_of_scope"]);
}
