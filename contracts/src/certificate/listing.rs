//! The lists the provinces share: certificate types (共享目录) and scenarios (应用场景清单).
//!
//! Both change by vote between provinces alone; this module says what a vote may do, and does it.
//! A version of a type is never edited: a new one is adopted beside it.

use hefu_primitives::codes::type_code;
use hefu_primitives::{BaseCode, H32, Region, TypeCode};

use super::records::{
    CertType, CertTypeTerms, IdPolicy, ListChange, ListState, SCENARIOS, Scenario, ScenarioTerms,
    TYPE_USES, TYPES, Validity,
};
use crate::code::Code;
use crate::common::Stamp;
use crate::identity::{MEMBERS, public_name};
use crate::state::{State, StateView};

/// Most versions of a type.
pub const MAX_TYPE_VERSIONS: u16 = 999;
/// Most types in a scenario.
pub const MAX_SCENARIO_TYPES: usize = 64;
/// Oldest state that a scenario may let a check rest on, in seconds: seven days, because the
/// times of earlier heights are not kept.
pub const MAX_FRESHNESS_S: u32 = 604_800;
/// Most changes of a listed item's state.
pub const MAX_LIST_CHANGES: usize = 64;

/// All versions of a type, oldest first.
pub fn versions(view: &dyn StateView, code: &TypeCode) -> Vec<CertType> {
    let all = TYPES.read_all(view, code, usize::from(MAX_TYPE_VERSIONS));
    all.into_iter().map(|(_, version)| version).collect()
}

/// Whether any version of a type is adopted.
pub fn is_type_adopted(view: &dyn StateView, code: &TypeCode) -> bool {
    versions(view, code).iter().any(|version| version.state() == ListState::Adopted)
}

/// Whether a scenario is adopted.
pub fn is_scenario_adopted(view: &dyn StateView, id: u32) -> bool {
    SCENARIOS.read(view, &id).is_some_and(|scenario| scenario.state() == ListState::Adopted)
}

/// Checks the terms of a type by themselves, on a ledger whose codes are made up or not.
///
/// # Errors
/// `E312` code, `E313` version zero, `E311` identifiers that point at persons, `E118` other
/// fields, `E109` a name.
pub fn check_type(terms: &CertTypeTerms, fictitious: bool) -> Result<(), Code> {
    let made_up = terms.code.definer().is_fictitious();
    if type_code::check(&terms.code).is_err() || made_up != fictitious {
        return Err(Code::BadTypeCode);
    }
    if terms.version == 0 || terms.version > MAX_TYPE_VERSIONS {
        return Err(Code::VersionNotNext);
    }
    if terms.holder_class.is_personal() && terms.id_policy != IdPolicy::Committed {
        return Err(Code::CommittedRequired);
    }
    let codes = &terms.holder_codes;
    if terms.schema_digest == H32::ZERO
        || terms.canon_version == 0
        || codes.len() > 8
        || !codes.is_sorted_by(|a, b| a < b)
        || terms.validity == Validity::Years(0)
    {
        return Err(Code::BadField);
    }
    public_name(&terms.name_zh)?;
    public_name(&terms.name_en)
}

/// Checks that a type can be adopted now.
pub(crate) fn can_adopt_type(
    view: &dyn StateView,
    terms: &CertTypeTerms,
    fictitious: bool,
) -> Result<(), Code> {
    check_type(terms, fictitious)?;
    let latest = versions(view, &terms.code).last().map_or(0, |latest| latest.terms.version);
    if terms.version != latest.saturating_add(1) {
        return Err(Code::VersionNotNext);
    }
    member(view, terms.lead)
}

/// Adopts a version of a type.
pub(crate) fn adopt_type(state: &mut State<'_>, terms: &CertTypeTerms, stamp: Stamp) {
    let history = vec![ListChange { state: ListState::Adopted, stamp }];
    let adopted = CertType { terms: terms.clone(), history, merged_into: None };
    state.put(&TYPES, &(terms.code, terms.version), &adopted);
}

/// A version of a type as it is after a change of state.
///
/// # Errors
/// `E301` unknown, or what it is merged into is not adopted; `E320` no such transition; `E314` still
/// listed by an agreement; `E118` merged into itself, or without being retired.
pub(crate) fn changed_type(
    view: &dyn StateView,
    (code, version): (TypeCode, u16),
    change: ListChange,
    merged_into: Option<TypeCode>,
) -> Result<CertType, Code> {
    let mut found = TYPES.read(view, &(code, version)).ok_or(Code::TypeNotAdopted)?;
    transition(&mut found.history, change)?;
    if let Some(target) = merged_into {
        if target == code || change.state != ListState::Retired {
            return Err(Code::BadField);
        }
        let adopted = |version: &CertType| version.state() == ListState::Adopted;
        if !versions(view, &target).iter().any(adopted) {
            return Err(Code::TypeNotAdopted);
        }
        found.merged_into = merged_into;
    }
    if change.state == ListState::Retired && in_use(view, &code, version) {
        return Err(Code::TypeInUse);
    }
    Ok(found)
}

/// Whether an agreement lists a type in a way that only this version can serve: no later one is
/// adopted, and its least version is not above this one.
fn in_use(view: &dyn StateView, code: &TypeCode, version: u16) -> bool {
    let another = versions(view, code)
        .iter()
        .any(|other| other.terms.version > version && other.state() == ListState::Adopted);
    !another && !TYPE_USES.read_all(view, code, 1).is_empty()
}

/// Checks the terms of a scenario by themselves.
///
/// # Errors
/// `E118`.
pub fn check_scenario(terms: &ScenarioTerms) -> Result<(), Code> {
    let count = terms.types.len();
    let ordered = terms.types.is_sorted_by(|a, b| a.code < b.code);
    let item: &BaseCode = &terms.item;
    let good = (1..=MAX_SCENARIO_TYPES).contains(&count)
        && ordered
        && (1..=MAX_FRESHNESS_S).contains(&terms.freshness_s)
        && item.parts().is_ok();
    if good { Ok(()) } else { Err(Code::BadField) }
}

/// Checks that a scenario can be adopted now.
pub(crate) fn can_adopt_scenario(view: &dyn StateView, terms: &ScenarioTerms) -> Result<(), Code> {
    check_scenario(terms)?;
    if SCENARIOS.read(view, &terms.id).is_some() {
        return Err(Code::IdReused);
    }
    let adopted = |code, version| {
        TYPES.read(view, &(code, version)).is_some_and(|t| t.state() == ListState::Adopted)
    };
    if terms.types.iter().all(|entry| adopted(entry.code, entry.min_version)) {
        Ok(())
    } else {
        Err(Code::TypeNotAdopted)
    }
}

/// Adopts a scenario.
pub(crate) fn adopt_scenario(state: &mut State<'_>, terms: &ScenarioTerms, stamp: Stamp) {
    let history = vec![ListChange { state: ListState::Adopted, stamp }];
    state.put(&SCENARIOS, &terms.id, &Scenario { terms: terms.clone(), history });
}

/// A scenario as it is after a change of state.
///
/// # Errors
/// `E334` unknown, `E320` no such transition.
pub(crate) fn changed_scenario(
    view: &dyn StateView,
    id: u32,
    change: ListChange,
) -> Result<Scenario, Code> {
    let mut found = SCENARIOS.read(view, &id).ok_or(Code::UnknownScenario)?;
    transition(&mut found.history, change)?;
    Ok(found)
}

/// Adopted ⇄ paused, and from both to retired. The last place is kept for retirement.
fn transition(history: &mut Vec<ListChange>, change: ListChange) -> Result<(), Code> {
    use ListState::{Adopted, Paused, Retired};
    let from = history.last().map_or(Retired, |last| last.state);
    let room = MAX_LIST_CHANGES.saturating_sub(usize::from(change.state != Retired));
    match (from, change.state) {
        (Adopted, Paused) | (Paused, Adopted) | (Adopted | Paused, Retired)
            if history.len() < room =>
        {
            history.push(change);
            Ok(())
        }
        _ => Err(Code::BadState),
    }
}

fn member(view: &dyn StateView, region: Region) -> Result<(), Code> {
    MEMBERS.read(view, &region).map(|_| ()).ok_or(Code::UnknownMember)
}
