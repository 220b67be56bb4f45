//! The rules of a document. Every rule is checked here and nowhere else.
//!
//! 1. Four members at least, of different provinces that may be members.
//! 2. Credit codes pass both their checks and belong to their province, or to a ministry's line;
//!    they are fictitious in a demonstration and never in production.
//! 3. All keys differ, whatever they are for, and can be registered.
//! 4. Acting keys have roles, none of them a governor's, and terms within the parameter.
//! 5. Mandates, scenarios and agreements refer to what the charter lists.
//! 6. Every list and text has a bound.
//!
//! Checks expect a sorted document ([`Document::sort`]): what stands twice stands side by side.

mod charter;
mod member;

use std::collections::{BTreeMap, BTreeSet};

use hefu_primitives::bounds::MAX_VALIDATORS;
use hefu_primitives::codes::personal_data;
use hefu_primitives::{PublicKey, Region, Uscc};

use crate::ceremony::keys_of;
use crate::document::{Document, FORMAT, Kind, MemberSeed};
use crate::error::{GenesisError, KeyUse, KindFault, TextFault};

pub(crate) use charter::charter;
pub(crate) use member::member;

/// Fewest members: the least number that tolerates one faulty member.
pub const MIN_MEMBERS: usize = 4;
/// Longest name, in characters.
pub const MAX_NAME: usize = 60;
/// Most certificate types, every version counted.
pub const MAX_TYPES: usize = 1_024;
/// Most scenarios.
pub const MAX_SCENARIOS: usize = 1_024;
/// Most work calendars.
pub const MAX_CALENDARS: usize = 16;
/// Most initial agreements.
pub const MAX_AGREEMENTS: usize = 64;
/// Most initial service items.
pub const MAX_ITEMS: usize = 1_024;
/// Most credit codes admitted by parameter.
pub const MAX_ADMITTED: usize = 64;
/// Most authorities of one member: departments of a province, its cities and counties.
pub const MAX_AUTHORITIES: usize = 4_096;
/// Most mandates of one kind of an authority.
pub const MAX_MANDATES: usize = hefu_contracts::identity::authority::MAX_MANDATE;
/// Most keys of an authority with the same role (domain.md §3.3).
pub const MAX_KEYS_PER_ROLE: usize = hefu_contracts::identity::key::MAX_KEYS_PER_ROLE;
/// Most addresses of a node.
pub const MAX_ADDRESSES: usize = hefu_contracts::identity::MAX_ADDRESSES;
/// Longest address, in bytes: a host name of 253, a colon and a port.
pub const MAX_ADDRESS_BYTES: usize = hefu_contracts::identity::MAX_ADDRESS_BYTES;

/// Checks a sorted document.
pub(crate) fn document(document: &Document) -> Result<(), GenesisError> {
    if document.format != FORMAT {
        return Err(GenesisError::Format { found: document.format });
    }
    let found = document.members.len();
    if !(MIN_MEMBERS..=MAX_VALIDATORS).contains(&found) {
        return Err(GenesisError::MemberCount { found });
    }
    let regions: Vec<Region> = document.members.iter().map(|member| member.region).collect();
    if let Some(region) = repeated(&regions) {
        return Err(GenesisError::RepeatedMember(*region));
    }
    charter(&document.charter, &regions.into_iter().collect::<BTreeSet<_>>())?;
    document.members.iter().try_for_each(|seed| member(seed, &document.charter))?;
    distinct(&document.members)
}

/// No authority and no key stands twice among these members.
fn distinct(members: &[MemberSeed]) -> Result<(), GenesisError> {
    distinct_authorities(members)?;
    distinct_keys(members)
}

fn distinct_authorities(members: &[MemberSeed]) -> Result<(), GenesisError> {
    let mut seen: BTreeMap<Uscc, Region> = BTreeMap::new();
    for member in members {
        for authority in &member.authorities {
            let (code, second) = (authority.code, member.region);
            if let Some(first) = seen.insert(code, second) {
                return Err(GenesisError::RepeatedAuthority { code, first, second });
            }
        }
    }
    Ok(())
}

fn distinct_keys(members: &[MemberSeed]) -> Result<(), GenesisError> {
    let mut seen: BTreeMap<PublicKey, (Region, KeyUse)> = BTreeMap::new();
    for member in members {
        let region = member.region;
        for (used, key) in keys_of(member) {
            if let Some((first_region, first)) = seen.insert(key, (region, used)) {
                return Err(GenesisError::RepeatedKey {
                    key: key.id(),
                    first_region,
                    first,
                    second_region: region,
                    second: used,
                });
            }
        }
    }
    Ok(())
}

/// The first of two equal neighbours.
fn repeated<T: PartialEq>(sorted: &[T]) -> Option<&T> {
    sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a == b).map(|(a, _)| a)
}

/// A name that stands on the ledger for everybody to read.
fn public_text(text: &str) -> Result<(), TextFault> {
    if text.is_empty() || text.chars().count() > MAX_NAME || text.trim() != text {
        return Err(TextFault::Length);
    }
    if text.chars().any(char::is_control) {
        return Err(TextFault::Control);
    }
    personal_data(text).map_or(Ok(()), |found| Err(found.into()))
}

/// Real and fictitious bodies do not mix (E222).
fn of_kind(code: &Uscc, kind: Kind) -> Result<(), KindFault> {
    match (kind, code.is_fictitious()) {
        (Kind::Production, true) => Err(KindFault::Fictitious(*code)),
        (Kind::Demo, false) => Err(KindFault::Real(*code)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
