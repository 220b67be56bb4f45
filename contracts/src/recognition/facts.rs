//! What the ledger knew at a height: the status of a certificate, and whether the two provinces
//! recognised it in a scenario.
//!
//! Everything is read from histories inside the records, so the answer is the same on every node
//! and at any later time, and never depends on old states being kept.

use hefu_primitives::time::Day;
use hefu_primitives::{Height, Region, TypeCode};

use super::agreement::{AGREEMENTS, Agreement, agreements_between};
use super::reason::Facts;
use crate::certificate::{Attestation, ListState, Scenario, Status, TYPES, status};
use crate::identity::AUTHORITIES;
use crate::state::StateView;

/// Where a certificate is from, where it is relied on, and as of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The issuer's province.
    pub issuer: Region,
    /// The relying authority's province.
    pub relying: Region,
    /// The certificate's type.
    pub type_code: TypeCode,
    /// The version of the type.
    pub type_version: u16,
    /// The scenario.
    pub scenario: u32,
    /// About this day.
    pub day: Day,
    /// As known at this height.
    pub height: Height,
}

/// What agreements say to a [`Question`]. Inside one province everything is true: a province
/// needs no agreement with itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// One is in force between the two.
    pub in_force: bool,
    /// One in force lists the type in this version.
    pub type_listed: bool,
    /// One in force lists it in the scenario.
    pub scenario_covered: bool,
    /// One in force lists it in the scenario, and neither side has paused that.
    pub open: bool,
}

impl Coverage {
    fn add(&mut self, view: &dyn StateView, agreement: &Agreement, question: &Question) {
        let Question { issuer, relying, scenario, day, height, .. } = *question;
        if !agreement.binds(view, [issuer, relying], day, height) {
            return;
        }
        self.in_force = true;
        let entry = agreement
            .entry(&question.type_code)
            .filter(|entry| entry.min_version <= question.type_version);
        let Some(entry) = entry else { return };
        self.type_listed = true;
        if !entry.scenarios.contains(&scenario) {
            return;
        }
        self.scenario_covered = true;
        let paused = [issuer, relying]
            .iter()
            .any(|party| agreement.is_paused(*party, &question.type_code, scenario, day, height));
        self.open |= !paused;
    }
}

/// What all agreements between the two provinces say, or one of them alone. The day is not after
/// that of the height.
pub fn coverage(view: &dyn StateView, question: &Question, only: Option<&Agreement>) -> Coverage {
    if question.issuer == question.relying {
        let (in_force, type_listed, scenario_covered, open) = (true, true, true, true);
        return Coverage { in_force, type_listed, scenario_covered, open };
    }
    let mut coverage = Coverage::default();
    if let Some(agreement) = only {
        coverage.add(view, agreement, question);
        return coverage;
    }
    for id in agreements_between(view, [question.issuer, question.relying], question.day) {
        if let Some(agreement) = AGREEMENTS.read_shared(view, &id) {
            coverage.add(view, &agreement, question);
        }
    }
    coverage
}

/// What a decision rests on, gathered once.
pub struct Basis<'a> {
    /// The certificate; none when it is unknown even now.
    pub attestation: Option<&'a Attestation>,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The agreement the decision names.
    pub agreement: Option<&'a Agreement>,
    /// The relying authority's province.
    pub relying: Region,
    /// About this day.
    pub day: Day,
    /// As known at this height.
    pub height: Height,
}

impl Basis<'_> {
    /// The facts, and whether the agreement that is named covers the decision.
    pub fn judge(&self, view: &dyn StateView) -> (Facts, bool) {
        let known = self.attestation.and_then(|attestation| {
            let answer = status(view, attestation, self.day, self.height)?;
            Some((attestation, answer))
        });
        let Some((attestation, answer)) = known else { return (Facts::default(), false) };
        let question = self.question(view, attestation);
        let list = self.scenario_lists(view, attestation);
        let in_use = self.scenario.state_at(self.height) == Some(ListState::Adopted);
        let all = coverage(view, &question, None);
        let facts = Facts {
            attested: true,
            suspended: answer.status == Status::Suspended,
            revoked: answer.status == Status::Revoked,
            superseded: matches!(answer.status, Status::Superseded | Status::Transferred),
            expired: attestation.valid_until.is_some_and(|last| self.day > last),
            not_yet_valid: self.day < attestation.valid_from,
            questioned: answer.questioned,
            type_listed: all.type_listed && list,
            scenario_covered: all.scenario_covered && in_use,
            agreement_open: all.in_force && (all.open || !all.scenario_covered),
        };
        let named = match self.agreement {
            Some(agreement) => coverage(view, &question, Some(agreement)).open,
            None => question.issuer == question.relying,
        };
        (facts, named && list && in_use)
    }

    fn question(&self, view: &dyn StateView, attestation: &Attestation) -> Question {
        let issuer = AUTHORITIES.read_shared(view, &attestation.issuer).map(|issuer| issuer.member);
        Question {
            // An attestation's issuer is registered for good.
            issuer: issuer.unwrap_or(attestation.region.province()),
            relying: self.relying,
            type_code: attestation.type_code,
            type_version: attestation.type_version,
            scenario: self.scenario.terms.id,
            day: self.day,
            height: self.height,
        }
    }

    /// Whether the scenario's list names the type in this version, and the provinces have not
    /// paused the type. A version retired since still counts while lists name it.
    fn scenario_lists(&self, view: &dyn StateView, attestation: &Attestation) -> bool {
        let (code, version) = (attestation.type_code, attestation.type_version);
        let listed = |entry: &crate::certificate::ScenarioType| {
            entry.code == code && entry.min_version <= version
        };
        let state = TYPES.read_shared(view, &(code, version)).and_then(|t| t.state_at(self.height));
        self.scenario.terms.types.iter().any(listed)
            && matches!(state, Some(ListState::Adopted | ListState::Retired))
    }
}
