//! Suspension, reinstatement and expulsion, by vote of the other members.

use hefu_primitives::time::DAY_MS;
use hefu_primitives::{H32, Power, Region, Validator};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::present;
use super::records::{Member, MemberState, Suspension, SuspensionKind, keep_member, subject};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::validators::{
    can_remove, is_scheduled, schedule_removal, schedule_validators,
};

/// Days of suspension before a member may be expelled.
pub const EXPEL_DAYS: u64 = 30;

/// Suspends a member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendMember {
    /// The member.
    #[n(0)]
    pub member: Region,
    /// How far.
    #[n(1)]
    pub kind: SuspensionKind,
    /// Reason code, not zero.
    #[n(2)]
    pub reason: u16,
    /// Digest of the evidence, not zero.
    #[n(3)]
    pub evidence: H32,
}

impl SuspendMember {
    pub(crate) fn check(&self, ctx: &Context<'_, '_>) -> Result<Member, Code> {
        let member = present(ctx, self.member)?;
        let possible = match member.suspension {
            None => true,
            Some(now) => (now.kind, self.kind) == (SuspensionKind::ActsOnly, SuspensionKind::Full),
        };
        if !possible {
            return Err(Code::MemberState);
        }
        founded(self.reason, self.evidence)?;
        if self.kind == SuspensionKind::Full {
            can_remove(ctx.state, self.member)?;
        }
        Ok(member)
    }

    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut member = self.check(ctx)?;
        if self.kind == SuspensionKind::Full {
            remove_validator(ctx, self.member)?;
        }
        let since = member.suspension.map_or_else(|| ctx.stamp_now(), |now| now.since);
        let (kind, reason, evidence) = (self.kind, self.reason, self.evidence);
        member.suspension = Some(Suspension { kind, reason, evidence, since });
        if member.state != MemberState::Leaving {
            member.state = match kind {
                SuspensionKind::ActsOnly => MemberState::SuspendedActs,
                SuspensionKind::Full => MemberState::SuspendedFull,
            };
        }
        keep_member(ctx, &member);
        let flags = vec![kind.name().to_owned(), format!("reason_{reason}")];
        ctx.emit("member_suspended", subject(self.member), flags);
        Ok(())
    }
}

/// Whether a reinstatement is possible.
pub(crate) fn can_reinstate(ctx: &Context<'_, '_>, region: Region) -> Result<Member, Code> {
    let member = present(ctx, region)?;
    if member.suspension.is_some() { Ok(member) } else { Err(Code::MemberState) }
}

/// Ends a suspension. A validator that was removed comes back.
pub(crate) fn reinstate(ctx: &mut Context<'_, '_>, region: Region) -> Result<(), Code> {
    let mut member = can_reinstate(ctx, region)?;
    if !is_scheduled(ctx.state, region) {
        let validator = Validator { region, key: member.validator_key, power: Power(1) };
        schedule_validators(ctx.state, |set| [set, &[validator]].concat())?;
    }
    member.suspension = None;
    if member.state != MemberState::Leaving {
        member.state = MemberState::Active;
    }
    keep_member(ctx, &member);
    ctx.emit("member_reinstated", subject(region), Vec::new());
    Ok(())
}

/// Whether an expulsion is possible.
pub(crate) fn can_expel(
    ctx: &Context<'_, '_>,
    region: Region,
    (reason, evidence): (u16, H32),
) -> Result<Member, Code> {
    let member = present(ctx, region)?;
    let suspension = member.suspension.ok_or(Code::MemberState)?;
    founded(reason, evidence)?;
    let from = suspension.since.time.0.saturating_add(EXPEL_DAYS.saturating_mul(DAY_MS));
    if ctx.block.time.0 < from {
        return Err(Code::NotYetApplicable);
    }
    can_remove(ctx.state, region)?;
    Ok(member)
}

/// Expels a member.
pub(crate) fn expel(
    ctx: &mut Context<'_, '_>,
    region: Region,
    grounds: (u16, H32),
) -> Result<(), Code> {
    let member = can_expel(ctx, region, grounds)?;
    remove_validator(ctx, region)?;
    let flags = vec![format!("reason_{}", grounds.0)];
    end(ctx, member, MemberState::Expelled);
    ctx.emit("member_expelled", subject(region), flags);
    Ok(())
}

/// Ends a membership.
pub(super) fn end(ctx: &mut Context<'_, '_>, mut member: Member, state: MemberState) {
    member.state = state;
    member.ended = Some(ctx.stamp_now());
    keep_member(ctx, &member);
}

/// Takes a member's validator out of the set, if it is in it.
pub(super) fn remove_validator(ctx: &mut Context<'_, '_>, region: Region) -> Result<(), Code> {
    if !is_scheduled(ctx.state, region) {
        return Ok(());
    }
    schedule_removal(ctx.state, region)
}

fn founded(reason: u16, evidence: H32) -> Result<(), Code> {
    let founded = reason != 0 && evidence != H32::ZERO;
    if founded { Ok(()) } else { Err(Code::SuspensionUnfounded) }
}
