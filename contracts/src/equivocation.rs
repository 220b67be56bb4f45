//! Contradictions of validators, on the ledger.
//!
//! Evidence proves itself: two messages that only the validator's key can have signed. So nobody
//! submits it with a signature of his own. The proposer of a block puts what it holds into the
//! block, as a section beside the bundles, and the other validators vote for the block only if
//! every piece holds and is new. Hence each contradiction is recorded once, however many nodes saw
//! it; no key is needed that would otherwise sign no acts; and nobody can fill blocks with
//! evidence that is none.
//!
//! Rules:
//! 1. A record is of one validator key at one height: the first proof recorded stands for all.
//! 2. Evidence is of the block's height or before, and holds against the set that decided its
//!    height. The last [`MAX_FORMER_SETS`] sets are kept; a member makes one a day at most.
//! 3. Evidence in a block is in the order of its records, and none is twice or recorded already.
//! 4. Of one key at most [`MAX_RECORDS_OF_A_KEY`] are recorded: a key in wrong hands can
//!    contradict itself at every height, and nobody learns more from more.
//! 5. Nothing follows by itself. Provinces see it (`equivocation_recorded`) and decide.

use hefu_primitives::bounds::MAX_BLOCK_EVIDENCE;
use hefu_primitives::evidence::{Contradiction, EvidenceError};
use hefu_primitives::{Equivocation, Height, KeyId, Millis, Region, Round, ValidatorSet};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::event::{Event, OF_BLOCK};
use crate::exec::{BlockInfo, VALIDATORS};
use crate::identity::MEMBERS;
use crate::state::{State, StateView, Table};

/// Recorded contradictions, by validator key and height.
pub const EQUIVOCATIONS: Table<(KeyId, Height), EquivocationRecord> = Table::proven(0x7d);
/// The latest sets that decide no more, by the last height that each decided.
pub const FORMER_SETS: Table<Height, ValidatorSet> = Table::proven(0x7e);
/// The first height whose set is still known, once older ones were forgotten.
pub const FORMER_FROM: Table<(), Height> = Table::proven(0x7c);

/// Most records of one validator key.
pub const MAX_RECORDS_OF_A_KEY: usize = 64;

/// Most sets kept that decide no more. Evidence of a height whose set is forgotten is recorded no
/// more; a file that proves it brings its own header and still verifies.
pub const MAX_FORMER_SETS: usize = 1_024;

/// A recorded contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EquivocationRecord {
    /// The province whose validator it was.
    #[n(0)]
    pub region: Region,
    /// The proof.
    #[n(1)]
    pub evidence: Equivocation,
    /// Height of the block that recorded it.
    #[n(2)]
    pub recorded_at: Height,
    /// Block time of that block.
    #[n(3)]
    pub recorded_time: Millis,
}

impl EquivocationRecord {
    /// Who.
    pub const fn validator(&self) -> KeyId {
        self.evidence.validator()
    }

    /// At which height.
    pub const fn height(&self) -> Height {
        self.evidence.height()
    }

    /// In which round.
    pub const fn round(&self) -> Round {
        self.evidence.round()
    }

    /// In what.
    pub const fn what(&self) -> Contradiction {
        self.evidence.what()
    }
}

/// Why a piece of evidence is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Of a height after the block's.
    #[error("it is of a later height")]
    Later,
    /// The state knows no validators.
    #[error("the validators of its height are not known")]
    NoSet,
    /// It proves nothing.
    #[error(transparent)]
    Proof(#[from] EvidenceError),
    /// This validator's contradiction at this height stands on the ledger.
    #[error("it is recorded already")]
    Recorded,
    /// Enough of this key stands on the ledger.
    #[error("enough of this validator is recorded")]
    Enough,
    /// Not after the piece before it.
    #[error("it is not in order")]
    Order,
}

/// Which piece of a block's evidence is not to be recorded, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("evidence {place}: {refusal}")]
pub struct EvidenceRefused {
    /// Its place, from 0.
    pub place: usize,
    /// Why.
    pub refusal: Refusal,
}

/// The key of a record: who, and at which height.
pub const fn record_key(evidence: &Equivocation) -> (KeyId, Height) {
    (evidence.validator(), evidence.height())
}

/// Whether a piece of evidence could be recorded in `block`, over the state before it, and whose
/// it is.
///
/// # Errors
/// [`Refusal`].
pub fn check(
    block: &BlockInfo,
    evidence: &Equivocation,
    view: &dyn StateView,
) -> Result<Region, Refusal> {
    if evidence.height() > block.height {
        return Err(Refusal::Later);
    }
    if let Some(refusal) = is_settled(evidence, view) {
        return Err(refusal);
    }
    let set = set_at(view, evidence.height()).ok_or(Refusal::NoSet)?;
    evidence.verify(&block.chain, &set)?;
    set.by_key(evidence.validator()).map(|(_, validator)| validator.region).ok_or(Refusal::NoSet)
}

/// Why a piece of evidence need not even be looked at: the ledger has it, or enough of its key, or
/// has forgotten who decided its height.
pub fn is_settled(evidence: &Equivocation, view: &dyn StateView) -> Option<Refusal> {
    let (validator, height) = record_key(evidence);
    if is_forgotten(view, height) {
        return Some(Refusal::NoSet);
    }
    if EQUIVOCATIONS.read(view, &(validator, height)).is_some() {
        return Some(Refusal::Recorded);
    }
    let recorded = EQUIVOCATIONS.read_all(view, &validator, MAX_RECORDS_OF_A_KEY).len();
    (recorded >= MAX_RECORDS_OF_A_KEY).then_some(Refusal::Enough)
}

/// Whether the set of a height is kept no more.
fn is_forgotten(view: &dyn StateView, height: Height) -> bool {
    FORMER_FROM.read(view, &()).is_some_and(|from| height < from)
}

/// The set that decided a height, or decides the one after the last block; later heights have none
/// yet, and those long ago no more.
pub fn set_at(view: &dyn StateView, height: Height) -> Option<ValidatorSet> {
    if is_forgotten(view, height) {
        return None;
    }
    let (from, _) = FORMER_SETS.range(&height);
    let (_, to) = FORMER_SETS.range(&());
    match view.scan(&from, &to, 1).first() {
        Some((_, set)) => FORMER_SETS.decode(set),
        None => VALIDATORS.read(view, &()).map(|schedule| schedule.next),
    }
}

/// Keeps the set that decides `height` and no later one, and forgets the oldest beyond
/// [`MAX_FORMER_SETS`].
pub(crate) fn keep_former(height: Height, set: &ValidatorSet, state: &mut State<'_>) {
    keep_latest(height, set, MAX_FORMER_SETS, state);
}

fn keep_latest(height: Height, set: &ValidatorSet, most: usize, state: &mut State<'_>) {
    state.put(&FORMER_SETS, &height, set);
    let kept = state.scan(&FORMER_SETS, &(), most.saturating_add(1));
    if kept.len() <= most {
        return;
    }
    let oldest = kept.first().and_then(|(key, _)| key.get(1..9)?.try_into().ok());
    if let Some(oldest) = oldest.map(|bytes| Height(u64::from_be_bytes(bytes))) {
        state.delete(&FORMER_SETS, &oldest);
        state.put(&FORMER_FROM, &(), &oldest.next());
    }
}

/// Of what waits, in order, that which a block may record: what recording takes, all of it. Each
/// piece counts against the bound of its key for those after it, as it does when it is recorded.
pub fn choose(
    block: &BlockInfo,
    waiting: &[Equivocation],
    view: &dyn StateView,
) -> Vec<Equivocation> {
    let mut chosen: Vec<Equivocation> = Vec::new();
    for evidence in waiting {
        let key = record_key(evidence);
        let follows = chosen.last().is_none_or(|last| record_key(last) < key);
        let before = chosen.iter().filter(|other| other.validator() == key.0).count();
        let recorded = EQUIVOCATIONS.read_all(view, &key.0, MAX_RECORDS_OF_A_KEY).len();
        let room = recorded.saturating_add(before) < MAX_RECORDS_OF_A_KEY;
        let fits = chosen.len() < MAX_BLOCK_EVIDENCE;
        if fits && follows && room && check(block, evidence, view).is_ok() {
            chosen.push(*evidence);
        }
    }
    chosen
}

/// Records the evidence of a block, up to the first piece that is not to be recorded.
pub(crate) fn record(
    block: &BlockInfo,
    evidence: &[Equivocation],
    state: &mut State<'_>,
    events: &mut Vec<Event>,
) -> Result<(), EvidenceRefused> {
    let mut last = None;
    for (place, evidence) in evidence.iter().enumerate() {
        let refused = |refusal| EvidenceRefused { place, refusal };
        let key = record_key(evidence);
        if last.is_some_and(|last| last >= key) {
            return Err(refused(Refusal::Order));
        }
        let region = check(block, evidence, &*state).map_err(refused)?;
        let (recorded_at, recorded_time) = (block.height, block.time);
        let record = EquivocationRecord { region, evidence: *evidence, recorded_at, recorded_time };
        state.put(&EQUIVOCATIONS, &key, &record);
        state.keep_transaction();
        events.extend(event(&record, state));
        last = Some(key);
    }
    Ok(())
}

/// What subscribers hear: about whom, in what, when.
fn event(record: &EquivocationRecord, state: &State<'_>) -> Option<Event> {
    let member = state.get(&MEMBERS, &record.region)?;
    Some(Event {
        transaction: OF_BLOCK,
        act: 0,
        kind: "equivocation_recorded".to_owned(),
        subject: format!("equ:{}", record.evidence.id()),
        actor: member.operator,
        region: record.region,
        flags: vec![record.what().name().to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::{Execution, VerifyAlways, execute_block};
    use crate::identity::schedule_validators;
    use crate::testkit::{CHAIN, Ledger, REGIONS};
    use hefu_primitives::vote::SignedVote;
    use hefu_primitives::{BlockId, KeyPair, Power, Validator, Vote, VoteKind};

    fn key(number: u8) -> KeyPair {
        KeyPair::from_secret(&[number; 32])
    }

    /// A ledger whose validators are keys 1 to 5.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new();
        let validator = |number: u8| Validator {
            region: REGIONS.get(usize::from(number) - 1).copied().unwrap_or(Region(350_000)),
            key: key(number).public(),
            power: Power(1),
        };
        let set = ValidatorSet::new((1..=5).map(validator).collect()).unwrap();
        let schedule = crate::exec::ValidatorSchedule { next: set.clone(), after: set };
        ledger.put(&VALIDATORS, &(), &schedule);
        ledger
    }

    fn vote(number: u8, height: u64, block: u8) -> SignedVote {
        let key = key(number);
        let (height, round) = (Height(height), Round(0));
        let (kind, validator) = (VoteKind::Precommit, key.id());
        Vote { kind, height, round, block: Some(BlockId([block; 32])), validator }
            .sign(&CHAIN, &key)
    }

    fn twice(number: u8, height: u64) -> Equivocation {
        Equivocation::votes(vote(number, height, 1), vote(number, height, 2))
    }

    fn block(ledger: &mut Ledger, evidence: &[Equivocation]) -> Execution {
        let info = ledger.next_block();
        let execution = execute_block(info, evidence, &[], &ledger.state, &VerifyAlways);
        if execution.evidence.is_ok() {
            ledger.state.apply(&execution.writes);
            (ledger.height, ledger.time) = (info.height, info.time);
            ledger.events = execution.events.clone();
        }
        execution
    }

    fn refused(ledger: &mut Ledger, evidence: &[Equivocation]) -> Option<(usize, Refusal)> {
        block(ledger, evidence).evidence.err().map(|refused| (refused.place, refused.refusal))
    }

    /// Makes key 5 no validator, from two heights on.
    fn remove_five(ledger: &mut Ledger) {
        let mut state = State::new(&ledger.state);
        schedule_validators(&mut state, |set| {
            set.iter().filter(|v| v.key != key(5).public()).copied().collect()
        })
        .unwrap();
        state.keep_transaction();
        let writes = state.into_writes();
        ledger.state.apply(&writes);
    }

    /// A key that says two things at a hundred heights: the block that would pass the bound is not
    /// proposed, so that no block is refused by those who did not make it.
    #[test]
    fn what_is_chosen_is_recorded_also_at_the_bound_of_a_key() {
        let mut ledger = ledger();
        for _ in 0..100 {
            assert_eq!(block(&mut ledger, &[]).evidence, Ok(()));
        }
        for height in 1..=60 {
            assert_eq!(block(&mut ledger, &[twice(1, height)]).evidence, Ok(()));
        }
        let mut waiting: Vec<Equivocation> = (61..=66).map(|height| twice(1, height)).collect();
        waiting.extend([twice(2, 1), twice(2, 1), twice(3, 2)]);
        waiting.sort_by_key(record_key);
        let (info, state) = (ledger.next_block(), &ledger.state);
        assert!(waiting.iter().all(|evidence| check(&info, evidence, state).is_ok()));
        assert!(matches!(refused(&mut ledger, &waiting), Some((_, _))), "all of it is too much");
        let chosen = choose(&ledger.next_block(), &waiting, &ledger.state);
        let of = |number: u8| {
            chosen.iter().filter(|evidence| evidence.validator() == key(number).id()).count()
        };
        assert_eq!((of(1), of(2), of(3)), (4, 1, 1));
        assert_eq!(block(&mut ledger, &chosen).evidence, Ok(()));
        assert!(choose(&ledger.next_block(), &waiting, &ledger.state).is_empty());
    }

    #[test]
    fn is_recorded_once_with_an_event() {
        let mut ledger = ledger();
        let evidence = twice(1, 1);
        assert_eq!(block(&mut ledger, &[evidence]).evidence, Ok(()));
        let record = ledger.get(&EQUIVOCATIONS, &(key(1).id(), Height(1))).unwrap();
        assert_eq!((record.region, record.recorded_at), (REGIONS[0], Height(1)));
        assert_eq!((record.evidence, record.what()), (evidence, Contradiction::Precommit));
        let event = &ledger.events[0];
        assert_eq!((event.kind.as_str(), event.region), ("equivocation_recorded", REGIONS[0]));
        assert_eq!(event.subject, format!("equ:{}-1", key(1).id()));
        // The same again, and another proof of the same contradiction.
        let third = Equivocation::votes(vote(1, 1, 1), vote(1, 1, 3));
        for again in [evidence, third] {
            assert_eq!(refused(&mut ledger, &[again]), Some((0, Refusal::Recorded)));
        }
        assert_eq!(block(&mut ledger, &[twice(1, 2)]).evidence, Ok(()), "another height");
    }

    #[test]
    fn comes_in_order_and_each_once() {
        let mut ledger = ledger();
        let mut both = [twice(1, 1), twice(2, 1)];
        both.sort_by_key(record_key);
        assert_eq!(refused(&mut ledger, &[both[0], both[0]]), Some((1, Refusal::Order)));
        assert_eq!(refused(&mut ledger, &[both[1], both[0]]), Some((1, Refusal::Order)));
        let execution = block(&mut ledger, &both);
        assert_eq!((execution.evidence, execution.events.len()), (Ok(()), 2));
    }

    #[test]
    fn what_proves_nothing_is_refused() {
        let mut ledger = ledger();
        let nothing = |error| Some((0, Refusal::Proof(error)));
        let stranger = twice(9, 1);
        assert_eq!(refused(&mut ledger, &[stranger]), nothing(EvidenceError::Signature));
        let same = Equivocation::votes(vote(1, 1, 1), vote(1, 1, 1));
        assert_eq!(refused(&mut ledger, &[same]), nothing(EvidenceError::NoContradiction));
        assert_eq!(refused(&mut ledger, &[twice(1, 2)]), Some((0, Refusal::Later)));
    }

    /// Height by height, evidence holds against the set that decided its height and no other.
    #[test]
    fn holds_against_the_set_of_its_height() {
        let mut ledger = ledger();
        block(&mut ledger, &[]);
        remove_five(&mut ledger);
        // As if by an act of block 1: 5 decides heights 1 and 2, and from 3 on no more.
        for _ in 0..4 {
            block(&mut ledger, &[]);
        }
        assert_eq!(ledger.height, Height(5));
        for height in 1..=5 {
            let found = refused(&mut ledger.clone(), &[twice(5, height)]);
            let expected = (height > 2).then_some((0, Refusal::Proof(EvidenceError::Signature)));
            assert_eq!(found, expected, "height {height}");
            assert_eq!(refused(&mut ledger.clone(), &[twice(1, height)]), None);
        }
    }

    /// Old sets are forgotten one by one; evidence of their heights is judged by no other set.
    #[test]
    fn former_sets_are_bounded() {
        let ledger = ledger();
        let set = |first: u8| {
            let all = VALIDATORS.read(&ledger.state, &()).unwrap().next;
            let of = |place: u8| Validator {
                key: key(first + place).public(),
                ..all.validators()[usize::from(place)]
            };
            ValidatorSet::new((0..5).map(of).collect()).unwrap()
        };
        let mut memory = ledger.state.clone();
        for change in 1..=5u8 {
            let mut state = State::new(&memory);
            keep_latest(Height(u64::from(change) * 10), &set(change), 3, &mut state);
            state.keep_transaction();
            let writes = state.into_writes();
            memory.apply(&writes);
        }
        assert_eq!(FORMER_SETS.read_all(&memory, &(), 9).len(), 3);
        for (height, expected) in
            [(1, None), (20, None), (21, Some(3)), (30, Some(3)), (31, Some(4))]
        {
            assert_eq!(set_at(&memory, Height(height)), expected.map(set), "height {height}");
        }
        let now = set_at(&memory, Height(51)).unwrap();
        assert_eq!(now, VALIDATORS.read(&memory, &()).unwrap().next);
        // A key that was in every set since: still nothing that a later set could be asked about.
        assert_eq!(is_settled(&twice(5, 20), &memory), Some(Refusal::NoSet));
        assert_eq!(is_settled(&twice(5, 21), &memory), None);
        let block = BlockInfo { height: Height(60), ..ledger.next_block() };
        assert_eq!(check(&block, &twice(5, 20), &memory), Err(Refusal::NoSet));
        assert!(check(&block, &twice(5, 21), &memory).is_ok());
    }

    #[test]
    fn of_one_key_so_many_and_no_more() {
        let mut ledger = ledger();
        for height in 1..=MAX_RECORDS_OF_A_KEY as u64 {
            assert_eq!(refused(&mut ledger, &[twice(1, height)]), None);
        }
        let next = ledger.height.next().0;
        assert_eq!(refused(&mut ledger, &[twice(1, next)]), Some((0, Refusal::Enough)));
        assert_eq!(refused(&mut ledger, &[twice(2, next)]), None);
    }
}
