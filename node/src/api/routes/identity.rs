//! Members, authorities, keys, votes between provinces, validators.

use axum::extract::State;
use hefu_contracts::exec::VALIDATORS;
use hefu_contracts::identity::{
    AUTHORITIES, Authority, BALLOTS, Ballot, BallotState, KEYS, KEYS_BY_OWNER, KeyRecord, MEMBERS,
    Member,
};
use hefu_primitives::{Height, Id16, KeyId, Region, Uscc, Validator};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::node::is_online;
use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, List, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;

fn member_entry(snapshot: &Snapshot<'_>, found: &Found<Member>) -> Result<Entry, Problem> {
    let validators = snapshot.service.tip().validators;
    let member = &found.value;
    let validator = validators.by_key(member.validator_key.id()).is_some();
    let online = is_online(snapshot, member);
    Entry::new(found, [("online", json!(online)), ("validator", json!(validator))])
}

/// The provinces.
#[utoipa::path(get, path = "/api/v1/members", tag = "identity", operation_id = "list_members",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn members(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("members", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, MEMBERS.range(&()), |row| {
            let found = snapshot.decode(&MEMBERS, row);
            found.map(|found| member_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A province.
#[utoipa::path(get, path = "/api/v1/members/{region}", tag = "identity",
    operation_id = "get_member", params(("region" = u32, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn member(
    State(api): State<Api>,
    Id(region): Id<Region>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        member_entry(snapshot, &snapshot.get(&MEMBERS, &region, "member")?)
    })
    .await
}

/// A list of authorities.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuthorityList {
    /// Only those of this member.
    #[param(value_type = Option<u32>)]
    region: Option<Region>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// The authorities.
#[utoipa::path(get, path = "/api/v1/authorities", tag = "identity",
    operation_id = "list_authorities", params(AuthorityList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn authorities(
    State(api): State<Api>,
    Params(list): Params<AuthorityList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let region = list.region;
    let filter = region.map(|region| region.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("authorities", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, AUTHORITIES.range(&()), |row| {
            let found = snapshot.decode(&AUTHORITIES, row);
            let wanted = |found: &Found<Authority>| region.is_none_or(|r| found.value.member == r);
            found.filter(wanted).map(|found| Entry::new(&found, [])).transpose()
        })
    })
    .await
}

/// An authority.
#[utoipa::path(get, path = "/api/v1/authorities/{uscc}", tag = "identity",
    operation_id = "get_authority", params(("uscc" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn authority(
    State(api): State<Api>,
    Id(code): Id<Uscc>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        Entry::new(&snapshot.get(&AUTHORITIES, &code, "authority")?, [])
    })
    .await
}

fn key_entry(snapshot: &Snapshot<'_>, found: &Found<KeyRecord>) -> Result<Entry, Problem> {
    let key = &found.value;
    let accepted = key.is_accepted_at(snapshot.pin.time);
    Entry::new(found, [("key_id", json!(key.key.id())), ("accepted", json!(accepted))])
}

/// A list of keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeyList {
    /// Only those of this authority.
    #[param(value_type = Option<String>)]
    owner: Option<Uscc>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Keys of authorities.
#[utoipa::path(get, path = "/api/v1/keys", tag = "identity", operation_id = "list_keys",
    params(KeyList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn keys(
    State(api): State<Api>,
    Params(list): Params<KeyList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.owner.map(|owner| owner.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("keys", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| match list.owner {
        None => ask.page(snapshot, KEYS.range(&()), |row| {
            let found = snapshot.decode(&KEYS, row);
            found.map(|found| key_entry(snapshot, &found)).transpose()
        }),
        Some(owner) => ask.page(snapshot, KEYS_BY_OWNER.range(&owner), |row| {
            let Some(id) = row.key.last_chunk().copied().map(KeyId) else { return Ok(None) };
            let found = snapshot.find(&KEYS, &id)?;
            found.map(|found| key_entry(snapshot, &found)).transpose()
        }),
    })
    .await
}

/// A key of an authority.
#[utoipa::path(get, path = "/api/v1/keys/{key_id}", tag = "identity", operation_id = "get_key",
    params(("key_id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn key(
    State(api): State<Api>,
    Id(id): Id<KeyId>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| key_entry(snapshot, &snapshot.get(&KEYS, &id, "key")?))
        .await
}

fn ballot_entry(snapshot: &Snapshot<'_>, found: &Found<Ballot>) -> Result<Entry, Problem> {
    let ballot = &found.value;
    let lapsed = ballot.state == BallotState::Open && ballot.closes_at < snapshot.pin.time;
    Entry::new(found, [("lapsed", json!(lapsed))])
}

/// Votes between provinces.
#[utoipa::path(get, path = "/api/v1/proposals", tag = "identity", operation_id = "list_proposals",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn proposals(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("proposals", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, BALLOTS.range(&()), |row| {
            let found = snapshot.decode(&BALLOTS, row);
            found.map(|found| ballot_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A vote between provinces.
#[utoipa::path(get, path = "/api/v1/proposals/{id}", tag = "identity",
    operation_id = "get_proposal", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn proposal(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        ballot_entry(snapshot, &snapshot.get(&BALLOTS, &id, "proposal")?)
    })
    .await
}

/// Who decides.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValidatorsAnswer {
    /// Those who decide the next height.
    #[schema(value_type = Vec<Object>)]
    validators: Vec<Validator>,
    /// Those who decide every height after that.
    #[schema(value_type = Vec<Object>)]
    next: Vec<Validator>,
    /// Voting power a decision of the next height needs.
    needed: String,
    /// The full key of the record in hexadecimal.
    record_key: String,
}

/// The validators of the next height and of those after it.
#[utoipa::path(get, path = "/api/v1/validators", tag = "identity", operation_id = "get_validators",
    params(At), responses((status = 200, body = Answer<ValidatorsAnswer>)))]
pub(crate) async fn validators(
    State(api): State<Api>,
    Params(at): Params<At>,
) -> Result<Answer<ValidatorsAnswer>, Problem> {
    api.read(at.at_height, |snapshot| {
        let found = snapshot.get(&VALIDATORS, &(), "validators")?;
        let schedule = found.value;
        Ok(ValidatorsAnswer {
            validators: schedule.next.validators().to_vec(),
            needed: schedule.next.quorum().to_string(),
            next: schedule.after.validators().to_vec(),
            record_key: crate::api::answer::hex(&found.key),
        })
    })
    .await
}
