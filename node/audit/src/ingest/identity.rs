//! Authorities, keys, votes, and who read.

use hefu_contracts::identity::{
    AUTHORITIES, Authority, BALLOTS, Ballot, KEYS, KeyRecord, KeyState,
};
use hefu_contracts::oversight::PutReadLogRoot;
use hefu_contracts::service::ITEM_VERSIONS;
use hefu_contracts::{Act, Writes};
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, Height, KeyId, Region, Uscc};

use super::{Seen, certificate, service};
use crate::error::AuditError;
use crate::position::Position;
use crate::schema;
use crate::value::{Value, list, name};
use crate::writer::Batch;

/// Rows of the records that the ledger begins with.
pub(super) fn genesis(batch: &mut Batch<'_>, records: &Writes) -> Result<(), AuditError> {
    let mut place = 0;
    let mut next = || {
        place += 1;
        Position::new(Height(0), place).ok_or(AuditError::BlockTooLarge(0))
    };
    let of = |prefix: u8| {
        let (from, to) = (vec![prefix], vec![prefix.saturating_add(1)]);
        records.range(from..to).filter_map(|(_, value)| value.as_deref())
    };
    let authorities: Vec<Authority> =
        of(AUTHORITIES.prefix()).filter_map(|bytes| AUTHORITIES.decode(bytes)).collect();
    for authority in &authorities {
        batch.version(&schema::AUTHORITIES, next()?, true, authority_row(authority))?;
    }
    for key in of(KEYS.prefix()).filter_map(|bytes| KEYS.decode(bytes)) {
        let owner = authorities.iter().find(|authority| authority.code == key.owner);
        let row = key_row(&key, owner.map(|owner| owner.member));
        batch.version(&schema::KEYS, next()?, true, row)?;
    }
    for version in of(ITEM_VERSIONS.prefix()).filter_map(|bytes| ITEM_VERSIONS.decode(bytes)) {
        batch.version(&schema::ITEMS, next()?, true, service::item_row(&version))?;
    }
    Ok(())
}

fn authority_row(authority: &Authority) -> Vec<Value> {
    vec![
        authority.code.into(),
        authority.member.into(),
        authority.level.into(),
        authority.name.as_str().into(),
        name(&authority.state),
        list(&authority.may_issue),
        list(&authority.may_rely),
        list(&authority.may_handle),
        authority.successor.or(authority.succession.map(|due| due.to)).into(),
        authority.succession.map(|due| due.effective).into(),
    ]
}

fn key_row(key: &KeyRecord, region: Option<Region>) -> Vec<Value> {
    let ended = key.first_revocation.or(key.revocation);
    vec![
        key.key.id().into(),
        key.owner.into(),
        region.into(),
        list(key.roles.iter().map(|role| role.name())),
        key.not_before.max(key.bound_time).into(),
        key.not_after.into(),
        name(&key.state),
        key.retires_at.into(),
        ended.map(|ended| ended.at).into(),
        key.revocation.map(|ended| ended.height).into(),
        key.revocation.map_or(Value::Null, |ended| name(&ended.reason)),
        key.revocation.map(|ended| ended.since).into(),
    ]
}

pub(super) fn authority(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let code: Uscc = seen.id().parse().map_err(|_| seen.missing())?;
    let found = AUTHORITIES.read(seen.block.records, &code).ok_or_else(|| seen.missing())?;
    let new = seen.event.kind == "authority_registered";
    batch.version(&schema::AUTHORITIES, seen.at, new, authority_row(&found))
}

pub(super) fn key(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let id: KeyId = seen.id().parse().map_err(|_| seen.missing())?;
    if seen.event.kind == "key_acts_reaffirmed" {
        return certificate::reaffirmed(batch, seen, id);
    }
    put_key(batch, seen, seen.at, id, seen.event.kind == "key_bound")?;
    // What took its place is new with the same event, and named by a flag alone.
    let heir = seen.event.flags.iter().find_map(|flag| flag.strip_prefix("to_"));
    match heir.and_then(|heir| heir.parse().ok()) {
        Some(heir) if seen.event.kind == "key_rotated" => {
            let beside = seen.at.beside();
            put_key(batch, seen, beside, heir, true)
        }
        _ => Ok(()),
    }
}

fn put_key(
    batch: &mut Batch<'_>,
    seen: &Seen<'_>,
    at: Position,
    id: KeyId,
    new: bool,
) -> Result<(), AuditError> {
    let found = KEYS.read(seen.block.records, &id).ok_or_else(|| seen.missing())?;
    debug_assert!(!new || found.state != KeyState::Retiring);
    let region = certificate::region_of(seen.block, &found.owner);
    batch.version(&schema::KEYS, at, new, key_row(&found, region))
}

pub(super) fn ballot(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let found = BALLOTS.read(seen.block.records, &seen.id16()?).ok_or_else(|| seen.missing())?;
    let row = ballot_row(&found);
    batch.version(&schema::BALLOTS, seen.at, seen.event.kind == "proposed", row)
}

fn ballot_row(ballot: &Ballot) -> Vec<Value> {
    let voted = |approve: bool| {
        let votes = ballot.votes.iter().filter(|vote| vote.approve == approve);
        list(votes.map(|vote| vote.region.0))
    };
    vec![
        ballot.id.into(),
        ballot.action.name().into(),
        ballot.proposer.into(),
        ballot.electors.len().into(),
        ballot.needed.into(),
        voted(true),
        voted(false),
        name(&ballot.state),
        ballot.closes_at.into(),
        hash(Domain::Digest, &[&ballot.action.to_bytes()]).into(),
    ]
}

pub(super) fn read_log(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let Some(Act::PutReadLogRoot(PutReadLogRoot { day, auditor, count, root })) = &seen.act else {
        return Err(seen.missing());
    };
    let late = seen.event.flags.iter().any(|flag| flag == "late");
    batch.put(
        &schema::READ_LOGS,
        vec![
            seen.at.0.into(),
            seen.event.region.into(),
            (*day).into(),
            (*auditor).into(),
            (*count).into(),
            (*root).into(),
            late.into(),
        ],
    );
    Ok(())
}
