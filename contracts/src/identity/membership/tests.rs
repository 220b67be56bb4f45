//! Membership: each act and vote, what it does, and every error it can give.

mod changes;
mod discipline;
mod join;
mod model;
mod recovery;

use hefu_primitives::{H32, Id16, Region};

use crate::exec::VALIDATORS;
use crate::identity::*;
use crate::testkit::*;

fn vote(proposal: Id16, approve: bool) -> CastVote {
    CastVote { proposal, approve }
}

fn state(ledger: &Ledger, region: Region) -> MemberState {
    ledger.get(&MEMBERS, &region).unwrap().state
}

/// The provinces that decide the next height, and those of every height after it.
fn validators(ledger: &Ledger) -> (Vec<u32>, Vec<u32>) {
    let schedule = ledger.get(&VALIDATORS, &()).unwrap();
    let regions = |set: &hefu_primitives::ValidatorSet| {
        set.validators().iter().map(|validator| validator.region.0 / 10_000).collect()
    };
    (regions(&schedule.next), regions(&schedule.after))
}

fn suspend(member: Region, kind: SuspensionKind) -> Action {
    Action::SuspendMember(SuspendMember { member, kind, reason: 7, evidence: digest(7) })
}

fn expel(member: Region) -> Action {
    Action::ExpelMember { member, reason: 7, evidence: H32([8; 32]) }
}

/// Five provinces: the fifth is the first newcomer.
fn five() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.join(id(200), 0).unwrap();
    ledger.block(&[]);
    ledger
}
