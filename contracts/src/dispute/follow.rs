//! What is derived of a dispute: its clocks, whether what it obliges to has been seen, and what it
//! means for a disputed decision.

use hefu_primitives::time::WorkCalendar;
use hefu_primitives::{Id16, Millis};
use serde::Serialize;

use super::record::{
    DISPUTES, DISPUTES_BY_SUBJECT, Dispute, DisputeEnd, DisputeKind, DisputeOutcome, DisputeState,
};
use super::subject::{Subject, find_grant};
use super::{ACK_DAYS, RULING_DAYS};
use crate::certificate::ATTESTATIONS;
use crate::clock::limit;
use crate::recognition::{CORRECTIONS, DECISIONS, DECISIONS_BY_ATTESTATION, Decision, Reason};
use crate::sharing::GrantState;
use crate::state::StateView;

/// Most disputes about one subject, and decisions on one certificate, that are looked through.
const MAX_LOOKED_THROUGH: usize = 4_096;

/// Where a dispute stands against its limits; none where a clock has not begun, or its calendar is
/// missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DisputeClocks {
    /// When the respondent must have acknowledged.
    pub ack_due: Option<Millis>,
    /// It has not, or too late.
    pub ack_late: Option<bool>,
    /// When consultation ends.
    pub consultation_due: Option<Millis>,
    /// It is over.
    pub consultation_over: Option<bool>,
    /// When the panel must have ruled.
    pub ruling_due: Option<Millis>,
    /// It has not, or too late.
    pub ruling_late: Option<bool>,
}

/// The clocks of a dispute at a block time.
pub fn clocks(
    dispute: &Dispute,
    now: Millis,
    mut calendar: impl FnMut(u16) -> Option<WorkCalendar>,
) -> DisputeClocks {
    let mut found = DisputeClocks::default();
    let over = dispute.end.map(|end| end.stamp).or(dispute.withdrawn);
    let until = over.map_or(now, |stamp| stamp.time);
    let first = dispute.acked.or(dispute.escalated).map_or(until, |stamp| stamp.time);
    (found.ack_due, found.ack_late) = limit(&mut calendar, dispute.opened.time, ACK_DAYS, first);
    if let Some(acked) = dispute.acked {
        (found.consultation_due, found.consultation_over) =
            limit(&mut calendar, acked.time, dispute.consultation_days, until);
    }
    if let Some(escalated) = dispute.escalated {
        (found.ruling_due, found.ruling_late) =
            limit(&mut calendar, escalated.time, RULING_DAYS, until);
    }
    found
}

/// Whether an outcome obliges to anything.
pub(super) const fn owes(outcome: DisputeOutcome) -> bool {
    !matches!(outcome, DisputeOutcome::Uphold | DisputeOutcome::NoAction)
}

/// Whether the ledger's own records show that an outcome was followed.
pub(super) const fn is_shown_by_records(subject: &Subject, outcome: DisputeOutcome) -> bool {
    match outcome {
        DisputeOutcome::OverturnRefusal | DisputeOutcome::RevokeGrant => true,
        DisputeOutcome::CorrectRecord => {
            matches!(subject, Subject::Attestation(_) | Subject::Decision(_))
        }
        _ => false,
    }
}

/// Whether what a settled or ruled dispute obliges to has been seen; none when nothing is owed.
/// `Some(false)` is the flag `UNFULFILLED`.
pub fn is_fulfilled<V: StateView + ?Sized>(view: &V, dispute: &Dispute) -> Option<bool> {
    let end = dispute.end.filter(|end| owes(end.outcome))?;
    let subject = &dispute.body.subject;
    if !is_shown_by_records(subject, end.outcome) {
        return Some(dispute.fulfilment.is_some());
    }
    Some(match (end.outcome, subject) {
        (DisputeOutcome::RevokeGrant, subject) => find_grant(view, subject).is_some_and(|grant| {
            matches!(grant.state(), GrantState::Revoked | GrantState::GivenUp)
        }),
        (DisputeOutcome::OverturnRefusal, Subject::Decision(id)) => {
            decided_again(view, id, &end, true)
        }
        (_, Subject::Decision(id)) => {
            let correction = CORRECTIONS.read(view, id);
            correction.is_some_and(|c| c.stamp.height > end.stamp.height)
                || decided_again(view, id, &end, false)
        }
        (_, Subject::Attestation(id)) => ATTESTATIONS.read(view, id).is_some_and(|attestation| {
            attestation.changes.iter().any(|change| change.stamp.height > end.stamp.height)
        }),
        _ => false,
    })
}

/// Whether the same authority decided on the certificate after the end of the dispute: anew, or
/// relying on it.
fn decided_again<V: StateView + ?Sized>(
    view: &V,
    id: &Id16,
    end: &DisputeEnd,
    relying: bool,
) -> bool {
    let Some(disputed) = DECISIONS.read(view, id) else { return false };
    let attestation = disputed.body.att_id;
    let (from, _) = DECISIONS_BY_ATTESTATION.range(&(attestation, end.stamp.height.next()));
    let (_, to) = DECISIONS_BY_ATTESTATION.range(&attestation);
    let rows = view.scan(&from, &to, MAX_LOOKED_THROUGH);
    rows.iter().any(|(key, _)| {
        let later = key.last_chunk().copied().map(Id16).and_then(|id| DECISIONS.read(view, &id));
        later.is_some_and(|later| {
            let same = crate::identity::succeeds(view, &disputed.relying, &later.relying);
            same && (!relying || later.body.outcome.relies())
        })
    })
}

/// What became of a decision on a certificate that was disputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Challenge {
    /// A dispute about it is not over.
    Challenged,
    /// It stands.
    Upheld,
    /// It was overturned, or is to be corrected.
    Overturned,
}

/// What the last dispute about a decision means for it; none when there was none, or it was
/// withdrawn.
pub fn challenge_of<V: StateView + ?Sized>(view: &V, decision: &Id16) -> Option<Challenge> {
    let subject = Subject::Decision(*decision).to_string();
    let rows = DISPUTES_BY_SUBJECT.read_all(view, &subject, MAX_LOOKED_THROUGH);
    let disputes = rows.iter().rev().filter_map(|(key, ())| {
        let id = key.last_chunk().copied().map(Id16)?;
        DISPUTES.read(view, &id)
    });
    let mut counted = disputes.filter(|dispute| dispute.state != DisputeState::Withdrawn);
    let last = counted.next()?;
    Some(match last.end.map(|end| end.outcome) {
        None => Challenge::Challenged,
        Some(DisputeOutcome::OverturnRefusal | DisputeOutcome::CorrectRecord) => {
            Challenge::Overturned
        }
        Some(_) => Challenge::Upheld,
    })
}

/// Working days within which a suspicion of forgery (reason 17) is brought as a dispute.
pub const FORGERY_DAYS: u16 = 1;

/// What a decision that suspects forgery obliges to: a dispute about the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ForgeryDuty {
    /// Until when it is to be opened; none where the calendar is missing.
    pub due: Option<Millis>,
    /// When one was opened, or the time of the decision where one was open.
    pub opened: Option<Millis>,
    /// Whether there was none in time.
    pub undisputed: Option<bool>,
}

/// What a decision obliges to that gives forgery as a reason; none for others.
pub fn forgery_duty<V: StateView + ?Sized>(
    view: &V,
    decision: &Decision,
    now: Millis,
) -> Option<ForgeryDuty> {
    if !decision.body.reasons.contains(&Reason::SuspectedForgery.code()) {
        return None;
    }
    let said = decision.stamp.time;
    let subject = Subject::Attestation(decision.body.att_id).to_string();
    let rows = DISPUTES_BY_SUBJECT.read_all(view, &subject, MAX_LOOKED_THROUGH);
    let disputes = rows.iter().filter_map(|(key, ())| {
        let dispute = DISPUTES.read(view, &key.last_chunk().copied().map(Id16)?)?;
        let over = dispute.end.map(|end| end.stamp).or(dispute.withdrawn);
        let counts = dispute.body.kind == DisputeKind::SuspectedForgery
            && over.is_none_or(|over| over.time >= said);
        counts.then_some(dispute.opened.time.max(said))
    });
    let opened = disputes.min();
    let calendar = crate::clock::calendars(view);
    let (due, undisputed) = limit(calendar, said, FORGERY_DAYS, opened.unwrap_or(now));
    Some(ForgeryDuty { due, opened, undisputed })
}
