//! The acts between acceptance and the archive: pauses, an extension, the decision, its way to the
//! applicant.

use hefu_primitives::{H32, Id16, Millis, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::case::{
    Automated, Case, CaseDecision, CaseEnd, CaseOutcome, CaseState, Extension, PauseKind,
    PauseRecord,
};
use super::clock::{case_clocks, legal_due};
use super::{DELIVERY_DAYS, EXTENSION_DAYS, MAX_PAUSES, as_handler, as_receiver, put};
use crate::certificate::ATTESTATIONS;
use crate::clock;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::AUTHORITIES;

/// Most reasons of one decision.
const MAX_REASONS: usize = 8;

/// Pauses the decision clocks for one of the causes the law names.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` no such case · `E622` another's · `E620` not accepted · `E609` no days,
/// more than the item allows, or paused 16 times · `E111` no calendar for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Why.
    #[n(1)]
    pub kind: PauseKind,
    /// For how many working days at most.
    #[n(2)]
    pub days: u16,
}

impl PauseCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::Accepted])?;
        let allowed = (1..=case.limits.pause_days).contains(&self.days);
        if !allowed || case.limits.instant || case.pauses.len() >= MAX_PAUSES {
            return Err(Code::PauseInvalid);
        }
        let begun = ctx.stamp_now();
        case.pauses.push(PauseRecord { kind: self.kind, days: self.days, begun, ended: None });
        case.state = CaseState::Paused;
        clocks_must_run(ctx, &case)?;
        put(ctx, &case, "case_paused", Vec::new());
        Ok(())
    }
}

/// Ends a pause.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinueCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
}

impl ContinueCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::Paused])?;
        let clocks = case_clocks(&case, ctx.block.time, clock::calendars(&*ctx.state));
        let stamp = ctx.stamp_now();
        if let Some(pause) = case.pauses.last_mut() {
            pause.ended = Some(stamp);
        }
        case.state = CaseState::Accepted;
        let flags = clock::late_flag(clocks.pause_exceeded, "pause_exceeded");
        put(ctx, &case, "case_continued", flags);
        Ok(())
    }
}

/// Extends the legal limit, once, by at most ten working days, with the head's approval.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not accepted · `E610` extended before, decided at
/// once, no days or more than ten, no digest of the approval, or the limit is over · `E111` no
/// calendar for the new end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Working days more.
    #[n(1)]
    pub days: u16,
    /// Digest of the head's approval.
    #[n(2)]
    pub approval: H32,
}

impl ExtendCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::Accepted])?;
        let sound = (1..=EXTENSION_DAYS).contains(&self.days) && self.approval != H32::ZERO;
        if case.extension.is_some() || case.limits.instant || !sound {
            return Err(Code::ExtensionInvalid);
        }
        if ctx.block.time >= clocks_must_run(ctx, &case)? {
            return Err(Code::ExtensionInvalid);
        }
        let stamp = ctx.stamp_now();
        case.extension = Some(Extension { days: self.days, approval: self.approval, stamp });
        clocks_must_run(ctx, &case)?;
        put(ctx, &case, "case_extended", Vec::new());
        Ok(())
    }
}

/// The end of the legal limit of an accepted case.
///
/// # Errors
/// `E111`.
fn clocks_must_run(ctx: &Context<'_, '_>, case: &Case) -> Result<Millis, Code> {
    legal_due(case, clock::calendars(&*ctx.state)).ok_or(Code::NoCalendar)
}

/// What a decision says, of a case or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Approved, denied, or partly.
    #[n(0)]
    pub outcome: CaseOutcome,
    /// Reason codes, at most eight; needed unless approved.
    #[n(1)]
    #[serde(default)]
    pub reasons: Vec<u16>,
    /// 秒批: the rules and their input, when a program decided.
    #[n(2)]
    pub automated: Option<Automated>,
    /// The attestation that came of it.
    #[n(3)]
    pub result: Option<Id16>,
}

impl Verdict {
    /// Checks the verdict and stamps it.
    ///
    /// # Errors
    /// `E611` reasons missing, given with an approval, zero, twice or more than eight; digests of
    /// zero; a result of a denial, or by another province · `E318` the result is not attested.
    pub(super) fn decided(
        &self,
        ctx: &Context<'_, '_>,
        region: Region,
        stamp: Stamp,
    ) -> Result<CaseDecision, Code> {
        let approved = self.outcome == CaseOutcome::Approved;
        let twice = self.reasons.iter().enumerate().any(|(place, reason)| {
            self.reasons.iter().skip(place.saturating_add(1)).any(|other| other == reason)
        });
        let listed = self.reasons.len() <= MAX_REASONS && !twice && !self.reasons.contains(&0);
        let automated = self
            .automated
            .is_none_or(|auto| auto.rule_digest != H32::ZERO && auto.input != H32::ZERO);
        let fruitless = self.outcome == CaseOutcome::Denied && self.result.is_some();
        if approved != self.reasons.is_empty() || !listed || !automated || fruitless {
            return Err(Code::CaseDecisionInvalid);
        }
        if let Some(result) = &self.result {
            let found = ctx.state.get(&ATTESTATIONS, result).ok_or(Code::UnknownAttestation)?;
            let issuer = ctx.state.get(&AUTHORITIES, &found.issuer);
            if issuer.is_none_or(|issuer| issuer.member != region) {
                return Err(Code::CaseDecisionInvalid);
            }
        }
        Ok(CaseDecision {
            outcome: self.outcome,
            reasons: self.reasons.clone(),
            automated: self.automated,
            result: self.result,
            stamp,
        })
    }
}

/// Decides a case; the decision clocks stop. Only the territorial authority can.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not accepted, or paused · `E612` parts of a joint case
/// are not decided, or it has none · `E611` `E318` see [`Verdict`] · `E112`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// What was decided.
    #[n(1)]
    pub verdict: Verdict,
    /// When.
    #[n(2)]
    pub occurred_at: Millis,
}

impl DecideCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::Accepted])?;
        let joint = case.body.mode == super::CaseMode::Joint;
        let open = case.subs.iter().any(|sub| sub.decision.is_none());
        if joint && (open || case.subs.is_empty()) {
            return Err(Code::SubsOpen);
        }
        let stamp = ctx.stamp(self.occurred_at)?;
        case.decision = Some(self.verdict.decided(ctx, case.handler_region, stamp)?);
        case.state = CaseState::Decided;
        let clocks = case_clocks(&case, ctx.block.time, clock::calendars(&*ctx.state));
        let mut flags = clock::late_flag(clocks.overdue_promise, "overdue_promise");
        if clocks.overdue_legal == Some(true) {
            flags.push("overdue_legal".to_owned());
        }
        flags.extend(self.verdict.automated.map(|_| "automated".to_owned()));
        put(ctx, &case, "case_decided", flags);
        Ok(())
    }
}

/// Sends the result on its way.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` not decided · `E118` a zero commitment · `E112`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitment to the waybill, if it goes by post.
    #[n(1)]
    pub waybill: Option<H32>,
    /// When.
    #[n(2)]
    pub occurred_at: Millis,
}

impl DispatchCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_handler(ctx, &self.case_id, &[CaseState::Decided])?;
        if self.waybill == Some(H32::ZERO) {
            return Err(Code::BadField);
        }
        case.dispatched = Some(ctx.stamp(self.occurred_at)?);
        case.state = CaseState::Dispatched;
        put(ctx, &case, "case_dispatched", Vec::new());
        Ok(())
    }
}

/// The applicant has the result.
///
/// Who: the receiver, with a window key; of an online case with a handler key.
///
/// Errors: `E106` · `E619` · `E621` another's · `E620` neither decided nor sent · `E112`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// When.
    #[n(1)]
    pub occurred_at: Millis,
}

impl DeliverCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let sent = [CaseState::Decided, CaseState::Dispatched];
        let mut case = as_receiver(ctx, &self.case_id, &sent)?;
        let decided = case.decision.as_ref().map_or(ctx.block.time, |d| d.stamp.time);
        let calendar = clock::calendars(&*ctx.state);
        let late = clock::limit(calendar, decided, DELIVERY_DAYS, ctx.block.time).1;
        case.delivered = Some(ctx.stamp(self.occurred_at)?);
        case.state = CaseState::Delivered;
        put(ctx, &case, "case_delivered", clock::late_flag(late, "delivery_late"));
        Ok(())
    }
}

/// Closes a case into the archive.
///
/// Who: a handler key of the handler.
///
/// Errors: `E106` · `E619` · `E622` · `E620` neither decided nor delivered · `E118` no digest of
/// the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Digest of the archive (电子归档).
    #[n(1)]
    pub archive: H32,
}

impl CloseCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let done = [CaseState::Decided, CaseState::Delivered];
        let mut case = as_handler(ctx, &self.case_id, &done)?;
        if self.archive == H32::ZERO {
            return Err(Code::BadField);
        }
        case.state = CaseState::Closed;
        case.end = Some(CaseEnd { reason: 0, digest: self.archive, stamp: ctx.stamp_now() });
        put(ctx, &case, "case_closed", Vec::new());
        Ok(())
    }
}
