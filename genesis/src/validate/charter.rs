//! Rules of what the founders agree on: parameters, types, scenarios, calendars, agreements,
//! service items.

use std::collections::{BTreeMap, BTreeSet};

use hefu_contracts::certificate::listing::{
    check_scenario as check_scenario_terms, check_type as check_terms,
};
use hefu_contracts::certificate::{CertTypeTerms, IdPolicy, ScenarioTerms};
use hefu_contracts::identity::Parameters;
use hefu_contracts::recognition::{AgreementEntry, AgreementKind, ProposeAgreement};
use hefu_contracts::service::ItemTerms;
use hefu_primitives::codes::type_code;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Region, TypeCode};

use super::{
    MAX_ADMITTED, MAX_AGREEMENTS, MAX_CALENDARS, MAX_ITEMS, MAX_SCENARIOS, MAX_TYPES, of_kind,
    public_text, repeated,
};
use crate::document::{Charter, Kind};
use crate::error::{AgreementFault, CharterFault, ItemFault, ScenarioFault, TypeFault};

/// 2020-01-01 and 2100-01-01 in UTC.
const CREATED: std::ops::Range<u64> = 1_577_836_800_000..4_102_444_800_000;
/// Most entries of an agreement, and scenarios of an entry, as the contract has it.
const MAX_ENTRIES: usize = 64;
/// Working days to settle a dispute, as the contract has it.
const DISPUTE_DAYS: std::ops::RangeInclusive<u16> = 1..=60;

/// Types by code with their highest version, as later checks ask for them.
type Types = BTreeMap<TypeCode, u16>;

/// Checks a sorted charter for these founding members.
pub(crate) fn charter(charter: &Charter, founders: &BTreeSet<Region>) -> Result<(), CharterFault> {
    public_text(&charter.name_zh)?;
    public_text(&charter.name_en)?;
    if !CREATED.contains(&charter.created.0) {
        return Err(CharterFault::Created);
    }
    lengths(charter)?;
    parameters(&charter.parameters, charter.kind)?;
    let types = types(charter, founders)?;
    scenarios(&charter.scenarios, &types)?;
    let years: Vec<u16> = charter.calendars.iter().map(|calendar| calendar.year()).collect();
    if let Some(year) = repeated(&years) {
        return Err(CharterFault::RepeatedCalendar(*year));
    }
    agreements(charter, &types, founders)?;
    items(charter, founders)
}

fn items(charter: &Charter, founders: &BTreeSet<Region>) -> Result<(), CharterFault> {
    let mut previous = None;
    for item in &charter.items {
        let base = item.base;
        let result = if previous == Some(base) {
            Err(ItemFault::Repeated)
        } else {
            check_item(item, charter, founders)
        };
        result.map_err(|fault| CharterFault::Item { base, fault })?;
        previous = Some(base);
    }
    Ok(())
}

fn check_item(
    item: &ItemTerms,
    charter: &Charter,
    founders: &BTreeSet<Region>,
) -> Result<(), ItemFault> {
    if item.version != 1 {
        return Err(ItemFault::Version);
    }
    if let Some(unknown) = item.participants.iter().find(|region| !founders.contains(region)) {
        return Err(ItemFault::UnknownParty(*unknown));
    }
    let listed = |id: &u32| charter.scenarios.iter().any(|s| s.id == *id && s.item == item.base);
    match item.scenarios.iter().find(|id| !listed(id)) {
        Some(unknown) => Err(ItemFault::UnknownScenario(*unknown)),
        None => Ok(item.check()?),
    }
}

fn lengths(charter: &Charter) -> Result<(), CharterFault> {
    let lists = [
        ("types", charter.types.len(), MAX_TYPES),
        ("scenarios", charter.scenarios.len(), MAX_SCENARIOS),
        ("calendars", charter.calendars.len(), MAX_CALENDARS),
        ("agreements", charter.agreements.len(), MAX_AGREEMENTS),
        ("items", charter.items.len(), MAX_ITEMS),
        ("admitted codes", charter.parameters.admitted.len(), MAX_ADMITTED),
    ];
    match lists.into_iter().find(|(_, found, bound)| found > bound) {
        Some((what, found, bound)) => Err(CharterFault::TooMany { what, bound, found }),
        None => Ok(()),
    }
}

/// Ranges outside which a ledger could not run, or would break a rule that is no parameter.
fn parameters(parameters: &Parameters, kind: Kind) -> Result<(), CharterFault> {
    let day = hefu_primitives::time::DAY_MS;
    let checks = [
        ("max_validity_ms", (60_000..=day).contains(&parameters.max_validity_ms)),
        ("max_future_ms", parameters.max_future_ms <= day),
        ("heartbeat_ms", (1_000..=day).contains(&parameters.heartbeat_ms)),
        ("max_clock_ahead_ms", (100..=3_600_000).contains(&parameters.max_clock_ahead_ms)),
        ("ballot_days", (1..=366).contains(&parameters.ballot_days)),
        ("key_overlap_days", parameters.key_overlap_days <= parameters.key_term_days),
        ("key_term_days", (1..=731).contains(&parameters.key_term_days)),
        ("grant_term_days", (1..=366).contains(&parameters.grant_term_days)),
        ("correction_working_days", parameters.correction_working_days <= 30),
        ("late_use_hours", parameters.late_use_hours <= 168),
        ("fictitious", parameters.fictitious == (kind == Kind::Demo)),
        ("admitted", repeated(&parameters.admitted).is_none()),
    ];
    match checks.into_iter().find(|(_, good)| !good) {
        Some((name, _)) => Err(CharterFault::Parameter(name)),
        None => parameters.validate().map_err(CharterFault::Parameters),
    }
}

fn types(charter: &Charter, founders: &BTreeSet<Region>) -> Result<Types, CharterFault> {
    let mut types = Types::new();
    for terms in &charter.types {
        let code = terms.code;
        let previous = types.get(&code).copied().unwrap_or(0);
        check_type(terms, charter.kind, previous, founders)
            .map_err(|fault| CharterFault::Type { code, fault })?;
        types.insert(code, terms.version);
    }
    Ok(types)
}

/// Names the common mistakes, then asks the contract whether it would adopt the type.
fn check_type(
    terms: &CertTypeTerms,
    kind: Kind,
    previous: u16,
    founders: &BTreeSet<Region>,
) -> Result<(), TypeFault> {
    type_code::check(&terms.code)?;
    of_kind(&terms.code.definer(), kind)?;
    public_text(&terms.name_zh)?;
    public_text(&terms.name_en)?;
    if previous == terms.version {
        return Err(TypeFault::Repeated);
    }
    if previous.checked_add(1) != Some(terms.version) {
        return Err(TypeFault::Version(terms.version));
    }
    if terms.holder_class.is_personal() && terms.id_policy != IdPolicy::Committed {
        return Err(TypeFault::PlainIdentifier);
    }
    if terms.schema_digest == H32::ZERO {
        return Err(TypeFault::Schema);
    }
    if !founders.contains(&terms.lead) {
        return Err(TypeFault::Lead(terms.lead));
    }
    Ok(check_terms(terms, kind == Kind::Demo)?)
}

fn scenarios(listed: &[ScenarioTerms], types: &Types) -> Result<(), CharterFault> {
    let mut previous = None;
    for scenario in listed {
        let id = scenario.id;
        let result = if previous == Some(id) {
            Err(ScenarioFault::Repeated)
        } else {
            check_scenario(scenario, types)
        };
        result.map_err(|fault| CharterFault::Scenario { id, fault })?;
        previous = Some(id);
    }
    Ok(())
}

fn check_scenario(scenario: &ScenarioTerms, types: &Types) -> Result<(), ScenarioFault> {
    if scenario.id == 0 {
        return Err(ScenarioFault::Zero);
    }
    scenario.item.parts()?;
    let codes: Vec<TypeCode> = scenario.types.iter().map(|listed| listed.code).collect();
    if codes.is_empty() || repeated(&codes).is_some() {
        return Err(ScenarioFault::Types);
    }
    for listed in &scenario.types {
        if !has_version(types, listed.code, listed.min_version) {
            return Err(ScenarioFault::UnknownType(listed.code));
        }
    }
    Ok(check_scenario_terms(scenario)?)
}

fn has_version(types: &Types, code: TypeCode, version: u16) -> bool {
    version > 0 && types.get(&code).is_some_and(|highest| version <= *highest)
}

fn agreements(
    charter: &Charter,
    types: &Types,
    founders: &BTreeSet<Region>,
) -> Result<(), CharterFault> {
    let mut previous = None;
    for agreement in &charter.agreements {
        let id = agreement.id;
        let result = if previous == Some(id) {
            Err(AgreementFault::Repeated)
        } else {
            check_agreement(agreement, charter, types, founders)
        };
        result.map_err(|fault| CharterFault::Agreement { id, fault })?;
        previous = Some(id);
    }
    Ok(())
}

fn check_agreement(
    agreement: &ProposeAgreement,
    charter: &Charter,
    types: &Types,
    founders: &BTreeSet<Region>,
) -> Result<(), AgreementFault> {
    let parties = agreement.parties.len();
    let too_many = agreement.kind == AgreementKind::Bi && parties > 2;
    if parties < 2 || too_many || repeated(&agreement.parties).is_some() {
        return Err(AgreementFault::Parties);
    }
    if let Some(unknown) = agreement.parties.iter().find(|party| !founders.contains(party)) {
        return Err(AgreementFault::UnknownParty(*unknown));
    }
    if agreement.version != 1 || agreement.amends.is_some() {
        return Err(AgreementFault::Amendment);
    }
    let codes: Vec<TypeCode> = agreement.entries.iter().map(|entry| entry.type_code).collect();
    if !(1..=MAX_ENTRIES).contains(&codes.len()) || repeated(&codes).is_some() {
        return Err(AgreementFault::Entries);
    }
    agreement.entries.iter().try_for_each(|entry| check_entry(entry, charter, types))?;
    let last = agreement.until.unwrap_or(Day::MAX);
    if agreement.effective < Day::of_beijing(charter.created) || last < agreement.effective {
        return Err(AgreementFault::Days);
    }
    if !DISPUTE_DAYS.contains(&agreement.dispute_days) {
        return Err(AgreementFault::DisputeDays);
    }
    if agreement.legal_digest == H32::ZERO {
        return Err(AgreementFault::Text);
    }
    Ok(())
}

fn check_entry(
    entry: &AgreementEntry,
    charter: &Charter,
    types: &Types,
) -> Result<(), AgreementFault> {
    if !has_version(types, entry.type_code, entry.min_version) {
        return Err(AgreementFault::UnknownType(entry.type_code));
    }
    if !(1..=MAX_ENTRIES).contains(&entry.scenarios.len()) {
        return Err(AgreementFault::Scenarios(entry.type_code));
    }
    if let Some(twice) = repeated(&entry.scenarios) {
        return Err(AgreementFault::UnknownScenario(*twice));
    }
    let covers = |id: u32| {
        let scenario = charter.scenarios.iter().find(|scenario| scenario.id == id);
        scenario.is_some_and(|s| s.types.iter().any(|listed| listed.code == entry.type_code))
    };
    match entry.scenarios.iter().find(|id| !covers(**id)) {
        Some(unknown) => Err(AgreementFault::UnknownScenario(*unknown)),
        None => Ok(()),
    }
}
