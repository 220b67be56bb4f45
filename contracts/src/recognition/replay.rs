//! Judging a decision again: by the rule it was judged by, from what the records say of that height.
//!
//! Invariant: whatever happened since (agreements amended, left or paused, types and scenarios
//! retired, certificates annulled, keys revoked, members suspended), the answer is the decision as
//! it was recorded, byte for byte. Records carry their own history, and terms are never edited: an
//! amendment is a new agreement, a new version of a type stands beside the old one.

use super::agreement::AGREEMENTS;
use super::decision::{DECISIONS, DECISIONS_BY_CASE, Decision, DecisionFlag, Judgement};
use super::facts::Basis;
use super::reason::Reason;
use crate::certificate::{
    ATTESTATIONS, Attestation, SCENARIOS, Scenario, SealVerdict, seal_borne_out,
};
use crate::state::StateView;

/// The decision as it would be recorded, judged anew over a later state; none when the state is
/// not of the same ledger.
pub fn judge_again(view: &dyn StateView, decision: &Decision) -> Option<Decision> {
    let body = &decision.body;
    let scenario = SCENARIOS.read(view, &body.scenario)?;
    let agreement = match &body.agreement {
        Some(id) => Some(AGREEMENTS.read(view, id)?),
        None => None,
    };
    let attestation = ATTESTATIONS.read(view, &body.att_id);
    let basis = Basis {
        attestation: attestation.as_ref(),
        scenario: &scenario,
        agreement: agreement.as_ref(),
        relying: decision.region,
        day: decision.checked_day,
        height: body.checked_height,
    };
    let (facts, covered) = basis.judge(view);
    let reasons: Option<Vec<Reason>> =
        body.reasons.iter().map(|code| Reason::from_code(*code)).collect();
    let reasons = reasons?;
    let judgement = Judgement {
        outcome: body.outcome,
        reasons: &reasons,
        facts,
        covered: covered && body.item == scenario.terms.item,
        stale: is_stale(decision, &scenario),
        repeated: is_repeated(view, decision),
        was_leaf: attestation.as_ref().is_some_and(|a| a.is_leaf_at(body.checked_height)),
        seal_contradicted: is_seal_contradicted(view, decision, attestation.as_ref()),
        seal_unchecked: scenario.terms.seal_check && body.seal_verdict != SealVerdict::Valid,
        in_batch: decision.leaf.is_some(),
    };
    let false_reasons = judgement.false_reasons().map(Reason::code).collect();
    Some(Decision { facts, false_reasons, flags: judgement.flags(), ..decision.clone() })
}

/// By block times. Of a leaf that was opened after the window of times the record alone tells.
fn is_stale(decision: &Decision, scenario: &Scenario) -> bool {
    let allowed = u64::from(scenario.terms.freshness_s).saturating_mul(1_000);
    match decision.checked_time {
        Some(checked) => decision.stamp.time.0.saturating_sub(checked.0) > allowed,
        None => decision.leaf.is_none() || decision.flags.contains(&DecisionFlag::StaleCheck),
    }
}

/// Whether the issuer's registry, as known at the height checked, does not bear out the seal.
fn is_seal_contradicted(
    view: &dyn StateView,
    decision: &Decision,
    attestation: Option<&Attestation>,
) -> bool {
    let sealed = attestation.and_then(|a| a.seal.map(|seal| (a.issuer, seal)));
    let said = sealed.and_then(|(issuer, seal)| {
        seal_borne_out(view, &issuer, &seal, decision.body.checked_height)
    });
    decision.body.seal_verdict == SealVerdict::Valid && said == Some(false)
}

/// Whether the authority had decided on this in this case before.
fn is_repeated(view: &dyn StateView, decision: &Decision) -> bool {
    let Some(case) = decision.body.case else { return false };
    let corrected = decision.corrects.and_then(|id| DECISIONS.read(view, &id));
    match corrected.filter(|old| old.body.case == Some(case)) {
        Some(old) => old.flags.contains(&DecisionFlag::RepeatDemand),
        None => {
            let first =
                DECISIONS_BY_CASE.read(view, &(decision.body.att_id, case, decision.relying));
            first.is_some_and(|first| first != decision.body.dec_id)
        }
    }
}
