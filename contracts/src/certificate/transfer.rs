//! Transfer of a certificate to another province (06 办理转出, 08 转入, 10 取消转出).
//!
//! Rules:
//! 1. The issuer offers it to a province; an authority of that province with the mandate takes it
//!    over by attesting its own certificate. Both sides need the mandate for the type.
//! 2. While it is offered the certificate stays good where it is. An offer lapses by itself after
//!    [`TRANSFER_DAYS`] working days, and ends when the certificate is taken over (also from a later
//!    day on), suspended, revoked, superseded or offered anew.
//! 3. A chain of certificates does not fork: a certificate is transferred once or superseded once.
//!    Being transferred takes effect when the new one is valid: no day without one of the two.
//!
//! The new certificate has an identifier and commitments of its own; this module does not know how
//! the file of the holder gets from one province to the other.

use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, Millis, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::attest::{Attest, subject};
use super::change::{own, record, standing};
use super::records::{
    ATTESTATIONS, Attestation, ChangeKind, MAX_CHANGES, StatusChange, SupersedeReason,
};
use super::status::{Status, status};
use crate::clock;
use crate::code::Code;
use crate::exec::Context;
use crate::identity::MEMBERS;
use crate::state::StateView;

/// Working days that an offer stands.
pub const TRANSFER_DAYS: u16 = 30;

/// An offer that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PendingTransfer {
    /// The province it is offered to.
    pub to: Region,
    /// Since when, by block time.
    pub since: Millis,
    /// Until when; none while the work calendar is missing.
    pub until: Option<Millis>,
}

/// The offer of a certificate that stands about a day, as known at a height.
pub fn pending_transfer(
    view: &dyn StateView,
    attestation: &Attestation,
    day: Day,
    height: Height,
) -> Option<PendingTransfer> {
    let (offer, over) = offer(view, attestation, day, height)?;
    (!over).then_some(offer)
}

/// The last word on a certificate, where that is an offer, and whether it has lapsed.
fn offer(
    view: &dyn StateView,
    attestation: &Attestation,
    day: Day,
    height: Height,
) -> Option<(PendingTransfer, bool)> {
    let (_, change) = attestation.decided(day, height)?;
    let ChangeKind::TransferOffered { to } = change.kind else { return None };
    let takes = |c: &StatusChange| {
        matches!(c.kind, ChangeKind::Transferred { .. }) && c.stamp.height <= height
    };
    if attestation.changes.iter().any(takes) {
        return None;
    }
    let since = change.stamp.time;
    // Limits end at midnight in Beijing, so a day is wholly before or after one.
    let (until, over) = clock::limit(clock::calendars(view), since, TRANSFER_DAYS, day.start());
    Some((PendingTransfer { to, since, until }, over == Some(true)))
}

/// Offers a certificate to another province (办理转出).
///
/// Who: issuer of the attestation's issuer or its successor (`E321`), with the mandate for the type
/// (`E302`). Pre: known (`E318`); not ended (`E325`); not superseded or transferred from a later day
/// on (`E317`); its status good, no offer standing, and room in its history (`E320`); the province
/// another one, a member that acts (`E330`); a calendar for the end of the offer (`E111`); it did
/// not happen in the future (`E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferOut {
    /// The attestation.
    #[n(0)]
    pub id: Id16,
    /// The province that is to take it over.
    #[n(1)]
    pub to: Region,
    /// When it was offered, as the signer says.
    #[n(2)]
    pub occurred_at: Millis,
}

impl TransferOut {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut attestation = own(ctx, &self.id)?;
        if !ctx.signer.authority.may_issue.contains(&attestation.type_code) {
            return Err(Code::NoMandate);
        }
        let member = ctx.state.get(&MEMBERS, &self.to);
        if self.to == ctx.region() || !member.is_some_and(|member| member.acts()) {
            return Err(Code::TransferRegion);
        }
        standing(ctx, &attestation)?;
        if attestation.followed_by().is_some() {
            return Err(Code::Fork);
        }
        let (today, height) = (ctx.today(), ctx.block.height);
        let answer = status(&*ctx.state, &attestation, today, height);
        let good = answer.is_some_and(|a| a.status == Status::Active && a.transfer.is_none());
        if !good {
            return Err(Code::BadState);
        }
        clock::begin(ctx, TRANSFER_DAYS)?;
        let kind = ChangeKind::TransferOffered { to: self.to };
        record(ctx, &mut attestation, kind, today, self.occurred_at)?;
        ctx.emit("transfer_offered", subject(&self.id), vec![format!("to_{}", self.to)]);
        Ok(())
    }
}

/// Takes an offer back (取消转出).
///
/// Who: issuer of the attestation's issuer or its successor (`E321`). Pre: known (`E318`); offered
/// (`E331`), and not lapsed (`E332`); it did not happen in the future (`E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelTransfer {
    /// The attestation.
    #[n(0)]
    pub id: Id16,
    /// When it was taken back, as the signer says.
    #[n(1)]
    pub occurred_at: Millis,
}

impl CancelTransfer {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut attestation = own(ctx, &self.id)?;
        standing_offer(ctx, &attestation)?;
        let today = ctx.today();
        let kind = ChangeKind::TransferCancelled;
        record(ctx, &mut attestation, kind, today, self.occurred_at)?;
        ctx.emit("transfer_cancelled", subject(&self.id), Vec::new());
        Ok(())
    }
}

/// Takes a certificate over from another province (转入): attests its own, in the place of the one
/// that was offered, whose reason is `transfer`.
///
/// Who: issuer of an authority of the province it was offered to (`E331`). Pre: those of `Attest`;
/// a previous one, with that reason, that is known and of the same type (`E309`), offered (`E331`),
/// not lapsed (`E332`), not superseded or transferred already (`E317`), and not in question
/// (`E320`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferIn {
    /// The certificate from now on.
    #[n(0)]
    pub attestation: Attest,
}

impl TransferIn {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let certificate = &self.attestation;
        let stamp = certificate.admit(ctx)?;
        let previous = certificate.previous.filter(|p| p.reason == SupersedeReason::Transfer);
        let previous = previous.ok_or(Code::PrevInvalid)?;
        let mut old = ctx.state.get(&ATTESTATIONS, &previous.id).ok_or(Code::PrevInvalid)?;
        if old.type_code != certificate.type_code {
            return Err(Code::PrevInvalid);
        }
        if old.followed_by().is_some() {
            return Err(Code::Fork);
        }
        if standing_offer(ctx, &old)?.to != ctx.region() {
            return Err(Code::NotTransferring);
        }
        let questioned = old.is_questioned(&*ctx.state, ctx.today(), ctx.block.height);
        if questioned || old.changes.len() >= MAX_CHANGES {
            return Err(Code::BadState);
        }
        old.changes.push(StatusChange {
            kind: ChangeKind::Transferred { by: certificate.id },
            effective: certificate.valid_from.max(ctx.today()),
            stamp,
            by: ctx.actor(),
            request: None,
        });
        ctx.state.put(&ATTESTATIONS, &old.id, &old);
        let flag = format!("by_{}", certificate.id);
        ctx.emit("attestation_transferred", subject(&old.id), vec![flag]);
        certificate.keep(ctx, stamp);
        Ok(())
    }
}

fn standing_offer(
    ctx: &Context<'_, '_>,
    attestation: &Attestation,
) -> Result<PendingTransfer, Code> {
    match offer(&*ctx.state, attestation, ctx.today(), ctx.block.height) {
        None => Err(Code::NotTransferring),
        Some((_, true)) => Err(Code::TransferLapsed),
        Some((offer, false)) => Ok(offer),
    }
}
