//! Who belongs to the ledger: provinces join, are suspended, reinstated, expelled, and leave; their
//! validators, nodes and governors change.
//!
//! | from | what | to | who | errors |
//! |---|---|---|---|---|
//! | – | [`Action::AdmitMember`](super::Action) proposed | *proposed* (the ballot) | governors of an active member; more than two thirds | `E201`–`E204`, `E236` |
//! | proposed | votes | `approved`, or the ballot is rejected or lapses | each active member once | `E205`, `E206` |
//! | `approved` | [`ProveKeys`] | `active`; validates from the second next block on | any governor; carries the proofs of all its keys | `E206`, `E207`, `E117` |
//! | `active`, `leaving` | suspend, acts only or full | `suspended_acts`, `suspended_full` | vote without the subject | `E208`, `E214`, `E215` |
//! | `suspended_acts` | suspend in full | `suspended_full` | the same | the same |
//! | suspended | reinstate | `active`, `leaving` | the same | `E215` |
//! | suspended for 30 days | expel | `expelled` | the same | `E117`, `E208`, `E214`, `E215` |
//! | `active`, suspended | [`GiveNotice`] | `leaving` | own governors | `E215` |
//! | `leaving` for 90 days | [`Leave`] | `left` | own governors, or those of any member that acts | `E117`, `E214`, `E215` |
//!
//! Where the specification is silent:
//!
//! 1. Notice does not end a suspension: a suspended member that leaves still does not act.
//! 2. A suspended member keeps its own house in order: it may rotate and revoke keys, change its
//!    validator and node, give notice and leave. All else is refused with `E210`, also to vote.
//! 3. A member that has given notice acts, and votes on what was proposed before; it neither
//!    proposes nor votes on what comes after. It may still be suspended.
//! 4. Open obligations hold nobody back: `E209` is no refusal but the flag `open_obligations` of the
//!    notice, with the numbers of agreements, cases, disputes and grants; [`obligations`] counts them.
//! 5. Notice is taken even while the set of validators could not do without the member; it leaves
//!    when it can (`E214` until then). Its 90 days over, whoever acts may complete the leaving.
//! 6. A province that left, was expelled, or was admitted and did not prove its keys in time may be
//!    proposed anew, with other governors' keys; its authorities are as they were.
//! 7. From its approval on a candidate's node is let in, so that it has caught up before it counts.
//! 8. Founders' charter digest is the chain id: every proof of a candidate is made over it.
//! 9. Certificates never change because of a member; agreements with one that does not act do not
//!    bind while that lasts, judged by the height asked about ([`member_at`]).
//! 10. One change of the validator set a block: a second one is refused with `E117`, and a vote that
//!     would have completed it may be cast again. A member's removal does not wait for its own
//!     rotation in the same block, but takes its place.
//! 11. A member replaces its validator key once a day at most (`E216`): the others' changes are not
//!     held up, and the sets that decide no more stay few.

mod candidate;
mod discipline;
mod leave;
mod preflight;
mod proof;
mod records;
mod recovery;
#[cfg(test)]
mod tests;
mod validator;

pub use candidate::{Candidate, GOVERNORS, MAX_ADDRESS_BYTES, MAX_ADDRESSES, check_address};
pub use discipline::{EXPEL_DAYS, SuspendMember};
pub(crate) use discipline::{can_expel, can_reinstate, expel, reinstate};
pub use leave::{GiveNotice, Leave, NOTICE_DAYS, Obligations, obligations};
pub use preflight::{Change, Preflight, preflight};
pub use proof::{KeyPurpose, MemberProof, ProveKeys};
pub(crate) use records::keep_member;
pub use records::*;
pub use recovery::{GovernorKey, ReplaceGovernors, RevokeByVote};
pub use validator::{ROTATION_DISTANCE_MS, RotateValidator, SetNode};

use hefu_primitives::{Power, PublicKey, Region, Validator};

use super::endorse::members;
use super::records::KEYS;
use crate::act::Act;
use crate::code::Code;
use crate::exec::Context;

/// Whether a member in its state may sign an act. Rules 2 and 3.
///
/// # Errors
/// `E210`.
pub(crate) fn may_sign(member: &Member, act: &Act) -> Result<(), Code> {
    let allowed = match member.state {
        _ if member.acts() => true,
        MemberState::Approved => matches!(act, Act::ProveKeys(_)),
        MemberState::Left | MemberState::Expelled => false,
        _ => matches!(
            act,
            Act::RotateKey(_)
                | Act::RevokeKey(_)
                | Act::RotateValidator(_)
                | Act::SetNode(_)
                | Act::GiveNotice(_)
                | Act::Leave(_)
        ),
    };
    if allowed { Ok(()) } else { Err(Code::MemberNotActive) }
}

/// A member that is neither a candidate nor gone.
///
/// # Errors
/// `E211`, `E215`.
fn present(ctx: &Context<'_, '_>, region: Region) -> Result<Member, Code> {
    let member = ctx.state.get(&MEMBERS, &region).ok_or(Code::UnknownMember)?;
    if member.is_present() { Ok(member) } else { Err(Code::MemberState) }
}

/// Whether a key is bound, or another member's validator's or node's.
fn is_taken(ctx: &Context<'_, '_>, key: &PublicKey, but: Region) -> bool {
    let others = |m: &Member| m.region != but && (m.validator_key == *key || m.node_key == *key);
    ctx.state.has(&KEYS, &key.id()) || members(ctx).iter().any(others)
}

/// The validator that an approved candidate would become.
///
/// # Errors
/// `E211`, `E206`.
fn can_reach(ctx: &Context<'_, '_>, region: Region) -> Result<Validator, Code> {
    let member = ctx.state.get(&MEMBERS, &region).ok_or(Code::UnknownMember)?;
    let in_time = member.approval.is_some_and(|a| ctx.block.time <= a.closes_at);
    if member.state != MemberState::Approved || !in_time {
        return Err(Code::VoteClosed);
    }
    Ok(Validator { region, key: member.validator_key, power: Power(1) })
}
