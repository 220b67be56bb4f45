//! What people thought of a service (好差评), as stored, and the limits of putting it right.
//!
//! ```text
//! grade 3 to 5: RECORDED, and nothing follows
//! grade 1, 2:   RECORDED ─ Verify ─▶ VERIFYING ─ Rectify ─▶ RECTIFIED ─┐
//!                                             └ Unfounded ▶ UNFOUNDED ─┴ Revisit ▶ REVISITED ─ Close ▶ CLOSED
//! ```
//!
//! An evaluation is never changed and never deleted: what follows is added to it. No calendar is
//! asked for when one is recorded, since nobody's opinion is refused for want of one; lateness is
//! then unknown.

use hefu_primitives::time::WorkCalendar;
use hefu_primitives::{H32, Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::evaluation_acts::Evaluate;
use crate::clock::limit;
use crate::common::{EvidenceRef, Stamp};
use crate::state::Table;

/// Case, stage and evaluator.
pub type EvaluationKey = (Id16, u8, H32);
/// Evaluations by case, stage and evaluator.
pub const EVALUATIONS: Table<EvaluationKey, Evaluation> = Table::proven(0x46);
/// Evaluations of a unit, in the order they were recorded.
pub const EVALUATIONS_OF: Table<((Uscc, Millis), EvaluationKey), ()> = Table::unproven(0xc8);

/// Grades up to this one must be put right.
pub const BAD_GRADE: u8 = 2;
/// Working days in which a bad grade is looked into.
pub const VERIFY_DAYS: u16 = 1;
/// Working days in which it is put right.
pub const RECTIFY_DAYS: u16 = 15;

/// What was evaluated.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Taking the case in and accepting it.
    #[n(0)]
    Accept,
    /// The decision.
    #[n(1)]
    Decide,
    /// Delivery.
    #[n(2)]
    Deliver,
}

/// An evaluation's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationState {
    /// Recorded.
    #[n(0)]
    Recorded,
    /// The unit is looking into it.
    #[n(1)]
    Verifying,
    /// Put right.
    #[n(2)]
    Rectified,
    /// Found to be without ground, with evidence.
    #[n(3)]
    Unfounded,
    /// The evaluator was called back.
    #[n(4)]
    Revisited,
    /// Over.
    #[n(5)]
    Closed,
}

/// What the unit did about a bad grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Put right; digest of what was done.
    #[n(0)]
    Rectified(#[n(0)] H32),
    /// Without ground.
    #[n(1)]
    Unfounded(#[n(0)] EvidenceRef),
}

/// The call back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Revisit {
    /// The grade now.
    #[n(0)]
    pub grade: u8,
    /// Who called.
    #[n(1)]
    pub by: Uscc,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Evaluation {
    /// As it was given.
    #[n(0)]
    pub body: Evaluate,
    /// The unit it is about.
    #[n(1)]
    pub unit: Uscc,
    /// Who recorded it.
    #[n(2)]
    pub by: Uscc,
    /// The recorder's province.
    #[n(3)]
    pub region: Region,
    /// When.
    #[n(4)]
    pub stamp: Stamp,
    /// State.
    #[n(5)]
    pub state: EvaluationState,
    /// When the unit began to look into it.
    #[n(6)]
    pub verifying: Option<Stamp>,
    /// What it did.
    #[n(7)]
    pub remedy: Option<Remedy>,
    /// When it did it.
    #[n(8)]
    pub remedied: Option<Stamp>,
    /// The call back.
    #[n(9)]
    pub revisit: Option<Revisit>,
    /// When it was closed.
    #[n(10)]
    pub closed: Option<Stamp>,
}

impl Evaluation {
    /// Whether it must be put right.
    pub const fn is_bad(&self) -> bool {
        self.body.grade <= BAD_GRADE
    }
}

/// Where a bad grade stands against its limits; nothing for a good one, or without a calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvaluationClocks {
    /// When it must be looked into.
    pub verify_due: Option<Millis>,
    /// It was not.
    pub verify_late: Option<bool>,
    /// When it must be put right.
    pub rectify_due: Option<Millis>,
    /// It was not.
    pub rectify_late: Option<bool>,
}

/// The clocks of an evaluation at a block time.
pub fn evaluation_clocks(
    evaluation: &Evaluation,
    now: Millis,
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> EvaluationClocks {
    if !evaluation.is_bad() {
        return EvaluationClocks::default();
    }
    let begun = evaluation.stamp.time;
    let at = |stamp: Option<Stamp>| stamp.map_or(now, |stamp| stamp.time);
    let (verify_due, verify_late) =
        limit(&mut calendar, begun, VERIFY_DAYS, at(evaluation.verifying));
    let (rectify_due, rectify_late) =
        limit(&mut calendar, begun, RECTIFY_DAYS, at(evaluation.remedied));
    EvaluationClocks { verify_due, verify_late, rectify_due, rectify_late }
}
