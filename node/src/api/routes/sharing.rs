//! The sharing of data: catalogue, requests, grants, receipts.

use axum::extract::State;
use hefu_contracts::identity::{AUTHORITIES, CALENDARS, MEMBERS};
use hefu_contracts::sharing::{
    CATALOGUE, CATALOGUE_BY_PROVIDER, Catalogue, GRANTS, GRANTS_BY_PROVIDER, Grant,
    RECEIPT_ANSWERS, RECEIPTS, RECEIPTS_BY_GRANT, REQUESTS, REQUESTS_BY_CATALOGUE,
    REQUESTS_BY_CONSUMER, ReceiptRecord, Request, USAGE, request_clocks,
};
use hefu_primitives::{Height, Id16, Uscc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::{Found, Row, Snapshot};
use crate::api::state::Api;

/// Longest resource code looked for.
const MAX_RESOURCE_CODE: usize = 64;

/// The id at the end of a key: of a record, or of an index of records.
fn last_id(row: &Row) -> Option<Id16> {
    row.key.last_chunk().copied().map(Id16)
}

/// A resource code from outside, fit to be a key.
fn resource_code(code: &str) -> Result<String, Problem> {
    if code.len() > MAX_RESOURCE_CODE || code.contains('\0') {
        return Err(Problem::new(ApiCode::BadRequest, "this is no resource code"));
    }
    Ok(code.to_owned())
}

/// A list of catalogue entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatalogueList {
    /// Only those of this provider.
    #[param(value_type = Option<String>)]
    provider: Option<Uscc>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Catalogue entries, their current versions.
#[utoipa::path(get, path = "/api/v1/catalogue", tag = "sharing", operation_id = "list_catalogue",
    params(CatalogueList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn catalogue(
    State(api): State<Api>,
    Params(list): Params<CatalogueList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.provider.map(|provider| provider.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("catalogue", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.provider {
            Some(provider) => CATALOGUE_BY_PROVIDER.range(&provider),
            None => CATALOGUE.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let found = catalogue_of(snapshot, row)?;
            found.map(|found| catalogue_row(&found)).transpose()
        })
    })
    .await
}

fn catalogue_row(found: &Found<Catalogue>) -> Result<Entry, Problem> {
    Entry::new(found, [("awaits_consent", json!(found.value.awaits_consent()))])
}

fn catalogue_of(snapshot: &Snapshot<'_>, row: Row) -> Result<Option<Found<Catalogue>>, Problem> {
    if row.key.first() == Some(&CATALOGUE.prefix()) {
        return Ok(snapshot.decode(&CATALOGUE, row));
    }
    // Table, provider, resource code, zero.
    let code = row.key.get(1 + Uscc::LEN..row.key.len().saturating_sub(1)).unwrap_or_default();
    match String::from_utf8(code.to_vec()) {
        Ok(code) => snapshot.find(&CATALOGUE, &code),
        Err(_) => Ok(None),
    }
}

/// A catalogue entry. A `/` in its code is written `%2F`.
#[utoipa::path(get, path = "/api/v1/catalogue/{cat_id}", tag = "sharing",
    operation_id = "get_catalogue_entry", params(("cat_id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn catalogue_entry(
    State(api): State<Api>,
    Id(code): Id<String>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    let code = resource_code(&code)?;
    api.read(at.at_height, move |snapshot| {
        catalogue_row(&snapshot.get(&CATALOGUE, &code, "catalogue entry")?)
    })
    .await
}

fn request_entry(snapshot: &Snapshot<'_>, found: &Found<Request>) -> Result<Entry, Problem> {
    let calendar = |year| CALENDARS.read(snapshot, &year);
    let clocks = request_clocks(&found.value, snapshot.pin.time, calendar);
    Entry::new(found, [("clocks", json!(clocks))])
}

/// A list of requests.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestList {
    /// Only for this catalogue entry.
    cat_id: Option<String>,
    /// Only of this consumer.
    #[param(value_type = Option<String>)]
    consumer: Option<Uscc>,
    /// Only to this provider.
    #[param(value_type = Option<String>)]
    provider: Option<Uscc>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Requests for access.
#[utoipa::path(get, path = "/api/v1/requests", tag = "sharing", operation_id = "list_requests",
    params(RequestList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn requests(
    State(api): State<Api>,
    Params(list): Params<RequestList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let RequestList { cat_id, consumer, provider, limit, cursor, at_height } = list;
    let cat_id = cat_id.as_deref().map(resource_code).transpose()?;
    let filters = [
        cat_id.clone().unwrap_or_default(),
        consumer.map(|code| code.to_string()).unwrap_or_default(),
        provider.map(|code| code.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("requests", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match (&cat_id, consumer) {
            (Some(cat_id), _) => REQUESTS_BY_CATALOGUE.range(cat_id),
            (None, Some(consumer)) => REQUESTS_BY_CONSUMER.range(&consumer),
            (None, None) => REQUESTS.range(&()),
        };
        let wanted = |found: &Found<Request>| {
            consumer.is_none_or(|consumer| found.value.consumer == consumer)
                && provider.is_none_or(|provider| found.value.provider == provider)
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&REQUESTS, &id)?.filter(wanted);
            found.map(|found| request_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A request for access.
#[utoipa::path(get, path = "/api/v1/requests/{id}", tag = "sharing", operation_id = "get_request",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn request(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        request_entry(snapshot, &snapshot.get(&REQUESTS, &id, "request")?)
    })
    .await
}

fn grant_entry(snapshot: &Snapshot<'_>, found: &Found<Grant>) -> Result<Entry, Problem> {
    let grant = &found.value;
    let today = snapshot.pin.day();
    let usage = snapshot.find(&USAGE, &(grant.id, today.number()))?;
    let used = usage.map_or(0, |usage| usage.value.uses);
    let active = is_active(snapshot, &grant.provider)? && is_active(snapshot, &grant.consumer)?;
    let status = grant.status(today, used, active);
    Entry::new(found, [("status", json!(status)), ("used_today", json!(used))])
}

/// Whether the member of an authority may act.
fn is_active(snapshot: &Snapshot<'_>, code: &Uscc) -> Result<bool, Problem> {
    let Some(authority) = snapshot.find(&AUTHORITIES, code)? else { return Ok(false) };
    let member = snapshot.find(&MEMBERS, &authority.value.member)?;
    Ok(member.is_some_and(|member| member.value.acts()))
}

/// A list of grants.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantList {
    /// Only of this provider.
    #[param(value_type = Option<String>)]
    provider: Option<Uscc>,
    /// Only to this consumer.
    #[param(value_type = Option<String>)]
    consumer: Option<Uscc>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Grants.
#[utoipa::path(get, path = "/api/v1/grants", tag = "sharing", operation_id = "list_grants",
    params(GrantList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn grants(
    State(api): State<Api>,
    Params(list): Params<GrantList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let GrantList { provider, consumer, limit, cursor, at_height } = list;
    let text = |code: Option<Uscc>| code.map(|code| code.to_string()).unwrap_or_default();
    let filters = [text(provider), text(consumer)];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("grants", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match provider {
            Some(provider) => GRANTS_BY_PROVIDER.range(&provider),
            None => GRANTS.range(&()),
        };
        let wanted =
            |found: &Found<Grant>| consumer.is_none_or(|consumer| found.value.consumer == consumer);
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&GRANTS, &id)?.filter(wanted);
            found.map(|found| grant_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A grant.
#[utoipa::path(get, path = "/api/v1/grants/{id}", tag = "sharing", operation_id = "get_grant",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn grant(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        grant_entry(snapshot, &snapshot.get(&GRANTS, &id, "grant")?)
    })
    .await
}

fn receipt_entry(snapshot: &Snapshot<'_>, found: &Found<ReceiptRecord>) -> Result<Entry, Problem> {
    let receipt = &found.value;
    let answer = snapshot.find(&RECEIPT_ANSWERS, &receipt.receipt.rcp_id)?;
    let answer = answer.map(|answer| answer.value);
    let state = receipt.state(answer.as_ref());
    Entry::new(found, [("state", json!(state)), ("answer", json!(answer))])
}

/// A list of receipts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReceiptList {
    /// Only under this grant, in the order of use.
    #[param(value_type = Option<String>)]
    grant: Option<Id16>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Receipts of use.
#[utoipa::path(get, path = "/api/v1/receipts", tag = "sharing", operation_id = "list_receipts",
    params(ReceiptList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn receipts(
    State(api): State<Api>,
    Params(list): Params<ReceiptList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.grant.map(|grant| grant.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("receipts", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.grant {
            Some(grant) => RECEIPTS_BY_GRANT.range(&grant),
            None => RECEIPTS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&RECEIPTS, &id)?;
            found.map(|found| receipt_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A receipt of use.
#[utoipa::path(get, path = "/api/v1/receipts/{id}", tag = "sharing", operation_id = "get_receipt",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn receipt(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        receipt_entry(snapshot, &snapshot.get(&RECEIPTS, &id, "receipt")?)
    })
    .await
}
