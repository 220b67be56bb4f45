//! The acts by which evaluations are recorded, put right and followed up.

use hefu_primitives::{H32, Id16, Millis, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::case::{Case, CaseState, Channel};
use super::evaluation::{
    EVALUATIONS, EVALUATIONS_OF, Evaluation, EvaluationState, Remedy, Revisit, Stage,
    evaluation_clocks,
};
use super::{find, signs_for, subject};
use crate::clock;
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::exec::Context;
use crate::identity::Role;

/// Most indicators of one evaluation.
const MAX_INDICATORS: usize = 6;
/// The last indicator there is.
const LAST_INDICATOR: u8 = 6;

/// Records an evaluation of one stage of a case.
///
/// Who: a window key of an authority in the receiver's or handler's province; it passes on what
/// the applicant said.
///
/// Errors: `E106` · `E619` no such case · `E707` of neither province · `E703` a grade outside 1 to
/// 5 · `E702` the case has not reached the stage · `E701` evaluated by this person already · `E118`
/// no commitment to the evaluator; indicators outside 1 to 6, not ascending, or more than six ·
/// `E112`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// What is evaluated.
    #[n(1)]
    pub stage: Stage,
    /// 5 非常满意 to 1 非常不满意.
    #[n(2)]
    pub grade: u8,
    /// How it came in.
    #[n(3)]
    pub channel: Channel,
    /// What it is about, ascending: 1 效率 · 2 指南 · 3 便捷 · 4 平台 · 5 水平 · 6 态度.
    #[n(4)]
    #[serde(default)]
    pub indicators: Vec<u8>,
    /// Salted commitment to the evaluator; the same for one person in one case.
    #[n(5)]
    pub evaluator: H32,
    /// When.
    #[n(6)]
    pub occurred_at: Millis,
}

impl Evaluate {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Window)?;
        let case = find(ctx, &self.case_id)?;
        if ![case.receiver_region, case.handler_region].contains(&ctx.region()) {
            return Err(Code::NotEvaluationParty);
        }
        if !(1..=5).contains(&self.grade) {
            return Err(Code::GradeInvalid);
        }
        let listed = self.indicators.len() <= MAX_INDICATORS
            && self.indicators.is_sorted_by(|a, b| a < b)
            && self.indicators.iter().all(|indicator| (1..=LAST_INDICATOR).contains(indicator));
        if !listed || self.evaluator == H32::ZERO {
            return Err(Code::BadField);
        }
        let unit = unit_of(&case, self.stage).ok_or(Code::StageNotReached)?;
        let key = (self.case_id, self.stage as u8, self.evaluator);
        if ctx.state.has(&EVALUATIONS, &key) {
            return Err(Code::EvaluatedAlready);
        }
        let evaluation = Evaluation {
            body: self.clone(),
            unit,
            by: ctx.actor(),
            region: ctx.region(),
            stamp: ctx.stamp(self.occurred_at)?,
            state: EvaluationState::Recorded,
            verifying: None,
            remedy: None,
            remedied: None,
            revisit: None,
            closed: None,
        };
        let flags = evaluation.is_bad().then(|| "bad_grade".to_owned());
        ctx.state.put(&EVALUATIONS_OF, &((unit, ctx.block.time), key), &());
        ctx.state.put(&EVALUATIONS, &key, &evaluation);
        ctx.emit("evaluated", subject("case", &self.case_id), flags.into_iter().collect());
        Ok(())
    }
}

/// The unit that answers for a stage, once the case has reached it.
fn unit_of(case: &Case, stage: Stage) -> Option<Uscc> {
    let handler = case.body.handler;
    match stage {
        Stage::Accept if case.state == CaseState::ClosedRefused => Some(case.receiver),
        Stage::Accept => {
            let declined = case.state == CaseState::ClosedNotAccepted;
            (case.accepted.is_some() || declined).then_some(handler)
        }
        Stage::Decide => case.decision.as_ref().map(|_| handler),
        Stage::Deliver => case.delivered.map(|_| case.receiver),
    }
}

/// A step after a bad grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EvaluationStep {
    /// The unit looks into it.
    #[n(0)]
    Verify,
    /// The unit put it right; digest of what was done.
    #[n(1)]
    Rectify(#[n(0)] H32),
    /// The unit finds it without ground.
    #[n(2)]
    Unfounded(#[n(0)] EvidenceRef),
    /// The evaluator was called back, and gives this grade now.
    #[n(3)]
    Revisit(#[n(0)] u8),
    /// Over.
    #[n(4)]
    Close,
}

/// Follows up a bad grade.
///
/// Who: to verify, put right or refute it, the unit it is about, with a handler or window key; to
/// call back and close, another authority of the receiver's province with a window key, or an
/// auditor of either province.
///
/// Errors: `E706` no such evaluation · `E705` a good grade, or another step is due · `E707` not
/// for this authority · `E704` the unit itself would call back or close · `E106` · `E413` no digest
/// of the measure, or no evidence · `E703`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerEvaluation {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// The stage.
    #[n(1)]
    pub stage: Stage,
    /// The evaluator.
    #[n(2)]
    pub evaluator: H32,
    /// The step.
    #[n(3)]
    pub step: EvaluationStep,
}

impl AnswerEvaluation {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        use EvaluationState as S;
        let key = (self.case_id, self.stage as u8, self.evaluator);
        let mut found = ctx.state.get(&EVALUATIONS, &key).ok_or(Code::UnknownEvaluation)?;
        let case = find(ctx, &self.case_id)?;
        let own = signs_for(ctx, &found.unit);
        match self.step {
            EvaluationStep::Revisit(_) | EvaluationStep::Close => may_follow_up(ctx, &case, own)?,
            _ if own => require_unit(ctx)?,
            _ => return Err(Code::NotEvaluationParty),
        }
        let next = match (found.state, self.step) {
            _ if !found.is_bad() => None,
            (S::Recorded, EvaluationStep::Verify) => Some(S::Verifying),
            (S::Verifying, EvaluationStep::Rectify(_)) => Some(S::Rectified),
            (S::Verifying, EvaluationStep::Unfounded(_)) => Some(S::Unfounded),
            (S::Rectified | S::Unfounded, EvaluationStep::Revisit(_)) => Some(S::Revisited),
            (S::Revisited, EvaluationStep::Close) => Some(S::Closed),
            _ => None,
        };
        found.state = next.ok_or(Code::EvaluationState)?;
        let stamp = ctx.stamp_now();
        match self.step {
            EvaluationStep::Verify => found.verifying = Some(stamp),
            EvaluationStep::Rectify(H32::ZERO) => return Err(Code::EvidenceRequired),
            EvaluationStep::Unfounded(evidence) if !evidence.is_given() => {
                return Err(Code::EvidenceRequired);
            }
            EvaluationStep::Rectify(measure) => found.remedy = Some(Remedy::Rectified(measure)),
            EvaluationStep::Unfounded(evidence) => found.remedy = Some(Remedy::Unfounded(evidence)),
            EvaluationStep::Revisit(grade) if !(1..=5).contains(&grade) => {
                return Err(Code::GradeInvalid);
            }
            EvaluationStep::Revisit(grade) => {
                found.revisit = Some(Revisit { grade, by: ctx.actor(), stamp });
            }
            EvaluationStep::Close => found.closed = Some(stamp),
        }
        if found.remedy.is_some() && found.remedied.is_none() {
            found.remedied = Some(stamp);
        }
        let clocks = evaluation_clocks(&found, ctx.block.time, clock::calendars(&*ctx.state));
        let flags = match self.step {
            EvaluationStep::Verify => clock::late_flag(clocks.verify_late, "verify_late"),
            EvaluationStep::Rectify(_) | EvaluationStep::Unfounded(_) => {
                clock::late_flag(clocks.rectify_late, "rectify_late")
            }
            _ => Vec::new(),
        };
        ctx.state.put(&EVALUATIONS, &key, &found);
        ctx.emit(kind_of(self.step), subject("case", &self.case_id), flags);
        Ok(())
    }
}

const fn kind_of(step: EvaluationStep) -> &'static str {
    match step {
        EvaluationStep::Verify => "evaluation_verifying",
        EvaluationStep::Rectify(_) => "evaluation_rectified",
        EvaluationStep::Unfounded(_) => "evaluation_unfounded",
        EvaluationStep::Revisit(_) => "evaluation_revisited",
        EvaluationStep::Close => "evaluation_closed",
    }
}

fn require_unit(ctx: &Context<'_, '_>) -> Result<(), Code> {
    ctx.require(Role::Handler).or_else(|_| ctx.require(Role::Window))
}

/// Who calls back is not who was evaluated.
fn may_follow_up(ctx: &Context<'_, '_>, case: &Case, own: bool) -> Result<(), Code> {
    if own {
        return Err(Code::OwnEvaluation);
    }
    let region = ctx.region();
    let supervises = ctx.require(Role::Auditor).is_ok();
    if ![case.receiver_region, case.handler_region].contains(&region)
        || (region != case.receiver_region && !supervises)
    {
        return Err(Code::NotEvaluationParty);
    }
    if supervises { Ok(()) } else { ctx.require(Role::Window) }
}
