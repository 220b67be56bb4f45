//! A member's machines: its validator key, its node key, where its node is.

use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Millis, PublicKey, Region, Signature, Validator};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::candidate::check_addresses;
use super::proof::{KeyPurpose, MemberProof};
use super::records::{Member, keep_member, subject};
use super::{is_taken, present};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::endorse::{endorse, require_governor};
use crate::identity::validators::{is_scheduled, schedule_validators};

/// Least block time between two replacements of one member's validator key, in milliseconds. One
/// change of validators fits a block: a member that replaced its key in every block would keep the
/// others from theirs, and every set it leaves is kept for evidence.
pub const ROTATION_DISTANCE_MS: u64 = DAY_MS;

/// Replaces a member's validator key: the new one decides from the second next block on, until then
/// the old one does.
///
/// Who: the member's own governors (`E221`). Pre: the key is new (`E204`), registrable and signed
/// the [`MemberProof`] of the change (`E207`); the last one was a day ago (`E216`); no other change
/// of validators in this block (`E117`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateValidator {
    /// The member.
    #[n(0)]
    pub member: Region,
    /// The new key.
    #[n(1)]
    pub key: PublicKey,
    /// The new key's signature.
    #[n(2)]
    pub possession: Signature,
}

impl RotateValidator {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut member = own(ctx, self.member)?;
        let purpose = KeyPurpose::Validator;
        check_new(ctx, &member, purpose, (member.validator_key, self.key), &self.possession)?;
        let rested = |at: Millis| ctx.block.time.0 >= at.0.saturating_add(ROTATION_DISTANCE_MS);
        if !member.rotated_at.is_none_or(rested) {
            return Err(Code::RotationTooSoon);
        }
        if !endorse(ctx)? {
            return Ok(());
        }
        if is_scheduled(ctx.state, self.member) {
            let replaced = |v: &Validator| match v.region == self.member {
                true => Validator { key: self.key, ..*v },
                false => *v,
            };
            schedule_validators(ctx.state, |set| set.iter().map(replaced).collect())?;
        }
        let flag = format!("to_{}", self.key.id());
        member.validator_key = self.key;
        member.rotated_at = Some(ctx.block.time);
        keep_member(ctx, &member);
        ctx.emit("validator_rotated", subject(self.member), vec![flag]);
        Ok(())
    }
}

/// Changes a member's node: its key, where other nodes dial it, or both.
///
/// Who: the member's own governors (`E221`). Pre: something changes and the addresses are such
/// (`E118`); a new key is new (`E204`), registrable and signed the [`MemberProof`] of the change
/// (`E207`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetNode {
    /// The member.
    #[n(0)]
    pub member: Region,
    /// The node key from now on, and its signature when it is a new one.
    #[n(1)]
    pub key: PublicKey,
    /// The new key's signature; none when the key stays.
    #[n(2)]
    pub possession: Option<Signature>,
    /// Where other nodes dial it, as `host:port`.
    #[n(3)]
    pub addresses: Vec<String>,
}

impl SetNode {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut member = own(ctx, self.member)?;
        check_addresses(&self.addresses)?;
        let new = self.key != member.node_key;
        let moved = member.addresses.as_ref() != Some(&self.addresses);
        if !(new || moved) || new != self.possession.is_some() {
            return Err(Code::BadField);
        }
        if let Some(possession) = &self.possession {
            check_new(ctx, &member, KeyPurpose::Node, (member.node_key, self.key), possession)?;
        }
        if endorse(ctx)? {
            member.node_key = self.key;
            member.addresses = Some(self.addresses.clone());
            keep_member(ctx, &member);
            let flag = if new { "key" } else { "addresses" };
            ctx.emit("node_changed", subject(self.member), vec![flag.to_owned()]);
        }
        Ok(())
    }
}

fn own(ctx: &Context<'_, '_>, region: Region) -> Result<Member, Code> {
    let member = require_governor(ctx)?;
    if member.region == region { present(ctx, region) } else { Err(Code::NotOwn) }
}

fn check_new(
    ctx: &Context<'_, '_>,
    member: &Member,
    purpose: KeyPurpose,
    change: (PublicKey, PublicKey),
    possession: &Signature,
) -> Result<(), Code> {
    let (_, new) = change;
    let own = new == member.validator_key || new == member.node_key;
    if own || is_taken(ctx, &new, member.region) {
        return Err(Code::KeysNotDistinct);
    }
    let statement = MemberProof::of_change(ctx.block.chain, member.region, purpose, change);
    if new.is_registrable() && statement.verify(&new, possession) {
        Ok(())
    } else {
        Err(Code::BadPossession)
    }
}
