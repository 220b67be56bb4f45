//! What provinces can decide together by vote.
//!
//! Each action says whether it could be done now, and does it. New kinds take new numbers; a
//! number is never given a new meaning.

use hefu_primitives::time::{DAY_MS, WorkCalendar};
use hefu_primitives::{H32, Id16, Region, TypeCode};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::membership::{self, Candidate, ReplaceGovernors, RevokeByVote, SuspendMember};
use super::records::{CALENDARS, PARAMETERS, Parameters};
use super::rules::{ActionClass, RULES, RuleTable};
use crate::certificate::{
    CertTypeTerms, ListChange, ListState, SCENARIOS, ScenarioTerms, TYPES, listing,
};
use crate::code::Code;
use crate::exec::Context;
use crate::oversight::{self, GrantedBy, MandateTerms, RegionChange, StandardRef};
use crate::sharing::CatalogueConsent;

/// Most admitted credit codes in the parameters.
const MAX_ADMITTED: usize = 64;
/// Longest span in days that a parameter may set: a year.
const MAX_DAYS: u16 = 366;
/// Longest term of a key, in days: two years (domain.md §3.3).
const MAX_KEY_DAYS: u16 = 731;
/// Least span of a transaction's validity: a network that could commit none in time could not
/// vote for a longer one either.
const MIN_VALIDITY_MS: u64 = 60_000;
/// Least that a proposal may be ahead of a validator's clock: clocks that agree better are rare,
/// and a network that refused every proposal could not vote for more.
const MIN_CLOCK_AHEAD_MS: u64 = 100;

/// Something to vote on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Adopts the next version of a certificate type. `E311`–`E313`, `E211` its lead province,
    /// `E118`, `E109`.
    #[n(0)]
    AdoptType(#[n(0)] CertTypeTerms),
    /// Pauses, resumes or retires a version of a type. `E301`, `E314`, `E320`, `E118`.
    #[n(1)]
    SetTypeState {
        /// The type.
        #[n(0)]
        code: TypeCode,
        /// The version.
        #[n(1)]
        version: u16,
        /// The new state.
        #[n(2)]
        state: ListState,
        /// When it is retired: the type that takes its place, if one does.
        #[n(3)]
        #[serde(default)]
        merged_into: Option<TypeCode>,
    },
    /// Adopts a scenario. `E114`, `E301`, `E118`.
    #[n(2)]
    AdoptScenario(#[n(0)] ScenarioTerms),
    /// Pauses, resumes or retires a scenario. `E334`, `E320`.
    #[n(3)]
    SetScenarioState {
        /// The scenario.
        #[n(0)]
        id: u32,
        /// The new state.
        #[n(1)]
        state: ListState,
    },
    /// Changes the ledger's parameters. `E118`.
    #[n(4)]
    SetParameters(#[n(0)] Parameters),
    /// Adopts a year's work calendar, or corrects that of a year not yet over. `E118`.
    #[n(5)]
    AdoptCalendar(#[n(0)] WorkCalendar),
    /// Admits a province. `E201`–`E204`, `E231`, `E236`, `E118`, `E109`.
    #[n(6)]
    AdmitMember(#[n(0)] Candidate),
    /// Suspends a member. `E208`, `E211`, `E214`, `E215`.
    #[n(7)]
    SuspendMember(#[n(0)] SuspendMember),
    /// Ends a member's suspension. `E211`, `E215`.
    #[n(8)]
    ReinstateMember {
        /// The member.
        #[n(0)]
        member: Region,
    },
    /// Expels a member that has been suspended for 30 days. `E117`, `E208`, `E211`, `E214`, `E215`.
    #[n(9)]
    ExpelMember {
        /// The member.
        #[n(0)]
        member: Region,
        /// Reason code, not zero.
        #[n(1)]
        reason: u16,
        /// Digest of the evidence, not zero.
        #[n(2)]
        evidence: H32,
    },
    /// Gives a member new governors. `E204`, `E211`, `E215`, `E231`, `E234`–`E236`.
    #[n(10)]
    ReplaceGovernors(#[n(0)] ReplaceGovernors),
    /// Revokes a compromised key. `E104`, `E105`, `E233`, `E234`.
    #[n(11)]
    RevokeKey(#[n(0)] RevokeByVote),
    /// Changes the rule table. `E118`.
    #[n(12)]
    SetRules(#[n(0)] RuleTable),
    /// Adopts a standard that provinces work by. `E114`, `E118`, `E109`.
    #[n(40)]
    AdoptStandard(#[n(0)] StandardRef),
    /// Adopts a change of region codes. `E118`, `E109`, `E201`.
    #[n(41)]
    AdoptRegions(#[n(0)] RegionChange),
    /// Mandates an auditor for records of several provinces. `E114`, `E118`, `E211`, `E227`, `E229`.
    #[n(42)]
    GrantMandate(#[n(0)] MandateTerms),
    /// Revokes a mandate that was granted by vote. `E901`, `E221`, `E908`.
    #[n(43)]
    RevokeMandate {
        /// The mandate.
        #[n(0)]
        mandate: Id16,
    },
    /// Consents to the sharing of important data, or takes consent back. `E504`, `E506`, `E118`,
    /// `E115`, `E109`.
    #[n(44)]
    ConsentCatalogue(#[n(0)] CatalogueConsent),
}

impl Action {
    /// The kind, as JSON and events write it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AdoptType(_) => "adopt_type",
            Self::SetTypeState { .. } => "set_type_state",
            Self::AdoptScenario(_) => "adopt_scenario",
            Self::SetScenarioState { .. } => "set_scenario_state",
            Self::SetParameters(_) => "set_parameters",
            Self::AdoptCalendar(_) => "adopt_calendar",
            Self::AdmitMember(_) => "admit_member",
            Self::SuspendMember(_) => "suspend_member",
            Self::ReinstateMember { .. } => "reinstate_member",
            Self::ExpelMember { .. } => "expel_member",
            Self::ReplaceGovernors(_) => "replace_governors",
            Self::RevokeKey(_) => "revoke_key",
            Self::SetRules(_) => "set_rules",
            Self::AdoptStandard(_) => "adopt_standard",
            Self::AdoptRegions(_) => "adopt_regions",
            Self::GrantMandate(_) => "grant_mandate",
            Self::RevokeMandate { .. } => "revoke_mandate",
            Self::ConsentCatalogue(_) => "consent_catalogue",
        }
    }

    /// The class whose rule it is under.
    pub const fn class(&self) -> ActionClass {
        match self {
            Self::AdoptType(_)
            | Self::SetTypeState { .. }
            | Self::AdoptScenario(_)
            | Self::SetScenarioState { .. }
            | Self::ConsentCatalogue(_) => ActionClass::Catalogue,
            Self::SetParameters(_)
            | Self::AdoptCalendar(_)
            | Self::AdoptStandard(_)
            | Self::AdoptRegions(_) => ActionClass::Parameters,
            Self::AdmitMember(_) | Self::GrantMandate(_) | Self::RevokeMandate { .. } => {
                ActionClass::Membership
            }
            Self::SuspendMember(_) | Self::ReinstateMember { .. } | Self::ExpelMember { .. } => {
                ActionClass::Suspension
            }
            Self::ReplaceGovernors(_) => ActionClass::Recovery,
            Self::RevokeKey(_) => ActionClass::Keys,
            Self::SetRules(_) => ActionClass::Rules,
        }
    }

    /// The member it is about.
    pub const fn subject(&self) -> Option<Region> {
        match self {
            Self::AdmitMember(candidate) => Some(candidate.region),
            Self::SuspendMember(suspend) => Some(suspend.member),
            Self::ReinstateMember { member } | Self::ExpelMember { member, .. } => Some(*member),
            Self::ReplaceGovernors(replace) => Some(replace.member),
            _ => None,
        }
    }

    /// Whether it may be proposed now.
    ///
    /// # Errors
    /// As [`Action::check`]; `E202` also while the same province is proposed already.
    pub(crate) fn propose(&self, ctx: &Context<'_, '_>) -> Result<(), Code> {
        match self {
            Self::AdmitMember(candidate) => candidate.check(ctx, true),
            _ => self.check(ctx),
        }
    }

    /// Whether it could be done now.
    ///
    /// # Errors
    /// As the variant says.
    pub(crate) fn check(&self, ctx: &Context<'_, '_>) -> Result<(), Code> {
        let change = |state| ListChange { state, stamp: ctx.stamp_now() };
        match self {
            Self::AdoptType(terms) => {
                listing::can_adopt_type(ctx.state, terms, ctx.parameters.fictitious)
            }
            Self::SetTypeState { code, version, state, merged_into } => {
                let key = (*code, *version);
                listing::changed_type(ctx.state, key, change(*state), *merged_into).map(|_| ())
            }
            Self::AdoptScenario(terms) => listing::can_adopt_scenario(ctx.state, terms),
            Self::SetScenarioState { id, state } => {
                listing::changed_scenario(ctx.state, *id, change(*state)).map(|_| ())
            }
            Self::SetParameters(new) => {
                new.validate()?;
                if new.coordinator != ctx.parameters.coordinator {
                    new.coordinator.map_or(Ok(()), |named| named.check(&*ctx.state))?;
                }
                let same = new.fictitious == ctx.parameters.fictitious;
                if same { Ok(()) } else { Err(Code::BadField) }
            }
            Self::AdoptCalendar(calendar) => {
                let fixed = ctx.state.has(&CALENDARS, &calendar.year())
                    && calendar.year() < ctx.today().year();
                if fixed { Err(Code::BadField) } else { Ok(()) }
            }
            Self::AdmitMember(candidate) => candidate.check(ctx, false),
            Self::SuspendMember(suspend) => suspend.check(ctx).map(|_| ()),
            Self::ReinstateMember { member } => membership::can_reinstate(ctx, *member).map(|_| ()),
            Self::ExpelMember { member, reason, evidence } => {
                membership::can_expel(ctx, *member, (*reason, *evidence)).map(|_| ())
            }
            Self::ReplaceGovernors(replace) => replace.check(ctx).map(|_| ()),
            Self::RevokeKey(revoke) => revoke.check(ctx).map(|_| ()),
            Self::SetRules(table) => table.validate(),
            Self::AdoptStandard(standard) => standard.check(&*ctx.state),
            Self::AdoptRegions(change) => change.check(),
            Self::GrantMandate(terms) => terms.check(ctx),
            Self::RevokeMandate { mandate } => {
                oversight::revocable(&*ctx.state, mandate, GrantedBy::Vote).map(|_| ())
            }
            Self::ConsentCatalogue(change) => change.check(&*ctx.state).map(|_| ()),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// As [`Action::check`].
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        self.check(ctx)?;
        let stamp = ctx.stamp_now();
        let change = |state| ListChange { state, stamp };
        match self {
            Self::AdoptType(terms) => listing::adopt_type(ctx.state, terms, stamp),
            Self::SetTypeState { code, version, state, merged_into } => {
                let (key, into) = ((*code, *version), *merged_into);
                let changed = listing::changed_type(ctx.state, key, change(*state), into)?;
                ctx.state.put(&TYPES, &key, &changed);
            }
            Self::AdoptScenario(terms) => listing::adopt_scenario(ctx.state, terms, stamp),
            Self::SetScenarioState { id, state } => {
                let changed = listing::changed_scenario(ctx.state, *id, change(*state))?;
                ctx.state.put(&SCENARIOS, id, &changed);
            }
            Self::SetParameters(new) => ctx.state.put(&PARAMETERS, &(), new),
            Self::AdoptCalendar(calendar) => {
                ctx.state.put(&CALENDARS, &calendar.year(), calendar);
            }
            Self::AdmitMember(candidate) => candidate.approve(ctx),
            Self::SuspendMember(suspend) => suspend.apply(ctx)?,
            Self::ReinstateMember { member } => membership::reinstate(ctx, *member)?,
            Self::ExpelMember { member, reason, evidence } => {
                membership::expel(ctx, *member, (*reason, *evidence))?;
            }
            Self::ReplaceGovernors(replace) => replace.apply(ctx)?,
            Self::RevokeKey(revoke) => revoke.apply(ctx)?,
            Self::SetRules(table) => ctx.state.put(&RULES, &(), table),
            Self::AdoptStandard(standard) => standard.adopt(ctx.state, stamp),
            Self::AdoptRegions(change) => change.adopt(ctx.state, stamp),
            Self::GrantMandate(terms) => terms.grant(ctx.state, GrantedBy::Vote, stamp),
            Self::RevokeMandate { mandate } => {
                let found = oversight::revocable(&*ctx.state, mandate, GrantedBy::Vote)?;
                oversight::revoke(ctx.state, found, stamp);
            }
            Self::ConsentCatalogue(change) => change.apply(ctx, stamp)?,
        }
        Ok(())
    }
}

impl Parameters {
    /// Checks that a ledger can live with these parameters.
    ///
    /// # Errors
    /// `E118`.
    pub fn validate(&self) -> Result<(), Code> {
        let day = DAY_MS;
        let spans = (MIN_VALIDITY_MS..=day).contains(&self.max_validity_ms)
            && self.max_future_ms <= day
            && (1_000..=day).contains(&self.heartbeat_ms)
            && (MIN_CLOCK_AHEAD_MS..=3_600_000).contains(&self.max_clock_ahead_ms);
        let days = (1..=MAX_DAYS).contains(&self.ballot_days)
            && (1..=MAX_KEY_DAYS).contains(&self.key_term_days)
            && (1..=MAX_DAYS).contains(&self.grant_term_days)
            && self.key_overlap_days <= self.key_term_days
            && self.correction_working_days <= 30
            && self.late_use_hours <= 24 * 7;
        let admitted = self.admitted.len() <= MAX_ADMITTED
            && self.admitted.is_sorted_by(|a, b| a < b)
            && self.admitted.iter().all(|code| hefu_primitives::codes::uscc::check(code).is_ok());
        if spans && days && admitted { Ok(()) } else { Err(Code::BadField) }
    }
}
