//! The seal registry: what an issuer that keeps one may seal with, and when.

use super::*;
use crate::identity::SucceedAuthority;

fn register(number: u8) -> RegisterSeal {
    RegisterSeal {
        seal_id: digest(number),
        maker_cert: digest(2),
        signer_cert: digest(3),
        valid_from: day("2026-01-01"),
        valid_until: day("2026-12-31"),
    }
}

fn set(ledger: &Ledger, state: SealState) -> SetSealState {
    SetSealState { seal_id: digest(1), state, since: ledger.time, reason: 4, owner: None }
}

fn sealed(ledger: &Ledger, number: u8, change: impl Fn(&mut SealEvidence)) -> Attest {
    let mut evidence = SealEvidence { signed_at: ledger.time, ..seal(SealVerdict::Valid) };
    change(&mut evidence);
    Attest { seal: Some(evidence), ..business(ledger, number, 1) }
}

#[test]
fn an_issuer_with_a_registry_seals_from_it() {
    let mut ledger = Ledger::new();
    let issuer = office(0, 1);
    let any = sealed(&ledger, 1, |seal| seal.seal_id = digest(9));
    ledger.act(&issuer, any).unwrap();
    ledger.act(&issuer, register(1)).unwrap();
    assert_eq!(ledger.event_kinds(), ["seal_registered"]);
    assert_eq!(ledger.act(&issuer, sealed(&ledger, 2, |_| ())), Ok(()));
    let wrong: [&dyn Fn(&mut SealEvidence); 4] = [
        &|seal| seal.seal_id = digest(9),
        &|seal| seal.signer_cert = digest(9),
        &|seal| seal.maker_cert = digest(9),
        &|seal| seal.signed_at = Millis::from_rfc3339("2025-12-31T02:00:00Z").unwrap(),
    ];
    for change in wrong {
        let act = sealed(&ledger, 3, change);
        assert_eq!(ledger.act(&issuer, act), Err(Code::SealNotInForce));
    }
    let other = Attest {
        ident: Ident::Committed(digest(8)),
        ..sealed(&ledger, 3, |seal| seal.seal_id = digest(9))
    };
    assert_eq!(ledger.act(&office(0, 2), other), Ok(()), "another's registry says nothing");
}

#[test]
fn a_seal_is_suspended_resumed_and_revoked() {
    let mut ledger = Ledger::new();
    let issuer = office(0, 1);
    ledger.act(&issuer, register(1)).unwrap();
    let in_force_then = ledger.time;
    ledger.act(&issuer, set(&ledger, SealState::Suspended)).unwrap();
    assert_eq!(ledger.event_kinds(), ["seal_suspended"]);
    assert_eq!(ledger.act(&issuer, sealed(&ledger, 1, |_| ())), Err(Code::SealNotInForce));
    let before = sealed(&ledger, 1, |seal| seal.signed_at = Millis(in_force_then.0 - 1));
    assert_eq!(ledger.act(&issuer, before), Ok(()), "what it sealed before stands");
    ledger.act(&issuer, set(&ledger, SealState::Active)).unwrap();
    assert_eq!(ledger.act(&issuer, sealed(&ledger, 2, |_| ())), Ok(()));
    ledger.act(&issuer, set(&ledger, SealState::Revoked)).unwrap();
    assert_eq!(ledger.event_kinds(), ["seal_revoked"]);
    assert_eq!(ledger.act(&issuer, sealed(&ledger, 3, |_| ())), Err(Code::SealNotInForce));
    let seal = ledger.get(&SEALS, &(issuer.authority, digest(1))).unwrap();
    assert_eq!(seal.state_at(in_force_then, Height(1)), SealState::Active, "as known then");
}

#[test]
fn the_registry_refuses() {
    let mut ledger = Ledger::new();
    let issuer = office(0, 1);
    for (act, error) in [
        (RegisterSeal { seal_id: H32::ZERO, ..register(1) }, Code::BadField),
        (RegisterSeal { signer_cert: H32::ZERO, ..register(1) }, Code::BadField),
        (RegisterSeal { valid_until: day("2025-01-01"), ..register(1) }, Code::BadField),
    ] {
        assert_eq!(ledger.act(&issuer, act), Err(error));
    }
    assert_eq!(ledger.act(&auditor(0), register(1)), Err(Code::RoleMissing));
    let suspended = set(&ledger, SealState::Suspended);
    assert_eq!(ledger.act(&issuer, suspended.clone()), Err(Code::UnknownSeal));
    ledger.act(&issuer, register(1)).unwrap();
    assert_eq!(ledger.act(&issuer, register(1)), Err(Code::IdReused));
    ledger.act(&office(1, 1), register(1)).unwrap();
    for (act, error) in [
        (set(&ledger, SealState::Active), Code::SealStateInvalid),
        (SetSealState { reason: 0, ..suspended.clone() }, Code::ReasonRequired),
        (
            SetSealState { since: Millis(ledger.time.0 + DAY_MS), ..suspended.clone() },
            Code::FutureTime,
        ),
    ] {
        assert_eq!(ledger.act(&issuer, act), Err(error));
    }
    let now = set(&ledger, SealState::Suspended);
    ledger.act(&issuer, now).unwrap();
    let backwards = SetSealState { since: start(), ..set(&ledger, SealState::Active) };
    assert_eq!(ledger.act(&issuer, backwards), Err(Code::BadField));
    ledger.act(&issuer, set(&ledger, SealState::Revoked)).unwrap();
    assert_eq!(ledger.act(&issuer, set(&ledger, SealState::Active)), Err(Code::SealStateInvalid));
}

#[test]
fn a_successor_answers_for_the_seals_it_took_over() {
    let mut ledger = Ledger::new();
    let (old, heir) = (office(0, 1), office(0, 0));
    ledger.act(&old, register(1)).unwrap();
    let owner = Some(old.authority);
    let suspend = |ledger: &Ledger| SetSealState { owner, ..set(ledger, SealState::Suspended) };
    assert_eq!(ledger.act(&heir, suspend(&ledger)), Err(Code::NotIssuer), "nobody else's seal");
    let (authority, to, effective_day) = (old.authority, heir.authority, ledger.today());
    ledger.govern(0, SucceedAuthority { authority, to, effective_day }).unwrap();
    assert_eq!(ledger.act(&heir, set(&ledger, SealState::Suspended)), Err(Code::UnknownSeal));
    ledger.act(&heir, suspend(&ledger)).unwrap();
    assert_eq!(ledger.event_kinds(), ["seal_suspended"]);
    let revoke = SetSealState { owner, ..set(&ledger, SealState::Revoked) };
    ledger.act(&heir, revoke).unwrap();
    let seal = ledger.get(&SEALS, &(old.authority, digest(1))).unwrap();
    assert_eq!(seal.owner, old.authority, "it stays whose it was");
    assert_eq!(seal.state_at(ledger.time, ledger.height), SealState::Revoked);
    assert_eq!(ledger.act(&old, set(&ledger, SealState::Active)), Err(Code::AuthorityNotActive));
}
