//! Random notices, mandates, requests for openings, read logs and checkpoints by random actors of two
//! provinces, compared with a model of §3.14 and §3.15 that shares no code with the contracts: days are
//! counted in integers, and who may do what is written down once more.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use proptest::prelude::*;

/// Who acts for a province: an office, a governor, or the operator's auditor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Office,
    Governor,
    Operator,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Notice { id: u8, grade: u8, about: usize, future: bool },
    Close { id: u8, bare: bool },
    Grant { id: u8, scope: Scope },
    VoteGrant { id: u8, scope: Scope },
    Revoke { id: u8 },
    VoteRevoke { id: u8 },
    Ask { id: u8, about: usize },
    ReadLog { ago: u64, of: usize, count: u64, root: bool },
    Checkpoint { place: u8, ahead: bool },
    Wait { days: u64 },
}

/// What a mandate is for: the provinces, the auditor, its last day, whether certificates are in it.
#[derive(Clone, Copy, Debug)]
struct Scope {
    first: bool,
    second: bool,
    auditor: usize,
    days: u64,
    certificates: bool,
}

impl Scope {
    fn has(self, province: usize) -> bool {
        [self.first, self.second][province]
    }
}

fn ops() -> impl Strategy<Value = Vec<(usize, Who, Op)>> {
    let id = || 1u8..4;
    let scope = (any::<bool>(), any::<bool>(), 0..2usize, 0..20u64, prop::bool::weighted(0.8))
        .prop_map(|(first, second, auditor, days, certificates)| {
            // No scope is empty: that a list is wanted is shown elsewhere.
            let second = second || !first;
            Scope { first, second, auditor, days, certificates }
        });
    let op = prop_oneof![
        3 => (id(), prop_oneof![6 => 1u8..5, 1 => Just(0u8), 1 => Just(5u8)], 0..2usize,
            prop::bool::weighted(0.1))
            .prop_map(|(id, grade, about, future)| Op::Notice { id, grade, about, future }),
        3 => (id(), prop::bool::weighted(0.1)).prop_map(|(id, bare)| Op::Close { id, bare }),
        4 => (id(), scope.clone()).prop_map(|(id, scope)| Op::Grant { id, scope }),
        1 => (id(), scope).prop_map(|(id, scope)| Op::VoteGrant { id, scope }),
        1 => id().prop_map(|id| Op::Revoke { id }),
        1 => id().prop_map(|id| Op::VoteRevoke { id }),
        5 => (id(), 0..2usize).prop_map(|(id, about)| Op::Ask { id, about }),
        3 => (0..4u64, 0..2usize, 0..2u64, prop::bool::weighted(0.6))
            .prop_map(|(ago, of, count, root)| Op::ReadLog { ago, of, count, root }),
        2 => (0u8..2, prop::bool::weighted(0.2))
            .prop_map(|(place, ahead)| Op::Checkpoint { place, ahead }),
        2 => (1..9u64).prop_map(|days| Op::Wait { days }),
    ];
    let who =
        prop_oneof![3 => Just(Who::Office), 1 => Just(Who::Governor), 3 => Just(Who::Operator)];
    prop::collection::vec((0..2usize, who, op), 10..50)
}

/// A mandate as the table sees it.
struct Mandate {
    scope: Scope,
    until: u64,
    /// Whose governors granted it; none when it was voted on.
    by: Option<usize>,
    revoked: bool,
}

#[derive(Default)]
struct Model {
    day: u64,
    /// Province, and whether it is closed.
    incidents: BTreeMap<u8, (usize, bool)>,
    mandates: BTreeMap<u8, Mandate>,
    logs: BTreeSet<(usize, u64, usize)>,
    checkpoints: BTreeSet<(u8, usize, bool)>,
}

type Answered = Result<Vec<String>, Code>;

impl Model {
    /// What an act gives: its flags, or why it is refused. Governors act in twos where they may.
    fn step(&mut self, by: usize, who: Who, op: Op) -> Answered {
        let none = Ok(Vec::new());
        let acting = if who == Who::Governor { Err(Code::RoleMissing) } else { Ok(()) };
        match op {
            Op::Notice { id, grade, about, future } => {
                acting?;
                refuse(self.incidents.contains_key(&id), Code::IdReused)?;
                refuse(!(1..=4).contains(&grade), Code::BadField)?;
                refuse(future, Code::FutureTime)?;
                refuse(about != by, Code::NotOwn)?;
                self.incidents.insert(id, (by, false));
                Ok(vec![format!("grade_{grade}")])
            }
            Op::Close { id, bare } => {
                acting?;
                let (told, closed) = self.incidents.get_mut(&id).ok_or(Code::UnknownIncident)?;
                refuse(*told != by, Code::NotOwn)?;
                refuse(*closed, Code::IncidentClosed)?;
                refuse(bare, Code::BadField)?;
                *closed = true;
                none
            }
            Op::Grant { id, scope } => {
                refuse(!scope.has(by) || scope.has(1 - by), Code::NotOwn)?;
                self.grant(id, scope, Some(by))
            }
            Op::VoteGrant { id, scope } => self.grant(id, scope, None),
            Op::Revoke { id } => self.revoke(id, Some(by)),
            Op::VoteRevoke { id } => self.revoke(id, None),
            Op::Ask { id, about } => {
                let mandate = self.mandates.get(&id).ok_or(Code::NoAuditMandate)?;
                refuse(mandate.scope.auditor != by || mandate.revoked, Code::NoAuditMandate)?;
                refuse(self.day > mandate.until, Code::MandateExpired)?;
                let covered = mandate.scope.certificates && mandate.scope.has(about);
                refuse(!covered, Code::OutOfScope)?;
                none
            }
            Op::ReadLog { ago, of, count, root } => {
                acting?;
                refuse(who != Who::Operator, Code::NotOwn)?;
                refuse(ago == 0, Code::FutureTime)?;
                refuse((count == 0) == root, Code::BadField)?;
                // Days before the first one are days too.
                let day = self.day + 10 - ago;
                refuse(!self.logs.insert((by, day, of)), Code::ReadLogRecorded)?;
                Ok(if ago > 1 { vec!["late".to_owned()] } else { Vec::new() })
            }
            Op::Checkpoint { place, ahead } => {
                acting?;
                refuse(ahead, Code::HeightInFuture)?;
                let office = who == Who::Office;
                refuse(!self.checkpoints.insert((place, by, office)), Code::IdReused)?;
                none
            }
            Op::Wait { days } => {
                self.day += days;
                none
            }
        }
    }

    fn grant(&mut self, id: u8, scope: Scope, by: Option<usize>) -> Answered {
        refuse(self.mandates.contains_key(&id), Code::IdReused)?;
        let until = self.day + scope.days;
        self.mandates.insert(id, Mandate { scope, until, by, revoked: false });
        Ok(Vec::new())
    }

    fn revoke(&mut self, id: u8, by: Option<usize>) -> Answered {
        let mandate = self.mandates.get_mut(&id).ok_or(Code::NoAuditMandate)?;
        refuse(mandate.by != by, Code::NotOwn)?;
        refuse(mandate.revoked, Code::MandateState)?;
        mandate.revoked = true;
        Ok(Vec::new())
    }
}

fn refuse(when: bool, code: Code) -> Result<(), Code> {
    if when { Err(code) } else { Ok(()) }
}

fn terms_of(ledger: &Ledger, number: u8, scope: Scope) -> MandateTerms {
    let kind = if scope.certificates { RecordKind::Certificate } else { RecordKind::Sharing };
    MandateTerms {
        mandate_id: id(number),
        auditor: auditor(scope.auditor).authority,
        members: (0..2).filter(|p| scope.has(*p)).map(|p| REGIONS[p]).collect(),
        kinds: vec![kind],
        until: ledger.today().add_days(scope.days as i64).unwrap(),
        ..mandate()
    }
}

/// Submits what an operation stands for.
fn submit(ledger: &mut Ledger, (by, who, op): (usize, Who, Op), fresh: u8) -> Result<(), Code> {
    let actor = match who {
        Who::Office => office(by, 0),
        Who::Governor => governor(by, 0),
        Who::Operator => auditor(by),
    };
    let bare = |bare: bool| if bare { H32::ZERO } else { digest(3) };
    let now = ledger.time.0;
    match op {
        Op::Notice { id: number, grade, about, future } => {
            let keys = vec![office(about, 0).key.id()];
            let since = Millis(if future { now + 3_600_000 } else { now });
            let notice =
                NoticeIncident { incident_id: id(number), grade, keys, since, ..incident() };
            ledger.act(&actor, notice)
        }
        Op::Close { id: number, bare: without } => {
            ledger.act(&actor, CloseIncident { incident_id: id(number), report: bare(without) })
        }
        Op::Grant { id: number, scope } => {
            let terms = terms_of(ledger, number, scope);
            ledger.govern(by, GrantMandate { terms })
        }
        Op::VoteGrant { id: number, scope } => {
            let terms = terms_of(ledger, number, scope);
            ledger.adopt(id(fresh), Action::GrantMandate(terms))
        }
        Op::Revoke { id: number } => ledger.govern(by, RevokeMandate { mandate_id: id(number) }),
        Op::VoteRevoke { id: number } => {
            ledger.adopt(id(fresh), Action::RevokeMandate { mandate: id(number) })
        }
        Op::Ask { id: number, about } => {
            let refs = vec![Subject::Attestation(id(5 + about as u8))];
            let request = RequestOpenings { mandate_id: id(number), refs, ..ask(fresh) };
            ledger.act(&auditor(by), request)
        }
        Op::ReadLog { ago, of, count, root: with } => {
            let day = ledger.today().add_days(-(ago as i64)).unwrap();
            let auditor = auditor(of).authority;
            ledger.act(&actor, PutReadLogRoot { day, auditor, count, root: bare(!with) })
        }
        Op::Checkpoint { place, ahead } => {
            let place = [AnchorPlace::Archive, AnchorPlace::Notary][usize::from(place)];
            let height = if ahead { ledger.height.next() } else { Height(1) };
            let occurred_at = ledger.time;
            ledger.act(&actor, RecordCheckpoint { height, place, occurred_at, ..checkpoint() })
        }
        Op::Wait { days } => {
            ledger.wait_days(days);
            Ok(())
        }
    }
}

fn compare(ledger: &Ledger, model: &Model) {
    for number in 1..4 {
        let incident = ledger.get(&INCIDENTS, &id(number));
        let found = incident.map(|incident| (incident.region, incident.closed.is_some()));
        let expected = model.incidents.get(&number).map(|(by, closed)| (REGIONS[*by], *closed));
        assert_eq!(found, expected);
        let mandate = ledger.get(&MANDATES, &id(number));
        let found = mandate.map(|mandate| mandate.status(ledger.today()));
        let expected = model.mandates.get(&number).map(|mandate| match mandate {
            Mandate { revoked: true, .. } => MandateStatus::Revoked,
            Mandate { until, .. } if model.day > *until => MandateStatus::Expired,
            _ => MandateStatus::Active,
        });
        assert_eq!(found, expected);
    }
    let recorded = ledger.state.0.keys().filter(|key| key.first() == Some(&0x5c)).count();
    assert_eq!(recorded, model.logs.len(), "read logs");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn oversight_follows_the_model(ops in ops()) {
        let mut ledger = Ledger::new();
        ledger.attest(0, 5).unwrap();
        ledger.attest(1, 6).unwrap();
        let mut model = Model::default();
        for (number, step) in ops.into_iter().enumerate() {
            let (by, who, op) = step;
            let expected = model.step(by, who, op);
            let found = submit(&mut ledger, step, 100 + number as u8);
            prop_assert_eq!(found, expected.clone().map(|_| ()), "{:?}", step);
            let flagged = matches!(op, Op::Notice { .. } | Op::ReadLog { .. });
            if let (Ok(flags), true) = (expected, flagged) {
                prop_assert_eq!(&ledger.events[0].flags, &flags);
            }
            compare(&ledger, &model);
        }
    }
}
