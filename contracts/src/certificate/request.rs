//! Requests to an issuer of another province to suspend or revoke a certificate: a licence that was
//! detained at the roadside, an inspection that found its holder unfit.
//!
//! Rules:
//! 1. Only the issuer's key ever changes a status: a request changes nothing, and obliges to an
//!    answer within the working days it names.
//! 2. An answer is the change that was asked for, in one act with it, or a refusal with a reason.
//!    Change and request name each other.
//! 3. A late answer counts, with a flag; being overdue is derived.
//!
//! This module does not know why the asking authority thinks so: that stays with the evidence.

use hefu_primitives::{Height, Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::change::{RevokeAttestation, SuspendAttestation, own, require_reason, standing};
use super::records::ATTESTATIONS;
use crate::clock;
use crate::code::Code;
use crate::common::{EvidenceRef, MAX_EVIDENCE, Stamp};
use crate::exec::Context;
use crate::identity::{AUTHORITIES, Role, succeeds};
use crate::state::{StateView, Table};

/// Requests by id.
pub const STATUS_REQUESTS: Table<Id16, StatusRequest> = Table::proven(0x23);
/// Requests about an attestation.
pub const REQUESTS_BY_ATTESTATION: Table<(Id16, Id16), ()> = Table::unproven(0xa0);
/// Requests to an issuer, in the order they were recorded.
pub const REQUESTS_BY_ISSUER: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xa1);

/// Fewest and most working days a request may give for its answer.
pub const ANSWER_DAYS: core::ops::RangeInclusive<u16> = 1..=20;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum WantedChange {
    /// Suspend it.
    #[n(0)]
    Suspend,
    /// Revoke it.
    #[n(1)]
    Revoke,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestEnd {
    /// The issuer did it.
    #[n(0)]
    Accepted {
        /// Place of the change in the attestation's history.
        #[n(0)]
        change: u16,
    },
    /// The issuer refused.
    #[n(1)]
    Refused {
        /// Reason code, not zero.
        #[n(0)]
        reason: u16,
        /// Evidence.
        #[n(1)]
        evidence: Option<EvidenceRef>,
    },
    /// Whoever asked took it back.
    #[n(2)]
    Withdrawn,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct StatusRequest {
    /// What was asked.
    #[n(0)]
    pub body: RequestStatus,
    /// Who asks.
    #[n(1)]
    pub by: Uscc,
    /// Its province.
    #[n(2)]
    pub region: Region,
    /// The issuer of the certificate.
    #[n(3)]
    pub issuer: Uscc,
    /// When it was recorded.
    #[n(4)]
    pub made: Stamp,
    /// How it ended.
    #[n(5)]
    pub end: Option<RequestEnd>,
    /// When.
    #[n(6)]
    pub ended: Option<Stamp>,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RequestClock {
    /// When the answer is due; none while the work calendar is missing.
    pub due: Option<Millis>,
    /// Whether there was none by then: at the answer, or now. None when that is not known.
    pub late: Option<bool>,
}

impl StatusRequest {
    /// When its answer is due, and whether it is, or was, late.
    pub fn clock(&self, view: &dyn StateView, now: Millis) -> RequestClock {
        let at = self.ended.map_or(now, |ended| ended.time);
        let (due, late) = clock::limit(clock::calendars(view), self.made.time, self.body.days, at);
        RequestClock { due, late }
    }
}

/// Asks the issuer of a certificate, in another province, to suspend or revoke it.
///
/// Who: a handler's or verifier's key (`E106`). Pre: a new id (`E114`); the attestation is known
/// (`E318`) and not ended (`E325`); its issuer belongs to another province and did not go over to
/// the signer, and the days are 1 to 20 (`E337`); a reason (`E322`); one to eight pieces of evidence
/// that commit to something (`E413`); a calendar for the answer (`E111`); it did not happen in the
/// future (`E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestStatus {
    /// Random id.
    #[n(0)]
    pub request_id: Id16,
    /// The attestation.
    #[n(1)]
    pub att_id: Id16,
    /// What is asked for.
    #[n(2)]
    pub wanted: WantedChange,
    /// Reason code, not zero.
    #[n(3)]
    pub reason: u16,
    /// Evidence, one to eight pieces.
    #[n(4)]
    pub evidence: Vec<EvidenceRef>,
    /// Working days for the answer, 1 to 20.
    #[n(5)]
    pub days: u16,
    /// When the cause arose, as the signer says.
    #[n(6)]
    pub occurred_at: Millis,
}

impl RequestStatus {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Handler).or_else(|_| ctx.require(Role::Verifier))?;
        if ctx.state.has(&STATUS_REQUESTS, &self.request_id) {
            return Err(Code::IdReused);
        }
        let attestation =
            ctx.state.get(&ATTESTATIONS, &self.att_id).ok_or(Code::UnknownAttestation)?;
        let issuer = attestation.issuer;
        let home = ctx.state.get(&AUTHORITIES, &issuer).map(|issuer| issuer.member);
        let own = home == Some(ctx.region()) || succeeds(&*ctx.state, &issuer, &ctx.actor());
        if own || !ANSWER_DAYS.contains(&self.days) {
            return Err(Code::StatusRequestInvalid);
        }
        standing(ctx, &attestation)?;
        require_reason(self.reason)?;
        let given = (1..=MAX_EVIDENCE).contains(&self.evidence.len());
        if !given || !self.evidence.iter().all(EvidenceRef::is_given) {
            return Err(Code::EvidenceRequired);
        }
        clock::begin(ctx, self.days)?;
        let made = ctx.stamp(self.occurred_at)?;
        let (by, region) = (ctx.actor(), ctx.region());
        let (end, ended) = (None, None);
        let request = StatusRequest { body: self.clone(), by, region, issuer, made, end, ended };
        let id = self.request_id;
        ctx.state.put(&STATUS_REQUESTS, &id, &request);
        ctx.state.put(&REQUESTS_BY_ATTESTATION, &(self.att_id, id), &());
        ctx.state.put(&REQUESTS_BY_ISSUER, &(issuer, ctx.block.height, id), &());
        let wanted = match self.wanted {
            WantedChange::Suspend => "suspend",
            WantedChange::Revoke => "revoke",
        };
        ctx.emit("status_requested", subject(&id), vec![wanted.to_owned()]);
        Ok(())
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestAnswer {
    /// The certificate is suspended, by this.
    #[n(0)]
    Suspend(#[n(0)] SuspendAttestation),
    /// The certificate is revoked, by this.
    #[n(1)]
    Revoke(#[n(0)] RevokeAttestation),
    /// It stays as it is.
    #[n(2)]
    Refuse {
        /// Reason code, not zero.
        #[n(0)]
        reason: u16,
        /// Evidence.
        #[n(1)]
        evidence: Option<EvidenceRef>,
    },
}

/// Answers a request: does what was asked, or refuses. An answer that is late counts, with a flag.
///
/// Who: issuer of the attestation's issuer or its successor (`E321`). Pre: the request is known
/// (`E335`) and open (`E336`); the change is the one that was asked for, of that certificate
/// (`E337`), with the preconditions of `SuspendAttestation` or `RevokeAttestation`; a refusal has a
/// reason (`E322`), and evidence only that commits to something (`E413`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerStatusRequest {
    /// The request.
    #[n(0)]
    pub request_id: Id16,
    /// The answer.
    #[n(1)]
    pub answer: RequestAnswer,
}

impl AnswerStatusRequest {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let request = open(ctx, &self.request_id)?;
        let attestation = own(ctx, &request.body.att_id)?;
        let place = attestation.changes.len();
        let (wanted, att_id) = (request.body.wanted, request.body.att_id);
        let change = u16::try_from(place).unwrap_or(u16::MAX);
        let accepted = RequestEnd::Accepted { change };
        let end = match &self.answer {
            RequestAnswer::Suspend(act) if wanted == WantedChange::Suspend && act.id == att_id => {
                act.apply_for(ctx, Some(self.request_id))?;
                accepted
            }
            RequestAnswer::Revoke(act) if wanted == WantedChange::Revoke && act.id == att_id => {
                act.apply_for(ctx, Some(self.request_id))?;
                accepted
            }
            RequestAnswer::Refuse { reason, evidence } => {
                require_reason(*reason)?;
                if evidence.is_some_and(|evidence| !evidence.is_given()) {
                    return Err(Code::EvidenceRequired);
                }
                RequestEnd::Refused { reason: *reason, evidence: *evidence }
            }
            _ => return Err(Code::StatusRequestInvalid),
        };
        let late = request.clock(&*ctx.state, ctx.block.time).late;
        let kind = match end {
            RequestEnd::Refused { .. } => "status_request_refused",
            _ => "status_request_accepted",
        };
        close(ctx, request, end);
        ctx.emit(kind, subject(&self.request_id), clock::late_flag(late, "late_answer"));
        Ok(())
    }
}

/// Takes a request back.
///
/// Who: a handler's or verifier's key (`E106`) of the authority that asked, or its successor
/// (`E337`). Pre: the request is known (`E335`) and open (`E336`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawStatusRequest {
    /// The request.
    #[n(0)]
    pub request_id: Id16,
}

impl WithdrawStatusRequest {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Handler).or_else(|_| ctx.require(Role::Verifier))?;
        let request = open(ctx, &self.request_id)?;
        if !succeeds(&*ctx.state, &request.by, &ctx.actor()) {
            return Err(Code::StatusRequestInvalid);
        }
        close(ctx, request, RequestEnd::Withdrawn);
        ctx.emit("status_request_withdrawn", subject(&self.request_id), Vec::new());
        Ok(())
    }
}

fn open(ctx: &Context<'_, '_>, id: &Id16) -> Result<StatusRequest, Code> {
    let request = ctx.state.get(&STATUS_REQUESTS, id).ok_or(Code::UnknownStatusRequest)?;
    if request.end.is_some() { Err(Code::StatusRequestState) } else { Ok(request) }
}

fn close(ctx: &mut Context<'_, '_>, request: StatusRequest, end: RequestEnd) {
    let id = request.body.request_id;
    let request = StatusRequest { end: Some(end), ended: Some(ctx.stamp_now()), ..request };
    ctx.state.put(&STATUS_REQUESTS, &id, &request);
}

fn subject(id: &Id16) -> String {
    format!("srq:{id}")
}
