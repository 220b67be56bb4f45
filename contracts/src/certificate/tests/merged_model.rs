//! Random mergers of types and certificates that follow others, compared with a model that shares no
//! code with the contracts: which certificate may take the place of which, and what is left of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::identity::Action;

const TYPES_OF: [&str; 3] = [DRIVING, BUSINESS, FOOD];
const STATES: [ListState; 3] = [ListState::Adopted, ListState::Paused, ListState::Retired];
const WORDS: [&str; 3] = ["adopted", "paused", "retired"];

#[derive(Clone, Copy, Debug)]
enum Op {
    Set { kind: usize, state: usize, into: Option<usize> },
    Attest { by: usize, kind: usize, previous: Option<(usize, bool)> },
    Suspend(usize),
    Resume(usize),
    Revoke(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let of = || 0usize..8;
    let state = prop_oneof![2 => Just(0usize), 1 => Just(1), 5 => Just(2)];
    let previous = prop::option::weighted(0.7, (of(), any::<bool>()));
    let by = prop_oneof![8 => Just(0usize), 1 => Just(1)];
    let op = prop_oneof![
        4 => (0usize..3, state, prop::option::weighted(0.8, 0usize..3))
            .prop_map(|(kind, state, into)| Op::Set { kind, state, into }),
        12 => (by, 0usize..3, previous)
            .prop_map(|(by, kind, previous)| Op::Attest { by, kind, previous }),
        2 => of().prop_map(Op::Suspend),
        2 => of().prop_map(Op::Resume),
        1 => of().prop_map(Op::Revoke),
    ];
    // Certificates first: a type that is retired at once has none.
    let first = (0usize..3).prop_map(|kind| Op::Attest { by: 0, kind, previous: None });
    (prop::collection::vec(first, 2..6), prop::collection::vec(op, 10..40))
        .prop_map(|(first, then)| [first, then].concat())
}

#[derive(Clone, Debug)]
struct Certificate {
    id: u8,
    of: usize,
    kind: usize,
    state: &'static str,
    followed: bool,
}

#[derive(Debug)]
struct Model {
    types: [&'static str; 3],
    merged: [Option<usize>; 3],
    certificates: Vec<Certificate>,
}

impl Model {
    fn set(&mut self, kind: usize, to: &'static str, into: Option<usize>) -> Result<(), Code> {
        match (self.types[kind], to) {
            ("adopted", "paused") | ("paused", "adopted") | ("adopted" | "paused", "retired") => {}
            _ => return Err(Code::BadState),
        }
        if let Some(into) = into {
            if into == kind || to != "retired" {
                return Err(Code::BadField);
            }
            if self.types[into] != "adopted" {
                return Err(Code::TypeNotAdopted);
            }
            self.merged[kind] = Some(into);
        }
        self.types[kind] = to;
        Ok(())
    }

    /// By one merger or several, each into the next.
    fn became(&self, kind: usize, into: usize) -> bool {
        match self.merged[kind] {
            Some(next) => next == into || self.became(next, into),
            None => false,
        }
    }

    fn attest(
        &mut self,
        id: u8,
        (by, kind): (usize, usize),
        previous: Option<(usize, bool)>,
    ) -> Result<(), Code> {
        if self.types[kind] != "adopted" {
            return Err(Code::TypeNotAdopted);
        }
        if let Some((old, correction)) = previous {
            let old_one = self.certificates.get(old).ok_or(Code::PrevInvalid)?;
            if old_one.of != by {
                return Err(Code::NotIssuer);
            }
            if old_one.followed {
                return Err(Code::Fork);
            }
            let fits = old_one.kind == kind || self.became(old_one.kind, kind);
            let ripe = match old_one.state {
                "suspended" => false,
                "revoked" => correction,
                _ => true,
            };
            if !fits || !ripe {
                return Err(Code::PrevInvalid);
            }
            let old_one = &mut self.certificates[old];
            old_one.followed = true;
            if old_one.state == "active" {
                old_one.state = "superseded";
            }
        }
        self.certificates.push(Certificate { id, of: by, kind, state: "active", followed: false });
        Ok(())
    }

    /// The first office acts on a certificate, wherever its type has gone.
    fn change(&mut self, number: usize, to: &'static str) -> Result<(), Code> {
        let found = self.certificates.get_mut(number).ok_or(Code::UnknownAttestation)?;
        if found.of != 0 {
            return Err(Code::NotIssuer);
        }
        match (found.state, to) {
            ("revoked" | "superseded", _) => return Err(Code::Terminal),
            ("suspended", "suspended") | ("active", "active") => return Err(Code::BadState),
            _ => found.state = to,
        }
        Ok(())
    }
}

fn submit(ledger: &mut Ledger, model: &Model, number: u8, op: &Op) -> Result<(), Code> {
    let of = |n: usize| id(model.certificates.get(n).map_or(0xff, |found| found.id));
    let (effective, occurred_at) = (ledger.today(), ledger.time);
    let act: Act = match *op {
        Op::Set { kind, state, into } => {
            let action = Action::SetTypeState {
                code: code(TYPES_OF[kind]),
                version: 1,
                state: STATES[state],
                merged_into: into.map(|into| code(TYPES_OF[into])),
            };
            return ledger.adopt(id(number), action);
        }
        Op::Attest { by, kind, previous } => {
            let reason = |correction: bool| {
                if correction { SupersedeReason::Correction } else { SupersedeReason::Change }
            };
            let previous =
                previous.map(|(n, correction)| Previous { id: of(n), reason: reason(correction) });
            let licence = Attest {
                type_code: code(TYPES_OF[kind]),
                region: REGIONS[by],
                valid_until: None,
                seal: (kind == 2).then(|| seal(SealVerdict::Valid)),
                previous,
                ..ledger.driving_licence(number)
            };
            return ledger.act(&office(by, 0), licence);
        }
        Op::Suspend(n) => {
            SuspendAttestation { id: of(n), reason: 1, effective, until: None, occurred_at }.into()
        }
        Op::Resume(n) => ResumeAttestation { id: of(n), reason: 1, effective, occurred_at }.into(),
        Op::Revoke(n) => RevokeAttestation {
            id: of(n),
            kind: RevocationKind::Penalty,
            effective,
            retroactive: false,
            reason: 1,
            evidence: None,
            occurred_at,
        }
        .into(),
    };
    ledger.act(&office(0, 0), act)
}

fn word(ledger: &Ledger, number: u8) -> &'static str {
    match now(ledger, number) {
        Status::Active => "active",
        Status::Suspended => "suspended",
        Status::Revoked => "revoked",
        Status::Superseded => "superseded",
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn mergers_follow_the_model(ops in ops()) {
        let mut ledger = Ledger::new();
        let (types, merged) = (["adopted"; 3], [None; 3]);
        let mut model = Model { types, merged, certificates: Vec::new() };
        for (number, op) in ops.into_iter().enumerate() {
            let number = number as u8 + 1;
            let found = submit(&mut ledger, &model, number, &op);
            let expected = match op {
                Op::Set { kind, state, into } => model.set(kind, WORDS[state], into),
                Op::Attest { by, kind, previous } => model.attest(number, (by, kind), previous),
                Op::Suspend(n) => model.change(n, "suspended"),
                Op::Resume(n) => model.change(n, "active"),
                Op::Revoke(n) => model.change(n, "revoked"),
            };
            prop_assert_eq!(found, expected, "{:?} {:?}", op, model);
            for (kind, text) in TYPES_OF.iter().enumerate() {
                let record = ledger.get(&TYPES, &(code(text), 1)).unwrap();
                prop_assert_eq!(serde_json::to_value(record.state()).unwrap(), model.types[kind]);
                let into = model.merged[kind].map(|into| code(TYPES_OF[into]));
                prop_assert_eq!(record.merged_into, into);
            }
            let standing: BTreeMap<u8, &str> =
                model.certificates.iter().map(|found| (found.id, found.state)).collect();
            for (number, state) in standing {
                prop_assert_eq!(word(&ledger, number), state, "{} {:?}", number, model);
            }
        }
    }
}
