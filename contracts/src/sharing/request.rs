//! Requests for access to a catalogue entry.
//!
//! ```text
//! –            ─ request ─▶ SUBMITTED                (unconditional sharing: GRANTED at once)
//! SUBMITTED    ─ acknowledge ─▶ UNDER_REVIEW
//! SUBMITTED | UNDER_REVIEW ─ grant ─▶ GRANTED | PARTLY_GRANTED
//!                          ─ deny ─▶ DENIED
//!                          ─ return (once) ─▶ RETURNED ─ request again ─▶ SUBMITTED
//!                          ─ withdraw ─▶ WITHDRAWN
//! ```
//!
//! Silence is never an answer: `ACK_LATE` and `OVERDUE` are derived ([`super::clock`]), and no
//! state follows from them.
//!
//! This module does not know what a grant allows later: see [`super::grant`].

use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Id16, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::catalogue::{Basis, CATALOGUE, Catalogue, CatalogueState, ShareKind, Sla};
use super::{clock, grant, signs_for};
use crate::certificate::SCENARIOS;
use crate::code::Code;
use crate::common::{EvidenceRef, Stamp};
use crate::exec::Context;
use crate::identity::authority::check_code;
use crate::identity::{Parameters, Role};
use crate::state::Table;

/// Requests by id.
pub const REQUESTS: Table<Id16, Request> = Table::proven(0x33);
/// Requests for a catalogue entry.
pub const REQUESTS_BY_CATALOGUE: Table<(String, Id16), ()> = Table::unproven(0xb4);
/// Requests of a consumer.
pub const REQUESTS_BY_CONSUMER: Table<(Uscc, Id16), ()> = Table::unproven(0xb5);

/// What data is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum PurposeKind {
    /// Handling cases of a service item: each use should name its case.
    #[n(0)]
    Item,
    /// A standing duty, such as supervision, that has no cases.
    #[n(1)]
    Duty,
}

/// The purpose of a request: an item or duty in the consumer's mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// Whether uses belong to cases.
    #[n(0)]
    pub kind: PurposeKind,
    /// The item's or duty's base code.
    #[n(1)]
    pub code: BaseCode,
}

/// Which fields, how often, how long: what a request asks and a grant gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// Digest of the sorted list of fields.
    #[n(0)]
    pub fields_digest: H32,
    /// How many fields.
    #[n(1)]
    pub field_count: u16,
    /// Most uses on a Beijing day.
    #[n(2)]
    pub per_day: u32,
    /// First day.
    #[n(3)]
    pub from: Day,
    /// Last day.
    #[n(4)]
    pub until: Day,
}

impl Extent {
    /// Whether this stays within what was asked. The ledger sees counts and digests alone: as many
    /// fields as asked must be the same fields, and fewer cannot be the same.
    pub fn is_within(&self, asked: &Extent) -> bool {
        let fields = match self.field_count.cmp(&asked.field_count) {
            core::cmp::Ordering::Less => self.fields_digest != asked.fields_digest,
            core::cmp::Ordering::Equal => self.fields_digest == asked.fields_digest,
            core::cmp::Ordering::Greater => false,
        };
        fields
            && self.per_day <= asked.per_day
            && asked.from <= self.from
            && self.until <= asked.until
    }

    /// Counts and a digest that are not zero.
    pub(super) fn check(&self) -> Result<(), Code> {
        let empty = self.field_count == 0 || self.per_day == 0 || self.fields_digest == H32::ZERO;
        if empty { Err(Code::BadField) } else { Ok(()) }
    }
}

/// A request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Waits for the provider.
    #[n(0)]
    Submitted,
    /// The provider is looking at it.
    #[n(1)]
    UnderReview,
    /// Granted as asked.
    #[n(2)]
    Granted,
    /// Granted in part.
    #[n(3)]
    PartlyGranted,
    /// Denied.
    #[n(4)]
    Denied,
    /// Sent back for what is missing.
    #[n(5)]
    Returned,
    /// Withdrawn by the consumer.
    #[n(6)]
    Withdrawn,
}

impl RequestState {
    /// Whether the provider still owes an answer.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Submitted | Self::UnderReview)
    }
}

/// What a returned request lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The legal basis.
    #[n(0)]
    LegalBasis,
    /// A clear purpose.
    #[n(1)]
    Purpose,
    /// The list of fields.
    #[n(2)]
    Fields,
    /// The term or frequency.
    #[n(3)]
    Extent,
    /// Security conditions on the consumer's side.
    #[n(4)]
    Security,
}

/// Asks for access; asks again with the same id after a return. Of unconditionally shared data the
/// grant follows in the same act.
///
/// Who: a consumer key.
///
/// Errors: `E106` · `E118` counts or digests of zero, or one's own data · `E504` no such entry ·
/// `E506` not published, or not in this version · `E511` not shared · `E507` important data without consent · `E512` purpose outside the
/// mandate · `E334` no such scenario · `E513` term over a year, backwards, or begun · `E114` id
/// used.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestAccess {
    /// Random id; a grant will carry the same.
    #[n(0)]
    pub req_id: Id16,
    /// The catalogue entry.
    #[n(1)]
    pub cat_id: String,
    /// Its current version, as the consumer read it.
    #[n(2)]
    pub cat_version: u16,
    /// What for.
    #[n(3)]
    pub purpose: Purpose,
    /// Legal basis of the use.
    #[n(4)]
    pub legal_basis: Basis,
    /// What is asked for.
    #[n(5)]
    pub extent: Extent,
    /// The scenario it serves, if one.
    #[n(6)]
    pub scenario: Option<u32>,
}

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Request {
    /// What is asked, in its last wording.
    #[n(0)]
    pub body: RequestAccess,
    /// Who asks.
    #[n(1)]
    pub consumer: Uscc,
    /// Who answers.
    #[n(2)]
    pub provider: Uscc,
    /// State.
    #[n(3)]
    pub state: RequestState,
    /// The provider's limits when it was submitted.
    #[n(4)]
    pub sla: Sla,
    /// When it was submitted, the last time.
    #[n(5)]
    pub submitted: Stamp,
    /// When it was acknowledged.
    #[n(6)]
    pub acknowledged: Option<Stamp>,
    /// When it was granted, denied, returned or withdrawn.
    #[n(7)]
    pub closed: Option<Stamp>,
    /// What was missing when it was returned; stays after it is submitted again.
    #[n(8)]
    pub returned: Option<Missing>,
    /// Why it was denied.
    #[n(9)]
    pub denial: Option<Denial>,
}

impl RequestAccess {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Consumer)?;
        self.extent.check()?;
        let returned = self.returned_before(ctx)?;
        let catalogue = ctx.state.get(&CATALOGUE, &self.cat_id).ok_or(Code::UnknownCatalogue)?;
        self.check(&catalogue, ctx)?;
        let request = Request {
            body: self.clone(),
            consumer: ctx.actor(),
            provider: catalogue.provider,
            state: RequestState::Submitted,
            sla: catalogue.entry.sla,
            submitted: ctx.stamp_now(),
            acknowledged: None,
            closed: None,
            returned,
            denial: None,
        };
        ctx.state.put(&REQUESTS_BY_CATALOGUE, &(self.cat_id.clone(), self.req_id), &());
        ctx.state.put(&REQUESTS_BY_CONSUMER, &(request.consumer, self.req_id), &());
        let flags = returned.map(|_| "resubmitted".to_owned());
        ctx.emit("access_requested", subject(&self.req_id), flags.into_iter().collect());
        match catalogue.entry.share {
            ShareKind::Unconditional => grant::give(ctx, request, &self.extent, true),
            _ => ctx.state.put(&REQUESTS, &self.req_id, &request),
        }
        Ok(())
    }

    /// What was missing before, when this is a returned request submitted again.
    fn returned_before(&self, ctx: &Context<'_, '_>) -> Result<Option<Missing>, Code> {
        match ctx.state.get(&REQUESTS, &self.req_id) {
            None => Ok(None),
            Some(before)
                if before.state == RequestState::Returned
                    && before.consumer == ctx.actor()
                    && before.body.cat_id == self.cat_id =>
            {
                Ok(before.returned)
            }
            Some(_) => Err(Code::IdReused),
        }
    }

    fn check(&self, catalogue: &Catalogue, ctx: &Context<'_, '_>) -> Result<(), Code> {
        if catalogue.state != CatalogueState::Published
            || catalogue.entry.version != self.cat_version
        {
            return Err(Code::CatalogueState);
        }
        if catalogue.entry.share == ShareKind::NotShared {
            return Err(Code::NotShared);
        }
        if catalogue.awaits_consent() {
            return Err(Code::ConsentMissing);
        }
        if catalogue.provider == ctx.actor() || !self.legal_basis.is_given() {
            return Err(Code::BadField);
        }
        if self.scenario.is_some_and(|id| !ctx.state.has(&SCENARIOS, &id)) {
            return Err(Code::UnknownScenario);
        }
        if !ctx.signer.authority.may_handle.contains(&self.purpose.code) {
            return Err(Code::PurposeOutsideMandate);
        }
        let Extent { from, until, .. } = self.extent;
        let last = from.add_days(i64::from(ctx.parameters.grant_term_days).saturating_sub(1));
        let today = Day::of_beijing(ctx.block.time);
        if from < today || until < from || last.is_none_or(|last| until > last) {
            return Err(Code::TermInvalid);
        }
        Ok(())
    }
}

/// The provider has a request in its hands.
///
/// Who: a provider key of the entry's provider or its successor.
///
/// Errors: `E106` · `E517` no such request · `E519` another's · `E518` not newly submitted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The request.
    #[n(0)]
    pub req_id: Id16,
}

impl Acknowledge {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut request = open_for_provider(ctx, &self.req_id)?;
        if request.state != RequestState::Submitted {
            return Err(Code::RequestState);
        }
        request.state = RequestState::UnderReview;
        request.acknowledged = Some(ctx.stamp_now());
        let flags = clock::acknowledgement_flags(ctx, &request);
        ctx.state.put(&REQUESTS, &self.req_id, &request);
        ctx.emit("request_acknowledged", subject(&self.req_id), flags);
        Ok(())
    }
}

/// Why a request is denied: the code of §3.9, and what that code must come with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// 1 not needed for the purpose · 2 fields excessive · 3 the law forbids it (with `basis`) ·
    /// 4 data not held (with `holder`) · 5 security conditions unmet · 6 already available ·
    /// 99 other (with `evidence`).
    #[n(0)]
    pub reason: u16,
    /// The law that forbids it.
    #[n(1)]
    pub basis: Option<Basis>,
    /// Who holds the data.
    #[n(2)]
    pub holder: Option<Uscc>,
    /// Evidence.
    #[n(3)]
    pub evidence: Option<EvidenceRef>,
}

impl Denial {
    fn check(&self, parameters: &Parameters) -> Result<(), Code> {
        let known = match self.reason {
            3 => self.basis.is_some(),
            4 => self.holder.is_some(),
            99 => self.evidence.is_some(),
            reason => matches!(reason, 1 | 2 | 5 | 6),
        };
        let given = self.basis.is_none_or(|basis| basis.is_given())
            && self.evidence.is_none_or(|evidence| evidence.is_given());
        if !known || !given {
            return Err(Code::DenialReasonRequired);
        }
        self.holder.map_or(Ok(()), |holder| check_code(&holder, parameters))
    }
}

/// Denies a request.
///
/// Who: a provider key of the entry's provider or its successor.
///
/// Errors: `E106` · `E517` · `E519` · `E518` already answered · `E515` the reason is unknown, or
/// lacks what it must come with · `E222` the holder is no authority's code.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The request.
    #[n(0)]
    pub req_id: Id16,
    /// Why.
    #[n(1)]
    pub denial: Denial,
}

impl Deny {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut request = open_for_provider(ctx, &self.req_id)?;
        self.denial.check(ctx.parameters)?;
        request.denial = Some(self.denial);
        close(ctx, request, RequestState::Denied, "request_denied");
        Ok(())
    }
}

/// Sends a request back for what it lacks; possible once.
///
/// Who: a provider key of the entry's provider or its successor.
///
/// Errors: `E106` · `E517` · `E519` · `E518` already answered · `E516` returned before.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnRequest {
    /// The request.
    #[n(0)]
    pub req_id: Id16,
    /// What is missing.
    #[n(1)]
    pub missing: Missing,
}

impl ReturnRequest {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut request = open_for_provider(ctx, &self.req_id)?;
        if request.returned.is_some() {
            return Err(Code::SecondReturn);
        }
        request.returned = Some(self.missing);
        close(ctx, request, RequestState::Returned, "request_returned");
        Ok(())
    }
}

/// Withdraws one's own request.
///
/// Who: a consumer key of the authority that asked, or its successor.
///
/// Errors: `E106` · `E517` · `E520` another's · `E518` already answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// The request.
    #[n(0)]
    pub req_id: Id16,
}

impl WithdrawRequest {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Consumer)?;
        let request = ctx.state.get(&REQUESTS, &self.req_id).ok_or(Code::UnknownRequest)?;
        if !signs_for(ctx, request.consumer) {
            return Err(Code::NotConsumer);
        }
        if !request.state.is_open() {
            return Err(Code::RequestState);
        }
        close(ctx, request, RequestState::Withdrawn, "request_withdrawn");
        Ok(())
    }
}

/// A request that waits for the signer's answer as provider.
pub(super) fn open_for_provider(ctx: &Context<'_, '_>, id: &Id16) -> Result<Request, Code> {
    ctx.require(Role::Provider)?;
    let request = ctx.state.get(&REQUESTS, id).ok_or(Code::UnknownRequest)?;
    if !signs_for(ctx, request.provider) {
        return Err(Code::NotProvider);
    }
    if !request.state.is_open() {
        return Err(Code::RequestState);
    }
    Ok(request)
}

/// Ends the wait for an answer, and flags an answer that came late.
pub(super) fn close(
    ctx: &mut Context<'_, '_>,
    mut request: Request,
    state: RequestState,
    kind: &str,
) {
    request.state = state;
    request.closed = Some(ctx.stamp_now());
    let flags = clock::answer_flags(ctx, &request);
    let id = request.body.req_id;
    ctx.state.put(&REQUESTS, &id, &request);
    ctx.emit(kind, subject(&id), flags);
}

fn subject(id: &Id16) -> String {
    format!("req:{id}")
}
