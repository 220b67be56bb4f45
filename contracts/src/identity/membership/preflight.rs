//! What a change would do, before anybody signs it: whether it is possible, who would have to say
//! yes, and which validators there would be.

use hefu_primitives::{Id16, Region, ValidatorSet};

use super::leave::Obligations;
use super::records::{MEMBERS, Member};
use super::{can_reach, leave};
use crate::code::Code;
use crate::exec::{BlockInfo, VALIDATORS, try_in_block};
use crate::identity::action::Action;
use crate::identity::ballot::electors;
use crate::identity::endorse::members;
use crate::identity::records::{BALLOTS, BallotState};
use crate::identity::validators::{can_remove, schedule_validators};
use crate::state::{State, StateView};

/// A change to look ahead at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something that would be proposed, carried.
    Action(Box<Action>),
    /// A proposal, carried.
    Ballot(Id16),
    /// A member leaves, its notice over.
    Leave(Region),
    /// An approved candidate proves its keys.
    Join(Region),
}

/// What a change would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// Why it is not possible now.
    pub refusal: Option<Code>,
    /// Who votes; none when nobody does.
    pub electors: Vec<Region>,
    /// How many must say yes; zero when nobody votes.
    pub needed: u16,
    /// The validators that are scheduled now.
    pub before: Option<ValidatorSet>,
    /// The validators there would be: as now when the change is refused.
    pub after: Option<ValidatorSet>,
    /// What a member would leave behind, or that would be paused.
    pub obligations: Obligations,
}

/// Looks ahead at a change that `proposer` would bring about in `block`.
pub fn preflight(
    view: &dyn StateView,
    block: &BlockInfo,
    proposer: Region,
    change: &Change,
) -> Preflight {
    let state = State::new(view);
    let scheduled = |state: &State<'_>| state.get(&VALIDATORS, &()).map(|set| set.after);
    let before = scheduled(&state);
    drop(state);
    let mut found = Preflight {
        refusal: None,
        electors: Vec::new(),
        needed: 0,
        after: before.clone(),
        before,
        obligations: Obligations::default(),
    };
    let tried = try_in_block(view, block, proposer, |ctx| {
        let (subject, result) = carry_out(ctx, change, &mut found);
        if let Some(subject) = subject {
            let others = members(ctx).into_iter().map(|member| member.region);
            found.obligations = leave::obligations(&*ctx.state, subject, others, ctx.block);
        }
        result?;
        Ok(scheduled(ctx.state))
    });
    match tried {
        Ok(after) => found.after = after,
        Err(code) => found.refusal = Some(code),
    }
    found
}

/// Carries the change out on a state that is dropped; names the member it is about, if that is to
/// act no more.
fn carry_out(
    ctx: &mut crate::exec::Context<'_, '_>,
    change: &Change,
    found: &mut Preflight,
) -> (Option<Region>, Result<(), Code>) {
    match change {
        Change::Action(action) => {
            (found.electors, found.needed) = electors(ctx, action);
            let subject = action.subject().filter(|_| ends(action));
            (subject, action.propose(ctx).and_then(|()| action.apply(ctx)))
        }
        Change::Ballot(id) => {
            let Some(ballot) = ctx.state.get(&BALLOTS, id) else {
                return (None, Err(Code::UnknownProposal));
            };
            let open = ballot.state == BallotState::Open && ctx.block.time <= ballot.closes_at;
            let result = if open { ballot.action.apply(ctx) } else { Err(Code::VoteClosed) };
            (found.electors, found.needed) = (ballot.electors, ballot.needed);
            (ballot.action.subject().filter(|_| ends(&ballot.action)), result)
        }
        Change::Leave(region) => {
            let known = ctx.state.get(&MEMBERS, region).filter(Member::is_present);
            let left = known.ok_or(Code::UnknownMember).and_then(|_| {
                can_remove(ctx.state, *region)?;
                super::discipline::remove_validator(ctx, *region)
            });
            (Some(*region), left)
        }
        Change::Join(region) => (
            None,
            can_reach(ctx, *region).and_then(|validator| {
                schedule_validators(ctx.state, |set| [set, &[validator]].concat())
            }),
        ),
    }
}

/// Whether the member an action is about acts no more after it.
const fn ends(action: &Action) -> bool {
    matches!(action, Action::SuspendMember(_) | Action::ExpelMember { .. })
}
