//! Hours of receipts under random statements by random actors, compared with a model of the table
//! that shares no code with the contracts: hours and days are counted in integers, both sides'
//! statements are plain numbers.

use std::collections::BTreeMap;

use hefu_primitives::Millis;
use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const EIGHT_HOURS: u64 = 8 * HOUR;
/// The grant allows so many uses a day, for so many days after the first.
const CAP: u32 = 3;
const TERM: u64 = 2;

/// One statement: an hour counted from that of the grant, and what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    hour: u64,
    count: u32,
    records: u64,
    root: u8,
    /// First and last use, in minutes of the hour.
    span: (u64, u64),
}

#[derive(Clone, Debug)]
enum Op {
    State(Said),
    /// What the other side stated last of this hour.
    Echo(u64),
    Suspend(bool),
    Revoke,
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let minute = || prop_oneof![3 => 0u64..60, 1 => 60u64..62];
    let said = (0u64..90, 0u32..4, 0u64..3, 0u8..3, minute(), minute());
    let said = said.prop_map(|(hour, count, records, root, from, to)| {
        // Mostly in order: what is backwards is refused before anything else is looked at.
        let span = if from % 7 == 0 { (from, to) } else { (from.min(to), from.max(to)) };
        Said { hour, count, records, root, span }
    });
    let op = prop_oneof![
        6 => said.prop_map(Op::State),
        4 => (0u64..90).prop_map(Op::Echo),
        1 => any::<bool>().prop_map(Op::Suspend),
        1 => prop::bool::weighted(0.1).prop_map(|end| if end { Op::Revoke } else { Op::Wait(3) }),
        3 => (1u64..12).prop_map(Op::Wait),
    ];
    prop::collection::vec((prop_oneof![4 => Just(0usize), 4 => Just(1), 1 => Just(2)], op), 10..60)
}

#[derive(Default)]
struct Model {
    /// Beginning of the hour of the grant, when it was given, and its last instant's successor.
    base: u64,
    given: u64,
    end: u64,
    /// State from a time on: true while suspended.
    suspended: Vec<(u64, bool)>,
    revoked: bool,
    windows: BTreeMap<u64, [Option<Said>; 2]>,
    flags: BTreeMap<u64, Vec<&'static str>>,
    uses: BTreeMap<u64, u32>,
}

impl Model {
    fn state(&mut self, by: usize, said: Said, now: u64) -> Result<(), Code> {
        let start = self.base + said.hour * HOUR;
        let (first, last) = (start + said.span.0 * 60_000, start + said.span.1 * 60_000);
        let within = first <= last && last < start + HOUR;
        if said.count == 0 || said.root == 0 || !within {
            return Err(Code::BadField);
        }
        if now < start + HOUR {
            return Err(Code::FutureTime);
        }
        if by == 2 {
            return Err(Code::NotReceiptParty);
        }
        let sides = self.windows.get(&said.hour).copied().unwrap_or_default();
        if sides[by].is_some() {
            return Err(Code::ReceiptState);
        }
        if first < self.given || last >= self.end + DAY {
            return Err(Code::NoGrantAtTime);
        }
        let most = |sides: &[Option<Said>; 2]| sides.iter().flatten().map(|s| s.count).max();
        let before = most(&sides).unwrap_or(0);
        let mut sides = sides;
        sides[by] = Some(said);
        let uses = self.uses.entry((start + EIGHT_HOURS) / DAY).or_default();
        *uses += most(&sides).unwrap_or(0) - before;
        let then = |at: u64| {
            self.suspended.iter().rev().find(|(since, _)| *since <= at).is_some_and(|(_, s)| *s)
        };
        let flags = self.flags.entry(said.hour).or_default();
        flags.extend((*uses > CAP).then_some("over_cap"));
        flags.extend((last >= self.end).then_some("after_expiry"));
        flags.extend((then(first) || then(last)).then_some("while_suspended"));
        if let [Some(one), Some(other)] = sides {
            let counts = (one.count, one.records) != (other.count, other.records);
            let rest = (one.root, one.span) != (other.root, other.span);
            flags.extend(counts.then_some("count_mismatch"));
            flags.extend((rest && !counts).then_some("root_mismatch"));
        }
        flags.sort_unstable();
        flags.dedup();
        self.windows.insert(said.hour, sides);
        Ok(())
    }

    fn set(&mut self, by: usize, to: &Op, now: u64) -> Result<(), Code> {
        if by != 0 {
            return Err(Code::NotProvider);
        }
        let over = (now + EIGHT_HOURS) / DAY > (self.given + EIGHT_HOURS) / DAY + TERM;
        let is = self.suspended.last().is_some_and(|(_, suspended)| *suspended);
        match to {
            _ if over || self.revoked => return Err(Code::GrantState),
            Op::Suspend(wanted) if *wanted == is => return Err(Code::GrantState),
            Op::Suspend(wanted) => self.suspended.push((now, *wanted)),
            _ => {
                self.revoked = true;
                self.end = self.end.min(now);
                self.suspended.push((now, false));
            }
        }
        Ok(())
    }

    fn kind(&self, hour: u64) -> &'static str {
        match self.windows[&hour] {
            [Some(one), Some(other)] if one == other => "receipts_confirmed",
            [Some(_), Some(_)] => "receipts_differ",
            _ => "receipts_one_sided",
        }
    }
}

/// A ledger with a grant of three uses a day for three days, and the model of it.
fn begun() -> (Ledger, Model) {
    let mut ledger = published(entry());
    let until = ledger.today().add_days(TERM as i64).unwrap();
    let extent = Extent { per_day: CAP, until, ..extent(&ledger) };
    let asked = RequestAccess { extent, ..request(&ledger, 1) };
    ledger.act(&consumer(), asked).unwrap();
    ledger.act(&provider(), GrantAccess { req_id: id(1), extent }).unwrap();
    let given = ledger.time.0;
    let last = (given + EIGHT_HOURS) / DAY + TERM;
    let end = (last + 1) * DAY - EIGHT_HOURS;
    (ledger, Model { base: given / HOUR * HOUR, given, end, ..Model::default() })
}

fn act_of(model: &Model, said: Said) -> PutReceiptBatch {
    let hour = model.base + said.hour * HOUR;
    PutReceiptBatch {
        grant_id: id(1),
        hour: Millis(hour),
        count: said.count,
        n_records: said.records,
        root: digest(said.root),
        first: Millis(hour + said.span.0 * 60_000),
        last: Millis(hour + said.span.1 * 60_000),
    }
}

fn run(ops: Vec<(usize, Op)>) {
    let (mut ledger, mut model) = begun();
    for (by, op) in ops {
        let now = ledger.time.0 + 1_000;
        let said = match op {
            Op::Wait(hours) => {
                ledger.time = Millis(ledger.time.0 + hours * HOUR);
                continue;
            }
            Op::State(said) => Some(said),
            Op::Echo(hour) => {
                let sides = model.windows.get(&hour).copied().unwrap_or_default();
                let Some(said) = sides.into_iter().flatten().next() else { continue };
                Some(said)
            }
            Op::Suspend(_) | Op::Revoke => None,
        };
        let Some(said) = said else {
            let state = match op {
                Op::Suspend(true) => GrantState::Suspended,
                Op::Suspend(false) => GrantState::Active,
                _ => GrantState::Revoked,
            };
            let act = SetGrantState { grant_id: id(1), state, reason: Some(GrantReason::System) };
            let wanted = model.set(by, &op, now);
            assert_eq!(ledger.act(&office(by, 0), act), wanted, "{by} {op:?}");
            continue;
        };
        let wanted = model.state(by, said, now);
        assert_eq!(ledger.act(&office(by, 0), act_of(&model, said)), wanted, "{by} {said:?}");
        if wanted.is_err() {
            continue;
        }
        assert_eq!(ledger.event_kinds(), [model.kind(said.hour)], "{by} {said:?}");
        let mut found: Vec<&str> = flags(&ledger);
        found.sort_unstable();
        assert_eq!(found, model.flags[&said.hour], "{by} {said:?}");
    }
    for (day, uses) in &model.uses {
        let key = hefu_primitives::time::Day::of_beijing(Millis(day * DAY)).number();
        assert_eq!(ledger.get(&USAGE, &(id(1), key)).map_or(0, |usage| usage.uses), *uses);
    }
    for (hour, sides) in &model.windows {
        let key = (id(1), Millis(model.base + hour * HOUR));
        let window = ledger.get(&RECEIPT_WINDOWS, &key).unwrap();
        assert_eq!(
            [window.provider.is_some(), window.consumer.is_some()],
            sides.map(|s| s.is_some())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn hours_follow_the_table(ops in ops()) {
        run(ops);
    }
}
