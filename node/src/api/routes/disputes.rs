//! Disputes about records.

use axum::extract::State;
use hefu_contracts::dispute::{
    DISPUTES, DISPUTES_BY_PARTY, DISPUTES_BY_SUBJECT, Dispute, DisputeState, clocks, is_fulfilled,
};
use hefu_contracts::identity::CALENDARS;
use hefu_primitives::{Height, Id16, Uscc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::services::last_id;
use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;

/// Longest subject looked for: the name of a kind and 32 hexadecimal digits.
const MAX_SUBJECT: usize = 64;

fn entry(snapshot: &Snapshot<'_>, found: &Found<Dispute>) -> Result<Entry, Problem> {
    let calendar = |year| CALENDARS.read(snapshot, &year);
    let clocks = clocks(&found.value, snapshot.pin.time, calendar);
    let unfulfilled = is_fulfilled(snapshot, &found.value).map(|fulfilled| !fulfilled);
    Entry::new(found, [("clocks", json!(clocks)), ("unfulfilled", json!(unfulfilled))])
}

/// A list of disputes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DisputeList {
    /// Only those about this record, as events name it: `dec:…`, `att:…`, `case:…`.
    subject: Option<String>,
    /// Only those in which this authority is a side.
    #[param(value_type = Option<String>)]
    party: Option<Uscc>,
    /// Only those in this state: `escalated`, …
    #[param(value_type = Option<String>)]
    state: Option<DisputeState>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Disputes with their clocks, and whether what they oblige to is still to be seen.
#[utoipa::path(get, path = "/api/v1/disputes", tag = "disputes", operation_id = "list_disputes",
    params(DisputeList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn disputes(
    State(api): State<Api>,
    Params(list): Params<DisputeList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let DisputeList { subject, party, state, limit, cursor, at_height } = list;
    if subject.as_ref().is_some_and(|s| s.len() > MAX_SUBJECT || s.contains('\0')) {
        return Err(Problem::new(ApiCode::BadRequest, "this is no subject"));
    }
    let filters = [
        subject.clone().unwrap_or_default(),
        party.map(|code| code.to_string()).unwrap_or_default(),
        state.map(|state| format!("{state:?}")).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("disputes", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match (&subject, party) {
            (Some(subject), _) => DISPUTES_BY_SUBJECT.range(subject),
            (None, Some(party)) => DISPUTES_BY_PARTY.range(&party),
            (None, None) => DISPUTES.range(&()),
        };
        let wanted = |found: &Found<Dispute>| {
            let dispute = &found.value;
            party.is_none_or(|code| [dispute.opener, dispute.body.respondent].contains(&code))
                && state.is_none_or(|state| dispute.state == state)
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&DISPUTES, &id)?.filter(wanted);
            found.map(|found| entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A dispute.
#[utoipa::path(get, path = "/api/v1/disputes/{id}", tag = "disputes", operation_id = "get_dispute",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn dispute(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        entry(snapshot, &snapshot.get(&DISPUTES, &id, "dispute")?)
    })
    .await
}
