//! What becomes of an attestation: suspension, resumption, revocation, reaffirmation, and the
//! destruction of its salt.
//!
//! Rules:
//! 1. Only the issuer acts, or the authority that took over from it (`E321`).
//! 2. The five ways of revoking differ in law and are kept apart; only annulment reaches back
//!    before its own decision, at most to the day of issue.
//! 3. What ended stays ended (`E325`): an erroneous revocation is corrected by a new attestation.
//! 4. Changes take effect in the order they are recorded, annulment apart; reaffirmation changes no
//!    status and orders nothing. A certificate with a long history of suspensions can still be
//!    ended.

use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, KeyId, Millis};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::attest::subject;
use super::records::{
    ATTESTATIONS, Attestation, ChangeKind, MAX_CHANGES, REAFFIRMED, ReaffirmedSpan, RevocationKind,
    StatusChange,
};
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::exec::Context;
use crate::identity::{KEYS, Role, succeeds};

/// Most attestations reaffirmed by one act.
pub const MAX_REAFFIRMED: usize = 128;
/// Most reaffirmed spans of one key.
pub const MAX_SPANS: usize = 64;

/// Suspends a certificate (暂扣).
///
/// Who: issuer of the attestation's issuer or its successor (`E321`). Pre: known (`E318`); not
/// ended (`E325`); not suspended, and with room in its history (`E320`); a reason (`E322`); in
/// effect by today, not before the day of issue or an earlier change, and not after `until`
/// (`E307`), and not before the day it was decided (`E323`); it did not happen in the future
/// (`E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendAttestation {
    /// The attestation.
    #[n(0)]
    pub id: Id16,
    /// Reason code, not zero.
    #[n(1)]
    pub reason: u16,
    /// First day.
    #[n(2)]
    pub effective: Day,
    /// Last day, if it ends by itself.
    #[n(3)]
    pub until: Option<Day>,
    /// When it was decided, as the signer says.
    #[n(4)]
    pub occurred_at: Millis,
}

impl SuspendAttestation {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        self.apply_for(ctx, None)
    }

    /// Applies the act, in answer to a request if there is one.
    pub(super) fn apply_for(
        &self,
        ctx: &mut Context<'_, '_>,
        request: Option<Id16>,
    ) -> Result<(), Code> {
        let mut attestation = own(ctx, &self.id)?;
        require_reason(self.reason)?;
        if standing(ctx, &attestation)? == Standing::Suspended {
            return Err(Code::BadState);
        }
        if self.until.is_some_and(|until| until < self.effective) {
            return Err(Code::BadDates);
        }
        in_order(ctx, &attestation, self.effective)?;
        not_before_decided(ctx, self.effective, self.occurred_at)?;
        let kind = ChangeKind::Suspended { reason: self.reason, until: self.until };
        record_for(ctx, &mut attestation, (kind, self.effective), self.occurred_at, request)?;
        ctx.emit("attestation_suspended", subject(&self.id), reason_flag(self.reason));
        Ok(())
    }
}

/// Ends a suspension (暂扣发还).
///
/// Who and pre: as [`SuspendAttestation`], but suspended (`E320`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeAttestation {
    /// The attestation.
    #[n(0)]
    pub id: Id16,
    /// Reason code, not zero.
    #[n(1)]
    pub reason: u16,
    /// First day on which it is good again.
    #[n(2)]
    pub effective: Day,
    /// When it was decided, as the signer says.
    #[n(3)]
    pub occurred_at: Millis,
}

impl ResumeAttestation {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut attestation = own(ctx, &self.id)?;
        require_reason(self.reason)?;
        if standing(ctx, &attestation)? != Standing::Suspended {
            return Err(Code::BadState);
        }
        in_order(ctx, &attestation, self.effective)?;
        not_before_decided(ctx, self.effective, self.occurred_at)?;
        let kind = ChangeKind::Resumed { reason: self.reason };
        record(ctx, &mut attestation, kind, self.effective, self.occurred_at)?;
        ctx.emit("attestation_resumed", subject(&self.id), reason_flag(self.reason));
        Ok(())
    }
}

/// Revokes a certificate for good.
///
/// Who: issuer of the attestation's issuer or its successor (`E321`). Pre: known (`E318`); not
/// ended (`E325`); a reason (`E322`); with evidence when the kind is other (`E324`); in effect by
/// today and not before the day of issue (`E307`); retroactive, or in effect before the day it was
/// decided, only when annulled as such (`E323`); it did not happen in the future (`E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeAttestation {
    /// The attestation.
    #[n(0)]
    pub id: Id16,
    /// How.
    #[n(1)]
    pub kind: RevocationKind,
    /// First day on which it is revoked.
    #[n(2)]
    pub effective: Day,
    /// Whether it reaches back before its own decision.
    #[n(3)]
    #[serde(default)]
    pub retroactive: bool,
    /// Reason code, not zero.
    #[n(4)]
    pub reason: u16,
    /// Evidence.
    #[n(5)]
    pub evidence: Option<EvidenceRef>,
    /// When it was decided, as the signer says.
    #[n(6)]
    pub occurred_at: Millis,
}

impl RevokeAttestation {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        self.apply_for(ctx, None)
    }

    /// Applies the act, in answer to a request if there is one.
    pub(super) fn apply_for(
        &self,
        ctx: &mut Context<'_, '_>,
        request: Option<Id16>,
    ) -> Result<(), Code> {
        let mut attestation = own(ctx, &self.id)?;
        require_reason(self.reason)?;
        standing(ctx, &attestation)?;
        let proven = self.evidence.is_some_and(|evidence| evidence.commit != H32::ZERO);
        if (self.kind == RevocationKind::Other || self.evidence.is_some()) && !proven {
            return Err(Code::KindInvalid);
        }
        if self.effective > ctx.today() || self.effective < attestation.issued_on {
            return Err(Code::BadDates);
        }
        if self.retroactive {
            if self.kind != RevocationKind::Annul {
                return Err(Code::RetroactiveNotAllowed);
            }
        } else {
            not_before_decided(ctx, self.effective, self.occurred_at)?;
        }
        let (reason, evidence) = (self.reason, self.evidence);
        let (kind, retroactive) = (self.kind, self.retroactive);
        let change = ChangeKind::Revoked { kind, reason, retroactive, evidence };
        record_for(ctx, &mut attestation, (change, self.effective), self.occurred_at, request)?;
        ctx.emit("attestation_revoked", subject(&self.id), self.flags());
        Ok(())
    }

    fn flags(&self) -> Vec<String> {
        let kind = match self.kind {
            RevocationKind::Annul => "annul",
            RevocationKind::Penalty => "penalty",
            RevocationKind::Deregister => "deregister",
            RevocationKind::Lapse => "lapse",
            RevocationKind::Other => "other",
        };
        let mut flags = vec![kind.to_owned()];
        flags.extend(reason_flag(self.reason));
        if self.retroactive {
            flags.push("retroactive".to_owned());
        }
        flags
    }
}

/// What is reaffirmed after a compromise.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReaffirmScope {
    /// These attestations, one by one.
    #[n(0)]
    Attestations(#[n(0)] Vec<Id16>),
    /// All acts of a key in a span of block time.
    #[n(1)]
    Span {
        /// The compromised key.
        #[n(0)]
        key: KeyId,
        /// First block time.
        #[n(1)]
        from: Millis,
        /// Last block time.
        #[n(2)]
        to: Millis,
    },
}

/// Stands by acts of a compromised key, with a key that is good.
///
/// Who: issuer of the same authority or its successor (`E321`). Pre: one to 128 different
/// attestations (`E118`) that are known (`E318`), in question (`E333`) and with room (`E320`); or a
/// key that is known (`E104`) and compromised, and a span in order that begins in what is in
/// question and ends before the key was revoked (`E333`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaffirm {
    /// What.
    #[n(0)]
    pub scope: ReaffirmScope,
}

impl Reaffirm {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Issuer)?;
        match &self.scope {
            ReaffirmScope::Attestations(ids) => {
                if ids.is_empty() || ids.len() > MAX_REAFFIRMED {
                    return Err(Code::BadField);
                }
                ids.iter().try_for_each(|id| reaffirm_one(ctx, id))
            }
            ReaffirmScope::Span { key, from, to } => reaffirm_span(ctx, key, *from, *to),
        }
    }
}

fn reaffirm_one(ctx: &mut Context<'_, '_>, id: &Id16) -> Result<(), Code> {
    let mut attestation = own(ctx, id)?;
    if !attestation.is_questioned(&*ctx.state, ctx.today(), ctx.block.height) {
        return Err(Code::NotQuestioned);
    }
    let (today, now) = (ctx.today(), ctx.block.time);
    record(ctx, &mut attestation, ChangeKind::Reaffirmed, today, now)?;
    ctx.emit("attestation_reaffirmed", subject(id), Vec::new());
    Ok(())
}

fn reaffirm_span(
    ctx: &mut Context<'_, '_>,
    id: &KeyId,
    from: Millis,
    to: Millis,
) -> Result<(), Code> {
    let key = ctx.state.get(&KEYS, id).ok_or(Code::UnknownKey)?;
    if !succeeds(&*ctx.state, &key.owner, &ctx.actor()) {
        return Err(Code::NotIssuer);
    }
    let ended = key.first_revocation.or(key.revocation).map_or(Millis(0), |first| first.at);
    let stamp = ctx.stamp_now();
    if from > to || to > ended || !key.questions(from) {
        return Err(Code::NotQuestioned);
    }
    let mut reaffirmed = ctx.state.get(&REAFFIRMED, id).unwrap_or_default();
    if reaffirmed.spans.len() >= MAX_SPANS {
        return Err(Code::BadState);
    }
    reaffirmed.spans.push(ReaffirmedSpan { from, to, stamp });
    ctx.state.put(&REAFFIRMED, id, &reaffirmed);
    ctx.emit("key_acts_reaffirmed", format!("key:{id}"), Vec::new());
    Ok(())
}

/// Records that an attestation's salt was destroyed: what it commits to can no longer be opened,
/// and rightly so. No reason is given; the record itself stays as it is.
///
/// Who: issuer of the attestation's issuer or its successor (`E321`). Pre: known (`E318`), and not
/// yet recorded (`E320`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaltDestroyed {
    /// The attestation.
    #[n(0)]
    pub id: Id16,
}

impl SaltDestroyed {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut attestation = own(ctx, &self.id)?;
        if attestation.salt_destroyed.is_some() {
            return Err(Code::BadState);
        }
        attestation.salt_destroyed = Some(ctx.stamp_now());
        ctx.state.put(&ATTESTATIONS, &self.id, &attestation);
        ctx.emit("salt_destroyed", subject(&self.id), Vec::new());
        Ok(())
    }
}

/// Whether a certificate can still change, and how it stands today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Suspended,
}

/// An attestation of the signer's own, or of one it took over from. Rule 1.
pub(super) fn own(ctx: &Context<'_, '_>, id: &Id16) -> Result<Attestation, Code> {
    ctx.require(Role::Issuer)?;
    let found = ctx.state.get(&ATTESTATIONS, id).ok_or(Code::UnknownAttestation)?;
    if succeeds(&*ctx.state, &found.issuer, &ctx.actor()) {
        Ok(found)
    } else {
        Err(Code::NotIssuer)
    }
}

/// Rule 3. Being superseded from a later day on does not yet end anything.
pub(super) fn standing(ctx: &Context<'_, '_>, attestation: &Attestation) -> Result<Standing, Code> {
    let decided = attestation.decided(ctx.today(), ctx.block.height);
    match decided.map(|(_, change)| change.kind) {
        Some(ChangeKind::Suspended { .. }) => Ok(Standing::Suspended),
        Some(kind) if kind.ends() => Err(Code::Terminal),
        _ => Ok(Standing::Good),
    }
}

/// Rule 4: not before what took effect already, not after today.
fn in_order(ctx: &Context<'_, '_>, attestation: &Attestation, effective: Day) -> Result<(), Code> {
    let today = ctx.today();
    let orders = |change: &&StatusChange| change.kind != ChangeKind::Reaffirmed;
    let earlier = attestation.changes.iter().filter(orders).map(|change| change.effective);
    let last = earlier.filter(|day| *day <= today).fold(attestation.issued_on, Day::max);
    if (last..=today).contains(&effective) { Ok(()) } else { Err(Code::BadDates) }
}

/// Rule 2, for all but annulment.
fn not_before_decided(
    ctx: &Context<'_, '_>,
    effective: Day,
    occurred_at: Millis,
) -> Result<(), Code> {
    let decided = Day::of_beijing(ctx.stamp(occurred_at)?.occurred_at);
    if effective < decided { Err(Code::RetroactiveNotAllowed) } else { Ok(()) }
}

/// Adds a change. The last two places are for what ends a certificate.
pub(super) fn record(
    ctx: &mut Context<'_, '_>,
    attestation: &mut Attestation,
    kind: ChangeKind,
    effective: Day,
    occurred_at: Millis,
) -> Result<(), Code> {
    record_for(ctx, attestation, (kind, effective), occurred_at, None)
}

fn record_for(
    ctx: &mut Context<'_, '_>,
    attestation: &mut Attestation,
    (kind, effective): (ChangeKind, Day),
    occurred_at: Millis,
    request: Option<Id16>,
) -> Result<(), Code> {
    let ends = kind.ends();
    let room = if ends { MAX_CHANGES } else { MAX_CHANGES.saturating_sub(2) };
    if attestation.changes.len() >= room {
        return Err(Code::BadState);
    }
    let stamp = ctx.stamp(occurred_at)?;
    attestation.changes.push(StatusChange { kind, effective, stamp, by: ctx.actor(), request });
    ctx.state.put(&ATTESTATIONS, &attestation.id, attestation);
    Ok(())
}

pub(super) fn require_reason(reason: u16) -> Result<(), Code> {
    if reason == 0 { Err(Code::ReasonRequired) } else { Ok(()) }
}

fn reason_flag(reason: u16) -> Vec<String> {
    vec![format!("reason_{reason}")]
}
