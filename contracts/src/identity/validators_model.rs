//! Every history of a few blocks in which the validator set changes, or tries to: executed by the
//! rules, and compared with what the rules promise, written down apart from them. Rules broken on
//! purpose are caught.

use std::collections::BTreeSet;

use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{
    BlockId, ChainId, H32, Height, KeyPair, Millis, Power, Region, Validator, ValidatorSet,
};

use super::{MIN_VALIDATORS, schedule_removal, schedule_validators};
use crate::code::Code;
use crate::equivocation::{FORMER_SETS, set_at};
use crate::exec::{BlockInfo, VALIDATORS, ValidatorSchedule, VerifyAlways, execute_block};
use crate::state::{MemoryState, State};

/// Blocks of a history.
const DEPTH: u64 = 5;

/// What a block's acts want of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// One more, the least that is not in it.
    Add,
    /// The first one leaves.
    Remove,
    /// The last one takes another key.
    Rotate,
    /// One joins with a key that is there.
    Twice,
    /// Two changes in one block.
    AddAndRotate,
    /// The last one takes another key, and is removed in the same block.
    RotateAndRemove,
}

const CHANGES: [Change; 7] = [
    Change::Nothing,
    Change::Add,
    Change::Remove,
    Change::Rotate,
    Change::Twice,
    Change::AddAndRotate,
    Change::RotateAndRemove,
];

/// A rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// A change decides from the next height on.
    Early,
    /// A change waits one height more.
    Late,
    /// Sets that decide no more are forgotten.
    Forgets,
    /// Three are enough.
    Three,
}

const BROKEN: [Broken; 4] = [Broken::Early, Broken::Late, Broken::Forgets, Broken::Three];

/// The ledger by the rules, and what is promised of it.
#[derive(Clone)]
struct World {
    state: MemoryState,
    height: Height,
    /// The set of each height from 1 on that is known: up to the second after the last block.
    promised: Vec<ValidatorSet>,
    /// Keys ever used, so that a rotation takes a new one.
    keys: u8,
    broken: Option<Broken>,
}

fn validator(region: u8, key: u8) -> Validator {
    let key = KeyPair::from_secret(&[key; 32]).public();
    Validator { region: Region(u32::from(region) * 10_000), key, power: Power(1) }
}

impl World {
    fn new(n: u8, broken: Option<Broken>) -> Self {
        let set = ValidatorSet::new((1..=n).map(|i| validator(i, i)).collect()).unwrap();
        let mut world = Self {
            state: MemoryState::default(),
            height: Height(0),
            promised: vec![set.clone(), set.clone()],
            keys: n,
            broken,
        };
        world.put(&ValidatorSchedule { next: set.clone(), after: set });
        world
    }

    fn put(&mut self, schedule: &ValidatorSchedule) {
        use hefu_primitives::Canonical;
        self.state.0.insert(VALIDATORS.key(&()), schedule.to_bytes());
    }

    fn schedule(&self) -> ValidatorSchedule {
        VALIDATORS.read(&self.state, &()).unwrap()
    }

    /// The set that a change makes of another.
    fn changed(&self, set: &[Validator], change: Change, key: u8) -> Vec<Validator> {
        let mut set = set.to_vec();
        match change {
            Change::Add | Change::AddAndRotate => {
                let regions: BTreeSet<u32> = set.iter().map(|v| v.region.0 / 10_000).collect();
                let free = (1..).find(|region| !regions.contains(&u32::from(*region))).unwrap();
                set.push(validator(free, key));
            }
            Change::Remove => drop(set.remove(0)),
            Change::RotateAndRemove => drop(set.pop()),
            Change::Rotate => set.last_mut().unwrap().key = validator(1, key).key,
            Change::Twice => set.push(Validator { region: Region(990_000), ..set[0] }),
            Change::Nothing => {}
        }
        set
    }

    fn ask(&mut self, change: Change, key: u8) -> Result<(), Code> {
        let wanted = self.changed(self.schedule().after.validators(), change, key);
        if self.broken == Some(Broken::Three)
            && wanted.len() < MIN_VALIDATORS
            && let Ok(after) = ValidatorSet::new(wanted.clone())
        {
            self.put(&ValidatorSchedule { after, ..self.schedule() });
            return Ok(());
        }
        let rotated = self.changed(self.schedule().after.validators(), Change::Rotate, key);
        let mut state = State::new(&self.state);
        match change {
            Change::RotateAndRemove => {
                let last = rotated.last().map(|validator| validator.region).unwrap();
                schedule_validators(&mut state, |_| rotated)?;
                schedule_removal(&mut state, last)?;
            }
            _ => schedule_validators(&mut state, |_| wanted)?,
        }
        state.keep_transaction();
        let writes = state.into_writes();
        self.state.apply(&writes);
        Ok(())
    }

    /// What is promised of a change, by the height's and the last known set alone.
    fn promise(&self, change: Change, key: u8) -> Result<ValidatorSet, Code> {
        let last = self.promised.last().unwrap();
        let wanted = self.changed(last.validators(), change, key);
        if wanted.len() < MIN_VALIDATORS {
            return Err(Code::ValidatorSetTooSmall);
        }
        ValidatorSet::new(wanted).map_err(|_| Code::KeysNotDistinct)
    }

    /// One block with a change; says what was promised and not kept.
    fn block(&mut self, change: Change) -> Result<(), String> {
        let height = self.height.next();
        let block = BlockInfo {
            chain: ChainId::ZERO,
            height,
            time: Millis(height.0 * 1_000),
            protocol: 1,
            log_size: 1,
            parent: BlockId::ZERO,
        };
        let late = self.schedule();
        let execution = execute_block(block, &[], &[], &self.state, &VerifyAlways);
        self.state.apply(&execution.writes);
        if self.broken == Some(Broken::Late) && late.next != late.after {
            // It stays pending for another block.
            if height.0.is_multiple_of(2) {
                self.put(&late);
            }
        }
        (self.height, self.keys) = (height, self.keys + 1);
        let key = self.keys;
        // The set of the height after the next is what it was, unless a change is made now.
        let mut after = self.promised.last().unwrap().clone();
        if change != Change::Nothing {
            let expected = self.promise(change, key);
            let found = self.ask(change, key);
            if found != expected.as_ref().map(|_| ()).map_err(|code| *code) {
                return Err(format!("{change:?} at {height}: {found:?}"));
            }
            if let Ok(set) = expected {
                after = set;
                let again = self.ask(Change::Rotate, key + 100);
                let two = matches!(change, Change::AddAndRotate | Change::RotateAndRemove);
                if two && again != Err(Code::NotYetApplicable) {
                    return Err(format!("a second change at {height}: {again:?}"));
                }
            }
        }
        self.promised.push(after);
        self.tamper();
        self.compare(execution.next_validators.as_ref())
    }

    fn tamper(&mut self) {
        let schedule = self.schedule();
        match self.broken {
            Some(Broken::Early) => {
                self.put(&ValidatorSchedule { next: schedule.after.clone(), ..schedule });
            }
            Some(Broken::Forgets) => {
                let (from, to) = FORMER_SETS.range(&());
                self.state.0.retain(|key, _| *key < from || *key >= to);
            }
            _ => {}
        }
    }

    /// The header names the next height's set, and every height's set is still known.
    fn compare(&self, named: Option<&ValidatorSet>) -> Result<(), String> {
        let of = |height: Height| &self.promised[height.0 as usize - 1];
        let next = self.height.next();
        if named != Some(of(next)) {
            return Err(format!("header {} names another set for {next}", self.height));
        }
        if self.schedule().next != *of(next) || self.schedule().after != *of(next.next()) {
            return Err(format!("after {}: another set is scheduled", self.height));
        }
        for height in 1..=next.0 {
            if set_at(&self.state, Height(height)).as_ref() != Some(of(Height(height))) {
                return Err(format!("after {}: the set of {height} is not known", self.height));
            }
        }
        if of(next).len() < MIN_VALIDATORS {
            return Err("fewer than four decide".into());
        }
        Ok(())
    }

    fn fingerprint(&self) -> H32 {
        let state = format!("{:?} {} {}", self.state.0, self.height, self.keys);
        hash(Domain::Digest, &[state.as_bytes()])
    }
}

/// Every history; how many different states and blocks there were.
fn search(world: &World, seen: &mut BTreeSet<H32>, blocks: &mut usize) -> Result<(), String> {
    if world.height.0 == DEPTH {
        return Ok(());
    }
    for change in CHANGES {
        let mut next = world.clone();
        *blocks += 1;
        next.block(change)?;
        if seen.insert(next.fingerprint()) {
            search(&next, seen, blocks)?;
        }
    }
    Ok(())
}

#[test]
fn every_history_of_changes_keeps_its_promises() {
    for n in [4, 5] {
        let (mut seen, mut blocks) = (BTreeSet::new(), 0);
        search(&World::new(n, None), &mut seen, &mut blocks).unwrap();
        println!("{n} validators: {} states, {blocks} blocks", seen.len());
        assert!(seen.len() > 500);
    }
}

#[test]
fn every_broken_rule_is_noticed() {
    for broken in BROKEN {
        let found = search(&World::new(4, Some(broken)), &mut BTreeSet::new(), &mut 0);
        let what = found.expect_err("nobody noticed");
        println!("{broken:?}: {what}");
    }
}
