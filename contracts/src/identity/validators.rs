//! Changes of the validator set.
//!
//! Rules:
//! 1. A change made in block H decides from H + 2 on; one change a block ([`ValidatorSchedule`]).
//! 2. A set of fewer than four tolerates no fault: a change that would leave fewer is refused
//!    (`E214`).
//! 3. A removal does not wait for what its own subject changed in the same block: it takes the
//!    place of that change. A member cannot put off its removal with key rotations.

use hefu_primitives::{Region, Validator, ValidatorSet};

use crate::code::Code;
use crate::exec::{VALIDATORS, ValidatorSchedule};
use crate::state::State;

/// The least number of validators a change may leave: 3f + 1 with f = 1.
pub const MIN_VALIDATORS: usize = 4;

/// Schedules a new validator set, made of the one that is scheduled last.
///
/// # Errors
/// `E214` when fewer than four remain, `E117` when a change is pending in this block already,
/// `E204` when what `change` returns is no set (a key or province twice).
pub fn schedule_validators(
    state: &mut State<'_>,
    change: impl FnOnce(&[Validator]) -> Vec<Validator>,
) -> Result<(), Code> {
    let schedule = state.get(&VALIDATORS, &()).ok_or(Code::NotYetApplicable)?;
    if schedule.next != schedule.after {
        return Err(Code::NotYetApplicable);
    }
    let validators = change(schedule.after.validators());
    if validators.len() < MIN_VALIDATORS {
        return Err(Code::ValidatorSetTooSmall);
    }
    let after = ValidatorSet::new(validators).map_err(|_| Code::KeysNotDistinct)?;
    state.put(&VALIDATORS, &(), &ValidatorSchedule { next: schedule.next, after });
    Ok(())
}

/// Schedules the set without a province, also when that province changed its own entry in this
/// block.
///
/// # Errors
/// `E214` when fewer than four remain, `E117` when another province's change is pending in this
/// block already.
pub(crate) fn schedule_removal(state: &mut State<'_>, region: Region) -> Result<(), Code> {
    let schedule = state.get(&VALIDATORS, &()).ok_or(Code::NotYetApplicable)?;
    let others = |set: &ValidatorSet| -> Vec<Validator> {
        set.validators().iter().filter(|v| v.region != region).copied().collect()
    };
    let remaining = others(&schedule.after);
    if others(&schedule.next) != remaining {
        return Err(Code::NotYetApplicable);
    }
    if remaining.len() < MIN_VALIDATORS {
        return Err(Code::ValidatorSetTooSmall);
    }
    let after = ValidatorSet::new(remaining).map_err(|_| Code::KeysNotDistinct)?;
    state.put(&VALIDATORS, &(), &ValidatorSchedule { next: schedule.next, after });
    Ok(())
}

/// Whether a province has a validator in the set that is scheduled last.
pub(crate) fn is_scheduled(state: &State<'_>, region: Region) -> bool {
    let schedule = state.get(&VALIDATORS, &());
    schedule.is_some_and(|s| s.after.validators().iter().any(|v| v.region == region))
}

/// Whether the set can do without a province.
///
/// # Errors
/// `E214`.
pub(crate) fn can_remove(state: &State<'_>, region: Region) -> Result<(), Code> {
    let scheduled = state.get(&VALIDATORS, &()).map_or(0, |schedule| schedule.after.len());
    if is_scheduled(state, region) && scheduled <= MIN_VALIDATORS {
        return Err(Code::ValidatorSetTooSmall);
    }
    Ok(())
}

#[cfg(test)]
#[path = "validators_model.rs"]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MemoryState;
    use hefu_primitives::{KeyPair, Power};

    fn validator(place: u8) -> Validator {
        let key = KeyPair::from_secret(&[place; 32]).public();
        Validator { region: Region(u32::from(place) * 10_000), key, power: Power(1) }
    }

    fn ledger(n: u8) -> MemoryState {
        let set = ValidatorSet::new((1..=n).map(validator).collect()).unwrap();
        let mut memory = MemoryState::default();
        let mut state = State::new(&memory);
        state.put(&VALIDATORS, &(), &ValidatorSchedule { next: set.clone(), after: set });
        state.keep_transaction();
        let writes = state.into_writes();
        memory.apply(&writes);
        memory
    }

    #[test]
    fn fewer_than_four_are_refused() {
        let four = ledger(4);
        let drop_last = |set: &[Validator]| set[..set.len() - 1].to_vec();
        let mut state = State::new(&four);
        let refused = schedule_validators(&mut state, drop_last);
        assert_eq!(refused, Err(Code::ValidatorSetTooSmall));
        let five = ledger(5);
        let mut state = State::new(&five);
        assert_eq!(schedule_validators(&mut state, drop_last), Ok(()));
        let schedule = state.get(&VALIDATORS, &()).unwrap();
        assert_eq!((schedule.next.len(), schedule.after.len()), (5, 4));
    }

    /// A removal waits for others' changes, and for nothing that its subject did in the same block.
    #[test]
    fn a_removal_takes_the_place_of_its_subjects_own_change() {
        let five = ledger(5);
        let rotate = |place: u8, set: &[Validator]| -> Vec<Validator> {
            let region = validator(place).region;
            let key = validator(place + 50).key;
            let replaced =
                |v: &Validator| if v.region == region { Validator { key, ..*v } } else { *v };
            set.iter().map(replaced).collect()
        };
        let mut state = State::new(&five);
        schedule_validators(&mut state, |set| rotate(5, set)).unwrap();
        assert_eq!(schedule_removal(&mut state, validator(4).region), Err(Code::NotYetApplicable));
        assert_eq!(schedule_removal(&mut state, validator(5).region), Ok(()));
        let schedule = state.get(&VALIDATORS, &()).unwrap();
        let four = ValidatorSet::new((1..=4).map(validator).collect()).unwrap();
        assert_eq!((schedule.next.len(), schedule.after), (5, four));
        // And nothing more in this block.
        let again = schedule_removal(&mut state, validator(1).region);
        assert_eq!(again, Err(Code::NotYetApplicable));
        let four = ledger(4);
        let mut state = State::new(&four);
        schedule_validators(&mut state, |set| rotate(4, set)).unwrap();
        let refused = schedule_removal(&mut state, validator(4).region);
        assert_eq!(refused, Err(Code::ValidatorSetTooSmall));
    }

    #[test]
    fn one_change_a_block_and_only_sets() {
        let four = ledger(4);
        let mut state = State::new(&four);
        let twice = schedule_validators(&mut state, |set| [set, &[validator(1)]].concat());
        assert_eq!(twice, Err(Code::KeysNotDistinct));
        let add = |set: &[Validator]| [set, &[validator(9)]].concat();
        assert_eq!(schedule_validators(&mut state, add), Ok(()));
        assert_eq!(schedule_validators(&mut state, add), Err(Code::NotYetApplicable));
        let nothing = MemoryState::default();
        let without = schedule_validators(&mut State::new(&nothing), add);
        assert_eq!(without, Err(Code::NotYetApplicable));
    }
}
