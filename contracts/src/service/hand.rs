//! The acts by which a case passes from the receiving window to the authority that decides, and is
//! accepted there.
//!
//! What is handed over is a list of salted commitments to documents. The handler states the list
//! it received; only the same list is a receipt, any other must be sent back.

use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, H32, Id16, Millis};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::case::{Case, CaseEnd, CaseState, HandoverRecord, SupplementRecord};
use super::{HANDOVER_DAYS, SUPPLEMENT_DAYS, as_handler, as_receiver, put};
use crate::clock;
use crate::code::Code;
use crate::exec::Context;

/// Most documents in one list.
pub const MAX_DOCUMENTS: usize = 64;

/// The digest of a list of commitments to documents.
pub fn list_digest(documents: &[H32]) -> H32 {
    let parts: Vec<&[u8]> =
        documents.iter().map(|document| document.as_bytes().as_slice()).collect();
    hash(Domain::Digest, &parts)
}

/// A list that can be compared: ascending, none twice, none zero.
fn check_list(documents: &[H32]) -> Result<(), Code> {
    let listed = (1..=MAX_DOCUMENTS).contains(&documents.len())
        && documents.is_sorted_by(|a, b| a < b)
        && !documents.contains(&H32::ZERO);
    if listed { Ok(()) } else { Err(Code::BadField) }
}

/// Sends a checked case to its handler; the handover clock begins.
///
/// Who: the receiver, with a window key.
///
/// Errors: `E106` · `E619` no such case · `E621` another's · `E620` not ready · `E118` the list is
/// empty, not ascending, or longer than 64 · `E111` no calendar for the clock · `E112`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitments to the documents, ascending.
    #[n(1)]
    pub documents: Vec<H32>,
    /// When it was sent.
    #[n(2)]
    pub occurred_at: Millis,
}

impl Handover {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_receiver(ctx, &self.case_id, &[CaseState::Ready])?;
        check_list(&self.documents)?;
        clock::begin(ctx, HANDOVER_DAYS)?;
        case.handover = Some(HandoverRecord {
            list: list_digest(&self.documents),
            count: u16::try_from(self.documents.len()).unwrap_or(u16::MAX),
            sent: ctx.stamp(self.occurred_at)?,
            answered: None,
            rejected: 0,
        });
        case.state = CaseState::HandedOver;
        put(ctx, &case, "case_handed_over", Vec::new());
        Ok(())
    }
}

/// The handler has what was handed over.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` another's · `E620` not handed over · `E607` another list than
/// the one handed over · `E112`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveHandover {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitments to the documents received, ascending.
    #[n(1)]
    pub documents: Vec<H32>,
    /// When it was received.
    #[n(2)]
    pub occurred_at: Millis,
}

impl ReceiveHandover {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::HandedOver])?;
        let mut handover = case.handover.ok_or(Code::CaseState)?;
        if list_digest(&self.documents) != handover.list {
            return Err(Code::DigestListDiffers);
        }
        let stamp = ctx.stamp(self.occurred_at)?;
        let flags = handover_flags(ctx, &handover);
        handover.answered = Some(stamp);
        case.handover = Some(handover);
        case.arrived = Some(stamp);
        case.state = CaseState::AtHandler;
        put(ctx, &case, "case_received", flags);
        Ok(())
    }
}

/// Sends a handover back.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not handed over · `E606` no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectHandover {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Reason code: 1 the list differs · 2 unreadable · 3 incomplete · 4 not this authority's ·
    /// 99 other.
    #[n(1)]
    pub reason: u16,
}

impl RejectHandover {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::HandedOver])?;
        let mut handover = case.handover.ok_or(Code::CaseState)?;
        if !matches!(self.reason, 1..=4 | 99) {
            return Err(Code::RefusalReasonRequired);
        }
        let mut flags = vec![format!("reason_{}", self.reason)];
        flags.extend(handover_flags(ctx, &handover));
        handover.answered = Some(ctx.stamp_now());
        handover.rejected = self.reason;
        case.handover = Some(handover);
        case.sent_back = case.sent_back.saturating_add(1);
        case.state = CaseState::Ready;
        put(ctx, &case, "case_sent_back", flags);
        Ok(())
    }
}

fn handover_flags(ctx: &Context<'_, '_>, handover: &HandoverRecord) -> Vec<String> {
    let calendar = clock::calendars(&*ctx.state);
    let late = clock::limit(calendar, handover.sent.time, HANDOVER_DAYS, ctx.block.time).1;
    clock::late_flag(late, "handover_late")
}

/// Accepts a case (受理); the decision clocks begin.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not with the handler · `E111` no calendar for the
/// legal limit · `E112`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// When it was accepted.
    #[n(1)]
    pub occurred_at: Millis,
}

impl AcceptCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::AtHandler])?;
        clock::begin(ctx, case.limits.legal_days)?;
        case.accepted = Some(ctx.stamp(self.occurred_at)?);
        case.state = CaseState::Accepted;
        put(ctx, &case, "case_accepted", Vec::new());
        Ok(())
    }
}

/// Does not accept a case (不予受理).
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not with the handler · `E606` no reason, or no digest
/// of the notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Reason code, not zero.
    #[n(1)]
    pub reason: u16,
    /// Digest of the notice that says why.
    #[n(2)]
    pub notice: H32,
}

impl DeclineCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::AtHandler])?;
        if self.reason == 0 || self.notice == H32::ZERO {
            return Err(Code::RefusalReasonRequired);
        }
        case.state = CaseState::ClosedNotAccepted;
        let stamp = ctx.stamp_now();
        case.end = Some(CaseEnd { reason: self.reason, digest: self.notice, stamp });
        put(ctx, &case, "case_not_accepted", vec![format!("reason_{}", self.reason)]);
        Ok(())
    }
}

/// Asks the applicant for all that is missing (补正), once.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not with the handler · `E608` asked before · `E118` no
/// digest of the notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskSupplement {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Digest of the notice that lists all that is missing.
    #[n(1)]
    pub notice: H32,
}

impl AskSupplement {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::AtHandler])?;
        if case.supplement.is_some() {
            return Err(Code::SecondSupplement);
        }
        if self.notice == H32::ZERO {
            return Err(Code::BadField);
        }
        let flags = supplement_flags(ctx, &case);
        let asked = ctx.stamp_now();
        let notice = self.notice;
        case.supplement = Some(SupplementRecord { notice, asked, list: None, answered: None });
        case.state = CaseState::Supplement;
        put(ctx, &case, "supplement_asked", flags);
        Ok(())
    }
}

fn supplement_flags(ctx: &Context<'_, '_>, case: &Case) -> Vec<String> {
    let begun = case.arrived.map_or(ctx.block.time, |stamp| stamp.time);
    let calendar = clock::calendars(&*ctx.state);
    let late = clock::limit(calendar, begun, SUPPLEMENT_DAYS, ctx.block.time).1;
    clock::late_flag(late, "supplement_late")
}

/// Passes on what the applicant supplied.
///
/// Who: the receiver, with a window key; of an online case with a handler key.
///
/// Errors: `E106` · `E619` · `E621` · `E620` nothing was asked for · `E118` the list is empty, not
/// ascending, or longer than 64.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplement {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitments to the documents, ascending.
    #[n(1)]
    pub documents: Vec<H32>,
}

impl Supplement {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_receiver(ctx, &self.case_id, &[CaseState::Supplement])?;
        check_list(&self.documents)?;
        let stamp = ctx.stamp_now();
        if let Some(supplement) = &mut case.supplement {
            supplement.list = Some(list_digest(&self.documents));
            supplement.answered = Some(stamp);
        }
        case.state = CaseState::AtHandler;
        put(ctx, &case, "case_supplemented", Vec::new());
        Ok(())
    }
}
