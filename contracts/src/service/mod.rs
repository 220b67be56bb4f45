//! Government services across provinces: items, the cases handled under them, and what people
//! thought of it.
//!
//! Rules:
//! 1. **The power to decide never moves** (事权不变). A window elsewhere receives, checks and
//!    delivers; only the territorial authority accepts and decides, and each part of a joint case
//!    is decided by its own.
//! 2. **What every province agreed on holds**: an item's version is signed by all participants
//!    ([`item`]), and a case keeps the limits of the version it was opened under.
//! 3. **No content**: commitments to case numbers, lists of documents and consents; reason codes;
//!    digests of notices. Never a name, a phone number or a comment.
//! 4. **Lateness is derived** ([`clock`]) and never claimed. Silence never becomes an approval.
//! 5. What happened late is recorded with a flag; what nobody may do is refused.
//!
//! Where the tables of domain.md §3.11 and §3.12 are silent:
//!
//! * A case whose receiver is its handler (online, or joint at the lead acceptor) is with the
//!   handler as soon as it is checked: there is nothing to hand over.
//! * The handler asks for what is missing once, within five working days of having the case; later
//!   it is recorded as `supplement_late` (行政许可法 §32 would count the case as accepted from its
//!   arrival: that is for a supervisor to say, since silence decides nothing here).
//! * A pause stops both decision clocks on the days after the one on which it began, up to the one
//!   on which it ended, and never for longer than it was said to last when it began: from then on
//!   the clocks run though nobody continued the case (`pause_exceeded`). How long one pause may be
//!   is a term of the item.
//! * An extension lengthens the legal limit alone, and only while that runs: what was promised to
//!   the applicant stays promised.
//! * A result is delivered within ten working days of the decision (`delivery_late`).
//! * A case can be withdrawn until it is decided.
//! * Fees are settled from the check of a case until it is over; either side may say so ([`fee`]).
//! * A joint case needs at least one part; parts are opened by the receiver or the handler until
//!   the case is decided, and each has its own limit.
//!
//! Tables: proven 0x40–0x4f, unproven 0xc0–0xcf. This module does not know agreements on
//! certificates, nor disputes about a handover.

pub mod case;
pub mod clock;
pub mod evaluation;
pub mod evaluation_acts;
pub mod fee;
pub mod hand;
pub mod item;
pub mod item_acts;
pub mod open;
pub mod progress;
pub mod sub;
#[cfg(test)]
mod tests;

pub use case::*;
pub use clock::{CaseClocks, SubClocks, case_clocks, sub_clocks};
pub use evaluation::*;
pub use evaluation_acts::{AnswerEvaluation, Evaluate, EvaluationStep};
pub use fee::{FeeRecord, MAX_FEES, SettleFee};
pub use hand::{
    AcceptCase, AskSupplement, DeclineCase, Handover, ReceiveHandover, RejectHandover, Supplement,
};
pub use item::*;
pub use item_acts::{
    AgreeItem, ProposeItem, PutImplementation, SetItemState, current_terms, founding_item,
};
pub use open::{CheckCase, OpenCase, OpenTheme, RefuseCase, WithdrawCase};
pub use progress::Verdict;
pub use progress::{
    CloseCase, ContinueCase, DecideCase, DeliverCase, DispatchCase, ExtendCase, PauseCase,
};
pub use sub::{DecideSub, OpenSub};

use hefu_primitives::{Id16, Uscc};

use crate::code::Code;
use crate::exec::Context;
use crate::identity::{Role, succeeds};

/// Most pauses of one case.
pub const MAX_PAUSES: usize = 16;
/// Working days within which a handler answers a handover.
pub const HANDOVER_DAYS: u16 = 1;
/// Working days within which a handler asks for what is missing.
pub const SUPPLEMENT_DAYS: u16 = 5;
/// Longest extension, in working days.
pub const EXTENSION_DAYS: u16 = 10;
/// Working days within which a result reaches the applicant.
pub const DELIVERY_DAYS: u16 = 10;

/// States in which the applicant waits for a decision.
const OPEN: &[CaseState] = &[
    CaseState::Received,
    CaseState::Ready,
    CaseState::HandedOver,
    CaseState::AtHandler,
    CaseState::Accepted,
    CaseState::Supplement,
    CaseState::Paused,
];

/// Whether the signer has the powers of an authority.
fn signs_for(ctx: &Context<'_, '_>, authority: &Uscc) -> bool {
    succeeds(&*ctx.state, authority, &ctx.actor())
}

/// A case in one of some states.
fn find(ctx: &Context<'_, '_>, id: &Id16) -> Result<Case, Code> {
    ctx.state.get(&CASES, id).ok_or(Code::UnknownCase)
}

fn in_state(case: Case, states: &[CaseState]) -> Result<Case, Code> {
    if states.contains(&case.state) { Ok(case) } else { Err(Code::CaseState) }
}

/// The case, signed for by its receiver.
fn as_receiver(ctx: &Context<'_, '_>, id: &Id16, states: &[CaseState]) -> Result<Case, Code> {
    let case = find(ctx, id)?;
    ctx.require(if case.is_online() { Role::Handler } else { Role::Window })?;
    if !signs_for(ctx, &case.receiver) {
        return Err(Code::NotReceiver);
    }
    in_state(case, states)
}

/// The case, signed for by its handler.
fn as_handler(ctx: &Context<'_, '_>, id: &Id16, states: &[CaseState]) -> Result<Case, Code> {
    let case = find(ctx, id)?;
    ctx.require(Role::Handler)?;
    if !signs_for(ctx, &case.body.handler) {
        return Err(Code::NotHandler);
    }
    in_state(case, states)
}

/// Stores a case and says what happened to it.
fn put(ctx: &mut Context<'_, '_>, case: &Case, kind: &str, flags: Vec<String>) {
    let id = case.body.case_id;
    ctx.state.put(&CASES, &id, case);
    for region in [case.receiver_region, case.handler_region] {
        match case.state.is_open() {
            true => ctx.state.put(&OPEN_CASES, &(region, id), &()),
            false => ctx.state.delete(&OPEN_CASES, &(region, id)),
        }
    }
    ctx.emit(kind, subject("case", &id), flags);
}

/// How events name a case or theme.
fn subject(kind: &str, id: &Id16) -> String {
    format!("{kind}:{id}")
}
