//! The seal registry: which electronic seals an authority seals its certificates with, and when each
//! was in force.
//!
//! Rules:
//! 1. An authority registers its own seals; whose seal it is, is part of its key, so nobody takes
//!    another's id. Who took over from it ([`succeeds`]) suspends and revokes them in its place.
//! 2. An issuer that keeps a registry seals with what stands in it: a seal that is unknown there, was
//!    not in force when it sealed, or is of other certificates, is refused with `E340`. Without a
//!    registry evidence of a seal is taken as it is.
//! 3. A seal that was stolen is revoked as of then: what it sealed since is contradicted, and a
//!    decision that says otherwise is flagged. What it sealed before stands.
//!
//! This module does not verify seals: that is done outside, by whoever has the file.

use hefu_primitives::time::Day;
use hefu_primitives::{H32, Height, Millis, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::records::SealEvidence;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::{Role, succeeds};
use crate::state::{StateView, Table};

/// Seals by their owner and the digest of their id.
pub const SEALS: Table<(Uscc, H32), Seal> = Table::proven(0x26);

/// Most changes of a seal's state.
const MAX_SEAL_CHANGES: usize = 64;

/// Whether a seal may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SealState {
    /// In force.
    #[n(0)]
    Active,
    /// Not for the time being.
    #[n(1)]
    Suspended,
    /// Never again.
    #[n(2)]
    Revoked,
}

/// A change of a seal's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct SealChange {
    /// The new state.
    #[n(0)]
    pub state: SealState,
    /// Since when.
    #[n(1)]
    pub since: Millis,
    /// Reason code.
    #[n(2)]
    pub reason: u16,
    /// When it was recorded.
    #[n(3)]
    pub stamp: Stamp,
}

/// A registered seal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Seal {
    /// What was registered.
    #[n(0)]
    pub body: RegisterSeal,
    /// Whose it is.
    #[n(1)]
    pub owner: Uscc,
    /// When it was registered.
    #[n(2)]
    pub made: Stamp,
    /// Changes of its state, oldest first.
    #[n(3)]
    pub changes: Vec<SealChange>,
}

impl Seal {
    /// The state at a time, as known at a height.
    pub fn state_at(&self, time: Millis, height: Height) -> SealState {
        let known = |c: &&SealChange| c.stamp.height <= height && c.since <= time;
        self.changes.iter().rfind(known).map_or(SealState::Active, |change| change.state)
    }

    /// Whether evidence of a seal agrees with it: in force when it sealed, and of its certificates.
    pub fn bears_out(&self, evidence: &SealEvidence, height: Height) -> bool {
        let (at, body) = (evidence.signed_at, &self.body);
        let day = Day::of_beijing(at);
        (body.valid_from..=body.valid_until).contains(&day)
            && self.state_at(at, height) == SealState::Active
            && (body.maker_cert, body.signer_cert) == (evidence.maker_cert, evidence.signer_cert)
    }
}

/// What the registry says of evidence of an issuer's seal, as known at a height; none when the
/// issuer had no registry by then.
pub fn seal_borne_out(
    view: &dyn StateView,
    issuer: &Uscc,
    evidence: &SealEvidence,
    height: Height,
) -> Option<bool> {
    let known = |seal: &Seal| seal.made.height <= height;
    match SEALS.read_shared(view, &(*issuer, evidence.seal_id)).filter(|seal| known(seal)) {
        Some(seal) => Some(seal.bears_out(evidence, height)),
        None => {
            let all = SEALS.read_all(view, issuer, MAX_SEALS);
            all.iter().any(|(_, seal)| known(seal)).then_some(false)
        }
    }
}

/// Most seals of an authority.
const MAX_SEALS: usize = 256;

/// Registers a seal of the signer's authority.
///
/// Who: issuer. Pre: not registered yet (`E114`); digests that are not zero, days in order, and at
/// most 256 seals (`E118`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterSeal {
    /// Digest of the seal's id.
    #[n(0)]
    pub seal_id: H32,
    /// Digest of its maker's certificate.
    #[n(1)]
    pub maker_cert: H32,
    /// Digest of the certificate it signs with.
    #[n(2)]
    pub signer_cert: H32,
    /// First day.
    #[n(3)]
    pub valid_from: Day,
    /// Last day.
    #[n(4)]
    pub valid_until: Day,
}

impl RegisterSeal {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Issuer)?;
        let owner = ctx.actor();
        let zero = [self.seal_id, self.maker_cert, self.signer_cert].contains(&H32::ZERO);
        let full = ctx.state.scan(&SEALS, &owner, MAX_SEALS).len() >= MAX_SEALS;
        if zero || full || self.valid_until < self.valid_from {
            return Err(Code::BadField);
        }
        if ctx.state.has(&SEALS, &(owner, self.seal_id)) {
            return Err(Code::IdReused);
        }
        let (made, changes) = (ctx.stamp_now(), Vec::new());
        let seal = Seal { body: self.clone(), owner, made, changes };
        ctx.state.put(&SEALS, &(owner, self.seal_id), &seal);
        ctx.emit("seal_registered", subject(&self.seal_id), Vec::new());
        Ok(())
    }
}

/// Suspends, resumes or revokes a seal of the signer's authority, or of one it took over from.
///
/// Who: issuer of the seal's owner or its successor (`E321`). Pre: registered (`E341`); not revoked, another state than now, and with room in its
/// history (`E342`); a reason (`E322`); `since` not in the future (`E112`) and not before the change
/// before it (`E118`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSealState {
    /// Digest of the seal's id.
    #[n(0)]
    pub seal_id: H32,
    /// The new state.
    #[n(1)]
    pub state: SealState,
    /// Since when.
    #[n(2)]
    pub since: Millis,
    /// Reason code, not zero.
    #[n(3)]
    pub reason: u16,
    /// Whose seal it is; none for the signer's own.
    #[n(4)]
    pub owner: Option<Uscc>,
}

impl SetSealState {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Issuer)?;
        let owner = self.owner.unwrap_or_else(|| ctx.actor());
        if !succeeds(&*ctx.state, &owner, &ctx.actor()) {
            return Err(Code::NotIssuer);
        }
        let key = (owner, self.seal_id);
        let mut seal = ctx.state.get(&SEALS, &key).ok_or(Code::UnknownSeal)?;
        let now = seal.changes.last().map_or(SealState::Active, |change| change.state);
        let room = MAX_SEAL_CHANGES.saturating_sub(usize::from(self.state != SealState::Revoked));
        if now == SealState::Revoked || now == self.state || seal.changes.len() >= room {
            return Err(Code::SealStateInvalid);
        }
        super::change::require_reason(self.reason)?;
        let stamp = ctx.stamp(self.since)?;
        if seal.changes.last().is_some_and(|last| self.since < last.since) {
            return Err(Code::BadField);
        }
        let (state, since, reason) = (self.state, self.since, self.reason);
        seal.changes.push(SealChange { state, since, reason, stamp });
        ctx.state.put(&SEALS, &key, &seal);
        let kind = match self.state {
            SealState::Active => "seal_resumed",
            SealState::Suspended => "seal_suspended",
            SealState::Revoked => "seal_revoked",
        };
        ctx.emit(kind, subject(&self.seal_id), vec![format!("reason_{}", self.reason)]);
        Ok(())
    }
}

fn subject(id: &H32) -> String {
    format!("seal:{id}")
}
