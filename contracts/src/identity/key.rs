//! Keys of authorities: bound with a proof of possession, rotated with an overlap, revoked.
//!
//! Rules:
//! 1. A key belongs to one authority and has one set of roles for its whole life. Validator and
//!    node keys are never bound; the governor role comes with membership, and passes on by
//!    rotation alone.
//! 2. The key itself signs what it is bound to ([`Possession`]): nobody binds another's key.
//! 3. At most four active keys for each role of an authority.
//! 4. A cosigner has no other role, belongs to a member's operator, and signs no act.
//! 5. Every founder's governors get their keys on the same day, so all terms would end on the same
//!    day: for [`GOVERNOR_GRACE_DAYS`] after its term a governor's key may still sign rotations of
//!    its member's keys, and nothing else. After that only the other members help
//!    ([`super::membership::ReplaceGovernors`]).
//! 6. A record tells of any time whether the key was accepted then
//!    ([`KeyRecord::was_accepted_at`]).

use hefu_primitives::codec::Canonical;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{ChainId, Domain, KeyId, KeyPair, Millis, PublicKey, Signature, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::authority::governed;
use super::coordinator::may_coordinate;
use super::endorse::{endorse, members, require_governor};
use super::membership::{Member, keep_member};
use super::records::{
    AUTHORITIES, AuthorityState, KEYS, KEYS_BY_OWNER, KeyRecord, KeyRevocation, KeyState,
    LIVE_KEYS, RevocationReason, Role,
};
use crate::code::Code;
use crate::exec::Context;
use crate::state::{State, StateView};

/// Most active keys of an authority for each role.
pub const MAX_KEYS_PER_ROLE: usize = 4;
/// Days after the term of a governor's key in which it may still hand over to new ones.
pub const GOVERNOR_GRACE_DAYS: u64 = 90;
/// Most active keys of an authority: four for each role there is, and its governors.
const MAX_LIVE: usize = 64;
/// Most keys of an authority that a list shows.
pub const MAX_LISTED: usize = 4_096;

/// What a key signs to prove that whoever registers it has it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Possession {
    /// The ledger.
    #[n(0)]
    pub chain: ChainId,
    /// The authority it is to belong to.
    #[n(1)]
    pub owner: Uscc,
    /// What it may sign, sorted.
    #[n(2)]
    pub roles: Vec<Role>,
    /// Start of its term.
    #[n(3)]
    pub not_before: Millis,
    /// End of its term.
    #[n(4)]
    pub not_after: Millis,
}

impl Possession {
    /// Signs the statement.
    pub fn sign(&self, key: &KeyPair) -> Signature {
        key.sign_tagged(Domain::Possession, &[&self.to_bytes()])
    }

    /// Whether `key` signed the statement.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, signature: &Signature) -> bool {
        key.verify_tagged(Domain::Possession, &[&self.to_bytes()], signature)
    }
}

/// Binds a key to an authority.
///
/// Who: governors of its member. Pre: the authority is known (`E229`), the member's own (`E221`)
/// and active (`E227`); roles are sorted, distinct and without governor, and a cosigner has no
/// other and belongs to the member's operator, a coordinator no other and to an authority of the
/// centre (`E237`); the term is in
/// order, not over, and neither longer nor further ahead than the parameters allow (`E236`); the key is new and no
/// validator's or node's (`E235`); it signed its [`Possession`] and is registrable (`E231`); at
/// most four active keys a role (`E232`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindKey {
    /// The authority.
    #[n(0)]
    pub owner: Uscc,
    /// The key.
    #[n(1)]
    pub key: PublicKey,
    /// What it may sign, sorted.
    #[n(2)]
    pub roles: Vec<Role>,
    /// First block time it is accepted at.
    #[n(3)]
    pub not_before: Millis,
    /// Last block time it is accepted at.
    #[n(4)]
    pub not_after: Millis,
    /// The key's signature over its [`Possession`].
    #[n(5)]
    pub possession: Signature,
}

impl BindKey {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        governed(ctx, &self.owner, AuthorityState::Active)?;
        check_roles(&self.roles)?;
        let cosigns = self.roles.contains(&Role::Cosigner);
        if cosigns && (self.roles.len() > 1 || self.owner != require_governor(ctx)?.operator) {
            return Err(Code::RolesInvalid);
        }
        let coordinates = self.roles.contains(&Role::Coordinator);
        if coordinates && (self.roles.len() > 1 || !may_coordinate(&self.owner)) {
            return Err(Code::RolesInvalid);
        }
        let new = NewKey { key: self.key, owner: self.owner, roles: &self.roles };
        new.check(ctx, (self.not_before, self.not_after), &self.possession)?;
        check_room(ctx.state, &self.owner, &self.roles, ctx.block.time)?;
        if endorse(ctx)? {
            new.bind(ctx, (self.not_before, self.not_after));
            ctx.emit("key_bound", subject(&self.key.id()), role_flags(&self.roles));
        }
        Ok(())
    }
}

/// Replaces a key by a new one with the same owner and roles. The old one is accepted until its
/// overlap ends; a governor's is replaced at once.
///
/// Who: governors of the owner's member; for a governor's key too, the lost one not among them.
/// Pre: the old key is known (`E104`), the member's own (`E221`), active and its term not over, or a
/// governor's still in its place (`E233`); the overlap is within the parameters (`E233`); for the new key as
/// [`BindKey`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// The old key.
    #[n(0)]
    pub old: KeyId,
    /// The new key.
    #[n(1)]
    pub key: PublicKey,
    /// First block time the new key is accepted at.
    #[n(2)]
    pub not_before: Millis,
    /// Last block time the new key is accepted at.
    #[n(3)]
    pub not_after: Millis,
    /// For how many days the old key is still accepted.
    #[n(4)]
    pub overlap_days: u16,
    /// The new key's signature over its [`Possession`].
    #[n(5)]
    pub possession: Signature,
}

impl RotateKey {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let (member, mut old) = own_key(ctx, &self.old)?;
        governed(ctx, &old.owner, AuthorityState::Active)?;
        let in_place = member.governors.contains(&self.old);
        let live = old.state == KeyState::Active && ctx.block.time <= old.not_after;
        if !(live || in_place) || self.overlap_days > ctx.parameters.key_overlap_days {
            return Err(Code::RotationInvalid);
        }
        let roles = old.roles.clone();
        let new = NewKey { key: self.key, owner: old.owner, roles: &roles };
        new.check(ctx, (self.not_before, self.not_after), &self.possession)?;
        if !endorse(ctx)? {
            return Ok(());
        }
        new.bind(ctx, (self.not_before, self.not_after));
        if old.state == KeyState::Active {
            let overlap = u64::from(self.overlap_days).saturating_mul(DAY_MS);
            old.state = KeyState::Retiring;
            old.retires_at = Some(Millis(ctx.block.time.0.saturating_add(overlap)));
            ctx.state.put(&KEYS, &self.old, &old);
            ctx.state.delete(&LIVE_KEYS, &old.live_row());
        }
        if in_place {
            replace_governor(ctx, member, &self.old, self.key.id());
        }
        ctx.emit("key_rotated", subject(&self.old), vec![format!("to_{}", self.key.id())]);
        Ok(())
    }
}

/// Revokes a key. A key that ceased or was lost may still turn out to have been compromised.
///
/// Who: governors of the owner's member. Pre: known (`E104`), the member's own (`E221`), not yet
/// revoked (`E105`); `since` exactly with a compromise (`E118`) and not after block time (`E234`);
/// enough other governors remain to govern (`E233`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// The key.
    #[n(0)]
    pub key: KeyId,
    /// Why.
    #[n(1)]
    pub reason: RevocationReason,
    /// Since when it was in other hands.
    #[n(2)]
    pub since: Option<Millis>,
}

impl RevokeKey {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let (member, key) = own_key(ctx, &self.key)?;
        self.check(ctx, &member, &key)?;
        if !endorse(ctx)? {
            return Ok(());
        }
        revoke(ctx, key, self.reason, self.since);
        Ok(())
    }

    fn check(&self, ctx: &Context<'_, '_>, member: &Member, key: &KeyRecord) -> Result<(), Code> {
        let compromised = self.reason == RevocationReason::Compromised;
        let again = key
            .revocation
            .is_some_and(|earlier| !compromised || earlier.reason == RevocationReason::Compromised);
        if again {
            return Err(Code::KeyNotActive);
        }
        if compromised != self.since.is_some() {
            return Err(Code::BadField);
        }
        if self.since.is_some_and(|since| since > ctx.block.time) {
            return Err(Code::CompromiseInFuture);
        }
        if member.governors.contains(&self.key) && !governable_without(ctx, member, &self.key) {
            return Err(Code::RotationInvalid);
        }
        Ok(())
    }
}

/// Revokes a key.
pub(super) fn revoke(
    ctx: &mut Context<'_, '_>,
    mut key: KeyRecord,
    reason: RevocationReason,
    since: Option<Millis>,
) {
    let (id, height, at) = (key.key.id(), ctx.block.height, ctx.block.time);
    let since = since.unwrap_or(at);
    key.first_revocation = key.revocation;
    key.revocation = Some(KeyRevocation { reason, since, height, at });
    key.state = KeyState::Revoked;
    ctx.state.put(&KEYS, &id, &key);
    ctx.state.delete(&LIVE_KEYS, &key.live_row());
    let reason = match reason {
        RevocationReason::Ceased => "ceased",
        RevocationReason::Lost => "lost",
        RevocationReason::Compromised => "compromised",
    };
    ctx.emit("key_revoked", subject(&id), vec![reason.to_owned()]);
}

/// A key that is about to be bound.
pub(super) struct NewKey<'a> {
    pub(super) key: PublicKey,
    pub(super) owner: Uscc,
    pub(super) roles: &'a [Role],
}

impl NewKey<'_> {
    pub(super) fn check(
        &self,
        ctx: &Context<'_, '_>,
        (not_before, not_after): (Millis, Millis),
        signature: &Signature,
    ) -> Result<(), Code> {
        check_term(ctx, (not_before, not_after))?;
        let taken = |m: &Member| self.key == m.validator_key || self.key == m.node_key;
        if ctx.state.has(&KEYS, &self.key.id()) || members(ctx).iter().any(taken) {
            return Err(Code::KeyExists);
        }
        let (chain, owner, roles) = (ctx.block.chain, self.owner, self.roles.to_vec());
        let statement = Possession { chain, owner, roles, not_before, not_after };
        if !self.key.is_registrable() || !statement.verify(&self.key, signature) {
            return Err(Code::BadKeyPossession);
        }
        Ok(())
    }

    pub(super) fn bind(
        &self,
        ctx: &mut Context<'_, '_>,
        (not_before, not_after): (Millis, Millis),
    ) {
        let record = KeyRecord {
            key: self.key,
            owner: self.owner,
            roles: self.roles.to_vec(),
            not_before,
            not_after,
            state: KeyState::Active,
            retires_at: None,
            revocation: None,
            bound_at: ctx.block.height,
            bound_time: ctx.block.time,
            first_revocation: None,
        };
        store_key(ctx.state, &record);
    }
}

/// Stores an active key, and where it is found.
pub(super) fn store_key(state: &mut State<'_>, record: &KeyRecord) {
    let id = record.key.id();
    if let Some(before) = state.get(&KEYS, &id) {
        state.delete(&LIVE_KEYS, &before.live_row());
    }
    state.put(&KEYS, &id, record);
    state.put(&KEYS_BY_OWNER, &(record.owner, id), &());
    state.put(&LIVE_KEYS, &record.live_row(), &());
}

/// Checks a key's term: in order, not over, neither longer nor further ahead than allowed.
pub(super) fn check_term(
    ctx: &Context<'_, '_>,
    (not_before, not_after): (Millis, Millis),
) -> Result<(), Code> {
    let longest = u64::from(ctx.parameters.key_term_days).saturating_mul(DAY_MS);
    let term = not_after.0.checked_sub(not_before.0).ok_or(Code::KeyTerm)?;
    let late = not_before.0 > ctx.block.time.0.saturating_add(longest);
    if term == 0 || term > longest || late || not_after <= ctx.block.time {
        return Err(Code::KeyTerm);
    }
    Ok(())
}

/// Keys an authority had, in the order of their ids: at most [`MAX_LISTED`].
pub fn keys_of(view: &dyn StateView, owner: &Uscc) -> Vec<KeyRecord> {
    let (from, to) = KEYS_BY_OWNER.range(owner);
    read_keys(view, view.scan(&from, &to, MAX_LISTED))
}

/// Keys of an authority that are neither replaced nor revoked, and whose term is not over.
fn live_keys(view: &dyn StateView, owner: &Uscc, now: Millis) -> Vec<KeyRecord> {
    let (from, _) = LIVE_KEYS.range(&(*owner, now));
    let (_, to) = LIVE_KEYS.range(owner);
    read_keys(view, view.scan(&from, &to, MAX_LIVE))
}

fn read_keys(view: &dyn StateView, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<KeyRecord> {
    let id = |key: &[u8]| key.last_chunk::<{ KeyId::LEN }>().copied().map(KeyId);
    rows.iter().filter_map(|(key, _)| KEYS.read(view, &id(key)?)).collect()
}

fn check_roles(roles: &[Role]) -> Result<(), Code> {
    let ordered = roles.is_sorted_by(|a, b| a < b);
    if roles.is_empty() || !ordered || roles.contains(&Role::Governor) {
        return Err(Code::RolesInvalid);
    }
    Ok(())
}

/// Rule 3. A key whose term is over, or that retires, takes no room.
fn check_room(view: &dyn StateView, owner: &Uscc, roles: &[Role], now: Millis) -> Result<(), Code> {
    let keys = live_keys(view, owner, now);
    let full = |role: &Role| {
        keys.iter().filter(|key| key.roles.contains(role)).count() >= MAX_KEYS_PER_ROLE
    };
    if keys.len() >= MAX_LIVE || roles.iter().any(full) {
        return Err(Code::TooManyKeys);
    }
    Ok(())
}

/// A key whose owner is the governor's own.
fn own_key(ctx: &Context<'_, '_>, id: &KeyId) -> Result<(Member, KeyRecord), Code> {
    let member = require_governor(ctx)?;
    let key = ctx.state.get(&KEYS, id).ok_or(Code::UnknownKey)?;
    let owner = ctx.state.get(&AUTHORITIES, &key.owner).ok_or(Code::UnknownAuthority)?;
    if owner.member == member.region { Ok((member, key)) } else { Err(Code::NotOwn) }
}

/// Whether the member's other governors still reach its threshold.
pub(super) fn governable_without(ctx: &Context<'_, '_>, member: &Member, gone: &KeyId) -> bool {
    let accepted = |id: &&KeyId| {
        *id != gone
            && ctx.state.get(&KEYS, id).is_some_and(|key| key.is_accepted_at(ctx.block.time))
    };
    member.governors.iter().filter(accepted).count() >= usize::from(member.threshold)
}

fn replace_governor(ctx: &mut Context<'_, '_>, mut member: Member, old: &KeyId, new: KeyId) {
    for governor in member.governors.iter_mut().filter(|governor| *governor == old) {
        *governor = new;
    }
    keep_member(ctx, &member);
}

fn subject(key: &KeyId) -> String {
    format!("key:{key}")
}

fn role_flags(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.name().to_owned()).collect()
}
