//! Parts of a joint case (多地联办): several provinces act in parallel, each territorial authority
//! decides its own.

use hefu_primitives::{BaseCode, Id16, Millis, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::case::{CaseState, SubCase};
use super::clock::sub_clocks;
use super::item::{CaseMode, ITEM_VERSIONS, ITEMS};
use super::open::may_handle;
use super::progress::Verdict;
use super::{find, in_state, put, signs_for};
use crate::clock;
use crate::code::Code;
use crate::exec::Context;
use crate::identity::Role;

/// Most parts of a case.
const MAX_SUBS: usize = 16;
/// States in which parts may be opened and decided.
const RUNNING: &[CaseState] = &[
    CaseState::Ready,
    CaseState::HandedOver,
    CaseState::AtHandler,
    CaseState::Supplement,
    CaseState::Accepted,
    CaseState::Paused,
];

/// Opens a part of a joint case, for another authority to decide; its clock begins.
///
/// Who: the receiver with a window key, or the handler with a handler key.
///
/// Errors: `E106` · `E619` no such case · `E622` neither · `E603` not a joint case · `E620` not
/// checked yet, or decided · `E623` the number is used, the case has 16 parts, or the days are none
/// or more than the law allows · `E605` the authority is not active, or the item not in its
/// mandate · `E617` its province does not take part · `E111` no calendar for its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSub {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// A number not used in the case.
    #[n(1)]
    pub number: u8,
    /// The item of this part.
    #[n(2)]
    pub base: BaseCode,
    /// Who decides it.
    #[n(3)]
    pub handler: Uscc,
    /// Working days it has.
    #[n(4)]
    pub days: u16,
}

impl OpenSub {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let case = find(ctx, &self.case_id)?;
        if signs_for(ctx, &case.body.handler) {
            ctx.require(Role::Handler)?;
        } else if signs_for(ctx, &case.receiver) {
            ctx.require(Role::Window)?;
        } else {
            return Err(Code::NotHandler);
        }
        if case.body.mode != CaseMode::Joint {
            return Err(Code::ModeNotAllowed);
        }
        let mut case = in_state(case, RUNNING)?;
        let used = case.subs.iter().any(|sub| sub.number == self.number);
        let timely = (1..=case.limits.legal_days).contains(&self.days);
        if used || !timely || case.subs.len() >= MAX_SUBS {
            return Err(Code::SubInvalid);
        }
        let region = may_handle(ctx, &self.handler, &self.base)?;
        let lead = ctx.state.get(&ITEMS, &case.body.base).ok_or(Code::UnknownItem)?.lead;
        let version = ((case.body.base, lead), case.limits.version);
        let version = ctx.state.get(&ITEM_VERSIONS, &version).ok_or(Code::UnknownItem)?;
        if !version.terms.participants.contains(&region) {
            return Err(Code::NotParticipant);
        }
        clock::begin(ctx, self.days)?;
        case.subs.push(SubCase {
            number: self.number,
            base: self.base,
            handler: self.handler,
            region,
            days: self.days,
            opened: ctx.stamp_now(),
            decision: None,
        });
        put(ctx, &case, "sub_opened", vec![format!("sub_{}", self.number)]);
        Ok(())
    }
}

/// Decides a part.
///
/// Who: a handler key of the authority the part was opened for.
///
/// Errors: `E106` · `E619` · `E623` no such part, or decided · `E622` another's · `E620` the case is
/// decided or over · `E611` `E318` see [`Verdict`] · `E112`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideSub {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// The part.
    #[n(1)]
    pub number: u8,
    /// What was decided.
    #[n(2)]
    pub verdict: Verdict,
    /// When.
    #[n(3)]
    pub occurred_at: Millis,
}

impl DecideSub {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Handler)?;
        let case = find(ctx, &self.case_id)?;
        let sub = case.subs.iter().find(|sub| sub.number == self.number);
        let sub = sub.ok_or(Code::SubInvalid)?.clone();
        if !signs_for(ctx, &sub.handler) {
            return Err(Code::NotHandler);
        }
        let mut case = in_state(case, RUNNING)?;
        if sub.decision.is_some() {
            return Err(Code::SubInvalid);
        }
        let stamp = ctx.stamp(self.occurred_at)?;
        let decision = self.verdict.decided(ctx, sub.region, stamp)?;
        let clocks = sub_clocks(&sub, ctx.block.time, clock::calendars(&*ctx.state));
        let mut flags = vec![format!("sub_{}", self.number)];
        flags.extend(clock::late_flag(clocks.overdue, "overdue"));
        for sub in case.subs.iter_mut().filter(|sub| sub.number == self.number) {
            sub.decision = Some(decision.clone());
        }
        put(ctx, &case, "sub_decided", flags);
        Ok(())
    }
}
