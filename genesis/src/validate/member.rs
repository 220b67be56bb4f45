//! Rules of what one member brings: its keys, its authorities, their mandates and keys.

use std::collections::BTreeMap;

use hefu_contracts::identity::{Role, check_address};
use hefu_primitives::codes::region::{CENTRE, is_member_eligible};
use hefu_primitives::codes::{Level, uscc};
use hefu_primitives::time::DAY_MS;

use super::{
    MAX_ADDRESSES, MAX_AUTHORITIES, MAX_KEYS_PER_ROLE, MAX_MANDATES, distinct, of_kind,
    public_text, repeated,
};
use crate::ceremony::keys_of;
use crate::document::{AuthoritySeed, Charter, KeySeed, MemberSeed};
use crate::error::{AuthorityFault, GenesisError, MemberFault};

/// Checks a sorted seed against a valid charter, by itself: whether it agrees with other members
/// is checked once all are known.
pub(crate) fn member(member: &MemberSeed, charter: &Charter) -> Result<(), GenesisError> {
    let region = member.region;
    check_member(member).map_err(|fault| GenesisError::Member { region, fault })?;
    for authority in &member.authorities {
        check_authority(authority, member, charter).map_err(|fault| GenesisError::Authority {
            region,
            code: authority.code,
            fault,
        })?;
    }
    match keys_of(member).into_iter().find(|(_, key)| !key.is_registrable()) {
        Some((used, _)) => Err(GenesisError::WeakKey { region, used }),
        None => distinct(core::slice::from_ref(member)),
    }
}

fn check_member(member: &MemberSeed) -> Result<(), MemberFault> {
    if !is_member_eligible(member.region) {
        return Err(MemberFault::Region);
    }
    public_text(&member.name_zh)?;
    public_text(&member.name_en)?;
    let (found, bound) = (member.authorities.len(), MAX_AUTHORITIES);
    if !(1..=bound).contains(&found) {
        return Err(MemberFault::AuthorityCount { bound, found });
    }
    let own = |authority: &&AuthoritySeed| {
        authority.code == member.operator && authority.code.belongs_to(member.region)
    };
    if member.authorities.iter().find(own).is_none() {
        return Err(MemberFault::Operator(member.operator));
    }
    if member.addresses.len() > MAX_ADDRESSES {
        return Err(MemberFault::AddressCount(member.addresses.len()));
    }
    match member.addresses.iter().position(|address| !check_address(address)) {
        Some(place) => Err(MemberFault::Address(place)),
        None => Ok(()),
    }
}

fn check_authority(
    authority: &AuthoritySeed,
    member: &MemberSeed,
    charter: &Charter,
) -> Result<(), AuthorityFault> {
    let code = &authority.code;
    uscc::check(code)?;
    of_kind(code, charter.kind)?;
    if !code.as_str().starts_with('1') && !charter.parameters.admitted.contains(code) {
        return Err(AuthorityFault::NotPublic);
    }
    let vertical = authority.central_vertical && code.region() == Some(CENTRE);
    if !vertical && !code.belongs_to(member.region) {
        return Err(AuthorityFault::Prefix);
    }
    public_text(&authority.name)?;
    if Level::from_digit(authority.level).is_none() {
        return Err(AuthorityFault::Level(authority.level));
    }
    let region = authority.region;
    if region.province() != member.region || region.level().is_none() {
        return Err(AuthorityFault::Region(region));
    }
    check_mandates(authority, charter)?;
    check_keys(&authority.keys, (*code == member.operator, vertical), charter)
}

fn check_mandates(authority: &AuthoritySeed, charter: &Charter) -> Result<(), AuthorityFault> {
    let AuthoritySeed { may_issue, may_rely, may_handle, .. } = authority;
    let bound = MAX_MANDATES;
    let found = may_issue.len().max(may_rely.len()).max(may_handle.len());
    if found > bound {
        return Err(AuthorityFault::MandateCount { bound, found });
    }
    let twice = repeated(may_issue).is_some()
        || repeated(may_rely).is_some()
        || repeated(may_handle).is_some();
    if twice {
        return Err(AuthorityFault::RepeatedMandate);
    }
    let listed = |code| charter.types.iter().any(|terms| terms.code == code);
    if let Some(unknown) = may_issue.iter().find(|code| !listed(**code)) {
        return Err(AuthorityFault::UnknownType(*unknown));
    }
    let known = |id| charter.scenarios.iter().any(|scenario| scenario.id == id);
    if let Some(unknown) = may_rely.iter().find(|id| !known(**id)) {
        return Err(AuthorityFault::UnknownScenario(*unknown));
    }
    may_handle.iter().try_for_each(|code| match code.parts() {
        Ok(_) => Ok(()),
        Err(fault) => Err(AuthorityFault::Item { code: *code, fault }),
    })
}

/// A cosigner belongs to the operator, a coordinator to a body of the centre; both stand alone.
fn check_keys(
    keys: &[KeySeed],
    (operates, central): (bool, bool),
    charter: &Charter,
) -> Result<(), AuthorityFault> {
    let mut per_role: BTreeMap<Role, usize> = BTreeMap::new();
    for seed in keys {
        let (id, roles) = (seed.key.id(), &seed.roles);
        let governor = roles.contains(&Role::Governor);
        let cosigner = roles.contains(&Role::Cosigner);
        let coordinator = roles.contains(&Role::Coordinator);
        let misplaced = (cosigner && (roles.len() > 1 || !operates))
            || (coordinator && (roles.len() > 1 || !central));
        if roles.is_empty() || governor || misplaced || repeated(roles).is_some() {
            return Err(AuthorityFault::Roles(id));
        }
        for role in roles {
            let count = per_role.entry(*role).or_default();
            *count = count.saturating_add(1);
        }
        let longest = DAY_MS.saturating_mul(u64::from(charter.parameters.key_term_days));
        let term = seed.not_after.0.saturating_sub(seed.not_before.0);
        if term == 0 || term > longest || seed.not_after <= charter.created {
            return Err(AuthorityFault::Term(id));
        }
    }
    if per_role.values().any(|count| *count > MAX_KEYS_PER_ROLE) {
        return Err(AuthorityFault::KeysPerRole);
    }
    Ok(())
}
