//! Notice, and leaving once it is over.

use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Id16, Millis, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::discipline::{end, remove_validator};
use super::present;
use super::records::{MEMBERS, MemberState, Notice, keep_member, subject};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::endorse::{endorse, members, require_governor};
use crate::identity::validators::can_remove;
use crate::recognition::{AGREEMENTS, AgreementState, agreements_between};
use crate::state::StateView;

/// Days from the notice to the leaving.
pub const NOTICE_DAYS: u64 = 90;

/// Gives notice. The member acts on until it leaves.
///
/// Who: the member's own governors. Pre: it has not given notice (`E215`). Obligations that are
/// open, and that too few validators would remain today, are flags of the event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveNotice {
    /// The member.
    #[n(0)]
    pub member: Region,
}

impl GiveNotice {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let own = require_governor(ctx)?;
        if own.region != self.member {
            return Err(Code::NotOwn);
        }
        let mut member = present(ctx, self.member)?;
        if member.notice.is_some() {
            return Err(Code::MemberState);
        }
        if !endorse(ctx)? {
            return Ok(());
        }
        let span = NOTICE_DAYS.saturating_mul(DAY_MS);
        let leaves_at = Millis(ctx.block.time.0.saturating_add(span));
        member.notice = Some(Notice { stamp: ctx.stamp_now(), leaves_at });
        member.state = MemberState::Leaving;
        keep_member(ctx, &member);
        let flags = warnings(ctx, self.member);
        ctx.emit("notice_given", subject(self.member), flags);
        Ok(())
    }
}

fn warnings(ctx: &Context<'_, '_>, region: Region) -> Vec<String> {
    let others = members(ctx).into_iter().map(|member| member.region);
    let open = obligations(&*ctx.state, region, others, ctx.block);
    let too_few = can_remove(ctx.state, region).is_err();
    let agreements = (!open.is_empty()).then(|| "open_obligations".to_owned());
    agreements.into_iter().chain(too_few.then(|| "too_few_remain".to_owned())).collect()
}

/// Agreements that bind a member now: what it leaves behind.
pub fn obligations(
    view: &dyn StateView,
    region: Region,
    others: impl Iterator<Item = Region>,
    block: &crate::exec::BlockInfo,
) -> Vec<Id16> {
    let (today, height) = (hefu_primitives::time::Day::of_beijing(block.time), block.height);
    let mut found: Vec<Id16> = others
        .filter(|other| *other != region)
        .flat_map(|other| agreements_between(view, [region, other], today))
        .filter(|id| {
            let agreement = AGREEMENTS.read(view, id);
            agreement.is_some_and(|agreement| {
                let state = agreement.state(today, height);
                let live = matches!(state, Some(AgreementState::InForce | AgreementState::Signed));
                live && agreement.has_party(region, today, height)
            })
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Leaves, when the notice is over.
///
/// Who: governors of the member, or of any that acts. Pre: the member is known (`E211`) and has
/// given notice (`E215`), 90 days ago (`E117`); at least four validators remain (`E214`); no other
/// change of validators in this block (`E117`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// The member.
    #[n(0)]
    pub member: Region,
}

impl Leave {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let signer = require_governor(ctx)?;
        let member = ctx.state.get(&MEMBERS, &self.member).ok_or(Code::UnknownMember)?;
        let notice = member.notice.filter(|_| member.is_present()).ok_or(Code::MemberState)?;
        if signer.region != self.member && !signer.acts() {
            return Err(Code::MemberNotActive);
        }
        if ctx.block.time < notice.leaves_at {
            return Err(Code::NotYetApplicable);
        }
        can_remove(ctx.state, self.member)?;
        if !endorse(ctx)? {
            return Ok(());
        }
        remove_validator(ctx, self.member)?;
        end(ctx, member, MemberState::Left);
        ctx.emit("member_left", subject(self.member), Vec::new());
        Ok(())
    }
}
