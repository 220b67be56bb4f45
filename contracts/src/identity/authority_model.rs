//! Random changes of authorities by governors of two provinces, compared with a model of §3.3 that
//! shares no code with the contracts: who is active, what it may issue, who has whose powers.

use std::collections::{BTreeMap, BTreeSet};

use hefu_primitives::Uscc;
use proptest::prelude::*;

use super::*;
use crate::act::Act;
use crate::certificate::SaltDestroyed;
use crate::code::Code;
use crate::testkit::*;

const DAY: u64 = 86_400_000;

/// Authorities by number: three offices of the first province, two of the second.
fn code_of(number: usize) -> Uscc {
    code(OFFICES[number / 3][number % 3])
}

fn province_of(number: usize) -> usize {
    number / 3
}

const COUNT: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    Suspend {
        of: usize,
        reason: u16,
    },
    Resume {
        of: usize,
    },
    Mandate {
        of: usize,
        add: bool,
    },
    Succeed {
        of: usize,
        to: usize,
        days: i64,
    },
    Dissolve {
        of: usize,
        to: Option<usize>,
    },
    /// Attests a driving licence in the authority's name.
    Attest {
        of: usize,
    },
    /// Records a destroyed salt of one of `of`'s licences, in the name of `by`.
    Answer {
        by: usize,
        of: usize,
    },
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let of = || 0usize..COUNT;
    let op = prop_oneof![
        3 => (of(), 0u16..5).prop_map(|(of, reason)| Op::Suspend { of, reason: reason.min(1) }),
        3 => of().prop_map(|of| Op::Resume { of }),
        3 => (of(), any::<bool>()).prop_map(|(of, add)| Op::Mandate { of, add }),
        2 => (of(), of(), -1i64..4).prop_map(|(of, to, days)| Op::Succeed { of, to, days }),
        1 => (of(), prop::option::weighted(0.7, of())).prop_map(|(of, to)| Op::Dissolve { of, to }),
        7 => of().prop_map(|of| Op::Attest { of }),
        5 => (of(), of()).prop_map(|(by, of)| Op::Answer { by, of }),
        3 => (1u64..3).prop_map(Op::Wait),
    ];
    let by = prop_oneof![3 => Just(9usize), 1 => 0usize..2];
    // What concerns two provinces is mostly signed by both.
    let step = (by, op).prop_flat_map(|(by, op)| {
        let joint = match op {
            Op::Succeed { of, to, .. } | Op::Dissolve { of, to: Some(to) } => {
                province_of(of) != province_of(to)
            }
            _ => false,
        };
        if joint { Just(vec![(0, op), (1, op)]) } else { Just(vec![(by, op)]) }
    });
    prop::collection::vec(step, 10..50).prop_map(|all| all.concat())
}

#[derive(Clone, Debug)]
struct Office {
    state: &'static str,
    issues: bool,
    heir: Option<usize>,
    /// Until when it still acts, once its end is recorded.
    ends: Option<u64>,
    /// Length of the longest chain of successions that ends here.
    depth: usize,
    /// Licences it attested whose salts are there.
    licences: Vec<u8>,
}

#[derive(Debug)]
struct Model {
    offices: Vec<Office>,
    /// Joint acts that one province signed.
    waiting: BTreeMap<Vec<u8>, BTreeSet<usize>>,
    number: u8,
}

impl Model {
    fn new() -> Self {
        let office = Office {
            state: "active",
            issues: true,
            heir: None,
            ends: None,
            depth: 0,
            licences: Vec::new(),
        };
        Self { offices: vec![office; COUNT], waiting: BTreeMap::new(), number: 0 }
    }

    /// What the beginning of a day does: successions whose day has come take effect.
    fn begin(&mut self, now: u64) {
        let day = (now + DAY / 3) / DAY;
        for office in &mut self.offices {
            if office.ends.is_some_and(|ends| ends <= day) {
                (office.state, office.ends) = ("merged", None);
            }
        }
    }

    /// Whether `by` has the powers of `of`: by the way of those that have ended.
    fn stands_for(&self, by: usize, of: usize) -> bool {
        let mut current = of;
        loop {
            if current == by {
                return true;
            }
            let office = &self.offices[current];
            match office.heir.filter(|_| office.ends.is_none()) {
                Some(heir) => current = heir,
                None => return false,
            }
        }
    }

    fn governed(&self, by: usize, of: usize, state: &str) -> Result<(), Code> {
        if province_of(of) != by {
            return Err(Code::NotOwn);
        }
        if self.offices[of].state == state { Ok(()) } else { Err(Code::AuthorityNotActive) }
    }

    /// Whether an office may end in favour of another.
    fn ending(&self, by: usize, of: usize, to: Option<usize>) -> Result<(), Code> {
        let concerned = by == province_of(of) || to.is_some_and(|to| by == province_of(to));
        if !concerned {
            return Err(Code::NotOwn);
        }
        let office = &self.offices[of];
        if !["active", "suspended"].contains(&office.state) || office.heir.is_some() {
            return Err(Code::AuthorityNotActive);
        }
        let fits = |to: usize| {
            let heir = &self.offices[to];
            heir.state == "active"
                && heir.heir.is_none()
                && !self.stands_for(of, to)
                && office.depth < 8
        };
        if to.is_none_or(fits) { Ok(()) } else { Err(Code::SuccessorInvalid) }
    }

    /// Whether an act applies now: at once for one province, with the second one's word for two.
    fn agreed(&mut self, by: usize, of: usize, to: Option<usize>, act: &Act) -> Result<bool, Code> {
        use hefu_primitives::codec::Canonical;
        if to.is_none_or(|to| province_of(to) == province_of(of)) {
            return Ok(true);
        }
        let signed = self.waiting.entry(act.to_bytes()).or_default();
        if !signed.insert(by) {
            return Err(Code::AlreadyEndorsed);
        }
        let complete = signed.len() == 2;
        if complete {
            self.waiting.remove(&act.to_bytes());
        }
        Ok(complete)
    }

    fn end(&mut self, of: usize, to: usize, ends: Option<u64>, state: &'static str) {
        let depth = self.offices[of].depth + 1;
        let heir = &mut self.offices[to];
        heir.depth = heir.depth.max(depth);
        let office = &mut self.offices[of];
        (office.heir, office.ends) = (Some(to), ends);
        if ends.is_none() {
            office.state = state;
        }
    }

    fn step(&mut self, by: usize, op: &Op, act: &Act, now: u64) -> Result<(), Code> {
        self.begin(now);
        let today = (now + DAY / 3) / DAY;
        match *op {
            Op::Suspend { of, reason } => {
                self.governed(by, of, "active")?;
                if reason == 0 {
                    return Err(Code::ReasonRequired);
                }
                self.offices[of].state = "suspended";
            }
            Op::Resume { of } => {
                self.governed(by, of, "suspended")?;
                self.offices[of].state = "active";
            }
            Op::Mandate { of, add } => {
                self.governed(by, of, "active")?;
                if self.offices[of].issues == add {
                    return Err(Code::MandateInvalid);
                }
                self.offices[of].issues = add;
            }
            Op::Succeed { of, to, days } => {
                self.ending(by, of, Some(to))?;
                if self.agreed(by, of, Some(to), act)? {
                    let ends = (days > 0).then(|| today + days as u64);
                    self.end(of, to, ends, "merged");
                }
            }
            Op::Dissolve { of, to } => {
                self.ending(by, of, to)?;
                if to.is_none() {
                    // Each office has or had a mandate to issue.
                    return Err(Code::OrphanAttestations);
                }
                if self.agreed(by, of, to, act)? {
                    self.end(of, to.unwrap(), None, "dissolved");
                }
            }
            Op::Attest { of } => {
                if self.offices[of].state != "active" {
                    return Err(Code::AuthorityNotActive);
                }
                if !self.offices[of].issues {
                    return Err(Code::NoMandate);
                }
                let number = self.number;
                self.offices[of].licences.push(number);
            }
            Op::Answer { by, of } => {
                if self.offices[by].state != "active" {
                    return Err(Code::AuthorityNotActive);
                }
                if self.offices[of].licences.is_empty() {
                    return Err(Code::UnknownAttestation);
                }
                if !self.stands_for(by, of) {
                    return Err(Code::NotIssuer);
                }
                self.offices[of].licences.pop();
            }
            Op::Wait(_) => {}
        }
        Ok(())
    }
}

fn act_of(op: &Op, ledger: &Ledger, model: &Model) -> Act {
    let driving = || Mandate { types: vec![code(DRIVING)], ..Mandate::default() };
    match *op {
        Op::Suspend { of, reason } => SuspendAuthority { authority: code_of(of), reason }.into(),
        Op::Resume { of } => ResumeAuthority { authority: code_of(of) }.into(),
        Op::Mandate { of, add } => {
            let (add, remove) =
                if add { (driving(), Mandate::default()) } else { (Mandate::default(), driving()) };
            SetMandate { authority: code_of(of), add, remove }.into()
        }
        Op::Succeed { of, to, days } => {
            let effective_day = ledger.today().add_days(days).unwrap();
            SucceedAuthority { authority: code_of(of), to: code_of(to), effective_day }.into()
        }
        Op::Dissolve { of, to } => {
            DissolveAuthority { authority: code_of(of), custodian: to.map(code_of) }.into()
        }
        Op::Attest { of } => {
            let region = REGIONS[province_of(of)];
            crate::certificate::Attest { region, ..ledger.driving_licence(model.number) }.into()
        }
        Op::Answer { of, .. } => {
            let last = model.offices[of].licences.last();
            SaltDestroyed { id: id(last.copied().unwrap_or(0xff)) }.into()
        }
        Op::Wait(_) => unreachable!(),
    }
}

fn compare(ledger: &Ledger, model: &Model) {
    for (number, office) in model.offices.iter().enumerate() {
        let record = ledger.get(&AUTHORITIES, &code_of(number)).unwrap();
        let state = serde_json::to_value(record.state).unwrap();
        assert_eq!(state.as_str(), Some(office.state), "{number}");
        assert_eq!(record.may_issue.contains(&code(DRIVING)), office.issues);
        let heir = office.heir.filter(|_| office.ends.is_none()).map(code_of);
        assert_eq!(record.successor, heir);
        assert_eq!(record.succession.map(|s| s.to), office.heir.map(code_of));
        for other in 0..COUNT {
            let stands = succeeds(&ledger.state, &code_of(number), &code_of(other));
            assert_eq!(stands, model.stands_for(other, number), "{other} for {number}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn authorities_follow_the_model(ops in ops()) {
        let (mut ledger, mut model) = (Ledger::new(), Model::new());
        for (by, op) in ops {
            if let Op::Wait(days) = op {
                // Endorsements lapse after 30 days, which the model does not count.
                if ledger.time.0 < start().0 + 25 * DAY {
                    ledger.wait_days(days);
                    ledger.block(&[]);
                    model.begin(ledger.time.0);
                }
                compare(&ledger, &model);
                continue;
            }
            model.number += 1;
            let now = ledger.time.0 + 1_000;
            let act = act_of(&op, &ledger, &model);
            let by = match op {
                Op::Suspend { of, .. } | Op::Resume { of } | Op::Mandate { of, .. }
                | Op::Succeed { of, .. } | Op::Dissolve { of, .. } if by == 9 => province_of(of),
                _ => by,
            };
            let expected = model.step(by, &op, &act, now);
            let found = match op {
                Op::Attest { of: by } | Op::Answer { by, .. } => {
                    ledger.act(&office(province_of(by), by % 3), act)
                }
                _ => ledger.govern(by, act),
            };
            prop_assert_eq!(found, expected, "{} {:?} {:?}", by, op, model);
            compare(&ledger, &model);
        }
    }
}
