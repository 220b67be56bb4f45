//! The acts that record decisions, and correct them while the memory is fresh.

use std::rc::Rc;

use hefu_primitives::time::{Day, deadline};
use hefu_primitives::{BaseCode, H32, Height, Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::agreement::{AGREEMENTS, Agreement};
use super::batch::DecisionLeaf;
use super::decision::{
    CORRECTIONS, Consent, Correction, DECISIONS, DECISIONS_BY_ATTESTATION, DECISIONS_BY_AUTHORITY,
    DECISIONS_BY_CASE, Decision, DecisionFlag, DecisionMode, DecisionOutcome, Judgement,
};
use super::facts::Basis;
use super::heights;
use super::reason::Reason;
use crate::certificate::{
    ATTESTATIONS, Attestation, SCENARIOS, Scenario, SealEvidence, SealVerdict, seal_borne_out,
};
use crate::code::Code;
use crate::common::{EvidenceRef, MAX_EVIDENCE, Stamp};
use crate::exec::Context;
use crate::identity::unit::{acting_unit, unit_code};
use crate::identity::{CALENDARS, Role, succeeds};

/// Most reasons of one decision.
pub const MAX_REASONS: usize = 4;

/// Records what an authority decided on a certificate.
///
/// Who: a verifier key of an authority with a mandate to rely on certificates in the scenario.
///
/// Errors: `E106` · `E334` no such scenario · `E415` no mandate for it · `E412` unknown reason ·
/// `E411` not accepted and no reason · `E413` a reason lacks its evidence or statute, or one is
/// zero · `E118` reasons with an acceptance, twice, or more than four; evidence more than eight; a
/// unit or item that is no code; a case that is zero; a reason against one's own finding · `E109` the
/// unit holds a personal number · `E230` the authority keeps a list of units, without this one · `E112` decided in the future · `E414` the height is not before this block · `E114` id used · `E405` no
/// such agreement · `E416` no such attestation, and reason 02 not given.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// Random id.
    #[n(0)]
    pub dec_id: Id16,
    /// The attestation decided on.
    #[n(1)]
    pub att_id: Id16,
    /// Code of the unit that decided, at most 16 letters, digits and hyphens.
    #[n(2)]
    pub unit: Option<String>,
    /// The agreement it rests on; none inside one's own province, or when there is none.
    #[n(3)]
    pub agreement: Option<Id16>,
    /// The scenario.
    #[n(4)]
    pub scenario: u32,
    /// The service item.
    #[n(5)]
    pub item: BaseCode,
    /// Salted commitment to the case.
    #[n(6)]
    pub case: Option<H32>,
    /// How the certificate was presented.
    #[n(7)]
    pub mode: DecisionMode,
    /// The height whose state was checked.
    #[n(8)]
    pub checked_height: Height,
    /// Whether what was presented is what was attested.
    #[n(9)]
    pub digest_match: bool,
    /// What checking the seal found.
    #[n(10)]
    pub seal_verdict: SealVerdict,
    /// Whose consent there was.
    #[n(11)]
    pub consent: Consent,
    /// What was decided.
    #[n(12)]
    pub outcome: DecisionOutcome,
    /// Why not accepted: codes of [`Reason`], at most four.
    #[n(13)]
    #[serde(default)]
    pub reasons: Vec<u16>,
    /// Digest of the statute that asks for the original (reason 16).
    #[n(14)]
    pub statute: Option<H32>,
    /// Evidence, at most eight.
    #[n(15)]
    #[serde(default)]
    pub evidence: Vec<EvidenceRef>,
    /// When it was decided.
    #[n(16)]
    pub decided_at: Millis,
}

/// Who decided, and when it came onto the ledger.
pub(super) struct Maker {
    pub(super) relying: Uscc,
    pub(super) region: Region,
    pub(super) stamp: Stamp,
    /// The leaf of a batch that it was.
    pub(super) leaf: Option<DecisionLeaf>,
}

impl Decide {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        self.sign(ctx, None)
    }

    /// Records the signer's own decision.
    fn sign(&self, ctx: &mut Context<'_, '_>, corrects: Option<&Decision>) -> Result<(), Code> {
        ctx.require(Role::Verifier)?;
        ctx.state.shared(&SCENARIOS, &self.scenario).ok_or(Code::UnknownScenario)?;
        if !ctx.signer.authority.may_rely.contains(&self.scenario) {
            return Err(Code::NoRelyingMandate);
        }
        acting_unit(&ctx.signer.authority, self.unit.as_deref())?;
        let (relying, region) = (ctx.actor(), ctx.region());
        let maker = Maker { relying, region, stamp: ctx.stamp(self.decided_at)?, leaf: None };
        self.record(ctx, &maker, corrects)
    }

    /// Checks the decision, judges it against the state it was checked at, and writes it.
    pub(super) fn record(
        &self,
        ctx: &mut Context<'_, '_>,
        maker: &Maker,
        corrects: Option<&Decision>,
    ) -> Result<(), Code> {
        let reasons = self.check()?;
        let scenario = ctx.state.shared(&SCENARIOS, &self.scenario).ok_or(Code::UnknownScenario)?;
        let checked_day = self.checked_day(ctx, maker)?;
        if ctx.state.has(&DECISIONS, &self.dec_id) {
            return Err(Code::IdReused);
        }
        let (attestation, agreement) = self.subjects(ctx, &reasons)?;
        let basis = Basis {
            attestation: attestation.as_ref(),
            scenario: &scenario,
            agreement: agreement.as_deref(),
            relying: maker.region,
            day: checked_day,
            height: self.checked_height,
        };
        let (facts, covered) = basis.judge(&*ctx.state);
        let checked_time = heights::time_of(&*ctx.state, self.checked_height);
        let attested = attestation.as_ref();
        let judgement = Judgement {
            outcome: self.outcome,
            reasons: &reasons,
            facts,
            covered: covered && self.item == scenario.terms.item,
            stale: is_stale(ctx, maker, checked_time, &scenario),
            repeated: self.is_repeated(ctx, maker, corrects),
            was_leaf: attested.is_some_and(|a| a.is_leaf_at(self.checked_height)),
            seal_contradicted: self.is_seal_contradicted(ctx, attested),
            seal_unchecked: scenario.terms.seal_check && self.seal_verdict != SealVerdict::Valid,
            in_batch: maker.leaf.is_some(),
        };
        let decision = Decision {
            body: self.clone(),
            relying: maker.relying,
            region: maker.region,
            stamp: maker.stamp,
            checked_day,
            checked_time,
            facts,
            false_reasons: judgement.false_reasons().map(Reason::code).collect(),
            flags: judgement.flags(),
            corrects: corrects.map(|old| old.body.dec_id),
            leaf: maker.leaf,
        };
        decision.write(ctx);
        Ok(())
    }

    /// Whether the seal was said to be genuine that the issuer's registry does not bear out, as it
    /// was known at the height checked.
    fn is_seal_contradicted(
        &self,
        ctx: &Context<'_, '_>,
        attestation: Option<&Attestation>,
    ) -> bool {
        let sealed = attestation.and_then(|a| a.seal.map(|seal| (a.issuer, seal)));
        let said = |(issuer, seal): (Uscc, SealEvidence)| {
            seal_borne_out(&*ctx.state, &issuer, &seal, self.checked_height)
        };
        self.seal_verdict == SealVerdict::Valid && sealed.and_then(said) == Some(false)
    }

    /// What can be said of the decision by itself; returns its reasons.
    fn check(&self) -> Result<Vec<Reason>, Code> {
        let reasons: Option<Vec<Reason>> =
            self.reasons.iter().map(|code| Reason::from_code(*code)).collect();
        let reasons = reasons.ok_or(Code::ReasonUnknown)?;
        let accepted = self.outcome == DecisionOutcome::Accepted;
        if reasons.is_empty() && !accepted {
            return Err(Code::DecisionReasonRequired);
        }
        let twice = reasons.iter().enumerate().any(|(place, reason)| {
            reasons.iter().skip(place.saturating_add(1)).any(|other| other == reason)
        });
        let against_itself = (self.digest_match && reasons.contains(&Reason::DigestMismatch))
            || (self.seal_verdict == SealVerdict::Valid && reasons.contains(&Reason::SealInvalid));
        let too_many = reasons.len() > MAX_REASONS || self.evidence.len() > MAX_EVIDENCE;
        if twice || too_many || against_itself || (accepted && !reasons.is_empty()) {
            return Err(Code::BadField);
        }
        if self.item.parts().is_err() || self.case == Some(H32::ZERO) {
            return Err(Code::BadField);
        }
        let bare = |reason: &Reason| {
            (reason.needs_evidence() && self.evidence.is_empty())
                || (reason.needs_statute() && self.statute.is_none())
        };
        let empty = self.statute == Some(H32::ZERO) || self.evidence.iter().any(|e| !e.is_given());
        if empty || reasons.iter().any(bare) {
            return Err(Code::EvidenceRequired);
        }
        self.unit.as_deref().map_or(Ok(()), unit_code)?;
        Ok(reasons)
    }

    /// The Beijing day of the height that was checked. The state of this very block was nobody's
    /// to check, and genesis has no time.
    fn checked_day(&self, ctx: &Context<'_, '_>, maker: &Maker) -> Result<Day, Code> {
        if self.checked_height >= maker.stamp.height {
            return Err(Code::HeightInFuture);
        }
        heights::day_of(&*ctx.state, self.checked_height).ok_or(Code::BadField)
    }

    /// The attestation and the agreement, where they exist.
    fn subjects(
        &self,
        ctx: &Context<'_, '_>,
        reasons: &[Reason],
    ) -> Result<(Option<Attestation>, Option<Rc<Agreement>>), Code> {
        let agreement = match &self.agreement {
            Some(id) => Some(ctx.state.shared(&AGREEMENTS, id).ok_or(Code::UnknownAgreement)?),
            None => None,
        };
        let attestation = ctx.state.get(&ATTESTATIONS, &self.att_id);
        if attestation.is_none() && !reasons.contains(&Reason::NotFound) {
            return Err(Code::AttestationUnknown);
        }
        Ok((attestation, agreement))
    }

    /// Whether the authority decided on this before; a correction is not a second demand.
    fn is_repeated(
        &self,
        ctx: &Context<'_, '_>,
        maker: &Maker,
        corrects: Option<&Decision>,
    ) -> bool {
        let first = self.case.and_then(|case| {
            ctx.state.get(&DECISIONS_BY_CASE, &(self.att_id, case, maker.relying))
        });
        match corrects {
            Some(old) if old.body.case == self.case => {
                old.flags.contains(&DecisionFlag::RepeatDemand)
            }
            _ => first.is_some(),
        }
    }
}

impl Decision {
    fn write(&self, ctx: &mut Context<'_, '_>) {
        let (id, height) = (self.body.dec_id, ctx.block.height);
        ctx.state.put(&DECISIONS, &id, self);
        ctx.state.put(&DECISIONS_BY_ATTESTATION, &(self.body.att_id, height, id), &());
        ctx.state.put(&DECISIONS_BY_AUTHORITY, &(self.relying, height, id), &());
        if let Some(case) = self.body.case {
            let key = (self.body.att_id, case, self.relying);
            if !ctx.state.has(&DECISIONS_BY_CASE, &key) {
                ctx.state.put(&DECISIONS_BY_CASE, &key, &id);
            }
        }
        let flags = self.flags.iter().map(|flag| flag.name().to_owned()).collect();
        ctx.emit("decision_recorded", subject(&id), flags);
    }
}

/// Whether the state checked was older than the scenario allows, by block times. What is out of
/// the window is older than any scenario may allow.
///
/// Of a leaf that is opened later, what is out of the window is as old as the window reaches back;
/// whether it was stale is said as far as that tells.
fn is_stale(
    ctx: &Context<'_, '_>,
    maker: &Maker,
    checked: Option<Millis>,
    scenario: &Scenario,
) -> bool {
    let allowed = u64::from(scenario.terms.freshness_s).saturating_mul(1_000);
    let age = |checked: Millis| maker.stamp.time.0.saturating_sub(checked.0);
    let least_age = maker.stamp.time.0.saturating_add(heights::WINDOW_MS);
    match checked {
        Some(checked) => age(checked) > allowed,
        None => least_age.saturating_sub(ctx.block.time.0) >= allowed,
    }
}

/// Corrects a decision with a new one on the same attestation, within the ledger's limit of
/// working days. The old one stays as it is.
///
/// Who: a verifier key of the authority that decided, or its successor.
///
/// Errors: `E106` · `E419` no such decision · `E418` another's, corrected already, on another
/// attestation, or too late · `E111` the work calendar for the limit is missing · and those of
/// [`Decide`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectDecision {
    /// The decision to correct.
    #[n(0)]
    pub corrects: Id16,
    /// What counts instead.
    #[n(1)]
    pub decision: Decide,
}

impl CorrectDecision {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Verifier)?;
        let old = ctx.state.get(&DECISIONS, &self.corrects).ok_or(Code::UnknownDecision)?;
        let own = own(ctx, &old.relying);
        let corrected = ctx.state.has(&CORRECTIONS, &self.corrects);
        if !own || corrected || old.body.att_id != self.decision.att_id {
            return Err(Code::CorrectionInvalid);
        }
        let days = ctx.parameters.correction_working_days;
        let calendar = |year| ctx.state.get(&CALENDARS, &year);
        let due = deadline(calendar, old.stamp.time, days).map_err(|_| Code::NoCalendar)?;
        if ctx.block.time >= due {
            return Err(Code::CorrectionInvalid);
        }
        self.decision.sign(ctx, Some(&old))?;
        let correction = Correction { by: self.decision.dec_id, stamp: ctx.stamp_now() };
        ctx.state.put(&CORRECTIONS, &self.corrects, &correction);
        ctx.emit("decision_corrected", subject(&self.corrects), Vec::new());
        Ok(())
    }
}

fn own(ctx: &Context<'_, '_>, relying: &Uscc) -> bool {
    succeeds(&*ctx.state, relying, &ctx.actor())
}

fn subject(id: &Id16) -> String {
    format!("dec:{id}")
}
