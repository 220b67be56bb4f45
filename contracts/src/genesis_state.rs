//! The state a ledger begins with, before its first block.
//!
//! Rules:
//! 1. Every list is sorted by its record's key and has no key twice, so that one state has one
//!    document.
//! 2. What would be refused as an act is refused here too: codes, names, mandates, terms, roles.
//! 3. Every active member has one validator, with the member's key; nobody else has one.
//!
//! This module does not know the genesis document, its hash or its signatures: who proved
//! possession of which key is the ceremony's business.

use std::collections::BTreeSet;

use hefu_primitives::codes::region;
use hefu_primitives::time::{DAY_MS, WorkCalendar};
use hefu_primitives::{Height, KeyId, Millis, PublicKey, Uscc, Validator, ValidatorSet};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::certificate::{CertTypeTerms, ScenarioTerms, listing};
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::{VALIDATORS, ValidatorSchedule};
use crate::identity::authority::{MAX_MANDATE, check_code};
use crate::identity::coordinator::may_coordinate;
use crate::identity::{
    AUTHORITIES, AUTHORITY_HISTORY, Authority, CALENDARS, KEYS, KEYS_BY_OWNER, KeyRecord, KeyState,
    LIVE_KEYS, MEMBERS, Member, MemberState, PARAMETERS, Parameters, Role, public_name,
};
use crate::state::{MemoryState, State, Writes};

/// What came with genesis rather than with an act.
const GENESIS: Stamp =
    Stamp { height: Height(0), time: Millis(0), occurred_at: Millis(0), key: KeyId::ZERO };

/// All records a ledger begins with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialState {
    /// Parameters.
    #[n(0)]
    pub parameters: Parameters,
    /// Members, by province.
    #[n(1)]
    pub members: Vec<Member>,
    /// Authorities, by code.
    #[n(2)]
    pub authorities: Vec<Authority>,
    /// Keys, by id.
    #[n(3)]
    pub keys: Vec<KeyRecord>,
    /// Adopted certificate types, by code and version.
    #[n(4)]
    pub types: Vec<CertTypeTerms>,
    /// Adopted scenarios, by number.
    #[n(5)]
    pub scenarios: Vec<ScenarioTerms>,
    /// Work calendars, by year.
    #[n(6)]
    pub calendars: Vec<WorkCalendar>,
    /// The validators, by province.
    #[n(7)]
    pub validators: Vec<Validator>,
}

/// A part of an [`InitialState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the lists of the state
pub enum Part {
    Parameters,
    Members,
    Authorities,
    Keys,
    Types,
    Scenarios,
    Calendars,
    Validators,
}

/// What is wrong with an [`InitialState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} {place}: {code}")]
pub struct InitialStateError {
    /// In which list.
    pub part: Part,
    /// At which place, from 0.
    pub place: usize,
    /// Which rule.
    pub code: Code,
}

impl InitialState {
    /// The validator set that decides height 1; none when the list is no set.
    pub fn validator_set(&self) -> Option<ValidatorSet> {
        ValidatorSet::new(self.validators.clone()).ok()
    }

    /// The records as a first write set, over nothing.
    pub fn writes(&self) -> Writes {
        let nothing = MemoryState::default();
        let mut state = State::new(&nothing);
        state.put(&PARAMETERS, &(), &self.parameters);
        for member in &self.members {
            state.put(&MEMBERS, &member.region, member);
        }
        for authority in &self.authorities {
            state.put(&AUTHORITIES, &authority.code, authority);
            state.put(&AUTHORITY_HISTORY, &(authority.code, Height(0)), authority);
        }
        for key in &self.keys {
            state.put(&KEYS, &key.key.id(), key);
            state.put(&KEYS_BY_OWNER, &(key.owner, key.key.id()), &());
            state.put(&LIVE_KEYS, &key.live_row(), &());
        }
        for terms in &self.types {
            listing::adopt_type(&mut state, terms, GENESIS);
        }
        for terms in &self.scenarios {
            listing::adopt_scenario(&mut state, terms, GENESIS);
        }
        for calendar in &self.calendars {
            state.put(&CALENDARS, &calendar.year(), calendar);
        }
        if let Some(set) = self.validator_set() {
            state.put(&VALIDATORS, &(), &ValidatorSchedule { next: set.clone(), after: set });
        }
        state.keep_transaction();
        state.into_writes()
    }

    /// Checks the rules of this module.
    ///
    /// # Errors
    /// The first list and place where one is broken.
    pub fn validate(&self) -> Result<(), InitialStateError> {
        let whole = |part| move |code| InitialStateError { part, place: 0, code };
        self.parameters.validate().map_err(whole(Part::Parameters))?;
        each(Part::Types, &self.types, |t| (t.code, t.version), |t| self.check_type(t))?;
        each(Part::Scenarios, &self.scenarios, |s| s.id, |s| self.check_scenario(s))?;
        each(Part::Calendars, &self.calendars, WorkCalendar::year, |_| Ok(()))?;
        each(Part::Authorities, &self.authorities, |a| a.code, |a| self.check_authority(a))?;
        each(Part::Keys, &self.keys, |k| k.key.id(), |k| self.check_key(k))?;
        each(Part::Members, &self.members, |m| m.region, |m| self.check_member(m))?;
        self.check_distinct().map_err(whole(Part::Members))?;
        self.check_coordinator().map_err(whole(Part::Parameters))?;
        each(Part::Validators, &self.validators, |v| v.region, |v| self.check_validator(v))?;
        let active = self.members.iter().filter(|m| m.state == MemberState::Active).count();
        if self.validator_set().is_none() || active != self.validators.len() {
            return Err(whole(Part::Validators)(Code::ValidatorSetTooSmall));
        }
        Ok(())
    }

    fn check_type(&self, terms: &CertTypeTerms) -> Result<(), Code> {
        listing::check_type(terms, self.parameters.fictitious)?;
        self.member(terms.lead)?;
        let before = terms.version.saturating_sub(1);
        let follows =
            before == 0 || self.types.iter().any(|t| t.code == terms.code && t.version == before);
        if follows { Ok(()) } else { Err(Code::VersionNotNext) }
    }

    fn check_scenario(&self, terms: &ScenarioTerms) -> Result<(), Code> {
        listing::check_scenario(terms)?;
        let listed =
            |code, version| self.types.iter().any(|t| t.code == code && t.version == version);
        let all = terms.types.iter().all(|entry| listed(entry.code, entry.min_version));
        if all { Ok(()) } else { Err(Code::TypeNotAdopted) }
    }

    fn check_authority(&self, authority: &Authority) -> Result<(), Code> {
        check_code(&authority.code, &self.parameters)?;
        self.member(authority.member)?;
        let centre = authority.central_vertical && authority.code.region() == Some(region::CENTRE);
        if !authority.code.belongs_to(authority.member) && !centre {
            return Err(Code::PrefixMismatch);
        }
        let placed = authority.region.level().is_some()
            && authority.region.province() == authority.member
            && (1..=6).contains(&authority.level);
        if !placed || authority.successor.is_some() {
            return Err(Code::BadField);
        }
        public_name(&authority.name)?;
        let Authority { may_issue, may_rely, may_handle, .. } = authority;
        let known = may_issue.iter().all(|code| self.types.iter().any(|t| t.code == *code))
            && may_rely.iter().all(|id| self.scenarios.iter().any(|s| s.id == *id))
            && may_handle.iter().all(|item| item.parts().is_ok());
        let bounded = is_list(may_issue) && is_list(may_rely) && is_list(may_handle);
        if known && bounded { Ok(()) } else { Err(Code::MandateInvalid) }
    }

    /// Who coordinates is there, with its key.
    fn check_coordinator(&self) -> Result<(), Code> {
        let Some(named) = self.parameters.coordinator else { return Ok(()) };
        let speaks = |key: &KeyRecord| {
            key.key.id() == named.key
                && key.owner == named.authority
                && key.roles == [Role::Coordinator]
        };
        if self.keys.iter().any(speaks) { Ok(()) } else { Err(Code::BadField) }
    }

    fn check_key(&self, key: &KeyRecord) -> Result<(), Code> {
        self.authority(&key.owner)?;
        let single = [Role::Governor, Role::Cosigner, Role::Coordinator];
        let alone = single.iter().any(|role| key.roles.contains(role));
        let operates = self.members.iter().any(|member| member.operator == key.owner);
        let foreign = (key.roles.contains(&Role::Cosigner) && !operates)
            || (key.roles.contains(&Role::Coordinator) && !may_coordinate(&key.owner));
        let mixed = alone && key.roles.len() > 1;
        if !is_list(&key.roles) || key.roles.is_empty() || mixed || foreign {
            return Err(Code::RolesInvalid);
        }
        let longest = u64::from(self.parameters.key_term_days).saturating_mul(DAY_MS);
        let term = key.not_after.0.checked_sub(key.not_before.0).ok_or(Code::KeyTerm)?;
        if term == 0 || term > longest {
            return Err(Code::KeyTerm);
        }
        if !key.key.is_registrable() {
            return Err(Code::BadKeyPossession);
        }
        let fresh = key.state == KeyState::Active
            && key.retires_at.is_none()
            && key.revocation.is_none()
            && key.first_revocation.is_none()
            && (key.bound_at, key.bound_time) == (Height(0), Millis(0));
        if fresh { Ok(()) } else { Err(Code::BadField) }
    }

    fn check_member(&self, member: &Member) -> Result<(), Code> {
        if !region::is_member_eligible(member.region) {
            return Err(Code::RegionInvalid);
        }
        public_name(&member.name_zh)?;
        public_name(&member.name_en)?;
        if self.authority(&member.operator)?.member != member.region {
            return Err(Code::OperatorUsccInvalid);
        }
        let (threshold, governors) = (usize::from(member.threshold), member.governors.len());
        let majority = threshold <= governors && threshold.saturating_mul(2) > governors;
        if !majority || member.state != MemberState::Active {
            return Err(Code::BadField);
        }
        let governs = |id: &KeyId| {
            let key = self.keys.iter().find(|key| key.key.id() == *id);
            key.is_some_and(|k| k.owner == member.operator && k.roles == [Role::Governor])
        };
        if member.governors.iter().all(governs) { Ok(()) } else { Err(Code::RolesInvalid) }
    }

    /// Validator, node and bound keys of all members are different keys.
    fn check_distinct(&self) -> Result<(), Code> {
        let mut seen: BTreeSet<PublicKey> = BTreeSet::new();
        let members = self.members.iter().flat_map(|m| [m.validator_key, m.node_key]);
        let mut all = members.chain(self.keys.iter().map(|key| key.key));
        let governors: Vec<&KeyId> = self.members.iter().flat_map(|m| &m.governors).collect();
        let distinct: BTreeSet<&KeyId> = governors.iter().copied().collect();
        if all.all(|key| seen.insert(key)) && distinct.len() == governors.len() {
            Ok(())
        } else {
            Err(Code::KeysNotDistinct)
        }
    }

    fn check_validator(&self, validator: &Validator) -> Result<(), Code> {
        let member = self.member(validator.region)?;
        let good = member.validator_key == validator.key && validator.key.is_registrable();
        if good { Ok(()) } else { Err(Code::KeysNotDistinct) }
    }

    fn member(&self, region: hefu_primitives::Region) -> Result<&Member, Code> {
        self.members.iter().find(|m| m.region == region).ok_or(Code::UnknownMember)
    }

    fn authority(&self, code: &Uscc) -> Result<&Authority, Code> {
        self.authorities.iter().find(|a| a.code == *code).ok_or(Code::UnknownAuthority)
    }
}

/// Rule 1 for a whole list, and `check` for each of its items.
fn each<T, K: Ord>(
    part: Part,
    items: &[T],
    key: impl Fn(&T) -> K,
    check: impl Fn(&T) -> Result<(), Code>,
) -> Result<(), InitialStateError> {
    let mut last: Option<K> = None;
    for (place, item) in items.iter().enumerate() {
        let at = |code| InitialStateError { part, place, code };
        let key = key(item);
        if last.is_some_and(|last| last >= key) {
            return Err(at(Code::IdReused));
        }
        check(item).map_err(at)?;
        last = Some(key);
    }
    Ok(())
}

/// Sorted, without an item twice, and bounded.
fn is_list<T: Ord>(items: &[T]) -> bool {
    items.is_sorted_by(|a, b| a < b) && items.len() <= MAX_MANDATE
}
