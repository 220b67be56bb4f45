//! Notices, standards, changed regions, checkpoints held outside, audit mandates and their traces.

use axum::extract::State;
use hefu_contracts::Table;
use hefu_contracts::oversight::{
    AuditMandate, CHECKPOINTS, INCIDENTS, MANDATES, MANDATES_BY_AUDITOR, OPENING_REQUESTS,
    OPENING_REQUESTS_BY_MANDATE, READ_LOGS, REGION_TABLE, STANDARDS,
};
use hefu_contracts::state::KeyPart;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Height, Id16, Region, Uscc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::IntoParams;

use super::services::last_id;
use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, List, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;

/// Most requests for openings shown with a mandate.
const MAX_SHOWN: usize = 200;

/// Every record of a table, in the order of its keys.
async fn whole<K, V>(
    api: Api,
    name: &str,
    table: &'static Table<K, V>,
    list: List,
) -> Result<Answer<Page<Entry>>, Problem>
where
    K: KeyPart + ?Sized + 'static,
    V: Canonical + Serialize + Send + 'static,
{
    let ask = Ask::new(name, &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, table.range(&()), |row| {
            let found = snapshot.decode(table, row);
            found.map(|found| Entry::new(&found, [])).transpose()
        })
    })
    .await
}

/// Notices of incidents.
#[utoipa::path(get, path = "/api/v1/notices", tag = "oversight", operation_id = "list_notices",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn notices(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    whole(api, "notices", &INCIDENTS, list).await
}

/// A notice of an incident.
#[utoipa::path(get, path = "/api/v1/notices/{id}", tag = "oversight", operation_id = "get_notice",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn notice(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        Entry::new(&snapshot.get(&INCIDENTS, &id, "notice")?, [])
    })
    .await
}

/// Standards adopted by vote.
#[utoipa::path(get, path = "/api/v1/standards", tag = "oversight", operation_id = "list_standards",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn standards(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    whole(api, "standards", &STANDARDS, list).await
}

/// Region codes changed by vote.
#[utoipa::path(get, path = "/api/v1/regions", tag = "oversight", operation_id = "list_regions",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn regions(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    whole(api, "regions", &REGION_TABLE, list).await
}

/// Checkpoints said to be held outside the ledger, by height.
#[utoipa::path(get, path = "/api/v1/checkpoints", tag = "oversight",
    operation_id = "list_checkpoints", params(List),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn checkpoints(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    whole(api, "checkpoints", &CHECKPOINTS, list).await
}

fn mandate_entry(snapshot: &Snapshot<'_>, found: &Found<AuditMandate>) -> Result<Entry, Problem> {
    let status = found.value.status(snapshot.pin.day());
    Entry::new(found, [("status", json!(status))])
}

/// A list of mandates.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MandateList {
    /// Only those of this auditor.
    #[param(value_type = Option<String>)]
    auditor: Option<Uscc>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Audit mandates.
#[utoipa::path(get, path = "/api/v1/audit/mandates", tag = "oversight",
    operation_id = "list_mandates", params(MandateList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn mandates(
    State(api): State<Api>,
    Params(list): Params<MandateList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.auditor.map(|code| code.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("mandates", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.auditor {
            Some(auditor) => MANDATES_BY_AUDITOR.range(&auditor),
            None => MANDATES.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&MANDATES, &id)?;
            found.map(|found| mandate_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// An audit mandate with the requests for openings made under it, up to 200.
#[utoipa::path(get, path = "/api/v1/audit/mandates/{id}", tag = "oversight",
    operation_id = "get_mandate", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn mandate(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        let mut entry = mandate_entry(snapshot, &snapshot.get(&MANDATES, &id, "mandate")?)?;
        let rows = OPENING_REQUESTS_BY_MANDATE.read_all(snapshot, &id, MAX_SHOWN);
        let ids = rows.iter().filter_map(|(key, ())| key.last_chunk().copied().map(Id16));
        let requests: Vec<_> = ids.filter_map(|id| OPENING_REQUESTS.read(snapshot, &id)).collect();
        entry.derive("opening_requests", json!(requests));
        Ok(entry)
    })
    .await
}

/// A list of read logs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadLogList {
    /// Only those of this province's node.
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

/// Roots of nodes' read logs, by province and day.
#[utoipa::path(get, path = "/api/v1/audit/read-logs", tag = "oversight",
    operation_id = "list_read_logs", params(ReadLogList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn read_logs(
    State(api): State<Api>,
    Params(list): Params<ReadLogList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.region.map(|region| region.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("read-logs", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.region {
            Some(region) => READ_LOGS.range(&region),
            None => READ_LOGS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let found = snapshot.decode(&READ_LOGS, row);
            found.map(|found| Entry::new(&found, [])).transpose()
        })
    })
    .await
}
