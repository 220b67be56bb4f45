//! Governors act two of three: each signs the same act, the last signature needed applies it.
//!
//! Rules:
//! 1. The same act means the same canonical bytes. What waits is kept by member and digest.
//! 2. Each governor signs once (`E213`). A signature counts while its key is among the member's
//!    governors: a key that was replaced no longer does.
//! 3. What was not completed within the parameters' `ballot_days` lapses, and begins anew.
//! 4. Some acts need a second member: both members' governors sign the same act.
//!
//! This module does not know what the act does: its rules are checked with every signature, so
//! that a governor learns at once what the last one would.

use hefu_primitives::hash::hash;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Domain, H32, Millis, Region};

use super::records::{ENDORSEMENTS, Endorsement, MEMBERS, Member, MemberState, Role};
use crate::code::Code;
use crate::exec::Context;

/// Most acts of one member that wait at a time.
pub const MAX_PENDING: usize = 256;

/// Requires that the signer is a governor of its member.
///
/// # Errors
/// `E106` without the role, `E221` with the role but not among the member's governors.
pub(crate) fn require_governor(ctx: &Context<'_, '_>) -> Result<Member, Code> {
    ctx.require(Role::Governor)?;
    let member = ctx.state.get(&MEMBERS, &ctx.region()).ok_or(Code::UnknownMember)?;
    if member.governors.contains(&ctx.signer.key_id) { Ok(member) } else { Err(Code::NotOwn) }
}

/// Adds the signer's endorsement; true when the act may apply now.
///
/// # Errors
/// `E106`, `E221`, `E213`; `E117` when too many acts wait.
pub(crate) fn endorse(ctx: &mut Context<'_, '_>) -> Result<bool, Code> {
    let act = digest(ctx.act_bytes);
    let complete = collect(ctx, act)?;
    if complete {
        let region = ctx.region();
        ctx.state.delete(&ENDORSEMENTS, &(region, act));
    }
    Ok(complete)
}

/// As [`endorse`], for an act of `owner` that a second member must endorse too.
///
/// # Errors
/// As [`endorse`].
pub(crate) fn endorse_jointly(ctx: &mut Context<'_, '_>, owner: Region) -> Result<bool, Code> {
    let act = digest(ctx.act_bytes);
    collect(ctx, act)?;
    let complete: Vec<Region> = members(ctx)
        .into_iter()
        .filter(|member| {
            let endorsement = ctx.state.get(&ENDORSEMENTS, &(member.region, act));
            endorsement.is_some_and(|e| !lapsed(ctx, &e) && is_complete(member, &e))
        })
        .map(|member| member.region)
        .collect();
    let applies = complete.len() >= 2 && complete.contains(&owner);
    if applies {
        for member in members(ctx) {
            ctx.state.delete(&ENDORSEMENTS, &(member.region, act));
        }
    }
    Ok(applies)
}

/// The digest an act is known by while it waits.
pub fn digest(act_bytes: &[u8]) -> H32 {
    hash(Domain::Digest, &[act_bytes])
}

/// Every member there is; there are at most as many as validators.
pub(crate) fn members(ctx: &Context<'_, '_>) -> Vec<Member> {
    let limit = hefu_primitives::bounds::MAX_VALIDATORS.saturating_mul(2);
    ctx.state.scan(&MEMBERS, &(), limit).into_iter().map(|(_, member)| member).collect()
}

/// The members that act and vote.
pub(crate) fn active_members(ctx: &Context<'_, '_>) -> Vec<Region> {
    let active = |m: &Member| matches!(m.state, MemberState::Active | MemberState::Leaving);
    members(ctx).into_iter().filter(active).map(|member| member.region).collect()
}

/// The time until which what begins now may be completed.
pub(crate) fn closes_at(ctx: &Context<'_, '_>) -> Millis {
    let span = u64::from(ctx.parameters.ballot_days).saturating_mul(DAY_MS);
    Millis(ctx.block.time.0.saturating_add(span))
}

/// Keeps the signature; true when the signer's member has enough.
fn collect(ctx: &mut Context<'_, '_>, act: H32) -> Result<bool, Code> {
    let member = require_governor(ctx)?;
    let key = (member.region, act);
    let waiting = ctx.state.get(&ENDORSEMENTS, &key).filter(|found| !lapsed(ctx, found));
    let mut endorsement = match waiting {
        Some(found) => found,
        None => open(ctx, member.region)?,
    };
    if endorsement.signers.contains(&ctx.signer.key_id) {
        return Err(Code::AlreadyEndorsed);
    }
    endorsement.signers.push(ctx.signer.key_id);
    ctx.state.put(&ENDORSEMENTS, &key, &endorsement);
    let progress = format!("{}_of_{}", count(&member, &endorsement), member.threshold);
    ctx.emit("endorsed", format!("act:{act}"), vec![progress]);
    Ok(is_complete(&member, &endorsement))
}

/// A new endorsement, after the member's lapsed ones were cleared away.
fn open(ctx: &mut Context<'_, '_>, region: Region) -> Result<Endorsement, Code> {
    let waiting = ctx.state.scan(&ENDORSEMENTS, &region, MAX_PENDING);
    let (gone, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, e)| lapsed(ctx, e));
    for (_, endorsement) in &gone {
        ctx.state.delete(&ENDORSEMENTS, &(region, endorsement.act));
    }
    if left.len() >= MAX_PENDING {
        return Err(Code::NotYetApplicable);
    }
    let act = digest(ctx.act_bytes);
    Ok(Endorsement { act, closes_at: closes_at(ctx), signers: Vec::new() })
}

fn lapsed(ctx: &Context<'_, '_>, endorsement: &Endorsement) -> bool {
    endorsement.closes_at < ctx.block.time
}

fn count(member: &Member, endorsement: &Endorsement) -> usize {
    endorsement.signers.iter().filter(|signer| member.governors.contains(signer)).count()
}

fn is_complete(member: &Member, endorsement: &Endorsement) -> bool {
    count(member, endorsement) >= usize::from(member.threshold.max(1))
}
