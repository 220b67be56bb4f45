//! Requests of other provinces to suspend or revoke a certificate, and the registry of seals.

use axum::extract::State;
use hefu_contracts::certificate::{
    REQUESTS_BY_ATTESTATION, REQUESTS_BY_ISSUER, SEALS, STATUS_REQUESTS, Seal, StatusRequest,
};
use hefu_primitives::{Height, Id16, Uscc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::services::last_id;
use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;

fn entry(snapshot: &Snapshot<'_>, found: &Found<StatusRequest>) -> Result<Entry, Problem> {
    let clock = found.value.clock(snapshot, snapshot.pin.time);
    let overdue = clock.late.map(|late| late && found.value.end.is_none());
    Entry::new(found, [("clock", json!(clock)), ("overdue", json!(overdue))])
}

/// A list of requests.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestList {
    /// Only those about this attestation.
    #[param(value_type = Option<String>)]
    attestation: Option<Id16>,
    /// Only those to this issuer, in the order they were recorded.
    #[param(value_type = Option<String>)]
    issuer: Option<Uscc>,
    /// Only those of this authority.
    #[param(value_type = Option<String>)]
    by: Option<Uscc>,
    /// Only those without an answer, or with one.
    open: Option<bool>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Requests for a change of status, with the clock of their answer.
#[utoipa::path(get, path = "/api/v1/status-requests", tag = "certificates",
    operation_id = "list_status_requests", params(RequestList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn requests(
    State(api): State<Api>,
    Params(list): Params<RequestList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let RequestList { attestation, issuer, by, open, limit, cursor, at_height } = list;
    let code = |code: Option<Uscc>| code.map(|code| code.to_string()).unwrap_or_default();
    let filters = [
        attestation.map(|id| id.to_string()).unwrap_or_default(),
        code(issuer),
        code(by),
        open.map(|open| open.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("status-requests", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match (attestation, issuer) {
            (Some(id), _) => REQUESTS_BY_ATTESTATION.range(&id),
            (None, Some(issuer)) => REQUESTS_BY_ISSUER.range(&issuer),
            (None, None) => STATUS_REQUESTS.range(&()),
        };
        let wanted = |found: &Found<StatusRequest>| {
            let request = &found.value;
            issuer.is_none_or(|issuer| request.issuer == issuer)
                && by.is_none_or(|by| request.by == by)
                && open.is_none_or(|open| request.end.is_none() == open)
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&STATUS_REQUESTS, &id)?.filter(wanted);
            found.map(|found| entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A request for a change of status.
#[utoipa::path(get, path = "/api/v1/status-requests/{id}", tag = "certificates",
    operation_id = "get_status_request", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn request(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        entry(snapshot, &snapshot.get(&STATUS_REQUESTS, &id, "status request")?)
    })
    .await
}

/// A list of seals.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SealList {
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

/// Registered seals, with their state at the answer's height.
#[utoipa::path(get, path = "/api/v1/seals", tag = "certificates", operation_id = "list_seals",
    params(SealList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn seals(
    State(api): State<Api>,
    Params(list): Params<SealList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.owner.map(|owner| owner.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("seals", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.owner {
            Some(owner) => SEALS.range(&owner),
            None => SEALS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let found: Option<Found<Seal>> = snapshot.decode(&SEALS, row);
            let show = |found: Found<Seal>| {
                let state = found.value.state_at(snapshot.pin.time, snapshot.pin.height);
                Entry::new(&found, [("state", json!(state))])
            };
            found.map(show).transpose()
        })
    })
    .await
}
