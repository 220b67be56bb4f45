//! What the other members do for a member that lost its keys: new governors, and revocation of a
//! key that is in other hands.
//!
//! Rules:
//! 1. New governors take the place of all three; what the old ones began no longer counts.
//! 2. The old ones are revoked as lost, or as compromised since a time.
//! 3. A key of a member that is gone may be revoked too: what it signed since then is in question.

use std::collections::BTreeSet;

use hefu_primitives::{KeyId, Millis, PublicKey, Region, Signature};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::candidate::GOVERNORS;
use super::present;
use super::records::{MEMBERS, Member, keep_member, subject};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::key::{NewKey, governable_without, revoke};
use crate::identity::records::{AUTHORITIES, KEYS, KeyRecord, KeyState, RevocationReason, Role};

/// A governor's new key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GovernorKey {
    /// The key.
    #[n(0)]
    pub key: PublicKey,
    /// First block time it is accepted at.
    #[n(1)]
    pub not_before: Millis,
    /// Last block time it is accepted at.
    #[n(2)]
    pub not_after: Millis,
    /// The key's signature over its [`crate::identity::Possession`].
    #[n(3)]
    pub possession: Signature,
}

/// Gives a member new governors.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceGovernors {
    /// The member.
    #[n(0)]
    pub member: Region,
    /// Its three new governors.
    #[n(1)]
    pub governors: Vec<GovernorKey>,
    /// Since when the old keys were in other hands, if they were.
    #[n(2)]
    pub compromised_since: Option<Millis>,
}

impl ReplaceGovernors {
    pub(crate) fn check(&self, ctx: &Context<'_, '_>) -> Result<Member, Code> {
        let member = present(ctx, self.member)?;
        let distinct: BTreeSet<&PublicKey> = self.governors.iter().map(|new| &new.key).collect();
        if self.governors.len() != GOVERNORS || distinct.len() != GOVERNORS {
            return Err(Code::KeysNotDistinct);
        }
        for new in &self.governors {
            let key = NewKey { key: new.key, owner: member.operator, roles: &[Role::Governor] };
            key.check(ctx, (new.not_before, new.not_after), &new.possession)?;
        }
        if self.compromised_since.is_some_and(|since| since > ctx.block.time) {
            return Err(Code::CompromiseInFuture);
        }
        Ok(member)
    }

    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut member = self.check(ctx)?;
        let reason = match self.compromised_since {
            Some(_) => RevocationReason::Compromised,
            None => RevocationReason::Lost,
        };
        for old in &member.governors {
            let Some(key) = ctx.state.get(&KEYS, old) else { continue };
            if may_revoke(&key, reason) {
                revoke(ctx, key, reason, self.compromised_since);
            }
        }
        for new in &self.governors {
            let key = NewKey { key: new.key, owner: member.operator, roles: &[Role::Governor] };
            key.bind(ctx, (new.not_before, new.not_after));
        }
        member.governors = self.governors.iter().map(|new| new.key.id()).collect();
        keep_member(ctx, &member);
        ctx.emit("governors_replaced", subject(self.member), Vec::new());
        Ok(())
    }
}

fn may_revoke(key: &KeyRecord, reason: RevocationReason) -> bool {
    key.state != KeyState::Revoked
        || (reason == RevocationReason::Compromised
            && key.revocation.is_some_and(|earlier| earlier.reason != reason))
}

/// Revokes a compromised key of any member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeByVote {
    /// The key.
    #[n(0)]
    pub key: KeyId,
    /// Since when it was in other hands.
    #[n(1)]
    pub since: Millis,
}

impl RevokeByVote {
    pub(crate) fn check(&self, ctx: &Context<'_, '_>) -> Result<KeyRecord, Code> {
        let key = ctx.state.get(&KEYS, &self.key).ok_or(Code::UnknownKey)?;
        if !may_revoke(&key, RevocationReason::Compromised) {
            return Err(Code::KeyNotActive);
        }
        if self.since > ctx.block.time {
            return Err(Code::CompromiseInFuture);
        }
        let owner = ctx.state.get(&AUTHORITIES, &key.owner).ok_or(Code::UnknownAuthority)?;
        let member = ctx.state.get(&MEMBERS, &owner.member).ok_or(Code::UnknownMember)?;
        let governs = member.is_present() && member.governors.contains(&self.key);
        if governs && !governable_without(ctx, &member, &self.key) {
            return Err(Code::RotationInvalid);
        }
        Ok(key)
    }

    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let key = self.check(ctx)?;
        revoke(ctx, key, RevocationReason::Compromised, Some(self.since));
        Ok(())
    }
}
