//! Governors act two of three: each signs the same act, the last signature needed applies it.
//!
//! Rules:
//! 1. The same act means the same canonical bytes. What waits is kept by member and digest.
//! 2. Each governor signs once (`E213`). A signature counts while its key is among the member's
//!    governors and not revoked: a key that was replaced, lost or stolen no longer does.
//! 3. What was not completed within the parameters' `ballot_days` lapses, and begins anew; so does
//!    what no governor's signature counts for any more.
//! 4. Each governor may begin so many acts that wait: one key cannot take the others' room.
//! 5. Some acts need a second member: both members' governors sign the same act.
//!
//! This module does not know what the act does: its rules are checked with every signature, so
//! that a governor learns at once what the last one would.

use hefu_primitives::hash::hash;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Domain, H32, Millis, Region};

use super::membership::{MEMBERS, Member, MemberState};
use super::records::{ENDORSEMENTS, Endorsement, KEYS, KeyState, Role};
use crate::code::Code;
use crate::exec::Context;

/// Most acts that one governor began and that wait at a time.
pub const MAX_PENDING: usize = 64;
/// Most waiting acts of one member that are looked at: those of three governors, and of keys
/// replaced since the last act began to wait.
const MAX_SCANNED: usize = 1_024;

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
            endorsement.is_some_and(|e| !lapsed(ctx, &e) && is_complete(ctx, member, &e))
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

/// Every member there is or was: one for each province, of which there are fewer than the limit.
pub(crate) fn members(ctx: &Context<'_, '_>) -> Vec<Member> {
    let limit = hefu_primitives::bounds::MAX_VALIDATORS.saturating_mul(2);
    ctx.state.scan(&MEMBERS, &(), limit).into_iter().map(|(_, member)| member).collect()
}

/// The members that propose and vote on what is proposed now.
pub(crate) fn active_members(ctx: &Context<'_, '_>) -> Vec<Region> {
    let active = |m: &Member| m.state == MemberState::Active;
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
        None => open(ctx, &member)?,
    };
    if endorsement.signers.contains(&ctx.signer.key_id) {
        return Err(Code::AlreadyEndorsed);
    }
    endorsement.signers.push(ctx.signer.key_id);
    ctx.state.put(&ENDORSEMENTS, &key, &endorsement);
    let progress = format!("{}_of_{}", count(ctx, &member, &endorsement), member.threshold);
    ctx.emit("endorsed", format!("act:{act}"), vec![progress]);
    Ok(is_complete(ctx, &member, &endorsement))
}

/// A new endorsement, after those of the member that can no longer be completed were cleared away.
fn open(ctx: &mut Context<'_, '_>, member: &Member) -> Result<Endorsement, Code> {
    let waiting = ctx.state.scan(&ENDORSEMENTS, &member.region, MAX_SCANNED);
    let over = |e: &Endorsement| lapsed(ctx, e) || count(ctx, member, e) == 0;
    let (gone, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, e)| over(e));
    for (_, endorsement) in &gone {
        ctx.state.delete(&ENDORSEMENTS, &(member.region, endorsement.act));
    }
    let own = left.iter().filter(|(_, e)| e.signers.first() == Some(&ctx.signer.key_id)).count();
    if own >= MAX_PENDING {
        return Err(Code::NotYetApplicable);
    }
    let act = digest(ctx.act_bytes);
    Ok(Endorsement { act, closes_at: closes_at(ctx), signers: Vec::new() })
}

fn lapsed(ctx: &Context<'_, '_>, endorsement: &Endorsement) -> bool {
    endorsement.closes_at < ctx.block.time
}

/// Signatures that count. Rule 2.
fn count(ctx: &Context<'_, '_>, member: &Member, endorsement: &Endorsement) -> usize {
    let stands = |signer: &&hefu_primitives::KeyId| {
        let key = ctx.state.get(&KEYS, *signer);
        member.governors.contains(signer) && key.is_some_and(|key| key.state != KeyState::Revoked)
    };
    endorsement.signers.iter().filter(stands).count()
}

fn is_complete(ctx: &Context<'_, '_>, member: &Member, endorsement: &Endorsement) -> bool {
    count(ctx, member, endorsement) >= usize::from(member.threshold.max(1))
}
