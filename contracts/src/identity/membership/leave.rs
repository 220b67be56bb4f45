//! Notice, and leaving once it is over.

use hefu_primitives::time::{DAY_MS, Day};
use hefu_primitives::{Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::discipline::{end, remove_validator};
use super::present;
use super::records::{MEMBERS, MemberState, Notice, keep_member, subject};
use crate::code::Code;
use crate::dispute::{DISPUTES, OPEN_DISPUTES};
use crate::exec::Context;
use crate::identity::AUTHORITIES;
use crate::identity::endorse::{endorse, members, require_governor};
use crate::identity::validators::can_remove;
use crate::recognition::{AGREEMENTS, AgreementState, agreements_between};
use crate::service::OPEN_CASES;
use crate::sharing::RUNNING_GRANTS;
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
    open.flags().into_iter().chain(too_few.then(|| "too_few_remain".to_owned())).collect()
}

/// Most obligations of a kind that are counted: of more it is said that there are so many.
const MAX_COUNTED: usize = 10_000;

/// What a member leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// Agreements that bind it now.
    pub agreements: Vec<Id16>,
    /// Cases of its authorities that wait for a decision.
    pub cases: u32,
    /// Disputes with an authority of it that are not over.
    pub disputes: u32,
    /// Grants to or by its authorities whose term is not over.
    pub grants: u32,
}

impl Obligations {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.agreements.is_empty() && (self.cases, self.disputes, self.grants) == (0, 0, 0)
    }

    fn flags(&self) -> Vec<String> {
        let agreements = u32::try_from(self.agreements.len()).unwrap_or(u32::MAX);
        let kinds = [
            ("agreements", agreements),
            ("cases", self.cases),
            ("disputes", self.disputes),
            ("grants", self.grants),
        ];
        let open = (!self.is_empty()).then(|| "open_obligations".to_owned());
        let counts = kinds.into_iter().filter(|(_, count)| *count > 0);
        open.into_iter().chain(counts.map(|(kind, count)| format!("{kind}_{count}"))).collect()
    }
}

/// What a member would leave behind now: agreements, cases, disputes and grants.
pub fn obligations(
    view: &dyn StateView,
    region: Region,
    others: impl Iterator<Item = Region>,
    block: &crate::exec::BlockInfo,
) -> Obligations {
    let today = Day::of_beijing(block.time);
    let count = |found: usize| u32::try_from(found).unwrap_or(u32::MAX);
    let ours = |code: &Uscc| AUTHORITIES.read(view, code).is_some_and(|a| a.member == region);
    let disputes = OPEN_DISPUTES.read_all(view, &(), MAX_COUNTED).into_iter().filter(|(_, id)| {
        let dispute = DISPUTES.read(view, id);
        dispute.is_some_and(|d| ours(&d.opener) || ours(&d.body.respondent))
    });
    let (from, _) = RUNNING_GRANTS.range(&(region, today.number()));
    let (_, to) = RUNNING_GRANTS.range(&region);
    Obligations {
        agreements: agreements(view, region, others, block),
        cases: count(OPEN_CASES.read_all(view, &region, MAX_COUNTED).len()),
        disputes: count(disputes.count()),
        grants: count(view.scan(&from, &to, MAX_COUNTED).len()),
    }
}

/// Agreements that bind a member now.
fn agreements(
    view: &dyn StateView,
    region: Region,
    others: impl Iterator<Item = Region>,
    block: &crate::exec::BlockInfo,
) -> Vec<Id16> {
    let (today, height) = (Day::of_beijing(block.time), block.height);
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
