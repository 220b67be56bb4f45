//! Execution as a whole: the envelope's errors, all or none, determinism, and frozen encodings.

pub(crate) mod codes;
mod elsewhere;
mod guard;
pub(crate) mod kept;
mod proposals;

use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::time::Notice;
use hefu_primitives::{
    ChainId, Domain, H32, Id16, Millis, Power, Region, Signature, SignedTransaction,
    TransactionBody, Validator, ValidatorSet,
};
use proptest::prelude::*;

use crate::act::Act;
use crate::certificate::*;
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::exec::{SEEN, VALIDATORS, ValidatorSchedule, VerifyAlways, execute, precheck};
use crate::genesis_state::{InitialState, InitialStateError, Part};
use crate::identity::*;
use crate::state::MemoryState;
use crate::testkit::*;

/// One of each act of identity and certificates, every optional field filled.
fn samples() -> Vec<Act> {
    let (time, authority) = (start(), code(OFFICES[0][0]));
    let mandate = Mandate {
        types: vec![code(DRIVING)],
        scenarios: vec![1, 70_000],
        items: vec![code(ROADSIDE)],
    };
    let (key, possession) = (fresh_key(7).public(), Signature([7; 64]));
    let (not_before, not_after) = (time, Millis(time.0 + 1));
    let today = Ledger::new().today();
    let licence = Attest {
        file: Some(digest(3)),
        previous: Some(Previous { id: id(2), reason: SupersedeReason::Correction }),
        seal: Some(SealEvidence {
            seal_id: digest(1),
            maker_cert: digest(2),
            signer_cert: digest(3),
            signed_value: digest(4),
            signed_at: time,
            timestamp: Some(digest(5)),
            verdict: SealVerdict::Valid,
            verifier_version: 1,
        }),
        ..Ledger::new().driving_licence(1)
    };
    let evidence = Some(EvidenceRef { kind: 1, commit: digest(9), bytes: 10_000 });
    let propose = |number, action| Act::from(Propose { id: id(number), action });
    let terms = type_terms(FOOD, HolderClass::Legal, IdPolicy::Plain);
    let parameters = Parameters { admitted: vec![authority], ..Parameters::default() };
    vec![
        RegisterAuthority {
            member: REGIONS[0],
            code: authority,
            level: 2,
            region: Region(310_100),
            name: "示例机关(虚构)".to_owned(),
            central_vertical: false,
        }
        .into(),
        SetMandate { authority, add: mandate.clone(), remove: Mandate::default() }.into(),
        SuspendAuthority { authority, reason: 300 }.into(),
        ResumeAuthority { authority }.into(),
        BindKey { owner: authority, key, roles: all_roles(), not_before, not_after, possession }
            .into(),
        RotateKey {
            old: fresh_key(6).id(),
            key,
            not_before,
            not_after,
            overlap_days: 7,
            possession,
        }
        .into(),
        RevokeKey { key: key.id(), reason: RevocationReason::Compromised, since: Some(time) }
            .into(),
        propose(1, Action::AdoptType(terms)),
        propose(
            2,
            Action::SetTypeState {
                code: code(FOOD),
                version: 1,
                state: ListState::Paused,
                merged_into: None,
            },
        ),
        propose(3, Action::AdoptScenario(scenario_terms(1))),
        propose(4, Action::SetScenarioState { id: 1, state: ListState::Retired }),
        propose(5, Action::SetParameters(parameters)),
        propose(6, Action::AdoptCalendar(Notice::FOR_2026.calendar().unwrap())),
        CastVote { proposal: id(1), approve: true }.into(),
        propose(7, Action::AdmitMember(candidate(time, 0))),
        propose(
            8,
            Action::SuspendMember(SuspendMember {
                member: REGIONS[3],
                kind: SuspensionKind::Full,
                reason: 3,
                evidence: digest(4),
            }),
        ),
        propose(9, Action::ReinstateMember { member: REGIONS[3] }),
        propose(10, Action::ExpelMember { member: REGIONS[3], reason: 3, evidence: digest(4) }),
        propose(
            11,
            Action::ReplaceGovernors(ReplaceGovernors {
                member: REGIONS[3],
                governors: vec![GovernorKey { key, not_before, not_after, possession }],
                compromised_since: Some(time),
            }),
        ),
        propose(12, Action::RevokeKey(RevokeByVote { key: key.id(), since: time })),
        propose(13, Action::SetRules(RuleTable::default())),
        ProveKeys {
            member: NEWCOMERS[0],
            validator: possession,
            node: possession,
            governors: vec![possession; 3],
        }
        .into(),
        GiveNotice { member: REGIONS[3] }.into(),
        Leave { member: REGIONS[3] }.into(),
        RotateValidator { member: REGIONS[3], key, possession }.into(),
        SetNode {
            member: REGIONS[3],
            key,
            possession: Some(possession),
            addresses: vec!["10.0.0.5:9431".to_owned()],
        }
        .into(),
        SucceedAuthority { authority, to: code(OFFICES[0][1]), effective_day: today }.into(),
        DissolveAuthority { authority, custodian: Some(code(OFFICES[0][1])) }.into(),
        licence.clone().into(),
        Attest { ident: Ident::Plain("1.2.156".to_owned()), ..licence }.into(),
        SuspendAttestation {
            id: id(1),
            reason: 2,
            effective: today,
            until: Some(today),
            occurred_at: time,
        }
        .into(),
        ResumeAttestation { id: id(1), reason: 2, effective: today, occurred_at: time }.into(),
        RevokeAttestation {
            id: id(1),
            kind: RevocationKind::Annul,
            effective: today,
            retroactive: true,
            reason: 3,
            evidence,
            occurred_at: time,
        }
        .into(),
        Reaffirm { scope: ReaffirmScope::Attestations(vec![id(1), id(2)]) }.into(),
        Reaffirm { scope: ReaffirmScope::Span { key: key.id(), from: time, to: time } }.into(),
        SaltDestroyed { id: id(1) }.into(),
        SetUnits {
            authority,
            add: vec![Unit { code: "W-01".to_owned(), region: Region(310_115) }],
            remove: vec!["W-02".to_owned()],
        }
        .into(),
        propose(
            14,
            Action::SetTypeState {
                code: code(FOOD),
                version: 1,
                state: ListState::Retired,
                merged_into: Some(code(BUSINESS)),
            },
        ),
    ]
}

#[test]
fn acts_round_trip_in_cbor_and_json() {
    for act in samples() {
        assert_eq!(Act::decode(&act.to_bytes()), Ok(act.clone()), "{act:?}");
        let json = serde_json::to_value(&act).unwrap();
        assert_eq!(json.get("act").and_then(|name| name.as_str()), Some(act.name()));
        assert_eq!(serde_json::from_value::<Act>(json.clone()).unwrap(), act, "{json}");
        let mut unknown = json.clone();
        unknown.as_object_mut().unwrap().insert("unknown".to_owned(), 1.into());
        assert!(serde_json::from_value::<Act>(unknown).is_err(), "{json}");
    }
}

#[test]
fn json_reads_like_this() {
    let act = Act::from(CastVote { proposal: id(1), approve: true });
    let text = r#"{"act":"vote","proposal":"01010101010101010101010101010101","approve":true}"#;
    assert_eq!(serde_json::to_string(&act).unwrap(), text);
    let text = r#"{"act":"set_mandate","authority":"11310000HEFU01029R","add":{"scenarios":[1]}}"#;
    let read: Act = serde_json::from_str(text).unwrap();
    let add = Mandate { scenarios: vec![1], ..Mandate::default() };
    let authority = code(OFFICES[0][0]);
    assert_eq!(read, SetMandate { authority, add, remove: Mandate::default() }.into());
}

/// Frozen: acts are signed and logged for good.
#[test]
fn encodings_are_golden() {
    let found: Vec<String> = samples()
        .iter()
        .map(|act| {
            let bytes = act.to_bytes();
            let digest = hash(Domain::Digest, &[&bytes]).to_string();
            format!("{} {} {}", act.name(), bytes.len(), &digest[..16])
        })
        .collect();
    assert_eq!(found.join("\n"), include_str!("golden_acts.txt").trim_end());
}

#[test]
fn an_act_number_is_its_first_element() {
    let vote = Act::from(CastVote { proposal: id(1), approve: false }).to_bytes();
    let mut expected = vec![0x82, 0x08, 0x81, 0x82, 0x50];
    expected.extend([1; 16]);
    expected.push(0xf4);
    assert_eq!(vote, expected);
    assert_eq!(Act::decode(&[0x82, 0x18, 0x63, 0x80]), Err(Code::BadEncoding));
    assert_eq!(Act::decode(&[0; 4097]), Err(Code::TooLarge));
    assert_eq!(Act::decode(&[]), Err(Code::BadEncoding));
}

fn refusal(ledger: &mut Ledger, tx: &SignedTransaction) -> Option<(u16, u16)> {
    let block = ledger.next_block();
    let prechecked = precheck(block, tx, &ledger.state, &VerifyAlways);
    let execution = ledger.block(&[tx]);
    match execution.outcomes[0].result {
        TxResult::Applied { .. } => None,
        TxResult::Refused { code, act } => {
            if let Err(early) = prechecked {
                assert_eq!(early.number(), code, "precheck and execution agree");
            }
            Some((code, act))
        }
    }
}

#[test]
fn envelope_errors() {
    let mut ledger = Ledger::new();
    let actor = office(0, 0);
    let licence = Act::from(ledger.driving_licence(1));
    let sign = |chain, not_after: u64, actor: &Actor, act: &Act| {
        let acts = vec![act.to_bytes().into()];
        let body = TransactionBody { chain, not_after: Millis(not_after), acts };
        SignedTransaction::sign(&body, actor.authority, "test", &actor.key).unwrap()
    };
    let soon = start().0 + 60_000;
    let stranger = Actor { key: fresh_key(9), ..actor.clone() };
    let elsewhere = Actor { authority: code(OFFICES[0][1]), ..actor.clone() };
    let forged = {
        let good = sign(CHAIN, soon, &actor, &licence);
        let mut bytes = good.as_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        SignedTransaction::decode(&bytes).unwrap()
    };
    for (tx, error) in [
        (sign(ChainId([1; 32]), soon, &actor, &licence), Code::WrongNetwork),
        (sign(CHAIN, start().0, &actor, &licence), Code::ExpiredTx),
        (sign(CHAIN, start().0 + 7_200_000, &actor, &licence), Code::ExpiredTx),
        (sign(CHAIN, soon, &stranger, &licence), Code::UnknownKey),
        (sign(CHAIN, soon, &elsewhere, &licence), Code::IssuerMismatch),
        (forged, Code::BadSignature),
    ] {
        assert_eq!(refusal(&mut ledger, &tx), Some((error.number(), 0)));
        assert!(!ledger.state.0.contains_key(&SEEN.key(&(tx.body().not_after, tx.id()))));
    }
    let good = sign(CHAIN, soon, &actor, &licence);
    assert_eq!(refusal(&mut ledger, &good), None);
    assert_eq!(refusal(&mut ledger, &good), Some((Code::DuplicateAct.number(), 0)));
    ledger.wait_days(1);
    assert_eq!(refusal(&mut ledger, &good), Some((Code::ExpiredTx.number(), 0)));
    assert!(!ledger.state.0.contains_key(&SEEN.key(&(good.body().not_after, good.id()))));
    let mut suspended = ledger.get(&MEMBERS, &REGIONS[0]).unwrap();
    suspended.state = MemberState::SuspendedActs;
    ledger.put(&MEMBERS, &REGIONS[0], &suspended);
    assert_eq!(ledger.attest(0, 2), Err(Code::MemberNotActive));
}

/// Execution refuses it as well, but what it refuses stays in the block.
#[test]
fn a_plain_identifier_of_a_persons_certificate_is_stopped_at_the_door() {
    let mut ledger = Ledger::new();
    let actor = office(0, 0);
    let ident = |kind: &str| {
        let (kind, issuer) = (code(kind), actor.authority);
        let ident = hefu_primitives::codes::Identifier::new(kind, issuer, "SN1", 1).unwrap();
        Ident::Plain(ident.to_string())
    };
    let plain = Attest { ident: ident(DRIVING), ..ledger.driving_licence(1) };
    let business = Attest {
        type_code: code(BUSINESS),
        ident: ident(BUSINESS),
        valid_until: None,
        ..plain.clone()
    };
    let acts = [business.into(), plain.into()];
    for (acts, expected) in [
        (&acts[..1], Ok(())),
        (&acts[1..], Err(Code::PlainIdentForbidden)),
        (&acts, Err(Code::PlainIdentForbidden)),
    ] {
        let tx = ledger.sign(&actor, acts);
        let block = ledger.next_block();
        assert_eq!(precheck(block, &tx, &ledger.state, &VerifyAlways), expected);
    }
}

/// After a long rest more ids are over than one block forgets: the next ones go on.
#[test]
fn every_id_that_is_over_is_forgotten_in_the_end() {
    let mut ledger = Ledger::new();
    for number in 0..70_000u32 {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let over = Millis(start().0 + u64::from(number / 100));
        ledger.put(&SEEN, &(over, hefu_primitives::TxId(id)), &());
    }
    let left =
        |ledger: &Ledger| ledger.state.0.keys().filter(|key| key[0] == SEEN.prefix()).count();
    ledger.wait_days(1);
    ledger.block(&[]);
    assert_eq!(left(&ledger), 70_000 - 65_536);
    ledger.block(&[]);
    assert_eq!(left(&ledger), 0);
}

#[test]
fn all_or_none() {
    let mut ledger = Ledger::new();
    let acts: Vec<Act> = [1, 2, 1].map(|n| Act::from(ledger.driving_licence(n))).into();
    let tx = ledger.sign(&office(0, 0), &acts);
    assert_eq!(refusal(&mut ledger, &tx), Some((Code::IdReused.number(), 2)));
    assert_eq!((ledger.get(&ATTESTATIONS, &id(1)), ledger.events.len()), (None, 0));
    ledger.acts(&office(0, 0), &acts[..2]).unwrap();
    assert_eq!(ledger.events.len(), 2);
    assert_eq!((ledger.events[1].transaction, ledger.events[1].act), (0, 1));
}

#[test]
fn a_scheduled_set_decides_two_blocks_later() {
    let mut ledger = Ledger::new();
    let schedule = ledger.get(&VALIDATORS, &()).unwrap();
    let mut validators = schedule.after.validators().to_vec();
    validators.push(Validator {
        region: Region(350_000),
        key: fresh_key(5).public(),
        power: Power(1),
    });
    let after = ValidatorSet::new(validators).unwrap();
    let next = schedule.next;
    ledger.put(&VALIDATORS, &(), &ValidatorSchedule { next, after: after.clone() });
    let execution = ledger.block(&[]);
    assert_eq!(execution.next_validators, Some(after));
    assert!(!ledger.block(&[]).writes.contains_key(&VALIDATORS.key(&())));
}

#[test]
fn initial_states_are_checked() {
    let good = initial_state();
    assert_eq!(good.validate(), Ok(()));
    assert_eq!(InitialState::from_bytes(&good.to_bytes(), 1 << 20), Ok(good.clone()));
    let json = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<InitialState>(&json).unwrap(), good);
    type Change = fn(&mut InitialState);
    let cases: [(Change, Part, usize, Code); 24] = [
        (|s| s.parameters.ballot_days = 0, Part::Parameters, 0, Code::BadField),
        (|s| s.parameters.fictitious = false, Part::Types, 0, Code::BadTypeCode),
        (|s| s.types[1].version = 2, Part::Types, 1, Code::VersionNotNext),
        (|s| s.types.swap(0, 1), Part::Types, 1, Code::IdReused),
        (|s| s.types[0].lead = Region(1), Part::Types, 0, Code::UnknownMember),
        (|s| s.scenarios[0].types[0].min_version = 2, Part::Scenarios, 0, Code::TypeNotAdopted),
        (|s| s.calendars.push(s.calendars[0]), Part::Calendars, 1, Code::IdReused),
        (|s| s.authorities[2].member = REGIONS[1], Part::Authorities, 2, Code::PrefixMismatch),
        (|s| s.authorities[2].level = 9, Part::Authorities, 2, Code::BadField),
        (|s| s.authorities[2].may_rely = vec![5], Part::Authorities, 2, Code::MandateInvalid),
        (|s| s.authorities[2].may_issue.reverse(), Part::Authorities, 2, Code::MandateInvalid),
        (|s| s.keys.swap(0, 1), Part::Keys, 1, Code::IdReused),
        (|s| s.keys[3].roles.clear(), Part::Keys, 3, Code::RolesInvalid),
        (
            |s| s.keys[3].roles = vec![Role::Governor, Role::Issuer],
            Part::Keys,
            3,
            Code::RolesInvalid,
        ),
        (
            |s| s.keys[3].roles = vec![Role::Auditor, Role::Cosigner],
            Part::Keys,
            3,
            Code::RolesInvalid,
        ),
        (|s| s.keys[3].not_after = s.keys[3].not_before, Part::Keys, 3, Code::KeyTerm),
        (|s| s.keys[3].owner = code("11100000HEFU90017F"), Part::Keys, 3, Code::UnknownAuthority),
        (
            |s| s.members.push(Member { region: Region(710_000), ..s.members[3].clone() }),
            Part::Members,
            4,
            Code::RegionInvalid,
        ),
        (|s| s.members[1].threshold = 1, Part::Members, 1, Code::BadField),
        (|s| s.members[1].operator = code(DATA[0]), Part::Members, 1, Code::OperatorUsccInvalid),
        (|s| s.members[1].governors[0] = fresh_key(1).id(), Part::Members, 1, Code::RolesInvalid),
        (
            |s| s.members[1].node_key = s.members[0].node_key,
            Part::Members,
            0,
            Code::KeysNotDistinct,
        ),
        (
            |s| s.validators[2].key = fresh_key(1).public(),
            Part::Validators,
            2,
            Code::KeysNotDistinct,
        ),
        (|s| s.validators.truncate(3), Part::Validators, 0, Code::ValidatorSetTooSmall),
    ];
    for (number, (change, part, place, code)) in cases.into_iter().enumerate() {
        let mut state = good.clone();
        change(&mut state);
        let error = InitialStateError { part, place, code };
        assert_eq!(state.validate(), Err(error), "case {number}");
    }
}

/// A random step: who signs, and which act.
fn step() -> impl Strategy<Value = (usize, usize, usize)> {
    (0usize..3, 0usize..5, 0usize..100)
}

/// Turns a step into a signed transaction that may well be refused.
fn transaction(
    ledger: &mut Ledger,
    (province, signer, what): (usize, usize, usize),
) -> SignedTransaction {
    let actor = match signer {
        0 | 1 => governor(province, signer),
        2 => auditor(province),
        number => office(province, number - 3),
    };
    let samples = samples();
    let (number, time) = ((what % 7) as u8, ledger.time);
    let effective = ledger.today();
    let act = match what {
        0..=20 => ledger.driving_licence(number).into(),
        21..=35 => SuspendAttestation {
            id: id(number),
            reason: 1,
            effective,
            until: None,
            occurred_at: time,
        }
        .into(),
        36..=45 => {
            ResumeAttestation { id: id(number), reason: 1, effective, occurred_at: time }.into()
        }
        46..=55 => {
            let authority = code(OFFICES[province][0]);
            SuspendAuthority { authority, reason: 1 + u16::from(number % 2) }.into()
        }
        56..=65 => {
            Propose { id: id(number), action: Action::AdoptScenario(scenario_terms(9)) }.into()
        }
        66..=75 => CastVote { proposal: id(number), approve: true }.into(),
        other => samples[other % samples.len()].clone(),
    };
    ledger.sign(&actor, &[act])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Execution depends on its arguments alone, keeps nothing of what it refuses but that it was
    /// seen, and does not notice where the buffer of a block ends and the store begins.
    #[test]
    fn execution_is_deterministic(steps in proptest::collection::vec(step(), 1..40)) {
        let mut ledger = Ledger::new();
        for chunk in steps.chunks(5) {
            let txs: Vec<_> = chunk.iter().map(|step| transaction(&mut ledger, *step)).collect();
            let refs: Vec<_> = txs.iter().collect();
            let block = ledger.next_block();
            let whole = execute(block, &refs, &ledger.state, &VerifyAlways);
            prop_assert_eq!(&whole, &execute(block, &refs, &ledger.state, &VerifyAlways));

            let empty = execute(block, &[], &ledger.state, &VerifyAlways).writes;
            let mut split = ledger.state.clone();
            let (mut log_size, mut outcomes) = (block.log_size, Vec::new());
            for tx in &refs {
                let one = crate::exec::BlockInfo { log_size, ..block };
                let alone = execute(one, &[*tx], &split, &VerifyAlways);
                match alone.outcomes[0].result {
                    TxResult::Applied { .. } => log_size += 1,
                    TxResult::Refused { .. } => {
                        let mut left = alone.writes.iter().filter(|(key, _)| !empty.contains_key(*key));
                        prop_assert!(left.all(|(key, _)| key[0] == SEEN.prefix()));
                        prop_assert_eq!(alone.events.len(), 0);
                    }
                }
                split.apply(&alone.writes);
                outcomes.extend(alone.outcomes);
            }
            prop_assert_eq!(&whole.outcomes, &outcomes);
            let mut together: MemoryState = ledger.state.clone();
            together.apply(&whole.writes);
            prop_assert_eq!(together, split);
            ledger.block(&refs);
        }
    }

    /// Bytes that are no act never panic, and what decodes encodes to the same bytes.
    #[test]
    fn decoding_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(act) = Act::decode(&bytes) {
            prop_assert_eq!(act.to_bytes(), bytes);
        }
    }

    /// A changed byte of an act gives another act or none; never the same one.
    #[test]
    fn encodings_are_unique(which in 0usize..22, place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let act = &samples()[which];
        let mut bytes = act.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(other) = Act::decode(&bytes) {
            prop_assert_ne!(&other, act);
        }
    }
}

#[test]
fn zero_ids_are_ids_like_others() {
    let mut ledger = Ledger::new();
    let act = Attest { id: Id16::ZERO, ..ledger.driving_licence(1) };
    assert_eq!(ledger.act(&office(0, 0), act), Ok(()));
    assert_ne!(ledger.get(&ATTESTATIONS, &Id16::ZERO).unwrap().content, H32::ZERO);
}
