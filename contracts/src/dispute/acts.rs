//! The acts of a dispute after it is opened.

use hefu_primitives::{H32, Id16};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::follow::{clocks, is_shown_by_records, owes};
use super::record::{
    DISPUTES, DRAWS, Dispute, DisputeEnd, DisputeEvidence, DisputeKind, DisputeOutcome,
    DisputeState, Forum, Fulfilment, MAX_EVIDENCE_OF_SIDE, OPEN_DISPUTES, PanelVote, Settlement,
};
use super::subject::{Subject, grant_of};
use super::{PANEL_NEEDED, RULING_DAYS, panel};
use crate::clock;
use crate::code::Code;
use crate::common::EvidenceRef;
use crate::exec::Context;
use crate::identity::endorse::{endorse, require_governor};
use crate::identity::{Role, succeeds};

/// Stores a dispute and says what happened to it.
pub(super) fn put(ctx: &mut Context<'_, '_>, dispute: &Dispute, kind: &str, flags: Vec<String>) {
    let body = &dispute.body;
    if !dispute.state.is_open() {
        ctx.state.delete(&OPEN_DISPUTES, &(body.subject.to_string(), body.kind as u8));
    }
    ctx.state.put(&DISPUTES, &body.dispute_id, dispute);
    ctx.emit(kind, format!("dispute:{}", body.dispute_id), flags);
}

/// A dispute in one of some states, and whether the signer is on the opener's side.
fn party(
    ctx: &Context<'_, '_>,
    id: &Id16,
    states: &[DisputeState],
) -> Result<(Dispute, bool), Code> {
    if ctx.require(Role::Governor).is_ok() {
        return Err(Code::RoleMissing);
    }
    let dispute = ctx.state.get(&DISPUTES, id).ok_or(Code::UnknownDispute)?;
    let opens = succeeds(&*ctx.state, &dispute.opener, &ctx.actor());
    let answers = succeeds(&*ctx.state, &dispute.body.respondent, &ctx.actor());
    if !opens && !answers {
        return Err(Code::NotDisputeParty);
    }
    if !states.contains(&dispute.state) {
        return Err(Code::DisputeState);
    }
    Ok((dispute, opens))
}

/// As [`party`], for the respondent alone.
fn respondent(ctx: &Context<'_, '_>, id: &Id16, states: &[DisputeState]) -> Result<Dispute, Code> {
    let (dispute, _) = party(ctx, id, states)?;
    let answers = succeeds(&*ctx.state, &dispute.body.respondent, &ctx.actor());
    if answers { Ok(dispute) } else { Err(Code::NotRespondent) }
}

/// The respondent has the dispute; consultation begins.
///
/// Who: the respondent, with any key but a governor's.
///
/// Errors: `E106` · `E808` no such dispute · `E801` no party · `E809` not open · `E810` not the
/// respondent · `E111` no calendar for the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AckDispute {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
}

impl AckDispute {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut dispute = respondent(ctx, &self.dispute_id, &[DisputeState::Open])?;
        clock::begin(ctx, dispute.consultation_days)?;
        let late = clocks(&dispute, ctx.block.time, clock::calendars(&*ctx.state)).ack_late;
        dispute.acked = Some(ctx.stamp_now());
        dispute.state = DisputeState::Acked;
        put(ctx, &dispute, "dispute_acked", clock::late_flag(late, "ack_late"));
        Ok(())
    }
}

/// States a piece of evidence.
///
/// Who: either side, with any key but a governor's.
///
/// Errors: `E106` · `E808` · `E801` · `E809` over · `E413` zero, or this side has stated sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddEvidence {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
    /// What.
    #[n(1)]
    pub evidence: EvidenceRef,
}

impl AddEvidence {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let states = [DisputeState::Open, DisputeState::Acked, DisputeState::Escalated];
        let (mut dispute, by_opener) = party(ctx, &self.dispute_id, &states)?;
        let own = dispute.evidence.iter().filter(|stated| stated.by_opener == by_opener);
        if !self.evidence.is_given() || own.count() >= MAX_EVIDENCE_OF_SIDE {
            return Err(Code::EvidenceRequired);
        }
        let stamp = ctx.stamp_now();
        dispute.evidence.push(DisputeEvidence { by_opener, evidence: self.evidence, stamp });
        put(ctx, &dispute, "dispute_evidence", Vec::new());
        Ok(())
    }
}

/// Proposes a settlement.
///
/// Who: either side, with any key but a governor's.
///
/// Errors: `E106` · `E808` · `E801` · `E809` not in consultation · `E806` the outcome does not fit
/// the subject · `E118` no digest of the terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeSettlement {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
    /// The outcome.
    #[n(1)]
    pub outcome: DisputeOutcome,
    /// Digest of the terms.
    #[n(2)]
    pub terms: H32,
}

impl ProposeSettlement {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let (mut dispute, by_opener) = party(ctx, &self.dispute_id, &[DisputeState::Acked])?;
        check_outcome(ctx, &dispute, self.outcome)?;
        if self.terms == H32::ZERO {
            return Err(Code::BadField);
        }
        let (outcome, terms, stamp) = (self.outcome, self.terms, ctx.stamp_now());
        dispute.proposal = Some(Settlement { by_opener, outcome, terms, stamp });
        put(ctx, &dispute, "settlement_proposed", Vec::new());
        Ok(())
    }
}

/// Agrees to the other side's proposal: the dispute is settled.
///
/// Who: the side that did not propose it, with any key but a governor's.
///
/// Errors: `E106` · `E808` · `E801` · `E809` not in consultation · `E811` nothing is proposed,
/// one's own proposal, or other terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreeSettlement {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
    /// The outcome proposed.
    #[n(1)]
    pub outcome: DisputeOutcome,
    /// Digest of the terms proposed.
    #[n(2)]
    pub terms: H32,
}

impl AgreeSettlement {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let (mut dispute, by_opener) = party(ctx, &self.dispute_id, &[DisputeState::Acked])?;
        let same = dispute.proposal.is_some_and(|proposal| {
            proposal.by_opener != by_opener
                && (proposal.outcome, proposal.terms) == (self.outcome, self.terms)
        });
        if !same {
            return Err(Code::SettlementDiffers);
        }
        let (outcome, basis, stamp) = (self.outcome, self.terms, ctx.stamp_now());
        dispute.end = Some(DisputeEnd { outcome, basis, stamp });
        dispute.state = DisputeState::Settled;
        put(ctx, &dispute, "dispute_settled", obliged(outcome));
        Ok(())
    }
}

/// Brings a dispute before a panel, or before the coordinator where the ledger has one, when the
/// respondent does not answer or consultation is over. A panel is drawn at the start of the next
/// block.
///
/// Who: either side, with any key but a governor's.
///
/// Errors: `E106` · `E808` · `E801` · `E809` neither open nor acknowledged · `E804` the clock still
/// runs · `E807` fewer than two provinces are no parties, or there is no coordinator · `E111` no
/// calendar for the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalateDispute {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
    /// Who is to rule; the panel when not given.
    #[n(1)]
    #[serde(default)]
    pub forum: Option<Forum>,
}

impl EscalateDispute {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let states = [DisputeState::Open, DisputeState::Acked];
        let (mut dispute, _) = party(ctx, &self.dispute_id, &states)?;
        let clocks = clocks(&dispute, ctx.block.time, clock::calendars(&*ctx.state));
        let over = match dispute.state {
            DisputeState::Open => clocks.ack_late,
            _ => clocks.consultation_over,
        };
        if !over.ok_or(Code::NoCalendar)? {
            return Err(Code::TooEarly);
        }
        if self.forum == Some(Forum::Coordinator) {
            let named = ctx.parameters.coordinator.ok_or(Code::NoPanel)?;
            dispute.arbiter = Some(named.key);
        } else if panel::candidates(&*ctx.state, &dispute).len() < PANEL_NEEDED {
            return Err(Code::NoPanel);
        }
        clock::begin(ctx, RULING_DAYS)?;
        dispute.escalated = Some(ctx.stamp_now());
        dispute.state = DisputeState::Escalated;
        if dispute.arbiter.is_none() {
            ctx.state.put(&DRAWS, &self.dispute_id, &());
        }
        put(ctx, &dispute, "dispute_escalated", Vec::new());
        Ok(())
    }
}

/// Votes as a member of the panel; the second vote for one outcome is the ruling. The coordinator
/// rules alone in what was brought before it.
///
/// Who: the governors of a province on the panel, two of three; the coordinator's key that was named
/// when the dispute was escalated.
///
/// Errors: `E106` `E221` not a governor · `E808` · `E809` not before a panel, or it is not drawn
/// yet · `E805` not on the panel, a party, or the coordinator of another dispute · `E806` the outcome does not fit the subject · `E118`
/// no digest of the reasons · `E213` this governor has signed, or the province has voted so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDispute {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
    /// What the province rules.
    #[n(1)]
    pub outcome: DisputeOutcome,
    /// Digest of its reasons.
    #[n(2)]
    pub basis: H32,
}

impl RuleDispute {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        if ctx.require(Role::Coordinator).is_ok() {
            return self.arbitrate(ctx);
        }
        require_governor(ctx)?;
        let dispute = ctx.state.get(&DISPUTES, &self.dispute_id).ok_or(Code::UnknownDispute)?;
        if dispute.state != DisputeState::Escalated || dispute.panel.is_empty() {
            return Err(Code::DisputeState);
        }
        let region = ctx.region();
        if !dispute.panel.contains(&region) {
            return Err(Code::PanelConflict);
        }
        check_outcome(ctx, &dispute, self.outcome)?;
        if self.basis == H32::ZERO {
            return Err(Code::BadField);
        }
        let voted = dispute.votes.iter().find(|vote| vote.region == region);
        if voted.is_some_and(|v| (v.outcome, v.basis) == (self.outcome, self.basis)) {
            return Err(Code::AlreadyEndorsed);
        }
        if endorse(ctx)? {
            self.vote(ctx, dispute);
        }
        Ok(())
    }

    /// Rules as the coordinator.
    fn arbitrate(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let dispute = ctx.state.get(&DISPUTES, &self.dispute_id).ok_or(Code::UnknownDispute)?;
        if dispute.state != DisputeState::Escalated {
            return Err(Code::DisputeState);
        }
        if dispute.arbiter != Some(ctx.signer.key_id) {
            return Err(Code::PanelConflict);
        }
        check_outcome(ctx, &dispute, self.outcome)?;
        if self.basis == H32::ZERO {
            return Err(Code::BadField);
        }
        self.end(ctx, dispute);
        Ok(())
    }

    fn vote(&self, ctx: &mut Context<'_, '_>, mut dispute: Dispute) {
        let (region, stamp) = (ctx.region(), ctx.stamp_now());
        let RuleDispute { outcome, basis, .. } = *self;
        dispute.votes.retain(|vote| vote.region != region);
        dispute.votes.push(PanelVote { region, outcome, basis, stamp });
        let agree = dispute.votes.iter().filter(|vote| vote.outcome == outcome).count();
        if agree < PANEL_NEEDED {
            return put(ctx, &dispute, "panel_voted", Vec::new());
        }
        self.end(ctx, dispute);
    }

    fn end(&self, ctx: &mut Context<'_, '_>, mut dispute: Dispute) {
        let (RuleDispute { outcome, basis, .. }, stamp) = (*self, ctx.stamp_now());
        let clocks = clocks(&dispute, ctx.block.time, clock::calendars(&*ctx.state));
        dispute.end = Some(DisputeEnd { outcome, basis, stamp });
        dispute.state = DisputeState::Ruled;
        let mut flags = obliged(outcome);
        flags.extend(clock::late_flag(clocks.ruling_late, "ruling_late"));
        put(ctx, &dispute, "dispute_ruled", flags);
    }
}

/// Withdraws a dispute.
///
/// Who: the side that opened it, with any key but a governor's.
///
/// Errors: `E106` · `E808` · `E801` not the opener · `E809` over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawDispute {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
}

impl WithdrawDispute {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let states = [DisputeState::Open, DisputeState::Acked, DisputeState::Escalated];
        let (mut dispute, opens) = party(ctx, &self.dispute_id, &states)?;
        if !opens {
            return Err(Code::NotDisputeParty);
        }
        dispute.withdrawn = Some(ctx.stamp_now());
        dispute.state = DisputeState::Withdrawn;
        ctx.state.delete(&DRAWS, &self.dispute_id);
        put(ctx, &dispute, "dispute_withdrawn", Vec::new());
        Ok(())
    }
}

/// The respondent's word that it did what it was obliged to, where no record can show it.
///
/// Who: the respondent, with any key but a governor's.
///
/// Errors: `E106` · `E808` · `E801` · `E809` not settled or ruled, nothing is owed, records show it,
/// or reported before · `E810` not the respondent · `E118` no digest of the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFulfilment {
    /// The dispute.
    #[n(0)]
    pub dispute_id: Id16,
    /// Digest of the evidence.
    #[n(1)]
    pub evidence: H32,
}

impl ReportFulfilment {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let states = [DisputeState::Settled, DisputeState::Ruled];
        let mut dispute = respondent(ctx, &self.dispute_id, &states)?;
        let outcome = dispute.end.map(|end| end.outcome).ok_or(Code::DisputeState)?;
        let wanted = owes(outcome) && !is_shown_by_records(&dispute.body.subject, outcome);
        if !wanted || dispute.fulfilment.is_some() {
            return Err(Code::DisputeState);
        }
        if self.evidence == H32::ZERO {
            return Err(Code::BadField);
        }
        let stamp = ctx.stamp_now();
        dispute.fulfilment = Some(Fulfilment { evidence: self.evidence, stamp });
        put(ctx, &dispute, "fulfilment_reported", Vec::new());
        Ok(())
    }
}

fn obliged(outcome: DisputeOutcome) -> Vec<String> {
    if owes(outcome) { vec!["obliges".to_owned()] } else { Vec::new() }
}

/// An outcome that could be done about this subject.
fn check_outcome(
    ctx: &Context<'_, '_>,
    dispute: &Dispute,
    outcome: DisputeOutcome,
) -> Result<(), Code> {
    let fits = match outcome {
        DisputeOutcome::OverturnRefusal => dispute.body.kind == DisputeKind::RecognitionRefused,
        DisputeOutcome::RevokeGrant => grant_of(ctx, &dispute.body.subject).is_some(),
        DisputeOutcome::CorrectRecord => !matches!(dispute.body.subject, Subject::Grant(_)),
        _ => true,
    };
    if fits { Ok(()) } else { Err(Code::DisputeKindMismatch) }
}
